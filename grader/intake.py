"""Intake: from what was handed in to a notebook rebuilt from its source. Runs no student code and follows no link.

A submission is looked at with ``lstat``, read up to a limit, and parsed only after its outputs are gone. Of the file,
only the text of answer cells and the student's own cells survive: points, types, ids and tests come from the source.
Whatever was mended or refused is said in two sentences, one for the instructor and one for the student.
"""

import ast
import dataclasses
import functools
import hashlib
import importlib.machinery
import io
import itertools
import json
import os
import re
import stat
import string
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

import nbformat
from nbgrader.utils import compute_checksum, parse_utc
from rapidfuzz import fuzz

from grader.course import Assignment, Course, CourseError, SourceCell, SourceNotebook
from grader.split import definitions
from grader.worker import AnswerCell, Job, Limits

__all__ = [
    "Entry",
    "Handed",
    "Note",
    "Refused",
    "Submission",
    "find_submissions",
    "read_notebook",
    "rebuild",
    "take_in",
]

MAX_BYTES = 50 * 2**20  # a larger file is refused unread
MAX_TEXT = 5 * 2**20  # characters of a notebook once its outputs are gone
MAX_DEPTH = 60  # nested brackets; an ordinary notebook has about 8
MAX_TOKENS = 1_000_000  # brackets and strings; an ordinary notebook has some thousands
MAX_CELLS = 2_000
MAX_CELL = 200_000  # characters of one cell
MAX_ENTRIES = 500  # files looked at per student
MAX_LOOKED_INTO = 10  # files that are opened to choose among them
MAX_MEMBERS = 500_000  # members of a platform's archive
MAX_PACKED = 10_000  # members of an archive that a student made
MAX_EXTRA = 5 * 2**20  # bytes of a student's own data files

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)", re.IGNORECASE)
# Canvas: name, perhaps LATE, the student's number, the file's number, the file's name
_CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<id>\d+)_\d+_(?P<file>.+)")
_DEFINITION = re.compile(
    r"^(?:async\s+)?(?:def|class)\s+(\w+)|^([A-Za-z_]\w*+)[ \t]*+(?::[^=\n]*+)?=(?!=)", re.MULTILINE
)
_COPY = re.compile(r"\s*\(\d+\)|[-_ ]copy[-_ ]?\d*|\.ipynb|\.txt|\.json|\.download", re.IGNORECASE)
_ENDING = re.compile(r"\.ipynb(\.zip)?$", re.IGNORECASE)
_GRADE_ID = re.compile(rb'"grade_id"\s*+:\s*+"([^"\\]*+)"')
_STANDARD = frozenset(name.lower() for name in sys.stdlib_module_names)
_IMPORTABLE = {".py", ".pyc", ".pyd", ".so"}
# what Colab makes of a picture that is pasted into a text, and what JupyterLab does; linear in the text's length
_PICTURE = re.compile(r"data:image/[\w.+;=-]{1,60}?;base64,[\w+/=%-]*+")
_ATTACHED = re.compile(r"""[(='"<:]\s*+attachment:\S""")
_LEFT_OUT = "picture left out"
_PADDING = string.whitespace + "\0\x1a\x85\xa0\u200b\u2028\u2029\ufeff"  # around the JSON, it means nothing


class Refused(Exception):
    """A file that cannot be graded: ``instructor`` and ``student`` are one plain sentence each."""

    def __init__(self, instructor: str, student: str):
        super().__init__(instructor)
        self.instructor, self.student = instructor, student


@dataclass(frozen=True)
class Note:
    """One thing that intake mended: a slug, a sentence for the instructor, one for the student, and the notebook."""

    code: str
    instructor: str
    student: str
    notebook: str = ""  # of the assignment; "" if it is about all of them


@dataclass(frozen=True)
class Entry:
    """A file somebody handed in: its path inside the submission, and a way to read its bytes."""

    path: str
    size: int
    read: Callable[[], bytes]
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


@dataclass
class Submission:
    """What one student handed in, ready to grade: one job per notebook, or the reason why there is none."""

    student: str
    sha256: str
    status: str = "graded"  # graded, missing or refused
    jobs: list[Job] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    timestamp: datetime | None = None


# --- what was handed in --------------------------------------------------------------------------------------------


def find_submissions(course: Course, assignment: Assignment, submitted: Path | None = None) -> Iterator[Handed]:
    """Everything handed in for an assignment, sorted by student and looked at one at a time.

    Args:
        course: the course folder.
        assignment: what is graded.
        submitted: a folder per student, or an archive that a learning platform made; by default the course's own
            ``submitted`` folder.

    Raises:
        CourseError: if there is no such folder or archive.
    """
    path = Path(submitted) if submitted else course.root / course.directory.submitted_directory
    if path.is_file():
        yield from _from_archive(path, assignment)
    elif not path.is_dir():
        raise CourseError(f"There are no submissions: {path} is neither a folder nor a zip archive.")
    elif submitted is None and not course.directory.directory_structure.startswith("{nbgrader_step}/{student_id}"):
        yield from _from_structure(course, assignment)
    else:
        yield from _from_folder(path, assignment)


def _from_structure(course: Course, assignment: Assignment) -> Iterator[Handed]:
    """A course whose configuration arranges its folders in another way than step, student, assignment."""
    pattern = re.compile(
        course.directory.format_path(
            course.directory.submitted_directory, "(?P<student>[^/]+)", assignment.name, escape=True
        )
    )
    found = {}
    for folder in course.root.glob(
        course.directory.directory_structure.format(
            nbgrader_step=course.directory.submitted_directory, student_id="*", assignment_id=assignment.name
        )
    ):
        if match := pattern.fullmatch(str(folder)):
            found[match["student"]] = folder
    for student, folder in sorted(found.items()):
        yield Handed(_student(student), *_scan(folder))


def _from_folder(root: Path, assignment: Assignment) -> Iterator[Handed]:
    groups: dict[str, tuple[Handed, list[tuple[os.DirEntry, str]]]] = {}
    with os.scandir(root) as scan:
        for entry in sorted(scan, key=lambda one: one.name):
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            is_file = entry.is_file(follow_symlinks=False)
            if is_file and not _is_flat(entry.name):
                continue
            handed, name = _handed(entry.name, is_file)
            groups.setdefault(handed.student, (handed, []))[1].append((entry, name))
    for _, (handed, ours) in sorted(groups.items()):
        elsewhere = 0
        for entry, name in ours:
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                only_folders = not handed.lms_user_id and _holds_only_folders(path)
                inner = _inner(path, assignment, handed, only_folders)
                if inner is None and only_folders:
                    elsewhere += 1  # other assignments of this student
                    continue
                entries, problem = _scan(inner or path)
            elif entry.is_file(follow_symlinks=False):
                entries, problem = [_entry(path, name)], ""
            else:
                entries, problem = _scan(path)
            handed.entries += entries
            handed.problem = handed.problem or problem
        if elsewhere < len(ours):
            yield handed


def _inner(path: Path, assignment: Assignment, handed: Handed, only_folders: bool) -> Path | None:
    """The folder of the assignment in a student's folder."""
    try:
        with os.scandir(path) as scan:
            near = [one.name for one in scan if not one.is_file(follow_symlinks=False) and _same(one.name, assignment)]
    except OSError:
        return None
    if not near and only_folders:
        near = _astray([entry.path for entry in _scan(path)[0]], assignment)
    best = _best(near, assignment, handed)
    return path / best if best else None


