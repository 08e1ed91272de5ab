"""Dropout and weight decay on 300 digits, with clean labels and with 20 % wrong ones (chapter 8).

The laboratory of chapter 8: two hidden layers of 256 units, AdamW, every setting for the same number of epochs, long
after the training accuracy of the plain network has become 100 %.
"""

from collections.abc import Sequence

import torch

from helpers import data
from tools.tables.stack import Stack, accuracy, members, train

SEEDS = (0, 1, 2, 3, 4)
EPOCHS = 160
FACTORS = ("labels", "dropout", "decay")
SETTINGS = {"images": 300, "widths": [256, 256], "optimizer": "AdamW, 1e-3", "batch_size": 32, "epochs": EPOCHS}
SAMPLE = {"labels": "clean", "dropout": 0.0, "decay": 0.0}
MARGIN = 0.03


def some_digits(seed: int, wrong: int) -> tuple[torch.Tensor, torch.Tensor]:
    """300 training digits ``(300, 1, 8, 8)``, the first ``wrong`` of which carry the label of another class."""
    generator = torch.Generator().manual_seed(seed)
    images, targets = data.digits().train
    chosen = torch.randperm(len(targets), generator=generator)[:300]
    images, targets = images[chosen], targets[chosen].clone()
    targets[:wrong] = (targets[:wrong] + torch.randint(1, 10, (wrong,), generator=generator)) % 10
    return images, targets


def parts(seeds: Sequence[int], wrong: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Each seed's own training digits, and the validation and test digits."""
    own = [some_digits(seed, wrong) for seed in seeds]
    digits = data.digits()
    same = {
        name: (members(part.images, len(seeds)), part.targets.expand(len(seeds), -1))
        for name, part in {"val": digits.val, "test": digits.test}.items()
    }
    images = torch.stack([members(images, 1)[0] for images, _ in own])
    return {"train": (images, torch.stack([targets for _, targets in own]))} | same


def cells():
    """Plain, two strengths of dropout, two of weight decay."""
    settings = [(0.0, 0.0), (0.5, 0.0), (0.8, 0.0), (0.0, 1.0), (0.0, 3.0)]
    for labels in ("clean", "20 % wrong"):
        for dropout, decay in settings:
            yield {"labels": labels, "dropout": dropout, "decay": decay}


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracies at the end, and the best mean validation accuracy on the way (what early stopping could reach)."""
    digits = parts(seeds, 0 if cell["labels"] == "clean" else 60)
    stack = Stack(seeds, [64, 256, 256, 10], dropout=cell["dropout"])
    optimizer = torch.optim.AdamW(stack.parameters(), lr=1e-3, weight_decay=cell["decay"], fused=True)
    epochs = round(EPOCHS * budget)
    run = train(
        stack, digits["train"], digits["val"], seeds, epochs=epochs, patience=epochs, batch_size=32, optimizer=optimizer
    )
    best = max(run["curve"])
    return {
        "train": run["train"],
        "val": run["val"],
        "test": accuracy(stack, *digits["test"]).tolist(),
        "best_val": best,
        "best_epoch": run["curve"].index(best) + 1,
    }
