"""Test accuracy of small networks on Fashion-MNIST, over seeds, each trained until flat (chapters 07 and 09)."""

import torch
from torch import nn

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables import save_table

MODELS = ("softmax regression", "MLP 128-64", "CNN")
# Largest rate of one cycle. For the first two it is the best of 1e-3, 3e-3 and 1e-2 on validation images (one seed,
# larger ones untried); the CNN's was not tuned.
PEAK = {
    "softmax regression": 1e-2,
    "MLP 128-64": 1e-2,
    "CNN": 5e-3,
}
SEEDS = (0, 1, 2)
CELLS = [(name, train, seed) for train in (6000, 50_000) for name in MODELS[:2] for seed in SEEDS]
CELLS += [("CNN", 6000, seed) for seed in SEEDS]  # model, training images, seed
EPOCHS = {6000: 24, 50_000: 10}  # a fixed budget; whether more would help was not measured


def build(name: str) -> nn.Module:
    """A fresh network for images of 28 by 28 pixels."""
    if name == "CNN":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
        )  # fmt: skip
    return models.MLP([784, 10] if name == "softmax regression" else [784, 128, 64, 10])


def measure(name: str, train: int, seed: int, epochs: int | None = None) -> dict:
    """One row: trained on the first ``train`` images, tested once, after the last step of one cycle."""
    fashion = data.fashion_mnist(fallback=False)
    epochs = epochs or EPOCHS[train]
    part = fashion.train.take(slice(0, train))
    seed_everything(seed)
    model = build(name)
    loader = data.make_loader(*part, batch_size=64, shuffle=True, seed=seed)
    val_loader = data.make_loader(*fashion.val, batch_size=500)

    def one_cycle(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=PEAK[name], total_steps=epochs * len(loader))

    history = training.fit(
        model, loader, val_loader, epochs=epochs, lr=PEAK[name], scheduler=one_cycle, device="cpu", progress=False
    )
    accuracy = training.evaluate(model, data.make_loader(*fashion.test, batch_size=500))["accuracy"]
    return {
        "model": name,
        "train": train,
        "epochs": epochs,
        "seed": seed,
        "parameters": models.count_parameters(model),
        "train_accuracy": round(history["train_accuracy"][-1], 4),
        "val_accuracy": round(history["val_accuracy"][-1], 4),
        "test_accuracy": round(accuracy, 4),
    }


def main() -> None:
    """Measure all rows and write the table."""
    rows = [measure(*cell) for cell in CELLS]
    save_table("fashion", {"source": "Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017)", "rows": rows})


if __name__ == "__main__":
    main()