def _best(names: list[str], assignment: Assignment, handed: Handed) -> str:
    """Of the folders that may be meant, the one with the assignment's name, or the first; "" if there is none."""
    if not names:
        return ""
    best = min(names, key=lambda name: (_nfc(name) != _nfc(assignment.name), name))
    if _nfc(best) != _nfc(assignment.name):
        handed.notes.append(_wrong_folder(best, assignment))
    if len(names) > 1:
        others = _list(name for name in sorted(names) if name != best)
        handed.notes.append(
            Note(
                "duplicate-file",
                f"There are {len(names)} folders for the assignment; {_storable(best)} was taken, not {others}.",
                f"You handed in {len(names)} folders; {_storable(best)} was taken, not {others}.",
            )
        )
    return best


def _same(name: str, assignment: Assignment) -> bool:
    """Does a folder's name mean the assignment, whatever its case and punctuation, or as a copy's name?"""
    wanted = assignment.name
    if _nfc(name).strip().casefold() == _nfc(wanted).casefold():
        return True
    alike = not _is_notebook(name) and _plain(name) == _plain(wanted) != ""
    return alike and all(_plain(other) != _plain(wanted) for other in _others(assignment))


def _astray(paths: list[str], assignment: Assignment) -> list[str]:
    """Folders with a name that is no assignment's, in which lies a notebook with exactly the right name."""
    books = {_nfc(f"{name}.ipynb") for name in assignment.notebooks}
    others, series = {_nfc(name).casefold() for name in _others(assignment)}, _series(assignment.name)
    found = set()
    for path in paths:
        *folders, name = PurePosixPath(path).parts
        # week0 is no wrong name of week1, even if the course has no source of it any more
        free = (
            _same(one, assignment) or (_nfc(one).casefold() not in others and _series(one) != series) for one in folders
        )
        if folders and _nfc(name) in books and all(free):
            found.add("/".join(folders))
    return sorted(found)


def _others(assignment: Assignment) -> list[str]:
    """The names of the course's other assignments."""
    return [name for name in os.listdir(assignment.folder.parent) if name != assignment.folder.name]


def _series(name: str) -> str:
    """What the names of ``week1`` and ``week2`` have in common."""
    return re.sub(r"\d+", "0", _plain(name))


def _nfc(name: str) -> str:
    """A name as it is compared: macOS writes accents as characters of their own."""
    return unicodedata.normalize("NFC", name)


def _wrong_folder(name: str, assignment: Assignment) -> Note:
    return Note(
        "wrong-name",
        f"The folder {_storable(name)!r} was taken for {assignment.name!r}.",
        f"Your folder {_storable(name)!r} should have been called {assignment.name!r}; it was taken all the same.",
    )


def _holds_only_folders(path: Path) -> bool:
    try:
        with os.scandir(path) as scan:
            kinds = [
                entry.is_dir(follow_symlinks=False) and not _is_notebook(entry.name)
                for entry in scan
                if not entry.name.startswith(".")
            ]
    except OSError:
        return False
    return bool(kinds) and all(kinds)


def _is_flat(name: str) -> bool:
    """Does a file tell by its name whose it is, although it lies in no folder?"""
    return ".ipynb" in name.lower() or bool(_MOODLE.fullmatch(name) or _CANVAS.fullmatch(name))


def _handed(name: str, is_file: bool) -> tuple[Handed, str]:
    """A student, by the name that nbgrader or a learning platform gave a folder or file, and the name of the file."""
    if (match := _MOODLE.fullmatch(name)) and (is_file or not match["file"]):
        first, _, last = _storable(match["name"]).strip().rpartition(" ")
        student = _student(f"{match['name']}_{match['id']}")
        return Handed(student, first_name=first or None, last_name=last or None, lms_user_id=match["id"]), match["file"]
    if is_file and (match := _CANVAS.fullmatch(name)):
        return Handed(_student(f"{match['name']}_{match['id']}"), lms_user_id=match["id"]), match["file"]
    return Handed(_student(_ENDING.sub("", name) if is_file else name)), name


def _student(name: str) -> str:
    """A student's name that can be stored and can be a folder, even of a student who is refused for it."""
    name = _storable(name)
    if len(name.encode()) <= 200:
        return name
    short = name.encode()[:100].decode("utf-8", "ignore")
    return f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _storable(text: str) -> str:
    """Text that can be encoded: of a file name that is not UTF-8, the bytes are named."""
    return text.encode("utf-8", "backslashreplace").decode()


def _list(names: Iterator[str] | list[str]) -> str:
    """Names as part of a sentence."""
    names = [_storable(name) for name in names]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _scan(root: Path, depth: int = 8) -> tuple[list[Entry], str]:
    """The files below a folder, never through a link; or one sentence about why it is none."""
    try:
        kind = os.lstat(root).st_mode
        if not stat.S_ISDIR(kind):
            return [], f"{_storable(root.name)} is {_kind(kind)}, not a folder"
        entries: list[Entry] = []
        folders, count = [(root, depth)], 0
        while folders:
            folder, left = folders.pop()
            with os.scandir(folder) as scan:
                for one in sorted(scan, key=lambda item: item.name):
                    if one.name.startswith(".") or one.name == "__MACOSX":
                        continue
                    path = Path(one.path)
                    is_folder = one.is_dir(follow_symlinks=False)
                    if is_folder and left > 1 and count < MAX_ENTRIES:
                        folders.append((path, left - 1))
                        count += 1
                    if not is_folder or _is_notebook(one.name):
                        entries.append(_entry(path, path.relative_to(root).as_posix()))
                    if len(entries) >= MAX_ENTRIES:
                        return entries, ""
        return entries, ""
    except OSError as error:
        return [], f"{_storable(root.name)} cannot be opened ({error.strerror})"


def _entry(path: Path, name: str) -> Entry:
    name = _storable(name)
    try:
        info = os.lstat(path)
    except OSError as error:
        return Entry(name, 0, bytes, f"cannot be opened ({error.strerror})")
    if not stat.S_ISREG(info.st_mode):
        return Entry(name, 0, bytes, f"is {_kind(info.st_mode)}, not a file")
    return Entry(name, info.st_size, lambda: _read_file(path))


def _read_file(path: Path) -> bytes:
    # O_NOFOLLOW and fstat once more: the file may have been exchanged since it was looked at
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        return file.read(MAX_BYTES + 1)


