"""Names that learning platforms give to what was handed in."""

import contextlib
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

from grader.collect.assignment_names import ILIAS, means_assignment, other_assignments
from grader.collect.handed import Handed, is_notebook, nfc, storable
from grader.course import Assignment
from grader.model import Note

MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)", re.IGNORECASE)


# Canvas: name, perhaps LATE, the student's number, the file's number, the file's name
_CANVAS = re.compile(
    r"(?:LATE_)?(?P<name>(?:(?!_\d+_).)+?)(?:_(?i:LATE))?_(?P<id>[1-9]\d*)_(?P<number>[1-9]\d*)_(?P<file>.+)"
)


# Canvas, if names are hidden: an id that holds for one assignment, the file's number, the file's name
_ANONYMOUS = re.compile(r"(?:LATE_)?(?P<student>anon(?:ymous)?_[^\W_]+)(?:_LATE)?_\d+_(?P<file>.+)", re.IGNORECASE)


# Blackboard: the task's title, the account, the time, and the file's name unless it is the platform's own text
_BLACKBOARD = re.compile(
    r"(?P<head>[^_]+_.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<text>\.txt))", re.IGNORECASE
)


# how a person or an account is called, and what is said of a hand-in, not of a person
_PERSON = re.compile(r"\w[\w.@+'\u2019-]*(?:,? \w[\w.@+'\u2019-]*){0,6}")
_NO_PERSON = re.compile(
    r"\d{4}[-_.]\d\d?[-_.]\d\d?(?!\d)|\d\d?[:.]?\d\d ?[AP]M\b|(?<![^\W_])(attempt|submissions?|submitted|version"
    r"|versuch|abgaben?|homework|assign(?:ment|submission|feedback)|upload|feedback|late)(?![^\W_])"
    r"|^[^_]+(?:_[^_]+){3,}_\d+$",  # nearly ILIAS's form: where the last name ends cannot be known
    re.IGNORECASE,
)
_UNKNOWN = "its name has no form that is known"
_MARKS = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")  # seen by nobody
# what Persian and Indic names are written with: it joins letters or keeps them apart
_JOINERS = re.compile("(?<=[\u0600-\u0dff])[\u200c\u200d](?=[\u0600-\u0dff])")
_TIMES = ("%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p", "%d %B, %Y %H%M", "%d %b, %Y %H%M", "%Y-%m-%d %H%M")


_ENDING = re.compile(r"\.ipynb(\.zip)?$", re.IGNORECASE)


def is_flat(name: str, assignment: Assignment) -> bool:
    """Does a file tell by its name whose it is, although it lies in no folder?"""
    return ".ipynb" in name.lower() or has_form(name, assignment)


def has_form(name: str, assignment: Assignment) -> bool:
    """Has a file's name the form in which a platform says whose it is?"""
    forms = (
        MOODLE.fullmatch(name) or _ANONYMOUS.fullmatch(name) or _BLACKBOARD.fullmatch(name) or _canvas(name, assignment)
    )
    return bool(forms) or bool((read := _brightspace(name)) and read[1])


def common_title(names: Iterable[str], assignment: Assignment) -> str:
    """What stands before the account in all of an archive's names in Blackboard's form: the task's title."""
    heads = sorted({match["head"] for match in map(_BLACKBOARD.fullmatch, map(nfc, names)) if match})
    if heads and all(head.startswith(f"{nfc(assignment.name)}_") for head in heads):
        return f"{nfc(assignment.name)}_"
    same = os.path.commonprefix(heads)
    return same[: same.rfind("_") + 1]


def named_by_platform(name: str, is_file: bool, assignment: Assignment, title: str = "") -> tuple[Handed, str]:
    """A student, by the name that nbgrader or a learning platform gave a folder or file, and the name of the file.

    Args:
        name: of the folder or file.
        is_file: is it a file's?
        assignment: what is graded.
        title: the task's title on Blackboard, from ``common_title``.
    """
    name = nfc(name)
    if (match := MOODLE.fullmatch(name)) and (is_file or not match["file"]):
        first, last = _first_and_last(match["name"])
        student = student_name(_MARKS.sub("", f"{match['name']}_{match['id']}"))
        return Handed(student, first_name=first, last_name=last, lms_user_id=match["id"]), match["file"]
    if is_file and (match := _ANONYMOUS.fullmatch(name)):
        return Handed(student_name(match["student"]), doubt="its name is anonymous"), match["file"]
    if is_file and (match := _canvas(name, assignment)):
        student = student_name(f"{match['name']}_{match['id']}")
        return Handed(student, lms_user_id=match["id"], alias=storable(match["name"])), match["file"]
    if is_file and (match := _BLACKBOARD.fullmatch(name)):
        # a title and an account may both hold the mark between them
        vague = "_" in title[:-1] and not means_assignment(title[:-1], assignment)
        account = storable(match["head"].removeprefix(title) if title else match["head"].rpartition("_")[2])
        doubt = "where the account begins in its name is a guess" if vague else ""
        handed = Handed(student_name(account), alias=account, attempt=match["when"], doubt=doubt)
        return handed, match["file"] or f"{match['when']}.txt"
    if (read := _brightspace(name)) and bool(read[1]) == is_file:
        return read
    if not is_file and (match := ILIAS.fullmatch(name)):
        return Handed(student_name(name), first_name=storable(match["first"]), last_name=storable(match["last"])), name
    name_of = _ENDING.sub("", name) if is_file else name
    return Handed(student_name(name_of), doubt="" if _is_person(name_of, assignment) else _UNKNOWN), name


