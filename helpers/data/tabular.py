"""Data that is always there: logic gates, moons, spirals, the digits of scikit-learn and a bundled photograph."""

import math

import torch
from torch import Tensor

from helpers.data.sets import Images, Splits, Table, split_indices

__all__ = ["digits", "logic_gate", "moons", "photograph", "spiral"]

GATES = {
    "and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "xor": (0, 1, 1, 0),
    "nand": (1, 1, 1, 0), "nor": (1, 0, 0, 0), "xnor": (1, 0, 0, 1),
}  # fmt: skip
PHOTOGRAPHS = {  # chelsea is a cat; camera is grey, returned with three equal channels
    "chelsea": "chelsea.png", "astronaut": "astronaut.png", "coffee": "coffee.png", "rocket": "rocket.jpg",
    "camera": "camera.png",
}  # fmt: skip


def logic_gate(name: str) -> Table:
    """The truth table of a gate: ``X`` is float32 ``(4, 2)`` with rows 00, 01, 10, 11, ``y`` int64 ``(4,)``.

    Args:
        name: ``"and"``, ``"or"``, ``"xor"``, ``"nand"``, ``"nor"`` or ``"xnor"``, in any case.

    Raises:
        ValueError: if there is no such gate.
    """
    gate = str(name).lower()
    if gate not in GATES:
        raise ValueError(f"there is no gate {name!r}; choose one of {', '.join(GATES)}")
    X = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float32)
    return Table(X, torch.tensor(GATES[gate]), f"truth table of {gate.upper()}")


def moons(n: int = 200, noise: float = 0.1, seed: int = 0) -> Table:
    """Two interleaved half circles, one per class; the same curves as scikit-learn's ``make_moons``.

    Args:
        n: number of points, half of them in each class (class 1 has the odd one).
        noise: standard deviation of the Gaussian noise on both coordinates.
        seed: the same seed gives the same points.

    Returns:
        ``X`` float32 ``(n, 2)`` and ``y`` int64 ``(n,)``, in random order.

    Raises:
        TypeError: if ``n`` is no whole number or ``noise`` no number.
        ValueError: if ``n`` is below 2 or ``noise`` is negative.
    """
    _check("n", n, 2, whole=True)
    _check("noise", noise, 0)
    generator = torch.Generator().manual_seed(seed)
    upper, lower = torch.linspace(0, math.pi, n // 2), torch.linspace(0, math.pi, n - n // 2)
    X = torch.cat([torch.stack([upper.cos(), upper.sin()], 1), torch.stack([1 - lower.cos(), 0.5 - lower.sin()], 1)])
    y = torch.cat([torch.zeros(n // 2, dtype=torch.int64), torch.ones(n - n // 2, dtype=torch.int64)])
    X = X + noise * torch.randn(X.shape, generator=generator)
    order = torch.randperm(n, generator=generator)
    return Table(X[order], y[order], f"two moons, drawn with seed {seed}")


def spiral(n_per_class: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Table:
    """Spiral arms that no straight line separates, one per class (after the CS231n case study).

    Args:
        n_per_class: points on each arm.
        classes: number of arms.
        noise: standard deviation of the Gaussian noise on the angle, in radians.
        seed: the same seed gives the same points.

    Returns:
        ``X`` float32 ``(n_per_class * classes, 2)`` inside the unit circle, sorted by class, and ``y`` int64.

    Raises:
        TypeError: if a count is no whole number or ``noise`` no number.
        ValueError: if there are no points or fewer than two classes, or ``noise`` is negative.
    """
    _check("n_per_class", n_per_class, 1, whole=True)
    _check("classes", classes, 2, whole=True)
    _check("noise", noise, 0)
    generator = torch.Generator().manual_seed(seed)
    radius = torch.linspace(0, 1, n_per_class).expand(classes, -1)
    angle = 4 * radius + 2 * math.pi * torch.arange(classes)[:, None] / classes
    angle = angle + noise * torch.randn(angle.shape, generator=generator)
    X = torch.stack([radius * angle.sin(), radius * angle.cos()], dim=-1).reshape(-1, 2)
    y = torch.arange(classes).repeat_interleave(n_per_class)
    return Table(X, y, f"{classes} spiral arms, drawn with seed {seed}")


def digits() -> Splits:
    """The 1,797 hand-written digits that scikit-learn bundles, as uint8 images ``(N, 1, 8, 8)`` in ten classes.

    The split is fixed and stratified: 1,077 to train, 360 to validate, 360 to test. The 17 grey levels of the scans
    become 0 to 255 here as in every other image set of the course.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = torch.from_numpy(bunch.images * (255 / 16)).round().to(torch.uint8).unsqueeze(1)
    targets = torch.from_numpy(bunch.target).to(torch.int64)
    everything = Images(images, targets, tuple("0123456789"), "digits (1,797 real scans of 8x8, from scikit-learn)")
    return Splits(*(everything.take(part) for part in split_indices(targets, (1077, 360, 360))))


def photograph(name: str = "chelsea") -> Tensor:
    """A real photograph that scikit-image bundles, as a uint8 tensor ``(H, W, 3)``.

    Args:
        name: ``"chelsea"`` (a cat, 300x451), ``"astronaut"``, ``"coffee"``, ``"rocket"`` or ``"camera"``.

    Raises:
        ValueError: if there is no such photograph.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"there is no photograph {name!r}; choose one of {', '.join(PHOTOGRAPHS)}")
    from importlib.resources import files

    import numpy as np
    from PIL import Image

    with (files("skimage") / "data" / PHOTOGRAPHS[name]).open("rb") as file, Image.open(file) as image:
        return torch.from_numpy(np.array(image.convert("RGB")))


def _check(name: str, value: float, least: float, whole: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise TypeError(f"{name} must be a {'whole ' if whole else ''}number, not {value!r}")
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
