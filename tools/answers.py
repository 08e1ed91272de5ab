"""What the self-check needs, made from the solutions: ``helpers/answers/NN_topic.json``."""

import ast
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from grader.judge.names import name_called
from tools.mutants import find_tasks, untouched
from tools.notebooks import ROOT, heading, read, write

FOLDER = Path("helpers", "answers")
CELLS = ("self-check-text", "self-check")  # ids of the cells that a graded release leaves out
PROMISE = re.compile(r"( (?=The last cell))?The last cell (of this exercise )?runs every check[^\n]*(?(1)|\n)")
REASONS = re.compile(r"^[ \t]*### BEGIN REASONS[^\n]*\n(.*?)^[ \t]*### END REASONS[^\n]*\n?", re.DOTALL | re.MULTILINE)
HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS[^\n]*\n(.*?)^[ \t]*### END HIDDEN TESTS[^\n]*$", re.DOTALL | re.MULTILINE
)
MARK = re.compile(r"^[ \t]*### (BEGIN|END) (SOLUTION|HIDDEN TESTS)[^\n]*\n?", re.MULTILINE)


def collect(name: str, root: Path = ROOT) -> dict[str, Any]:
    """Everything that the self-check of an exercise needs.

    Args:
        name: the exercise, such as ``02_tensors``.
        root: the course's folder.
    """
    notebook = read(root / "solutions" / name / f"{name}.ipynb")
    tasks = []
    for task in find_tasks(notebook):
        answer, reasons = parts(task.answer.source)
        sources = [test.source for test in task.tests]
        counts = [count_checks(visible_part(source)) for source in sources]
        tasks.append(
            {
                "slug": task.slug,
                "name": _name(sources) or task.slug,
                "title": _title(notebook, task.answer),
                "defines": defines(task.answer.source),
                "stub": untouched(task.answer.source),
                "answer": answer,
                "reasons": reasons,
                "tests": [MARK.sub("", source) for source in sources],
                "visible": sum(counts),
                "hidden": sum(map(count_checks, sources)) - sum(counts),
            }
        )
    return {"exercise": name, "tasks": tasks}


def text(name: str, root: Path = ROOT) -> str:
    """The one text of an exercise's data."""
    return json.dumps(collect(name, root), indent=1, ensure_ascii=False) + "\n"


def without_self_check(path: Path) -> None:
    """Take the cells of the self-check out of a released notebook, and the sentence that promises them."""
    notebook = read(path)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in CELLS]
    notebook.cells[0].source = PROMISE.sub("", notebook.cells[0].source)
    write(notebook, path)


def parts(source: str) -> tuple[str, str]:
    """The worked answer in an answer cell of a solution, and its reasons.

    Reasons are comments between ``### BEGIN REASONS`` and ``### END REASONS`` inside the solution, so that a release
    leaves them out together with it.
    """
    reasons = []
    for block in REASONS.findall(source):
        lines = [re.sub(r"^# ?", "", line) for line in textwrap.dedent(block).splitlines()]
        reasons.append("\n".join(lines).strip())
    answer = MARK.sub("", REASONS.sub("", source)).strip()
    for name in re.findall(r"^(\w+) = (?:None|{})$", answer, re.MULTILINE):  # the place for an answer that follows
        if re.search(rf"^{name} = (?!(?:None|{{}})$)", answer, re.MULTILINE):
            answer = re.sub(rf"^{name} = (?:None|{{}})\n+", "", answer, count=1, flags=re.MULTILINE)
    return re.sub(r"\n{3,}(?=\S)", "\n\n\n", _last_versions(answer)).strip(), "\n\n".join(reasons)


def _last_versions(answer: str) -> str:
    """The answer without what it defines anew below: a bug hunt's faulty version, which the student has above."""
    lines = answer.splitlines()
    last: dict[str, ast.stmt] = {}
    for statement in ast.parse(answer).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            if old := last.get(statement.name):
                first = min(node.lineno for node in [old, *old.decorator_list])
                lines[first - 1 : old.end_lineno] = [""] * (old.end_lineno - first + 1)
            last[statement.name] = statement
    return "\n".join(lines)


def visible_part(source: str) -> str:
    """A test cell as the release shows it."""
    return HIDDEN.sub("", source)


def count_checks(source: str) -> int:
    """How many checks are written in a test cell; one in a loop counts once."""
    return sum(
        isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and name_called(node).startswith("check_"))
        for node in ast.walk(ast.parse(source))
    )


def defines(source: str) -> list[str]:
    """What a task asks for: functions, classes and values in capitals that its answer cell binds."""
    names: list[str] = []
    for statement in ast.parse(source).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.append(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            stored = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            names += [name for name in stored if name.isupper()]
    return list(dict.fromkeys(names))


def _name(sources: list[str]) -> str:
    found = next((re.search(r"\btask\(\s*([\"'])(.*?)\1", source) for source in sources), None)
    return found[2] if found else ""


def _title(notebook: NotebookNode, answer: NotebookNode) -> str:
    """The heading above a task's answer, such as ``1. Read the labels (2 points, 5 minutes, two blanks)``."""
    titles = [heading(cell) for cell in notebook.cells[: notebook.cells.index(answer)]]
    return next((title for title in reversed(titles) if title), "")
