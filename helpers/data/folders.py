"""Folders of photographs: read in every layout that students meet, decoded once, kept as one array."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from helpers.data.decoding import read_photograph
from helpers.data.download import arriving, cache_folder
from helpers.data.sets import Images, Splits, split_indices

if TYPE_CHECKING:
    import numpy as np

__all__ = ["image_folder", "read_photographs"]

UNEQUAL = 1.5  # from this ratio of the largest to the smallest class on, the source says so
VERSION = 2  # raise it when decoding changes, so that old caches are not used
PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def image_folder(
    path: str | Path,
    size: int = 64,
    fractions: tuple[float, float] = (0.2, 0.2),
    seed: int = 0,
    cache: bool = True,
    shorter: int | None = None,
    bicubic: bool = False,
) -> Splits:
    """A folder of photographs as uint8 images ``(N, 3, size, size)`` in three stratified parts.

    Three layouts are understood: one folder per class (``cats/1.jpg``); these inside ``train``, ``val`` and ``test``;
    and Kaggle's flat one, where the name begins with the class (``cat.0.jpg``). Parts that the folder does not have are
    cut from the training photographs. Files that cannot be read are left out and listed in ``.skipped``;
    ``.source`` says how many, and how many photographs each class has if their numbers are unequal.

    Decoding happens once, in parallel; later calls map the result from the cache folder, until a file changes.

    Args:
        path: the folder.
        size: each photograph is scaled so that its shorter side has so many pixels, and its centre cut out.
        fractions: shares of validation and test photographs, where the folder does not have these parts.
        seed: decides which photographs these are.
        cache: keep the decoded photographs for the next call.
        shorter: see `read_photograph`, which makes the pixels.
        bicubic: likewise.

    Raises:
        FileNotFoundError: if there is no such folder, or no photograph in it.
        ValueError: if there are fewer than two classes, a class has no readable photograph, or a setting is wrong.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder; give the folder that holds the photographs")
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"size must be a whole number of at least 1, not {size!r}")
    if len(fractions) != 2 or min(fractions) < 0 or sum(fractions) >= 1:
        raise ValueError(f"fractions must be two shares with a sum below 1, not {fractions}")
    parts = _find_parts(path)
    classes = tuple(sorted({label for _, label in parts["train"]}))
    if not classes:
        raise FileNotFoundError(f"{path} holds no photographs; put them into one folder per class, such as {path}/cat")
    if len(classes) < 2:
        raise ValueError(f"{path} holds only the class {classes[0]!r}; a classifier needs folders of at least two")
    files = {part: [(file, classes.index(label)) for file, label in some] for part, some in parts.items()}
    shares = [0 if part in files else share for part, share in zip(("val", "test"), fractions, strict=True)]
    labels = torch.tensor([label for _, label in files["train"]])
    cuts = split_indices(labels, (1 - sum(shares), *shares), seed)
    train, val, test = ([files["train"][i] for i in rows.tolist()] for rows in cuts)
    parts = [train, files.get("val", val), files.get("test", test)]
    return read_photographs(path, parts, classes, size, f"photographs in {path.name}", cache, shorter, bicubic)


