"""The self-check at the end of an exercise: every check, hidden ones too, on the student's own answers.

``tools release`` writes what it needs, ``helpers/answers/NN_topic.json``, from the solutions: per task the test cells,
how many checks they hold, the untouched stub, and a worked answer with its reasons. A course that grades is released
without these files, and then there is no self-check.
"""

import argparse
import ast
import contextlib
import functools
import html
import io
import json
import linecache
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers.checks import CheckError, failure_of
from helpers.mistakes import explain

__all__ = ["Outcome", "check", "exercises", "load", "show", "tick"]

_state: dict[str, Any] = {"running": False, "last": ""}
WIDTH = 88
MAGIC = "get_ipython().run_cell_magic"  # what IPython makes of `%%time` above an answer


@dataclass
class Outcome:
    """What became of one task.

    Attributes:
        task: the task's entry in the exercise's data.
        status: ``passed``, ``failed``, ``untried`` (the stub still stands there, or no cell ran) or ``stopped``.
        failure: of a failed task: what was expected, what came, and a hint.
    """

    task: dict[str, Any]
    status: str
    failure: CheckError | None = None


def exercises() -> list[str]:
    """The exercises whose checks came with this copy of the course, such as ``02_tensors``."""
    folder = files("helpers") / "answers"
    return sorted(path.name[:-5] for path in folder.iterdir() if path.name.endswith(".json")) if folder.is_dir() else []


@functools.cache
def load(name: str) -> dict[str, Any]:
    """Checks and worked answers of an exercise.

    Raises:
        ValueError: if there are none.
    """
    if name not in exercises():
        there = ", ".join(exercises())
        raise ValueError(
            f"no exercise {name!r}; there are {there}"
            if there
            else "this copy of the course came without the self-check: submit your notebook, and it is graded"
        )
    return json.loads((files("helpers") / "answers" / f"{name}.json").read_text(encoding="utf-8"))


@functools.cache
def _counts() -> dict[str, tuple[str, int, int]]:
    """By a task's name: its exercise, and how many checks are in its visible and in its hidden tests."""
    return {
        task["name"]: (name, task["visible"], task["hidden"]) for name in exercises() for task in load(name)["tasks"]
    }


def tick(name: str) -> str:
    """What a tick stands for: how many of a task's checks passed.

    Args:
        name: of the task, such as ``2 matmul_loops``.
    """
    if name not in _counts():
        return "these checks pass; hidden tests decide about the rest."
    _state["last"], visible, hidden = _counts()[name]
    return f"{visible} of {visible + hidden} checks; the rest: run self-check" if hidden else f"all {visible} checks"


def running() -> bool:
    """Is a self-check on its way?"""
    return _state["running"]


def check(name: str, namespace: Mapping[str, Any], cells: Sequence[str]) -> Iterator[Outcome]:
    """Run all checks of an exercise on a student's names, task by task.

    Args:
        name: the exercise.
        namespace: the names of the student's notebook; it is not changed.
        cells: the code cells that ran in it, in order.

    Yields:
        What became of each task.
    """
    stopped = False
    for task in load(name)["tasks"]:
        attempt = stopped or _attempt(task, namespace, cells)
        if stopped:
            yield Outcome(task, "stopped")
        elif not attempt:
            yield Outcome(task, "untried")
        elif isinstance(attempt, CheckError):
            yield Outcome(task, "failed", attempt)
        else:
            try:
                failure = _run(task, namespace)
                yield Outcome(task, "failed" if failure else "passed", failure)
            except KeyboardInterrupt:
                stopped = True
                hint = "if it ran for minutes, look for a loop that never ends"
                yield Outcome(task, "stopped", CheckError(got="it was still running", hint=hint))


def _attempt(task: dict[str, Any], namespace: Mapping[str, Any], cells: Sequence[str]) -> bool | CheckError:
    """Did any cell define the task's names otherwise than the stub does? If the last one is no Python: why not."""
    names = set(task["defines"])
    stub = _code(ast.parse(task["stub"]))
    found = False
    attempt: bool | CheckError = False
    for cell in cells:
        try:
            python = ast.literal_eval(cell.strip().removeprefix(MAGIC))[2] if cell.startswith(MAGIC) else cell
            tree = ast.parse(python)
        except SyntaxError as error:
            if re.search(rf"^(def |class )?({'|'.join(names)})\b *[=:(]", cell, re.MULTILINE):
                attempt = _no_python(cell, error)
            continue
        except (ValueError, RecursionError, MemoryError):
            continue
        if names & _bound(tree):
            found = True
            attempt = True if _code(tree) != stub else attempt
    return attempt or (not found and bool(names & namespace.keys()))


def _code(tree: ast.AST) -> str:
    """Code to compare, without the dots of a stub: IPython takes some of them for a prompt, and cuts them off."""
    return re.sub(r"(, )?Expr\(value=Constant\(value=Ellipsis\)\)", "", ast.dump(tree)).replace("[, ", "[")


