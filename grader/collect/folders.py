"""Find submissions in folders."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from grader.collect.archives import before, from_archive
from grader.collect.assignment_names import (
    best_folder,
    holds_students,
    means_assignment,
    near_misses,
    refuse_crowd,
    students_inside,
)
from grader.collect.handed import MAX_ENTRIES, PIECE, Entry, Handed, is_notebook, kind_of, natural, storable
from grader.collect.platforms import common_title, has_form, is_flat, last_attempt, named_by_platform, student_name
from grader.course import Assignment, Course, CourseError


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
        yield from from_archive(path, assignment)
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
        yield Handed(student_name(student), *_scan(folder))


def _from_folder(root: Path, assignment: Assignment) -> Iterator[Handed]:
    groups: dict[str, tuple[Handed, list[tuple[str, os.DirEntry, str]]]] = {}
    there = sorted(_students(root, assignment), key=lambda one: one.name)
    title = common_title((entry.name for entry in there), assignment)
    for entry in there:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        is_file = entry.is_file(follow_symlinks=False)
        if is_file and not is_flat(entry.name, assignment):
            continue
        handed, name = named_by_platform(entry.name, is_file, assignment, title)
        groups.setdefault(handed.student, (handed, []))[1].append((handed.attempt, entry, name))
    for _, (handed, tried) in sorted(groups.items()):
        files = [
            (when, file.path)
            for when, entry, name in tried
            for file in (_scan(Path(entry.path))[0] if when and not name else [Entry(name, 0, tuple)])
        ]
        tried.sort(key=lambda one: natural(one[1].name))
        taken = last_attempt(handed, files)
        ours = [(entry, name) for when, entry, name in tried if when in taken]
        handed.place = _place(root, *ours[0])
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


def _place(root: Path, entry: os.DirEntry, name: str) -> str:
    """What stands before the names of a student's files, seen from the folder that was given."""
    path = Path(entry.path)
    above = path.parent.relative_to(root).as_posix()
    own = before(entry.name, name) if entry.is_file(follow_symlinks=False) else f"{entry.name}/"
    return own if above == "." else f"{above}/{own}"


def _students(root: Path, assignment: Assignment, depth: int = 8) -> list[os.DirEntry]:
    """What lies in a folder; or in the folders below it, if each of those holds several students' folders."""
    with os.scandir(root) as scan:
        there = list(scan)
    below: list[Path] = []
    for entry in there:
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if not entry.is_dir(follow_symlinks=False):
            if is_flat(entry.name, assignment):
                return there
            continue
        paths = [one.path for one in _scan(Path(entry.path))[0]]
        work = [path for path in paths if is_notebook(path) or path.lower().endswith(".zip")]
        if not work:
            continue  # a list or feedback beside the students
        if all("/" not in path and has_form(path, assignment) for path in work):
            below.append(Path(entry.path))  # a platform's archive, unpacked into a folder
            continue
        handed, _ = named_by_platform(entry.name, False, assignment)
        inside = students_inside(paths, assignment)
        if not inside or (handed.last_name and not holds_students(paths)):
            return there
        below.append(Path(entry.path) / inside[0])
    if not below or not depth:
        return there
    return [one for folder in below for one in _students(folder, assignment, depth - 1)]


def _inner(path: Path, assignment: Assignment, handed: Handed, only_folders: bool) -> Path | None:
    """The folder of the assignment in a student's folder."""
    try:
        with os.scandir(path) as scan:
            near = [
                one.name
                for one in scan
                if not one.is_file(follow_symlinks=False) and means_assignment(one.name, assignment)
            ]
    except OSError:
        return None
    if not near:
        paths = [entry.path for entry in _scan(path)[0]]
        refuse_crowd(paths, assignment, handed)
        near = near_misses(paths, assignment) if only_folders else []
    best = best_folder(near, assignment, handed)
    return path / best if best else None


def _holds_only_folders(path: Path) -> bool:
    try:
        with os.scandir(path) as scan:
            kinds = [
                entry.is_dir(follow_symlinks=False) and not is_notebook(entry.name)
                for entry in scan
                if not entry.name.startswith(".")
            ]
    except OSError:
        return False
    return bool(kinds) and all(kinds)


def _scan(root: Path, depth: int = 8) -> tuple[list[Entry], str]:
    """The files below a folder, never through a link; or one sentence about why it is none."""
    try:
        kind = os.lstat(root).st_mode
        if not stat.S_ISDIR(kind):
            return [], f"{storable(root.name)} is {kind_of(kind)}, not a folder"
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
                    if not is_folder or is_notebook(one.name):
                        entries.append(_entry(path, path.relative_to(root).as_posix()))
                    if len(entries) >= MAX_ENTRIES:
                        return entries, ""
        return entries, ""
    except OSError as error:
        return [], f"{storable(root.name)} cannot be opened ({error.strerror})"


def _entry(path: Path, name: str) -> Entry:
    name = storable(name)
    try:
        info = os.lstat(path)
    except OSError as error:
        return Entry(name, 0, tuple, f"cannot be opened ({error.strerror})")
    if not stat.S_ISREG(info.st_mode):
        return Entry(name, 0, tuple, f"is {kind_of(info.st_mode)}, not a file")
    return Entry(name, info.st_size, lambda: _read_file(path))


def _read_file(path: Path) -> Iterator[bytes]:
    # O_NOFOLLOW and fstat once more: the file may have been exchanged since it was looked at
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is not a regular file")
        while piece := file.read(PIECE):
            yield piece
