"""Which cell of the student's is which of the source's."""

import re

from rapidfuzz import fuzz

from grader.course import SourceCell, SourceNotebook
from grader.model import Note
from grader.notebook.read import StudentCell, squeeze

DEFINITION = re.compile(
    r"^(?:async\s+)?(?:def|class)\s+(\w+)|^([A-Za-z_]\w*+)[ \t]*+(?::[^=\n]*+)?=(?!=)", re.MULTILINE
)


def match_cells(source: SourceNotebook, student: list[StudentCell], notes: list[Note]) -> dict[int, int]:
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
        changed = [one for one in found if squeeze(student[one].source) != squeeze(cell.released)]
        if found:
            settle(number, (changed or found)[-1])
    for number, cell in enumerate(source.cells):
        free = [one for one in by_id.get(cell.id, []) if one not in taken]
        if number not in matches and len(free) == 1:
            settle(number, free[0])
    for number, cell in enumerate(source.cells):
        if number not in matches:
            same = [p for p, c in enumerate(student) if p not in taken and squeeze(c.source) == squeeze(cell.released)]
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
            stripped += [cell.grade_id] if cell.grade_id else []  # an ordinary cell never had a mark
    if stripped:
        names = ", ".join(stripped[:5]) + (" and more" if len(stripped) > 5 else "")
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
    return cell.cell_type == wanted.cell_type or cell.cell_type == "raw" or bool(defines(cell.source))


def defines(text: str) -> set[str]:
    """Names that a cell defines at its top level."""
    return {name or value for name, value in DEFINITION.findall(text)}


def names_wanted(answer: SourceCell) -> set[str]:
    """Names that an answer should define at its top level."""
    return (defines(answer.released) or defines(answer.source)) if answer.cell_type == "code" else set()


def _overlap(wanted: SourceCell, cell: StudentCell) -> int:
    return len(defines(wanted.released) & defines(cell.source))


def _ratio(wanted: SourceCell, cell: StudentCell) -> float:
    return fuzz.ratio(wanted.released[:2000], cell.source[:2000]) / 100
