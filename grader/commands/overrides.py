"""``python -m grader overrides``: scores and comments by hand from a CSV file, all of them or none.

Columns: ``student``, ``task`` (the grade id, or ``notebook/task`` where an assignment has several notebooks), ``score``
(empty takes an earlier override back) and, if wanted, ``comment`` (empty leaves an earlier comment alone). Grading
again keeps what was given by hand. With ``--prefill`` the file is written, with what waits for a score by hand.
"""

import argparse
import csv
import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from grader.collect.handed import nfc
from grader.commands.tables import read_table
from grader.course import Course, CourseError
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.record import Record, TaskRecord
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.model import TaskStatus
from grader.pages.report import say_changes, spreadsheet_cell

COLUMNS = ("student", "task", "score", "comment")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m grader overrides``."""
    parser.add_argument("assignment")
    parser.add_argument("file", type=Path, help="CSV with the columns student, task, score and perhaps comment")
    parser.add_argument(
        "--prefill", action="store_true", help="write the file instead, with a line for each answer that waits"
    )
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
    table = read_table(
        path, COLUMNS[:3], "needs a first line with the columns student, task, score and perhaps comment."
    )
    if not table.rows:
        raise CourseError(f"{path} has no lines below the first: nothing was entered.")
    places = [table.column(name) for name in COLUMNS]
    spelling = _Spelling(students)
    found, lines = [], {}
    for number, row in table.rows:
        where = f"{path}, line {number}"
        student, task, score, comment = (row[place] if place is not None else "" for place in places)
        student, task = spelling.find(student, where), task.strip()
        if task not in tasks:
            raise CourseError(f"{where}: there is no task {task!r}; there are {', '.join(tasks)}.")
        notebook, grade_id, most = tasks[task]
        if (earlier := lines.setdefault((student, notebook, grade_id), number)) != number:
            raise CourseError(f"{path}, lines {earlier} and {number}: both are for {task} of {student}; delete one.")
        if table.delimiter == "," and score.strip().isdecimal() and re.fullmatch(r"\d{1,3}", comment.strip()):
            raise CourseError(
                f"{where}: is the score {score.strip()},{comment.strip()}? Then write it with a point or in quotation "
                "marks; if the second number is the comment, write a word beside it."
            )
        found.append((student, notebook, grade_id, read_score(score, most, where), comment.strip() or None))
    return found


class _Spelling:
    """How students may be written: in full, as ``grades.csv`` has them, or with accents as macOS writes them."""

    def __init__(self, students: set[str]):
        self.students = students
        self._spelt: dict[str, set[str]] = {}
        for student in students:
            for text in (student.strip(), spreadsheet_cell(student), nfc(student).strip()):
                self._spelt.setdefault(text, set()).add(student)

    def find(self, text: str, where: str) -> str:
        """The student who is meant.

        Raises:
            CourseError: if that is nobody, or may be two.
        """
        if text in self.students and text != text.strip():
            return text
        meant = sorted(self._spelt.get(text.strip()) or self._spelt.get(nfc(text).strip(), ()))
        if len(meant) > 1:
            raise CourseError(f"{where}: {text!r} may be {' or '.join(map(repr, meant))}.")
        if not meant:
            raise CourseError(f"{where}: {text.strip()!r} has no graded submission{self._hint(text.strip())}.")
        return meant[0]

    def _hint(self, text: str) -> str:
        alike = sorted(one for one in self.students if text and one.casefold() == text.casefold())
        if alike:
            return f"; {alike[0]!r} has one"
        if re.fullmatch(r"\d+([.,]\d+)?E\+\d+", text):
            return ": a spreadsheet has made a rounded number of it; format the column as text"
        padded = sorted(one for one in self.students if text.isdigit() and one.isdigit() and int(one) == int(text))
        return (
            f"; {padded[0]!r} has one, whose zeros a spreadsheet takes away: format the column as text"
            if padded
            else ""
        )


def read_score(text: str, most: float, where: str) -> float | None:
    """A score as people and spreadsheets write it: with a point or a comma; None for an empty cell.

    Args:
        text: the cell.
        most: the points of the task.
        where: file and line, for a message.

    Raises:
        CourseError: if it is no number from 0 to ``most``, or may be two.
    """
    text = text.strip()
    if not text:
        return None
    plain = "".join(text.split())
    number = re.fullmatch(r"\+?(\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?", plain)
    if not number:
        date = re.search(r"\d+[-./]\d+[-./]?|\d+[-. ]*[^\W\d]{3}", text)
        date = date and not re.fullmatch(r"-[\d.,]+|\d{1,3}([.,]\d{3})+[.,]\d+", text)
        why = " (has a spreadsheet made a date of it? Format the column as numbers)" if date else ""
        raise CourseError(f"{where}: the score {text!r} is not a number from 0 to {most:g}{why}.")
    score = float(plain.replace(",", "."))
    whole = re.sub("[.,]", "", plain)
    # a maximum has no bound of its own, and platforms write it with a point and up to five digits
    mark = "," if most == float("inf") else "[.,]"
    if re.fullmatch(rf"[1-9]\d{{0,2}}{mark}\d{{3}}", plain) and float(whole) <= most:
        raise CourseError(
            f"{where}: the score {text!r} may be {score:g} or {whole}: write it with at most two digits after the "
            "point."
        )
    if score > most:
        raise CourseError(
            f"{where}: the score {text!r} is not a number from 0 to {most:g}; extra credit is entered in formgrader."
        )
    return score


def prefilled(records: Iterable[Record], scores: dict[str, dict], names: dict[tuple[str, str], str]) -> str:
    """A table of overrides with a line for each answer that waits for a person, to be looked at and entered.

    Args:
        records: what the grader found.
        scores: of each student, what the gradebook has (`Store.all_scores`).
        names: for each notebook and grade id the task's name.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([*COLUMNS, "max_score", "why"])
    for record in records:
        for task in record.tasks:
            key = task.notebook, task.grade_id
            if key not in names or not scores.get(record.student, {}).get(key, {}).get("needs"):
                continue
            why = _why(record, task)
            score = "" if task.believed is None else task.believed
            cells = [record.student, names[key], score, "", task.max_score, why]
            writer.writerow([spreadsheet_cell(cell) for cell in cells])
    return file.getvalue()


