"""No task is solved by pasting: chapters give at most half of what a task asks for, under its name or another one."""

import ast
import copy
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell

from tests.mutants import Answers
from tests.notebooks import NAME, make_course
from tools.assignments import assignments
from tools.mutants import REGION, find_tasks, try_answers
from tools.notebooks import ROOT, read, write
from tools.order import load

Definition = ast.FunctionDef | ast.ClassDef
MAGIC = re.compile(r"(?m)^ *[%!].*$")


@functools.cache
def chapter(path: Path) -> dict[str, list[ast.stmt]]:
    """What the code of a chapter defines or imports, by name."""
    found: dict[str, list[ast.stmt]] = {}
    for cell in load(path).cells:
        for node in ast.parse(MAGIC.sub("", cell.source)).body if cell.cell_type == "code" else []:
            if name_of(node):
                found.setdefault(name_of(node), []).append(node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    found.setdefault((alias.asname or alias.name).split(".")[0], []).append(node)
    return found


def name_of(node: ast.stmt) -> str:
    """What a function, a class or the statement `NAME = value` defines; nothing for other statements."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return node.name if isinstance(node, Definition) else ""


def chapters(name: str, root: Path = ROOT) -> list[dict[str, list[ast.stmt]]]:
    """The chapter of an exercise and all earlier ones."""
    return [chapter(path) for path in sorted((root / "chapters").glob("*.ipynb")) if path.stem <= name]


def asked(source: str) -> tuple[ast.Module, list[ast.stmt]]:
    """The code of an answer, and what of it the student defines, if only in part."""
    spans = [[source.count("\n", 0, at) + 1 for at in found.span()] for found in REGION.finditer(source)]
    tree = ast.parse(source)
    return tree, [
        node
        for node in tree.body
        if name_of(node) and any(node.lineno < end and start < node.end_lineno + 1 for start, end in spans)
    ]


def plain(node: ast.stmt) -> str:
    """A definition without docstrings and annotations, whatever it and its own variables are called."""
    node = copy.deepcopy(node)
    own = {getattr(node, "name", "")}
    for part in ast.walk(node):
        if isinstance(part, ast.arg):
            own.add(part.arg)
            part.annotation = None
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            own.add(part.id)
        elif isinstance(part, Definition):
            if ast.get_docstring(part):
                part.body[0] = ast.Pass()
            part.returns = None
    numbers: dict[str, str] = {}
    node.name = ""
    return re.sub(
        r"\b[A-Za-z_]\w*\b",
        lambda word: numbers.setdefault(word[0], f"name{len(numbers)}") if word[0] in own else word[0],
        re.sub(r"(?m)^ *pass\n", "", ast.unparse(node) + "\n"),
    )


def with_needs(node: ast.stmt, known: dict[str, list[ast.stmt]]) -> list[ast.stmt]:
    """A definition of a chapter after the functions, classes and imports of the chapter that it needs."""
    needs: dict[str, ast.stmt] = {}

    def visit(one: ast.stmt) -> None:
        for part in ast.walk(one):
            there = known.get(part.id, [node])[0] if isinstance(part, ast.Name) else node
            if there is not node and part.id not in needs and not isinstance(there, ast.Assign):
                needs[part.id] = there
                visit(there)

    visit(node)
    return [*dict.fromkeys(reversed(needs.values())), node]


def pasted(name: str, root: Path = ROOT) -> Iterator[tuple[Answers, list[str]]]:
    """For each task with namesakes in chapters: the solution with one of them in it, and all that it asks for."""
    for task in find_tasks(load(root / "solutions" / name / f"{name}.ipynb")):
        tree, mine = asked(task.answer.source)
        answers = {}
        for node in mine:
            for known in chapters(name, root):
                for there in known.get(name_of(node), []):
                    body = [part for one in tree.body for part in (with_needs(there, known) if one is node else [one])]
                    answers[f"{name_of(node)}, {len(answers)}"] = (ast.unparse(ast.Module(body, [])), ".")
        if answers:
            yield Answers(task.slug, {}, answers), [name_of(node) for node in mine]


def solved_by_pasting(name: str, root: Path = ROOT) -> list[str]:
    """The tasks of which namesakes from chapters do more than half."""
    tasks = {one.task: (one, asks) for one, asks in pasted(name, root)}
    done: dict[str, set[str]] = {task: set() for task in tasks}
    if tasks:
        for verdict in try_answers(name, [one for one, _ in tasks.values()], root=root, only=list(tasks)):
            if verdict.expected == "wrong" and verdict.caught == "missed":
                done[verdict.task].add(verdict.answer.split(",")[0])
    return [task for task, names in done.items() if len(names) > len(tasks[task][1]) / 2]


def copies(name: str, root: Path = ROOT) -> list[str]:
    """The tasks of which functions and classes of chapters, whatever their names, are more than half, word for word."""
    there = {
        plain(node)
        for known in chapters(name, root)
        for nodes in known.values()
        for node in nodes
        if isinstance(node, Definition)
    }
    found = []
    for task in find_tasks(load(root / "solutions" / name / f"{name}.ipynb")):
        _, mine = asked(task.answer.source)
        if sum(isinstance(node, Definition) and plain(node) in there for node in mine) > len(mine) / 2:
            found.append(task.slug)
    return found


@pytest.mark.parametrize("name", assignments())
def test_no_answer_is_a_definition_of_a_chapter_by_another_name(name):
    assert copies(name) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", assignments())
def test_no_task_is_solved_by_what_a_chapter_calls_the_same(name):
    assert solved_by_pasting(name) == []


def course_with(tmp_path: Path, code: str, stem: str = NAME) -> Path:
    """The tiny course, whose task asks for `total`, with a cell of code in its chapter, or in another one."""
    root = make_course(tmp_path)
    notebook = read(root / "chapters" / f"{NAME}.ipynb")
    notebook.cells.append(new_code_cell(code))
    write(notebook, root / "chapters" / f"{stem}.ipynb")
    return root


SUM = "import math\ndef add(x): return math.fsum(x.tolist())\ndef total(numbers): return add(numbers)"


@pytest.mark.parametrize(
    ("code", "stem", "found"),
    [
        (SUM, NAME, ["total"]),
        (SUM, "00_earlier", ["total"]),
        (SUM, "02_later", []),
        (SUM.replace("x.tolist()", "x.tolist()[1:]"), NAME, []),
        (SUM.replace("total", "sum_of"), NAME, []),
        ("COUNT = 3", NAME, ["count"]),
        ("COUNT = 4", NAME, []),
    ],
)
def test_a_chapters_definition_of_the_same_name_is_tried_with_what_it_needs(code, stem, found, tmp_path):
    assert solved_by_pasting(NAME, course_with(tmp_path, code, stem)) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def add(values: list) -> float:\n    'All of them.'\n    return values.sum()", ["total"]),
        ("def add(values):\n    return values.mean()", []),
        ("def add(values):\n    return numbers.sum()", []),
    ],
)
def test_a_copy_is_known_by_another_name_too(code, found, tmp_path):
    assert copies(NAME, course_with(tmp_path, code)) == found
