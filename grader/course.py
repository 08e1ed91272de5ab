"""Any nbgrader course folder: its configuration, its directories, and its source notebooks as the grader needs them."""

import contextlib
import copy
import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import nbformat
from jupyter_core.paths import jupyter_config_path
from nbgrader import utils
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearSolutions,
    IncludeHeaderFooter,
    InstantiateTests,
    SaveCells,
)
from sqlalchemy.engine import make_url
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from grader.options import Options, read_options


class CourseError(Exception):
    """The course folder is not what grading needs; the message says what is wrong and how to mend it."""


@dataclass(frozen=True)
class SourceCell:
    """One cell of a source notebook: ``source`` with solutions and hidden tests, ``released`` without them."""

    id: str
    cell_type: str
    kind: str  # setup, answer, test, manual, task or markdown
    grade_id: str | None
    source: str
    released: str
    points: float
    locked: bool

    @property
    def graded(self) -> bool:
        """Does this cell carry points?"""
        return self.kind in ("test", "manual", "task")


@dataclass(frozen=True)
class SourceNotebook:
    """A source notebook of an assignment, in three stages: as written, as nbgrader records it, as students get it."""

    name: str
    path: Path
    cells: tuple[SourceCell, ...]
    recorded: nbformat.NotebookNode = field(repr=False, compare=False)
    metadata: dict = field(repr=False, compare=False)

    @property
    def graded(self) -> list[SourceCell]:
        """The cells that carry points, in order."""
        return [cell for cell in self.cells if cell.graded]


@dataclass(frozen=True)
class Assignment:
    """An assignment: its notebooks by name, its data files, and the hash of all that decides a score."""

    name: str
    folder: Path
    notebooks: dict[str, SourceNotebook]
    files: dict[str, bytes] = field(repr=False)
    sha256: str
    hidden: tuple[str, str]
    options: Options = Options()

    @property
    def max_score(self) -> float:
        """Points that can be had."""
        return sum(cell.points for notebook in self.notebooks.values() for cell in notebook.graded)


