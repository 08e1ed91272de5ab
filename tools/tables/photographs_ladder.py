"""The first rungs of the ladder on photographs of cats and dogs, below any convolution (chapter 12).

Everything starts from random numbers and learns from the same 2,000 photographs of 64 pixels; rates and epochs were set
beforehand, so nothing is chosen by the test photographs. The convolutional network's rung is that of
``photographs_scratch``; what ImageNet adds is in the table ``photographs``.
Without ``cats_vs_dogs`` in ``COURSE_DATA`` there is nothing to measure. No photograph and no weights go into the table.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from helpers import data, training
from helpers.data.download import data_folder
from helpers.runtime import seed_everything

SEEDS = (0, 1, 2)
SIZE = 64
FACTORS = ("method",)
EPOCHS = {"one neuron": 30, "linear": 10, "mlp": 10}
RATES = {"one neuron": 1e-2, "linear": 1e-4, "mlp": 3e-4}
SETTINGS = {
    "data": "Kaggle, Dogs vs. Cats (2013): 2,000 training and 500 test photographs; none is shipped",
    "size": SIZE,
    "one neuron": "on brightness, contrast, asymmetry and edges, the four numbers of chapter 1, standardised",
    "linear": "12,288 pixels to 2 logits",
    "mlp": "12,288 pixels, 128 hidden units with ReLU",
    "optimizer": "AdamW, weight decay 0.05, one cycle, batches of 32",
    "rates": RATES,
    "epochs": EPOCHS,
}
SAMPLE = {"method": "one neuron"}
MARGIN = 0.02


def cells() -> Iterator[dict]:
    """The rungs, from the lowest."""
    for method in EPOCHS:
        yield {"method": method}


def missing() -> str:
    """Which data this machine lacks, as a sentence; empty if none."""
    try:
        if (data_folder() / "cats_vs_dogs").is_dir():
            return ""
    except FileNotFoundError as error:
        return str(error)
    return "COURSE_DATA has no folder cats_vs_dogs, so there is nothing to measure: put the photographs there"


@lru_cache
def photographs() -> data.Splits:
    """The photographs in 64 pixels."""
    return data.image_folder(data_folder() / "cats_vs_dogs", SIZE, (0, 0.2))


def handmade(images: Tensor) -> Tensor:
    """Chapter 1's four numbers of each uint8 image ``(N, 3, H, W)``, as ``(N, 4)``."""
    x = images.float() / 255
    asymmetry = (x - x.flip(dims=[3])).abs().mean((1, 2, 3))
    edges = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3))
    return torch.stack([x.mean((1, 2, 3)), x.flatten(1).std(1), asymmetry, edges], dim=1)


def network(method: str) -> nn.Module:
    """The network of a rung, with random weights."""
    pixels = 3 * SIZE * SIZE
    if method == "one neuron":
        return nn.Linear(4, 2)  # two logits with a softmax are one neuron with a sigmoid of their difference
    if method == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 2))
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, 2))


def loaders(method: str, seed: int) -> tuple:
    """Training and test batches as the rung sees them: four standardised numbers, or standardised pixels."""
    train, test = photographs().train, photographs().test
    if method == "one neuron":
        known, new = handmade(train.images), handmade(test.images)
        mean, std = known.mean(0), known.std(0)
        generator = torch.Generator().manual_seed(seed)
        pairs = [
            torch.utils.data.TensorDataset((features - mean) / std, targets)
            for features, targets in ((known, train.targets), (new, test.targets))
        ]
        return (
            torch.utils.data.DataLoader(pairs[0], 32, shuffle=True, generator=generator),
            torch.utils.data.DataLoader(pairs[1], 250),
        )
    normalize = data.channel_stats(train.images)
    return (
        data.make_loader(*train, 32, shuffle=True, seed=seed, normalize=normalize),
        data.make_loader(*test, 250, normalize=normalize),
    )


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on the 500 test photographs, one value per seed of weights and order."""
    method = cell["method"]
    found = []
    for seed in seeds:
        loader, test = loaders(method, seed)
        seed_everything(seed)
        model = network(method)
        epochs = max(1, round(EPOCHS[method] * budget))
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATES[method], weight_decay=0.05)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATES[method], total_steps=epochs * len(loader))
        training.fit(
            model, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle, progress=False,
            loss_fn=nn.CrossEntropyLoss(),
        )  # fmt: skip
        found.append(training.evaluate(model, test)["accuracy"])
    return {"test": found}
