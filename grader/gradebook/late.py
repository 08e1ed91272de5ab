"""Points off for lateness, by the plugin that the course's configuration names."""

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import MissingEntry
from nbgrader.preprocessors import AssignLatePenalties

from grader.course import Assignment, Course, CourseError
from grader.gradebook.database import Database


class LateRules:
    """What lateness costs in one assignment.

    Args:
        database: the open gradebook.
        course: the course folder, whose configuration names the plugin.
        assignment: what is graded.
    """

    def __init__(self, database: Database, course: Course, assignment: Assignment):
        self.database, self.gradebook, self.course, self.assignment = database, database.gradebook, course, assignment

    def penalty(self, student: str, name: str | None = None) -> float:
        """Points taken off for lateness, in one notebook or in all of them."""
        with self.database.errors():
            try:
                submission = self.gradebook.find_submission(self.assignment.name, student)
            except MissingEntry:
                return 0.0
            notebooks = [one for one in submission.notebooks if name in (None, one.name)]
            return sum(notebook.late_submission_penalty or 0.0 for notebook in notebooks)

    def renew(self, timestamps: Mapping[str, datetime | None] | None = None) -> set[str]:
        """Renew the points off for lateness of every submission, which due date or plugin may have changed.

        Args:
            timestamps: when submissions came, by student, as far as it is known anew.

        Returns:
            the students whose points off changed.

        Raises:
            CourseError: if the plugin for late submissions fails.
        """
        return self.database.patiently(lambda: self._renew(timestamps or {}))

    def _renew(self, timestamps: Mapping[str, datetime | None]) -> set[str]:
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
            self.apply(submission)
            if before != [notebook.late_submission_penalty or 0 for notebook in submission.notebooks]:
                changed.add(student)
        db.commit()
        return changed

    def apply(self, submission: api.SubmittedAssignment) -> None:
        """Reckon what lateness takes off one submission, in a transaction of the caller's."""
        late = submission.total_seconds_late
        for notebook in submission.notebooks:
            penalty = None
            if late > 0:
                try:
                    penalty = self._plugin.late_submission_penalty(submission.student_id, notebook.score, late)
                    penalty = None if penalty is None else min(max(float(penalty), 0.0), notebook.score)
                except Exception as error:
                    raise CourseError(
                        f"The course's plugin for late submissions fails ({type(error).__name__}: {error}): correct "
                        "it, or AssignLatePenalties.plugin_class in nbgrader_config.py."
                    ) from error
            notebook.late_submission_penalty = penalty

    @functools.cached_property
    def _plugin(self) -> Any:
        judge = AssignLatePenalties(config=self.course.config)
        judge.init_plugin()
        return judge.plugin_inst
