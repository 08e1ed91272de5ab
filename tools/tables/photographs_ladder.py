"""The first rungs of the ladder on photographs of cats and dogs, below any convolution (chapter 12).

Everything starts from random numbers and learns from the same 2,000 photographs of 64 pixels. Rate and epochs of each
rung are chosen on 400 of them, after training on the other 1,600 with a seed that is not reported; then it trains on
all and meets the test photographs once. The convolutional network's rung is that of
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
from tools.tables.late import GAIN, settle

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
SIZE = 64
FACTORS = ("method",)
START = {"one neuron": 15, "linear": 5, "mlp": 5}  # epochs to begin with
RATES = {"one neuron": (3e-3, 1e-2, 3e-2), "linear": (3e-5, 1e-4, 3e-4), "mlp": (1e-4, 3e-4, 1e-3)}
SETTINGS = {
    "data": "Kaggle, Dogs vs. Cats (2013): 2,000 training and 500 test photographs; none is shipped",
    "size": SIZE,
    "one neuron": "on brightness, contrast, asymmetry and edges, the four numbers of chapter 1, standardised",
    "linear": "12,288 pixels to 2 logits",
    "mlp": "12,288 pixels, 128 hidden units with ReLU",
    "optimizer": "AdamW, weight decay 0.05, one cycle, batches of 32",
    "rates": {name: list(rates) for name, rates in RATES.items()},
    "tuning": f"seed {TUNING_SEED}, 1,600 photographs, judged on the other 400",
    "flat": f"twice the epochs gain less than {GAIN:.1%} on these 400",
}
SAMPLE = {"method": "one neuron"}
MARGIN = 0.02


def cells() -> Iterator[dict]:
    """The rungs, from the lowest."""
    for method in RATES:
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


def loaders(method: str, seed: int, known: data.Images, new: data.Images) -> tuple:
    """Batches of two sets as the rung sees them: four numbers or pixels, standardised by the first set."""
    if method != "one neuron":
        normalize = data.channel_stats(known.images)
        return (
            data.make_loader(*known, 32, shuffle=True, seed=seed, normalize=normalize),
            data.make_loader(*new, 250, normalize=normalize),
        )
    pair = [handmade(part.images) for part in (known, new)]
    mean, std = pair[0].mean(0), pair[0].std(0)
    first, second = ((features - mean) / std for features in pair)
    return (
        data.make_loader(first, known.targets, 32, shuffle=True, seed=seed),
        data.make_loader(second, new.targets, 250),
    )


def trained(method: str, seed: int, rate: float, epochs: int, known: data.Images, new: data.Images) -> float:
    """Accuracy on ``new`` of a rung that learned from ``known``."""
    loader, new_loader = loaders(method, seed, known, new)
    seed_everything(seed)
    model = network(method)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.05)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * len(loader))
    training.fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle, device="cpu", progress=False)
    return training.evaluate(model, new_loader)["accuracy"]


@lru_cache
def chosen(method: str) -> tuple[float, int, bool]:
    """Rate, epochs, and whether twice as many gained nothing, on photographs kept back from the training ones."""
    train = photographs().train
    rows, back = data.split_indices(train.targets, [len(train) - 400, 400], TUNING_SEED)
    known, kept = train.take(rows), train.take(back)
    return settle(
        lambda rate, epochs: trained(method, TUNING_SEED, rate, epochs, known, kept), RATES[method], START[method]
    )


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on the 500 test photographs, one value per seed of weights and order."""
    method = cell["method"]
    rate, epochs, flat = chosen(method)
    epochs = round(epochs * budget)
    test = [trained(method, seed, rate, epochs, photographs().train, photographs().test) for seed in seeds]
    return {"rate": rate, "epochs": epochs, "flat": flat, "test": test}
