"""Moodle's grading worksheet, whatever language its first line is in.

In English the columns are found by their names, in other languages by what is in them, or by the names that are given.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from grader.commands.tables import Table, read_table
from grader.course import CourseError

COLUMNS = {
    "identifier": ("Identifier",),
    "name": ("Full name",),
    "account": ("Username", "Email address"),
    "grade": ("Grade",),
    "maximum": ("Maximum Grade",),
}


_REMEDY = (
    "needs the columns of Moodle's grading worksheet. In another language than English they are found by what is in "
    "them; say what these are called: --columns identifier=ID grade=Bewertung maximum=Bestwertung name=Name"
)


_IDENTIFIER = re.compile(r"([^\d@]*[^\d@\W])[ .:]*(\d+)")  # Participant 42, Teilnehmer/in42


_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass
class Worksheet(Table):
    """Moodle's sheet: a table, and where each of `COLUMNS` is, or None if the sheet does without it."""

    place: dict[str, int | None] = field(default_factory=dict)


def named(columns: Iterable[str] | None) -> dict[str, str]:
    """Names of columns as a command line gives them: ``grade=Bewertung``.

    Raises:
        CourseError: if one is not in this form.
    """
    given = dict(one.partition("=")[::2] for one in columns or ())
    if unknown := [what for what, name in given.items() if what not in COLUMNS or not name]:
        raise CourseError(
            f"--columns: {unknown[0]!r} is none of {', '.join(COLUMNS)}, or has no name: write WHAT=NAME."
        )
    return given


def read_worksheet(path: Path, given: Mapping[str, str]) -> Worksheet:
    """Read a worksheet.

    Args:
        path: the file.
        given: names of columns by what they are, a key of `COLUMNS`.

    Raises:
        CourseError: if it cannot be read, or a column that is needed is not found.
    """
    table = read_table(path, tuple(given.values()), _REMEDY, lambda table: _found(table, given) is not None)
    own = {one.name: getattr(table, one.name) for one in fields(Table)}
    return Worksheet(**own, place=_found(table, given) or {})


def _found(table: Table, given: Mapping[str, str]) -> dict[str, int | None] | None:
    """Where each column is; None if those that hold identifiers and grades are not found."""
    place = {what: table.column(*names) for what, names in COLUMNS.items()}
    if None in (place["identifier"], place["grade"]):
        place = _by_content(table)
    place |= {what: table.column(name) for what, name in given.items()}
    return None if None in (place["identifier"], place["grade"]) else place


def _by_content(table: Table) -> dict[str, int | None]:
    """The columns by what is in them: a word and a number that differ, an address, marks before one same maximum."""
    columns = [[cell.strip() for cell in column] for column in zip(*(row for _, row in table.rows), strict=False)]
    place: dict[str, int | None] = dict.fromkeys(COLUMNS)
    place["identifier"] = number = next((at for at, column in enumerate(columns) if _identifies(column)), None)
    if number is None:
        return place
    later = range(number + 1, len(columns))
    place["account"] = next((at for at in later if any("@" in cell for cell in columns[at])), None)
    place["maximum"] = most = next((at for at in later if _is_maximum(columns[at])), None)
    before = columns[most - 1] if most is not None else ["no grade"]
    if all(cell in ("", "-") or _NUMBER.fullmatch(cell) for cell in before):
        place["grade"] = most - 1
    if number + 1 < (place["account"] or place["grade"] or 0):
        place["name"] = number + 1
    return place


def _identifies(column: list[str]) -> bool:
    found = [_IDENTIFIER.fullmatch(cell) for cell in column]
    return all(found) and len({one[1] for one in found}) == 1 and len({one[2] for one in found}) == len(found)


def _is_maximum(column: list[str]) -> bool:
    return len(set(column)) == 1 and bool(_NUMBER.fullmatch(column[0])) and bool(column[0].strip("0.,"))
