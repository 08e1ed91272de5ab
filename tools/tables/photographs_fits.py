"""Photographs as features of EfficientNet-Lite0, and the small models that are fitted to them (chapter 12)."""

import hashlib
import tempfile
import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from helpers import data, models
from helpers.data.download import data_folder

KEPT_BACK = 500  # photographs of the training folder that nothing is fitted to but offset and temperature
DRAWN = (1000, 500)  # drawn animals of 224 pixels: to learn from, and to test on
STAGES = ("stem", *(f"stages.{i}" for i in range(7)), "top")
C = 1.0  # scikit-learn's default weight decay; chosen on the photographs kept back among 0.001 to 100


class Seen:
    """Photographs, and what EfficientNet-Lite0 makes of them: features before the head and the mean of each stage."""

    def __init__(self, name: str, images: Tensor, targets: Tensor):
        self.name, self.images, self.targets = name, images, targets
        digest = hashlib.sha256(images.numpy().tobytes()).hexdigest()[:12]
        file = Path(tempfile.gettempdir()) / f"course-{name}-{digest}.pt"
        if not file.is_file():
            torch.save(look(images), file)
        self.stages, self.maps = torch.load(file, weights_only=True)
        self.features = self.stages["top"]
        self.logits = network().head(self.features).detach()


@lru_cache
def network() -> nn.Module:
    """The backbone; it is never changed."""
    return models.backbone("efficientnet_lite0", fallback=False)


def look(images: Tensor, net: nn.Module | None = None) -> tuple[dict[str, Tensor], Tensor]:
    """The mean of each channel after each stage, and the maps that the last stage gets (in half precision)."""
    net = deepcopy(net or network()).eval().to(memory_format=torch.channels_last)
    stages: dict[str, list[Tensor]] = {name: [] for name in STAGES}
    maps = []
    for name in STAGES:
        layer = net.get_submodule(name)
        layer.register_forward_hook(lambda layer, args, out, name=name: stages[name].append(out.mean((2, 3))))
    net.stages[6].register_forward_pre_hook(lambda layer, args: maps.append(args[0].half().contiguous()))
    targets = torch.zeros(len(images), dtype=torch.int64)
    with torch.no_grad():
        for batch, _ in data.make_loader(images, targets, 16, normalize=network().normalize):
            net(batch.contiguous(memory_format=torch.channels_last))
    return {name: torch.cat(parts) for name, parts in stages.items()}, torch.cat(maps)


@lru_cache
def photographs() -> tuple[Seen, Seen]:
    """The 2,000 training and the 500 test photographs of ``cats_vs_dogs``."""
    splits = data.image_folder(data_folder() / "cats_vs_dogs", fractions=(0, 0.2), **network().view)
    return Seen("train", *splits.train), Seen("test", *splits.test)


@lru_cache
def drawings() -> tuple[Seen, Seen]:
    """Drawn cats and dogs in the size of photographs."""
    train, test = (
        data.drawn_animals(n, size=network().size, seed=seed) for n, seed in zip(DRAWN, (0, 1000), strict=True)
    )
    return Seen("drawn-train", *train), Seen("drawn-test", *test)


def kept_back() -> tuple[Tensor, Tensor]:
    """Rows of the training photographs: those to draw labels from, and those that are kept back."""
    targets = photographs()[0].targets
    pool, back = data.split_indices(targets, [len(targets) - KEPT_BACK, KEPT_BACK], 0)
    return pool, back


def draw(labels: int, seed: int, targets: Tensor | None = None) -> Tensor:
    """Rows of so many training photographs, half of them cats."""
    if targets is not None:
        return data.split_indices(targets, [labels], seed)[0]
    pool, _ = kept_back()
    return pool[data.split_indices(photographs()[0].targets[pool], [labels], seed)[0]]


# ------------------------------------------------------------------------------------------- methods


def accuracy(log_odds: Tensor, targets: Tensor) -> float:
    """Share of right answers: a dog where the log-odds are above zero."""
    return ((log_odds > 0).long() == targets).double().mean().item()


def probe(features: Tensor, targets: Tensor, c: float = C) -> Callable[[Tensor], Tensor]:
    """Logistic regression on features as they are; returns a function from features to log-odds of dog."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fitted = LogisticRegression(C=c, max_iter=5000).fit(features.double().numpy(), targets.numpy())
    return lambda others: torch.from_numpy(fitted.decision_function(others.double().numpy()))


def standardised(features: Tensor, targets: Tensor) -> Callable[[Tensor], Tensor]:
    """The same after each feature was given mean 0 and deviation 1 *of these few photographs*."""
    mean, std = features.mean(0), features.std(0) + 1e-6
    fitted = probe((features - mean) / std, targets)
    return lambda others: fitted((others - mean) / std)


def nearest(features: Tensor, targets: Tensor) -> Callable[[Tensor], Tensor]:
    """The label of the most similar labelled photograph, by the cosine of the features."""
    known = F.normalize(features, dim=1)
    return lambda others: targets[(F.normalize(others, dim=1) @ known.T).argmax(1)] - 0.5


def learned_offset(log_odds: Tensor, targets: Tensor) -> float:
    """The one number that, subtracted, makes the cross-entropy smallest."""
    offset = torch.zeros((), dtype=torch.float64, requires_grad=True)
    return _minimise(offset, lambda: cross_entropy(log_odds - offset, targets))


def temperature(log_odds: Tensor, targets: Tensor) -> float:
    """The number that log-odds must be divided by to make the cross-entropy smallest."""
    log = torch.zeros((), dtype=torch.float64, requires_grad=True)
    return float(np.exp(_minimise(log, lambda: cross_entropy(log_odds / log.exp(), targets))))


def cross_entropy(log_odds: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(log_odds.double(), targets.double())


def _minimise(parameter: Tensor, loss: Callable[[], Tensor]) -> float:
    optimizer = torch.optim.LBFGS([parameter], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
    return parameter.item()
