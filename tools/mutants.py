"""Grade right and wrong answers of each task in forked processes: ``mutants``.

The table at the end tells of every wrong answer whether the *visible* test catches it, which the student sees at once,
only a hidden one, or none.

A kernel per answer would take minutes. Here the set-up cells of an exercise run once, every other task keeps its
unfinished stub, and each answer runs with the task's test cells in a fork of that process. So an answer that earns its
points also proves that its task needs no other.
"""

import argparse
import ast
import contextlib
import importlib
import io
import linecache
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from grader.commandline import BadInput, count, seconds
from tools.assignments import course_config, say_unknown
from tools.notebooks import ROOT, nbgrader_kind, read

REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", re.DOTALL | re.MULTILINE)


# what answers and tests import anyway
WARM = (
    "torch",
    "torch._dynamo",
    "torchvision.transforms.v2",
    "sklearn.datasets",
    "sklearn.model_selection",
    "matplotlib.pyplot",
)

HEAD = f"{'task':24} {'answer':32} {'deserves':9} {'caught':8} {'earned':>9} {'seconds':>7}  ok  message"


@dataclass
class TaskCells:
    """One task of an exercise: its answer cell, and the test cells up to the next answer."""

    slug: str
    answer: NotebookNode
    tests: list[NotebookNode]

    @property
    def points(self) -> float:
        """What the task is worth."""
        return sum(test.metadata.nbgrader.points for test in self.tests)


@dataclass
class Earned:
    """What one answer earned."""

    task: str
    answer: str
    expected: str  # "right", "wrong" or "zero"
    earned: float
    points: float
    messages: list[str]
    hint: str = ""
    seconds: float = 0
    seen: bool = False  # a visible test fails, or the answer itself raises

    @property
    def caught(self) -> str:
        """Which test catches a wrong answer: ``visible``, ``hidden`` or ``missed``."""
        return "visible" if self.seen else "hidden" if self.earned < self.points else "missed"

    @property
    def hinted(self) -> bool:
        """Does a message hold the hint that it must?"""
        return any(re.search(self.hint, message, re.IGNORECASE) for message in self.messages)

    @property
    def ok(self) -> bool:
        """Is this what the answer deserves?"""
        if self.expected == "right":
            return self.earned == self.points
        return self.hinted and (self.earned == 0 if self.expected == "zero" else self.earned < self.points)

    def __str__(self) -> str:
        message = self.messages[0].replace("\n", " ")[:110] if self.messages else ""
        if self.expected == "wrong" and not self.hinted:
            message = f"{message} (wanted: {self.hint})".lstrip()
        earned, ok = f"{self.earned:g} of {self.points:g}", "ok" if self.ok else "NO"
        caught = "" if self.expected == "right" else self.caught
        start = f"{self.task:24} {self.answer:32} {self.expected:9} {caught:8}"
        return f"{start} {earned:>9} {self.seconds:7.1f}  {ok:3} {message}"


def table(verdicts: Sequence[Earned]) -> str:
    """How many wrong answers the visible test of each task catches, and how many right ones it rejects.

    The untouched stub and its kin are left out: no test worth its name misses them.
    """
    lines = [f"{'task':24} {'wrong':>5} {'visible':>8} {'hidden':>7} {'missed':>7} {'right rejected':>15}"]
    for task in [*dict.fromkeys(verdict.task for verdict in verdicts), ""]:
        part = [verdict for verdict in verdicts if verdict.task == task or not task]
        wrong = [verdict.caught for verdict in part if verdict.expected == "wrong"]
        counts = [wrong.count(kind) for kind in ("visible", "hidden", "missed")]
        rejected = sum(not verdict.ok for verdict in part if verdict.expected == "right")
        line = f"{task or 'total':24} {len(wrong):5} {counts[0]:8} {counts[1]:7} {counts[2]:7} {rejected:15}"
        lines.append(line if task else f"{line}   {counts[0] / max(len(wrong), 1):.0%} visibly")
    return "\n".join(lines)


def find_tasks(notebook: NotebookNode) -> list[TaskCells]:
    """The automatically graded tasks of a solution notebook, in order."""
    tasks: list[TaskCells] = []
    for cell in notebook.cells:
        kind = nbgrader_kind(cell.metadata["nbgrader"]) if "nbgrader" in cell.metadata else None
        if kind == "solution" and cell.cell_type == "code":
            tasks.append(TaskCells(cell.metadata.nbgrader.grade_id, cell, []))
        elif kind == "test" and tasks:
            tasks[-1].tests.append(cell)
    return [task for task in tasks if task.tests]