def _kind(mode: int) -> str:
    kinds = {stat.S_ISLNK: "a link", stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((name for test, name in kinds.items() if test(mode)), "a device")


def _from_archive(path: Path, assignment: Assignment) -> Iterator[Handed]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise CourseError(f"{path} is not a zip archive that can be read: {error}") from error
    with archive:
        if len(archive.infolist()) > MAX_MEMBERS:
            raise CourseError(f"{path} holds {len(archive.infolist())} files, more than {MAX_MEMBERS}: split it.")
        inside = list(_members(archive))
        if top := _wrapper([parts for parts, _, _ in inside], assignment):
            inside = [(parts[1:], *rest) for parts, *rest in inside if parts[0] == top and len(parts) > 1]
        students: dict[str, tuple[Handed, list]] = {}
        for parts, info, problem in inside:
            flat = len(parts) == 1
            if flat and not _is_flat(parts[0]):
                continue
            handed, name = _handed(parts[0], flat)
            path = name if flat else "/".join(parts[1:])
            students.setdefault(handed.student, (handed, []))[1].append((path, info, problem))
        for _, (handed, ours) in sorted(students.items()):
            paths = [path for path, _, _ in ours]
            folders = {path.split("/")[0] for path in paths if "/" in path}
            near = [name for name in folders if _same(name, assignment)]
            if not near and not handed.lms_user_id and all("/" in path for path in paths):
                near = _astray(paths, assignment)
                if not near:
                    continue  # other assignments of this student
            best, others = _best(near, assignment, handed), _others(assignment)
            for path, info, problem in ours:
                inner = path.removeprefix(f"{best}/")
                alien = "/" in path and (inner == path if best else path.split("/")[0] in others)
                if len(handed.entries) < MAX_ENTRIES and (handed.lms_user_id or not alien):
                    handed.entries.append(_member(archive, info, inner, problem))
            yield handed


def _wrapper(members: list[tuple[str, ...]], assignment: Assignment) -> str:
    """The one folder in which all students' folders or files lie, if there is one; else ""."""
    books = [parts for parts in members if _is_notebook(parts[-1]) or parts[-1].lower().endswith(".zip")] or members
    top, below = books[0][0] if books else "", {parts[1] for parts in books if len(parts) > 1}
    if _MOODLE.fullmatch(top) or below & set(_others(assignment)) or any(_same(name, assignment) for name in below):
        return ""
    inside = [parts for parts in members if parts[0] == top]
    # one folder beside a file may be a part of a student's work; several are the students', whatever lies beside them
    clear = len(below) > 1 or all(len(parts) > 3 and _same(parts[2], assignment) for parts in books)
    books = books if clear else inside
    deep = all(len(parts) > 2 or (len(parts) == 2 and _MOODLE.fullmatch(parts[1])) for parts in books)
    return top if deep and all(parts[0] == top for parts in books) else ""


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[tuple[str, ...], zipfile.ZipInfo, str]]:
    """The files of an archive: the parts of a path that stays inside, and what is wrong with it."""
    for info in archive.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        evil = ".." in parts or info.filename.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", info.filename))
        parts = tuple(part for part in parts if part not in ("/", "..", "."))
        if not parts or info.is_dir() or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        yield parts, info, "has a path that leads out of the archive" if evil else ""


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, problem: str) -> Entry:
    mode = info.external_attr >> 16
    if not problem and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        problem = f"is {_kind(mode)}, not a file"
    if not problem and info.flag_bits & 1:
        problem = "is encrypted"

    def read() -> bytes:
        try:
            with archive.open(info) as file:
                return file.read(MAX_BYTES + 1)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            raise OSError(0, f"the archive is damaged there: {error}") from error
        except Exception as error:  # zlib.error, lzma.LZMAError and their kin share no base class
            raise OSError(0, f"the archive is damaged there: {error}") from error

    return Entry(_storable(name), info.file_size, read, problem)


def _unzip(handed: Handed, assignment: Assignment, submission: "Submission") -> None:
    """Look into a student's archives for what no notebook beside them answers; one level deep, and in memory."""
    archives = [entry for entry in handed.entries if entry.path.lower().endswith(".zip") and not entry.problem][:3]
    beside = [entry for entry in handed.entries if _is_notebook(entry.path)]
    blank = [book for book in assignment.notebooks.values() if archives and not _hold_answers(beside, book)]
    for packed in archives:
        if not blank:
            return
        try:
            content = _bytes(packed)
            # the list of members is read whole, so its length is limited before
            if content.count(b"PK\x01\x02") > MAX_PACKED:
                continue
            archive = zipfile.ZipFile(io.BytesIO(content))
        except (Refused, zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
            continue
        inside = list(_members(archive))
        if not any(_is_notebook(parts[-1]) for parts, _, _ in inside):
            continue
        # an archive of a folder: what lies beside the notebook must lie beside it here, too
        skip = int(len({parts[0] for parts, _, _ in inside}) == 1 and all(len(parts) > 1 for parts, _, _ in inside))
        members = [
            _member(archive, info, "/".join(parts[skip:]), problem) for parts, info, problem in inside[:MAX_ENTRIES]
        ]
        answered = [book for book in blank if _hold_answers(members, book)]
        if beside and not answered:
            continue
        beside, blank = members, [book for book in blank if book not in answered]
        handed.entries = [entry for entry in handed.entries if entry is not packed] + members
        _say(
            submission,
            "unzipped",
            f"What was handed in was inside {packed.path}.",
            f"Your notebook was inside {packed.path}; it was unpacked. Next time, hand in the notebook itself.",
        )


# --- from what was handed in to a job ------------------------------------------------------------------------------


def take_in(handed: Handed, assignment: Assignment, limits: Limits | None = None) -> Submission:
    """Read what one student handed in and rebuild it from the source; never raises because of what is inside.

    Args:
        handed: the files of the student.
        assignment: what is graded.
        limits: what the student's code may use.
    """
    submission = Submission(handed.student, "", notes=list(handed.notes))
    digest = hashlib.sha256(handed.problem.encode("utf-8", "replace"))
    try:
        if problem := _bad_name(handed.student):
            raise Refused(f"The student's name {problem}.", "The name of your folder cannot be used.")
        if handed.problem:
            raise Refused(f"{handed.problem}.", "Your submission is not a folder with a notebook in it.")
        _unzip(handed, assignment, submission)
        read: dict[str, bytes] = {}
        for name, entry in _choose(handed, assignment, submission).items():
            if entry is None:
                continue
            handed.entries = [one for one in handed.entries if one is not entry]
            read[name] = _bytes(entry)
            digest.update(name.encode() + b"\0" + hashlib.sha256(read[name]).digest())
        files = _data_files(handed, assignment, digest, submission)
        submission.timestamp = _timestamp(handed, submission)
        if not read:
            submission.status = "missing"
            _say_missing(handed, assignment, submission)
        # notes may name files whose bytes were not read; when those change, the notes must, too
        digest.update(repr([note.instructor for note in submission.notes if note.code != "wrong-name"]).encode())
        submission.sha256 = digest.hexdigest()
        for name, source in assignment.notebooks.items():
            if name not in read:
                if read:
                    gone = f"{name}.ipynb was not handed in."
                    _say(submission, "notebook-missing", gone, gone)
                continue
            cells, notes = read_notebook(read[name])
            rebuilt, more = rebuild(source, cells)
            submission.notes += [dataclasses.replace(note, notebook=name) for note in notes + more]
            seed = int.from_bytes(hashlib.sha256((submission.sha256 + assignment.sha256).encode()).digest()[:4], "big")
            submission.jobs.append(
                Job(
                    assignment=assignment.name,
                    student=handed.student,
                    source_path=source.path,
                    cells=rebuilt,
                    seed=seed,
                    limits=limits or Limits(),
                    files=dict(assignment.files),
                    student_files=files,
                    hidden_begin=assignment.hidden[0],
                    hidden_end=assignment.hidden[1],
                )
            )
    except Refused as reason:
        submission.status, submission.jobs = "refused", []
        submission.notes.append(Note("refused", reason.instructor, reason.student))
        submission.sha256 = digest.hexdigest()
    return submission


def _say_missing(handed: Handed, assignment: Assignment, submission: Submission) -> None:
    """Nothing was handed in; or something was, but no notebook: then somebody should look at it."""
    names = [e.path for e in handed.entries if e.path not in assignment.files and e.path != "timestamp.txt"]
    if not names:
        note = "No notebook was handed in."
        _say(submission, "missing", note, note)
        return
    shown = _list(names)
    _say(
        submission,
        "refused",  # the report lists this code among what needs eyes
        f"No notebook was handed in, only {shown}.",
        f"You handed in {shown}, but no notebook: hand in the file whose name ends with .ipynb.",
    )


def _bad_name(student: str) -> str:
    if not student or len(student.encode("utf-8", "replace")) > 120:
        return "is empty or longer than 120 bytes"
    if re.search(r"\\udc[89a-f][0-9a-f]", student):
        return "is not text in UTF-8"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in student):
        return "holds control characters"
    if re.search(r"[/\\{}*?\[\]]|^\.|^-", student):
        return "holds one of / \\ { } * ? [ ], or begins with a dot or a dash, which paths and commands read otherwise"
    return ""


