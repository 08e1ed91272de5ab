"""Notebooks in git: read, write, the canonical form, and the commands ``check`` and ``fix``.

Canonical means: no outputs or counts, ids that are unique readable slugs, metadata only ``tags``, ``mystnb`` and
``nbgrader`` (cells) and ``kernelspec`` and ``language_info`` (notebook), the bootstrap cell as `bootstrap_source`
writes it, and one way to put all that into JSON. `canonical` is idempotent.

What the page folds is folded in JupyterLab and in Colab too: a code cell tagged ``hide-input`` or ``hide-cell`` gets
`FOLDED` as metadata and a first line ``# @title ...``, which Colab shows in place of the code. The caption of a figure,
which only the page can show, stands once more in a markdown cell below it, which the page leaves out (`caption_cell`).
Visible checks of an exercise's task are tagged and titled here, too.
"""

import contextlib
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from grader.commandline import BadInput

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("chapters", "solutions", "exercises")
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RANDOM_ID = re.compile(r"(?=.*[0-9])([0-9a-f]{8}|[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
CELL_METADATA = ("tags", "mystnb", "nbgrader")
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
FOLDING_TAGS = {"hide-cell", "hide-input"}
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab, JupyterLab
CHECKED_TASK = re.compile(r'^with task\("([^"]+)"\)', re.MULTILINE)
TITLE = re.compile(r"# ?@title\b[ \t]*(.*)\n?")  # ruff's formatter puts the blank behind #, and Colab accepts both
CAPTION = "-caption"  # ends the id of a cell that repeats the caption of the figure above
RAW_METADATA = ("format", "raw_mimetype")  # for what a raw cell is meant
CELL_KEYS = {"cell_type", "id", "metadata", "source", "execution_count", "outputs", "attachments"}
# What editors and runs leave behind, in cells and notebooks: state of a window, times, signatures.
BY_PROGRAMS = {
    "ExecuteTime", "accelerator", "anaconda-cloud", "autoscroll", "cellView", "celltoolbar", "code_folding", "colab",
    "colab_type", "collapsed", "deletable", "editable", "execution", "executionInfo", "gpuClass", "heading_collapsed",
    "hidden", "id", "jp-MarkdownHeadingCollapsed", "jupyter", "kernel_info", "nteract", "orig_nbformat", "outputId",
    "papermill", "pycharm", "scrolled", "signature", "toc", "trusted", "varInspector", "vscode", "widgets",
}  # fmt: skip


class NotebookError(BadInput):
    """A notebook cannot be used as it is; the message names the file and the remedy."""


def read(path: Path) -> NotebookNode:
    """Read a notebook as it is.

    Raises:
        NotebookError: if the file is missing, no JSON, or no notebook.
    """
    try:
        # not nbformat.reads, which gives new ids to cells whose id is taken
        text = Path(path).read_text(encoding="utf-8-sig")
        for number, cell in enumerate(json.loads(text)["cells"], start=1):
            if not isinstance(cell.get("metadata", {}), dict):
                raise NotebookError(f"{path}: cell {number} has metadata that is no dictionary; write {{}} there")
        notebook = nbformat.reader.reads(text)
        for key in ("kernelspec", "language_info"):
            if not isinstance(notebook.get("metadata", {}).get(key, {}), dict):
                raise NotebookError(f"{path}: the notebook's {key} is no dictionary; open and save it in JupyterLab")
        if notebook.nbformat != 4 or not isinstance(notebook.get("cells"), list):
            raise NotebookError(f"{path}: only nbformat 4 is read; open and save it in JupyterLab")
        for number, cell in enumerate(notebook.cells, start=1):
            if problem := _oddity(cell):
                raise NotebookError(f"{path}: cell {number} {problem}")
        return notebook
    except FileNotFoundError:
        raise NotebookError(f"{path}: there is no such file; correct the name") from None
    except IsADirectoryError:
        raise NotebookError(f"{path}: this is a folder; name the notebooks in it") from None
    except NotebookError:
        raise
    except Exception as error:
        raise NotebookError(
            f"{path}: not a notebook ({type(error).__name__}: {error}); name one whose name ends with .ipynb, or get "
            "this one back with `git restore`"
        ) from None


def _oddity(cell: Any) -> str:
    """What makes a cell unusable, with the remedy, or an empty string."""
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("markdown", "code", "raw"):
        return "is neither markdown, code nor raw; open and save the notebook in JupyterLab"
    source, metadata = cell.get("source"), cell.get("metadata", {})
    if not isinstance(cell.get("id") or "", str):
        return "has an id that is no text; remove it, and `python -m tools fix` gives it one"
    if not isinstance(source, str):
        return "has no text as its source; open and save the notebook in JupyterLab"
    if any("\ud800" <= letter <= "\udfff" for letter in json.dumps(cell, ensure_ascii=False)):
        return "holds half a character (a lone surrogate), which no file can keep; type it again"
    return _odd_metadata(metadata)


def _odd_metadata(metadata: dict) -> str:
    """What makes a cell's metadata unusable, with the remedy, or an empty string."""
    tags = metadata.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return 'has tags that are no list of words; write "tags": ["hide-input"]'
    data = metadata.get("nbgrader")
    if data and not isinstance(data, dict):
        return "has nbgrader metadata that is no dictionary; remove it, and set the cell again in JupyterLab"
    if data and not (isinstance(data.get("grade_id"), str) and data["grade_id"]):
        return 'has nbgrader metadata without "grade_id"; give it one, such as "task-1"'
    shown = metadata.get("mystnb", {})
    if not isinstance(shown, dict) or not all(isinstance(shown.get(key, {}), dict) for key in ("image", "figure")):
        return 'has mystnb metadata that is no dictionary; write "mystnb": {"image": {"alt": "..."}}'
    if not all(isinstance(text, str) for key in ("image", "figure") for text in shown.get(key, {}).values()):
        return "has mystnb metadata whose values are no text; put them in quotation marks"
    points = data.get("points", 0) if data else 0
    if isinstance(points, bool) or not isinstance(points, (int, float)) or not 0 <= points < math.inf:
        return f"has {points!r} points; write a number of at least 0"
    return ""


def dumps(notebook: NotebookNode) -> str:
    """The one text of a notebook: sorted keys, indent 1, UTF-8, a newline at the end."""
    return nbformat.v4.writes(notebook, indent=1, sort_keys=True).rstrip("\n") + "\n"


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in canonical JSON, making the folder if needed."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, dumps(notebook))


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: on a full disk the notebook that was there stays.

    Raises:
        OSError: naming the file, if it cannot be written.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.exists():
            open(path, "ab").close()  # a file that may not be written is not replaced, either
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def repository(root: Path = ROOT) -> tuple[str, str]:
    """Address and tag of the course, from ``repository`` in ``_config.yml``; without a ``release`` its branch."""
    setting = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]
    return setting["url"].removesuffix(".git"), setting.get("release", setting["branch"])


