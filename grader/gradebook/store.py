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
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties, SaveCells

from grader.course import Assignment, Course, CourseError
from grader.gradebook import nbgrader_patches
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.nbgrader_patches import schema
from grader.gradebook.record import STATUSES, Record, readable
from grader.gradebook.sqlite import BUSY, QUIET, TRIES, explain, older_schemas

nbgrader_patches.apply()
_INDEXED = (("grade", "notebook_id"), ("comment", "notebook_id"), ("submitted_notebook", "assignment_id"))


class Store:
    """An assignment's grades: nbgrader's gradebook, a table of what is done, and a journal of what is not yet written.

    Args:
        course: the course folder.
        assignment: what is graded.

    Raises:
        CourseError: if the configuration names no database that can be used here.
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
        try:
            url = sa.engine.make_url(course.db_url)
            self._where = url.render_as_string()  # without the password
            self._patiently(lambda: self._open(url))
        except (sa.exc.ArgumentError, ImportError) as error:
            raise CourseError(
                f"CourseDirectory.db_url in nbgrader_config.py names no database that can be used here ({error}): "
                "correct it, as in sqlite:////home/me/course/gradebook.db, or install the database's driver."
            ) from error

    def _open(self, url: sa.engine.URL) -> None:
        if url.get_backend_name() == "sqlite" and url.database:
            self._prepare_sqlite(Path(url.database))
            url = url.update_query_dict({"timeout": str(BUSY)})
        self.gradebook = Gradebook(url.render_as_string(hide_password=False), self.course.directory.course_id)
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
        known = schema()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(path, timeout=BUSY)) as db:
                tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                found = None
                if "alembic_version" in tables:
                    found = next(iter(db.execute("SELECT version_num FROM alembic_version")), (None,))[0]
                if tables and found != known:
                    older = found is None or found in older_schemas()
                    remedy = "run `nbgrader db upgrade`, which keeps a copy" if older else "update nbgrader here"
                    raise StoreError(
                        f"{path} was written by another version of nbgrader, {'an older' if older else 'a newer'} one "
                        f"(schema {found or 'unknown'}, here {known}): {remedy}."
                    )
                db.execute("PRAGMA journal_mode=WAL")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(explain(path, error)) from error

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            with contextlib.suppress(Exception):
                self.gradebook.db.rollback()  # nothing of a submission that failed may be committed with the next
            # nbgrader disguises the database's errors as InvalidEntry
            if not isinstance(error, (sa.exc.DatabaseError, sqlite3.Error, api.InvalidEntry)):
                raise
            raise StoreError(explain(self._where, getattr(error, "orig", None) or error)) from error

    def _patiently(self, transaction: Callable[[], Any]) -> Any:
        """Do a transaction, again and again while another program holds the gradebook."""
        begin, told = time.monotonic(), False
        for attempt in range(TRIES):
            try:
                with self._errors():
                    return transaction()
            except StoreError as error:
                if attempt + 1 == TRIES or "locked" not in str(error):
                    raise
            if not told and time.monotonic() - begin > QUIET:
                told = True
                print(f"Waiting for the gradebook {self._where}, which another program holds ...", file=sys.stderr)
            time.sleep(min(0.2 * 2**attempt, 2))

    # --- before grading ---------------------------------------------------------------------------------------------

    def register(self, students: list[tuple[str, str | None, str | None, str | None]]) -> None:
        """Make the assignment and its students known to nbgrader, students in the given order.

        Args:
            students: id, first name, last name and the learning platform's id of each.

        Raises:
            CourseError: if cells were added to or removed from an assignment that has grades already.
        """
        self.check_source()
        self._patiently(lambda: self._register(students))

    def _register(self, students: list[tuple[str, str | None, str | None, str | None]]) -> None:
        name, db = self.assignment.name, self.gradebook.db
        try:
            known = {notebook.name for notebook in self.gradebook.find_assignment(name).notebooks}
        except MissingEntry:
            self.gradebook.add_assignment(name)
            known = set()
        for notebook in self.assignment.notebooks.values():
            if notebook.name not in known or self._differs(notebook):
                self._save_cells(notebook)
        db.expire_all()
        there = {student.id: student for student in db.query(api.Student)}
        for student, first, last, lms in students:
            if student not in there:
                db.add(api.Student(id=student, first_name=first, last_name=last, lms_user_id=lms))
        db.commit()

    def check_source(self) -> None:
        """See that the source has the notebooks and cells for which there are grades.

        Raises:
            CourseError: if cells were added, renamed or removed, or a notebook was, in an assignment that has grades.
        """
        with self._errors():
            name = self.assignment.name
            try:
                stored = {notebook.name: notebook for notebook in self.gradebook.find_assignment(name).notebooks}
            except MissingEntry:
                return
            gone = [one for one, notebook in stored.items() if notebook.submissions]
            if gone := sorted(set(gone) - set(self.assignment.notebooks)):
                raise CourseError(
                    f"The source of {name} lost the notebook {', '.join(gone)}, which has grades: put it back."
                )
            for notebook in self.assignment.notebooks.values():
                old = stored.get(notebook.name)
                if old is None or not old.submissions:
                    continue
                ids = {cell.name for cell in old.source_cells} ^ {
                    cell.metadata.nbgrader.grade_id
                    for cell in notebook.recorded.cells
                    if "grade_id" in cell.metadata.get("nbgrader", {})
                }
                graded = {cell.name for cell in [*old.grade_cells, *old.task_cells]}
                if ids := ids | graded ^ {cell.grade_id for cell in notebook.graded}:
                    raise CourseError(self._other_cells(f"{notebook.name}: {', '.join(sorted(ids))}"))

    def _other_cells(self, which: str) -> str:
        return (
            f"The source of {self.assignment.name} has other cells than when it was first graded ({which}): "
            "give the cells their old grade ids, or make a new assignment."
        )

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
            raise CourseError(self._other_cells(str(error))) from error
        self.gradebook.db.expire_all()

    # --- what is done -----------------------------------------------------------------------------------------------

    def done(self) -> dict[str, tuple[str, str, str]]:
        """The hashes (submission, source, grader) under which each student was graded and has a record to be read."""
        return {record.student: record.key for record in self._stored()}

    def _stored(self) -> Iterator[Record]:
        """The records that can be read, with the status that was stored."""
        table = self._table
        with self._errors():
            rows = self.gradebook.db.scalars(
                sa.select(table.c.record)
                .where(table.c.assignment == self.assignment.name)
                # nbgrader's own tools may have removed the submission since
                .where(table.c.student == api.SubmittedAssignment.student_id)
                .where(api.SubmittedAssignment.assignment_id == api.Assignment.id)
                .where(api.Assignment.name == self.assignment.name)
            )
            yield from (record for text in rows if (record := readable(text)) is not None)

    def record(self, student: str) -> Record | None:
        """What the last grading of a student found, with the status of today."""
        if (record := self._record(student)) is not None:
            self._settle(record, self._waiting(student))
        return record

    def _record(self, student: str) -> Record | None:
        table = self._table
        with self._errors():
            row = self.gradebook.db.execute(
                sa.select(table.c.record)
                .where(table.c.assignment == self.assignment.name)
                .where(table.c.student == student)
            ).first()
        return readable(row[0]) if row else None

    def records(self) -> Iterator[Record]:
        """The record of every student whom the gradebook has a submission of, by student, one at a time.

        The status is the one of today: nothing waits any more where a human has given every score.

        Raises:
            CourseError: as `check_source`.
        """
        self.check_source()
        waiting = self._waiting()
        for name in sorted(self.done()):
            if (record := self._record(name)) is not None:
                self._settle(record, waiting)
                yield record

    def restore(self) -> set[str]:
        """Enter the automatic scores of records again where another program has changed them since, and say so.

        Returns:
            the students whose scores were changed.
        """
        scores = self.all_scores()

        def differs(record: Record) -> bool:
            now = scores.get(record.student, {})
            return any(now.get((task.notebook, task.grade_id), {}).get("auto") != task.score for task in record.tasks)

        # a record of another source will be graded anew
        found = (record for record in self._stored() if record.source == self.assignment.sha256)
        changed = {record.student for record in found if differs(record)}
        for student in sorted(changed):
            self.commit(self._record(student))
        if changed:
            few = ", ".join(sorted(changed)[:10]) + (f" and {len(changed) - 10} more" if len(changed) > 10 else "")
            print(
                "Another program (nbgrader autograde?) had changed automatic scores; those of this grader were entered "
                f"again: {few}.",
                file=sys.stderr,
            )
        return changed

    def _waiting(self, student: str | None = None) -> set[str]:
        """The students (or the one, if it is among them) with a task that waits for a score by hand."""
        one = [] if student is None else [api.SubmittedAssignment.student_id == student]
        return self._students(api.Grade.needs_manual_grade, *one)

    def _students(self, *conditions: sa.ColumnElement) -> set[str]:
        """The students with a grade that meets all conditions."""
        query = (
            sa.select(api.SubmittedAssignment.student_id)
            .join(api.Assignment, api.Assignment.id == api.SubmittedAssignment.assignment_id)
            .join(api.SubmittedNotebook, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
            .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id)
            .where(api.Assignment.name == self.assignment.name, *conditions)
        )
        with self._errors():
            return set(self.gradebook.db.scalars(query))

    @staticmethod
    def _settle(record: Record, waiting: set[str]) -> None:
        if record.status in ("manual", "flagged") and record.student not in waiting:
            record.status = "graded"

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
                api.Grade.auto_score,
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
            for student, notebook, name, score, auto, needs, penalty in self.gradebook.db.execute(query):
                entry = {"score": score, "auto": auto, "needs": bool(needs)}
                found.setdefault(student, {})[notebook, name] = entry
                penalties.setdefault(student, {})[notebook] = penalty or 0.0
        for student, entries in found.items():
            for entry in entries.values():
                entry["penalty"] = sum(penalties[student].values())
        return found

    def by_hand(self) -> set[str]:
        """The students who have a score by hand."""
        return self._students(api.Grade.manual_score.is_not(None))

    def totals(self) -> dict[str, float]:
        """What each student has now: scores by hand included, points off for lateness taken off."""
        return {
            student: max(sum(entry["score"] for entry in entries.values()) - next(iter(entries.values()))["penalty"], 0)
            for student, entries in self.all_scores().items()
        }

    def changes(self, before: Mapping[str, float]) -> list[tuple[str, float, float]]:
        """Whose totals are no longer what they were: student, points before and points now."""
        now = self.totals()
        return [(one, before[one], now[one]) for one in sorted(now) if one in before and before[one] != now[one]]

    def override(self, rows: list[tuple[str, str, str, float | None, str | None]]) -> None:
        """Enter scores and comments by hand, in one transaction.

        Args:
            rows: student, notebook, grade id, score (None takes it back) and comment (None leaves it) of each.

        Raises:
            CourseError: if a student has no grade for a task, because the source has it only since.
        """
        self._patiently(lambda: self._override(rows))

    def _override(self, rows: list[tuple[str, str, str, float | None, str | None]]) -> None:
        for student, notebook, name, score, comment in rows:
            try:
                grade = self.gradebook.find_grade(name, notebook, self.assignment.name, student)
            except MissingEntry as error:
                raise CourseError(
                    f"{student} has no grade for {notebook}/{name} yet, which the source did not have when it was "
                    f"graded: run `python -m grader grade {self.assignment.name}` first."
                ) from error
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

    def penalty(self, student: str, name: str | None = None) -> float:
        """Points taken off for lateness, in one notebook or in all of them."""
        with self._errors():
            try:
                submission = self.gradebook.find_submission(self.assignment.name, student)
            except MissingEntry:
                return 0.0
            notebooks = [one for one in submission.notebooks if name in (None, one.name)]
            return sum(notebook.late_submission_penalty or 0.0 for notebook in notebooks)

    def penalise(self, timestamps: Mapping[str, datetime | None] | None = None) -> set[str]:
        """Renew the points off for lateness of every submission, which due date or plugin may have changed.

        Args:
            timestamps: when submissions came, by student, as far as it is known anew.

        Returns:
            the students whose points off changed.

        Raises:
            CourseError: if the plugin for late submissions fails.
        """
        return self._patiently(lambda: self._penalise_all(timestamps or {}))

    def _penalise_all(self, timestamps: Mapping[str, datetime | None]) -> set[str]:
        db, changed = self.gradebook.db, set()
        db.expire_all()
        handed = api.SubmittedNotebook
        penalised = set(db.scalars(sa.select(handed.assignment_id).where(handed.late_submission_penalty > 0)))
        query = db.query(api.SubmittedAssignment).join(api.Assignment)
        for submission in query.filter(api.Assignment.name == self.assignment.name).all():
            student = submission.student_id
            if student in timestamps and submission.timestamp != timestamps[student]:
                submission.timestamp = timestamps[student]
            if not submission.total_seconds_late and submission.id not in penalised:
                continue
            before = [notebook.late_submission_penalty or 0 for notebook in submission.notebooks]
            self._penalise(submission)
            if before != [notebook.late_submission_penalty or 0 for notebook in submission.notebooks]:
                changed.add(student)
        db.commit()
        return changed

    # --- the journal ------------------------------------------------------------------------------------------------

    def keep(self, record: Record) -> Path:
        """Write a record to the journal, from which the next run can finish it."""
        name = hashlib.sha256(record.student.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        path = self.journal / f"{name}.json"
        write_file(path, record.to_json())
        return path

    def pending(self) -> Iterator[tuple[Path, Record]]:
        """Records that were kept but not finished; a file that is none is thrown away."""
        for path in sorted(self.journal.glob("*.json")) if self.journal.is_dir() else []:
            if path.is_dir():
                continue  # not ours
            try:
                record = readable(path.read_text(encoding="utf-8"))
            except (ValueError, OSError):
                record = None
            if record is None or record.assignment != self.assignment.name:
                path.unlink(missing_ok=True)
            else:
                yield path, record
        for path in self.journal.glob(".*.tmp") if self.journal.is_dir() else []:
            path.unlink(missing_ok=True)

    # --- the transaction --------------------------------------------------------------------------------------------

    def commit(self, record: Record, unchanged: Set[tuple[str, str]] = frozenset()) -> None:
        """Write one submission's grades and the fact that it is done, in one transaction.

        Scores given by hand, extra credit and comments by hand stay as they are. The record's status becomes the one
        that `records` would give it.

        Args:
            record: what the submission got.
            unchanged: notebook and grade id of tasks whose answer is the one that was graded before, by whomever.

        Raises:
            StoreError: if the gradebook stays locked, or the disk is full.
            ValueError: if the record gives more points than there are, or other tasks than the source has.
        """
        self._check(record)
        self._patiently(lambda: self._write(record, unchanged))
        self._settle(record, self._waiting(record.student))

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

    def _write(self, record: Record, unchanged: Set[tuple[str, str]]) -> None:
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
        before = self._record(record.student)
        if before is not None and before.key != record.key:
            record.before = before.score
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
                same = (notebook.name, cell.name) in unchanged
                same = same or (before is not None and before.submission == record.submission)
                same = same and grade.auto_score == score
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
        for notebook in submission.notebooks:
            penalty = None
            if late > 0:
                try:
                    penalty = self._late_plugin.late_submission_penalty(submission.student_id, notebook.score, late)
                    penalty = None if penalty is None else min(max(float(penalty), 0.0), notebook.score)
                except Exception as error:
                    raise CourseError(
                        f"The course's plugin for late submissions fails ({type(error).__name__}: {error}): correct "
                        "it, or AssignLatePenalties.plugin_class in nbgrader_config.py."
                    ) from error
            notebook.late_submission_penalty = penalty

    @functools.cached_property
    def _late_plugin(self) -> Any:
        judge = AssignLatePenalties(config=self.course.config)
        judge.init_plugin()
        return judge.plugin_inst
