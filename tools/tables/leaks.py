"""Four leaks, each measured: the accuracy that a leaking split promises, and the true one (chapter 8).

Drawn cats and dogs of 32 pixels, told apart by the nearest neighbour, and random numbers. ``promised`` comes from the
leaking evaluation, ``honest`` from a clean split of the same data.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from helpers import data

SEEDS = tuple(range(10))
FACTORS = ("leak",)
SETTINGS = {"model": "nearest neighbour on pixels; logistic regression for the chosen columns", "images": 400}
SAMPLE = {"leak": "statistics before splitting"}
MARGIN = 0.1


def cells():
    """The four leaks."""
    for leak in ("duplicates", "bursts of one animal", "augmented before splitting", "statistics before splitting"):
        yield {"leak": leak}


def shifted(images: torch.Tensor, seed: int) -> torch.Tensor:
    """Each picture mirrored or not and moved by up to two pixels, as the next photograph of a burst would be."""
    generator = torch.Generator().manual_seed(seed)
    return data.random_crop(data.random_flip(images, generator), generator, padding=2)


def one(leak: str, seed: int) -> tuple[float, float]:
    """The promised and the honest accuracy of one draw."""
    rng = np.random.default_rng(seed)
    if leak == "statistics before splitting":
        x, y = rng.normal(size=(100, 5000)), np.arange(100) % 2

        def chosen(rows: np.ndarray) -> np.ndarray:
            """The 20 columns that differ most between the classes of these rows."""
            gap = np.abs(x[rows][y[rows] == 1].mean(0) - x[rows][y[rows] == 0].mean(0))
            return np.argsort(gap)[-20:]

        model, folds = LogisticRegression(max_iter=1000), KFold(5, shuffle=True, random_state=seed)
        everything = chosen(np.arange(100))
        promised = cross_val_score(model, x[:, everything], y, cv=folds).mean()
        honest = []
        for train, test in folds.split(x):
            columns = chosen(train)
            honest.append(model.fit(x[train][:, columns], y[train]).score(x[test][:, columns], y[test]))
        return float(promised), float(np.mean(honest))
    images, targets = data.drawn_animals(400, seed=100 + seed)
    targets, animal = targets.numpy(), np.arange(400)
    if leak == "duplicates":  # one picture in four is in the collection twice
        copies = rng.permutation(400)[:100]
        images, targets, animal = (
            torch.cat([images, images[copies]]),
            np.r_[targets, targets[copies]],
            np.r_[animal, copies],
        )
    elif leak == "bursts of one animal":  # four pictures of each of 100 animals
        images = torch.cat([images[:100], *(shifted(images[:100], k) for k in (1, 2, 3))])
        targets, animal = np.tile(targets[:100], 4), np.tile(animal[:100], 4)
    else:  # every picture and a changed copy of it
        images, targets, animal = torch.cat([images, shifted(images, 1)]), np.tile(targets, 2), np.tile(animal, 2)
    model, pixels = KNeighborsClassifier(1), images.flatten(1).numpy().astype(np.float32)
    promised = cross_val_score(model, pixels, targets, cv=KFold(5, shuffle=True, random_state=seed)).mean()
    order = rng.permutation(len(targets))
    honest = cross_val_score(model, pixels[order], targets[order], groups=animal[order], cv=GroupKFold(5)).mean()
    return float(promised), float(honest)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Both accuracies for every seed; nothing here has a budget."""
    pairs = [one(cell["leak"], seed) for seed in seeds]
    return {"promised": [p for p, _ in pairs], "honest": [h for _, h in pairs]}
