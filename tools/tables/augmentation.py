"""What augmentation is worth on 400 drawn cats and dogs, after 30 and after 120 epochs (chapter 10).

Variants are compared on validation pictures; the test pictures are for the final statement.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from helpers import data, models, training
from helpers.data import random_crop, random_flip
from helpers.runtime import seed_everything
from tools.tables.late import LastQuarter

SEEDS = (0, 1, 2, 3, 4)  # of network and order; each has 400 pictures of its own
IMAGES = 400
PEAK = 1e-2  # learning rate at the top of the cycle
FACTORS = ("variant", "epochs")
SETTINGS = {
    "images": IMAGES,
    "batch_size": 64,
    "peak_lr": PEAK,
    "val_images": 1000,
    "test_images": 1000,
}
SAMPLE = {"variant": "none", "epochs": 30}
MARGIN = 0.03


def random_vertical_flip(images: Tensor, generator: torch.Generator, p: float = 0.5) -> Tensor:
    """Turn each image of a batch ``(B, C, H, W)`` upside down with probability ``p``, each on its own."""
    flip = torch.rand(len(images), generator=generator) < p
    return torch.where(flip[:, None, None, None], images.flip(-2), images)


def random_color(images: Tensor, generator: torch.Generator, strength: float = 0.4) -> Tensor:
    """Change light, contrast and each colour of uint8 images ``(B, 3, H, W)``, each image on its own.

    Contrast and the three colours are multiplied by factors from ``1 - strength`` to ``1 + strength``, and up to
    ``strength / 2`` of the full scale is added or subtracted.
    """
    gain, contrast, offset = (
        strength * (2 * torch.rand(len(images), k, 1, 1, generator=generator) - 1) for k in (3, 1, 1)
    )
    x = images / 255
    middle = x.mean((1, 2, 3), keepdim=True)
    x = ((x - middle) * (1 + contrast) + middle) * (1 + gain) + offset / 2
    return (255 * x.clamp(0, 1)).round().to(torch.uint8)


VARIANTS = {
    "none": [],
    "flip": [random_flip],
    "flip + crop": [random_flip, random_crop],
    "flip + crop + colour": [random_flip, random_crop, random_color],
    "flip + crop + twice the colour": [
        random_flip,
        random_crop,
        partial(random_color, strength=0.8),
    ],
    "vertical flip": [random_vertical_flip],
}


def cells():
    """The long budget first; more than 120 epochs were not tried."""
    for epochs in (120, 30):
        for variant in VARIANTS:
            if epochs == 30 or variant not in ("flip", "vertical flip"):
                yield {"variant": variant, "epochs": epochs}


def train(variant: str, epochs: int, seed: int) -> dict[str, float]:
    """Accuracy on training, validation and test pictures after one training, and what its last quarter changed."""
    train = data.drawn_animals(IMAGES, seed=100 + seed)
    parts = {
        "train": train,
        "val": data.drawn_animals(1000, seed=2),
        "test": data.drawn_animals(1000, seed=1),
    }
    stats = data.channel_stats(train.images)
    seed_everything(seed)
    model = models.SmallCNN()
    loader = data.make_loader(
        *train,
        shuffle=True,
        seed=seed,
        augment=VARIANTS[variant] or None,
        normalize=stats,
    )

    last = LastQuarter(epochs, data.make_loader(*parts["val"], normalize=stats))

    def one_cycle(
        optimizer: torch.optim.Optimizer,
    ) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK, total_steps=epochs * len(loader))

    training.fit(
        model,
        loader,
        epochs=epochs,
        lr=PEAK,
        scheduler=one_cycle,
        device="cpu",
        channels_last=True,
        callbacks=[last],
        progress=False,
    )
    found = {
        name: training.evaluate(model, data.make_loader(*images, normalize=stats)) for name, images in parts.items()
    }
    return {name: numbers["accuracy"] for name, numbers in found.items()} | last.changes(found["val"])


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """One value per seed for training, validation and test pictures, and for the last quarter of the epochs."""
    runs = [train(cell["variant"], round(cell["epochs"] * budget), seed) for seed in seeds]
    return {name: [run[name] for run in runs] for name in runs[0]}
