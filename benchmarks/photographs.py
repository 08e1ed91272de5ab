"""Photographs at 128 px: an epoch with `image_folder` and `make_loader`, against ``ImageFolder`` and ``DataLoader``.

Both scale the shorter side, cut out the centre, and hand out float batches of 64 in random order, with two worker
processes or threads. Run with ``COURSE_DATA=... python -m benchmarks.photographs``; the folder holds
``cats_vs_dogs/{train,test}/{cats,dogs}/*.jpg``.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

SIZE, BATCH, ROUNDS = 128, 64, 3


def main() -> None:
    """Measure in alternation and print medians as a table."""
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    from helpers import data

    root = Path(os.environ.get("COURSE_DATA", "")) / "cats_vs_dogs"
    if not (root / "train").is_dir():
        print("photographs: skipped, because COURSE_DATA holds no cats_vs_dogs")
        return
    transform = v2.Compose([v2.ToImage(), v2.Resize(SIZE), v2.CenterCrop(SIZE), v2.ToDtype(torch.float32, scale=True)])

    def reference() -> int:
        folder = ImageFolder(root / "train", transform)
        return consume(torch.utils.data.DataLoader(folder, BATCH, shuffle=True, num_workers=2))

    def first() -> int:
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
            # No part is cut off the training photographs, so that both see the same files.
            splits = data.image_folder(root / "train", SIZE, fractions=(0, 0))
            return consume(data.make_loader(*splits.train, BATCH, shuffle=True))

    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
        data.image_folder(root / "train", SIZE, fractions=(0, 0))

        def later() -> int:
            splits = data.image_folder(root / "train", SIZE, fractions=(0, 0))
            return consume(data.make_loader(*splits.train, BATCH, shuffle=True))

        seconds: dict[str, list[float]] = {"ImageFolder + DataLoader": [], "ours, first": [], "ours, later": []}
        for _ in range(ROUNDS):
            for name, epoch in zip(seconds, (reference, first, later), strict=True):
                seconds[name].append(clock(epoch))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = medians["ImageFolder + DataLoader"]
    print(f"{'photographs, one epoch':28} {'seconds':>8} {'ratio':>7}")
    for name, value in medians.items():
        print(f"{name:28} {value:8.2f} {value / base:7.3f}")
    print(f"later epochs {base / medians['ours, later']:.1f}x as fast (at least 10 wanted)")
    print(f"first epoch {medians['ours, first'] / base:.2f}x the time (at most 1.3 wanted)")


def consume(loader) -> int:
    """Go through every batch and return the number of images."""
    return sum(len(images) for images, _ in loader)


def clock(epoch: Callable[[], int]) -> float:
    """Wall-clock seconds of one epoch."""
    start = time.perf_counter()
    epoch()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
