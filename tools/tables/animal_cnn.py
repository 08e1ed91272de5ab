"""Test accuracy of small networks on drawn cats and dogs, over seeds (chapter 09)."""

import torch
from torch import nn

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables import save_table

TRAIN, TEST = 2000, 1000
PEAK = 1e-2  # largest learning rate of the convolutional networks


def build(name: str) -> nn.Module:
    """A fresh network: ``"linear"``, ``"MLP"`` or ``"CNN"``."""
    layers = {"linear": [3072, 2], "MLP": [3072, 128, 2]}
    return models.MLP(layers[name]) if name in layers else models.SmallCNN()


def measure(name: str, epochs: int, flip: bool, seed: int) -> dict:
    """One row: a network trained on 2,000 drawn animals (seed 0) and tested on 1,000 others (seed 1)."""
    train, test = data.drawn_animals(TRAIN, seed=0), data.drawn_animals(TEST, seed=1)
    stats = data.channel_stats(train.images)
    seed_everything(seed)
    model = build(name)
    peak = PEAK if name == "CNN" else 1e-3
    loader = data.make_loader(
        *train, shuffle=True, seed=seed, normalize=stats, augment=data.random_flip if flip else None
    )

    def one_cycle(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=epochs * len(loader))

    history = training.fit(model, loader, epochs=epochs, lr=peak, scheduler=one_cycle, device="cpu", progress=False)
    accuracy = training.evaluate(model, data.make_loader(*test, normalize=stats))["accuracy"]
    return {
        "model": name,
        "epochs": epochs,
        "flip": flip,
        "seed": seed,
        "train_accuracy": round(history["train_accuracy"][-1], 4),
        "test_accuracy": round(accuracy, 4),
    }


def main() -> None:
    """Measure all rows and write the table."""
    settings = [("linear", 8, True), ("MLP", 8, True), ("CNN", 8, True), ("CNN", 8, False), ("CNN", 14, True)]
    rows = [measure(*setting, seed) for setting in settings for seed in range(3)]
    save_table("animal_cnn", {"train": TRAIN, "test": TEST, "rows": rows})


if __name__ == "__main__":
    main()
