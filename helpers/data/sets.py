"""What a data set is here: a table, or a set of images, or three sets of images that share nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Images", "Splits", "Table", "split_indices"]


@dataclass(frozen=True, eq=False)
class Table:
    """Points with labels, unpackable as ``X, y = moons()``.

    Attributes:
        X: float32 ``(N, D)``, one row per point.
        y: int64 ``(N,)``, class indices from 0.
        source: where the data came from, in words.
    """

    X: Tensor
    y: Tensor
    source: str

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.X, self.y))

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images, unpackable as ``images, targets = ...`` (``images, targets, masks`` where masks were asked for).

    Attributes:
        images: uint8 ``(N, C, H, W)`` with values from 0 to 255.
        targets: int64 ``(N,)``, indices into ``classes``.
        classes: the name of each class.
        source: where the data came from, in words.
        masks: bool ``(N, H, W)``, true on the subject, or None.
        skipped: files that could not be read, each with the reason.
    """

    images: Tensor
    targets: Tensor
    classes: tuple[str, ...]
    source: str
    masks: Tensor | None = None
    skipped: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.images, self.targets) + (() if self.masks is None else (self.masks,)))

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: Tensor | Sequence[int] | slice) -> "Images":
        """The images at ``indices``, as a set of its own."""
        if not isinstance(indices, slice):
            indices = torch.as_tensor(indices, dtype=torch.int64, device=self.targets.device)
        masks = None if self.masks is None else self.masks[indices]
        return Images(
            self.images[indices], self.targets[indices], self.classes, self.source, masks=masks, skipped=self.skipped
        )


@dataclass(frozen=True, eq=False)
class Splits:
    """Three sets that share no image: ``train`` to learn from, ``val`` to choose by, ``test`` to report once."""

    train: Images
    val: Images
    test: Images

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each class."""
        return self.train.classes

    @property
    def source(self) -> str:
        """Where the data came from, in words."""
        return self.train.source

    @property
    def skipped(self) -> tuple[str, ...]:
        """Files that could not be read, each with the reason."""
        return self.train.skipped

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(getattr(self, name))}" for name in ("train", "val", "test"))
        return f"Splits({sizes}; {len(self.classes)} classes; {self.source})"


def split_indices(targets: Tensor, sizes: Sequence[float], seed: int = 0) -> list[Tensor]:
    """Cut ``0 .. N-1`` into stratified parts: each class has the same share of every part, up to one image.

    Args:
        targets: int64 ``(N,)``, the class of each image.
        sizes: how many images each part gets; or their shares, if the sum is at most 1. Shares that add up to 1 leave
            no image out, and no part with a share stays empty if there is an image for each.
        seed: the same seed gives the same parts.

    Returns:
        One sorted index tensor per part; no index is in two parts.

    Raises:
        ValueError: if the parts want more images than there are, or are neither whole numbers nor shares of 1.
    """
    n, asked, sizes = len(targets), sizes, as_floats(sizes)
    targets, shares = torch.as_tensor(targets).cpu(), sum(sizes) <= 1 + 1e-6  # in float32 a sum is not exact
    if min(sizes, default=-1) < 0 or not (shares or (sum(sizes) <= n and all(size.is_integer() for size in sizes))):
        raise ValueError(f"cannot cut {n} images into parts of {asked}; ask for at most {n}, or for shares of 1")
    counts = _share_out(n, sizes) if shares else [int(size) for size in sizes]
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    order = order[torch.argsort(targets[order], stable=True)]
    # Spread every class evenly over [0, 1) and sort by that: then any cut gives each class its share.
    label = targets[order]
    _, inverse, per_class = torch.unique(label, return_inverse=True, return_counts=True)
    rank = torch.arange(n) - (per_class.cumsum(0) - per_class)[inverse]
    order = order[torch.argsort((rank + 0.5) / per_class[inverse], stable=True)]
    ends = torch.tensor([0, *counts]).cumsum(0).tolist()
    return [order[start:end].sort().values for start, end in zip(ends[:-1], ends[1:], strict=True)]


def as_floats(values) -> list[float]:
    """The numbers in a sequence of whatever type; none if it is something else."""
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError):
        return []


def _share_out(n: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers in these shares, by largest remainders, so that nothing is lost to rounding."""
    wanted = [share * n for share in shares]
    counts = [math.floor(want + 1e-9) for want in wanted]
    missing = round(sum(wanted)) - sum(counts)
    for part in sorted(range(len(shares)), key=lambda i: counts[i] - wanted[i])[: max(0, missing)]:
        counts[part] += 1
    while sum(counts) >= sum(share > 0 for share in shares) and any(
        share > 0 and count == 0 for share, count in zip(shares, counts, strict=True)
    ):
        counts[counts.index(max(counts))] -= 1
        counts[next(i for i, share in enumerate(shares) if share > 0 and counts[i] == 0)] += 1
    return counts
