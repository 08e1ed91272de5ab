"""Outputs of student code, made harmless, and the notebook in `autograded` that holds them."""

import re
from collections.abc import Callable, Iterable
from itertools import islice

from grader.course import Assignment, SourceNotebook
from grader.model import Job
from grader.pages.clean import MAX_HTML, MAX_OUTPUT, MAX_SOURCE, clean_html, clean_markdown, clean_text
from grader.pages.pictures import Room, clean_image


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
