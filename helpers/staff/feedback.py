"""Feedback that cannot hurt its reader: pages of escaped text, allow-listed HTML and re-encoded pictures.

What student code printed is hostile until shown otherwise. It may become text, a table or a raster picture; never a
script, a vector picture, a link of its own or a request to another machine. Hidden tests never reach a page.
"""

import argparse
import base64
import binascii
import hashlib
import html
import io
import json
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import mistune
import nh3
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from helpers.staff.course import Assignment, Course, CourseError, SourceNotebook
from helpers.staff.store import Record, Store, StoreError, lock, write_file
from helpers.staff.worker import Job

__all__ = ["add_arguments", "autograded", "clean_markdown", "clean_outputs", "clean_text", "page", "run", "write_pages"]

MAX_OUTPUT = 20_000  # characters of one output
MAX_PAGE = 400_000  # characters of all outputs of a notebook, pictures aside
MAX_IMAGES = 40
MAX_IMAGE = 3 * 2**20  # bytes of one encoded picture
MAX_SIDE = 3000  # pixels
_TAGS = {
    "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "li", "ol", "p", "pre", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
}  # fmt: skip
_ATTRIBUTES = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)?", re.DOTALL
)
# control characters, and those that change the direction of text or hide in it
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\uffff]"
)

STATUS = {
    "graded": "graded",
    "manual": "graded; a written answer waits for a human",
    "flagged": "waits for a human",
    "missing": "nothing was handed in",
    "refused": "could not be read",
}
TASK_STATUS = {
    "passed": "passed",
    "failed": "not yet",
    "timeout": "took too long",
    "crashed": "ended the program",
    "not_attempted": "not attempted",
    "manual": "waits for a human",
    "refused": "could not be read",
    "missing": "nothing was handed in",
    "flagged": "waits for a human",
}


# --- cleaning ------------------------------------------------------------------------------------------------------


def clean_text(text: object, limit: int = MAX_OUTPUT) -> str:
    """Text without escape sequences and control characters, cut in the middle if it is longer than ``limit``."""
    text = "".join(str(part) for part in text) if isinstance(text, list) else str(text)
    text = text[: 4 * limit] + (text[-4 * limit :] if len(text) > 8 * limit else text[4 * limit :])
    text = _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    if len(text) > limit:
        text = f"{text[: limit // 2]}\n[... {len(text) - limit} characters left out ...]\n{text[-limit // 2 :]}"
    return text


def clean_html(text: object) -> str:
    """HTML with nothing in it but the structure of text and tables."""
    return nh3.clean(
        clean_text(text), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set(), link_rel=None,
        clean_content_tags={"script", "style", "title", "svg", "math", "template", "noscript", "iframe", "object"},
    )  # fmt: skip


def clean_markdown(text: str) -> str:
    """Markdown that stays harmless in a reader which trusts it, such as formgrader: no HTML, own links or pictures."""
    text = clean_text(text, 100_000)
    text = re.sub(r"<(?=[A-Za-z/!?])", "<\u2060", text)
    text = re.sub(r"&(?=#|\w+;)", "&\u2060", text)
    text = re.sub(r"!(?=\[)", "!\u2060", text)
    text = re.sub(r"\](?=\s*[(\[:])", "]\u2060", text)
    text = re.sub(r"(?i)\b(javascript|vbscript|data)(?=\s*:)", "\\1\u2060", text)
    return re.sub(r"\\(?=(?:href|require|style|class|cssId|unicode|includegraphics|toggle)\b)", "\\\\\u2060", text)


def clean_image(encoded: object) -> str | None:
    """A picture in base64, decoded and encoded anew as PNG; None if it is none, or too large."""
    from PIL import Image

    encoded = "".join(encoded) if isinstance(encoded, list) else encoded
    if not isinstance(encoded, str) or len(encoded) > MAX_IMAGE * 4 // 3 + 4:
        return None
    try:
        content = base64.b64decode(encoded)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image = Image.open(io.BytesIO(content), formats=["PNG", "JPEG"])
            if max(image.size) > MAX_SIDE:
                return None
            image.load()
            fresh = io.BytesIO()
            image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB").save(
                fresh, "PNG"
            )
    except (binascii.Error, OSError, ValueError, SyntaxError, Warning, EOFError, Image.DecompressionBombError):
        return None
    return base64.b64encode(fresh.getvalue()).decode() if fresh.tell() <= MAX_IMAGE else None