def bootstrap_source(root: Path = ROOT) -> str:
    """The first code cell of every notebook: it installs the course where it is missing.

    ``COURSE_PACKAGE`` (a path or address that pip understands) replaces the repository, for tests and forks.
    """
    url, tag = repository(root)
    return f"""\
# @title Install the course if it is missing
try:
    import helpers
except ModuleNotFoundError:  # Colab, or a machine without the course
    import os

    package = "git+{url}@{tag}"
    package = os.environ.get("COURSE_PACKAGE", package)
    %pip install --quiet "{{package}}"
    import helpers  # noqa: F401"""


def slug(text: str) -> str:
    """Lower-case words joined by hyphens: ``"The chain rule!"`` becomes ``"the-chain-rule"``."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:48].strip("-")


def readable(identifier: str | None) -> bool:
    """Is this cell id a slug that a person wrote (or could have)?"""
    return bool(identifier) and SLUG.fullmatch(identifier) is not None and not RANDOM_ID.fullmatch(identifier)


def nbgrader_metadata(kind: str, grade_id: str, points: float | None = None) -> dict[str, Any]:
    """Complete nbgrader metadata (schema 3) of a ``solution``, ``test``, ``manual`` or ``locked`` cell."""
    data = {
        "grade": kind in ("test", "manual"),
        "grade_id": grade_id,
        "locked": kind in ("test", "locked"),
        "schema_version": 3,
        "solution": kind in ("solution", "manual"),
        "task": False,
    }
    if data["grade"]:
        data["points"] = int(points) if float(points).is_integer() else float(points)
    return data


def nbgrader_kind(data: dict[str, Any]) -> str:
    """The kind of an nbgrader cell, the inverse of `nbgrader_metadata`."""
    if data.get("grade"):
        return "manual" if data.get("solution") else "test"
    return "solution" if data.get("solution") else "locked"


def heading(cell: NotebookNode) -> str:
    """The first heading in a markdown cell, or an empty string."""
    found = re.search(r"^#{1,6} +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
    return found.group(1) if found else ""


def folded(cell: NotebookNode) -> bool:
    """Does the page fold this code? Of the cells that nbgrader knows, only those with visible checks are."""
    return (
        cell.cell_type == "code"
        and ("nbgrader" not in cell.metadata or bool(_checked_task(cell)))
        and not FOLDING_TAGS.isdisjoint(cell.metadata.get("tags", []))
    )


def _checked_task(cell: NotebookNode) -> str:
    """The task that the visible checks in this cell ask about, such as ``2: matmul_loops``, or an empty string."""
    found = CHECKED_TASK.search(cell.source) if "### BEGIN HIDDEN" not in cell.source else None
    return re.sub(r"^(\d+) ", r"\1: ", found[1]) if found else ""


def fold_title(source: str) -> str:
    """What Colab and the page show in place of folded code, or an empty string."""
    found = TITLE.match(source)
    return found[1].strip() if found else ""


def without_title(source: str) -> str:
    """The code below the line with the title."""
    return TITLE.sub("", source, count=1) if TITLE.match(source) else source


def _titled(source: str, identifier: str) -> str:
    """The source of a folded cell below its title; without one, the words of the id are the title."""
    if source.startswith("%%"):  # a magic of the whole cell stands in its first line
        return source
    words = identifier.replace("-", " ")
    return f"# @title {fold_title(source) or words[:1].upper() + words[1:]}\n{without_title(source)}".rstrip("\n")


def caption_cell(cell: NotebookNode) -> NotebookNode | None:
    """A markdown cell with the caption of the cell's figure, for JupyterLab and Colab; None if there is no caption."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    caption = figure.get("caption") if isinstance(figure, dict) else None
    if cell.cell_type != "code" or "nbgrader" in cell.metadata or not caption:
        return None
    source, metadata = f"**Figure.** {caption.strip()}", {"tags": ["remove-cell"]}
    return nbformat.from_dict(
        {"cell_type": "markdown", "id": f"{cell.id}{CAPTION}", "metadata": metadata, "source": source}
    )


