"""Notebooks as text: ``from-text`` and ``to-text``.

A cell begins with a line ``%% [md] id=some-id`` (markdown) or ``%% id=some-id tags=hide-input,remove-cell`` (code).
Lines ``%| key: value`` right below it are metadata: ``alt``, ``caption``, ``name`` (of a figure), ``nbgrader``
(``solution ID``, ``test ID POINTS``, ``manual ID POINTS``, ``locked ID``) and ``mystnb`` (JSON, for the rest).
The source follows, and an empty line before the next cell. A source line that itself begins with ``%% `` or ``%|``
gets a backslash in front. The way back and forth changes nothing in a canonical notebook;
cells that only repeat a caption are left out and made again.
"""

import argparse
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools.notebooks import (
    NotebookError,
    canonical,
    nbgrader_kind,
    nbgrader_metadata,
    read,
    readable,
    repeats_caption,
    write,
)

HEADER = re.compile(r"%%(?P<md> \[md\])?(?: id=(?P<id>[^\s=]+))?(?: tags=(?P<tags>[^\s=]+))?\s*")
STARTS_CELL = re.compile(r"%%(\s|$)")
ESCAPED = re.compile(r"\\+(%%(\s|$)|%\|)")
NEEDS_ESCAPE = re.compile(r"\\*(%%(\s|$)|%\|)")
FIGURE_KEYS = {"alt": ("image", "alt"), "caption": ("figure", "caption"), "name": ("figure", "name")}


def from_text(text: str, name: str = "text") -> NotebookNode:
    """Make a canonical notebook from its text form.

    Args:
        text: the text form, see the module's docstring.
        name: the file's name, for error messages.

    Raises:
        NotebookError: naming file and line of what cannot be read.
    """
    cells: list[dict[str, Any]] = []
    first_line: dict[str, int] = {}
    in_metadata = False
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        where = f"{name}:{number}"
        if STARTS_CELL.match(line):
            cell = _parse_header(line, where)
            if cell["id"] in first_line:
                raise NotebookError(
                    f"{where}: the id {cell['id']!r} is already in line {first_line[cell['id']]}; choose another"
                )
            if cell["id"]:
                first_line[cell["id"]] = number
            cells.append(cell)
            in_metadata = True
        elif not cells:
            if line.strip():
                raise NotebookError(f"{where}: text before the first cell; begin with a line `%% [md] id=...`")
        elif line.startswith("%|"):
            if not in_metadata:
                raise NotebookError(
                    f"{where}: a line `%|` stands right below the line `%%` of its cell; move it up, or write `\\%|`"
                )
            _parse_metadata(line, cells[-1]["metadata"], where)
        else:
            in_metadata = False
            cells[-1]["lines"].append(line[1:] if ESCAPED.match(line) else line)
    if not cells:
        raise NotebookError(f"{name}: no cell; begin with a line `%% [md] id=...`")
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for cell in cells:
        notebook["cells"].append(cell | {"source": "\n".join(cell.pop("lines"))})
    return canonical(nbformat.from_dict(notebook))


def to_text(notebook: NotebookNode) -> str:
    """The text form of a notebook (of its canonical form, if it has another).

    Raises:
        NotebookError: if it holds what has no text form: pasted pictures, raw cells.
    """
    for cell in notebook.cells:
        if cell.get("attachments"):
            raise NotebookError(
                f"cell {cell.get('id')} holds a pasted picture, which has no text form; save it in images/ and link it"
            )
        if cell.cell_type == "raw":
            raise NotebookError(f"cell {cell.get('id')} is raw, which has no text form; make it markdown or code")
    return "\n".join(_cell_text(cell) for cell in canonical(notebook).cells if not repeats_caption(cell))


def _parse_header(line: str, where: str) -> dict[str, Any]:
    header = HEADER.fullmatch(line)
    if not header:
        raise NotebookError(f"{where}: cannot read {line!r}; write `%% [md] id=...` or `%% id=... tags=one,two`")
    tags = header["tags"].split(",") if header["tags"] else []
    if header["id"] and not readable(header["id"]):
        raise NotebookError(f"{where}: the id {header['id']!r} is no slug; use lower-case words joined by hyphens")
    kind = "markdown" if header["md"] else "code"
    return {"cell_type": kind, "id": header["id"], "metadata": {"tags": tags} if tags else {}, "lines": []}


