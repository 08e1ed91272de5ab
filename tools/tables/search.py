"""Random against grid search and successive halving at equal cost, on a small network for the digits (chapter 6 or 8).

Two knobs on logarithmic scales: the learning rate, which matters much, and the width of the hidden layer's starting
weights, which matters little. Cost is counted in epochs; the best configuration is chosen on validation. Each seed is
one search.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from helpers import data
from tools.tables.stack import Stack, accuracy, members

SEEDS = tuple(range(10))
TRIES, EPOCHS = 9, 16  # 144 epochs of training per search
FACTORS = ("search",)
SETTINGS = {
    "knobs": {"lr": [1e-3, 10.0], "scale of the first weights": [0.1, 2.0]},
    "model": "64-64-10, SGD with momentum 0.9",
    "epochs_per_search": TRIES * EPOCHS,
}
SAMPLE = {"search": "random"}
MARGIN = 0.05
LOW, HIGH = torch.tensor([-3.0, -1.0]), torch.tensor([1.0, 0.3])  # powers of ten


def cells():
    """Three ways to spend the same number of epochs."""
    for search in ("grid", "random", "successive halving"):
        yield {"search": search}


class Field:
    """Configurations trained side by side: ``knobs`` are powers of ten ``(n, 2)``."""

    def __init__(self, knobs: torch.Tensor, seed: int):
        self.knobs, scales = knobs, iter(10 ** knobs[:, 1])

        def scale(layers: list[nn.Linear]) -> None:
            layers[0].weight *= next(scales)

        self.stack = Stack([seed] * len(knobs), [64, 64, 10], initialise=scale)
        self.velocity = [torch.zeros_like(p) for p in self.stack.parameters()]
        self.generator = torch.Generator().manual_seed(seed)
        digits = data.digits()
        self.train, self.val, self.test = digits.train, digits.val, digits.test

    def run(self, epochs: int) -> None:
        """Train every configuration for some epochs, each with its own rate."""
        rate = (10 ** self.knobs[:, 0])[:, None, None]
        images, n = members(self.train.images, 1)[0], len(self.knobs)
        for _ in range(epochs):
            self.stack.train()
            for index in torch.randperm(len(images), generator=self.generator).split(64):
                logits = self.stack(images[index].expand(n, -1, -1))
                wanted = self.train.targets[index].expand(n, -1)
                loss = F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="sum") / len(index)
                grads = torch.autograd.grad(loss, list(self.stack.parameters()))
                with torch.no_grad():
                    for p, v, g in zip(self.stack.parameters(), self.velocity, grads, strict=True):
                        v.mul_(0.9).add_(g)
                        p.sub_(rate * v)

    def accuracy(self, part: data.Images) -> torch.Tensor:
        """Of every configuration; a network of NaN is right by chance only."""
        n = len(self.knobs)
        return accuracy(self.stack, members(part.images, n), part.targets.expand(n, -1))

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with these configurations only."""
        self.knobs = self.knobs[rows]
        for parameter in self.stack.parameters():
            parameter.data = parameter.data[rows]
        self.velocity = [v[rows] for v in self.velocity]


def search(kind: str, seed: int, budget: float) -> tuple[float, float]:
    """Validation and test accuracy of the configuration that one search chose, with the same epochs for each kind."""
    generator = torch.Generator().manual_seed(seed)
    epochs = round(EPOCHS * budget)
    if kind == "grid":  # three by three, shifted as a whole: nobody knows where the best place is
        side = torch.stack(torch.meshgrid(torch.arange(3.0), torch.arange(3.0), indexing="ij"), -1).reshape(9, 2)
        unit = (side + torch.rand(2, generator=generator)) / 3
    else:
        unit = torch.rand(27 if kind == "successive halving" else TRIES, 2, generator=generator)
    field = Field(LOW + (HIGH - LOW) * unit, seed)
    if kind == "successive halving":  # 27 for 1/9 of the epochs each, 9 for 1/3 more, 3 for 1, 1 for the rest
        first = max(1, round(epochs / 9))
        field.run(first)
        field.keep(field.accuracy(field.val).topk(9).indices)
        field.run(round(epochs / 3))
        field.keep(field.accuracy(field.val).topk(3).indices)
        field.run((TRIES * epochs - 27 * first - 9 * round(epochs / 3)) // 3)
    else:
        field.run(epochs)
    val = field.accuracy(field.val)
    best = val.argmax()
    return val[best].item(), field.accuracy(field.test)[best].item()


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """What each search found."""
    found = [search(cell["search"], seed, budget) for seed in seeds]
    return {"val": [v for v, _ in found], "test": [t for _, t in found]}