def _plain(name: str) -> str:
    """A file name as a guess at what it is a copy of: ``Tensors (1).ipynb`` becomes ``tensors``."""
    return re.sub(r"[\W_]+", "", _COPY.sub("", _nfc(PurePosixPath(name).name)).casefold())


def _is_notebook(path: str) -> bool:
    """Is this the name of a notebook, or of a copy such as ``hw1.ipynb.txt``, and not that of an archive?"""
    name = PurePosixPath(path).name.lower()
    return ".ipynb" in name and not name.endswith(".zip")


def _choose(handed: Handed, assignment: Assignment, submission: Submission) -> dict[str, Entry | None]:
    """For each notebook of the assignment the file that was meant: by name, by likeness, or as the only one.

    A file with the right name gives way to one with a similar name only if it is untouched or cannot be read, and none
    is taken whose grade ids belong to another notebook of the assignment. The other files go to the notebooks that
    still have none, those that are most alike first.
    """
    candidates = [entry for entry in handed.entries if _is_notebook(entry.path)] or _disguised(handed, assignment)
    # a folder called hw1.ipynb with the notebook inside
    candidates = [e for e in candidates if not any(o.path.startswith(f"{e.path}/") for o in candidates)]
    books = assignment.notebooks
    named = {name: {cell.grade_id for cell in book.cells if cell.grade_id} for name, book in books.items()}
    own = {name: ids.difference(*(named[one] for one in books if one != name)) for name, ids in named.items()}
    look = functools.cache(lambda entry: _look(entry, assignment))
    glance = functools.cache(_glance)

    def foreign(entry: Entry, name: str) -> bool:
        if len(books) == 1 or entry.problem or own[name] & glance(entry):
            return False
        ids = look(entry).ids
        return not own[name] & ids and any(own[one] & ids for one in books)

    def closest(entry: Entry) -> float:
        return max(_closeness(entry.path, name) for name in books)

    exact, astray = {}, []
    for name in books:
        same = [entry for entry in candidates if _nfc(PurePosixPath(entry.path).name) == _nfc(f"{name}.ipynb")]
        same.sort(key=lambda entry: (bool(entry.problem), entry.path.count("/"), entry.path))
        same = same[:MAX_LOOKED_INTO]
        exact[name] = [entry for entry in same if not foreign(entry, name)]
        astray += [entry for entry in same if entry not in exact[name]]
    chosen: dict[str, Entry | None] = {name: found[0] if found else None for name, found in exact.items()}
    left = [entry for entry in candidates if not any(entry in found for found in exact.values())]
    ignored: dict[str, list[str]] = {name: [] for name in books}
    instead = dict.fromkeys(books, "")

    # notebooks without a file of their name choose together
    bare = [name for name in books if chosen[name] is None]
    pool = sorted(left, key=closest, reverse=True)[: MAX_LOOKED_INTO * len(bare)]
    pairs = []
    for entry, name in itertools.product(pool, bare):
        alike, close = look(entry).likeness[name], _closeness(entry.path, name)
        by_name = len(books) == 1 or 0 < close == closest(entry)
        if (alike > 0 or by_name) and not foreign(entry, name):
            pairs.append(((not entry.problem, alike, close, entry.path), entry, name))
    pairs.sort(key=lambda pair: pair[0], reverse=True)
    for _, entry, name in pairs:
        if chosen[name] is None and entry in left:
            chosen[name] = entry
            left.remove(entry)
    for (_, alike, close, _), entry, name in pairs:
        best = chosen[name]
        guessed = look(best).likeness[name] <= 0 and not _closeness(best.path, name)
        if entry in left and (alike > 0 or close or guessed):
            ignored[name].append(entry.path)
            left.remove(entry)

    for name, found in exact.items():
        near = [entry for entry in left if entry in astray or 2 <= _closeness(entry.path, name) == closest(entry)]
        rivals = [entry for entry in (found[1:] + near)[:MAX_LOOKED_INTO] if not foreign(entry, name)] if found else []
        if not rivals:
            continue
        if (answered := look(found[0]).answered[name]) <= 0:
            best = max(rivals, key=lambda entry: look(entry).answered[name])  # noqa: B023
            if look(best).answered[name] > 0:
                chosen[name] = best
                instead[name] = ", which cannot be read" if answered < 0 else ", which is untouched"
        ignored[name] = [entry.path for entry in [found[0], *rivals] if entry is not chosen[name]]
        left = [entry for entry in left if entry not in rivals]

    for name, best in chosen.items():
        if best is None or best.problem:
            continue  # it is refused, with a sentence of its own
        if ignored[name]:
            same = "another file of that name"  # archives may hold a path twice
            others = f"{_list(same if path == best.path else path for path in ignored[name])}{instead[name]}"
            _say(
                submission,
                "duplicate-file",
                f"{best.path} was taken for {name}.ipynb, not {others}.",
                f"You handed in several files for {name}.ipynb; {best.path} was taken, not {others}.",
                name,
            )
        elif _nfc(PurePosixPath(best.path).name) != _nfc(f"{name}.ipynb"):
            _say(
                submission,
                "wrong-name",
                f"{best.path} was taken for {name}.ipynb.",
                f"Your file {PurePosixPath(best.path).name} should have been called {name}.ipynb; "
                "it was taken all the same.",
                name,
            )
    return chosen


def _disguised(handed: Handed, assignment: Assignment) -> list[Entry]:
    """Files that hold a notebook under an ending of text; those with the name of one are looked into first."""
    names = {_plain(name) for name in assignment.notebooks}
    files = [
        entry
        for entry in handed.entries
        if PurePosixPath(entry.path).suffix.lower() in ("", ".json", ".txt")
        and entry.path not in assignment.files
        and entry.path != "timestamp.txt"
    ]
    files.sort(key=lambda entry: (_plain(entry.path) not in names, entry.path))
    return [entry for entry in files[:MAX_LOOKED_INTO] if _cells(entry)]


def _cells(entry: Entry) -> "list[StudentCell] | None":
    """The cells of a file that is opened to choose; None if it cannot be read."""
    try:
        return read_notebook(_bytes(entry))[0]
    except Refused:
        return None


