"""What was handed in, before anybody opened it, and the bounds of what is looked at."""

import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from grader.model import Job, Note, Refused, Status
from grader.notebook.lean import Lean, lean

MAX_BYTES = 50 * 2**20  # a larger file is refused unread


MAX_NOTEBOOK = 256 * 2**20  # bytes of a notebook, most of which are outputs: they are dropped while it is read


MAX_UNPACKED = 512 * 2**20  # bytes of the files in an archive that a student made


PIECE = 2**20  # bytes that are read at a time


MAX_ENTRIES = 500  # files looked at per student


MAX_LOOKED_INTO = 10  # files that are opened to choose among them


MAX_MEMBERS = 500_000  # members of a platform's archive


MAX_PACKED = 10_000  # members of an archive that a student made


MAX_EXTRA = 5 * 2**20  # bytes of a student's own data files


_COPY = re.compile(r"\s*\(\d+\)|[-_ ]copy[-_ ]?\d*|\.ipynb|\.txt|\.json|\.download", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A file somebody handed in: its path inside the submission, and a way to read its bytes in pieces."""

    path: str
    size: int
    read: Callable[[], Iterable[bytes]]
    problem: str = ""


@dataclass
class Handed:
    """What one student handed in, before anything was opened."""

    student: str
    entries: list[Entry] = field(default_factory=list)
    problem: str = ""
    notes: list[Note] = field(default_factory=list)
    first_name: str | None = None
    last_name: str | None = None
    lms_user_id: str | None = None
    alias: str = ""  # the whole name in one word, as Canvas writes it, or the name of an account
    attempt: str = ""  # when it was handed in, if the name says so: the last in order of text is the last in time
    place: str = ""  # in an archive, what stands before the names of the student's files
    doubt: str = ""  # why the name that was given does not say whose this is


@dataclass
class Submission:
    """What one student handed in, ready to grade: one job per notebook, or the reason why there is none."""

    student: str
    sha256: str
    status: Status = Status.GRADED  # or MISSING, or REFUSED
    jobs: list[Job] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    timestamp: datetime | None = None


def nfc(name: str) -> str:
    """A name as it is compared: macOS writes accents as characters of their own."""
    return unicodedata.normalize("NFC", name)


def natural(name: str) -> list[tuple[str, int]]:
    """A key that sorts names as people count: 9 before 10."""
    return [(text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d{0,18})", name)]


def storable(text: str) -> str:
    """Text that can be encoded: of a file name that is not UTF-8, the bytes are named."""
    return text.encode("utf-8", "backslashreplace").decode()


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names as part of a sentence, no more of them than ``most``."""
    names = [storable(name) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def kind_of(mode: int) -> str:
    kinds = {stat.S_ISLNK: "a link", stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((name for test, name in kinds.items() if test(mode)), "a device")


def plain_name(name: str) -> str:
    """A file name as a guess at what it is a copy of: ``Tensors (1).ipynb`` becomes ``tensors``."""
    return re.sub(r"[\W_]+", "", _COPY.sub("", nfc(PurePosixPath(name).name)).casefold())


def is_notebook(path: str) -> bool:
    """Is this the name of a notebook, or of a copy such as ``hw1.ipynb.txt``, and not that of an archive?"""
    name = PurePosixPath(path).name.lower()
    return ".ipynb" in name and not name.endswith(".zip")


def content_of(entry: Entry) -> bytes:
    """The bytes of a file.

    Raises:
        Refused: if it cannot be read, or is larger than files may be.
    """
    return b"".join(_pieces(entry, MAX_BYTES))


def notebook_of(entry: Entry) -> Lean:
    """A notebook without its outputs, which may have made it large.

    Raises:
        Refused: if it cannot be read, or is larger than a notebook may be.
    """
    return lean(_pieces(entry, MAX_NOTEBOOK))


def _pieces(entry: Entry, most: int) -> Iterator[bytes]:
    name = PurePosixPath(entry.path).name
    if entry.problem:
        raise Refused(f"{name} {entry.problem}.", f"Your file {name} {entry.problem}: hand in the notebook itself.")
    too_large = Refused(
        f"{name} is larger than {most >> 20} MB.",
        f"Your file {name} is larger than {most >> 20} MB: clear all outputs, save, and hand it in again.",
    )
    if entry.size > most:
        raise too_large
    size = 0
    try:
        for piece in entry.read():
            size += len(piece)
            if size > most:
                raise too_large
            yield piece
    except OSError as error:
        raise Refused(f"{name} cannot be read: {error.strerror}.", f"Your file {name} cannot be read.") from error


def add_note(submission: Submission, code: str, instructor: str, student: str, notebook: str = "") -> None:
    submission.notes.append(Note(code, instructor, student, notebook))
