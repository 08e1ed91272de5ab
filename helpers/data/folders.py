"""Folders of photographs: read in every layout that students meet, decoded once, kept as one array."""

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from helpers.data.decoding import read_photograph
from helpers.data.download import arriving, cache_folder
from helpers.data.layout import find_photographs, shown
from helpers.data.sets import Images, Splits, as_floats, split_indices

if TYPE_CHECKING:
    import numpy as np

__all__ = ["image_folder", "read_photographs"]

UNEQUAL = 1.5  # from this ratio of the largest to the smallest class on, the source says so
VERSION = 3  # raise it when decoding changes, so that old caches are not used
ORDERS = 3  # how many cuts of the same photographs are kept


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

    Three layouts are understood: one folder per class (``cats/1.jpg``); these inside ``train``, ``val`` and ``test``
    (or ``training_set``, ``seg_test`` and the like), or these inside the classes; and Kaggle's flat one, where the name
    begins with the class (``cat.0.jpg``). A folder around all of it does no harm, hidden and system folders are left
    out, a link to a photograph counts once, and names of classes are compared without regard to case. Parts that the
    folder does not have are cut from the training photographs. Files that cannot be read are left out and listed in
    ``.skipped``; ``.source`` says how many, which folders were not used, which class a part lacks, and how many
    photographs each class has if their numbers are unequal.

    Decoding happens once for each cut, in parallel; later calls map the result from the cache folder, until a file
    changes. Where the cache cannot be written, or has no room, photographs are decoded in memory each time.

    Args:
        path: the folder.
        size: each photograph is scaled so that its shorter side has so many pixels, and its centre cut out.
        fractions: shares of validation and test photographs, where the folder does not have these parts.
        seed: decides which photographs these are.
        cache: keep the decoded photographs for the next call.
        shorter: see `read_photograph`, which makes the pixels.
        bicubic: likewise.

    Raises:
        FileNotFoundError: if there is no such folder, no photograph in it, or nothing that says their classes.
        ValueError: if there are fewer than two classes, a class has no readable photograph, there is no training part
            beside the others, or a setting is wrong.
    """
    path = Path(os.path.abspath(os.path.expanduser(path)))
    if not os.path.isdir(path):
        raise FileNotFoundError(f"{shown(path)} is not a folder; give the folder that holds the photographs")
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"size must be a whole number of at least 1, not {size!r}")
    shares = as_floats(fractions)
    if len(shares) != 2 or not min(shares) >= 0 or not sum(shares) < 1:
        raise ValueError(f"fractions must be two shares with a sum below 1, not {fractions}")
    found = find_photographs(path)
    classes = tuple(sorted({label for _, label in found.parts["train"]}))
    if len(classes) < 2:
        raise ValueError(
            f"{shown(path)} holds only the class {classes[0]!r}; a classifier needs folders of at least two, "
            "or names that begin with the class and a dot, such as cat.0.jpg"
        )
    files = {part: [(file, classes.index(label)) for file, label in some] for part, some in found.parts.items()}
    shares = [0 if part in files else share for part, share in zip(("val", "test"), shares, strict=True)]
    labels = torch.tensor([label for _, label in files["train"]])
    train, val, test = (
        [files["train"][i] for i in rows.tolist()] for rows in _cut(labels, (1 - sum(shares), *shares), seed)
    )
    inner = f"/{shown(found.folder.relative_to(path))}" if found.folder != path else ""
    source = "; ".join((f"photographs in {shown(path.name)}{inner}", *found.notes))
    return read_photographs(
        path, [train, files.get("val", val), files.get("test", test)], classes, size, source, cache, shorter, bicubic
    )


def _cut(labels: torch.Tensor, shares: Sequence[float], seed: int) -> list[torch.Tensor]:
    """Training, validation and test rows; a class with few photographs gives the first to training."""
    train, *others = (rows.tolist() for rows in split_indices(labels, shares, seed))
    for label in set(labels.tolist()) - set(labels[train].tolist()):
        part = max(others, key=lambda rows: sum(int(labels[row]) == label for row in rows))
        row = next(row for row in part if int(labels[row]) == label)
        part.remove(row)
        train = sorted([*train, row])
    return [torch.tensor(rows, dtype=torch.int64) for rows in (train, *others)]


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
    name = f"{root.name}-{_digest([os.path.realpath(root)])}-{size}"
    name += f"-{shorter}" * (shorter is not None) + "-bicubic" * bicubic
    stored = cache_folder() / "photographs" / f"{name}-{_fingerprint(files)}.npy"
    kept = _from_cache(stored, shape) if cache else None
    if cache and kept is None:
        try:
            _into_cache(stored, name, files, shape, read)
            kept = _from_cache(stored, shape)
        except OSError as error:
            source += f"; decoded anew each time, since nothing can be kept in the cache ({error.strerror or error})"
    if kept is None:
        pixels = np.empty(shape, dtype=np.uint8)
        kept = pixels, _decode_all(files, pixels, read)
    pixels, skipped = kept
    targets = torch.tensor([label for row, (_, label) in enumerate(files) if row not in skipped])
    report = tuple(f"{shown(files[row][0].relative_to(root))}: {cause}" for row, cause in sorted(skipped.items()))
    if skipped:
        source += f" ({len(skipped)} unreadable left out)"
    first = 0
    for name, some in zip(("training", "val", "test"), parts, strict=True):
        there = {label for row, (_, label) in enumerate(some, first) if row not in skipped}
        first += len(some)
        if none := [label for index, label in enumerate(classes) if index not in there]:
            if name == "training":
                cause = next(
                    (cause for row, cause in skipped.items() if classes[files[row][1]] == none[0]), "there is none"
                )
                raise ValueError(
                    f"no photograph of the class {none[0]!r} can be read for {name}: {cause}; add some that can"
                )
            more = " and others" * (len(none) > 4)
            source += f"; no photograph of {', '.join(none[:4])}{more} in {name}" * bool(some)
    counts = torch.bincount(targets, minlength=len(classes)).tolist()
    if max(counts) > UNEQUAL * min(counts) > 0:
        source += f"; unequal classes: {', '.join(f'{n} {label}' for n, label in zip(counts, classes, strict=True))}"
    everything = Images(torch.from_numpy(pixels)[: len(targets)], targets, classes, source, skipped=report)
    ends = [sum(map(len, parts[:count])) for count in range(len(parts) + 1)]
    ends = [end - sum(row < end for row in skipped) for end in ends]
    return Splits(*(everything.take(slice(start, end)) for start, end in zip(ends[:-1], ends[1:], strict=True)))


def _from_cache(stored: Path, shape: tuple[int, ...]) -> "tuple[np.ndarray, dict[int, str]] | None":
    """Pixels and unreadable files as they were kept, or None if they were not, or not well."""
    import numpy as np

    try:
        notes = json.loads(stored.with_suffix(".json").read_text(encoding="utf-8"))
        skipped = {int(row): str(cause) for row, cause in notes.items()}
        # Copy on write: a tensor needs writable memory, the file stays as it is.
        pixels = np.load(stored, mmap_mode="c")
    except (OSError, ValueError, EOFError, AttributeError):
        return None
    fits = pixels.shape == shape and pixels.dtype == np.uint8 and all(0 <= row < len(pixels) for row in skipped)
    return (pixels, skipped) if fits else None


def _into_cache(
    stored: Path,
    name: str,
    files: Sequence[tuple[Path, int]],
    shape: tuple[int, ...],
    read: Callable[[Path], torch.Tensor],
) -> None:
    """Decode into a file of the cache, and clear away what it held of these photographs before they changed.

    Raises:
        OSError: if the cache cannot be written or has no room; nothing is left of the try.
    """
    import numpy as np

    with arriving(stored) as temporary:
        pixels = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
        # The file is full of holes until they are written to. On a full disk that would kill the process (SIGBUS).
        _reserve(temporary)
        skipped = _decode_all(files, pixels, read)
        pixels.flush()
        with arriving(stored.with_suffix(".json")) as beside:  # before the array: where the array is, the notes are
            beside.write_text(json.dumps(skipped), encoding="utf-8")
    same = stored.stem.rpartition("-")[0]
    others = [file for file in stored.parent.iterdir() if file.stem.rsplit("-", 2)[0] == name]
    # Another seed has the same photographs in another order: the latest few of them stay.
    orders = sorted({f.stem for f in others if f.stem.rpartition("-")[0] == same}, key=lambda stem: _age(stored, stem))
    for old in [file for file in others if file.stem not in orders[:ORDERS]]:
        with suppress(OSError):  # Windows keeps what is mapped
            old.unlink()


def _age(stored: Path, stem: str) -> float:
    try:
        return -stored.with_name(f"{stem}.json").stat().st_mtime
    except OSError:
        return 0


def _reserve(path: Path) -> None:
    """Make the disk give all the blocks of a file now, or say that it cannot."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                    raise
        file.seek(4096)  # the header is there
        while (left := size - file.tell()) > 0:
            file.write(bytes(min(left, 2**20)))
        file.flush()
        os.fsync(file.fileno())


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(os.fsencode(part) + b"\n")
    return digest.hexdigest()[:12]


def _fingerprint(files: Sequence[tuple[Path, int]]) -> str:
    """Changes when a file is added, removed, renamed or written (first half), relabelled or reordered (second)."""
    lines = [f"{file}|{_stamp(file)}" for file, _ in files]
    ordered = [f"{line}|{label}" for line, (_, label) in zip(lines, files, strict=True)]
    return f"{_digest([str(VERSION), *sorted(lines)])}-{_digest(ordered)}"


def _stamp(file: Path) -> str:
    try:
        stat = os.stat(file)
    except OSError as error:
        return str(error.errno)
    return f"{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}"


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
    if isinstance(error, FileNotFoundError):
        return "the link leads nowhere" if path.is_symlink() else "the file is gone"
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        return "the file is empty"
    if type(error.__cause__).__name__ == "UnidentifiedImageError":
        foreign = path.suffix.lower() in (".heic", ".heif", ".avif", ".svg", ".dng", ".cr2", ".nef", ".arw", ".jp2")
        return "this format cannot be read here; save it as JPEG or PNG" if foreign else "not an image"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error).strip()) or type(error).__name__