def _parse_metadata(line: str, metadata: dict[str, Any], where: str) -> None:
    key, separator, value = line[2:].partition(":")
    key, value = key.strip(), value.strip()
    if not separator or not value:
        raise NotebookError(f"{where}: cannot read {line!r}; write `%| key: value`")
    if key in FIGURE_KEYS:
        group, field = FIGURE_KEYS[key]
        metadata.setdefault("mystnb", {}).setdefault(group, {})[field] = value
    elif key == "nbgrader":
        metadata["nbgrader"] = _parse_nbgrader(value, where)
    elif key == "mystnb":
        try:
            rest = json.loads(value)
            if not isinstance(rest, dict):
                raise ValueError("it begins with a brace")
        except ValueError as error:
            raise NotebookError(f"{where}: `%| mystnb:` needs JSON on one line ({error})") from None
        mystnb = metadata.setdefault("mystnb", {})
        for group, fields in rest.items():
            mystnb[group] = mystnb.get(group, {}) | fields if isinstance(fields, dict) else fields
    else:
        raise NotebookError(f"{where}: unknown key {key!r}; use {', '.join([*FIGURE_KEYS, 'nbgrader', 'mystnb'])}")


def _parse_nbgrader(value: str, where: str) -> dict[str, Any]:
    kind, *rest = value.split()
    graded = kind in ("test", "manual")
    try:
        if kind not in ("solution", "test", "manual", "locked") or len(rest) != 1 + graded:
            raise ValueError
        if graded and not 0 <= float(rest[1]) < math.inf:
            raise ValueError
        return nbgrader_metadata(kind, rest[0], float(rest[1]) if graded else None)
    except ValueError:
        raise NotebookError(
            f"{where}: cannot read nbgrader: {value!r}; "
            "write `solution ID`, `locked ID`, `test ID POINTS` or `manual ID POINTS`"
        ) from None


def _cell_text(cell: NotebookNode) -> str:
    metadata = json.loads(json.dumps(cell.metadata))
    header = f"%%{' [md]' if cell.cell_type == 'markdown' else ''} id={cell.id}"
    if metadata.get("tags"):
        header += " tags=" + ",".join(metadata["tags"])
    lines = [header]
    mystnb = metadata.get("mystnb", {})
    for key, (group, field) in FIGURE_KEYS.items():
        value = mystnb.get(group, {}).get(field) if isinstance(mystnb.get(group, {}), dict) else None
        if isinstance(value, str) and value == " ".join(value.split()) and value:
            del mystnb[group][field]
            mystnb = {name: content for name, content in mystnb.items() if content != {}}
            lines.append(f"%| {key}: {value}")
    if mystnb:
        lines.append(f"%| mystnb: {json.dumps(mystnb, sort_keys=True, ensure_ascii=False)}")
    if "nbgrader" in metadata:
        data = metadata["nbgrader"]
        points = f" {data['points']:g}" if "points" in data else ""
        lines.append(f"%| nbgrader: {nbgrader_kind(data)} {data['grade_id']}{points}")
    lines += ["\\" + line if NEEDS_ESCAPE.match(line) else line for line in cell.source.split("\n")]
    return "\n".join(lines) + "\n"


def add_from_text_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``from-text``."""
    parser.add_argument("text", type=Path, help="the text form")
    parser.add_argument("notebook", type=Path, help="the notebook to write")


def run_from_text(args: argparse.Namespace) -> int:
    """Write the notebook that a text file describes."""
    try:
        write(from_text(args.text.read_text(encoding="utf-8"), str(args.text)), args.notebook)
    except UnicodeDecodeError:
        raise NotebookError(f"{args.text} is not in UTF-8; save it as UTF-8") from None
    return 0


def add_to_text_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``to-text``."""
    parser.add_argument("notebook", type=Path, help="the notebook to print")


def run_to_text(args: argparse.Namespace) -> int:
    """Print a notebook as text."""
    try:
        sys.stdout.write(to_text(read(args.notebook)))
    except NotebookError as error:
        raise error if str(args.notebook) in str(error) else NotebookError(f"{args.notebook}: {error}") from None
    return 0
