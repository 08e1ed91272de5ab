"""The single writer: results on disk first, then one transaction per submission into nbgrader's gradebook.

A result goes to a journal (temporary file, fsync, rename), then into ``gradebook.db`` through nbgrader's own tables,
and only then is it forgotten. Whatever moment the power fails, the next run finds either a journal entry to finish or a
submission to grade. "Done" is a row, committed together with the grades, that names the submission, the source and
the grader by their hashes.
"""

import json
import sys
from collections.abc import Iterator, Set
from datetime import datetime

import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import Gradebook

from grader.collect.handed import listed
from grader.course import Assignment, Course
from grader.gradebook.database import Database
from grader.gradebook.journal import Journal
from grader.gradebook.late import LateRules
from grader.gradebook.record import Record, readable
from grader.gradebook.registry import Registry
from grader.gradebook.scores import Scores
from grader.model import Status


class Store:
    """An assignment's grades: nbgrader's gradebook, and beside it a table of what is done.

    Args:
        course: the course folder.
        assignment: what is graded.

    Attributes:
        registry: cells and students that nbgrader knows.
        scores: what students have now, also by hand.
        late: points off for lateness.
        journal: what is graded and not yet stored.

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
        self.database = database = Database(course, self._table.metadata)
        self.registry = Registry(database, course, assignment)
        self.scores = Scores(database, assignment)
        self.late = LateRules(database, course, assignment)
        self.journal = Journal(course.grades / assignment.name / "journal", assignment.name)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.gradebook.close()

    @property
    def gradebook(self) -> Gradebook:
        """nbgrader's own view of the database."""
        return self.database.gradebook

    def done(self) -> dict[str, tuple[str, str, str]]:
        """The hashes (submission, source, grader) under which each student was graded and has a record to be read."""
        return {record.student: record.key for record in self._stored()}

    def _stored(self) -> Iterator[Record]:
        """The records that can be read, with the status that was stored."""
        table = self._table
        with self.database.errors():
            rows = self.database.session.scalars(
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
            self._settle(record, self.scores.waiting(student))
        return record

    def _record(self, student: str) -> Record | None:
        table = self._table
        with self.database.errors():
            row = self.database.session.execute(
                sa.select(table.c.record)
                .where(table.c.assignment == self.assignment.name)
                .where(table.c.student == student)
            ).first()
        return readable(row[0]) if row else None

    def records(self) -> Iterator[Record]:
        """The record of every student whom the gradebook has a submission of, by student, one at a time.

        The status is the one of today: nothing waits any more where a human has given every score.

        Raises:
            CourseError: as `Registry.check_source`.
        """
        self.registry.check_source()
        waiting = self.scores.waiting()
        for name in sorted(self.done()):
            if (record := self._record(name)) is not None:
                self._settle(record, waiting)
                yield record

    def restore(self) -> set[str]:
        """Enter the automatic scores of records again where another program has changed them since, and say so.

        Returns:
            the students whose scores were changed.
        """
        scores = self.scores.of_all()

        def differs(record: Record) -> bool:
            now = scores.get(record.student, {})
            return any(now.get((task.notebook, task.grade_id), {}).get("auto") != task.score for task in record.tasks)

        # a record of another source will be graded anew
        found = (record for record in self._stored() if record.source == self.assignment.sha256)
        changed = {record.student for record in found if differs(record)}
        for student in sorted(changed):
            self.commit(self._record(student))
        if changed:
            few = listed(sorted(changed), 10)
            print(
                "Another program (nbgrader autograde?) had changed automatic scores; those of this grader were entered "
                f"again: {few}.",
                file=sys.stderr,
            )
        return changed

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
        self.database.patiently(lambda: self._write(record, unchanged))
        self._settle(record, self.scores.waiting(record.student))

    def _check(self, record: Record) -> None:
        wanted = {
            (notebook.name, cell.grade_id): cell.points
            for notebook in self.assignment.notebooks.values()
            for cell in notebook.graded
        }
        if record.status not in set(Status) - {Status.INFRASTRUCTURE}:
            raise ValueError(f"unknown status {record.status!r}")
        if {(task.notebook, task.grade_id): task.max_score for task in record.tasks} != wanted:
            raise ValueError(f"the result of {record.student} is for other tasks than the source has")
        for task in record.tasks:
            if task.score is not None and not 0 <= task.score <= task.max_score:
                raise ValueError(f"{record.student} got {task.score} of {task.max_score} points for {task.grade_id}")

    def _write(self, record: Record, unchanged: Set[tuple[str, str]]) -> None:
        db = self.database.session
        db.expire_all()
        assignment, submission = self._submission(record)
        before = self._record(record.student)
        if before is not None and before.key != record.key:
            record.before = before.score
        if before is not None and before.submission == record.submission:
            unchanged = {(task.notebook, task.grade_id) for task in record.tasks}
        there = {notebook.name: notebook for notebook in submission.notebooks}
        for notebook in assignment.notebooks:
            if (handed := there.get(notebook.name)) is None:
                handed = api.SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission.id)
                db.add(handed)
                db.flush()
            handed.flagged = bool(handed.flagged or record.flags)
            self._write_scores(record, notebook, handed, unchanged)
            self._write_comments(record, notebook, handed)
        db.flush()
        db.expire_all()
        self.late.apply(submission)
        self._write_record(record)
        db.commit()

    def _submission(self, record: Record) -> tuple[api.Assignment, api.SubmittedAssignment]:
        """The rows of the assignment and of what the student handed in, made where they are missing."""
        db = self.database.session
        assignment = self.gradebook.find_assignment(record.assignment)
        if db.get(api.Student, record.student) is None:
            db.add(api.Student(id=record.student, first_name=record.first_name, last_name=record.last_name))
        ids = {"assignment_id": assignment.id, "student_id": record.student}
        submission = db.query(api.SubmittedAssignment).filter_by(**ids).first()
        if submission is None:
            submission = api.SubmittedAssignment(**ids)
            db.add(submission)
            db.flush()
        submission.timestamp = datetime.fromisoformat(record.timestamp) if record.timestamp else None
        return assignment, submission

    def _write_scores(
        self,
        record: Record,
        notebook: api.Notebook,
        handed: api.SubmittedNotebook,
        unchanged: Set[tuple[str, str]],
    ) -> None:
        scores = {task.grade_id: task.score for task in record.tasks if task.notebook == notebook.name}
        graded = {grade.cell_id: grade for grade in handed.grades}
        for cell in [*notebook.grade_cells, *notebook.task_cells]:
            if (grade := graded.get(cell.id)) is None:
                grade = api.Grade(cell_id=cell.id, notebook_id=handed.id)
                self.database.session.add(grade)
            score = scores[cell.name]
            same = (notebook.name, cell.name) in unchanged and grade.auto_score == score
            if not (same and grade.manual_score is not None):  # else a human has seen just this
                grade.needs_manual_grade = score is None or grade.manual_score is not None
            grade.auto_score = score

    def _write_comments(self, record: Record, notebook: api.Notebook, handed: api.SubmittedNotebook) -> None:
        texts = record.comments.get(notebook.name, {})
        commented = {comment.cell_id: comment for comment in handed.comments}
        for cell in [*notebook.solution_cells, *notebook.task_cells]:
            if (comment := commented.get(cell.id)) is None:
                comment = api.Comment(cell_id=cell.id, notebook_id=handed.id)
                self.database.session.add(comment)
            comment.auto_comment = texts.get(cell.name)

    def _write_record(self, record: Record) -> None:
        """Put the record in the place of an earlier one; that it is there says that the submission is done."""
        db, table = self.database.session, self._table
        stored = json.loads(record.to_json()) | {"pages": {}}
        row = {
            "assignment": record.assignment,
            "student": record.student,
            "submission": record.submission,
            "source": record.source,
            "grader": record.grader,
            "record": json.dumps(stored, sort_keys=True, ensure_ascii=False),
        }
        same = (table.c.assignment == record.assignment, table.c.student == record.student)
        db.execute(table.delete().where(*same))
        db.execute(table.insert().values(row))

    @staticmethod
    def _settle(record: Record, waiting: set[str]) -> None:
        if record.status in (Status.MANUAL, Status.FLAGGED) and record.student not in waiting:
            record.status = Status.GRADED
