"""Courses written for a test, and submissions to them."""

import json
from pathlib import Path

import nbformat

from grader.course import Course
from grader.model import Job, Limits, Result
from grader.notebook.read import read_notebook
from grader.notebook.rebuild import rebuild
from grader.run import Worker

MARKS = {
    "plain": None,
    "locked": {"grade": False, "solution": False, "locked": True},
    "answer": {"grade": False, "solution": True, "locked": False},
    "test": {"grade": True, "solution": False, "locked": True, "points": 1},
}


def written(folder: Path, *cells: tuple[str, str], config: str = "", files: dict | None = None, **metadata) -> Course:
    """A course with the assignment ``a``: pairs of a cell's kind (a key of `MARKS`, or ``"markdown"``) and its text."""
    made = []
    for number, (kind, text) in enumerate(cells):
        cell = {"cell_type": "code", "id": f"c{number}", "metadata": {}, "source": text}
        if kind == "markdown":
            cell["cell_type"] = "markdown"
        else:
            cell |= {"execution_count": None, "outputs": []}
        if marks := MARKS.get(kind):
            cell["metadata"] = {"nbgrader": {"grade_id": f"g{number}", "schema_version": 3, **marks}}
        made.append(cell)
    source = folder / "source" / "a"
    source.mkdir(parents=True)
    notebook = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (source / "a.ipynb").write_text(json.dumps(notebook))
    for name, text in (files or {}).items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{config}")
    return Course(folder)


def copy_with(course: Course, changes: dict[int, str], own: str = "") -> bytes:
    """What a student hands in who changed the released cells at some places and put a cell of their own first."""
    source = course.assignment("a").notebooks["a"]
    notebook = nbformat.from_dict(json.loads(json.dumps(source.recorded)))
    for number, (cell, original) in enumerate(zip(notebook.cells, source.cells, strict=True)):
        cell.source = changes.get(number, original.released)
    if own:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(own))
    return nbformat.writes(notebook).encode()


def result_of(worker: Worker, course: Course, changes: dict[int, str], own: str = "") -> Result:
    """What one submission gets."""
    assignment = course.assignment("a")
    cells, _ = rebuild(assignment.notebooks["a"], read_notebook(copy_with(course, changes, own))[0])
    job = Job(
        "a",
        "ada",
        Path("a.ipynb"),
        cells,
        7,
        Limits(cell_seconds=20),
        dict(assignment.files),
        plain=assignment.options.plain,
    )
    return worker.run_job(job)
