"""What augmentation is worth on 400 drawn cats and dogs: six variants, three seeds (chapter 10, X10.6).

Run ``python -m tools.tables.augmentation``; it takes about five minutes.
"""

from functools import partial

import torch
from torch import Tensor

from helpers import data, models, training
from helpers.data import random_crop, random_flip
from helpers.runtime import seed_everything
from tools.tables import save_table

IMAGES, EPOCHS, SEEDS = 400, 30, 3
PEAK = 1e-2  # learning rate at the top of the cycle


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
    "flip + crop + twice the colour": [random_flip, random_crop, partial(random_color, strength=0.8)],
    "vertical flip": [random_vertical_flip],
}


def measure(variant: str, seed: int) -> dict:
    """Accuracy on the training images (unchanged) and on 1,000 others after training with one variant."""
    train, test = data.drawn_animals(IMAGES, seed=100 + seed), data.drawn_animals(1000, seed=1)
    stats = data.channel_stats(train.images)
    seed_everything(seed)
    model = models.SmallCNN()
    loader = data.make_loader(*train, shuffle=True, seed=seed, augment=VARIANTS[variant] or None, normalize=stats)

    def one_cycle(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK, total_steps=EPOCHS * len(loader))

    training.fit(model, loader, epochs=EPOCHS, lr=PEAK, scheduler=one_cycle, device="cpu", progress=False)
    accuracies = {
        f"{part}_accuracy": training.evaluate(model, data.make_loader(*images, normalize=stats))["accuracy"]
        for part, images in (("train", train), ("test", test))
    }
    return {"variant": variant, "seed": seed} | {name: round(value, 4) for name, value in accuracies.items()}


def main() -> None:
    """Measure everything and write the table."""
    rows = [measure(variant, seed) for variant in VARIANTS for seed in range(SEEDS)]
    settings = {"images": IMAGES, "epochs": EPOCHS, "batch_size": 64, "peak_lr": PEAK, "test_images": 1000}
    save_table("augmentation", {"settings": settings, "rows": rows})


if __name__ == "__main__":
    main()
