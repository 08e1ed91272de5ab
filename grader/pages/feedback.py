"""Feedback that cannot hurt its reader: pages of escaped text, allow-listed HTML and re-encoded pictures.

What student code printed is hostile until shown otherwise. It may become text, a table or a raster picture; never a
script, a vector picture, a link of its own or a request to another machine. Hidden tests never reach a page.
"""

import html
import json
from collections.abc import Callable
from pathlib import Path

import mistune
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from grader.course import Assignment, Course, SourceNotebook
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.record import Record, TaskRecord
from grader.gradebook.store import Store
from grader.model import Status, TaskStatus
from grader.pages.clean import MAX_SOURCE, clean_text, harmless
from grader.pages.document import document, escaped, points_text
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
    got = sum(scores.get((name, task.grade_id), {}).get("score") or 0.0 for task in tasks)
    possible = sum(task.max_score for task in tasks)
    body = [
        f"<h1>{escaped(assignment.name)}{'' if name == assignment.name else ': ' + escaped(name)}</h1>",
        f"<p>{escaped(record.student)} · <strong>{points_text(got)} of {points_text(possible)} points</strong> · "
        f"{escaped(_status(record, tasks, scores).student)}</p>",
    ]
    if penalty:
        left = points_text(max(got - penalty, 0.0))
        body.append(f"<p>{points_text(penalty)} points are taken off because it came late: {left} points are left.</p>")
    if notes := [note["student"] for note in record.notes if note.get("notebook", "") in ("", name)]:
        body.append("<ul>" + "".join(f"<li>{escaped(readable(note, names))}</li>" for note in notes) + "</ul>")
    body.append("<h2>Task by task</h2>")
    for task in tasks:
        now = scores.get((name, task.grade_id), {})
        points = now.get("score") or 0.0
        waits = task.score is None and now.get("manual") is None
        state = "waits" if waits else "passed" if points >= task.max_score else "lost"
        what = task.status.student if now.get("manual") is None else "graded by hand"
        body.append(f'<section class="task {state}"><h3>{escaped(names.get(task.grade_id, task.grade_id))}</h3>')
        body.append(f"<p>{points_text(points)} of {points_text(task.max_score)} points, {escaped(what)}.</p>")
        if task.message:
            shown = (
                without_hidden(clean_text(readable(part, names), 4000), hidden) for part in (task.message, *task.parts)
            )
            body.append(_message(*shown))
        comment = now.get("comment")
        if comment and comment != "No response." and comment not in record.comments.get(name, {}).values():
            body.append(f"<p>Comment: {escaped(comment)}</p>")
        body.append("</section>")
    comments = [
        (cell, entry["comment"])
        for (book, cell), entry in sorted(scores.items())
        if book == name and entry.get("comment") and "score" not in entry
        and entry["comment"] != record.comments.get(name, {}).get(cell)
    ]  # fmt: skip
    if comments:
        rows = "".join(
            f"<dt>{escaped(names.get(cell, cell))}</dt><dd>{escaped(comment)}</dd>" for cell, comment in comments
        )
        body.append(f"<h2>Comments</h2><dl>{rows}</dl>")
    if notebook is not None:
        body.append("<h2>Your notebook, as it was run</h2>")
        room = Room()
        body += [_cell(cell, room) for cell in notebook["cells"]]
    return document(f"{assignment.name} · {record.student}", "\n".join(body))


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


def _message(message: str, *parts: str) -> str:
    """A clean message as HTML: a list of what was expected, what came and a hint, where a check says them apart."""
    if not parts:
        return f"<pre>{html.escape(message)}</pre>"
    rows = zip(("Expected", "Got", "Hint"), parts, strict=True)
    return "<dl>" + "".join(f"<dt>{label}</dt><dd>{html.escape(text)}</dd>" for label, text in rows if text) + "</dl>"


def _rendered(text: str) -> str:
    return harmless(_markdown(text))


def _highlighted(text: str) -> str:
    # spaces before a line's end would make the lexer's time quadratic
    return highlight("\n".join(line.rstrip() for line in text.split("\n")), _lexer, _formatter)


def _shown(text: str, left: int, renderer: Callable[[str], str]) -> tuple[str, int]:
    """A text rendered, if it is short enough for what is left of the page's room, or else escaped; and what is left."""
    if len(text) > min(left, MAX_RENDERED):
        return "", left
    try:
        return renderer(text), left - len(text)
    except Exception:  # quotes in lists in quotes end mistune's recursion; they must not end the grading of a class
        return "", left - len(text)


def _cell(cell: dict, room: Room) -> str:
    source = cell["source"]
    if cell["cell_type"] != "code":
        source = source.replace("\u2060", "")  # what `clean_markdown` put in is not needed here
        shown, room.markdown = _shown(source, room.markdown, _rendered)
        return shown or f"<pre>{html.escape(source)}</pre>"
    shown, room.code = _shown(source, room.code, _highlighted)
    parts = [f'<pre class="code">{shown or html.escape(source)}</pre>'] if source.strip() else []
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            parts.append(f"<pre>{html.escape(output['text'])}</pre>")
        elif output["output_type"] == "error":
            trace = "\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}"
            parts.append(f'<pre class="error">{html.escape(trace)}</pre>')
        elif "image/png" in output["data"]:
            picture = f"data:image/png;base64,{output['data']['image/png']}"
            parts.append(f'<p><img alt="a picture that your code drew" src="{picture}"></p>')
        elif "text/html" in output["data"]:
            parts.append(f"<div>{output['data']['text/html']}</div>")
        else:
            parts.append(f"<pre>{html.escape(output['data'].get('text/plain', ''))}</pre>")
    return "\n".join(parts)


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
