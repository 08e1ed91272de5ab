"""Feedback that cannot hurt its reader: pages of escaped text, allow-listed HTML and re-encoded pictures.

What student code printed is hostile until shown otherwise. It may become text, a table or a raster picture; never a
script, a vector picture, a link of its own or a request to another machine. Hidden tests never reach a page.
"""

import argparse
import base64
import hashlib
import html
import io
import json
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import mistune
import nh3
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from grader.course import Assignment, Course, CourseError, SourceNotebook
from grader.store import Record, Store, StoreError, Task, lock, write_file
from grader.worker import Job

__all__ = ["add_arguments", "autograded", "clean_markdown", "clean_outputs", "clean_text", "page", "run", "write_pages"]

MAX_OUTPUT = 20_000  # characters of one output
MAX_SOURCE = 100_000  # characters of one cell
MAX_HTML = 60_000  # characters of one output's HTML: what pandas makes of 60 rows and 20 columns has about 35 000
MAX_DEPTH = 12  # nested tags of one output's HTML
MAX_IMAGE = 3 * 2**20  # bytes of one encoded picture
MAX_SIDE = 3000  # pixels
MAX_SCANS = 20  # of a JPEG; a progressive one has about ten, and each of them visits every pixel
MAX_PARTS = 1000  # chunks or segments of a picture
MAX_RENDERED = 10_000  # characters of one cell that are highlighted or rendered: both can be slower than linear
MAX_MARKS = 8  # accents and the like on one letter
_TAGS = {
    "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "i", "li", "ol", "p", "pre", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul",
}  # fmt: skip
_DROPPED = {"script", "style", "title", "svg", "math", "template", "noscript", "iframe", "object"}  # content and all
# "*" is what every tag may have: unless told otherwise, nh3 keeps lang and title, in which text can hide
_ATTRIBUTES = {"*": set(), "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"}}
_MARKUP = re.compile(r"<(?:!--|[!?][^<>]*>|(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+)(?P<rest>[^<>]*+)>)")
_ATTRIBUTE = re.compile(r"\b(colspan|rowspan|scope)\s*=\s*[\"']?([A-Za-z0-9]{1,8})\b", re.IGNORECASE)
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|.)?", re.DOTALL
)


def _members(numbers: Iterable[int], categories: set[str]) -> str:
    """The characters among ``numbers`` that are of these Unicode categories, as the inside of a pattern's brackets."""
    found = [number for number in numbers if unicodedata.category(chr(number)) in categories]
    runs = ([number for _, number in run] for _, run in groupby(enumerate(found), lambda pair: pair[1] - pair[0]))
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


_PLANES = (*range(0x20000), *range(0xE0000, 0xE1000))  # no other holds anything of the categories asked for below
_KEPT = {ord(character) for character in "\n\t\u200c\u200d"}  # scripts and emoji need the two joiners
# control characters, lone surrogates, what changes the direction of text, and what cannot be seen: Hangul fillers and
# the specials around U+FFFD too, though their categories are others
_CONTROL = re.compile(
    f"[{_members((n for n in _PLANES if n not in _KEPT), {'Cc', 'Cf', 'Cs', 'Zl', 'Zp'})}"
    "\u115f\u1160\u3164\uffa0\ufff0-\ufffc\ufffe\uffff]"
)
# Joiners count as marks, or more marks could follow each of them. The first class takes all of the higher planes
# because the engine runs along a short class fast; the lookbehind looks at what it stops at.
_MARK = f"[{_members(_PLANES, {'Mn', 'Me'})}\u200c\u200d]"
_MARKS = re.compile(
    f"([{_members(range(0x10000), {'Mn', 'Me'})}\u200c\u200d\U00010000-\U0010ffff]"
    f"(?<={_MARK}){_MARK}{{{MAX_MARKS - 1}}}){_MARK}+"
)


@dataclass
class Room:
    """What the page of one notebook may still show; its cells share it, and every attempt uses it up."""

    text: int = 400_000  # characters of outputs, pictures aside
    source: int = 1_000_000  # characters of what the student wrote
    outputs: int = 2_000
    images: int = 40
    pixels: int = 20_000_000
    bytes: int = 16 * 2**20  # of encoded pictures, read and written
    code: int = 30_000  # characters that are highlighted; the rest is shown plain
    markdown: int = 30_000  # characters that are rendered; the rest is shown as it was written


STATUS = {
    "graded": "graded",
    "manual": "graded; a written answer waits for a human",
    "flagged": "waits for a human",
    "missing": "nothing was handed in",
    "refused": "could not be graded",
}
TASK_STATUS = {
    "passed": "passed",
    "failed": "not yet",
    "timeout": "took too long",
    "crashed": "ended the program",
    "not_attempted": "not attempted",
    "manual": "waits for a human",
    "refused": "could not be graded",
    "missing": "nothing was handed in",
    "flagged": "waits for a human",
}


