"""Which photographs does a folder hold, and of which classes and parts? Asked of folders as people really have them."""

import filecmp
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

__all__ = ["Found", "find_photographs", "shown"]

PARTS = {
    "train": "train", "training": "train", "trn": "train", "val": "val", "valid": "val", "validate": "val",
    "validation": "val", "vld": "val", "dev": "val", "eval": "val", "evaluation": "val", "test": "test",
    "testing": "test", "tst": "test", "holdout": "test",
}  # fmt: skip
DECORATION = {
    "", "set", "seg", "data", "dataset", "image", "images", "img", "imgs", "part", "photos", "pictures", "split", "x",
}  # fmt: skip
# What systems and programs leave in everybody's folders; names that begin with a dot are left out anyway.
SYSTEM = {
    "__macosx", "@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler",
    "lost+found", "found.000", "system volume information", "__pycache__", "icon\r",
}  # fmt: skip
PICTURES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".avif",
    ".heic", ".heif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".svg", ".dng", ".cr2", ".nef",
    ".arw",
}  # fmt: skip
PACKED = {".zip", ".tar", ".tgz", ".gz", ".7z", ".rar"}
TEXTS = {
    ".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".yaml", ".yml", ".log", ".ini", ".db", ".py", ".ipynb",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        parts: for ``train``, and for ``val`` and ``test`` where they are given, each file with the name of its class.
        notes: what was left out, in words.
        folder: where the classes or parts lie: the folder itself, or the one that it wraps.
    """

    parts: dict[str, list[tuple[Path, str]]]
    notes: tuple[str, ...]
    folder: Path


@dataclass
class Folder:
    """A folder as it was found, without what is hidden or the system's."""

    path: Path
    pictures: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    folders: list["Folder"] = field(default_factory=list)
    error: str = ""

    @property
    def name(self) -> str:
        return unicodedata.normalize("NFC", shown(self.path.name)).strip()

    @property
    def key(self) -> str:
        """The name as it is compared: a Mac and a PC write the same letters differently."""
        return unicodedata.normalize("NFC", self.name.casefold())

    @property
    def part(self) -> str | None:
        """``train``, ``val`` or ``test``, if the name says that: ``Training_Set``, ``seg_test``, ``test1``."""
        words = [word for word in re.split(r"[^a-z]+", self.key) if word not in DECORATION]
        return PARTS.get(words[0]) if len(words) == 1 else None

    def everything(self) -> Iterator["Folder"]:
        """The folder and all below it."""
        yield self
        for folder in self.folders:
            yield from folder.everything()

    def has_pictures(self) -> bool:
        return any(folder.pictures for folder in self.everything())

    def files(self) -> list[Path]:
        """All files, pictures or not: what cannot be read is reported later."""
        return sorted(file for folder in self.everything() for file in (*folder.pictures, *folder.others))

    def flat(self) -> dict[str, list[Path]]:
        """Kaggle's flat form: the name begins with the class, ``cat.0.jpg``."""
        classes: dict[str, list[Path]] = {}
        for file in self.pictures:
            label = unicodedata.normalize("NFC", shown(file.name).split(".")[0]).strip()
            if label and file.name.count(".") >= 2:
                classes.setdefault(label, []).append(file)
        return classes


def find_photographs(path: Path) -> Found:
    """The files of each part of a folder, ``train`` at least, with the names of their classes.

    Raises:
        FileNotFoundError: if the folder holds no photographs, or nothing tells their classes.
        ValueError: if a class is empty or cannot be read, or there is no training part beside the others.
        OSError: if the folder cannot be read.
    """
    root = _scan(path, os.path.realpath(path))
    if root.error:
        raise OSError(f"{shown(path)} cannot be read ({root.error}); allow reading it, or copy it")
    top = _unwrap(root)
    notes: list[str] = []
    given = _given(top)
    filled = [folder for folder in top.folders if folder.has_pictures()]
    beside = [] if given and not any(folder.part for folder in top.folders) else [f for f in filled if not f.part]
    train: dict[str, list[tuple[Path, str]]] = {}
    for folder in given.get("train", ()):
        _merge(train, _labelled(folder, notes, strict=True), notes)
    if train:
        notes += [f"{folder.name} was not used: it is none of the parts" for folder in beside]
    elif beside or not given:
        # A class may be called train beside another that is called bus; and where else is one only, valid.
        if len(beside) == 1 and "train" not in given and all(folder.pictures for folder in filled):
            notes += [f"{folder.name} is taken for a class" for folder in filled if folder.part]
            given = {}
        usable = [folder for folder in top.folders if not given or folder.part in (None, "train")]
        _merge(train, _labelled(Folder(top.path, top.pictures, top.others, usable), notes, strict=True), notes)
    elif "train" in given:
        _raise_unlabelled(given["train"][0])
    elif any(folder.has_pictures() for folders in given.values() for folder in folders):
        raise ValueError(
            f"{shown(top.path)} holds {' and '.join(sorted(given))}, but no training part; call its folder train"
        )
    if not train:
        _raise_unlabelled(top)
    if "train" not in given and (same := _same_inside(beside)):
        notes.append(
            f"each of {_list([folder.name for folder in beside])} holds {_list(same)}: "
            "if these are the classes, call the folders around them train, val and test"
        )
    parts = {"train": [pair for some in train.values() for pair in some]}
    names = {key: some[0][1] for key, some in train.items()}
    for part in ("val", "test"):
        some = [pair for folder in given.get(part, ()) for pair in _known(folder, names, notes)]
        if some:
            parts[part] = some
    used = {file for pairs in parts.values() for file, _ in pairs}
    for folder in root.everything():
        loose = len(set(folder.pictures) - used)
        if loose and not used.isdisjoint(folder.files()):
            notes.append(f"{loose} photographs beside the folders in {folder.name} were not used")
    return Found(_once(parts, notes), tuple(notes), top.path)


def _given(top: Folder) -> dict[str, list[Folder]]:
    """The folders of each part; those within classes (``cat/test``) as if it were the other way round."""
    given: dict[str, list[Folder]] = {}
    for folder in top.folders:
        if folder.part:
            given.setdefault(folder.part, []).append(folder)
    inner = [(one, part) for one in top.folders for part in one.folders if part.has_pictures()]
    if not given and {"train"} < {part.part for _, part in inner} and all(part.part for _, part in inner):
        if same := _same_inside([part for _, part in inner]):  # several sets of the same classes
            names = list(dict.fromkeys(one.name for one, _ in inner))
            raise ValueError(
                f"each of {_list(names)} has parts of its own with the classes {_list(same)}; give the folder of one, "
                f"such as {shown(inner[0][0].path)}"
            )
        for one, part in inner:
            folder = given.setdefault(str(part.part), [Folder(top.path / part.path.name)])[0]
            folder.folders.append(replace(part, path=one.path))
    return given


def _same_inside(folders: list[Folder]) -> list[str]:
    """What the folders in each of these are called, if that is the same in all, and they are several."""
    within = [{inner.key for inner in folder.folders if inner.has_pictures()} for folder in folders]
    several = len(within) > 1 and len(within[0]) > 1 and all(keys == within[0] for keys in within)
    return sorted(within[0]) if several else []


def _once(parts: dict[str, list[tuple[Path, str]]], notes: list[str]) -> dict[str, list[tuple[Path, str]]]:
    """Each file in one part and class only, whatever links there are to it."""
    seen: dict[tuple, Path] = {}
    for part, pairs in parts.items():
        parts[part] = [(file, label) for file, label in pairs if seen.setdefault(_identity(file), file) is file]
        if links := len(pairs) - len(parts[part]):
            notes.append(f"{links} of {part} are links to files that are there already, and were not used")
    if copies := _copies([file for pairs in parts.values() for file, _ in pairs]):
        names = " of ".join(shown(Path(*file.parts[-2:])) for file in copies[0])
        notes.append(
            f"copies of photographs: {len(copies)}, as {names}; delete them, or a test may be of what was learnt"
        )
    return parts


def _copies(files: list[Path]) -> list[tuple[Path, Path]]:
    """Pairs of photographs that are the same byte for byte; only files of one size are looked into."""
    by_size: dict[int, list[Path]] = {}
    for file in files:
        with suppress(OSError):
            by_size.setdefault(os.path.getsize(file), []).append(file)
    seen: dict[tuple[int, int], Path] = {}
    pairs = []
    for size, file in [(size, file) for size, some in by_size.items() if size and some[1:] for file in some]:
        with suppress(OSError), open(file, "rb") as opened:
            opened.seek(size // 2)  # headers may be the same
            first = seen.setdefault((size, hash(opened.read(4096))), file)
            if first is not file and filecmp.cmp(first, file, shallow=False) and _is_picture(file):
                pairs.append((file, first))
    return pairs


def _identity(file: Path) -> tuple:
    """What two names of one file have in common."""
    try:
        status = os.stat(file)
    except OSError:
        return (file,)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def shown(name: str | os.PathLike) -> str:
    """A file name that can be printed, whatever its bytes are."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _scan(path: Path, root: str) -> Folder:
    found = Folder(Path(path))
    try:
        with os.scandir(path) as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        found.error = error.strerror or str(error)
        return found
    for entry in entries:
        if entry.name.startswith(".") or entry.name.casefold() in SYSTEM:
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError:  # a link that goes round in circles
            is_folder, is_file = False, False
        if is_folder:
            # A link to a folder of this tree would count its photographs twice, and might never end.
            target = os.path.realpath(entry.path)
            if not entry.is_symlink() or os.path.commonpath([root, target]) not in (root, target):
                found.folders.append(_scan(found.path / entry.name, root))
        elif is_file or entry.is_symlink():  # a broken link is a photograph that cannot be read
            file = found.path / entry.name
            (found.pictures if _is_picture(file) else found.others).append(file)
    return found


def _is_picture(file: Path) -> bool:
    """By its ending, or where that says nothing by its first bytes."""
    suffix = file.suffix.lower()
    if suffix in PICTURES or suffix in TEXTS:
        return suffix in PICTURES
    from PIL import Image

    try:
        with Image.open(file):
            return True
    except Exception:  # whatever a foreign file makes a decoder raise
        return False


def _unwrap(folder: Folder) -> Folder:
    """The folder that holds the classes or the parts: this one, or the only one in it that leads to several."""
    filled = [inner for inner in folder.folders if inner.has_pictures()]
    if len(filled) != 1 or len(folder.flat()) > 1 or filled[0].part or filled[0].pictures and not filled[0].flat():
        return folder
    inner = _unwrap(filled[0])
    several = sum(one.has_pictures() for one in inner.folders) > 1 or len(inner.flat()) > 1
    return inner if several or any(one.part for one in inner.folders) else folder


def _labelled(
    folder: Folder, notes: list[str], strict: bool = False, known: dict[str, str] | None = None
) -> dict[str, list[Path]]:
    """Each class of a part with its files; ``strict`` means that every folder is to be a class, and none empty."""
    filled = [inner for inner in folder.folders if inner.has_pictures()]
    if len(filled) == 1 and filled[0].key not in (known or ()):
        if len(filled[0].flat()) > 1:
            return filled[0].flat()
        if not filled[0].pictures and len(_labelled(filled[0], [], known=known)) > 1:
            return _labelled(filled[0], notes, strict, known)
    if not filled:
        return folder.flat()
    classes: dict[str, list[Path]] = {}
    for inner in folder.folders:
        problem = next((one for one in inner.everything() if one.error), None)
        if problem and strict:
            raise ValueError(f"{shown(problem.path)} cannot be read ({problem.error}); allow reading it, or remove it")
        if inner in filled:
            classes.setdefault(inner.name, []).extend(inner.files())
        elif strict and not inner.files():
            raise ValueError(f"{shown(inner.path)} is empty; put photographs of this class into it, or remove it")
        elif strict:
            notes.append(f"{inner.name} is no class: it holds no photographs")
    return classes


def _merge(classes: dict[str, list[tuple[Path, str]]], more: dict[str, list[Path]], notes: list[str]) -> None:
    """Add files to their classes; names that differ only in case or in how letters are encoded are one class."""
    for label, files in more.items():
        some = classes.setdefault(unicodedata.normalize("NFC", label.casefold()), [])
        name = some[0][1] if some else label
        if name != label:
            notes.append(f"{name} and {label} are taken for one class")
        some += [(file, name) for file in files]


def _known(folder: Folder, names: dict[str, str], notes: list[str]) -> list[tuple[Path, str]]:
    """The photographs of a given part whose class is known from training."""
    labelled = _labelled(folder, [], known=names)
    pairs = []
    strangers = []
    for label, files in labelled.items():
        name = names.get(unicodedata.normalize("NFC", label.casefold()))
        pairs += [(file, name) for file in files if name is not None]
        strangers += [label] * (name is None)
    pictures = sum(len(one.pictures) for one in folder.everything())
    if not pairs and pictures:
        why = f"holds other classes ({_list(strangers)})" if strangers else "does not say its classes"
        notes.append(f"{folder.name} was not used: it {why}")
    elif strangers:
        notes.append(
            f"{_list(strangers)} in {folder.name} {'was' if len(strangers) == 1 else 'were'} not used: "
            "no such class in train"
        )
    if problem := next((one for one in folder.everything() if one.error), None):
        raise ValueError(f"{shown(problem.path)} cannot be read ({problem.error}); allow reading it, or remove it")
    return pairs


def _list(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _raise_unlabelled(folder: Folder) -> NoReturn:
    count = sum(len(one.pictures) for one in folder.everything())
    here = shown(folder.path)
    if not count:
        packed = [file for one in folder.everything() for file in one.others if file.suffix.lower() in PACKED]
        first = f"unpack {shown(packed[0])}, and " if packed else ""
        raise FileNotFoundError(f"{here} holds no photographs; {first}put them into a folder per class, as {here}/cat")
    raise FileNotFoundError(
        f"{here} holds {count} photographs, but nothing says their classes; put them into one folder per class, "
        f"such as {here}/cat, or begin each name with the class and a dot, such as cat.0.jpg"
    )