def untouched(source: str) -> str:
    """An answer cell as the student finds it: the stub in place of each solution region."""
    stub = course_config().ClearSolutions.code_stub["python"]
    released, count = REGION.subn(lambda region: region[1] + stub, source)
    return released if count else stub


def with_results(source: str, value: str) -> str:
    """The answer cell with every function, method and variable of the solution giving `value` instead.

    Constructors, imports and what a class inherits stay, so that only the results are wrong.
    """
    tree = ast.parse(source)

    class Spoil(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
            if node.name != "__init__":
                node.body = ast.parse(f"return {value}").body
            return node

    spoil = Spoil()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            node.value = ast.parse(value, mode="eval").body
        else:
            spoil.visit(node)
    return ast.unparse(ast.fix_missing_locations(tree))


def load_answers(name: str) -> list[Any]:
    """The answers in ``tests/mutants/NAME.py``, or none if there is no such file."""
    if not (ROOT / "tests" / "mutants" / f"{name}.py").exists():
        return []
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"tests.mutants.{name}").ANSWERS


def try_answers(
    name: str,
    answers: Sequence[Any],
    *,
    root: Path = ROOT,
    jobs: int = 2,
    limit: float = 120,
    repeat: int = 1,
    only: Sequence[str] = (),
) -> Iterator[Earned]:
    """Grade answers to an exercise, its solution, and the three wrong answers that every task has, task by task.

    Args:
        name: the assignment, such as ``02_tensors``.
        answers: right and wrong answers by task, as in ``tests/mutants``.
        root: the course's folder.
        jobs: answers graded at a time.
        limit: seconds for one answer.
        repeat: how often the solution is graded, with fresh hidden inputs each time.
        only: slugs of the tasks to grade; all if there are none.

    Raises:
        ValueError: if `answers` name a task that the exercise does not have.
        RuntimeError: if a set-up cell raises or ends the process.
    """
    for module in WARM:
        importlib.import_module(module)  # once, before any fork

    notebook = read(root / "solutions" / name / f"{name}.ipynb")
    tasks = find_tasks(notebook)
    slugs = [task.slug for task in tasks]
    for answer in answers:
        if answer.task not in slugs:
            raise ValueError(f"tests/mutants/{name}.py: no task {answer.task!r}; there are {', '.join(slugs)}")
    if unknown := set(only) - set(slugs):
        raise ValueError(f"no task {sorted(unknown)} in {name}; there are {', '.join(slugs)}")
    tasks = [task for task in tasks if not only or task.slug in only]
    receiver, sender = multiprocessing.Pipe(duplex=False)
    with sender:
        child = multiprocessing.get_context("fork").Process(
            target=_walk, args=(sender, notebook, tasks, {one.task: one for one in answers}, jobs, limit, repeat)
        )
        child.start()
    try:
        while (outcome := receiver.recv()) is not None:
            if isinstance(outcome, Exception):
                raise outcome
            yield from outcome
    except EOFError:
        raise RuntimeError(f"solutions/{name}: a set-up cell ended the process") from None
    finally:
        child.terminate()
        child.join()


def _walk(
    sender: Connection, notebook: NotebookNode, tasks: list[TaskCells], answers: dict, jobs, limit, repeat
) -> None:
    """In a process of its own: run the set-up cells in order and grade each task where it stands."""
    import torch

    torch.set_num_threads(1)
    os.environ |= {"NBGRADER_EXECUTION": "autograde", "MPLBACKEND": "agg"}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    by_cell = {task.answer.id: task for task in tasks}
    try:
        for cell in notebook.cells:
            if cell.cell_type != "code" or nbgrader_is_test(cell):
                continue
            if cell.id in by_cell:
                task = by_cell[cell.id]
                to_grade = list(_answers_of(task, answers.get(task.slug), repeat))
                sender.send(_grade_task(task, to_grade, namespace, jobs, limit))
            source = untouched(cell.source) if "nbgrader" in cell.metadata else cell.source
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                _execute(source, namespace, cell.id)
        sender.send(None)
    except BaseException as error:
        sender.send(RuntimeError(f"cell {cell.id}: {type(error).__name__}: {error}"))


def nbgrader_is_test(cell: NotebookNode) -> bool:
    """Is this a cell that earns points by running?"""
    return "nbgrader" in cell.metadata and nbgrader_kind(cell.metadata["nbgrader"]) == "test"


