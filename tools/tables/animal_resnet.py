"""Drawn cats and dogs with `SmallResNet`, with and without skips (chapter 11)."""

import torch

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables import save_table

SEEDS = (0, 1, 2)
EPOCHS, LONGER, LR, BATCH = 8, 14, 4e-3, 64


def train(seed: int, skip: bool, epochs: int = EPOCHS, flip: bool = False) -> dict[str, float]:
    """Accuracy on 2,000 training and 1,000 test pictures after one cycle; ``flip`` mirrors half of the pictures."""
    images, targets = data.drawn_animals(2000, seed=seed)
    test = data.drawn_animals(1000, seed=10_000)
    seed_everything(seed)
    model = models.SmallResNet(skip=skip)
    loader = data.make_loader(
        images, targets, batch_size=BATCH, shuffle=True, seed=seed, augment=data.random_flip if flip else None
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, epochs=epochs, steps_per_epoch=len(loader))
    training.fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle, device="cpu", progress=False)
    parts = {"train": (images, targets), "test": test}
    return {
        name: round(training.evaluate(model, data.make_loader(*part, batch_size=256))["accuracy"], 4)
        for name, part in parts.items()
    }


def rows():
    """One row per seed, with skips and without."""
    for seed in SEEDS:
        for skip in (True, False):
            yield {"skip": skip, "seed": seed} | train(seed, skip)


def longer():
    """One row per seed, with skips, mirrored pictures and more epochs: the ladder's entry."""
    for seed in SEEDS:
        yield {"seed": seed} | train(seed, True, LONGER, flip=True)


if __name__ == "__main__":
    settings = {"epochs": EPOCHS, "longer_epochs": LONGER, "lr": LR, "batch_size": BATCH}
    save_table("animal_resnet", settings | {"rows": list(rows()), "longer": list(longer())})