def clean_outputs(outputs: Iterable[dict], room: dict | None = None) -> list[dict]:
    """Outputs of a notebook cell as harmless nbformat outputs: text, allow-listed HTML, re-encoded pictures.

    Args:
        outputs: nbformat outputs, of any shape.
        room: what may still be shown on the page, shared by its cells: ``{"text": characters, "images": count}``.
    """
    room = {"text": MAX_PAGE, "images": MAX_IMAGES} if room is None else room
    clean: list[dict] = []

    def text(value: object) -> str:
        shown = clean_text(value, max(min(MAX_OUTPUT, room["text"]), 0)) if room["text"] > 0 else ""
        room["text"] -= len(shown)
        return shown

    for output in list(outputs)[:100]:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            if shown := text(output.get("text", "")):
                clean.append({"output_type": "stream", "name": name, "text": shown})
        elif kind == "error":
            trace = output.get("traceback")
            lines = [text(line) for line in trace[:200]] if isinstance(trace, list) else []
            name, value = text(output.get("ename", ""))[:200], text(output.get("evalue", ""))
            clean.append({"output_type": "error", "ename": name, "evalue": value, "traceback": lines})
        elif kind in ("display_data", "execute_result"):
            data = output.get("data")
            data = data if isinstance(data, dict) else {}
            fresh = {}
            picture = next((data[mime] for mime in ("image/png", "image/jpeg") if mime in data), None)
            if picture is not None and room["images"] > 0 and (image := clean_image(picture)):
                fresh["image/png"] = image
                room["images"] -= 1
            elif "text/html" in data and room["text"] > 0:
                fresh["text/html"] = clean_html(data["text/html"])
                room["text"] -= len(fresh["text/html"])
            if "text/plain" in data:
                fresh["text/plain"] = text(data["text/plain"])
            elif data and not fresh:
                fresh["text/plain"] = f"[{', '.join(clean_text(mime, 60) for mime in sorted(map(str, data)))} left out]"
            if fresh:
                clean.append({"output_type": "display_data", "data": fresh, "metadata": {}})
    return clean


def hidden_lines(assignment: Assignment) -> set[str]:
    """The lines of the hidden tests, as far as they say anything that the released notebook does not."""
    cells = [cell for book in assignment.notebooks.values() for cell in book.cells]
    shown = "\n".join(cell.released for cell in cells)
    tests = {line.strip() for cell in cells if cell.kind == "test" for line in cell.source.splitlines()}
    return {line for line in tests if len(line) >= 16 and not line.startswith("#") and line not in shown}


def without_hidden(text: str, hidden: set[str]) -> str:
    """A text whose lines that quote a hidden test are left out."""
    lines = [line for line in text.splitlines() if not any(one in line for one in hidden)]
    return (
        text if len(lines) == len(text.splitlines()) else "\n".join([*lines, "[a line of a hidden test is left out]"])
    )


# --- the graded notebook, as nbgrader's tools expect it ------------------------------------------------------------


