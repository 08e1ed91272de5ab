"""Is what an exercise asks for shown before? Names of torch and ``helpers`` that a student must write.

Needed are the names inside ``### BEGIN SOLUTION`` of ``solutions/``: what stands behind a dot of ``torch``, ``nn``,
``F`` or a module of ``helpers``, what is imported from them, and methods of tensors, modules and optimizers. Shown is a
name that stands in a code cell in sight, or as code in the text, of a chapter up to this one, or that an earlier
exercise asked for (it was taught then), or that stands in the code that the exercise itself gives.
"""

import ast
import functools
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
PYTHON = {name for kind in (str, list, dict, set, tuple, float, int, bytes, object) for name in dir(kind)}


def load(path: Path) -> NotebookNode:
    """A notebook, read once while its file stays as it is; not validated, which would take most of the time."""
    return _load(path, path.stat().st_mtime_ns)


@functools.cache
def _load(path: Path, _: int) -> NotebookNode:
    notebook = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
    for cell in notebook.cells:
        cell.source = "".join(cell.source)
    return notebook


def untaught(stem: str, root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Pairs (name, id of the answer cell) of what the exercise of a chapter asks for and nothing before it shows."""
    path = root / "solutions" / stem / f"{stem}.ipynb"
    if not path.exists():
        return
    known = shown_before(stem, root)
    exercise = load(path)
    known |= {name for cell in exercise.cells if not asked(cell) for name in names_in_code(cell)}
    modules = imported(exercise)
    for cell in exercise.cells:
        for name in sorted(needed(cell, modules) - known):
            yield name, cell.id


def shown_before(stem: str, root: Path = ROOT) -> set[str]:
    """All names that chapters up to this one show in sight, and that earlier exercises asked for."""
    known: set[str] = set()
    for path in sorted((root / "chapters").glob("*.ipynb")):
        if path.stem > stem:
            break
        for cell in load(path).cells:
            known |= shown(cell)
        solution = root / "solutions" / path.stem / path.name
        if path.stem < stem and solution.exists():
            notebook = load(solution)
            modules = imported(notebook)
            known |= {name for cell in notebook.cells for name in needed(cell, modules)}
    return known


def shown(cell: NotebookNode) -> set[str]:
    """The names that a reader of a chapter sees in this cell."""
    if cell.cell_type == "markdown":
        code = re.findall(r"```.*?```|`[^`\n]+`", cell.source, re.DOTALL)
        return {name for part in code for name in re.findall(r"[A-Za-z_]\w*", part)}
    return set() if HIDDEN & set(cell.metadata.get("tags", [])) else names_in_code(cell)


def names_in_code(cell: NotebookNode) -> set[str]:
    """All identifiers of a code cell, keywords of calls included."""
    return set(re.findall(r"[A-Za-z_]\w*", cell.source)) if cell.cell_type == "code" else set()


def asked(cell: NotebookNode) -> bool:
    """Is this an answer cell?"""
    return cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source


def needed(cell: NotebookNode, modules: set[str]) -> set[str]:
    """The names of torch and helpers that the student must write in an answer cell."""
    if not asked(cell):
        return set()
    names: set[str] = set()
    given = SOLUTION.sub("pass\n", cell.source)
    for part in SOLUTION.findall(cell.source):
        for node in ast.walk(_parse(part)):
            if isinstance(node, ast.Attribute) and (_root(node) in modules or _is_method(node.attr)):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and node.id in modules and node.id[0] != "_":
                names.add(node.id)
    own = set(re.findall(r"(?:def|class|self\.)\s*([A-Za-z_]\w*)", cell.source))
    return names - own - set(re.findall(r"[A-Za-z_]\w*", given)) - {"torch", "nn", "F", "np", "math"}


def imported(notebook: NotebookNode) -> set[str]:
    """What a notebook imports from torch and helpers, under the names it has there."""
    names = {"torch"}
    for cell in notebook.cells:
        for node in ast.walk(_parse(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
                "torch",
                "torchvision",
                "helpers",
            ):
                names.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.Import):
                names.update(
                    alias.asname or alias.name
                    for alias in node.names
                    if alias.name.split(".")[0] in ("torch", "torchvision", "helpers")
                )
    return names


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(TransformerManager().transform_cell(textwrap.dedent(source)))
    except SyntaxError:
        return ast.Module([], [])


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@functools.cache
def _methods() -> frozenset[str]:
    import torch

    return frozenset({*dir(torch.Tensor), *dir(torch.nn.Module), *dir(torch.optim.Optimizer)} - PYTHON)


def _is_method(name: str) -> bool:
    return not name.startswith("_") and name in _methods()
