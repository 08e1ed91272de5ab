"""Feedback that cannot hurt its reader: pages of escaped text, allow-listed HTML and re-encoded pictures.

What student code printed is hostile until shown otherwise. It may become text, a table or a raster picture; never a
script, a vector picture, a link of its own or a request to another machine. Hidden tests never reach a page.
"""

import functools
import json
from collections.abc import Callable, Collection
from pathlib import Path

import mistune
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from grader.course import Assignment, Course, SourceNotebook
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.record import Record, TaskRecord
from grader.gradebook.store import Store
from grader.model import Status, TaskStatus
from grader.pages.clean import MAX_SOURCE, clean_text, harmless
from grader.pages.document import write_page
from grader.pages.outputs import clean_outputs, hidden_lines, without_hidden
from grader.pages.pictures import Room
from grader.pages.titles import readable, titles

MAX_RENDERED = 10_000  # characters of one cell that are highlighted or rendered: both can be slower than linear


_markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


_lexer, _formatter = PythonLexer(), HtmlFormatter(nowrap=True, classprefix="hl-")


def page(assignment: Assignment, name: str, record: Record, scores: dict, penalty: float, notebook: dict | None) -> str:
    """The feedback page of one notebook: points, then each task with expected, got and hint, then what was run.

    Args:
        assignment: what was graded.
        name: which of its notebooks.
        record: what the grader found.
        scores: what the gradebook says now (`Scores.of`), scores and comments by hand included.
        penalty: points off for lateness in this notebook.
        notebook: the graded notebook as `autograded` makes it, with clean outputs, or None if there was none to grade.
    """
    hidden, names = hidden_lines(assignment), titles(assignment.notebooks.values())
    tasks = [task for task in record.tasks if task.notebook == name]
    told = record.comments.get(name, {})

    def shown(text: str) -> str:
        return without_hidden(clean_text(readable(text, names), 4000), hidden)

    room = Room()
    return write_page(
        "feedback.html",
        f"{assignment.name} · {record.student}",
        lambda text: readable(text, names),
        assignment=assignment,
        name=name,
        record=record,
        got=sum(scores.get((name, task.grade_id), {}).get("score") or 0.0 for task in tasks),
        possible=sum(task.max_score for task in tasks),
        status=_status(record, tasks, scores),
        penalty=penalty,
        notes=[note["student"] for note in record.notes if note.get("notebook", "") in ("", name)],
        tasks=[_task(task, scores.get((name, task.grade_id), {}), told.values(), names, shown) for task in tasks],
        comments=[
            (names.get(cell, cell), entry["comment"])
            for (book, cell), entry in sorted(scores.items())
            if book == name and entry.get("comment") and "score" not in entry and entry["comment"] != told.get(cell)
        ],
        cells=None if notebook is None else [_cell(cell, room) for cell in notebook["cells"]],
    )


def _task(task: TaskRecord, now: dict, told: Collection, names: dict[str, str], shown: Callable[[str], str]) -> dict:
    """What the page says of one task; ``now`` is its score in the gradebook, ``told`` the comments of the grader."""
    points, by_hand = now.get("score") or 0.0, now.get("manual") is not None
    waits = task.score is None and not by_hand
    parts = zip(("Expected", "Got", "Hint"), task.parts, strict=True) if task.message and task.parts else ()
    comment = now.get("comment")
    return {
        "name": names.get(task.grade_id, task.grade_id),
        "state": "waits" if waits else "passed" if points >= task.max_score else "lost",
        "points": points,
        "max_score": task.max_score,
        "what": "graded by hand" if by_hand else task.status.student,
        "message": shown(task.message),
        "parts": [(label, shown(text)) for label, text in parts if text],
        "comment": "" if comment in ("No response.", *told) else comment,
    }