def autograded(source: SourceNotebook, job: Job, outputs: dict[str, list[dict]]) -> dict:
    """A submission as a notebook for ``autograded/``: the source's cells, the student's text, outputs of the show run.

    It holds the released form of every test, so that even stock ``nbgrader generate_feedback`` shows no hidden one.

    Args:
        source: the source notebook.
        job: the rebuilt submission.
        outputs: nbformat outputs by cell id; they are cleaned here.
    """
    originals = {cell.id: cell for cell in source.cells}
    recorded = {
        cell.metadata.nbgrader.grade_id: dict(cell.metadata.nbgrader)
        for cell in source.recorded.cells
        if "grade_id" in cell.metadata.get("nbgrader", {})
    }
    room = {"text": MAX_PAGE, "images": MAX_IMAGES}
    cells = []
    for number, cell in enumerate(job.cells):
        original = originals.get(cell.id)
        own = original is None or original.kind in ("answer", "manual")
        text = cell.source if own else original.released
        metadata = {}
        if original is not None and original.grade_id in recorded:
            metadata["nbgrader"] = recorded[original.grade_id]
        ident = cell.id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell.id) else f"cell-{number}"
        made = {"cell_type": cell.cell_type, "id": ident, "metadata": metadata, "source": text}
        if cell.cell_type == "code":
            made["execution_count"] = None
            made["outputs"] = clean_outputs(outputs.get(cell.id, []), room)
        elif own:
            made["source"] = clean_markdown(text)
        cells.append(made)
    return {"cells": cells, "metadata": source.metadata, "nbformat": 4, "nbformat_minor": 5}


# --- the page ------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --line: #8886; --quiet: #8882; --good: #009e73; --bad: #d55e00; --wait: #0072b2; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; } td.number { text-align: right; white-space: nowrap; }
pre { background: var(--quiet); padding: .6rem; overflow-x: auto; font-size: .85rem; white-space: pre-wrap; }
pre.error { border-left: 4px solid var(--bad); } pre.code { border-left: 4px solid var(--line); }
section.task { border-left: 6px solid var(--line); padding: .1rem 1rem; margin: 1rem 0; }
section.passed { border-color: var(--good); } section.lost { border-color: var(--bad); }
section.waits { border-color: var(--wait); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .4rem 0; } dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; } img { max-width: 100%; background: white; } .quiet { opacity: .75; }
.hl-k, .hl-kn, .hl-ow { font-weight: 600; } .hl-c1, .hl-sd { opacity: .7; font-style: italic; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "script-src 'none'"
)
_EXPECTED = re.compile(r"(?s)expected (?P<expected>.*?), got (?P<got>.*?)\.(?: Hint: (?P<hint>.*))?")
_markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


