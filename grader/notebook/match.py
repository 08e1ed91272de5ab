"""Which cell of the student's is which of the source's."""

import re
from collections.abc import Callable, Iterator

from rapidfuzz import fuzz

from grader.course import SourceCell, SourceNotebook
from grader.model import Note
from grader.notebook.read import StudentCell, squeeze

DEFINITION = re.compile(
    r"^(?:async\s+)?(?:def|class)\s+(\w+)|^([A-Za-z_]\w*+)[ \t]*+(?::[^=\n]*+)?=(?!=)", re.MULTILINE
)


def match_cells(source: SourceNotebook, student: list[StudentCell], notes: list[Note]) -> dict[int, int]:
    """Which cell of the student (by position) stands for which cell of the source (by position)."""
    matching = _Matching(source, student, notes)
    matching.by_grade_id()
    matching.by_cell_id()
    matching.by_text()
    matching.by_place_or_content()
    return matching.found


class _Matching:
    """The rules of `match_cells`, from the surest to a guess; each settles what the ones before left open.

    Args:
        source: the source notebook.
        student: the cells that were handed in.
        notes: what was doubtful is added here.
    """

    def __init__(self, source: SourceNotebook, student: list[StudentCell], notes: list[Note]):
        self.source, self.student, self.notes = source, student, notes
        self.found: dict[int, int] = {}
        self._taken: set[int] = set()

    def by_grade_id(self) -> None:
        """The last cell with the grade id that was changed, or the last one."""
        there = self._positions(lambda cell: cell.grade_id)
        for number, cell in enumerate(self.source.cells):
            same = there.get(cell.grade_id, []) if cell.grade_id else []
            if len(same) > 1:
                self.notes.append(_duplicated(cell, len(same)))
            changed = [one for one in same if squeeze(self.student[one].source) != squeeze(cell.released)]
            if same:
                self._settle(number, (changed or same)[-1])

    def by_cell_id(self) -> None:
        """The only free cell with the same id."""
        there = self._positions(lambda cell: cell.id)
        for number, cell in self._open():
            free = [one for one in there.get(cell.id, []) if one not in self._taken]
            if len(free) == 1:
                self._settle(number, free[0])

    def by_text(self) -> None:
        """The first free cell with the text that was released."""
        for number, cell in self._open():
            same = (one for one in self._free() if squeeze(self.student[one].source) == squeeze(cell.released))
            if cell.source.strip() and (position := next(same, None)) is not None:
                self._settle(number, position)

    def by_place_or_content(self) -> None:
        """For an answer that is still missing, the cell in its place, or the one that defines what it should."""
        stripped = []
        for number, cell in self._open():
            if cell.kind not in ("answer", "manual"):
                continue
            position = self._between(number)
            position = self._alike(cell) if position is None else position
            if position is not None:
                self._settle(number, position)
                stripped += [cell.grade_id] if cell.grade_id else []  # an ordinary cell never had a mark
        if stripped:
            self.notes.append(_stripped(stripped))

    def _settle(self, number: int, position: int) -> None:
        self.found[number] = position
        self._taken.add(position)

    def _open(self) -> Iterator[tuple[int, SourceCell]]:
        """The source's cells that are not found yet, while others are being found."""
        return ((number, cell) for number, cell in enumerate(self.source.cells) if number not in self.found)

    def _free(self) -> list[int]:
        return [position for position in range(len(self.student)) if position not in self._taken]

    def _positions(self, key: Callable[[StudentCell], str | None]) -> dict[str, list[int]]:
        there: dict[str, list[int]] = {}
        for position, cell in enumerate(self.student):
            if name := key(cell):
                there.setdefault(name, []).append(position)
        return there

    def _between(self, number: int) -> int | None:
        """The cell that stands where the answer should: alone, or most like it, between the neighbours found."""
        low = max((self.found[one] for one in self.found if one < number), default=-1)
        high = min((self.found[one] for one in self.found if one > number), default=len(self.student))
        wanted, student = self.source.cells[number], self.student
        between = [
            position
            for position in self._free()
            if low < position < high and student[position].source.strip() and _may_be(wanted, student[position])
        ]
        if not between:
            return None
        best = max(between, key=lambda one: (_overlap(wanted, student[one]), _ratio(wanted, student[one]), one))
        rivals = [
            one
            for one, cell in self._open()
            if cell.kind in ("answer", "manual")
            and all(self.found[other] <= low for other in self.found if other < one)
            and all(self.found[other] >= high for other in self.found if other > one)
        ]
        good = _overlap(wanted, student[best]) > 0 or _ratio(wanted, student[best]) > 0.6
        return best if good or len(between) == len(rivals) == 1 else None

    def _alike(self, wanted: SourceCell) -> int | None:
        """The free cell anywhere that defines what the answer should define, or that is nearly the same text."""
        student = self.student
        free = [one for one in self._free() if _may_be(wanted, student[one])]
        best = max(free, key=lambda one: (_overlap(wanted, student[one]), _ratio(wanted, student[one])), default=None)
        if best is None or (not _overlap(wanted, student[best]) and _ratio(wanted, student[best]) < 0.75):
            return None
        return best


def _duplicated(cell: SourceCell, count: int) -> Note:
    what = "each that was changed is run, and the last of them stands for the answer"
    what = what if cell.kind in ("answer", "manual") else "the original was used"
    text = f"The cell {cell.grade_id} is there {count} times; {what}."
    return Note("duplicated", text, text)


def _stripped(names: list[str]) -> Note:
    shown = ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")
    return Note(
        "stripped",
        f"Answer cells had lost their mark ({len(names)}) and were found by place or content: {shown}.",
        f"Your notebook had lost the marks of some cells; your answers were found anyway: {shown}.",
    )


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