def repeats_caption(cell: NotebookNode) -> bool:
    """Is this a cell that `caption_cell` made?"""
    identifier, tags = cell.get("id") or "", cell.metadata.get("tags", [])
    return cell.cell_type == "markdown" and identifier.endswith(CAPTION) and tags == ["remove-cell"]


def canonical(notebook: NotebookNode, root: Path = ROOT) -> NotebookNode:
    """A copy of the notebook in canonical form (see the module's docstring).

    Raises:
        NotebookError: if it holds something that the form does not keep and that no program wrote.
    """
    notebook = nbformat.from_dict(dict(notebook))
    notebook.cells = [cell for cell in notebook.cells if not repeats_caption(cell)]
    _refuse_unknown("the notebook", notebook.get("metadata", {}), {*NOTEBOOK_METADATA, *BY_PROGRAMS})
    said = notebook.get("metadata", {})
    language = said.get("language_info", {}).get("name") or said.get("kernelspec", {}).get("language") or "python"
    if not re.match("i?python", str(language).lower()):
        raise NotebookError(f"the notebook is in {language}, but this form is for Python; do not name it")
    cells, taken = [], {cell.get("id") for cell in notebook.cells if readable(cell.get("id"))}
    used: set[str] = set()
    section, counter = "cell", 0
    for cell in notebook.cells:
        known = CELL_METADATA + RAW_METADATA * (cell.cell_type == "raw")
        _refuse_unknown(f"cell {cell.get('id')}", cell.metadata, {*known, *BY_PROGRAMS})
        _refuse_unknown(f"cell {cell.get('id')}", cell, CELL_KEYS)
        metadata = {key: cell.metadata[key] for key in known if cell.metadata.get(key)}
        source = cell.source.strip("\n").rstrip()
        if heading(cell):
            section, counter = slug(heading(cell)) or "cell", 0
        identifier = cell.get("id")
        if not readable(identifier) or identifier in used:
            name = slug(metadata["nbgrader"]["grade_id"]) if "nbgrader" in metadata else ""
            while not name or name in taken:
                counter += 1
                name = section if counter == 1 else f"{section}-{counter}"
            identifier = name
            taken.add(identifier)
        used.add(identifier)
        if "nbgrader" in metadata:
            data = metadata["nbgrader"]
            metadata["nbgrader"] = nbgrader_metadata(nbgrader_kind(data), data["grade_id"], data.get("points", 0)) | {
                key: data[key] for key in ("cell_type", "checksum") if key in data
            }
        if identifier == "bootstrap" and cell.cell_type == "code":
            source = bootstrap_source(root)
            metadata["tags"] = sorted({*metadata.get("tags", []), "hide-input"})
        if "nbgrader" in metadata and cell.cell_type == "code" and (task := _checked_task(cell)):
            # The checks are long, and their hints give answers away: what a reader needs is their verdict below.
            metadata["tags"] = sorted({*metadata.get("tags", []), "hide-input"})
            source = f"# @title Check task {task}\n{without_title(source)}"
        new = {"cell_type": cell.cell_type, "id": identifier, "metadata": metadata, "source": source}
        if cell.cell_type == "code":
            new |= {"execution_count": None, "outputs": []}
            if folded(nbformat.from_dict(new)):
                new |= {"metadata": metadata | FOLDED, "source": _titled(source, identifier)}
            elif "nbgrader" not in metadata:
                new["source"] = without_title(source)
        elif cell.get("attachments"):
            new["attachments"] = cell.attachments
        cells.append(new)
        if below := caption_cell(nbformat.from_dict(new)):
            cells.append(below)
    form = {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(form)


def _refuse_unknown(where: str, written: dict, known: set[str]) -> None:
    """Nothing that a person wrote is dropped without a word."""
    if unknown := sorted(set(written) - known):
        raise NotebookError(
            f"{where} holds {', '.join(map(repr, unknown))}, which the canonical form does not keep; remove it in "
            "JupyterLab's property inspector, or say the same with tags or mystnb"
        )


def find_notebooks(files: list[str], root: Path = ROOT) -> list[Path]:
    """The notebooks named on a command line, those in the folders that are named, or all of the course.

    Raises:
        NotebookError: if a folder holds no notebook, or a name is empty.
    """
    if "" in files:
        raise NotebookError("a name is empty; name a notebook, or a folder that has some (is a variable not set?)")
    found = []
    for path in map(Path, files or (root / folder for folder in FOLDERS)):
        inside = sorted(path.rglob("*.ipynb")) if path.is_dir() else []
        inside = [one for one in inside if not any(part[0] in "._" for part in one.relative_to(path).parts)]
        if files and path.is_dir() and not inside:
            raise NotebookError(f"{path}: this folder holds no notebook; name a notebook, or a folder that has some")
        found += inside if path.is_dir() or not files else [path]
    return found