def _hold_answers(entries: list[Entry], source: SourceNotebook) -> bool:
    """Is one of these files the source's notebook, with an answer in it?"""
    answers = [cell for cell in source.cells if cell.kind in ("answer", "manual")]
    ids, names = {cell.grade_id for cell in answers}, set().union(*map(_wanted, answers))
    return any(
        cell.grade_id in ids or (cell.cell_type == "code" and names & _defines(cell.source))
        for entry in [entry for entry in entries if _is_notebook(entry.path)][:MAX_LOOKED_INTO]
        for cell in _own(_cells(entry) or [], source)
    )


def _closeness(path: str, name: str) -> float:
    """How near a file's name is to a notebook's: 3 for a copy, 2 if it holds it, else a ratio, 0 for another name."""
    plain, wanted = _plain(path), _plain(name)
    if plain == wanted:
        return 3
    # hw1 in "hw1 (1)", in "my_hw1_final" and in "hw1-1", but not in hw10
    for text, part in ((plain, wanted), (PurePosixPath(path).name.lower(), name.lower())):
        if part and re.search(rf"(?<!\d){re.escape(part)}(?!\d)", text):
            return 2
    ratio = fuzz.ratio(plain, wanted) / 100
    return ratio if ratio > 0.7 else 0


@dataclass(frozen=True)
class _Look:
    """What was seen in a file that was opened to choose: its grade ids and, for each notebook, two numbers.

    ``likeness`` is how many graded cells of the notebook the file names, ``answered`` how many cells are the student's
    own: 0 if it is untouched. Both are -1 if it cannot be read.
    """

    ids: set[str]
    likeness: dict[str, int]
    answered: dict[str, int]


def _look(entry: Entry, assignment: Assignment) -> _Look:
    if (cells := _cells(entry)) is None:
        blind = dict.fromkeys(assignment.notebooks, -1)
        return _Look(set(), blind, blind)
    seen = _Look({cell.grade_id for cell in cells if cell.grade_id}, {}, {})
    for name, source in assignment.notebooks.items():
        seen.likeness[name] = _likeness(cells, source)
        seen.answered[name] = _answered(cells, source)
    return seen


def _glance(entry: Entry) -> set[str]:
    """The grade ids in a file, as far as they can be seen without reading it as a notebook."""
    try:
        return {found.decode("utf-8", "replace") for found in _GRADE_ID.findall(_bytes(entry))}
    except Refused:
        return set()


def _answered(cells: "list[StudentCell]", source: SourceNotebook) -> int:
    return sum(cell.cell_type == "code" or bool(cell.grade_id) for cell in _own(cells, source))


def _own(cells: "list[StudentCell]", source: SourceNotebook) -> "list[StudentCell]":
    """The cells of a file whose text is not the source's."""
    texts = {"", *(_squeeze(text) for cell in source.cells for text in (cell.released, cell.source))}
    return [cell for cell in cells if _squeeze(cell.source) not in texts]


def _likeness(cells: "list[StudentCell]", source: SourceNotebook) -> int:
    wanted = {cell.grade_id for cell in source.cells if cell.grade_id}
    changed = {cell.grade_id: cell.released for cell in source.cells if cell.kind == "answer"}
    return sum(c.grade_id in wanted for c in cells) + sum(
        c.grade_id in changed and c.source.strip() != changed[c.grade_id].strip() for c in cells
    )


def _bytes(entry: Entry) -> bytes:
    name = PurePosixPath(entry.path).name
    if entry.problem:
        raise Refused(f"{name} {entry.problem}.", f"Your file {name} {entry.problem}: hand in the notebook itself.")
    if entry.size > MAX_BYTES:
        raise Refused(*_too_large(name))
    try:
        content = entry.read()
    except OSError as error:
        raise Refused(f"{name} cannot be read: {error.strerror}.", f"Your file {name} cannot be read.") from error
    if len(content) > MAX_BYTES:
        raise Refused(*_too_large(name))
    return content


def _too_large(name: str) -> tuple[str, str]:
    return (
        f"{name} is larger than {MAX_BYTES >> 20} MB.",
        f"Your file {name} is larger than {MAX_BYTES >> 20} MB: clear all outputs, save, and hand it in again.",
    )


def _data_files(
    handed: Handed, assignment: Assignment, digest: "hashlib._Hash", submission: Submission
) -> dict[str, bytes]:
    """The student's own files: those that hide no file of the course and no module, and that can be written."""
    files: dict[str, bytes] = {}
    there = set(assignment.files)
    folders = {str(parent) for name in there for parent in PurePosixPath(name).parents}
    modules = {_module(name).lower() for name in there if PurePosixPath(name).suffix in _IMPORTABLE} | {"helpers"}
    left_out: dict[str, list[str]] = {}
    room = MAX_EXTRA
    for entry in sorted(handed.entries, key=lambda one: one.path):
        path = PurePosixPath(entry.path)
        if entry.problem or _is_notebook(entry.path) or entry.path in there or entry.path == "timestamp.txt":
            continue
        if "__pycache__" in path.parts:
            continue  # Python would believe it rather than the module itself
        parents = {str(parent) for parent in path.parents}
        module = _module(entry.path)
        if path.suffix.lower() in _IMPORTABLE and (module.lower() in modules or _is_installed(module)):
            reason = "a module of the course or of Python has that name"
        elif entry.path in folders or parents & there:
            reason = "a file would have to be a folder, too"
        elif len(entry.path) > 200 or max(len(part.encode()) for part in path.parts) > 255:
            reason = "the name is too long"
        elif entry.size > room:
            reason = f"own files may have {MAX_EXTRA >> 20} MB together"
        else:
            try:
                files[entry.path] = _bytes(entry)
            except Refused:
                continue
            there.add(entry.path)
            folders |= parents
            room -= len(files[entry.path])
            digest.update(entry.path.encode() + b"\0" + hashlib.sha256(files[entry.path]).digest())
            continue
        left_out.setdefault(reason, []).append(entry.path)
    for reason, names in left_out.items():
        shown = f"{_list(names)[:1000]} ({reason})"
        _say(submission, "file-left-out", f"Left out: {shown}.", f"Of your own files, this was left out: {shown}.")
    return files


def _module(path: str) -> str:
    """The top-level module that ``import`` would find at this path, if it can be imported at all."""
    return PurePosixPath(path).parts[0].split(".")[0]


@functools.cache
def _is_installed(module: str) -> bool:
    """Does Python have a module of this name? The folder that the grader was started in does not count."""
    if module.lower() in _STANDARD:
        return True
    places = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    try:
        found = [importlib.machinery.PathFinder.find_spec(name, places) for name in (module, module.lower())]
    except Exception:  # whatever a broken package raises
        return True
    return any(found)


def _timestamp(handed: Handed, submission: Submission) -> datetime | None:
    entry = next((entry for entry in handed.entries if entry.path == "timestamp.txt" and not entry.problem), None)
    if entry is None or entry.size > 200:
        return None
    try:
        return parse_utc(_bytes(entry).decode().strip())
    except (ValueError, OverflowError, Refused):
        _say(submission, "timestamp", "timestamp.txt holds no time.", "The time of your submission cannot be read.")
        return None


def _say(submission: Submission, code: str, instructor: str, student: str, notebook: str = "") -> None:
    submission.notes.append(Note(code, instructor, student, notebook))


# --- reading a notebook --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StudentCell:
    """What is believed of a cell that was handed in: its text, and what it says about itself."""

    cell_type: str
    source: str
    grade_id: str | None = None
    id: str | None = None
    pictures: int = 0  # pasted into the text, which cannot show them
    as_released: bool = False  # has the text that it says it was released with


