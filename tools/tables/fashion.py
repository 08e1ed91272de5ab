"""Small networks on Fashion-MNIST, each tuned and trained until twice the epochs gain nothing (chapters 7 and 9).

Rate and epochs of each network are chosen on validation images with a seed that is not reported; with 50,000 training
images each keeps the rate that it got with 6,000. Then five seeds are trained, and tested once.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import nn

from helpers import data, models, training
from helpers.data.download import data_folder
from helpers.runtime import seed_everything
from tools.tables.late import GAIN, LastQuarter, settle

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
RATES = {"softmax regression": (3e-3, 1e-2, 3e-2), "MLP 128-64": (1e-3, 3e-3, 1e-2), "CNN": (2e-3, 5e-3, 1.5e-2)}
START = {6000: 12, 50_000: 10}  # epochs to begin with
FACTORS = ("model", "train")
SETTINGS = {
    "data": "Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 5,000 validation and 10,000 test images",
    "optimizer": "Adam, one cycle up to the rate",
    "batch_size": 64,
    "rates": {name: list(rates) for name, rates in RATES.items()},
    "tuning": f"seed {TUNING_SEED}, 6,000 images, validation",
    "flat": f"twice the epochs gain less than {GAIN:.1%} on validation",
}
SAMPLE = {"model": "softmax regression", "train": 6000}
MARGIN = 0.015


def cells():
    """All three networks with few images, the two dense ones with all."""
    for name in RATES:
        yield {"model": name, "train": 6000}
    for name in ("softmax regression", "MLP 128-64"):
        yield {"model": name, "train": 50_000}


def missing() -> str:
    """Which data this machine lacks, as a sentence; empty if none."""
    try:
        if (data_folder() / "FashionMNIST" / "raw").is_dir():
            return ""
    except FileNotFoundError as error:
        return str(error)
    return "COURSE_DATA has no folder FashionMNIST/raw, so there is nothing to measure: put the four files there"


@lru_cache
def clothes() -> data.Splits:
    """Fashion-MNIST itself, never the digits in its place."""
    return data.fashion_mnist(fallback=False)


def build(name: str) -> nn.Module:
    """A fresh network for images of 28 by 28 pixels."""
    if name == "CNN":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
        )  # fmt: skip
    return models.MLP([784, 10] if name == "softmax regression" else [784, 128, 64, 10])


def trained(name: str, train: int, seed: int, rate: float, epochs: int) -> tuple[nn.Module, dict, dict]:
    """A network after one cycle, its accuracy and loss on validation images, and what the last quarter changed."""
    seed_everything(seed)
    model = build(name)
    loader = data.make_loader(*clothes().train.take(slice(0, train)), batch_size=64, shuffle=True, seed=seed)
    val_loader = data.make_loader(*clothes().val, batch_size=500)
    last = LastQuarter(epochs, val_loader)

    def one_cycle(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=epochs * len(loader))

    training.fit(
        model, loader, epochs=epochs, lr=rate, scheduler=one_cycle, device="cpu", callbacks=[last], progress=False,
        channels_last=name == "CNN",
    )  # fmt: skip
    val = training.evaluate(model, val_loader)
    return model, val, last.changes(val)


@lru_cache
def chosen(name: str, train: int) -> tuple[float, int, bool]:
    """Rate, epochs, and whether twice as many gained nothing."""
    rates = RATES[name] if train == 6000 else (chosen(name, 6000)[0],)
    return settle(
        lambda rate, epochs: trained(name, train, TUNING_SEED, rate, epochs)[1]["accuracy"], rates, START[train]
    )


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on training, validation and test images, one value per seed."""
    name, train = cell["model"], cell["train"]
    rate, epochs, flat = chosen(name, train)
    epochs = round(epochs * budget)
    found: dict[str, list[float]] = {key: [] for key in ("train_accuracy", "val", "test", "late_gain", "late_loss")}
    for seed in seeds:
        model, val, late = trained(name, train, seed, rate, epochs)
        known, new = (
            training.evaluate(model, data.make_loader(*part, batch_size=500))["accuracy"]
            for part in (clothes().train.take(slice(0, train)), clothes().test)
        )
        numbers = {"train_accuracy": known, "val": val["accuracy"], "test": new} | late
        for key, value in numbers.items():
            found[key].append(value)
    parameters = models.count_parameters(build(name))
    return {"parameters": parameters, "rate": rate, "epochs": epochs, "flat": flat} | found
