"""The table of chapter 08: how width, dropout, weight decay and time change what a network learns from wrong labels.

``python -m tools.tables noisy_digits`` measures it anew (about three minutes on one core). Nothing is chosen here; the
table in ``width`` trains until flat.
"""

from collections.abc import Sequence

import torch

from helpers import data, models, training
from helpers.runtime import seed_everything

SEEDS = (0, 1, 2, 3, 4)
EPOCHS, WIDTH_EPOCHS = 80, 100
WIDTHS = (2, 4, 8, 16, 32, 64, 256, 1024)
DROPOUTS = (0.0, 0.2, 0.5, 0.8, 0.95)
DECAYS = (0.0, 0.1, 1.0, 3.0)


def noisy_digits(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """300 training digits ``(300, 1, 8, 8)``, of which 60 carry the label of another class."""
    generator = torch.Generator().manual_seed(seed)
    images, targets = data.digits().train
    chosen = torch.randperm(len(targets), generator=generator)[:300]
    images, targets = images[chosen], targets[chosen].clone()
    targets[:60] = (targets[:60] + torch.randint(1, 10, (60,), generator=generator)) % 10
    return images, targets


def run(seed: int, width: int = 256, dropout: float = 0.0, decay: float = 0.0, epochs: int = EPOCHS) -> dict:
    """One run of the laboratory: its history, and the accuracies of the final weights in evaluation mode."""
    images, targets = noisy_digits(seed)
    seed_everything(seed)
    model = models.MLP([64, width, width, 10], dropout=dropout)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=decay, fused=True)
    loaders = [
        data.make_loader(images, targets, batch_size=32, shuffle=True, seed=seed),
        data.make_loader(*data.digits().val, batch_size=360),
    ]
    history = training.fit(model, *loaders, epochs=epochs, optimizer=optimizer, device="cpu", progress=False)
    train, val = (round(training.evaluate(model, loader)["accuracy"], 4) for loader in loaders)
    return {"seed": seed, "train": train, "val": val, "history": history}


def row(seed: int, **setting: float) -> dict:
    """A row of the table: the setting and the two accuracies at the end."""
    result = run(seed, **setting)
    return setting | {key: result[key] for key in ("seed", "train", "val")}


def curve(seed: int, epochs: int = EPOCHS) -> dict:
    """The plain run, epoch by epoch."""
    history = run(seed, epochs=epochs)["history"]
    keys = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return {"seed": seed} | {key: [round(value, 4) for value in history[key]] for key in keys}


def plain(seeds: Sequence[int], budget: float = 1.0) -> list[dict]:
    """One curve per seed."""
    return [curve(seed, round(EPOCHS * budget)) for seed in seeds]


def widths(seeds: Sequence[int], budget: float = 1.0) -> list[dict]:
    """Narrow networks and wide ones."""
    epochs = round(WIDTH_EPOCHS * budget)
    return [row(seed, width=width, epochs=epochs) for width in WIDTHS for seed in seeds]


def dropouts(seeds: Sequence[int], budget: float = 1.0) -> list[dict]:
    """Dropout, from none to nearly all."""
    longer = {} if budget == 1 else {"epochs": round(EPOCHS * budget)}
    return [row(seed, dropout=dropout, **longer) for dropout in DROPOUTS for seed in seeds]


def decays(seeds: Sequence[int], budget: float = 1.0) -> list[dict]:
    """Weight decay, from none to much."""
    longer = {} if budget == 1 else {"epochs": round(EPOCHS * budget)}
    return [row(seed, decay=decay, **longer) for decay in DECAYS for seed in seeds]


PARTS = {"plain": plain, "width": widths, "dropout": dropouts, "decay": decays}
KEYS: dict[str, tuple[str, ...]] = {"plain": (), "width": ("width",), "dropout": ("dropout",), "decay": ("decay",)}


def about() -> dict:
    """What all rows share."""
    return {
        "settings": {
            "images": 300, "wrong_labels": 60, "epochs": EPOCHS, "lr": 1e-3, "batch_size": 32, "seeds": len(SEEDS)
        }
    }  # fmt: skip
