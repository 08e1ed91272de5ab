"""Which deep stacks learn the digits: initialisation x activation x normalisation x skip, 5 to 40 layers (chapter 11).

Every hidden layer has 64 units. The learning rate of each cell is the best of three on a seed that is not reported,
judged on validation; then five seeds are trained until the validation curve is flat, and tested once.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import torch
from torch import nn

from helpers import data
from tools.tables.stack import Stack, accuracy, members, train

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED = 100
RATES = (3e-4, 1e-3, 3e-3)
EPOCHS, PATIENCE, UNLEARNED = 80, 16, 60
DEPTHS, NORMS = (5, 10, 20, 40), ("none", "batch")
FACTORS = ("depth", "activation", "init", "norm", "skip")
SETTINGS = {
    "data": "digits: 1,077 training, 360 validation, 360 test",
    "width": 64,
    "optimizer": "Adam",
    "rates": list(RATES),
    "tuning": f"seed {TUNING_SEED}, half the epochs",
    "batch_size": 64,
    "epochs": EPOCHS,
    "flat": f"best mean validation accuracy of {PATIENCE} epochs at most 0.5 points above the best before them, "
    f"and {UNLEARNED} epochs at least while the training accuracy is below 98 %",
}
SAMPLE = {"depth": 20, "activation": "relu", "init": "default", "norm": "none", "skip": True}
MARGIN = 0.04


def scaled_relu(layers: list[nn.Linear]) -> None:
    """He's weights for the hidden layers: standard deviation sqrt(2 / n), biases zero."""
    for layer in layers[:-1]:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)


def scaled_sigmoid(layers: list[nn.Linear]) -> None:
    """Weights that undo the sigmoid's slope of 1/4, and biases that centre its outputs (around 1/2) on zero."""
    for i, layer in enumerate(layers[:-1]):
        nn.init.normal_(layer.weight, std=4 / math.sqrt(layer.in_features))
        if i == 0:
            nn.init.zeros_(layer.bias)
        else:
            layer.bias.copy_(-layer.weight.sum(1) / 2)


ACTIVATIONS = {"relu": (torch.relu, scaled_relu), "sigmoid": (torch.sigmoid, scaled_sigmoid)}


def cells():
    """All combinations; the deepest last, since they take longest."""
    for depth, activation, norm in product(DEPTHS, ACTIVATIONS, NORMS):
        for skip, init in product((False, True), ("default", "scaled")):
            yield {"depth": depth, "activation": activation, "init": init, "norm": norm, "skip": skip}


@lru_cache
def parts(count: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The digits for so many members."""
    digits = data.digits()
    return {
        name: (members(part.images, count), part.targets.expand(count, -1))
        for name, part in {"train": digits.train, "val": digits.val, "test": digits.test}.items()
    }


def fit(cell: dict, seeds: Sequence[int], lr: float, budget: float) -> tuple[Stack, dict]:
    """One stack trained until flat."""
    activation, scaled = ACTIVATIONS[cell["activation"]]
    initialise = scaled if cell["init"] == "scaled" else None
    sizes = [64] * cell["depth"] + [10]
    stack = Stack(seeds, sizes, activation, cell["norm"], cell["skip"], initialise=initialise)
    digits = parts(len(seeds))
    run = train(
        stack, digits["train"], digits["val"], seeds,
        epochs=round(EPOCHS * budget), patience=round(PATIENCE * budget),
        unlearned=round(UNLEARNED * budget), lr=lr,
    )  # fmt: skip
    return stack, run


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """One cell: its rate, the accuracies of every seed, and how long it took to become flat."""
    tried = {lr: fit(cell, [TUNING_SEED], lr, budget / 2)[1]["val"][0] for lr in RATES}
    lr = max(tried, key=tried.get)
    stack, run = fit(cell, seeds, lr, budget)
    test = accuracy(stack, *parts(len(seeds))["test"]).tolist()
    return {
        "lr": lr,
        "epochs": run["epochs"],
        "flat": run["flat"],
        "train": run["train"],
        "val": run["val"],
        "test": test,
    }
