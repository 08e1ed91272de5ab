"""Submissions for tests: notebooks made from a source, and folders of a course that holds them."""

import copy
import json
import shutil
import zipfile
from pathlib import Path

import nbformat

from grader.collect.folders import find_submissions
from grader.collect.take_in import take_in
from grader.course import Course, SourceNotebook
from grader.notebook.read import read_notebook
from grader.notebook.rebuild import rebuild

COURSES = Path(__file__).parent / "courses"
RIGHT = "def scale(recipe, factor):\n    return {k: v * factor for k, v in recipe.items()}"


def copy_course(folder: Path, name: str = "kitchen") -> Course:
    """A fresh copy of one of the courses in ``grader/tests/courses``."""
    shutil.copytree(COURSES / name, folder, dirs_exist_ok=True)
    return Course(folder)


def released(source: SourceNotebook) -> dict:
    """The notebook that students get: nothing answered, hidden tests gone, marks in place."""
    notebook = copy.deepcopy(source.recorded)
    for cell, original in zip(notebook.cells, source.cells, strict=True):
        cell.source = original.released
    return json.loads(nbformat.writes(notebook))


def solved(source: SourceNotebook, *, without: tuple[str, ...] = ()) -> dict:
    """The released notebook with every answer right, except those named by grade id."""
    notebook = released(source)
    for cell, original in zip(notebook["cells"], source.cells, strict=True):
        if original.kind in ("answer", "manual") and original.grade_id not in without:
            cell["source"] = solution(original.source)
    return notebook


def solution(text: str) -> str:
    """The text of an answer cell as a student would have written it."""
    return "\n".join(line for line in text.splitlines() if "### " not in line or "SOLUTION" not in line)


def answer(notebook: dict, grade_id: str) -> dict:
    """The cell of a notebook with this grade id."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def hand_in(folder: Path, notebooks: dict[str, dict | bytes]) -> Path:
    """Write notebooks (or bytes) by name into a student's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in notebooks.items():
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / f"{name}.ipynb").write_bytes(content)
    return folder


def hand_in_class(course: Course, assignment: str, count: int = 4) -> list[str]:
    """``count`` honest students: everyone solves all, except that every third leaves the first answer open."""
    sources = course.assignment(assignment).notebooks
    students = [f"student{number:02}" for number in range(count)]
    for number, student in enumerate(students):
        notebooks = {}
        for name, source in sources.items():
            first = next(cell.grade_id for cell in source.cells if cell.kind == "answer")
            notebooks[name] = solved(source, without=(first,) if number % 3 == 2 else ())
            cell = {"cell_type": "markdown", "id": "own", "metadata": {}, "source": f"By {student}."}
            notebooks[name]["cells"].append(cell)
        hand_in(course.folder("submitted", student, assignment), notebooks)
    return students


def encode(notebook: dict) -> bytes:
    return json.dumps(notebook).encode()


def rebuilt(source, notebook: dict | bytes):
    """Cells by id, and the codes of all notes."""
    cells, notes = read_notebook(notebook if isinstance(notebook, bytes) else encode(notebook))
    made, more = rebuild(source, cells)
    return {cell.id: cell for cell in made}, [note.code for note in notes + more]


def take(course, assignment, student="ada"):
    handed = {one.student: one for one in find_submissions(course, assignment)}
    return about_what_came(take_in(handed[student], assignment))


def about_what_came(taken):
    """Most tests hand in one of two notebooks; that the other did not come is asked about once."""
    taken.notes = [note for note in taken.notes if note.code != "notebook-missing"]
    return taken


def archive(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def taken_from(course, assignment, path) -> dict:
    found = find_submissions(course, assignment, path)
    return {one.student: (one, about_what_came(take_in(one, assignment))) for one in found}
