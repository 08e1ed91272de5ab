"""Perceptron and logistic regression on two clouds that overlap: what calms a line? (chapter 1)

Each seed is an order of the 200 points, kept over 15 epochs. ``low`` and ``high`` are the extremes of the accuracy on
1,000 new points over the epochs.
"""

from collections.abc import Sequence

import torch

SEEDS = tuple(range(10))
EPOCHS = 15
FACTORS = ("unit", "rate", "averaged")
SETTINGS = {"points": 200, "new_points": 1000, "epochs": EPOCHS}
SAMPLE = {"unit": "sigmoid", "rate": 1.0, "averaged": False}
MARGIN = 0.02


def cells():
    """The perceptron, whose rate does not matter, and logistic regression with three rates; each averaged or not."""
    for averaged in (False, True):
        for unit, rate in (("step", 1.0), ("sigmoid", 0.01), ("sigmoid", 1.0), ("sigmoid", 10.0)):
            yield {"unit": unit, "rate": rate, "averaged": averaged}


def clouds(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """``n`` points ``(n, 2)`` of two overlapping classes, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    return torch.randn(n, 2, generator=generator) + 0.9 * (2 * y[:, None] - 1), y.float()


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """All orders side by side: one weight vector per seed."""
    (rows, targets), (new, truth) = clouds(200, 0), clouds(1000, 1)
    orders = torch.stack([torch.randperm(200, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
    w, total, steps = torch.zeros(len(seeds), 3), torch.zeros(len(seeds), 3), 0
    rows = torch.cat([rows, torch.ones(200, 1)], dim=1)
    new = torch.cat([new, torch.ones(1000, 1)], dim=1)
    found = []
    for _ in range(round(EPOCHS * budget)):
        for index in orders.T:
            x, target = rows[index], targets[index]
            z = (w * x).sum(1)
            output = (z > 0).float() if cell["unit"] == "step" else torch.sigmoid(z)
            w = w + cell["rate"] * (target - output)[:, None] * x
            total, steps = total + w, steps + 1
        line = total / steps if cell["averaged"] else w
        found.append(((new @ line.T > 0).float() == truth[:, None]).float().mean(0))
    found = torch.stack(found)
    return {"low": found.min(0).values.tolist(), "high": found.max(0).values.tolist(), "last": found[-1].tolist()}
