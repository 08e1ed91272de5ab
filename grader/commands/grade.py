"""``python -m grader grade``: the command. It imports little, so that the sandboxes start at once."""

import argparse
import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from grader.pool import DaskPool, GradingError, LocalPool, NoSandbox
from grader.run import Worker

if TYPE_CHECKING:
    from grader.course import Assignment, Course
    from grader.grading import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``grade``."""
    parser.add_argument("assignment", nargs="?", help="the assignment's name")
    parser.add_argument(
        "--submitted", type=Path, metavar="DIR|ZIP", help="a folder per student, or a platform's archive"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="worker processes (default: one per core)")
    parser.add_argument("--student", nargs="+", metavar="ID", help="grade only these students")
    parser.add_argument("--again", action="store_true", help="grade also what has not changed")
    parser.add_argument("--report", type=Path, metavar="DIR", help="where the reports go (default: grades/ASSIGNMENT)")
    parser.add_argument("--dask", metavar="ADDRESS", help="run on the Dask cluster with this scheduler")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")
    parser.add_argument(
        "--unsafe-no-sandbox", action="store_true", help="run the code with nothing around it: your own only"
    )


def run(args: argparse.Namespace) -> int:
    """Grade. Exit status 0: done; 1: infrastructure failed; 2: wrong call; 3: no sandbox; 130: stopped by hand."""
    stopping = threading.Event()
    try:
        with _interruptible(stopping):
            return _start(args, stopping)
    except KeyboardInterrupt:
        print("Stopped at once. What was graded is kept; the same command goes on from here.", file=sys.stderr)
        return 130


def _start(args: argparse.Namespace, stopping: threading.Event) -> int:
    if args.jobs is not None and args.jobs < 1:
        print("--jobs must be 1 or more.", file=sys.stderr)
        return 2
    if args.unsafe_no_sandbox:
        _warn_unsafe()
    factory = functools.partial(Worker, Path(args.course).resolve(), sandbox=not args.unsafe_no_sandbox)
    if args.dask:
        return _run(args, DaskPool(factory, args.dask, stopping), stopping)
    jobs = args.jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count()))
    pool = LocalPool(factory, jobs, stopping)
    try:
        if args.assignment:
            pool.warm(2)  # they import torch while this process imports nbgrader and finds out how many are needed
        return _run(args, pool, stopping)
    finally:
        pool.close()


def _run(args: argparse.Namespace, pool: LocalPool | DaskPool, stopping: threading.Event) -> int:
    from grader.course import Course, CourseError
    from grader.gradebook.files import StoreError
    from grader.grading import grade, grader_version

    try:
        course = Course(args.course)
        if not args.assignment:
            raise CourseError(f"Name the assignment to grade: {', '.join(course.assignments()) or 'there is none'}.")
        assignment = course.assignment(args.assignment)
        outcome = grade(
            course,
            assignment,
            pool,
            submitted=args.submitted,
            students=args.student,
            report_dir=args.report,
            version=grader_version() + ("+unsafe" if args.unsafe_no_sandbox else ""),
            stopping=stopping,
            again=args.again,
        )
    except NoSandbox as error:
        print(f"Nothing was graded, because student code cannot be locked in: {error}", file=sys.stderr)
        return 3
    except (CourseError, StoreError, GradingError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, CourseError) else 1
    if not outcome.stopped or outcome.statuses or outcome.failures or outcome.changed:
        _tell(course, assignment, outcome, args.report)
    if outcome.stopped:
        print(f"Stopped: {outcome.left} still to grade; the same command goes on from here.", file=sys.stderr)
        return 130
    return 1 if outcome.failures or outcome.unwritten else 0


def _warn_unsafe() -> None:
    line = "!" * 78
    print(
        f"{line}\nWITHOUT A SANDBOX: whatever these notebooks do, they do to this machine, and their\n"
        f"grades are marked as such. Use this for notebooks of your own only.\n{line}",
        file=sys.stderr,
    )


@contextlib.contextmanager
def _interruptible(stopping: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run at the next safe moment; a second one ends it at once."""

    def stop(number: int, _: object) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    tell = sys.unraisablehook

    def tell_others(lost: "sys.UnraisableHookArgs") -> None:
        # A second Ctrl-C that arrives in a finalizer cannot be passed on: the first one still ends the run.
        if lost.exc_type is not KeyboardInterrupt:
            tell(lost)

    sys.unraisablehook = tell_others
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = tell


def _tell(course: "Course", assignment: "Assignment", outcome: "Outcome", folder: Path | None) -> None:
    from grader.collect.handed import listed
    from grader.pages.report import say_changes

    total = sum(outcome.statuses.values())
    parts = [f"{count} {status}" for status, count in sorted(outcome.statuses.items())]
    if outcome.unchanged:
        parts.append(f"{outcome.unchanged} unchanged since last time")
    if outcome.unwritten:
        parts.append(f"pages of {len(outcome.unwritten)} not written")
    if outcome.failures:
        parts.append(f"{len(outcome.failures)} not graded because the infrastructure failed")
    print(f"{assignment.name}: {total} submissions graded ({', '.join(parts) or 'nothing to do'}).")
    say_changes(outcome.changed)
    for student, reason in sorted((outcome.failures | outcome.unwritten).items())[:20]:
        print(f"  {student}: {reason}", file=sys.stderr)
    if outcome.gone:
        print(f"Graded earlier and not handed in this time; their grades stay: {listed(outcome.gone, 10)}.")
    if outcome.absent:
        print(f"Registered, and handed in nothing ({len(outcome.absent)}): {listed(outcome.absent, 10)}.")
    where = folder or course.grades / assignment.name
    print(f"Look at {where / 'report.html'}; scores are in {where / 'grades.csv'} and in the gradebook.")
