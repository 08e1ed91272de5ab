"""Eight hidden layers on the digits: is it the sigmoid's bend that stops learning, or the scale of its weights? (ch. 4)

Same steps for all (20 epochs, about 350) and until flat. ``moved`` is the length of the change of the first layer's
weights over their length at the start.
"""

from collections.abc import Sequence

import torch

from tools.tables.depth_factorial import ACTIVATIONS, TUNING_SEED, parts
from tools.tables.stack import Stack, accuracy, train

SEEDS = (0, 1, 2, 3, 4)
SHORT, EPOCHS, PATIENCE, UNLEARNED = 20, 120, 20, 120
FACTORS = ("activation", "init", "optimizer")
SETTINGS = {
    "hidden_layers": 8,
    "width": 64,
    "batch_size": 64,
    "short": SHORT,
    "epochs": EPOCHS,
    "tuning": "Adam 3e-3 as in the chapter; SGD 0.01, 0.03 or 0.1; "
    f"seed {TUNING_SEED}, a third of the epochs, validation",
}
SAMPLE = {"activation": "sigmoid", "init": "scaled", "optimizer": "Adam"}
MARGIN = 0.03
OPTIMIZERS = {
    "Adam": ((3e-3,), lambda p, lr: torch.optim.Adam(p, lr=lr, fused=True)),
    "SGD, momentum 0.9": ((0.01, 0.03, 0.1), lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
}


def cells():
    """Two activations, two scales of the weights, two optimizers."""
    for optimizer in OPTIMIZERS:
        for activation in ("sigmoid", "relu"):
            for init in ("default", "scaled"):
                yield {"activation": activation, "init": init, "optimizer": optimizer}


def stacked(cell: dict, seeds: Sequence[int], lr: float) -> tuple[Stack, torch.optim.Optimizer]:
    """The networks of a cell and their optimizer."""
    activation, scaled = ACTIVATIONS[cell["activation"]]
    stack = Stack(seeds, [64] * 9 + [10], activation, initialise=scaled if cell["init"] == "scaled" else None)
    return stack, OPTIMIZERS[cell["optimizer"]][1](stack.parameters(), lr)


def best_rate(cell: dict, budget: float) -> float:
    """The best rate on validation, with a third of the epochs and the tuning seed."""
    digits, tried, rates = parts(1), {}, OPTIMIZERS[cell["optimizer"]][0]
    if len(rates) == 1:
        return rates[0]
    for lr in rates:
        stack, optimizer = stacked(cell, [TUNING_SEED], lr)
        run = train(
            stack, digits["train"], digits["val"], [TUNING_SEED], epochs=round(EPOCHS * budget / 3),
            patience=round(PATIENCE * budget), unlearned=round(UNLEARNED * budget), optimizer=optimizer,
        )  # fmt: skip
        tried[lr] = run["val"][0]
    return max(tried, key=tried.get)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracies after the short and the long budget, and how far the first layer moved in the short one."""
    lr = best_rate(cell, budget)
    stack, optimizer = stacked(cell, seeds, lr)
    digits = parts(len(seeds))
    start = stack.weights[0].detach().clone()
    short = train(stack, digits["train"], digits["val"], seeds, epochs=SHORT, patience=SHORT, optimizer=optimizer)
    moved = (stack.weights[0].detach() - start).flatten(1).norm(dim=1) / start.flatten(1).norm(dim=1)
    end = train(
        stack, digits["train"], digits["val"], [1000 + seed for seed in seeds], epochs=round(EPOCHS * budget),
        patience=round(PATIENCE * budget), unlearned=round(UNLEARNED * budget), optimizer=optimizer,
    )  # fmt: skip
    return {
        "lr": lr,
        "moved": moved.tolist(),
        "short_val": short["val"],
        "epochs": SHORT + end["epochs"],
        "flat": end["flat"],
        "train": end["train"],
        "val": end["val"],
        "test": accuracy(stack, *digits["test"]).tolist(),
    }