def _no_python(cell: str, error: SyntaxError) -> CheckError:
    line = (cell.splitlines()[(error.lineno or 1) - 1 :] or [""])[0].strip()
    hint = explain("SyntaxError", error.msg) or "Python cannot read the whole cell: run it, and look at the mark `^`"
    return CheckError(got=f"no Python in the line `{line}`: {error.msg}", hint=hint)


def _bound(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.add(statement.name)
        else:
            names |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names


def _run(task: dict[str, Any], namespace: Mapping[str, Any]) -> CheckError | None:
    """Run the test cells of a task, visible ones first, and return the first failure."""
    scope = dict(namespace)  # so that the names of the tests are not left in the student's notebook
    numpy_state = np.random.get_state()
    _state["running"] = True
    try:
        with (
            torch.random.fork_rng(devices=[]),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            for number, source in enumerate(task["tests"], 1):
                filename = f"<check {number} of {task['slug']}>"
                linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
                exec(compile(source, filename, "exec"), scope)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a student's sys.exit() too is an answer to this task only
        return failure_of(error)
    finally:
        _state["running"] = False
        np.random.set_state(numpy_state)
    return None


# --- in a notebook


def show(name: str = "") -> None:
    """Run the self-check of an exercise on the notebook that calls this, and display what became of each task.

    Args:
        name: the exercise; if it is left out, the one whose visible tests ran last.

    Raises:
        ValueError: if there is no such exercise.
    """
    name = name or _state["last"]
    if not name:
        raise ValueError("name the exercise, such as self_check('02_tensors')")
    load(name)
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        raise ValueError("outside of a notebook, run `python -m helpers self-check NAME`") from None
    shell = get_ipython()
    if shell is None:
        raise ValueError("outside of a notebook, run `python -m helpers self-check NAME`")
    live = getattr(shell, "kernel", None) is not None
    handle = display({"text/plain": "Checking ..."}, raw=True, display_id=True) if live else None
    outcomes: list[Outcome] = []
    tasks = load(name)["tasks"]
    for outcome in check(name, shell.user_ns, shell.user_ns.get("In", [])):
        outcomes.append(outcome)
        if handle and len(outcomes) < len(tasks) and outcome.status in ("passed", "failed"):
            handle.update({"text/plain": f"Checking: {len(outcomes)} of {len(tasks)} tasks are done ..."}, raw=True)
    data = {"text/html": as_html(outcomes), "text/plain": as_text(outcomes, name)}
    if handle:
        handle.update(data, raw=True)
    else:
        display(data, raw=True)


_MARKS = {"passed": "✓", "failed": "✗", "untried": "○", "stopped": "○"}
_WORDS = {
    "passed": "passes all {count} checks",
    "failed": "not yet",
    "untried": "not tried yet, or its cell has not run",
    "stopped": "not checked: you stopped here",
}


def _verdict(outcome: Outcome) -> str:
    return _WORDS[outcome.status].format(count=outcome.task["visible"] + outcome.task["hidden"])


def _summary(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(one.status == 'passed' for one in outcomes)} of {len(outcomes)} tasks pass all of their checks."


def as_text(outcomes: Sequence[Outcome], name: str) -> str:
    """The outcomes for a terminal, as wide as it is, but at most 88 columns."""
    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    wrap = textwrap.TextWrapper(width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    lines = [_summary(outcomes)]
    for outcome in outcomes:
        lines.append(wrap.fill(f"{_MARKS[outcome.status]} {outcome.task['title']}: {_verdict(outcome)}"))
        for label, part in _parts(outcome.failure):
            lines.append(wrap.fill(f"    {label}: {part}"))
    if any(outcome.status == "failed" for outcome in outcomes):
        lines.append(f"For a worked answer: python -m helpers self-check {name} --answer NUMBER")
    return "\n".join(lines)


def _parts(failure: CheckError | None) -> list[tuple[str, str]]:
    named = [(label, getattr(failure, label, "")) for label in ("expected", "got", "hint")]
    return [(label, part) for label, part in named if part]


def as_html(outcomes: Sequence[Outcome]) -> str:
    """The outcomes for a notebook: a list, with a folded worked answer under each task that was tried."""
    items = []
    for outcome in outcomes:
        task = outcome.task
        parts = [
            f'<p style="margin:.2em 0"><span aria-hidden="true">{_MARKS[outcome.status]}</span> '
            f"<strong>{html.escape(task['title'].replace('`', ''))}</strong>: {_verdict(outcome)}</p>"
        ]
        rows = "".join(
            f'<dt style="float:left;clear:left;width:5.5em">{label}</dt>'
            f'<dd style="float:none;width:auto;margin-left:6em;overflow-wrap:anywhere">{_inline(text)}</dd>'
            for label, text in _parts(outcome.failure)
        )
        parts.append(f'<dl style="width:auto;margin:.2em 0 .4em 1.4em">{rows}</dl>' if rows else "")
        if outcome.status in ("passed", "failed"):
            parts.append(
                f'<details style="margin:.2em 0 .6em 1.4em"><summary style="cursor:pointer">'
                f"Show a worked answer to task {html.escape(task['title'].split('.')[0])}</summary>"
                f"{reasons_html(task['reasons'])}"
                f'<pre style="overflow-x:auto"><code>{html.escape(task["answer"])}</code></pre></details>'
            )
        items.append(f'<li style="list-style:none">{"".join(parts)}</li>')
    return (
        f'<section aria-label="Self-check"><p><strong>{_summary(outcomes)}</strong></p>'
        f'<ul style="padding-left:0">{"".join(items)}</ul></section>'
    )


def _inline(text: str) -> str:
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"(?<!\w)\*(\w[^*<>]*)\*(?!\w)", r"<em>\1</em>", marked)


def reasons_html(reasons: str) -> str:
    """Paragraphs of reasons, with ```` `code` ```` marked up."""
    return "".join(f"<p>{_inline(' '.join(part.split()))}</p>" for part in reasons.split("\n\n") if part.strip())


# --- in a terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``self-check``."""
    parser.add_argument("name", help="an exercise such as 07_training, or your notebook's path")
    parser.add_argument("--answer", type=int, metavar="N", help="show a worked answer to task N, once it was tried")


def run(args: argparse.Namespace) -> int:
    """Run a notebook and check its answers; 0 if every task passes all of its checks."""
    path = Path(args.name)
    try:
        if path.suffix != ".ipynb":
            load(args.name)
            places = [Path(f"{args.name}.ipynb"), Path("exercises", args.name, f"{args.name}.ipynb")]
            path = next((place for place in places if place.is_file()), places[-1])
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        name = _exercise_in(sources, path)
    except OSError as error:
        print(f"{path}: {error.strerror}; give the path of your notebook", file=sys.stderr)
        return 2
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        print(f"{path}: this is no notebook; give the path of your notebook", file=sys.stderr)
        return 2
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    outcomes: list[Outcome] = []
    tasks = load(name)["tasks"]
    if args.answer is not None and not 1 <= args.answer <= len(tasks):
        print(f"{name} has the tasks 1 to {len(tasks)}", file=sys.stderr)
        return 2
    namespace, ran = _run_notebook(sources)
    _say(f"checking task 1 of {len(tasks)}")
    for outcome in check(name, namespace, ran):
        outcomes.append(outcome)
        _say(f"checking task {len(outcomes) + 1} of {len(tasks)}" if len(outcomes) < len(tasks) else "")
    if args.answer is None:
        print(as_text(outcomes, shlex.quote(args.name)))
        return int(any(outcome.status != "passed" for outcome in outcomes))
    outcome = outcomes[args.answer - 1]
    if outcome.status == "untried":
        print("Try this task first; then its worked answer is shown.", file=sys.stderr)
        return 1
    paragraphs = [" ".join(part.split()) for part in outcome.task["reasons"].split("\n\n") if part.strip()]
    print("\n\n".join([outcome.task["title"], *(textwrap.fill(part, WIDTH) for part in paragraphs)]))
    print(f"\n{outcome.task['answer']}")
    return 0


def _exercise_in(sources: Sequence[str], path: Path) -> str:
    """The exercise that most tasks of a notebook come from, whatever the file is called."""
    tasks = re.findall(r"\btask\(\s*[\"'](.*?)[\"']", "\n".join(sources))
    found = [_counts()[task][0] for task in tasks if task in _counts()]
    if exercises() and not found:
        raise ValueError(f"{path}: this notebook has no task of an exercise; give the path of your exercise")
    name = max(found, key=found.count, default=path.stem)
    return load(name)["exercise"]


def _say(doing: str) -> None:
    """What goes on, in a line that the next one overwrites: it stays if an answer ends this process or never ends."""
    print(f"\r{f'{doing} (Ctrl-C stops it) ...' if doing else '':50}\r", end="", file=sys.stderr, flush=True)


def _run_notebook(sources: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Run all cells but the checks in this process, errors and all; return their names, and the cells as Python."""
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.io import capture_output

    matplotlib.use("agg")
    shell = InteractiveShell.instance()
    for number, source in enumerate(sources, 1):
        if "self_check(" in source or "with task(" in source:
            continue
        _say(f"running code cell {number} of {len(sources)}")
        with capture_output():
            result = shell.run_cell(source, store_history=True)
        if error := result.error_before_exec or result.error_in_exec:
            line = f"code cell {number} ended in {type(error).__name__}: {error}".splitlines()[0]
            print(f"{line:50}", file=sys.stderr)
    return shell.user_ns, list(shell.user_ns.get("In", []))
