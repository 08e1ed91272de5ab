"""The table of chapter 08: how width, dropout, weight decay and time change what a network learns from wrong labels.

``python -m tools.tables.noisy_digits`` measures it anew (about three minutes on one core).
"""

import torch

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables import save_table

SEEDS = 5
EPOCHS = 80
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


def curve(seed: int) -> dict:
    """The plain run, epoch by epoch."""
    history = run(seed)["history"]
    keys = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return {"seed": seed} | {key: [round(value, 4) for value in history[key]] for key in keys}


def measure() -> dict:
    """The whole table."""
    seeds = range(SEEDS)
    return {
        "settings": {"images": 300, "wrong_labels": 60, "epochs": EPOCHS, "lr": 1e-3, "batch_size": 32, "seeds": SEEDS},
        "plain": [curve(seed) for seed in seeds],
        "width": [row(seed, width=width, epochs=100) for width in WIDTHS for seed in seeds],
        "dropout": [row(seed, dropout=dropout) for dropout in DROPOUTS for seed in seeds],
        "decay": [row(seed, decay=decay) for decay in DECAYS for seed in seeds],
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    save_table("noisy_digits", measure())