# --- cleaning ------------------------------------------------------------------------------------------------------


def clean_text(text: object, limit: int = MAX_OUTPUT) -> str:
    """Text of characters that can be seen, cut in the middle if it is longer than ``limit``.

    Escape sequences, control characters, lone surrogates and invisible characters are left out, and so is what of a
    heap of combining marks goes beyond ``MAX_MARKS``.
    """
    text = "".join(str(part) for part in text) if isinstance(text, list) else str(text)
    unread = max(len(text) - 4 * limit, 0)
    text = text[: 2 * limit] + text[2 * limit + unread :]
    text = _CONTROL.sub("", _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    if len(text) > limit:
        note = f"[... {len(text) - limit + unread} characters left out ...]"
        text = f"{text[: limit // 2]}\n{note}\n{text[-limit // 2 :]}"
    return text if text.isascii() else _MARKS.sub(r"\1", text)


def clean_html(text: object, limit: int = MAX_HTML) -> str:
    """HTML with nothing in it but the structure of text and tables; empty if the HTML is made to grow when read."""
    text = _shallow(clean_text(text, limit))
    clean = _harmless(text)
    return clean if len(clean) <= 3 * len(text) + 4000 else ""


def _harmless(text: str) -> str:
    return nh3.clean(text, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set(), link_rel=None)


def _shallow(text: str) -> str:
    """HTML written anew from its known tags, each closed in order and none deeper than ``MAX_DEPTH``.

    What an HTML parser does with tags that are left open, closed in the wrong order or nested without end takes time
    and room out of all proportion to the text. This makes nothing safe: nh3 does, afterwards.
    """
    parts: list[str] = []
    stack: list[str] = []
    at = 0
    while found := _MARKUP.search(text, at):
        parts.append(text[at : found.start()].replace("<", "&lt;"))
        at, name = found.end(), (found["name"] or "").lower()
        if found[0] == "<!--" or (name in _DROPPED and not found["end"]):
            close = re.compile("-->" if not name else f"</{name}[^<>]*>", re.IGNORECASE).search(text, at)
            at = close.end() if close else len(text)
        elif name in ("br", "hr"):
            parts.append(f"<{name}>")
        elif name in _TAGS and not found["end"]:
            if stack and stack[-1] == name and name in ("dd", "dt", "li", "p", "td", "th", "tr"):
                parts.append(f"</{stack.pop()}>")  # many people leave these open
            if len(stack) < MAX_DEPTH:
                stack.append(name)
                values = "".join(f' {key}="{value}"' for key, value in _ATTRIBUTE.findall(found["rest"])[:3])
                parts.append(f"<{name}{values}>")
        elif name in stack:
            while stack[-1] != name:
                parts.append(f"</{stack.pop()}>")
            parts.append(f"</{stack.pop()}>")
    parts.append(text[at:].replace("<", "&lt;"))
    return "".join(parts + [f"</{name}>" for name in reversed(stack)])


def clean_markdown(text: str, limit: int = MAX_SOURCE) -> str:
    """Markdown that stays harmless in a reader which trusts it, such as formgrader: no HTML, own links or pictures."""
    text = clean_text(text, limit)
    text = re.sub(r"<(?=[A-Za-z/!?])", "<\u2060", text)
    text = re.sub(r"&(?=#|\w+;)", "&\u2060", text)
    text = re.sub(r"!(?=\[)", "!\u2060", text)
    text = re.sub(r"\](?=\s*[(\[:])", "]\u2060", text)
    text = re.sub(r"(?i)\b(javascript|vbscript|data)(?=\s*:)", "\\1\u2060", text)
    return re.sub(r"\\(?=(?:href|require|style|class|cssId|unicode|includegraphics|toggle)\b)", "\\\\\u2060", text)


class _Bounded(io.BytesIO):
    """A file in memory that refuses to grow beyond ``MAX_IMAGE``, so that an encoder stops there."""

    def write(self, content: bytes) -> int:
        if self.tell() + len(content) > MAX_IMAGE:
            raise ValueError("the picture is too large")
        return super().write(content)


def clean_image(encoded: object, room: Room | None = None) -> str | None:
    """A picture in base64, decoded and encoded anew as PNG; None if it is none, is too large, or finds no room.

    Args:
        encoded: a PNG or JPEG file in base64.
        room: what the page may still show; even a picture that comes to nothing uses it up.
    """
    from PIL import Image

    room = Room() if room is None else room
    encoded = "".join(map(str, encoded)) if isinstance(encoded, list) else encoded
    if not isinstance(encoded, str) or len(encoded) > MAX_IMAGE * 4 // 3 + 4 or min(room.images, room.bytes) <= 0:
        return None
    room.images -= 1
    fresh = _Bounded()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            content = base64.b64decode(encoded)
            room.bytes -= len(content)
            image = Image.open(io.BytesIO(_bare(content)), formats=["PNG", "JPEG"])
            size = image.width * image.height
            if max(image.size) > MAX_SIDE or size > room.pixels:
                return None
            room.pixels -= size
            image.load()
            mode = "RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB"
            # level 3 is twice as fast as the usual 6 and makes a tenth more bytes
            image.convert(mode).save(fresh, "PNG", compress_level=3)
    except Exception:  # whatever a decoder says about bytes that were made to trouble it
        return None
    finally:
        room.bytes -= fresh.tell()
    return base64.b64encode(fresh.getvalue()).decode()


def _bare(content: bytes) -> bytes:
    """The parts of a PNG or JPEG file that its pixels need: comments, profiles and thumbnails take time to read, too.

    Raises:
        ValueError: if it is neither, or has more parts or scans than an honest one.
    """
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        kept, at = [content[:8]], 8
        for _ in range(MAX_PARTS):
            kind, end = content[at + 4 : at + 8], at + 12 + int.from_bytes(content[at : at + 4])
            if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
                kept.append(content[at:end])
            if kind in (b"IEND", b""):
                return b"".join(kept)
            at = end
        raise ValueError("a PNG with too many chunks")
    if content[:2] != b"\xff\xd8" or content.count(b"\xff\xda") > MAX_SCANS:
        raise ValueError("no PNG or JPEG, or a JPEG with too many scans")
    kept, at = [content[:2]], 2
    for _ in range(MAX_PARTS):
        marker, end = content[at : at + 2], at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == b"\xff\xda":  # from here on there is nothing but scans and their tables
            return b"".join([*kept, content[at:]])
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] == 0xFF:
            break
        if not (0xE1 <= marker[1] <= 0xED or marker[1] in (0xEF, 0xFE)):  # APP0 and APP14 tell how colours are stored
            kept.append(content[at:end])
        at = end
    raise ValueError("no JPEG, or one with too many segments")