def read_notebook(content: bytes) -> tuple[list[StudentCell], list[Note]]:
    """The cells of a notebook file, whatever its encoding and version, within limits of size, depth and number.

    Args:
        content: the bytes of the file.

    Raises:
        Refused: if no notebook can be found in them.
    """
    notes: list[Note] = []
    whole = _decode(content, notes)
    text = whole.strip(_PADDING)
    if not text:
        raise Refused("The file is empty.", "Your file is empty: save the notebook and hand it in again.")
    if text != whole.strip():
        notes.append(
            Note(
                "padded",
                "The file has characters that mean nothing before or after the notebook; they were left out.",
                "Your file has characters that mean nothing before or after the notebook; they were left out.",
            )
        )
    try:
        if what := _foreign(text):
            raise Refused(
                f"It is {what}, not a Jupyter notebook.",
                f"Your file is {what}: hand in the notebook itself, whose name ends with .ipynb.",
            )
        text = _without_outputs(text)
        _limit(len(text) - sum(len(match[0]) for match in _PICTURE.finditer(text)))
        notebook = json.loads(text, strict=False)  # some editors leave tabs in strings as they are
    except (ValueError, RecursionError, Refused) as error:
        if re.search(r"^[ \t]*+<{7} ", whole, re.MULTILINE):
            raise Refused(
                "It holds unresolved conflict markers of git (<<<<<<<).",
                "Your file holds unresolved conflict markers of git (<<<<<<<): choose one version and save it.",
            ) from error
        if isinstance(error, Refused):
            raise
        raise Refused(
            "It is cut off or damaged.", "Your file cannot be opened: it is cut off or damaged. Download it again."
        ) from error
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) and isinstance(notebook, dict):
        sheets = notebook.get("worksheets")
        sheets = sheets if isinstance(sheets, list) else []
        found = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for sheet in found if isinstance(sheet, list) for cell in sheet] if found else None
        if cells is not None:
            notes.append(
                Note(
                    "upgraded",
                    f"The notebook is of version {repr(version)[:20]} and was upgraded to 4.",
                    "Your notebook is of an old version; it was upgraded.",
                )
            )
    elif version != 4:
        says, reads = "does not give its version as a number", "does not give its version as a number"
        if type(version) is int:
            says, reads = f"says it is of version {version}"[:50], "names a version that does not exist"
        notes.append(
            Note("wrong-version", f"The notebook {says}.", f"Your notebook {reads}; it was read anyway."),
        )
    if not isinstance(cells, list):
        raise Refused("It is JSON but not a notebook: it has no cells.", "Your file is not a Jupyter notebook.")
    if len(cells) > MAX_CELLS:
        raise Refused(f"It has {len(cells)} cells.", f"Your notebook has more than {MAX_CELLS} cells.")
    found = [one for cell in cells if (one := _student_cell(cell)) is not None]
    if len(found) < len(cells):
        count = len(cells) - len(found)
        notes.append(
            Note("broken-cells", f"{count} cells are damaged.", f"{count} cells of your notebook are damaged.")
        )
    _limit(sum(len(cell.source) for cell in found))  # pictures in code are still there
    long = sum(len(cell.source) > MAX_CELL for cell in found)
    if long:
        found = [dataclasses.replace(cell, source=cell.source[:MAX_CELL]) for cell in found]
        cut = (
            f"{long} {'cell has' if long == 1 else 'cells have'} more than {MAX_CELL} characters; the rest was cut off."
        )
        notes.append(Note("broken-cells", cut, f"In your notebook, {cut}"))
    if not found:
        raise Refused("The notebook has no cells.", "Your notebook has no cells: save it and hand it in again.")
    return found, notes


def _limit(size: int) -> None:
    if size > MAX_TEXT:
        raise Refused(
            f"Without its outputs the notebook still has {size >> 20} MB of text.",
            "Your notebook holds far too much text: take out what you pasted, and hand it in again.",
        )


def _foreign(text: str) -> str:
    """What a text is that does not begin as the JSON of a notebook does; else ""."""
    if text.startswith(("{", "[")):
        return ""
    start = text[:2000]
    if start.startswith("%PDF"):
        return "a PDF"
    if start.startswith("PK\x03\x04"):
        return "an archive or an Office document"
    if re.match(r"<(!doctype|html|\?xml|head|body|!--)", start, re.IGNORECASE):
        return "a web page"
    if re.search(r"^(import \w|from \w[\w.]* import|def \w+\(|class \w+[:(]|#!.*python|# %%)", start, re.MULTILINE):
        return "a Python script"
    return "another kind of file"


