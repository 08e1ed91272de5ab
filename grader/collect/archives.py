"""Find submissions in archives, which are never unpacked."""

import contextlib
import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from grader.collect.assignment_names import (
    best_folder,
    holds_students,
    means_assignment,
    near_misses,
    other_assignments,
    refuse_crowd,
    students_inside,
)
from grader.collect.choose import hold_answers
from grader.collect.handed import (
    MAX_ENTRIES,
    MAX_MEMBERS,
    MAX_PACKED,
    MAX_UNPACKED,
    PIECE,
    Entry,
    Handed,
    Submission,
    add_note,
    content_of,
    is_notebook,
    kind_of,
    listed,
    natural,
    nfc,
    storable,
)
from grader.collect.platforms import MOODLE, common_title, has_form, is_flat, last_attempt, named_by_platform
from grader.course import Assignment, CourseError
from grader.model import Refused


def from_archive(path: Path, assignment: Assignment) -> Iterator[Handed]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise CourseError(
            f"{path} is not a zip archive that can be read ({error}): download it again, or unpack it and name its "
            "folder."
        ) from error
    with archive:
        if len(archive.infolist()) > MAX_MEMBERS:
            raise CourseError(f"{path} holds {len(archive.infolist())} files, more than {MAX_MEMBERS}: split it.")
        inside = list(_members(archive))
        whole = {id(info): parts for parts, info, _ in inside}
        if top := _wrapper([parts for parts, _, _ in inside], assignment):
            inside = [(parts[1:], *rest) for parts, *rest in inside if parts[0] == top and len(parts) > 1]
        while strip := _deeper([parts for parts, _, _ in inside], assignment):
            inside = [
                (parts[len(above) :], *rest)
                for parts, *rest in inside
                if (above := strip.get(parts[0])) and parts[: len(above)] == above and len(parts) > len(above)
            ]
        students: dict[str, tuple[Handed, list]] = {}
        title = common_title((parts[0] for parts, _, _ in inside if len(parts) == 1), assignment)
        for parts, info, problem in inside:
            flat = len(parts) == 1
            if flat and not is_flat(parts[0], assignment):
                continue
            handed, name = named_by_platform(parts[0], flat, assignment, title)
            if not parts[0].isascii() and _told(info) is None:
                handed.doubt = handed.doubt or "in which code its name is written is a guess"
            path = name if flat else "/".join(parts[1:])
            place = "/".join([*whole[id(info)][: -len(parts)], before(parts[0], name) if flat else f"{parts[0]}/"])
            students.setdefault(handed.student, (handed, []))[1].append((handed.attempt, path, info, problem, place))
        for _, (handed, tried) in sorted(students.items()):
            tried.sort(key=lambda one: natural(one[2].filename))
            taken = last_attempt(handed, [(when, path) for when, path, *_ in tried])
            ours = [rest for when, *rest in tried if when in taken]
            paths, handed.place = [path for path, *_ in ours], ours[0][-1]
            folders = {path.split("/")[0] for path in paths if "/" in path}
            near = [name for name in folders if means_assignment(name, assignment)]
            if not near:
                refuse_crowd(paths, assignment, handed)
            if not near and not handed.lms_user_id and all("/" in path for path in paths):
                near = near_misses(paths, assignment)
                if not near:
                    continue  # other assignments of this student
            best, others = best_folder(near, assignment, handed), other_assignments(assignment)
            for path, info, problem, _ in ours:
                inner = path.removeprefix(f"{best}/")
                alien = "/" in path and (inner == path if best else path.split("/")[0] in others)
                if len(handed.entries) < MAX_ENTRIES and (handed.lms_user_id or not alien):
                    handed.entries.append(_member(archive, info, inner, problem))
            yield handed


def before(member: str, file: str) -> str:
    """What stands before a file's own name in the name of a member that lies in no folder."""
    return member.removesuffix(file) or f"{PurePosixPath(member).stem}_"


def _wrapper(members: list[tuple[str, ...]], assignment: Assignment) -> str:
    """The one folder in which all students' folders or files lie, if there is one; else ""."""
    books = [parts for parts in members if is_notebook(parts[-1]) or parts[-1].lower().endswith(".zip")] or members
    top, below = books[0][0] if books else "", {parts[1] for parts in books if len(parts) > 1}
    if (
        MOODLE.fullmatch(top)
        or below & set(other_assignments(assignment))
        or any(means_assignment(name, assignment) for name in below)
    ):
        return ""
    if any(parts[0] != top for parts in books):
        return ""
    inside = [parts for parts in members if parts[0] == top]
    # one folder beside a file may be a part of a student's work; several are the students', whatever lies beside them
    clear = len(below) > 1 or all(len(parts) > 3 and means_assignment(parts[2], assignment) for parts in books)
    books = books if clear else inside
    deep = all(len(parts) > 2 or (len(parts) == 2 and has_form(parts[1], assignment)) for parts in books)
    return top if deep else ""