def _why(record: Record, task: TaskRecord) -> str:
    """Why an answer waits for a person."""
    if task.status == TaskStatus.FLAGGED:
        found = [flag for flag in record.flags if repr(task.grade_id) in flag] or record.flags
    elif task.status == TaskStatus.REFUSED:
        found = [note["instructor"] for note in record.notes if note["code"] == "refused"]
    else:
        found = [
            "a written answer" if task.status == TaskStatus.MANUAL else "the answer under a score by hand has changed"
        ]
    return "; ".join(dict.fromkeys(found))


def run(args: argparse.Namespace) -> int:
    """Enter scores by hand, nothing if one line is wrong; or write the table of what waits."""
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
            if args.prefill:
                return _prefill(args.file, assignment.name, store, tasks)
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


def _prefill(path: Path, assignment: str, store: Store, tasks: dict[str, tuple[str, str, float]]) -> int:
    if path.exists():
        raise CourseError(f"{path} is there already: name a file that is not, or delete it.")
    names = {(notebook, grade_id): name for name, (notebook, grade_id, _) in tasks.items()}
    text = prefilled(store.records(), store.scores.of_all(), names)
    if (count := text.count("\n") - 1) < 1:
        print(f"No answer of {assignment} waits for a score by hand: {path} was not written.")
        return 0
    write_file(path, "\ufeff" + text)  # by the mark a spreadsheet knows that it is UTF-8
    print(
        f"{path} has a line for each of {count} answers that wait, with the points they would have where that is "
        f"known. Look at them, correct or delete lines, then `python -m grader overrides {assignment} {path}`."
    )
    return 0
