"""Drawn cats and dogs with `SmallResNet` and skips, half of the pictures mirrored (chapter 11).

Each seed draws 2,000 pictures of its own. Rate and epochs are fixed: a rung of the ladder, compared with nothing. They
were checked with a seed and pictures of their own: ``rates_val`` has the validation accuracy of three rates, and
``doubling_gain`` what twice the epochs bring.
"""

from collections.abc import Sequence

import torch

from helpers import data, models, training
from helpers.runtime import seed_everything

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED, VAL_SEED, TEST_SEED = 100, 2000, 10_000
EPOCHS, LR, BATCH = 14, 4e-3, 64
RATES = (1.3e-3, LR, 1.2e-2)
FACTORS = ("epochs",)
SETTINGS = {
    "data": "drawn animals: 2,000 training pictures per seed (half of them mirrored), 1,000 test pictures",
    "optimizer": f"Adam, one cycle up to {LR}",
    "batch_size": BATCH,
    "rate": f"the best of {', '.join(map(str, RATES))} with seed {TUNING_SEED} on 1,000 validation pictures",
}
SAMPLE = {"epochs": EPOCHS}
MARGIN = 0.03


def cells():
    """One row: a rung of the ladder."""
    yield {"epochs": EPOCHS}


def trained(seed: int, epochs: int, rate: float = LR) -> tuple[models.SmallResNet, data.Images]:
    """A network after one cycle, and the pictures that it has learned from."""
    pictures = data.drawn_animals(2000, seed=seed)
    seed_everything(seed)
    model = models.SmallResNet(skip=True)
    loader = data.make_loader(*pictures, batch_size=BATCH, shuffle=True, seed=seed, augment=data.random_flip)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, epochs=epochs, steps_per_epoch=len(loader))
    training.fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle, device="cpu", progress=False)
    return model, pictures


def right(model: models.SmallResNet, pictures: data.Images) -> float:
    """Share of right answers."""
    return training.evaluate(model, data.make_loader(*pictures, batch_size=256))["accuracy"]


def validated(rate: float = LR, epochs: int = EPOCHS) -> float:
    """Accuracy on validation pictures after training with the seed that is not reported."""
    model, _ = trained(TUNING_SEED, epochs, rate)
    return right(model, data.drawn_animals(1000, seed=VAL_SEED))


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on training and test pictures, one value per seed."""
    test = data.drawn_animals(1000, seed=TEST_SEED)
    found: dict[str, list[float]] = {"train": [], "test": []}
    for seed in seeds:
        model, pictures = trained(seed, round(cell["epochs"] * budget))
        found["train"].append(right(model, pictures))
        found["test"].append(right(model, test))
    tried = {str(rate): validated(rate) for rate in RATES}
    return found | {"rates_val": tried, "doubling_gain": validated(epochs=2 * EPOCHS) - tried[str(LR)]}
