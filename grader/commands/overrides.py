"""``python -m grader overrides``: scores and comments by hand from a CSV file, all of them or none.

Columns: ``student``, ``task`` (the grade id, or ``notebook/task`` where an assignment has several notebooks), ``score``
(empty takes an earlier override back) and, if wanted, ``comment`` (empty leaves an earlier comment alone). Grading
again keeps what was given by hand.
"""

import argparse
import csv
import math
import sys
from pathlib import Path

from grader.course import Course, CourseError
from grader.gradebook.files import StoreError
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.pages.report import say_changes, spreadsheet_cell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m grader overrides``."""
    parser.add_argument("assignment")
    parser.add_argument("file", type=Path, help="CSV with the columns student, task, score and perhaps comment")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")


def read_overrides(path: Path, tasks: dict[str, tuple[str, str, float]], students: set[str]) -> list[tuple]:
    """The rows of a CSV file as ``(student, notebook, grade id, score or None, comment or None)``.

    Args:
        path: the file.
        tasks: for each name of a task its notebook, grade id and points.
        students: who has a grade.

    Raises:
        CourseError: naming the line, if anything in the file is not as it should be.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="")
            columns, rows = reader.fieldnames or [], [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} cannot be read: {error}.") from error
    if not {"student", "task", "score"} <= set(columns):
        raise CourseError(f"{path} needs a first line with the columns student, task, score and perhaps comment.")
    rows = [(number, row) for number, row in rows if any("".join(cell or "").strip() for cell in row.values())]
    if not rows:
        raise CourseError(f"{path} has no lines below the first: nothing was entered.")
    spelt: dict[str, set[str]] = {}  # as students are written here: in full, or as grades.csv has them
    for student in students:
        for text in (student.strip(), spreadsheet_cell(student)):
            spelt.setdefault(text, set()).add(student)
    found, lines = [], {}
    for number, row in rows:
        if None in (row["student"], row["task"], row["score"]) or any(row.pop("", [])):
            raise CourseError(
                f"{path}, line {number}: it has other columns than the first line; an empty cell needs its comma, and "
                "a text with commas needs quotation marks."
            )
        student, task = row["student"], row["task"].strip()
        if student not in students or student == student.strip():
            meant = sorted(spelt.get(student.strip(), ()))
            if len(meant) > 1:
                raise CourseError(f"{path}, line {number}: {student!r} may be {' or '.join(map(repr, meant))}.")
            if not meant:
                raise CourseError(f"{path}, line {number}: {student.strip()!r} has no graded submission.")
            student = meant[0]
        if task not in tasks:
            raise CourseError(f"{path}, line {number}: there is no task {task!r}; there are {', '.join(tasks)}.")
        notebook, grade_id, most = tasks[task]
        text = row["score"].strip()
        try:
            score = float(text) if text else None
        except ValueError:
            score = math.nan
        if score is not None and not 0 <= score <= most:
            extra = "; extra credit is entered in formgrader" if score > most else ""
            raise CourseError(f"{path}, line {number}: the score {text!r} is not a number from 0 to {most:g}{extra}.")
        if (earlier := lines.setdefault((student, notebook, grade_id), number)) != number:
            raise CourseError(f"{path}, lines {earlier} and {number}: both are for {task} of {student}; delete one.")
        found.append((student, notebook, grade_id, score, (row.get("comment") or "").strip() or None))
    return found


def run(args: argparse.Namespace) -> int:
    """Enter scores by hand; write nothing if one line is wrong."""
    try:
        course = Course(args.course)
        assignment = course.assignment(args.assignment)
        tasks = {}
        for book in assignment.notebooks.values():
            for cell in book.graded:
                tasks[f"{book.name}/{cell.grade_id}"] = (book.name, cell.grade_id, cell.points)
                if len(assignment.notebooks) == 1:
                    tasks[cell.grade_id] = tasks.pop(f"{book.name}/{cell.grade_id}")
        with lock(course), Store(course, assignment) as store:
            store.registry.check_source()
            rows = read_overrides(args.file, tasks, set(store.done()))
            before = store.scores.totals()
            store.scores.enter(rows)
            store.late.renew()
            changed = store.scores.changes(before)
    except (CourseError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, StoreError) else 2
    say_changes(changed)
    print(f"{len(rows)} scores were entered. Run `python -m grader feedback {assignment.name}` to tell the students.")
    return 0
