"""Accuracy against width: after 100 epochs, and when every network has learned its training labels (chapter 8).

300 digits, 60 of them with a wrong label, two hidden layers. The second budget ends when all seeds have 99 % of the
*training* labels right, wrong ones included, or after ``EPOCHS`` epochs: the narrowest networks never get there.
"""

from collections.abc import Sequence

import torch

from tools.tables.regularisers import parts
from tools.tables.stack import Stack, accuracy, train

SEEDS = (0, 1, 2, 3, 4)
SHORT, EPOCHS = 100, 1200
WIDTHS = (16, 64, 256, 32, 1024, 8)
FACTORS = ("width",)
SETTINGS = {
    "images": 300,
    "wrong_labels": 60,
    "optimizer": "Adam, 1e-3",
    "batch_size": 32,
    "short": SHORT,
    "end": f"99 % training accuracy with every seed, or {EPOCHS} epochs",
}
SAMPLE = {"width": 64}
MARGIN = 0.05


def cells():
    """One row per width."""
    for width in WIDTHS:
        yield {"width": width}


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Training, validation and test accuracy at the short budget and at the end."""
    digits = parts(seeds, 60)
    width = cell["width"]
    stack = Stack(seeds, [64, width, width, 10])
    optimizer = torch.optim.Adam(stack.parameters(), lr=1e-3, fused=True)

    def go(epochs: int, until: float | None, order: Sequence[int]) -> dict:
        return train(
            stack, digits["train"], digits["val"], order,
            epochs=epochs, patience=epochs, batch_size=32, until=until, optimizer=optimizer,
        )  # fmt: skip

    short = go(SHORT, None, seeds)
    end, epochs = short, SHORT
    if min(short["train"]) < 0.99:
        end = go(round(EPOCHS * budget) - SHORT, 0.99, [1000 + seed for seed in seeds])
        epochs += end["epochs"]
    return {
        "epochs": epochs,
        "learned": min(end["train"]) >= 0.99,
        "short_train": short["train"],
        "short_val": short["val"],
        "train": end["train"],
        "val": end["val"],
        "test": accuracy(stack, *digits["test"]).tolist(),
    }
