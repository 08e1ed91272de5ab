"""Folders whose names nearly are the assignment's."""

import os
import re
from pathlib import PurePosixPath

from grader.collect.handed import Handed, is_notebook, listed, nfc, plain_name, storable
from grader.course import Assignment
from grader.model import Note

# a student's folder of one attempt or one copy among several
ATTEMPT = re.compile(
    r"(?:version|versuch|attempt|submission|abgabe|try|take|v)[ _-]*(?P<number>\d{1,2})"  # a longer one is a person's
    r"|(?P<first>\d{1,2})[ _.-]*(?:version|versuch|attempt|submission|abgabe|try|take)"
    r"|old|new|final|drafts?|backups?|copy.*|originals?|mine|my.*|solutions?|work|data|.*\bcopy\b.*|.*\(\d+\)"
)

_BEFORE = re.compile(r"^(?:\d[\d.:_ -]*[_ -]+|[^\W\d][\w ]{3,40} - )")
# ILIAS, a folder: last name, first name, account, number
ILIAS = re.compile(r"(?P<last>[^_]+)_(?P<first>[^_]+)_[^_]+_\d+")


def best_folder(names: list[str], assignment: Assignment, handed: Handed) -> str:
    """Of the folders that may be meant, the one with the assignment's name, or the first; "" if there is none."""
    if not names:
        return ""
    best = min(names, key=lambda name: (nfc(name) != nfc(assignment.name), name))
    if nfc(best) != nfc(assignment.name):
        handed.notes.append(_wrong_folder(best, assignment))
    if len(names) > 1:
        others = listed(name for name in sorted(names) if name != best)
        handed.notes.append(
            Note(
                "duplicate-file",
                f"There are {len(names)} folders for the assignment; {storable(best)} was taken, not {others}.",
                f"You handed in {len(names)} folders; {storable(best)} was taken, not {others}.",
            )
        )
    return best


def means_assignment(name: str, assignment: Assignment) -> bool:
    """Does a folder's name mean the assignment, whatever its case and punctuation, or as a copy's name?"""
    wanted = assignment.name
    if nfc(name).strip().casefold() == nfc(wanted).casefold():
        return True
    alike = not is_notebook(name) and plain_name(name) == plain_name(wanted) != ""
    return alike and all(plain_name(other) != plain_name(wanted) for other in other_assignments(assignment))


def near_misses(paths: list[str], assignment: Assignment) -> list[str]:
    """Folders with a name that is no assignment's, in which lies a notebook with exactly the right name."""
    books = {nfc(f"{name}.ipynb") for name in assignment.notebooks}
    others, series = {nfc(name).casefold() for name in other_assignments(assignment)}, _series(assignment.name)
    found = set()
    for path in paths:
        *folders, name = PurePosixPath(path).parts
        # week0 is no wrong name of week1, even if the course has no source of it any more
        free = (
            means_assignment(one, assignment) or (nfc(one).casefold() not in others and _series(one) != series)
            for one in folders
        )
        # a time or the word for late before the name is a platform's
        if folders and {nfc(name), _BEFORE.sub("", nfc(name), count=1)} & books and all(free):
            found.add("/".join(folders))
    return sorted(found)


def students_inside(paths: list[str], assignment: Assignment) -> tuple[str, list[str]] | None:
    """Where in what looks like one student's folder the folders of several lie, and their names.

    Those are sibling folders that hold a notebook of the same, exact name, and are neither assignments nor attempts;
    within them it may lie in the folder of the assignment, of an attempt, or in folders that are called alike in all.
    Folders in ILIAS's form are students' whatever lies in them: ILIAS puts a time or the word for late before a name.
    """
    work = _work(paths)
    if found := _in_form(work):
        return found
    books = {nfc(f"{name}.ipynb") for name in assignment.notebooks}
    others, series = {nfc(name).casefold() for name in other_assignments(assignment)}, _series(assignment.name)
    held: dict[str, list[list[str]]] = {}  # of each notebook the folders in which it lies
    for path in paths:
        *folders, name = PurePosixPath(path).parts
        if nfc(name) not in books:
            continue
        own = (at for at, one in enumerate(folders) if means_assignment(one, assignment))
        folders = folders[: next(own, len(folders))]
        while len(folders) > 1 and ATTEMPT.fullmatch(folders[-1].lower()):
            folders.pop()
        if not folders or any(nfc(one).casefold() in others or _series(one) == series for one in folders):
            return None
        held.setdefault(nfc(name), []).append(folders)
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for name, places in held.items():
        while all(len(folders) > 1 and folders[-1] == places[0][-1] for folders in places):
            places = [folders[:-1] for folders in places]
        for folders in places:
            siblings = found.setdefault(tuple(folders[:-1]), {}).setdefault(name, [])
            siblings += [folders[-1]] if folders[-1] not in siblings else []
    crowds = [names for by_book in found.values() for names in by_book.values() if len(names) > 1]
    names = sorted({name for crowd in crowds for name in crowd if not ATTEMPT.fullmatch(name.lower())})
    if len(names) < 2:
        return None
    # nor may work that lies elsewhere, under another name, be left out
    above = min(found, key=len)
    while any(parts[: len(above)] != above for parts in [*found, *work]):
        above = above[:-1]
    return "/".join(above), names


def holds_students(paths: list[str]) -> bool:
    """Do folders in ILIAS's form lie in this one? So ``multi_feedback_Homework_77`` is no student, despite its form."""
    return _in_form(_work(paths)) is not None


def _work(paths: list[str]) -> list[tuple[str, ...]]:
    return [PurePosixPath(path).parts for path in paths if is_notebook(path) or path.lower().endswith(".zip")]


def _in_form(work: list[tuple[str, ...]]) -> tuple[str, list[str]] | None:
    """Where the folders in ILIAS's form lie, and their names, if all work is in such folders."""
    form = re.compile(r"[^_]+(_[^_]+){2,}_\d+")  # an account may hold the mark between the parts
    places = [next((at for at, one in enumerate(parts[:-1]) if form.fullmatch(nfc(one))), None) for parts in work]
    if not work or None in places:
        return None
    above = os.path.commonprefix([parts[:at] for parts, at in zip(work, places, strict=True)])
    return "/".join(above), sorted({parts[at] for parts, at in zip(work, places, strict=True)})


def refuse_crowd(paths: list[str], assignment: Assignment, handed: Handed) -> None:
    """Refuse what looks like one student's work and seems to be that of several, rather than take somebody's of it."""
    inside = None if handed.first_name or handed.last_name else students_inside(paths, assignment)
    if inside and len(inside[1]) > 2:
        handed.problem = (
            f"{storable(handed.student)} seems to hold the work of several students ({listed(inside[1])}): "
            "give --submitted the folder that holds one folder per student"
        )


def other_assignments(assignment: Assignment) -> list[str]:
    """The names of the course's other assignments."""
    return [name for name in os.listdir(assignment.folder.parent) if name != assignment.folder.name]


def _series(name: str) -> str:
    """What the names of ``week1`` and ``week2`` have in common."""
    return re.sub(r"\d+", "0", plain_name(name))


def _wrong_folder(name: str, assignment: Assignment) -> Note:
    return Note(
        "wrong-name",
        f"The folder {storable(name)!r} was taken for {assignment.name!r}.",
        f"Your folder {storable(name)!r} should have been called {assignment.name!r}; it was taken all the same.",
    )