def _deeper(members: list[tuple[str, ...]], assignment: Assignment) -> dict[str, tuple[str, ...]]:
    """For each folder what stands before the students' folders in it, if each holds several; else nothing."""
    tops: dict[str, list[str]] = {}
    for parts in members:
        if len(parts) > 1:
            tops.setdefault(parts[0], []).append("/".join(parts[1:]))
        elif is_flat(parts[0], assignment):
            return {}
    strip = {}
    for top, paths in tops.items():
        handed, _ = named_by_platform(top, False, assignment)
        if not any(is_notebook(path) or path.lower().endswith(".zip") for path in paths):
            continue  # a list or feedback beside the students
        inside = students_inside(paths, assignment)
        if not inside or (handed.last_name and not holds_students(paths)):
            return {}
        strip[top] = (top, *PurePosixPath(inside[0]).parts)
    return strip


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[tuple[str, ...], zipfile.ZipInfo, str]]:
    """The files of an archive: the parts of a path that stays inside, and what is wrong with it."""
    for info in archive.infolist():
        name = _name(info)
        parts = PurePosixPath(name.replace("\\", "/")).parts
        evil = ".." in parts or name.startswith(("/", "\\")) or bool(re.match(r"[A-Za-z]:", name))
        parts = tuple(part for part in parts if part not in ("/", "..", "."))
        if not parts or info.is_dir() or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        yield parts, info, "has a path that leads out of the archive" if evil else ""


def _name(info: zipfile.ZipInfo) -> str:
    """A member's path in NFC."""
    name = _told(info)
    return nfc(_guessed(info.filename) if name is None else name)


def _told(info: zipfile.ZipInfo) -> str | None:
    """A member's path, if it says itself how to read it; None if it is in a code page of which only the bytes tell.

    Without the flag of UTF-8 it may be UTF-8 all the same: macOS never sets the flag.
    """
    if info.flag_bits & 0x800:
        return info.filename
    with contextlib.suppress(UnicodeError):  # zipfile has read it as cp437
        return _unicode_path(info) or info.filename.encode("cp437").decode("utf-8")
    return _unicode_path(info) or None


def _guessed(name: str) -> str:
    """A path as Windows packs it: in the code page of DOS, or in its own where only that makes Latin letters of it."""
    codes = ("cp437", "cp1252", "cp850")
    for code in codes:
        with contextlib.suppress(UnicodeError):
            read = name.encode("cp437").decode(code)
            if all(char.isascii() or unicodedata.name(char, "").startswith("LATIN ") for char in read):
                return read
    return name


def _unicode_path(info: zipfile.ZipInfo) -> str:
    """The path in UTF-8 that Windows tools write beside one in their own code page (field 0x7075), if it fits it."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == 0x7075 and len(field) > 5 and field[0] == 1:
            with contextlib.suppress(UnicodeError):
                if struct.unpack_from("<L", field, 1)[0] == zlib.crc32(info.orig_filename.encode("cp437")):
                    return field[5:].decode("utf-8").split("\0")[0]
    return ""


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, problem: str) -> Entry:
    mode = info.external_attr >> 16
    if not problem and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        problem = f"is {kind_of(mode)}, not a file"
    if not problem and info.flag_bits & 1:
        problem = "is encrypted"

    def read() -> Iterator[bytes]:
        try:
            with archive.open(info) as file:
                while piece := file.read(PIECE):
                    yield piece
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            raise OSError(0, f"the archive is damaged there: {error}") from error
        except Exception as error:  # zlib.error, lzma.LZMAError and their kin share no base class
            raise OSError(0, f"the archive is damaged there: {error}") from error

    return Entry(storable(name), info.file_size, read, problem)


def unzip(handed: Handed, assignment: Assignment, submission: "Submission") -> None:
    """Look into a student's archives for what no notebook beside them answers; one level deep, and in memory."""
    archives = [entry for entry in handed.entries if entry.path.lower().endswith(".zip") and not entry.problem]
    archives = sorted(archives, key=lambda entry: natural(entry.path[:-4]), reverse=True)[:3]  # the last one first
    opened: list[str] = []
    shut: list[str] = []
    beside = [entry for entry in handed.entries if is_notebook(entry.path)]
    blank = [book for book in assignment.notebooks.values() if archives and not hold_answers(beside, book)]
    for packed in archives:
        if not blank and not opened:
            return
        try:
            content = content_of(packed)
            # the list of members is read whole, so its length is limited before
            if content.count(b"PK\x01\x02") > MAX_PACKED:
                continue
            archive = zipfile.ZipFile(io.BytesIO(content))
        except (Refused, zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
            continue
        inside = list(_members(archive))
        if not any(is_notebook(parts[-1]) for parts, _, _ in inside):
            continue
        # an archive of a folder: what lies beside the notebook must lie beside it here, too
        skip = int(len({parts[0] for parts, _, _ in inside}) == 1 and all(len(parts) > 1 for parts, _, _ in inside))
        members, room = [], MAX_UNPACKED
        for parts, info, problem in inside[:MAX_ENTRIES]:
            room -= info.file_size
            problem = problem or ("" if room >= 0 else f"lies in an archive of more than {MAX_UNPACKED >> 20} MB")
            members.append(_member(archive, info, "/".join(parts[skip:]), problem))
        answered = [book for book in blank if hold_answers(members, book)]
        if beside and not answered:
            if opened and any(hold_answers(members, book) for book in assignment.notebooks.values()):
                shut.append(packed.path)
            continue
        beside, blank, opened = members, [book for book in blank if book not in answered], [*opened, packed.path]
        handed.entries = [entry for entry in handed.entries if entry is not packed] + members
        add_note(
            submission,
            "unzipped",
            f"What was handed in was inside {packed.path}.",
            f"Your notebook was inside {packed.path}; it was unpacked. Next time, hand in the notebook itself.",
        )
    if shut:
        which = f"{listed(opened)} was opened, not {listed(shut)}, which holds answers, too."
        add_note(submission, "duplicate-file", which, f"You handed in several archives; {which}")
