"""The single writer: results on disk first, then one transaction per submission into nbgrader's gradebook.

A result goes to a journal (temporary file, fsync, rename), then into ``gradebook.db`` through nbgrader's own tables,
and only then is it forgotten. Whatever moment the power fails, the next run finds either a journal entry to finish or a
submission to grade. "Done" is a row, committed together with the grades, that names the submission, the source and
the grader by their hashes.
"""

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory
from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties, SaveCells

from helpers.staff.course import Assignment, Course, CourseError

__all__ = ["Record", "Store", "StoreError", "Task", "lock", "write_file"]

BUSY = 30  # seconds to wait for another program that holds the gradebook
TRIES = 5  # transactions, each of which may wait that long
STATUSES = ("graded", "manual", "flagged", "missing", "refused")
_INDEXED = (("grade", "notebook_id"), ("comment", "notebook_id"), ("submitted_notebook", "assignment_id"))


class StoreError(Exception):
    """The gradebook or the disk cannot be used; the message says why and how to go on. Nothing is lost."""


@dataclass(frozen=True)
class Task:
    """What one graded cell got. ``score`` is None where a human must decide."""

    notebook: str
    grade_id: str
    score: float | None
    max_score: float
    status: str
    message: str = ""


@dataclass
class Record:
    """Everything known about one graded submission; ``pages`` (notebooks to write) is only in the journal."""

    assignment: str
    student: str
    status: str
    submission: str
    source: str
    grader: str
    tasks: list[Task] = field(default_factory=list)
    notes: list[dict] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    comments: dict[str, dict[str, str | None]] = field(default_factory=dict)
    timestamp: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    sandbox: bool = True
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    before: float | None = None  # the automatic score before this grading
    pages: dict[str, dict] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """The automatic score."""
        return sum(task.score or 0.0 for task in self.tasks)

    @property
    def max_score(self) -> float:
        """Points that can be had."""
        return sum(task.max_score for task in self.tasks)

    @property
    def key(self) -> tuple[str, str, str]:
        """What must agree for a submission to be done."""
        return self.submission, self.source, self.grader

    def to_json(self) -> str:
        """The record as JSON, the same bytes for the same content."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """The inverse of `to_json`.

        Raises:
            ValueError: if the text is not a record.
        """
        try:
            data = json.loads(text)
            data["tasks"] = [Task(**task) for task in data["tasks"]]
            return cls(**data)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a record: {error}") from error


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, and return only when it would survive a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the same name for every attempt: one that was killed leaves nothing that the next does not overwrite
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StoreError(f"{path} cannot be written ({error.strerror}): make room, then run the same again.") from error
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        with contextlib.suppress(OSError):
            os.fsync(handle)
        os.close(handle)


@contextlib.contextmanager
def lock(course: Course) -> Iterator[None]:
    """Hold the course for one grader; the operating system lets go of it however that grader ends.

    Raises:
        StoreError: if another grader holds it, or the folder cannot be written.
    """
    try:
        course.grades.mkdir(parents=True, exist_ok=True)
        holder = sqlite3.connect(course.grades / ".lock", timeout=0.5, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{course.grades} cannot be written: {error}.") from error
    try:
        holder.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        holder.close()
        raise StoreError(f"Another grader is at work in {course.root} ({error}): wait until it has ended.") from error
    try:
        yield
    finally:
        holder.close()


class Store:
    """An assignment's grades: nbgrader's gradebook, a table of what is done, and a journal of what is not yet written.

    Args:
        course: the course folder.
        assignment: what is graded.

    Raises:
        StoreError: if the gradebook is locked, damaged, or of another version of nbgrader.
    """

    _table = sa.Table(
        "helpers_grading",
        sa.MetaData(),
        sa.Column("assignment", sa.String(128), primary_key=True),
        sa.Column("student", sa.String(128), primary_key=True),
        sa.Column("submission", sa.String(64), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("grader", sa.String(64), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
    )

    def __init__(self, course: Course, assignment: Assignment):
        self.course, self.assignment = course, assignment
        self.journal = course.grades / assignment.name / "journal"
        url = sa.engine.make_url(course.db_url)
        if url.get_backend_name() == "sqlite" and url.database:
            self._prepare_sqlite(Path(url.database))
            url = url.update_query_dict({"timeout": str(BUSY)})
        with self._errors():
            self.gradebook = Gradebook(url.render_as_string(hide_password=False), course.directory.course_id)
            self._table.create(self.gradebook.engine, checkfirst=True)
            # nbgrader looks rows up by columns without an index, so that each submission would read the whole class's.
            with self.gradebook.engine.begin() as connection:
                for table, column in _INDEXED:
                    name = f"helpers_{table}_{column}"
                    connection.execute(sa.text(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({column})"))

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    def _prepare_sqlite(self, path: Path) -> None:
        known = _schema()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(path, timeout=BUSY)) as db:
                tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                found = None
                if "alembic_version" in tables:
                    found = next(iter(db.execute("SELECT version_num FROM alembic_version")), (None,))[0]
                if tables and found != known:
                    raise StoreError(
                        f"{path} was written by another version of nbgrader (schema {found}, here {known}): "
                        "update nbgrader, or make a copy of the file and run `nbgrader db upgrade`."
                    )
                db.execute("PRAGMA journal_mode=WAL")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(_explain(path, error)) from error

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DatabaseError, sqlite3.Error) as error:
            with contextlib.suppress(Exception):
                self.gradebook.db.rollback()
            raise StoreError(_explain(self.course.db_url, getattr(error, "orig", None) or error)) from error

    # --- before grading ---------------------------------------------------------------------------------------------

    def register(self, students: list[tuple[str, str | None, str | None, str | None]]) -> None:
        """Make the assignment and its students known to nbgrader, students in the given order.

        Args:
            students: id, first name, last name and the learning platform's id of each.

        Raises:
            CourseError: if cells were added to or removed from an assignment that has grades already.
        """
        with self._errors():
            name, db = self.assignment.name, self.gradebook.db
            try:
                known = {notebook.name for notebook in self.gradebook.find_assignment(name).notebooks}
            except MissingEntry:
                self.gradebook.add_assignment(name)
                known = set()
            for notebook in self.assignment.notebooks.values():
                if notebook.name not in known or self._differs(notebook):
                    self._save_cells(notebook)
            if known - set(self.assignment.notebooks) and self.gradebook.assignment_submissions(name):
                gone = ", ".join(sorted(known - set(self.assignment.notebooks)))
                raise CourseError(f"The source of {name} lost the notebook {gone}, which has grades: put it back.")
            db.expire_all()
            there = {student.id: student for student in db.query(api.Student)}
            for student, first, last, lms in students:
                if student not in there:
                    db.add(api.Student(id=student, first_name=first, last_name=last, lms_user_id=lms))
            db.commit()

    def roster(self) -> dict[str, tuple[str | None, str | None, str | None]]:
        """First name, last name and learning platform's id of every student that the gradebook knows."""
        with self._errors():
            rows = self.gradebook.db.query(api.Student)
            return {row.id: (row.first_name, row.last_name, row.lms_user_id) for row in rows}

    def _differs(self, notebook: object) -> bool:
        stored = self.gradebook.find_notebook(notebook.name, self.assignment.name)
        rows = {cell.name: (cell.cell_type, cell.source, cell.checksum) for cell in stored.source_cells}
        points = {cell.name: cell.max_score for cell in [*stored.grade_cells, *stored.task_cells]}
        wanted = {
            cell.metadata.nbgrader.grade_id: (cell.cell_type, cell.source, cell.metadata.nbgrader.get("checksum"))
            for cell in notebook.recorded.cells
            if "grade_id" in cell.metadata.get("nbgrader", {})
        }
        return rows != wanted or points != {cell.grade_id: cell.points for cell in notebook.graded}

    def _save_cells(self, notebook: object) -> None:
        resources = {
            "nbgrader": {
                "notebook": notebook.name,
                "assignment": self.assignment.name,
                "db_url": self.course.db_url,
            }
        }
        try:
            SaveCells(config=self.course.config).preprocess(notebook.recorded, resources)
        except RuntimeError as error:
            raise CourseError(
                f"The source of {self.assignment.name} has other cells than when it was first graded ({error}): "
                "give the cells their old grade ids, or make a new assignment."
            ) from error
        self.gradebook.db.expire_all()

    # --- what is done -----------------------------------------------------------------------------------------------

    def done(self) -> dict[str, tuple[str, str, str]]:
        """The hashes (submission, source, grader) under which each student was graded."""
        table = self._table
        with self._errors():
            rows = self.gradebook.db.execute(
                sa.select(table.c.student, table.c.submission, table.c.source, table.c.grader)
                .where(table.c.assignment == self.assignment.name)
                # nbgrader's own tools may have removed the submission since
                .where(table.c.student == api.SubmittedAssignment.student_id)
                .where(api.SubmittedAssignment.assignment_id == api.Assignment.id)
                .where(api.Assignment.name == self.assignment.name)
            )
            return {student: (submission, source, grader) for student, submission, source, grader in rows}

    def record(self, student: str) -> Record | None:
        """What the last grading of a student found."""
        table = self._table
        with self._errors():
            row = self.gradebook.db.execute(
                sa.select(table.c.record)
                .where(table.c.assignment == self.assignment.name)
                .where(table.c.student == student)
            ).first()
        return Record.from_json(row[0]) if row else None

    def records(self) -> Iterator[Record]:
        """Every record of the assignment, by student, one at a time."""
        table = self._table
        with self._errors():
            names = self.gradebook.db.scalars(
                sa.select(table.c.student).where(table.c.assignment == self.assignment.name).order_by(table.c.student)
            ).all()
        for name in names:
            if (record := self.record(name)) is not None:
                yield record

    def scores(self, student: str) -> dict[tuple[str, str], dict]:
        """Scores and comments as the gradebook has them, by notebook and grade id, overrides included."""
        with self._errors():
            self.gradebook.db.expire_all()
            try:
                submission = self.gradebook.find_submission(self.assignment.name, student)
            except MissingEntry:
                return {}
            found = {}
            for notebook in submission.notebooks:
                comments = {comment.name: comment.comment for comment in notebook.comments}
                for grade in notebook.grades:
                    found[notebook.name, grade.name] = {
                        "auto": grade.auto_score,
                        "manual": grade.manual_score,
                        "extra": grade.extra_credit,
                        "score": grade.score,
                        "max": grade.cell.max_score,
                        "needs": bool(grade.needs_manual_grade),
                        "comment": comments.get(grade.name),
                    }
                for name, comment in comments.items():
                    found.setdefault((notebook.name, name), {"comment": comment})
            return found

    def all_scores(self) -> dict[str, dict[tuple[str, str], dict]]:
        """Scores of every student, as `scores` but in one query and without comments."""
        cell, book, handed = api.BaseCell, api.Notebook, api.SubmittedNotebook
        query = (
            sa.select(
                api.SubmittedAssignment.student_id,
                book.name,
                cell.name,
                api.Grade.score,
                api.Grade.needs_manual_grade,
                handed.late_submission_penalty,
            )
            .join(handed, handed.id == api.Grade.notebook_id)
            .join(book, book.id == handed.notebook_id)
            .join(cell, cell.id == api.Grade.cell_id)
            .join(api.SubmittedAssignment, api.SubmittedAssignment.id == handed.assignment_id)
            .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
            .where(api.Assignment.name == self.assignment.name)
        )
        found: dict[str, dict[tuple[str, str], dict]] = {}
        penalties: dict[str, dict[str, float]] = {}
        with self._errors():
            self.gradebook.db.expire_all()
            for student, notebook, name, score, needs, penalty in self.gradebook.db.execute(query):
                found.setdefault(student, {})[notebook, name] = {"score": score, "needs": bool(needs)}
                penalties.setdefault(student, {})[notebook] = penalty or 0.0
        for student, entries in found.items():
            for entry in entries.values():
                entry["penalty"] = sum(penalties[student].values())
        return found

    def override(self, rows: list[tuple[str, str, str, float | None, str | None]]) -> None:
        """Enter scores and comments by hand, in one transaction.

        Args:
            rows: student, notebook, grade id, score (None takes it back) and comment (None leaves it) of each.
        """
        with self._errors():
            for student, notebook, name, score, comment in rows:
                grade = self.gradebook.find_grade(name, notebook, self.assignment.name, student)
                grade.manual_score = score
                grade.needs_manual_grade = score is None and grade.auto_score is None
                if comment is not None and (where := self._commented(notebook, name)):
                    found = self.gradebook.find_comment(where, notebook, self.assignment.name, student)
                    found.manual_comment = comment or None
            self.gradebook.db.flush()
            self.gradebook.db.commit()

    def _commented(self, notebook: str, name: str) -> str | None:
        """The cell that carries the comment on a task: the task's own, or the answer before it."""
        carrier = None
        for cell in self.assignment.notebooks[notebook].cells:
            if cell.kind in ("answer", "manual", "task"):
                carrier = cell.grade_id
            if cell.grade_id == name:
                return carrier
        return None

    def penalty(self, student: str) -> float:
        """Points taken off for lateness."""
        with self._errors():
            try:
                submission = self.gradebook.find_submission(self.assignment.name, student)
            except MissingEntry:
                return 0.0
            return sum(notebook.late_submission_penalty or 0.0 for notebook in submission.notebooks)

    # --- the journal ------------------------------------------------------------------------------------------------

    def keep(self, record: Record) -> Path:
        """Write a record to the journal, from which the next run can finish it."""
        path = self.journal / f"{hashlib.sha256(record.student.encode()).hexdigest()[:32]}.json"
        write_file(path, record.to_json())
        return path

    def pending(self) -> Iterator[tuple[Path, Record]]:
        """Records that were kept but not finished; a file that is none is thrown away."""
        for path in sorted(self.journal.glob("*.json")) if self.journal.is_dir() else []:
            try:
                record = Record.from_json(path.read_text(encoding="utf-8"))
            except (ValueError, OSError):
                record = None
            if record is None or record.assignment != self.assignment.name:
                path.unlink(missing_ok=True)
            else:
                yield path, record
        for path in self.journal.glob(".*.tmp") if self.journal.is_dir() else []:
            path.unlink(missing_ok=True)

    # --- the transaction --------------------------------------------------------------------------------------------

    def commit(self, record: Record) -> None:
        """Write one submission's grades and the fact that it is done, in one transaction.

        Scores given by hand, extra credit and comments by hand stay as they are.

        Raises:
            StoreError: if the gradebook stays locked, or the disk is full.
            ValueError: if the record gives more points than there are, or other tasks than the source has.
        """
        self._check(record)
        for attempt in range(TRIES):
            try:
                with self._errors():
                    self._write(record)
                return
            except StoreError as error:
                if attempt + 1 == TRIES or "locked" not in str(error):
                    raise
                time.sleep(0.2 * 2**attempt)

    def _check(self, record: Record) -> None:
        wanted = {
            (notebook.name, cell.grade_id): cell.points
            for notebook in self.assignment.notebooks.values()
            for cell in notebook.graded
        }
        if record.status not in STATUSES:
            raise ValueError(f"unknown status {record.status!r}")
        if {(task.notebook, task.grade_id): task.max_score for task in record.tasks} != wanted:
            raise ValueError(f"the result of {record.student} is for other tasks than the source has")
        for task in record.tasks:
            if task.score is not None and not 0 <= task.score <= task.max_score:
                raise ValueError(f"{record.student} got {task.score} of {task.max_score} points for {task.grade_id}")

    def _write(self, record: Record) -> None:
        db = self.gradebook.db
        db.expire_all()
        assignment = self.gradebook.find_assignment(record.assignment)
        student = db.get(api.Student, record.student)
        if student is None:
            student = api.Student(id=record.student, first_name=record.first_name, last_name=record.last_name)
            db.add(student)
        submission = (
            db.query(api.SubmittedAssignment).filter_by(assignment_id=assignment.id, student_id=record.student).first()
        )
        if submission is None:
            submission = api.SubmittedAssignment(assignment_id=assignment.id, student_id=student.id)
            db.add(submission)
            db.flush()
        submission.timestamp = datetime.fromisoformat(record.timestamp) if record.timestamp else None
        before = self.record(record.student)
        record.before = before.score if before is not None and before.key != record.key else None
        tasks = {(task.notebook, task.grade_id): task for task in record.tasks}
        there = {notebook.name: notebook for notebook in submission.notebooks}
        for notebook in assignment.notebooks:
            if (handed := there.get(notebook.name)) is None:
                handed = api.SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission.id)
                db.add(handed)
                db.flush()
            handed.flagged = bool(handed.flagged or record.flags)
            graded = {grade.cell_id: grade for grade in handed.grades}
            for cell in [*notebook.grade_cells, *notebook.task_cells]:
                if (grade := graded.get(cell.id)) is None:
                    grade = api.Grade(cell_id=cell.id, notebook_id=handed.id)
                    db.add(grade)
                score = tasks[notebook.name, cell.name].score
                same = before is not None and before.submission == record.submission and grade.auto_score == score
                if not (same and grade.manual_score is not None):  # else a human has seen just this
                    grade.needs_manual_grade = score is None or grade.manual_score is not None
                grade.auto_score = score
            commented = {comment.cell_id: comment for comment in handed.comments}
            for cell in [*notebook.solution_cells, *notebook.task_cells]:
                if (comment := commented.get(cell.id)) is None:
                    comment = api.Comment(cell_id=cell.id, notebook_id=handed.id)
                    db.add(comment)
                comment.auto_comment = record.comments.get(notebook.name, {}).get(cell.name)
        db.flush()
        db.expire_all()
        self._penalise(submission)
        stored = json.loads(record.to_json()) | {"pages": {}}
        table = self._table
        db.execute(
            table.delete().where(table.c.assignment == record.assignment).where(table.c.student == record.student)
        )
        db.execute(
            table.insert().values(
                assignment=record.assignment,
                student=record.student,
                submission=record.submission,
                source=record.source,
                grader=record.grader,
                record=json.dumps(stored, sort_keys=True, ensure_ascii=False),
            )
        )
        db.commit()

    def _penalise(self, submission: api.SubmittedAssignment) -> None:
        """Points off for lateness, by the plugin that the course's configuration names."""
        late = submission.total_seconds_late
        judge = AssignLatePenalties(config=self.course.config)
        judge.init_plugin()
        for notebook in submission.notebooks:
            penalty = None
            if late > 0:
                penalty = judge.plugin_inst.late_submission_penalty(submission.student_id, notebook.score, late)
            notebook.late_submission_penalty = None if penalty is None else min(max(penalty, 0), notebook.score)


@functools.cache
def _schema() -> str:
    """The version of nbgrader's tables. nbgrader itself asks a program that need not be on PATH, and takes a second."""
    return ScriptDirectory(str(Path(api.__file__).parent / "alembic")).get_current_head()


api.get_alembic_version = _schema


def _explain(where: Path | str, error: BaseException) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"{where} is locked by another program: close formgrader or the other grader, then run the same again."
    if "full" in text or getattr(error, "errno", None) == 28:
        return f"The disk is full, so {where} cannot be written: make room, then run the same again. Nothing is lost."
    if "not a database" in text or "malformed" in text:
        return f"{where} is damaged ({text}): put back a copy of it, or move it away to begin a new gradebook."
    return f"{where} cannot be used: {text}."