def _decode(content: bytes, notes: list[Note]) -> str:
    name = None
    marks = {b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
    for mark, encoding in marks.items():
        if content.startswith(mark):
            name = encoding
            break
    if name is None and content[:2] in (b"{\0", b"\0{"):
        name = "utf-16-le" if content[:1] == b"{" else "utf-16-be"
    try:
        text = content.decode(name or "utf-8")
    except UnicodeDecodeError:
        name, text = "latin-1", content.decode("latin-1")
    if name:
        shown = {"utf-8-sig": "UTF-8 with a byte-order mark", "latin-1": "Latin-1", "utf-32": "UTF-32"}.get(
            name, "UTF-16"
        )
        notes.append(
            Note(
                "encoding",
                f"The file is encoded as {shown}.",
                f"Your file is encoded as {shown}, not as UTF-8; it was read anyway.",
            )
        )
    return text


# Possessive quantifiers, and a string that never ends is taken whole: time is linear in the length of a hostile text.
_TOKEN = re.compile(r'[{}\[\]]|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)(\s*+:)?', re.DOTALL)


def _without_outputs(text: str) -> str:
    """The JSON text with every value of ``outputs`` and its like made empty, before anything is parsed."""
    kept, begin, depth = [], 0, 0
    skip: int | str | None = None  # "next": the value that follows goes; a number: the depth of the one that is going
    for count, token in enumerate(_TOKEN.finditer(text)):
        if count > MAX_TOKENS:
            raise Refused("The JSON has too many parts.", "Your file is damaged: download the notebook again.")
        first = token[0][0]
        if first in "{[":
            depth += 1
            if skip is None and depth > MAX_DEPTH:
                raise Refused("The JSON is nested too deeply.", "Your file is damaged: download the notebook again.")
            if skip == "next":
                kept.append(text[begin : token.start()] + ("{}" if first == "{" else "[]"))
                skip = depth
        elif first in "}]":
            if skip == depth:
                begin, skip = token.end(), None
            skip = None if skip == "next" else skip  # the value was a number or null
            depth -= 1
        elif skip == "next":
            skip = None  # a key whose value is no container
        if skip is None and token[1] and token[0].startswith(('"outputs"', '"attachments"', '"widgets"')):
            skip = "next"
    if isinstance(skip, int):
        raise Refused(
            "It is cut off in the middle of an output.",
            "Your file is cut off: download the notebook and hand it in again.",
        )
    kept.append(text[begin:])
    return "".join(kept)


def _student_cell(cell: object) -> StudentCell | None:
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    # lone surrogates cannot be written to any file
    source = source.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    meta = cell.get("metadata")
    meta = meta.get("nbgrader") if isinstance(meta, dict) else None
    grade_id = meta.get("grade_id") if isinstance(meta, dict) else None
    cell_type = cell.get("cell_type")
    cell_type = cell_type if cell_type in ("code", "markdown", "raw") else "markdown"
    own = cell.get("id")
    grade_id, own = (text if isinstance(text, str) else None for text in (grade_id, own))
    return StudentCell(
        cell_type,
        source if cell_type == "code" else _PICTURE.sub(_LEFT_OUT, source),
        grade_id,
        own,
        _pictures(source, attached="attachments" in cell) if cell_type == "markdown" else 0,
        bool(grade_id) and _as_released(cell_type, source, meta),
    )


def _as_released(cell_type: str, source: str, meta: dict) -> bool:
    """Does nbgrader's checksum in a cell's metadata fit its text? It can be forged, so only notes depend on it."""
    cell = nbformat.from_dict({"cell_type": cell_type, "source": source, "metadata": {"nbgrader": meta}})
    try:
        return meta.get("checksum") == compute_checksum(cell)
    except Exception:  # whatever the metadata made it raise
        return False


def _pictures(text: str, *, attached: bool = True) -> int:
    return len(_PICTURE.findall(text)) + (len(_ATTACHED.findall(text)) if attached else 0)


# --- rebuilding from the source ------------------------------------------------------------------------------------


def rebuild(source: SourceNotebook, student: list[StudentCell]) -> tuple[list[AnswerCell], list[Note]]:
    """The source notebook with the student's answers and the student's own cells in it, and what had to be mended.

    An answer is found by its grade id, then by its cell id, then by its place between neighbours that were found, then
    by what it defines. Everything else that belongs to the source keeps the source's text.

    Args:
        source: the source notebook.
        student: the cells that were handed in.
    """
    notes: list[Note] = []
    matches = _match(source, student, notes)
    order = {position: number for number, position in matches.items()}
    extras: dict[int, list[AnswerCell]] = {}
    ids = {cell.id for cell in source.cells}
    texts = {_squeeze(text) for cell in source.cells for text in (cell.released, cell.source)}
    anchor = -1
    count = 0
    own: list[int] = []  # positions of the cells in which the student wrote
    for position, cell in enumerate(student):
        if position in order:
            number = order[position]
            anchor = max(anchor, number)
            original = source.cells[number]
            edited = _squeeze(cell.source) != _squeeze(original.released)
            if edited and not cell.as_released:  # what is not today's may be that of an earlier release, untouched
                own.append(position)
            if edited and not cell.as_released and _is_fixed(original):
                notes.append(_changed(original))
            if not edited or original.kind != "setup" or original.locked:
                continue
            # a set-up cell that the student added to: the original runs first, then theirs
        elif not cell.source.strip() or _squeeze(cell.source) in texts or cell.cell_type == "raw":
            continue
        else:
            own.append(position)
        count += 1
        name = next(f"extra-{count}{tail}" for tail in ("", *range(99)) if f"extra-{count}{tail}" not in ids)
        cell_type = "code" if cell.cell_type == "code" else "markdown"
        extras.setdefault(anchor, []).append(AnswerCell(name, cell_type, None, "extra", cell.source))
    for position in own:
        original = source.cells[order[position]] if position in order else None
        note = _pictured(original if original and original.grade_id else None)
        if student[position].pictures > (_pictures(original.released) if original else 0) and note not in notes:
            notes.append(note)
    given = _elsewhere(source, student, matches, own)
    cells = extras.pop(-1, [])
    for number, original in enumerate(source.cells):
        text, reference, attempted = original.source, "", True
        if original.kind in ("answer", "manual"):
            reference = original.source
            text = given.get(number, student[matches[number]].source if number in matches else original.released)
            attempted = number in given or _squeeze(text) != _squeeze(original.released)
            # a free text may stand in the student's own cell below: somebody has to look
            attempted = attempted or (original.kind == "manual" and number in extras)
            if number in matches and student[matches[number]].cell_type != original.cell_type:
                kind = student[matches[number]].cell_type
                notes.append(
                    Note(
                        "retyped",
                        f"The answer cell {original.grade_id} was turned into a {kind} cell; it was turned back.",
                        f"Your answer {original.grade_id} was in a {kind} cell; it was read as {original.cell_type}.",
                    )
                )
        elif number not in matches and original.kind in ("test", "task"):
            notes.append(
                Note(
                    "deleted",
                    f"The cell {original.grade_id} was deleted; it was put back.",
                    f"The cell {original.grade_id} was missing from your notebook; it was put back.",
                )
            )
        if original.kind in ("answer", "manual") and number not in matches:
            where, kindly = "", ""
            if number in given:
                where = "; other cells of the student seem to hold the answer"
                kindly = (
                    "; what you wrote in other cells counts"
                    if original.cell_type == "code"
                    else "; somebody will look for it"
                )
            notes.append(
                Note(
                    "answer-missing",
                    f"The answer cell {original.grade_id} was not found{where}.",
                    f"The cell of your answer {original.grade_id} was not found in your notebook{kindly}.",
                )
            )
        elif number in given and matches[number] not in own:
            name = original.grade_id
            notes.append(
                Note(
                    "elsewhere",
                    f"The answer cell {name} was left as it was; other cells of the student hold the answer.",
                    f"You left the cell of your answer {name} as it was; what you wrote in other cells counts.",
                )
            )
        kind = "manual" if original.kind == "task" else original.kind
        cells.append(
            AnswerCell(
                original.id,
                original.cell_type,
                original.grade_id,
                kind,
                text,
                original.points,
                reference,
                attempted,
            )
        )
        cells += extras.pop(number, [])
    return cells, notes


def _elsewhere(
    source: SourceNotebook, student: list[StudentCell], matches: dict[int, int], own: list[int]
) -> dict[int, str]:
    """Texts of answer cells that are missing or untouched although the student answered, in other cells.

    A stub would undo a definition that the student gave earlier, so what is defined elsewhere goes from it. Where the
    other cell stands before all that follows the answer, but would run later, or not at all because it became part of a
    test, it runs in the answer's place.
    """
    order = {position: number for number, position in matches.items()}
    answers = {number: _wanted(cell) for number, cell in enumerate(source.cells) if cell.kind in ("answer", "manual")}
    left = {
        number
        for number in answers
        if number not in matches
        or (source.cells[number].cell_type == "code" and matches[number] not in own and answers[number])
    }
    code = [position for position in own if position in order or student[position].cell_type == "code"]
    wanted = set().union(*(answers[number] for number in left))
    written = {position: student[position].source for position in code}
    unused = {position for position in code if position in order and _is_fixed(source.cells[order[position]])}
    for position in unused:
        known = _definitions(source.cells[order[position]].released)
        parts = _definitions(written[position]).items()
        written[position] = "\n\n".join(
            part for part, assigns in parts if part not in known and (not assigns or _defines(part) & wanted)
        )
    defined = {position: _defines(text) for position, text in written.items()}
    texts: dict[int, str] = {}
    moved: set[int] = set()
    for number in sorted(left):
        cell, names = source.cells[number], answers[number]
        if cell.cell_type != "code":
            # a free text whose mark is gone: somebody has to look for it
            if any(position not in order and student[position].cell_type != "code" for position in own):
                texts[number] = cell.released
            continue
        after = min((matches[other] for other in matches if other > number), default=len(student))
        found = [position for position in code if names & defined[position]]
        rest = ""
        if number in matches:
            after = -1  # a later answer runs where it stands
            # what is given below the next answer comes too late, and a variable above the last one is another's
            end = min(
                (matches[other] for other in answers if other > number and other in matches), default=len(student)
            )
            start = max((matches[other] for other in answers if other < number and other in matches), default=-1)
            constants = {name for _, name in _DEFINITION.findall(cell.source)}
            foreign = {p: _defines(source.cells[order[p]].source) if p in order else set() for p in found}
            found = [p for p in found if names & defined[p] - foreign[p] - (constants if p <= start else set())]
            found = [position for position in found if position < end]
            given = set().union(*(defined[position] for position in found))
            rest = "\n\n".join(part for part in _definitions(cell.released) if not _defines(part) & given)
        if not found:
            continue
        texts[number] = rest
        for position in found:
            other = order.get(position)
            if other is None or position in moved:
                continue
            if position in unused or (source.cells[other].kind != "setup" and other > number and position <= after):
                texts[number] = "\n\n".join(filter(None, (rest, written[position])))
                moved.add(position)
                if position not in unused:
                    texts[other] = ""
                break
    return texts


def _definitions(text: str) -> dict[str, bool]:
    """Imports, functions, classes and assignments of a cell, and whether each assigns; none if it is no Python."""
    return {part: isinstance(s, (ast.Assign, ast.AnnAssign)) for part, s in definitions(text).items()}


def _is_fixed(cell: SourceCell) -> bool:
    """Is a student not meant to change this cell?"""
    return cell.kind == "test" or cell.locked


def _pictured(cell: SourceCell | None) -> Note:
    """A note on pictures that the student pasted into the text of an answer, or of a cell of their own."""
    which, yours = (f"The answer {cell.grade_id}", f"answer {cell.grade_id}") if cell else ("An own cell", "own cell")
    return Note(
        "picture",
        f"{which} holds a pasted picture, which is not shown here: look at the file that was handed in.",
        f"Your {yours} holds a pasted picture, which is not shown here: somebody will look at the file you handed in.",
    )


def _changed(cell: SourceCell) -> Note:
    return Note(
        "changed",
        f"The locked cell {cell.grade_id} was changed; the original was used.",
        f"You changed the locked cell {cell.grade_id}; the original was used.",
    )


def _match(source: SourceNotebook, student: list[StudentCell], notes: list[Note]) -> dict[int, int]:
    """Which cell of the student (by position) stands for which cell of the source (by position)."""
    matches: dict[int, int] = {}
    taken: set[int] = set()

    def settle(number: int, position: int) -> None:
        matches[number] = position
        taken.add(position)

    by_grade, by_id = {}, {}
    for position, cell in enumerate(student):
        if cell.grade_id:
            by_grade.setdefault(cell.grade_id, []).append(position)
        if cell.id:
            by_id.setdefault(cell.id, []).append(position)
    for number, cell in enumerate(source.cells):
        found = by_grade.get(cell.grade_id, []) if cell.grade_id else []
        if len(found) > 1:
            counts = "each that was changed is run, and the last of them stands for the answer"
            counts = counts if cell.kind in ("answer", "manual") else "the original was used"
            notes.append(
                Note(
                    "duplicated",
                    f"The cell {cell.grade_id} is there {len(found)} times; {counts}.",
                    f"The cell {cell.grade_id} is there {len(found)} times; {counts}.",
                )
            )
        changed = [one for one in found if _squeeze(student[one].source) != _squeeze(cell.released)]
        if found:
            settle(number, (changed or found)[-1])
    for number, cell in enumerate(source.cells):
        free = [one for one in by_id.get(cell.id, []) if one not in taken]
        if number not in matches and len(free) == 1:
            settle(number, free[0])
    for number, cell in enumerate(source.cells):
        if number not in matches:
            same = [
                p for p, c in enumerate(student) if p not in taken and _squeeze(c.source) == _squeeze(cell.released)
            ]
            if same and cell.source.strip():
                settle(number, same[0])
    stripped = []
    for number, cell in enumerate(source.cells):
        if number in matches or cell.kind not in ("answer", "manual"):
            continue
        position = _between(source, student, matches, taken, number)
        if position is None:
            position = _alike(cell, student, taken)
        if position is not None:
            settle(number, position)
            stripped.append(cell.grade_id)
    if stripped:
        names = ", ".join(str(name) for name in stripped[:5]) + (" and more" if len(stripped) > 5 else "")
        notes.append(
            Note(
                "stripped",
                f"Answer cells had lost their mark ({len(stripped)}) and were found by place or content: {names}.",
                f"Your notebook had lost the marks of some cells; your answers were found anyway: {names}.",
            )
        )
    return matches


def _between(
    source: SourceNotebook, student: list[StudentCell], matches: dict[int, int], taken: set[int], number: int
) -> int | None:
    """The cell that stands where the answer should: alone, or most like it, between the neighbours that were found."""
    low = max((matches[one] for one in matches if one < number), default=-1)
    high = min((matches[one] for one in matches if one > number), default=len(student))
    wanted = source.cells[number]
    between = [
        position
        for position in range(low + 1, high)
        if position not in taken and student[position].source.strip() and _may_be(wanted, student[position])
    ]
    if not between:
        return None
    best = max(between, key=lambda one: (_overlap(wanted, student[one]), _ratio(wanted, student[one]), one))
    rivals = [
        one
        for one, cell in enumerate(source.cells)
        if cell.kind in ("answer", "manual")
        and one not in matches
        and all(matches[other] <= low for other in matches if other < one)
        and all(matches[other] >= high for other in matches if other > one)
    ]
    good = _overlap(wanted, student[best]) > 0 or _ratio(wanted, student[best]) > 0.6
    return best if good or len(between) == len(rivals) == 1 else None


def _alike(wanted: SourceCell, student: list[StudentCell], taken: set[int]) -> int | None:
    """The free cell anywhere that defines what the answer should define, or that is nearly the same text."""
    free = [one for one, cell in enumerate(student) if one not in taken and _may_be(wanted, cell)]
    best = max(free, key=lambda one: (_overlap(wanted, student[one]), _ratio(wanted, student[one])), default=None)
    if best is None or (not _overlap(wanted, student[best]) and _ratio(wanted, student[best]) < 0.75):
        return None
    return best


def _may_be(wanted: SourceCell, cell: StudentCell) -> bool:
    return cell.cell_type == wanted.cell_type or cell.cell_type == "raw" or bool(_defines(cell.source))


def _defines(text: str) -> set[str]:
    """Names that a cell defines at its top level."""
    return {name or value for name, value in _DEFINITION.findall(text)}


def _wanted(answer: SourceCell) -> set[str]:
    """Names that an answer should define at its top level."""
    return (_defines(answer.released) or _defines(answer.source)) if answer.cell_type == "code" else set()


def _overlap(wanted: SourceCell, cell: StudentCell) -> int:
    return len(_defines(wanted.released) & _defines(cell.source))


def _ratio(wanted: SourceCell, cell: StudentCell) -> float:
    return fuzz.ratio(wanted.released[:2000], cell.source[:2000]) / 100


def _squeeze(text: str) -> str:
    """A text to compare: without pictures, and without the white space that editors add and take away."""
    return "\n".join(line.rstrip() for line in _PICTURE.sub(_LEFT_OUT, text).strip().splitlines())
