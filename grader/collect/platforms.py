"""Names that learning platforms give to what was handed in."""

import hashlib
import re
import unicodedata

from grader.collect.assignment_names import other_assignments
from grader.collect.handed import Handed, nfc, storable
from grader.course import Assignment

MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)", re.IGNORECASE)


# Canvas: name, perhaps LATE, the student's number, the file's number, the file's name
_CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<id>[1-9]\d*)_(?P<number>[1-9]\d*)_(?P<file>.+)")


# Canvas, if names are hidden: an id that holds for one assignment, the file's number, the file's name
_ANONYMOUS = re.compile(r"(?:LATE_)?(?P<student>anon(?:ymous)?_[^\W_]+)(?:_LATE)?_\d+_(?P<file>.+)", re.IGNORECASE)


_ENDING = re.compile(r"\.ipynb(\.zip)?$", re.IGNORECASE)


def is_flat(name: str, assignment: Assignment) -> bool:
    """Does a file tell by its name whose it is, although it lies in no folder?"""
    forms = MOODLE.fullmatch(name) or _ANONYMOUS.fullmatch(name) or _canvas(name, assignment)
    return ".ipynb" in name.lower() or bool(forms)


def named_by_platform(name: str, is_file: bool, assignment: Assignment) -> tuple[Handed, str]:
    """A student, by the name that nbgrader or a learning platform gave a folder or file, and the name of the file."""
    name = nfc(name)
    if (match := MOODLE.fullmatch(name)) and (is_file or not match["file"]):
        first, _, last = storable(match["name"]).strip().rpartition(" ")
        student = student_name(f"{match['name']}_{match['id']}")
        return Handed(student, first_name=first or None, last_name=last or None, lms_user_id=match["id"]), match["file"]
    if is_file and (match := _ANONYMOUS.fullmatch(name)):
        return Handed(student_name(match["student"]), doubt="its name is anonymous"), match["file"]
    if is_file and (match := _canvas(name, assignment)):
        student = student_name(f"{match['name']}_{match['id']}")
        return Handed(student, lms_user_id=match["id"], alias=storable(match["name"])), match["file"]
    return Handed(student_name(_ENDING.sub("", name) if is_file else name)), name


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
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in student):
        return "holds control characters"
    if re.search(r"[/\\{}*?\[\]]|^\.|^-", student):
        return "holds one of / \\ { } * ? [ ], or begins with a dot or a dash, which paths and commands read otherwise"
    return ""