def clean_outputs(outputs: Iterable[dict], room: Room | None = None) -> list[dict]:
    """Outputs of a notebook cell as harmless nbformat outputs: text, allow-listed HTML, re-encoded pictures.

    Args:
        outputs: nbformat outputs, of any shape.
        room: what may still be shown on the page, shared by its cells.
    """
    room = Room() if room is None else room
    clean: list[dict] = []

    def text(value: object, most: int = MAX_OUTPUT, cleaner: Callable[[object, int], str] = clean_text) -> str:
        limit = min(most, room.text)
        if limit <= 0:
            return ""
        value = "".join(map(str, value)) if isinstance(value, list) else str(value)
        shown = cleaner(value, limit)
        room.text -= max(len(shown), min(len(value), limit))  # what was left out took time, too
        return shown

    for output in list(outputs)[: min(100, room.outputs)]:
        room.outputs -= 1
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            if shown := text(output.get("text", "")):
                clean.append({"output_type": "stream", "name": name, "text": shown})
        elif kind == "error":
            trace = output.get("traceback")
            lines = text("\n".join(map(str, trace[:200]))).splitlines() if isinstance(trace, list) else []
            name, value = text(output.get("ename", ""))[:200], text(output.get("evalue", ""))
            clean.append({"output_type": "error", "ename": name, "evalue": value, "traceback": lines})
        elif kind in ("display_data", "execute_result"):
            data = output.get("data")
            data = data if isinstance(data, dict) else {}
            fresh = {}
            picture = next((data[mime] for mime in ("image/png", "image/jpeg") if mime in data), None)
            if picture is not None and (image := clean_image(picture, room)):
                fresh["image/png"] = image
            elif "text/html" in data and (shown := text(data["text/html"], MAX_HTML, clean_html)):
                fresh["text/html"] = shown
            if "text/plain" in data:
                fresh["text/plain"] = text(data["text/plain"])
            elif data and not fresh:
                kinds = sorted(clean_text(mime, 60) for mime in islice(data, 10))
                fresh["text/plain"] = f"[{', '.join(kinds)} left out]"
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
    room = Room()
    cells = []
    for number, cell in enumerate(job.cells):
        original = originals.get(cell.id)
        if original is None or original.kind in ("answer", "manual"):
            cleaner = clean_text if cell.cell_type == "code" else clean_markdown
            text = cleaner(cell.source, min(MAX_SOURCE, max(room.source, 100)))
            room.source -= len(text)
        else:
            text = original.released
        metadata = {}
        if original is not None and original.grade_id in recorded:
            metadata["nbgrader"] = recorded[original.grade_id]
        ident = cell.id if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell.id) else f"cell-{number}"
        made = {"cell_type": cell.cell_type, "id": ident, "metadata": metadata, "source": text}
        if cell.cell_type == "code":
            made["execution_count"] = None
            made["outputs"] = clean_outputs(outputs.get(cell.id, []), room)
        cells.append(made)
    return {"cells": cells, "metadata": source.metadata, "nbformat": 4, "nbformat_minor": 5}


