"""Drawn cats and dogs with residual networks of 8 and of 32 layers, with and without skips (chapter 11).

The rate of each network is the best of three with a seed that is not reported, judged on validation; ``doubling_gain``
is what twice the epochs bring that seed there.
"""

from collections.abc import Sequence

import torch
from torch import nn

from helpers import data, models, training
from helpers.runtime import seed_everything

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED, RATES, BATCH = 100, (7e-4, 2e-3, 6e-3), 64
EPOCHS = 16
WIDTHS = (8, 16, 32)
FACTORS = ("layers", "skip", "epochs")
SETTINGS = {
    "data": "drawn animals: 2,000 training (seed 0), 1,000 validation (seed 2), 1,000 test (seed 1); half mirrored",
    "widths": list(WIDTHS),
    "stem": "3x3 convolution with stride 2",
    "optimizer": "Adam, one cycle",
    "rates": list(RATES),
    "tuning": f"seed {TUNING_SEED}, validation",
    "doubling_gain": f"validation of seed {TUNING_SEED} after twice the epochs, less that after once",
    "batch_size": BATCH,
}
SAMPLE = {"layers": 8, "skip": True, "epochs": 16}
MARGIN = 0.03


def cells():
    """Both depths, with and without skips."""
    for layers in (8, 32):
        for skip in (True, False):
            yield {"layers": layers, "skip": skip, "epochs": EPOCHS}


def network(layers: int, skip: bool) -> nn.Sequential:
    """A first convolution, (layers - 2) / 6 blocks of two convolutions in each of three stages, a linear layer."""
    stem = nn.Conv2d(3, WIDTHS[0], 3, stride=2, padding=1, bias=False)
    parts: list[nn.Module] = [stem, nn.BatchNorm2d(WIDTHS[0]), nn.ReLU()]
    inputs = WIDTHS[0]
    for stage, width in enumerate(WIDTHS):
        for block in range((layers - 2) // 6):
            stride = 2 if stage > 0 and block == 0 else 1
            parts.append(models.ResidualBlock(inputs, width, stride, skip=skip))
            inputs = width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 2))


def train(cell: dict, seed: int, rate: float, epochs: int) -> dict[str, float]:
    """Accuracy on the training, validation and test pictures after one cycle."""
    parts = {
        "train": data.drawn_animals(2000, seed=0),
        "val": data.drawn_animals(1000, seed=2),
        "test": data.drawn_animals(1000, seed=1),
    }
    stats = data.channel_stats(parts["train"].images)
    seed_everything(seed)
    model = network(cell["layers"], cell["skip"]).to(memory_format=torch.channels_last)
    loader = data.make_loader(
        *parts["train"], batch_size=BATCH, shuffle=True, seed=seed, normalize=stats, augment=data.random_flip
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * len(loader))
    training.fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=cycle, device="cpu", progress=False)
    return {
        name: training.evaluate(model, data.make_loader(*part, batch_size=256, normalize=stats))["accuracy"]
        for name, part in parts.items()
    }


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """One row: the accuracies of every seed."""
    epochs = round(cell["epochs"] * budget)
    tried = {rate: train(cell, TUNING_SEED, rate, epochs)["val"] for rate in RATES}
    rate = max(tried, key=tried.get)
    gain = train(cell, TUNING_SEED, rate, 2 * epochs)["val"] - tried[rate]
    runs = [train(cell, seed, rate, epochs) for seed in seeds]
    return {"rate": rate, "doubling_gain": gain} | {name: [run[name] for run in runs] for name in runs[0]}
