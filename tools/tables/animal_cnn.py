"""Small networks on drawn cats and dogs: after eight epochs, and when more epochs gain nothing (chapter 9).

Rate and epochs of each network are chosen on validation pictures with a seed that is not reported; "8 epochs" is the
convolutional network with the rate of the chapter's own run. The networks are compared on validation pictures; the
test pictures are for the final statement.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import nn

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables.late import GAIN, LastQuarter, settle

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
RATES = {"linear": (1e-4, 3e-4, 1e-3), "MLP": (3e-4, 1e-3, 3e-3), "CNN": (3e-3, 1e-2, 3e-2)}
START, SHORT, SHORT_RATE = 8, 8, 1e-2
FACTORS = ("model", "length")
SETTINGS = {
    "data": "drawn animals: 2,000 training (seed 0), 1,000 validation (seed 2), 1,000 test (seed 1); half mirrored",
    "optimizer": "Adam, one cycle up to the rate",
    "batch_size": 64,
    "rates": {name: list(rates) for name, rates in RATES.items()},
    "tuning": f"seed {TUNING_SEED}, validation",
    "flat": f"twice the epochs gain less than {GAIN:.1%} on validation",
}
SAMPLE = {"model": "CNN", "length": "8 epochs"}
MARGIN = 0.03


def cells():
    """Three networks until flat; the convolutional one also after eight epochs."""
    yield {"model": "CNN", "length": "until flat"}
    yield {"model": "CNN", "length": "8 epochs"}
    yield {"model": "linear", "length": "until flat"}
    yield {"model": "MLP", "length": "until flat"}


@lru_cache
def parts() -> dict[str, data.Images]:
    """Training, validation and test pictures."""
    return {
        "train": data.drawn_animals(2000, seed=0),
        "val": data.drawn_animals(1000, seed=2),
        "test": data.drawn_animals(1000, seed=1),
    }


def build(name: str) -> nn.Module:
    """A fresh network: ``"linear"``, ``"MLP"`` or ``"CNN"``."""
    layers = {"linear": [3072, 2], "MLP": [3072, 128, 2]}
    return models.MLP(layers[name]) if name in layers else models.SmallCNN()


def trained(name: str, seed: int, rate: float, epochs: int) -> dict[str, float]:
    """Accuracy on training, validation and test pictures after one cycle, and what the last quarter changed."""
    stats = data.channel_stats(parts()["train"].images)
    loaders = {key: data.make_loader(*part, batch_size=250, normalize=stats) for key, part in parts().items()}
    seed_everything(seed)
    model = build(name)
    loader = data.make_loader(*parts()["train"], shuffle=True, seed=seed, normalize=stats, augment=data.random_flip)
    last = LastQuarter(epochs, loaders["val"])

    def one_cycle(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=epochs * len(loader))

    training.fit(
        model, loader, epochs=epochs, lr=rate, scheduler=one_cycle, device="cpu", callbacks=[last], progress=False,
        channels_last=name == "CNN",
    )  # fmt: skip
    found = {key: training.evaluate(model, part) for key, part in loaders.items()}
    return {key: numbers["accuracy"] for key, numbers in found.items()} | last.changes(found["val"])


@lru_cache
def chosen(name: str) -> tuple[float, int, bool]:
    """Rate, epochs, and whether twice as many gained nothing."""
    return settle(lambda rate, epochs: trained(name, TUNING_SEED, rate, epochs)["val"], RATES[name], START)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """One value per seed for each part, and for the last quarter."""
    rate, epochs, flat = SHORT_RATE, SHORT, False
    if cell["length"] == "until flat":
        rate, epochs, flat = chosen(cell["model"])
    epochs = round(epochs * budget)
    runs = [trained(cell["model"], seed, rate, epochs) for seed in seeds]
    return {"rate": rate, "epochs": epochs, "flat": flat} | {key: [run[key] for run in runs] for key in runs[0]}
