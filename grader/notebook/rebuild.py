"""Rebuild the notebook from the source, with the student's answers in it."""

import ast

from grader.course import SourceCell, SourceNotebook
from grader.judge.names import definitions
from grader.model import AnswerCell, Note
from grader.notebook.match import DEFINITION, defines, match_cells, names_wanted
from grader.notebook.read import StudentCell, count_pictures, squeeze


def rebuild(source: SourceNotebook, student: list[StudentCell]) -> tuple[list[AnswerCell], list[Note]]:
    """The source notebook with the student's answers and the student's own cells in it, and what had to be mended.

    An answer is found by its grade id, then by its cell id, then by its place between neighbours that were found, then
    by what it defines. Everything else that belongs to the source keeps the source's text.

    Args:
        source: the source notebook.
        student: the cells that were handed in.
    """
    notes: list[Note] = []
    matches = match_cells(source, student, notes)
    own, extras = _own_cells(source, student, matches, notes)
    _note_pictures(source, student, matches, own, notes)
    given = _elsewhere(source, student, matches, own)
    cells = extras.pop(-1, [])
    for number, original in enumerate(source.cells):
        handed = student[matches[number]] if number in matches else None
        text, attempted = original.source, True
        if original.kind in ("answer", "manual"):
            text = given.get(number, handed.source if handed else original.released)
            attempted = number in given or squeeze(text) != squeeze(original.released)
            # a free text may stand in the student's own cell below: somebody has to look
            attempted = attempted or (original.kind == "manual" and number in extras)
        notes += _notes_on(original, handed, number in given, handed is not None and matches[number] in own)
        cells.append(
            AnswerCell(
                original.id,
                original.cell_type,
                original.grade_id,
                "manual" if original.kind == "task" else original.kind,
                text,
                original.points,
                original.source if original.kind in ("answer", "manual") else "",
                attempted,
                original.released,
            )
        )
        cells += extras.pop(number, [])
    return cells, notes


def _own_cells(
    source: SourceNotebook, student: list[StudentCell], matches: dict[int, int], notes: list[Note]
) -> tuple[list[int], dict[int, list[AnswerCell]]]:
    """In which cells (by position) the student wrote, and the cells to run that are the student's own.

    Those follow the cell of the source (by position) above them; what stands before all of them has the number -1.
    """
    order = {position: number for number, position in matches.items()}
    ids = {cell.id for cell in source.cells}
    texts = {squeeze(text) for cell in source.cells for text in (cell.released, cell.source)}
    own: list[int] = []
    extras: dict[int, list[AnswerCell]] = {}
    anchor, count = -1, 0
    for position, cell in enumerate(student):
        if position in order:
            original = source.cells[order[position]]
            anchor = max(anchor, order[position])
            edited = squeeze(cell.source) != squeeze(original.released)
            if edited and not cell.as_released:  # what is not today's may be that of an earlier release, untouched
                own.append(position)
                notes += [_changed(original)] if _is_fixed(original) else []
            # of a set-up cell that the student added to the original runs first, then theirs
            runs = edited and original.kind == "setup" and not original.locked
        else:
            runs = bool(cell.source.strip()) and squeeze(cell.source) not in texts and cell.cell_type != "raw"
            own += [position] if runs else []
        if runs:
            count += 1
            name = next(f"extra-{count}{tail}" for tail in ("", *range(99)) if f"extra-{count}{tail}" not in ids)
            cell_type = "code" if cell.cell_type == "code" else "markdown"
            extras.setdefault(anchor, []).append(AnswerCell(name, cell_type, None, "extra", cell.source))
    return own, extras


def _note_pictures(
    source: SourceNotebook, student: list[StudentCell], matches: dict[int, int], own: list[int], notes: list[Note]
) -> None:
    """Say which cells hold more pictures than the course put there."""
    order = {position: number for number, position in matches.items()}
    for position in own:
        original = source.cells[order[position]] if position in order else None
        note = _pictured(original if original and original.grade_id else None)
        if student[position].pictures > (count_pictures(original.released) if original else 0) and note not in notes:
            notes.append(note)


def _notes_on(original: SourceCell, handed: StudentCell | None, elsewhere: bool, written: bool) -> list[Note]:
    """What had to be mended in one cell of the source.

    Args:
        original: the cell.
        handed: the student's cell that stands for it, if there is one.
        elsewhere: do other cells of the student hold the answer?
        written: did the student write in the cell?
    """
    name = original.grade_id or original.id
    if original.kind not in ("answer", "manual"):
        return [_deleted(name)] if handed is None and original.kind in ("test", "task") else []
    if handed is None:
        return [_answer_missing(original, name, elsewhere)]
    notes = []
    if handed.cell_type != original.cell_type:
        kind = handed.cell_type
        notes.append(
            Note(
                "retyped",
                f"The answer cell {name} was turned into a {kind} cell; it was turned back.",
                f"Your answer {name} was in a {kind} cell; it was read as {original.cell_type}.",
            )
        )
    if elsewhere and not written:
        notes.append(
            Note(
                "elsewhere",
                f"The answer cell {name} was left as it was; other cells of the student hold the answer.",
                f"You left the cell of your answer {name} as it was; what you wrote in other cells counts.",
            )
        )
    return notes


def _deleted(name: str) -> Note:
    return Note(
        "deleted",
        f"The cell {name} was deleted; it was put back.",
        f"The cell {name} was missing from your notebook; it was put back.",
    )


def _answer_missing(original: SourceCell, name: str, elsewhere: bool) -> Note:
    where, kindly = "", ""
    if elsewhere:
        where = "; other cells of the student seem to hold the answer"
        is_code = original.cell_type == "code"
        kindly = "; what you wrote in other cells counts" if is_code else "; somebody will look for it"
    return Note(
        "answer-missing",
        f"The answer cell {name} was not found{where}.",
        f"The cell of your answer {name} was not found in your notebook{kindly}.",
    )


def _elsewhere(
    source: SourceNotebook, student: list[StudentCell], matches: dict[int, int], own: list[int]
) -> dict[int, str]:
    """Texts of answer cells that are missing or untouched although the student answered, in other cells.

    A stub would undo a definition that the student gave earlier, so what is defined elsewhere goes from it. Where the
    other cell stands before all that follows the answer, but would run later, or not at all because it became part of a
    test, it runs in the answer's place.
    """
    order = {position: number for number, position in matches.items()}
    answers = {
        number: names_wanted(cell) for number, cell in enumerate(source.cells) if cell.kind in ("answer", "manual")
    }
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
            part for part, assigns in parts if part not in known and (not assigns or defines(part) & wanted)
        )
    defined = {position: defines(text) for position, text in written.items()}
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
            constants = {name for _, name in DEFINITION.findall(cell.source)}
            foreign = {p: defines(source.cells[order[p]].source) if p in order else set() for p in found}
            found = [p for p in found if names & defined[p] - foreign[p] - (constants if p <= start else set())]
            found = [position for position in found if position < end]
            given = set().union(*(defined[position] for position in found))
            rest = "\n\n".join(part for part in _definitions(cell.released) if not defines(part) & given)
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