def _answers_of(task: TaskCells, answers: Any, repeat: int) -> Iterator[tuple[str, str, str, str]]:
    """Name, code, what it deserves, and the hint it must get."""
    source = task.answer.source
    for number in range(repeat):
        yield (f"solution, draw {number + 1}" if repeat > 1 else "solution"), source, "right", ""
    yield "untouched", untouched(source), "zero", "."
    for value in ("None", "'nonsense'"):
        yield f"gives {value}", with_results(source, value), "zero", "."
    if answers:
        for name, code in answers.right.items():
            yield name, code, "right", ""
        for name, (code, hint) in answers.wrong.items():
            yield name, code, "wrong", hint


def _grade_task(task: TaskCells, queue: list, namespace: dict[str, Any], jobs: int, limit: float) -> list[Earned]:
    verdicts: list[Earned] = []
    running: dict[Connection, tuple] = {}
    fork = multiprocessing.get_context("fork")
    while queue or running:
        while queue and len(running) < jobs:
            name, code, expected, hint = queue.pop(0)
            receiver, sender = fork.Pipe(duplex=False)
            child = fork.Process(target=_answer, args=(sender, code, task, namespace))
            child.start()
            sender.close()
            verdict = Earned(task.slug, name, expected, 0, task.points, [], hint)
            running[receiver] = (child, verdict, time.monotonic())
            verdicts.append(verdict)
        oldest = min(start for _, _, start in running.values())
        ready = wait(list(running), timeout=max(0, oldest + limit - time.monotonic()))
        late = [receiver for receiver, (_, _, start) in running.items() if time.monotonic() >= start + limit]
        for receiver in {*ready, *late}:
            child, verdict, start = running.pop(receiver)
            verdict.seconds = time.monotonic() - start
            try:
                if receiver not in ready:
                    child.kill()
                    verdict.messages, verdict.seen = [f"takes longer than {limit:g} s"], True
                else:
                    verdict.earned, verdict.messages, verdict.seen = receiver.recv()
            except EOFError:
                verdict.messages, verdict.seen = ["CRASH: the process ended"], True
            child.join()
    return verdicts


def _answer(sender: Connection, code: str, task: TaskCells, namespace: dict[str, Any]) -> None:
    """In a fork: run an answer and its test cells as nbgrader would; send points, messages, and what a student sees."""
    from helpers.checks import failure_of

    earned, messages, seen = 0.0, [], False
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as stderr:
        try:
            _execute(code, namespace, task.answer.id)
        except Exception as error:
            messages.append(f"the answer cell raises {type(error).__name__}: {error}")
            seen = True
        for test in task.tests:
            stderr.truncate(stderr.seek(0))
            try:
                _execute(test.source, namespace, test.id)
            except Exception as error:
                messages.append(str(failure_of(error)))
                seen = seen or "### BEGIN HIDDEN TESTS" not in test.source
            else:
                if stderr.getvalue():
                    messages.append(f"stderr: {stderr.getvalue().strip()}")
                else:
                    earned += test.metadata.nbgrader.points
    sender.send((earned, messages, seen))


def _execute(source: str, namespace: dict[str, Any], name: str) -> None:
    from IPython.core.inputtransformer2 import TransformerManager

    code = TransformerManager().transform_cell(source)
    filename = f"<{name}>"
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    exec(compile(code, filename, "exec"), namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``mutants``."""
    parser.add_argument("names", nargs="+", help="assignments such as 02_tensors")
    parser.add_argument("--jobs", type=count, default=2, help="answers at a time (default: 2)")
    parser.add_argument("--limit", type=seconds, default=120, help="seconds per answer (default: 120)")
    parser.add_argument("--task", nargs="+", default=[], help="only these tasks, such as softmax (default: all)")
    parser.add_argument("--repeat", type=count, default=1, help="grade the solution this often (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Print what each answer gets; 1 if any gets what it does not deserve, or a task has none."""
    if unknown := say_unknown(args.names):
        print(unknown, file=sys.stderr)
        return 2
    os.environ["OMP_NUM_THREADS"] = "1"  # a process whose OpenMP threads have started cannot fork safely
    good = True
    for name in args.names:
        print(f"{name}\n{HEAD}")
        verdicts, answers = [], load_answers(name)
        try:
            for verdict in try_answers(
                name, answers, jobs=args.jobs, limit=args.limit, repeat=args.repeat, only=args.task
            ):
                print(verdict, flush=True)
                verdicts.append(verdict)
                good = good and verdict.ok
        except ValueError as error:
            raise BadInput(str(error)) from error
        print(table(verdicts))
        tried = {answer.task for answer in answers if answer.right and answer.wrong}
        for task in dict.fromkeys(verdict.task for verdict in verdicts if verdict.task not in tried):
            print(f"{task} has no right or no wrong answers: add them to tests/mutants/{name}.py")
            good = False
    return int(not good)