def _status(record: Record, tasks: list[TaskRecord], scores: dict) -> Status:
    """The status of one notebook, which may be done while another waits."""
    if tasks and all(task.status == TaskStatus.MISSING for task in tasks):
        return Status.MISSING
    if record.status not in (Status.MANUAL, Status.FLAGGED):
        return record.status
    waiting = [task.status for task in tasks if scores.get((task.notebook, task.grade_id), {}).get("needs")]
    if TaskStatus.FLAGGED in waiting:
        return Status.FLAGGED
    return Status.MANUAL if waiting else Status.GRADED


# what a class was given looks the same on every page; more than that is not worth its memory
@functools.lru_cache(maxsize=256)
def _rendered(text: str) -> Markup:
    return Markup(harmless(_markdown(text)))


@functools.lru_cache(maxsize=256)
def _highlighted(text: str) -> Markup:
    # spaces before a line's end would make the lexer's time quadratic
    shown = highlight("\n".join(line.rstrip() for line in text.split("\n")), _lexer, _formatter)
    return Markup('<pre class="code">') + Markup(shown) + Markup("</pre>")


def _shown(text: str, left: int, renderer: Callable[[str], Markup]) -> tuple[Markup | None, int]:
    """A text rendered, if it is short enough for what is left of the page's room, else None; and what is left."""
    if len(text) > min(left, MAX_RENDERED):
        return None, left
    try:
        return renderer(text), left - len(text)
    except Exception:  # quotes in lists in quotes end mistune's recursion; they must not end the grading of a class
        return None, left - len(text)


def _cell(cell: dict, room: Room) -> dict:
    """A clean cell for the page: its text rendered where there is room for that, and its outputs."""
    text, code = cell["source"], cell["cell_type"] == "code"
    if code:
        shown, room.code = _shown(text, room.code, _highlighted) if text.strip() else (None, room.code)
    else:
        text = text.replace("\u2060", "")  # what `clean_markdown` put in is not needed here
        shown, room.markdown = _shown(text, room.markdown, _rendered)
    return {"html": shown, "text": text if text.strip() else "", "code": code, "outputs": cell.get("outputs", [])}


def write_pages(
    course: Course, assignment: Assignment, store: Store, record: Record, notebooks: dict[str, dict]
) -> None:
    """Write the feedback pages of one submission, where ``nbgrader release_feedback`` looks for them."""
    scores = store.scores.of(record.student)
    folder = course.folder("feedback", record.student, assignment.name)
    for name in assignment.notebooks:
        penalty = store.late.penalty(record.student, name)
        content = page(assignment, name, record, scores, penalty, notebooks.get(name))
        write_file(folder / f"{name}.html", content)


def write_again(course: Course, assignment: Assignment, store: Store, record: Record) -> None:
    """Write the feedback pages of a submission graded earlier, from the notebooks in ``autograded/``.

    Raises:
        StoreError: if a notebook cannot be read, or a page cannot be written.
    """
    notebooks = {}
    folder = course.folder("autograded", record.student, assignment.name)
    for name in assignment.notebooks:
        if (folder / f"{name}.ipynb").is_file():
            try:
                notebooks[name] = _read_graded(folder / f"{name}.ipynb", assignment.notebooks[name])
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                raise StoreError(
                    f"{folder / name}.ipynb is not a notebook any more: delete it, and run "
                    f"`python -m grader grade {assignment.name}`, which makes it anew."
                ) from error
    write_pages(course, assignment, store, record, notebooks)


def _read_graded(path: Path, source: SourceNotebook) -> dict:
    """A notebook of ``autograded/``, which is cleaned again because other tools write there too.

    Stock nbgrader puts the hidden tests there: the released text takes their place, without what they printed.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    ours = [cell for cell in source.cells if cell.grade_id and cell.kind not in ("answer", "manual")]
    released = {cell.grade_id: clean_text(cell.released, MAX_SOURCE) for cell in ours}
    room = Room()
    for cell in notebook["cells"]:
        text = clean_text(cell["source"], MAX_SOURCE)
        cell["source"] = released.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), text)
        if cell["cell_type"] == "code":
            cell["outputs"] = clean_outputs(cell.get("outputs", []) if cell["source"] == text else [], room)
    return notebook
