"""Which student of the gradebook handed something in."""

import dataclasses
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from grader.collect.handed import Handed, nfc
from grader.course import Course, CourseError
from grader.gradebook.store import Store
from grader.model import Note


def identify(
    store: Store, handed: Iterable[Handed], students: list[str] | None, where: Path
) -> tuple[dict[str, str], dict[str, Note], list[tuple[str, str | None, str | None, str | None]]]:
    """Whose each folder is, what is doubtful about that, and what the gradebook should know of each student, sorted.

    Raises:
        CourseError: if ``where`` holds no submission, none of the given students, or one where students should be.
    """
    roster, name, usable = store.registry.roster(), store.assignment.name, False
    folders: dict[str, Handed] = {}
    for one in handed:
        notebooks = [entry.path for entry in one.entries if ".ipynb" in entry.path.lower()]
        if one.student == name and name not in roster and any("/" not in path for path in notebooks):
            parent = where.resolve().parent
            maybe = "" if own_folders(store.course, parent) else f" (is it {parent}?)"
            raise CourseError(
                f"In {where}, {name!r} stands where a student's name should: give --submitted the folder that holds "
                f"one folder per student{maybe}, and name single students with --student."
            )
        packed = any(entry.path.lower().endswith(".zip") for entry in one.entries)
        usable = usable or packed or bool(notebooks or one.problem) or os.path.lexists(where / one.student / name)
        folders[one.student] = dataclasses.replace(one, entries=[])  # a class's worth of files need not stay in memory
    names, doubts = _owners(roster, folders)
    given = Counter(one.lms_user_id for one in folders.values())
    given.update(lms for _, _, lms in roster.values())
    rows, wanted = {}, {}
    for folder, student in names.items():
        if students and not {folder, student} & set(students):
            continue
        one, wanted[folder] = folders[folder], student
        # a number that somebody else has, too, would identify the wrong student next time
        number = one.lms_user_id if given[one.lms_user_id] == 1 else None
        # nor may a name that is a guess look as if a person had entered it
        known = (None, None, None) if one.doubt else (one.first_name, one.last_name, number)
        rows[student] = (student, *known)
    if not usable:
        expected = where / "STUDENT" / name / f"{next(iter(store.assignment.notebooks))}.ipynb"
        raise CourseError(f"No submission of {name} was found in {where}: expected {expected}, or an LMS zip.")
    if students and (unknown := set(students) - set(wanted) - set(wanted.values())):
        raise CourseError(f"Nothing was handed in by {', '.join(sorted(unknown))}.")
    return wanted, doubts, [rows[student] for student in sorted(rows)]


def _owners(
    roster: dict[str, tuple[str | None, str | None, str | None]], folders: dict[str, Handed]
) -> tuple[dict[str, str], dict[str, Note]]:
    """For each folder the student it belongs to, never the same for two, and a note where that may be somebody else.

    It is the student whose id the folder has; or whose number, unless the names differ; or whose full name, if nobody
    else has that. A folder whose student is taken is a student of its own.
    """
    by_number, by_name, spelt = {}, {}, {nfc(student): student for student in roster}
    for student, (first, last, number) in roster.items():
        by_number.setdefault(number, []).append(student)
        by_name.setdefault(_full_name(first, last), []).append(student)
    claims: dict[str, dict[bool, list[str]]] = {}  # of each student: the folders with the number, and with the name
    alike: dict[str, tuple[list[str], list[str]]] = {}
    for folder, one in folders.items():
        full = _full_name(one.first_name, one.last_name)
        given = one.lms_user_id or one.alias
        numbered = by_number.get(given, []) if given else []
        named = by_name.get(full, []) if full else []
        alike[folder] = numbered, named
        nameless = len(numbered) == 1 and not _full_name(*roster[numbered[0]][:2])
        sure = nameless or (len(numbered) == 1 and _confirms(one, numbered[0], roster))
        student = numbered[0] if sure else named[0] if len(named) == 1 else None
        if folder not in roster and folder in spelt:  # an older gradebook may write accents as macOS does
            student, sure = spelt[folder], True
        if student and folder not in roster and student not in folders:
            claims.setdefault(student, {}).setdefault(sure, []).append(folder)
    names = {folder: folder for folder in folders}
    for student, found in claims.items():
        best = found.get(True) or found[False]
        if len(best) == 1:
            names[best[0]] = student
    doubts = {}
    for folder, (numbered, named) in alike.items():
        # where no student was found, those whose name it is may be meant, unless the same archive holds their folders
        free = [one for one in named if one not in folders or not folders[one].lms_user_id]
        others = dict.fromkeys([*numbered, *(free if names[folder] == folder else [])])
        others = ", ".join(one for one in others if one != names[folder])
        number = roster[names[folder]][2] if names[folder] in roster else None
        other = number and folders[folder].lms_user_id not in (None, number)
        owner, one = names[folder], folders[folder]
        bare = owner != folder and owner in numbered and owner not in named and not _confirms(one, owner, roster)
        # a person has looked at a student who has a name or a number in the gradebook
        strange = one.doubt and not any(roster.get(owner, ()))
        if others or other or bare or strange:
            where = "under its own name" if owner == folder else f"as {owner}"
            why = (
                f"its number or name is also that of {others}"
                if others
                else f"there the number is {number}"
                if other
                else f"only the number {number} is the same and no name confirms it"
                if bare
                else f"{owner} has no name, and {one.doubt}"
            )
            doubts[folder] = Note(
                "identity",
                f"{folder} was graded {where}, but in the gradebook {why}: see whose it is.",
                "Your number or name on the learning platform fits another student, too; somebody will see to it.",
            )
    return names, doubts


def _confirms(one: Handed, student: str, roster: dict[str, tuple[str | None, str | None, str | None]]) -> bool:
    """Does the name that a platform gave fit the student's in the gradebook, or the id?"""
    first, last, _ = roster[student]
    known, full = _full_name(first, last), _full_name(one.first_name, one.last_name)
    if full:
        return known == full or (bool(known) and full.endswith(f"-{known}"))  # Moodle: Group A-Ada Lovelace
    alias, words = _letters(one.alias), [*(last or "").split(), *(first or "").split()[:1]]
    return bool(alias) and (alias == _letters(student) or (bool(words) and all(_letters(w) in alias for w in words)))


def _letters(text: str) -> str:
    """The letters of a name, without accents: Canvas writes O'Brien, Zoë as obrienzoe."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", text.casefold()))


def _full_name(first: str | None, last: str | None) -> str:
    """A name in a form in which the same names are equal, however they are written."""
    return unicodedata.normalize("NFC", " ".join(f"{first or ''} {last or ''}".casefold().split()))


def own_folders(course: Course, where: Path) -> list[Path]:
    """The course's own folders, that of submissions aside, which a folder is, holds or lies in."""
    steps = [getattr(course.directory, f"{step}_directory") for step in ("source", "release", "autograded", "feedback")]
    there, where = [(course.root / name).resolve() for name in [*steps, course.grades]], where.resolve()
    there = [folder for folder in there if folder.is_dir() and where.is_dir() and folder != course.root.resolve()]
    return [folder for folder in there if where in (folder, *folder.parents) or folder in where.parents]
