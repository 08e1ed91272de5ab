"""How deep stacks of fully connected layers train on the digits: plain, with skips, with batch norm (chapter 11)."""

import torch
from torch import nn

from helpers import data, training
from helpers.runtime import seed_everything
from tools.tables import save_table

DEPTHS = (5, 10, 20, 40)
KINDS = ("plain", "skip", "blocks", "batch norm")
SEEDS = (0, 1, 2)


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


def train(seed: int, *stack) -> dict[str, float]:
    """Accuracy on the training and the validation digits after 20 epochs of Adam."""
    seed_everything(seed)
    digits = data.digits()
    model = Stack(*stack)
    loader = data.make_loader(*digits.train, batch_size=64, shuffle=True, seed=seed)
    training.fit(model, loader, epochs=20, lr=1e-3, device="cpu", progress=False)
    parts = {
        name: data.make_loader(*part, batch_size=512) for name, part in (("train", digits.train), ("val", digits.val))
    }
    return {name: round(training.evaluate(model, part)["accuracy"], 4) for name, part in parts.items()}


def rows():
    """One row per kind, depth and seed."""
    for seed in SEEDS:
        for kind in KINDS:
            for depth in DEPTHS:
                yield {"kind": kind, "depth": depth, "seed": seed} | train(seed, depth, kind)
        for kind in ("plain", "batch norm"):
            yield {"kind": f"sigmoid, {kind}", "depth": 8, "seed": seed} | train(seed, 8, kind, torch.sigmoid)


if __name__ == "__main__":
    save_table("depth", {"epochs": 20, "lr": 1e-3, "batch_size": 64, "rows": list(rows())})