def last_attempt(handed: Handed, files: list[tuple[str, str]]) -> set[str]:
    """Of a student's attempts, each a time and a path, those to look at: the last one that holds any work."""
    times = sorted({when for when, _ in files if when})
    if len(times) < 2:
        return {"", *times}
    work = [when for when, path in files if is_notebook(path) or path.lower().endswith(".zip")]
    best = max((when for when in work if when), default=times[-1])
    sure = best == times[-1] and not any(when.startswith("?") for when in times)
    shown = best.removeprefix("?")
    handed.notes.append(
        Note(
            "attempts" if sure else "duplicate-file",
            f"Of {len(times)} attempts that of {shown} was taken{'' if sure else ', which may not be the last'}.",
            f"You handed in {len(times)} times; what came at {shown} was taken.",
        )
    )
    return {"", best}


def _brightspace(name: str) -> tuple[Handed, str] | None:
    """``101-9001 - Ada Lovelace - Jan 31, 2030 1005 AM - file``, or a folder's name without the file."""
    match = re.fullmatch(r"([1-9]\d*)-\d+ - (.+?) - ([^-]*\b\d{4}\b.*?|\d{4}-\d\d-\d\d.*?)(?: - (.+))?", nfc(name))
    if not match:
        return None
    number, full, when, file = match.groups()
    at, said = f"?{when}", " ".join(when.replace(":", "").split())
    said = re.sub(r"(?<!\d)(\d\d\d)(?= [AP]M$|$)", r"0\1", said)  # 105 is five past one, not past ten
    for form in _TIMES:
        with contextlib.suppress(ValueError):
            at = datetime.strptime(said, form).isoformat()  # noqa: DTZ007 - only compared with its like
    first, last = _first_and_last(full)
    student = student_name(_MARKS.sub("", f"{full}_{number}"))
    handed = Handed(student, first_name=first, last_name=last, lms_user_id=number, attempt=at)
    return handed, file or ""


def _first_and_last(full: str) -> tuple[str | None, str | None]:
    """A name in two parts; with a comma the last name comes first."""
    full = _MARKS.sub("", storable(full)).strip()
    last, comma, first = full.partition(", ")
    if not comma or re.match(r"(?:[js]r|[ivx]+|ph\.?d|m\.?d)\b", first, re.IGNORECASE):
        first, _, last = full.rpartition(" ")
    return first or None, last or None


def _is_person(name: str, assignment: Assignment) -> bool:
    """May this be what a person or an account is called, and not a form of name that nobody knows here?"""
    letters = "".join(char for char in _JOINERS.sub("", name) if not unicodedata.category(char).startswith("M"))
    if not _PERSON.fullmatch(" ".join(letters.split())) or len(name) > 80 or _NO_PERSON.search(name):
        return False
    return not any(
        re.search(rf"(?<![^\W_]){re.escape(nfc(own))}(?![^\W_])", name, re.IGNORECASE)
        for own in (*assignment.notebooks, assignment.name)
    )


def _canvas(name: str, assignment: Assignment) -> re.Match | None:
    """The parts of a file's name in Canvas's form, unless a number of it may be the beginning of an assignment's."""
    match = _CANVAS.fullmatch(name)
    if not match or re.match(r"(LATE_)?anon(ymous)?_", name, re.IGNORECASE):
        return None
    for own in {*assignment.notebooks, assignment.name, *other_assignments(assignment)}:
        digits = re.match(r"\d+(?!\d)", own)
        begins = any(
            nfc(name[match.start(part) :]).casefold().startswith(nfc(own).casefold()) for part in ("id", "number")
        )
        if digits and (begins or (digits[0] == match["number"] and not match["file"].startswith(digits[0]))):
            return None
    return match


def student_name(name: str) -> str:
    """A student's name that can be stored and can be a folder, even of a student who is refused for it."""
    name = storable(name)
    if len(name.encode()) <= 200:
        return name
    short = name.encode()[:100].decode("utf-8", "ignore")
    return f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def bad_name(student: str) -> str:
    if not student or len(student.encode("utf-8", "replace")) > 120:
        return "is empty or longer than 120 bytes"
    if re.search(r"\\udc[89a-f][0-9a-f]", student):
        return "is not text in UTF-8"
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in _JOINERS.sub("", student)):
        return "holds control characters"
    if re.search(r"[/\\{}*?\[\]]|^\.|^-", student):
        return "holds one of / \\ { } * ? [ ], or begins with a dot or a dash, which paths and commands read otherwise"
    return ""