def document(title: str, body: str) -> str:
    """A whole page that loads nothing and runs nothing."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(clean_text(title, 200))}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def page(assignment: Assignment, name: str, record: Record, scores: dict, penalty: float, notebook: dict | None) -> str:
    """The feedback page of one notebook: points, then each task with expected, got and hint, then what was run.

    Args:
        assignment: what was graded.
        name: which of its notebooks.
        record: what the grader found.
        scores: what the gradebook says now (`Store.scores`), scores and comments by hand included.
        penalty: points off for lateness.
        notebook: the graded notebook, or None if there was none to grade.
    """
    hidden = hidden_lines(assignment)
    tasks = [task for task in record.tasks if task.notebook == name]
    got = sum(scores.get((name, task.grade_id), {}).get("score") or 0.0 for task in tasks)
    possible = sum(task.max_score for task in tasks)
    body = [
        f"<h1>{_text(assignment.name)}{'' if name == assignment.name else ': ' + _text(name)}</h1>",
        f"<p>{_text(record.student)} · <strong>{_points(got)} of {_points(possible)} points</strong> · "
        f"{_text(STATUS[record.status])}</p>",
    ]
    if penalty:
        body.append(f"<p>{_points(penalty)} points are taken off because it came late.</p>")
    if record.notes:
        body.append("<ul>" + "".join(f"<li>{_text(note['student'])}</li>" for note in record.notes) + "</ul>")
    body.append("<h2>Task by task</h2>")
    for task in tasks:
        now = scores.get((name, task.grade_id), {})
        points = now.get("score") or 0.0
        waits = task.score is None and now.get("manual") is None
        state = "waits" if waits else "passed" if points >= task.max_score else "lost"
        what = TASK_STATUS.get(task.status, task.status) if now.get("manual") is None else "graded by hand"
        body.append(f'<section class="task {state}"><h3>{_text(task.grade_id)}</h3>')
        body.append(f"<p>{_points(points)} of {_points(task.max_score)} points, {_text(what)}.</p>")
        if task.message:
            body.append(_message(without_hidden(task.message, hidden)))
        comment = now.get("comment")
        if comment and comment != "No response." and comment not in record.comments.get(name, {}).values():
            body.append(f"<p>Comment: {_text(comment)}</p>")
        body.append("</section>")
    comments = [
        (cell, entry["comment"])
        for (book, cell), entry in sorted(scores.items())
        if book == name and entry.get("comment") and "score" not in entry
        and entry["comment"] != record.comments.get(name, {}).get(cell)
    ]  # fmt: skip
    if comments:
        rows = "".join(f"<dt>{_text(cell)}</dt><dd>{_text(comment)}</dd>" for cell, comment in comments)
        body.append(f"<h2>Comments</h2><dl>{rows}</dl>")
    if notebook is not None:
        body.append("<h2>Your notebook, as it was run</h2>")
        body += [_cell(cell) for cell in notebook["cells"]]
    return document(f"{assignment.name} · {record.student}", "\n".join(body))


def _text(value: object) -> str:
    return html.escape(clean_text(value, 4000))


def _points(value: float) -> str:
    return f"{value:.4g}"


def _message(message: str) -> str:
    message = clean_text(message, 4000)
    if match := _EXPECTED.fullmatch(message.strip()):
        rows = [(label, match[label.lower()]) for label in ("Expected", "Got", "Hint") if match[label.lower()]]
        return "<dl>" + "".join(f"<dt>{label}</dt><dd>{html.escape(value)}</dd>" for label, value in rows) + "</dl>"
    return f"<pre>{html.escape(message)}</pre>"


def _cell(cell: dict) -> str:
    source = cell["source"]
    if cell["cell_type"] != "code":
        return nh3.clean(_markdown(clean_text(source, 100_000)), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set())
    source = clean_text(source, 100_000)
    if len(source) < 20_000:
        source = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True, classprefix="hl-"))
    else:
        source = html.escape(source)
    parts = [f'<pre class="code">{source}</pre>'] if source.strip() else []
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
            parts.append(f"<div>{clean_html(output['data']['text/html'])}</div>")
        else:
            parts.append(f"<pre>{html.escape(output['data'].get('text/plain', ''))}</pre>")
    return "\n".join(parts)


def write_pages(
    course: Course, assignment: Assignment, store: Store, record: Record, notebooks: dict[str, dict]
) -> None:
    """Write the feedback pages of one submission, where ``nbgrader release_feedback`` looks for them."""
    scores, penalty = store.scores(record.student), store.penalty(record.student)
    folder = course.folder("feedback", record.student, assignment.name)
    for name in assignment.notebooks:
        content = page(assignment, name, record, scores, penalty, notebooks.get(name))
        write_file(folder / f"{name}.html", content)


# --- the command ---------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m helpers feedback``."""
    parser.add_argument("assignment")
    parser.add_argument("--student", nargs="+", metavar="ID", help="only these students")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write the feedback pages again, with the scores and comments that the gradebook holds now."""
    try:
        course = Course(args.course)
        assignment = course.assignment(args.assignment)
        with lock(course), Store(course, assignment) as store:
            count = 0
            for record in store.records():
                if args.student and record.student not in args.student:
                    continue
                notebooks = {}
                folder = course.folder("autograded", record.student, assignment.name)
                for name in assignment.notebooks:
                    if (folder / f"{name}.ipynb").is_file():
                        notebooks[name] = _read_graded(folder / f"{name}.ipynb")
                write_pages(course, assignment, store, record, notebooks)
                count += 1
    except (CourseError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, StoreError) else 2
    print(f"{count} submissions have new feedback in {course.root / course.directory.feedback_directory}.")
    return 0


def _read_graded(path: Path) -> dict:
    """A notebook of ``autograded/``, whose outputs are cleaned again because other tools write there too."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    room = {"text": MAX_PAGE, "images": MAX_IMAGES}
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["outputs"] = clean_outputs(cell.get("outputs", []), room)
    return notebook
