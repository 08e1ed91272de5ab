"""Real data sets: used where they are found or can be fetched, and never swapped for others without saying so."""

import gzip
import math
import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from helpers.data.download import DownloadError, cache_folder, data_folder, fetch, is_offline, unpack, unpacking
from helpers.data.drawn import drawn_animals
from helpers.data.folders import image_folder, read_photographs
from helpers.data.sets import Images, Splits, split_indices
from helpers.data.tabular import digits

__all__ = ["cats_and_dogs", "cats_vs_dogs", "fashion_mnist", "pets", "read_idx"]

FASHION_CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
)  # fmt: skip
# Name, bytes and MD5 sum of the published files.
FASHION_FILES = {
    "train-images-idx3-ubyte": (26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    "train-labels-idx1-ubyte": (29515, "25c81989df183df01b3e8a0aad5dffbe"),
    "t10k-images-idx3-ubyte": (4422102, "bef4ecab320f06d8554ea6380940ec79"),
    "t10k-labels-idx1-ubyte": (5148, "bb300cfdad3c16e7a12a480ee83cd310"),
}
FASHION_MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
PETS_FILES = {"images": "5c4f3ee8e5d25df40f4fd59a7f44e54c", "annotations": "95a8c909bbe2e81eed6a22bccdf3f68f"}
PETS_MIRRORS = ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/", "https://thor.robots.ox.ac.uk/~vgg/data/pets/")
# The smallest set of photographs of cats and dogs with an address of its own: 2,000 to train on and 1,000 to test on.
CATS_VS_DOGS = ("https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip", 68_606_236)


def fashion_mnist(fallback: bool = True) -> Splits:
    """Fashion-MNIST (Zalando Research, MIT licence): 70,000 grey images of clothes, uint8 ``(N, 1, 28, 28)``.

    Looked for as torchvision stores it, ``FashionMNIST/raw`` in ``COURSE_DATA`` or in the cache folder, and downloaded
    (30 MB) if it is not there. Of the 60,000 training images 5,000 (stratified) are for validation; 10,000 test.

    Args:
        fallback: return the digits instead if there is neither data nor network; ``.source`` then says so.

    Raises:
        DownloadError: if the data cannot be had and ``fallback`` is False.
        FileNotFoundError: if ``COURSE_DATA`` is set but is no folder, is empty, or holds only a part of the files.
        ValueError: if a file there is truncated or is no IDX file.
    """
    folder = data_folder() / "FashionMNIST" / "raw"
    found = {name: _find_idx(folder, name) for name in FASHION_FILES}
    missing = [name for name, path in found.items() if path is None]
    if missing and len(missing) < len(found) and folder.parent.parent != cache_folder():
        # Not topped up from the network: that would pair the images of one copy with the labels of another.
        raise FileNotFoundError(f"{folder} lacks {missing[0]}; add it, or delete the other files to fetch all again")
    try:
        for name in missing:
            size, md5 = FASHION_FILES[name]
            urls = [f"{mirror}{name}.gz" for mirror in FASHION_MIRRORS]
            found[name] = fetch(urls, folder / f"{name}.gz", size=size, md5=md5)
    except DownloadError:
        if not fallback:
            raise
        return _instead(digits(), "Fashion-MNIST")
    train, test = (
        _labelled(found[f"{part}-images-idx3-ubyte"], found[f"{part}-labels-idx1-ubyte"]) for part in ("train", "t10k")
    )
    n = len(train)
    return Splits(*(train.take(part) for part in split_indices(train.targets, (n - n // 12, n // 12))), test)


def pets(size: int = 64, download: bool = False, fallback: bool = True) -> Splits:
    """Cats and dogs of the Oxford-IIIT Pet data set (Parkhi et al. 2012, CC BY-SA 4.0), uint8 ``(N, 3, size, size)``.

    Looked for as torchvision stores it, ``oxford-iiit-pet/images`` and ``oxford-iiit-pet/annotations`` in
    ``COURSE_DATA`` or in the cache folder. Of the 3,680 training photographs one fifth is for validation; 3,669 test.

    Args:
        size: each photograph is scaled so that its shorter side has so many pixels, and its centre cut out.
        download: fetch the 800 MB if they are not there.
        fallback: return drawn cats and dogs instead if they cannot be had; ``.source`` then says so.

    Raises:
        DownloadError: if the data cannot be had and ``fallback`` is False.
        FileNotFoundError: if ``COURSE_DATA`` is set but is no folder or is empty, or a listed part is missing.
    """
    folder = data_folder() / "oxford-iiit-pet"
    try:
        for part, md5 in PETS_FILES.items():
            if not os.path.isdir(folder / part):
                if not download or is_offline():
                    why = "COURSE_OFFLINE forbids the network" if is_offline() else "pets(download=True) fetches 800 MB"
                    raise DownloadError(f"{folder / part} is not there; {why}")
                archive = fetch(
                    [f"{mirror}{part}.tar.gz" for mirror in PETS_MIRRORS], folder / f"{part}.tar.gz", md5=md5
                )
                unpack(archive, folder / part)
    except DownloadError:
        if not fallback:
            raise
        animals = drawn_animals(3000, size=max(32, min(size, 224)))
        parts = (animals.take(slice(*ends)) for ends in ((0, 2000), (2000, 2500), (2500, 3000)))
        return _instead(Splits(*parts), "Oxford-IIIT Pet")
    training, test = (
        [(folder / "images" / f"{name}.jpg", label) for name, label in _read_pet_list(folder / "annotations" / listed)]
        for listed in ("trainval.txt", "test.txt")
    )
    train, val = split_indices(torch.tensor([label for _, label in training]), (0.8, 0.2))
    parts = [[training[i] for i in train.tolist()], [training[i] for i in val.tolist()], test]
    return read_photographs(folder, parts, ("cat", "dog"), size, "Oxford-IIIT Pet (real photographs)")


def cats_vs_dogs(size: int = 64, download: bool = False, shorter: int | None = None, bicubic: bool = False) -> Splits:
    """Photographs of cats and dogs as people take them (from Kaggle's Dogs vs. Cats, 2013).

    Looked for in ``COURSE_DATA`` or the cache folder: ``cats_vs_dogs``, a folder in any layout that `image_folder`
    reads, such as one of your own; or ``cats_and_dogs_filtered``, 2,000 photographs to train on and 1,000 to test on,
    which can be fetched (69 MB). They carry no open licence: learn with them, do not publish them. `pets` are licensed.

    Args:
        size: height and width of the result.
        download: fetch the 69 MB if no photographs are there.
        shorter: see `helpers.data.read_photograph`; ``cats_vs_dogs(**model.view)`` makes what a backbone expects.
        bicubic: likewise.

    Returns:
        uint8 images ``(N, 3, size, size)``. One fifth of the training photographs is for validation if the folder has
        no part for it.

    Raises:
        DownloadError: if there are none and they cannot be had; it says in which three ways to get some.
        FileNotFoundError: if ``COURSE_DATA`` is set but is no folder or is empty, or the folder has no photograph.
        ValueError: if the folder has fewer than two classes, or the fetched file is damaged.
    """
    folder = find_cats_vs_dogs(download)
    return image_folder(folder, size, (0.2, 0.2), shorter=shorter, bicubic=bicubic)


def cats_and_dogs(count: int, size: int = 64, download: bool = False, **view) -> tuple[Images, Images]:
    """Cats and dogs to learn from and to test on, at most ``count`` each: photographs, or drawings if there are none.

    Half of each are cats; ``.source`` says what they are. Other arguments: see `cats_vs_dogs`.

    Raises:
        ValueError: if ``count`` has no room for a cat and a dog.
    """
    if count < 2:
        raise ValueError(f"count={count}: ask for at least 2, a cat and a dog")
    try:
        found = cats_vs_dogs(size, download, **view)
    except (DownloadError, FileNotFoundError):
        count -= count % 2
        animals = drawn_animals(2 * count, size=size)
        return animals.take(slice(count)), animals.take(slice(count, None))
    return _half_cats(found.train, count), _half_cats(found.test, count)


def _half_cats(images: Images, count: int) -> Images:
    """At most ``count`` of the images, as many of one class as of the other, in the order in which they were."""
    of_class = [(images.targets == label).nonzero().flatten() for label in (0, 1)]
    few = min(count // 2, *map(len, of_class))
    return images.take(torch.cat([places[:few] for places in of_class]).sort().values)


def find_cats_vs_dogs(download: bool = False) -> Path:
    """The folder that `cats_vs_dogs` reads; see there."""
    base = data_folder()
    folder = next(
        (base / name for name in ("cats_vs_dogs", "cats_and_dogs_filtered") if os.path.isdir(base / name)), None
    )
    if folder is None:
        url, length = CATS_VS_DOGS
        folder = base / "cats_and_dogs_filtered"
        if not download or is_offline():
            why = "COURSE_OFFLINE forbids the network" if is_offline() else "download=True fetches some (69 MB)"
            raise DownloadError(
                f"there are no photographs in {base / 'cats_vs_dogs'}; {why}. Twenty of your own do as well: put them "
                "there, one folder per class, or label them with helpers.interactive.label_photographs"
            )
        unzip_photographs(fetch([url], base / "cats_and_dogs_filtered.zip", size=length), folder)
    return folder


def unzip_photographs(archive: Path, folder: Path) -> None:
    """Unpack the photographs of an archive; those to validate on become ``test``, because a score is read from them.

    The zip file holds a checksum (CRC-32) of every photograph, which is compared while it is read.

    Raises:
        ValueError: if the archive is damaged or holds no photographs.
    """
    with unpacking(folder) as temporary:
        try:
            with zipfile.ZipFile(archive) as stored:
                names = [name for name in stored.namelist() if name.lower().endswith((".jpg", ".jpeg", ".png"))]
                for name in names:
                    part, label, file = PurePosixPath(name).parts[-3:]
                    place = temporary / ("test" if part == "validation" else part) / label
                    place.mkdir(parents=True, exist_ok=True)
                    (place / file).write_bytes(stored.read(name))
        except (zipfile.BadZipFile, ValueError) as error:
            raise ValueError(f"{archive} is damaged ({error}); delete it and fetch it again") from error
        if not names:
            raise ValueError(f"{archive} holds no photographs; delete it and fetch it again")


def read_idx(path: Path) -> Tensor:
    """The uint8 tensor in an IDX file, plain or gzipped.

    Raises:
        ValueError: if the file is not an IDX file of bytes, or is shorter or longer than its header says.
    """
    remedy = "delete it and run again to fetch it anew, or copy it again"
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); {remedy}") from error
    if len(content) < 4 or content[:3] != b"\0\0\x08" or not 1 <= content[3] <= 4:
        raise ValueError(f"{path} is not an IDX file of bytes; {remedy}")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{path} ends inside its header; {remedy}")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} holds {len(content) - start:,} bytes of data, but {math.prod(shape):,} belong to {shape}; {remedy}"
        )
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).view(shape)


def _find_idx(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if os.path.isfile(path) and os.path.getsize(path)), None)


def _labelled(images_path: Path, labels_path: Path) -> Images:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise ValueError(
            f"{images_path} holds {tuple(images.shape)} and {labels_path.name} {tuple(labels.shape)}: not images with "
            "one label each; copy both again"
        )
    if len(labels) == 0 or int(labels.max()) >= len(FASHION_CLASSES):
        raise ValueError(f"{labels_path} does not hold labels from 0 to 9; copy it again")
    return Images(images.unsqueeze(1), labels.to(torch.int64), FASHION_CLASSES, "Fashion-MNIST (70,000 real images)")


def _read_pet_list(path: Path) -> list[tuple[str, int]]:
    """Names and labels (0 cat, 1 dog) of one part; a line is ``name breed species number``."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path} is missing; delete its folder and fetch the data set again")
    lines = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")]
    if not lines or any(len(line) != 4 or line[2] not in ("1", "2") for line in lines):
        raise ValueError(f"{path} is not a list of pets; delete its folder and fetch the data set again")
    return [(line[0], int(line[2]) - 1) for line in lines]


def _instead(splits: Splits, wanted: str) -> Splits:
    """The same splits, whose source says what they stand in for."""
    source = f"{splits.source} instead of {wanted}, which could not be had (fallback=False says why)"
    return Splits(*(replace(part, source=source) for part in (splits.train, splits.val, splits.test)))