# --- the page ------------------------------------------------------------------------------------------------------

STYLE = """
:root { color-scheme: light dark; --line: #8886; --quiet: #8882; --good: #009e73; --bad: #d55e00; --wait: #0072b2; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; } th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left;
  vertical-align: top; } td.number { text-align: right; white-space: nowrap; }
table.report td { overflow-wrap: anywhere; } table.report td:not(.number) { min-width: 6rem; }
table.report td:first-child { min-width: 9rem; }
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
_markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
_lexer, _formatter = PythonLexer(), HtmlFormatter(nowrap=True, classprefix="hl-")


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
        penalty: points off for lateness in this notebook.
        notebook: the graded notebook as `autograded` makes it, with clean outputs, or None if there was none to grade.
    """
    hidden = hidden_lines(assignment)
    tasks = [task for task in record.tasks if task.notebook == name]
    got = sum(scores.get((name, task.grade_id), {}).get("score") or 0.0 for task in tasks)
    possible = sum(task.max_score for task in tasks)
    body = [
        f"<h1>{_text(assignment.name)}{'' if name == assignment.name else ': ' + _text(name)}</h1>",
        f"<p>{_text(record.student)} · <strong>{_points(got)} of {_points(possible)} points</strong> · "
        f"{_text(STATUS[_status(record, tasks, scores)])}</p>",
    ]
    if penalty:
        left = _points(max(got - penalty, 0.0))
        body.append(f"<p>{_points(penalty)} points are taken off because it came late: {left} points are left.</p>")
    if notes := [note["student"] for note in record.notes if note.get("notebook", "") in ("", name)]:
        body.append("<ul>" + "".join(f"<li>{_text(note)}</li>" for note in notes) + "</ul>")
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
            body.append(_message(without_hidden(clean_text(task.message, 4000), hidden)))
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
        room = Room()
        body += [_cell(cell, room) for cell in notebook["cells"]]
    return document(f"{assignment.name} · {record.student}", "\n".join(body))


def _status(record: Record, tasks: list[Task], scores: dict) -> str:
    """The status of one notebook, which may be done while another waits."""
    if tasks and all(task.status == "missing" for task in tasks):
        return "missing"
    if record.status not in ("manual", "flagged"):
        return record.status
    waiting = [task.status for task in tasks if scores.get((task.notebook, task.grade_id), {}).get("needs")]
    return "flagged" if "flagged" in waiting else "manual" if waiting else "graded"


def _text(value: object) -> str:
    return html.escape(clean_text(value, 4000))


def _points(value: float) -> str:
    return f"{value:.4g}"


def _message(message: str) -> str:
    """A clean message as HTML, in a list if it says what was expected and what came."""
    text = message.strip()
    expected, comma, rest = text.removeprefix("expected ").partition(", got ")
    got, stop, hint = rest.partition(". Hint: ")
    if not (text.startswith("expected ") and comma and (stop or got.endswith("."))):
        return f"<pre>{html.escape(message)}</pre>"
    rows = [("Expected", expected), ("Got", got if stop else got[:-1]), ("Hint", hint)]
    return "<dl>" + "".join(f"<dt>{label}</dt><dd>{html.escape(text)}</dd>" for label, text in rows if text) + "</dl>"


def _rendered(text: str) -> str:
    return _harmless(_markdown(text))


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
    scores = store.scores(record.student)
    folder = course.folder("feedback", record.student, assignment.name)
    for name in assignment.notebooks:
        penalty = store.penalty(record.student, name)
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


# --- the command ---------------------------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m grader feedback``."""
    parser.add_argument("assignment")
    parser.add_argument("--student", nargs="+", metavar="ID", help="only these students")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write the feedback pages again, with the scores and comments that the gradebook holds now."""
    try:
        course = Course(args.course)
        assignment = course.assignment(args.assignment)
        with lock(course), Store(course, assignment) as store:
            count, unwritten = 0, 0
            store.check_source()
            store.restore()
            if args.student and (unknown := set(args.student) - set(store.done())):
                raise CourseError(f"There is no graded submission of {', '.join(sorted(unknown))}.")
            for record in store.records():
                if args.student and record.student not in args.student:
                    continue
                try:
                    write_again(course, assignment, store, record)
                    count += 1
                except StoreError as error:  # one student's folder must not keep the others from theirs
                    print(error, file=sys.stderr)
                    unwritten += 1
    except (CourseError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, StoreError) else 2
    print(f"{count} submissions have new feedback in {course.root / course.directory.feedback_directory}.")
    return 1 if unwritten else 0


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