def read_photographs(
    root: Path,
    parts: Sequence[Sequence[tuple[Path, int]]],
    classes: tuple[str, ...],
    size: int,
    source: str,
    cache: bool = True,
    shorter: int | None = None,
    bicubic: bool = False,
) -> Splits:
    """Decode photographs, or take them from the cache if none of them has changed since.

    Args:
        root: the folder that names the cache.
        parts: path and class index of each photograph, for training, validation and test.
        classes: the name of each class.
        size: height and width of the result.
        source: where the photographs come from, in words.
        cache: whether to use and keep a cache.
        shorter: see `read_photograph`, which makes the pixels.
        bicubic: likewise.

    Raises:
        ValueError: if a class has no readable photograph to train on.
    """
    import numpy as np

    read = partial(read_photograph, size=size, shorter=shorter, bicubic=bicubic)
    files = [file for part in parts for file in part]
    shape = (len(files), 3, size, size)
    name = f"{root.name}-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]}-{size}"
    name += f"-{shorter}" * (shorter is not None) + "-bicubic" * bicubic
    stored = cache_folder() / "photographs" / f"{name}-{_fingerprint(files)}.npy"
    notes = stored.with_suffix(".json")
    if not cache:
        pixels = np.empty(shape, dtype=np.uint8)
        skipped = _decode_all(files, pixels, read)
    else:
        if not stored.exists():
            with arriving(stored) as temporary:
                skipped = _decode_all(files, np.lib.format.open_memmap(temporary, "w+", np.uint8, shape), read)
                with arriving(notes) as beside:  # before the array: where the array is, the notes are
                    beside.write_text(json.dumps(skipped))
            for old in stored.parent.glob(f"{name}-*"):
                if old.stem != stored.stem and old.suffix != ".part":
                    old.unlink(missing_ok=True)
        skipped = {int(row): cause for row, cause in json.loads(notes.read_text()).items()}
        pixels = np.load(
            stored, mmap_mode="c"
        )  # copy on write: a tensor needs writable memory, the file stays as it is
    targets = torch.tensor([label for row, (_, label) in enumerate(files) if row not in skipped])
    report = tuple(f"{files[row][0].relative_to(root)}: {cause}" for row, cause in sorted(skipped.items()))
    if skipped:
        source += f" ({len(skipped)} unreadable left out)"
    counts = torch.bincount(targets, minlength=len(classes)).tolist()
    if max(counts) > UNEQUAL * min(counts) > 0:
        source += f"; unequal classes: {', '.join(f'{n} {label}' for n, label in zip(counts, classes, strict=True))}"
    everything = Images(torch.from_numpy(pixels)[: len(targets)], targets, classes, source, skipped=report)
    ends = np.cumsum([0] + [len(part) for part in parts])
    ends = [int(end) - sum(row < end for row in skipped) for end in ends]
    splits = Splits(*(everything.take(slice(start, end)) for start, end in zip(ends[:-1], ends[1:], strict=True)))
    for index, label in enumerate(classes):
        if not bool((splits.train.targets == index).any()):
            cause = next((cause for row, cause in skipped.items() if files[row][1] == index), "there is none")
            raise ValueError(
                f"no photograph of the class {label!r} can be read for training: {cause}; add some that can"
            )
    return splits


def _find_parts(path: Path) -> dict[str, list[tuple[Path, str]]]:
    """The files of each part that the folder has, ``train`` at least, with the names of their classes."""
    inside = {PARTS[f.name.lower()]: f for f in sorted(path.iterdir()) if f.is_dir() and f.name.lower() in PARTS}
    if "train" not in inside:
        return {"train": _list_files(path)}
    parts = {part: _list_files(folder) for part, folder in inside.items()}
    known = {label for _, label in parts["train"]}
    # Kaggle's test photographs have no labels: a part that names other classes is no part.
    return {part: files for part, files in parts.items() if files and {label for _, label in files} <= known}


def _list_files(folder: Path) -> list[tuple[Path, str]]:
    """Every file with its class: the folder it is in, or in a flat folder the beginning of its name."""
    visible = sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    in_folders = [
        (file, item.name)
        for item in visible
        if item.is_dir()
        for file in sorted(item.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    ]
    if in_folders:
        return in_folders
    return [(item, item.name.split(".")[0]) for item in visible if item.is_file() and item.name.count(".") >= 2]


def _fingerprint(files: Sequence[tuple[Path, int]]) -> str:
    """Changes when a file is added, removed, renamed, relabelled or written."""
    digest = hashlib.sha256(str(VERSION).encode())
    for file, label in files:
        stat = os.stat(file)
        digest.update(f"{file}|{label}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]


def _decode_all(
    files: Sequence[tuple[Path, int]], pixels: "np.ndarray", read: Callable[[Path], torch.Tensor]
) -> dict[int, str]:
    """Decode every file into ``pixels``, the readable ones first; returns the cause for each unreadable one."""
    skipped: dict[int, str] = {}

    def decode(row: int) -> None:
        try:
            pixels[row] = read(files[row][0]).numpy()
        except Exception as error:  # whatever a broken file makes a decoder raise
            skipped[row] = _cause(files[row][0], error)

    # Threads, not processes: decoding and scaling leave Python, and the pixels need not travel.
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        list(pool.map(decode, range(len(files))))
    if skipped:
        for place, row in enumerate(row for row in range(len(files)) if row not in skipped):
            pixels[place] = pixels[row]
    return skipped


def _cause(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "the file is empty"
    return (
        "not an image"
        if type(error.__cause__).__name__ == "UnidentifiedImageError"
        else str(error).strip() or type(error).__name__
    )
