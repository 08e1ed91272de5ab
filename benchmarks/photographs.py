"""(b) Photographs at 128 px: an epoch with `image_folder` and `make_loader`, against ``ImageFolder``, ``DataLoader``.

Both scale the shorter side, cut out the centre, and hand out float batches of 64 in random order, with two worker
processes or threads. ``COURSE_DATA`` names the folder that holds ``cats_vs_dogs/{train,test}/{cats,dogs}/*.jpg``.
"""

import os
import tempfile
import time
from pathlib import Path
from unittest import mock

from benchmarks import Table, alternate, ratio

SIZE, BATCH = 128, 64


def run(quick: bool) -> Table:
    """Seconds of one epoch over the training photographs: the rival's, our first, and a later one of ours.

    Args:
        quick: one round instead of three.
    """
    import torch
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    from helpers import data

    title = f"One epoch over photographs at {SIZE} px"
    root = Path(os.environ.get("COURSE_DATA", "")) / "cats_vs_dogs"
    if not (root / "train").is_dir():
        return Table(title, (), [], ["skipped, because COURSE_DATA holds no cats_vs_dogs"])
    transform = v2.Compose([v2.ToImage(), v2.Resize(SIZE), v2.CenterCrop(SIZE), v2.ToDtype(torch.float32, scale=True)])

    def reference() -> None:
        folder = ImageFolder(root / "train", transform)
        consume(torch.utils.data.DataLoader(folder, BATCH, shuffle=True, num_workers=2))

    def epoch() -> None:
        # No part is cut off the training photographs, so that both see the same files.
        splits = data.image_folder(root / "train", SIZE, fractions=(0, 0))
        consume(data.make_loader(*splits.train, BATCH, shuffle=True))

    def first() -> None:
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
            epoch()

    with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, XDG_CACHE_HOME=cache):
        contestants = {"ImageFolder + DataLoader": reference, "ours, first": first, "ours, later": epoch}
        seconds = alternate(contestants, 1 if quick else 3, clock=time.perf_counter)
    rival = "ImageFolder + DataLoader"
    times = {name: ratio(seconds, name, rival) for name in contestants}
    return Table(
        title,
        ("", "seconds", "of the rival's"),
        [(name, f"{min(taken):.2f}", f"{times[name]:.3f}") for name, taken in seconds.items()],
        [
            f"Later epochs are {1 / times['ours, later']:.1f} times as fast (wanted: at least 10).",
            f"The first takes {times['ours, first']:.2f} times as long (wanted: at most 1.3).",
        ],
    )


def consume(loader) -> int:
    """Go through every batch and return the number of images."""
    return sum(len(images) for images, _ in loader)
