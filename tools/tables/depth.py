"""How far deep stacks of fully connected layers get on the digits in 20 epochs: plain, with skips, with batch norm.

This is the short budget of chapter 11, the same rate for all: what is *late*, not what can learn. `depth_factorial`
asks the second question, with tuned rates and until flat.
"""

from collections.abc import Sequence

import torch
from torch import nn

from helpers import data, training
from helpers.runtime import seed_everything

DEPTHS = (5, 10, 20, 40)
KINDS = ("plain", "skip", "blocks", "batch norm")
SEEDS = (0, 1, 2, 3, 4)
EPOCHS, LR = 20, 1e-3
FACTORS = ("kind", "depth")
SETTINGS = {
    "epochs": EPOCHS,
    "lr": LR,
    "optimizer": "Adam",
    "batch_size": 64,
    "width": 64,
    "flat": "no: a short budget",
}
SAMPLE = {"kind": "skip", "depth": 20}
MARGIN = 0.08


class Stack(nn.Module):
    """``depth`` fully connected layers of one width, the last of which is the head.

    Args:
        depth: layers with weights, the head included.
        kind: ``"plain"``; ``"skip"`` adds the input of each layer to its output; ``"blocks"`` adds it after every
            second layer; ``"batch norm"`` normalises before each activation.
        activation: what follows each hidden layer.
        width: units of each hidden layer, and pixels of the input.
    """

    def __init__(self, depth: int, kind: str = "plain", activation=torch.relu, width: int = 64):
        super().__init__()
        self.kind, self.activation = kind, activation
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in self.layers if kind == "batch norm")
        self.head = nn.Linear(width, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """``(B, 1, 8, 8)`` to logits ``(B, 10)``."""
        x = kept = images.flatten(1)
        for position, layer in enumerate(self.layers):
            z = self.norms[position](layer(x)) if self.kind == "batch norm" else layer(x)
            if self.kind == "blocks" and position % 2 == 1:
                x = kept = kept + z
            elif self.kind == "skip":
                x = x + self.activation(z)
            else:
                x = self.activation(z)
        return self.head(x)


def train(seed: int, *stack, epochs: int = EPOCHS) -> dict[str, float]:
    """Accuracy on the training and the validation digits after so many epochs of Adam."""
    seed_everything(seed)
    digits = data.digits()
    model = Stack(*stack)
    loader = data.make_loader(*digits.train, batch_size=64, shuffle=True, seed=seed)
    training.fit(model, loader, epochs=epochs, lr=LR, device="cpu", progress=False)
    parts = {
        name: data.make_loader(*part, batch_size=512) for name, part in (("train", digits.train), ("val", digits.val))
    }
    return {name: training.evaluate(model, part)["accuracy"] for name, part in parts.items()}


def cells():
    """Every kind at every depth, and eight sigmoid layers with and without batch norm."""
    for kind in ("plain", "batch norm"):
        yield {"kind": f"sigmoid, {kind}", "depth": 8}
    for kind in KINDS:
        for depth in DEPTHS:
            yield {"kind": kind, "depth": depth}


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """One value per seed for the training and the validation digits."""
    kind = cell["kind"].removeprefix("sigmoid, ")
    activation = torch.relu if kind == cell["kind"] else torch.sigmoid
    runs = [train(seed, cell["depth"], kind, activation, epochs=round(EPOCHS * budget)) for seed in seeds]
    return {name: [run[name] for run in runs] for name in runs[0]}
