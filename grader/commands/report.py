"""``python -m grader report``: write report.html and grades.csv again."""

import argparse
import sys
from pathlib import Path

from grader.course import Course, CourseError
from grader.gradebook.files import StoreError
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.pages.report import say_changes, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m grader report``."""
    parser.add_argument("assignment")
    parser.add_argument("--report", type=Path, metavar="DIR", help="where it goes (default: grades/ASSIGNMENT)")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write the reports again, with the scores that the gradebook holds now."""
    try:
        course = Course(args.course)
        assignment = course.assignment(args.assignment)
        with lock(course), Store(course, assignment) as store:
            before = store.scores.totals()
            store.registry.check_source()
            store.restore()
            store.late.renew()
            changed = store.scores.changes(before)
            path = write(course, assignment, store, args.report, {})
    except (CourseError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, StoreError) else 2
    say_changes(changed)
    print(f"Look at {path}.")
    return 0
