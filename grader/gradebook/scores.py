"""The scores that nbgrader has of an assignment, those by hand included."""

from collections.abc import Mapping

import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import MissingEntry

from grader.course import Assignment, CourseError
from grader.gradebook.database import Database


class Scores:
    """What students have now, whoever gave it; and scores entered by hand.

    Args:
        database: the open gradebook.
        assignment: what is graded.
    """

    def __init__(self, database: Database, assignment: Assignment):
        self.database, self.gradebook, self.assignment = database, database.gradebook, assignment

    def of(self, student: str) -> dict[tuple[str, str], dict]:
        """Scores and comments as the gradebook has them, by notebook and grade id, overrides included."""
        with self.database.errors():
            self.database.session.expire_all()
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

    def of_all(self) -> dict[str, dict[tuple[str, str], dict]]:
        """Scores of every student, as `of` but in one query and without comments."""
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
        with self.database.errors():
            self.database.session.expire_all()
            for student, notebook, name, score, auto, needs, penalty in self.database.session.execute(query):
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
            for student, entries in self.of_all().items()
        }

    def changes(self, before: Mapping[str, float]) -> list[tuple[str, float, float]]:
        """Whose totals are no longer what they were: student, points before and points now."""
        now = self.totals()
        return [(one, before[one], now[one]) for one in sorted(now) if one in before and before[one] != now[one]]

    def enter(self, rows: list[tuple[str, str, str, float | None, str | None]]) -> None:
        """Enter scores and comments by hand, in one transaction.

        Args:
            rows: student, notebook, grade id, score (None takes it back) and comment (None leaves it) of each.

        Raises:
            CourseError: if a student has no grade for a task, because the source has it only since.
        """
        self.database.patiently(lambda: self._enter(rows))

    def _enter(self, rows: list[tuple[str, str, str, float | None, str | None]]) -> None:
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
        self.database.session.flush()
        self.database.session.commit()

    def _commented(self, notebook: str, name: str) -> str | None:
        """The cell that carries the comment on a task: the task's own, or the answer before it."""
        carrier = None
        for cell in self.assignment.notebooks[notebook].cells:
            if cell.kind in ("answer", "manual", "task"):
                carrier = cell.grade_id
            if cell.grade_id == name:
                return carrier
        return None

    def waiting(self, student: str | None = None) -> set[str]:
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
        with self.database.errors():
            return set(self.database.session.scalars(query))
