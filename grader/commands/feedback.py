"""``python -m grader feedback``: write the feedback pages again."""

import argparse
import sys

from grader.course import Course, CourseError
from grader.gradebook.files import StoreError
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.pages.feedback import write_again


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m grader feedback``."""
    parser.add_argument("assignment")
    parser.add_argument("--student", nargs="+", metavar="ID", help="only these students")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write the feedback pages again, with the scores and comments that the gradebook holds now."""
    try:
        course = Course(args.course)
        assignment = course.assignment(args.assignment)
        with lock(course), Store(course, assignment) as store:
            count, unwritten = 0, 0
            store.registry.check_source()
            store.restore()
            if args.student and (unknown := set(args.student) - set(store.done())):
                raise CourseError(f"There is no graded submission of {', '.join(sorted(unknown))}.")
            for record in store.records():
                if args.student and record.student not in args.student:
                    continue
                try:
                    write_again(course, assignment, store, record)
                    count += 1
                except StoreError as error:  # one student's folder must not keep the others from theirs
                    print(error, file=sys.stderr)
                    unwritten += 1
    except (CourseError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, StoreError) else 2
    print(f"{count} submissions have new feedback in {course.root / course.directory.feedback_directory}.")
    return 1 if unwritten else 0