class Course:
    """A course folder that nbgrader knows: ``nbgrader_config.py`` names its directories and its database.

    Args:
        root: the course folder.

    Raises:
        CourseError: if the folder is missing or its configuration cannot be read.
    """

    def __init__(self, root: Path | str = "."):
        root = Path(root).resolve()
        if not root.is_dir():
            raise CourseError(f"There is no course folder {root}: name the folder that holds nbgrader_config.py.")
        self.config = Config()
        for folder in [*reversed(jupyter_config_path()), str(root)]:
            if Path(folder, "nbgrader_config.py").is_file():
                try:
                    self.config.merge(PyFileConfigLoader("nbgrader_config.py", path=folder).load_config())
                except Exception as error:
                    raise CourseError(f"{folder}/nbgrader_config.py cannot be read: {error}") from error
        if "root" not in self.config.CourseDirectory:
            self.config.CourseDirectory.root = str(root)
        try:
            self.options = read_options(self.config)
        except ValueError as error:
            raise CourseError(f"{root}/nbgrader_config.py cannot be used: {error}.") from error
        self.directory = CourseDirectory(config=self.config)
        self.root = Path(self.directory.root)

    @property
    def db_url(self) -> str:
        """The address of the gradebook; a relative path of an SQLite file begins at the course folder."""
        url = make_url(self.directory.db_url)
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return self.directory.db_url
        return url.set(database=str(self.root / url.database)).render_as_string(hide_password=False)

    @cached_property
    def grades(self) -> Path:
        """Where the grader keeps its lock, its journal and its reports."""
        return self.root / "grades"

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """The folder of a student's assignment at a step: ``submitted``, ``autograded`` or ``feedback``."""
        return Path(self.directory.format_path(getattr(self.directory, f"{step}_directory"), student, assignment))

    def assignments(self) -> list[str]:
        """The names of the assignments that have a source folder."""
        parent = Path(self.directory.format_path(self.directory.source_directory, ".", "x")).parent
        if not parent.is_dir():
            return []
        return sorted(folder.name for folder in parent.iterdir() if folder.is_dir() and any(folder.glob("*.ipynb")))

    def assignment(self, name: str) -> Assignment:
        """Read an assignment from its source.

        Raises:
            CourseError: if there is no such assignment, or its source cannot be graded.
        """
        folder = Path(self.directory.format_path(self.directory.source_directory, ".", name))
        if not name or "/" in name or name.startswith(".") or not folder.is_dir():
            known = ", ".join(self.assignments()) or "none"
            raise CourseError(
                f"Unknown assignment {name!r}: there is no folder {folder}. Assignments with a source: {known}."
                + self._without_configuration()
            )
        paths = sorted(path for path in folder.glob("*.ipynb") if not self._ignored(path))
        if not paths:
            raise CourseError(f"The source of {name!r} is missing: {folder} holds no notebook.")
        notebooks = {path.stem: self._read(path, name) for path in paths}
        if not any(notebook.graded for notebook in notebooks.values()):
            raise CourseError(f"Nothing to grade in {folder}: no cell is marked as a graded test or answer.")
        files = self._files(folder)
        digest = hashlib.sha256()
        for path in paths:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
            digest.update(repr(notebooks[path.stem].cells).encode())  # a header's cells are in no file of the folder
        for file, content in sorted(files.items()):
            digest.update(file.encode() + b"\0" + content)
        if self.options != Options():
            digest.update(repr((self.options.limits, sorted(self.options.plain))).encode())
        clear = ClearHiddenTests(config=self.config)
        hidden = (clear.begin_test_delimeter, clear.end_test_delimeter)
        return Assignment(name, folder, notebooks, files, digest.hexdigest(), hidden, self.options)

    def _without_configuration(self) -> str:
        """A sentence if this does not look like a course folder at all."""
        if (self.root / "nbgrader_config.py").is_file():
            return ""
        return f" There is no nbgrader_config.py in {self.root}: go to the course folder, or name it with --course."

    def _read(self, path: Path, assignment: str) -> SourceNotebook:
        try:
            notebook = nbformat.read(path, as_version=4)
            notebook = MetadataValidator().upgrade_notebook_metadata(notebook)
            MetadataValidator().validate_nb(notebook)
        except Exception as error:
            raise CourseError(f"The source {path} is not a valid nbgrader notebook: {error}") from error
        if language := _foreign_language(notebook.metadata):
            raise CourseError(
                f"{path} is a notebook in {language}, but only Python is graded here: take it out of {path.parent}, or "
                f"grade it with `nbgrader autograde {assignment}`, which runs any kernel that is installed."
            )
        if any("### AUTOTEST" in cell.source or "### HASHED AUTOTEST" in cell.source for cell in notebook.cells):
            raise CourseError(
                f"{path} holds AUTOTEST lines: run `nbgrader generate_assignment --source_with_tests {assignment}` and "
                "let CourseDirectory.source_directory name the result."
            )
        resources = {
            "nbgrader": {"notebook": path.stem, "assignment": assignment, "student": ".", "db_url": ""},
            "metadata": {"name": path.stem, "path": str(path.parent)},
        }
        converter = GenerateAssignment(coursedir=self.directory, config=self.config)
        full, recorded = copy.deepcopy(notebook), None
        solved: set[int] = set()  # cells that hold a solution, marked as one or not
        for kind in converter.preprocessors:
            if kind is SaveCells:
                recorded = copy.deepcopy(notebook)
            if kind in (SaveCells, InstantiateTests, CheckCellMetadata):
                continue
            before = [cell.source for cell in notebook.cells]
            try:
                with contextlib.chdir(self.root):  # a header's path, for example, begins at the course folder
                    notebook, resources = kind(parent=converter, config=self.config).preprocess(notebook, resources)
            except Exception as error:
                raise CourseError(f"The source {path} cannot be released: {error}") from error
            if kind is IncludeHeaderFooter:
                full = copy.deepcopy(notebook)
            if kind is ClearSolutions:
                solved = {number for number, text in enumerate(before) if notebook.cells[number].source != text}
        seen: set[str] = set()
        cells = []
        for number, (cell, released) in enumerate(zip(full.cells, notebook.cells, strict=True)):
            name = cell.get("id") or f"cell-{number}"
            name = name if name not in seen else f"{name}-{number}"
            seen.add(name)
            meta = cell.metadata.get("nbgrader", {})
            kind = _kind(cell)
            if kind in ("setup", "markdown") and number in solved:
                kind = "answer"  # of an ordinary cell, where ClearSolutions.enforce_metadata is False
            points = float(meta.get("points", 0)) if kind in ("test", "manual", "task") else 0.0
            grade_id = meta.get("grade_id")
            cells.append(
                SourceCell(
                    name,
                    cell.cell_type,
                    kind,
                    grade_id,
                    cell.source,
                    released.source,
                    points,
                    bool(utils.is_locked(cell)),
                )
            )
        metadata = json.loads(json.dumps({"kernelspec": full.metadata.get("kernelspec", {})}))
        return SourceNotebook(path.stem, path, tuple(cells), recorded or notebook, metadata)

    def _files(self, folder: Path) -> dict[str, bytes]:
        paths = utils.find_all_files(str(folder), [*self.directory.ignore, "*.ipynb"])
        paths = [Path(path) for path in sorted(paths) if Path(path).is_file()]
        if (size := sum(path.stat().st_size for path in paths)) > self.options.files:
            raise CourseError(
                f"The data files in {folder} have {size / 2**20:.0f} MB, more than {self.options.files / 2**20:.0f}: "
                "keep them smaller, or set c.Grader.files_mb in nbgrader_config.py."
            )
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    def _ignored(self, path: Path) -> bool:
        return any(path.match(pattern) for pattern in self.directory.ignore)


def _kind(cell: nbformat.NotebookNode) -> str:
    if utils.is_task(cell):
        return "task"
    if utils.is_grade(cell):
        return "manual" if utils.is_solution(cell) else "test"
    if utils.is_solution(cell):
        return "answer"
    return "setup" if cell.cell_type == "code" else "markdown"


_KERNELS = {
    ".net-csharp": "C#", ".net-fsharp": "F#", "bash": "bash", "deno": "TypeScript", "gophernotes": "Go",
    "ihaskell": "Haskell", "ir": "R", "java": "Java", "javascript": "JavaScript", "julia": "Julia", "kotlin": "Kotlin",
    "matlab": "MATLAB", "octave": "Octave", "r": "R", "ruby": "Ruby", "rust": "Rust", "sagemath": "Sage", "sas": "SAS",
    "scala": "Scala", "sql": "SQL", "stata": "Stata", "wolframlanguage": "Wolfram Language", "xcpp": "C++", "xr": "R",
    "xsql": "SQL",
}  # fmt: skip


def _foreign_language(metadata: dict) -> str:
    """The language of a notebook if it is not Python; "" if it is, or if nothing is said."""
    kernel, info = metadata.get("kernelspec") or {}, metadata.get("language_info") or {}
    language = str(kernel.get("language") or info.get("name") or "")
    name = re.sub(r"^conda-env-.*-(?=\w+$)|[-_]?[\d.]+$", "", str(kernel.get("name") or "").lower())
    language = language or _KERNELS.get(name, "")
    return "" if re.match(r"i?python|$", language, re.IGNORECASE) else language
