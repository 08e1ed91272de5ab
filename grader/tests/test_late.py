"""Points off for lateness, by due date, timestamp and plugin."""

from datetime import datetime

import pytest
from nbgrader.api import Gradebook

from grader.course import CourseError
from grader.gradebook.store import Store
from grader.tests.records import record
from grader.tests.submissions import copy_course


def test_late_penalties_come_from_the_courses_plugin(tmp_path):
    course = copy_course(tmp_path / "late")
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = type(course)(course.root)
    assignment = course.assignment("week1")
    with Store(course, assignment) as opened:
        opened.registry.register([("ada", None, None, None)])
        opened.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
        opened.commit(record(assignment, timestamp="2029-12-31T00:00:00"))
        assert opened.late.penalty("ada") == 0
        opened.commit(record(assignment, timestamp="2030-01-02T00:00:00"))
        assert opened.late.penalty("ada") == 10
        opened.commit(record(assignment))
        assert opened.late.penalty("ada") == 0


def test_lateness_follows_due_date_timestamp_and_overrides(tmp_path):
    course = copy_course(tmp_path / "late")
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = type(course)(course.root)
    assignment = course.assignment("week1")
    with Store(course, assignment) as opened:
        opened.registry.register([("ada", None, None, None), ("bob", None, None, None)])
        opened.commit(record(assignment, timestamp="2030-01-02T00:00:00"))
        opened.commit(record(assignment, student="bob", timestamp="2029-01-02T00:00:00"))
        assert opened.late.renew() == set()
        opened.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
        before = opened.scores.totals()
        assert opened.late.renew() == {"ada"}
        assert opened.scores.changes(before) == [("ada", 10, 0)]
        opened.scores.enter([("ada", "words", "why", 2.0, None)])
        assert opened.late.renew() == {"ada"}
        assert (opened.late.penalty("ada"), opened.scores.totals()) == (12, {"ada": 0, "bob": 10})
        early = datetime(2029, 12, 31)
        assert opened.late.renew({"ada": early}) == {"ada"}
        assert opened.scores.totals() == {"ada": 12, "bob": 10}
        with Gradebook(course.db_url) as gradebook:
            assert gradebook.find_submission("week1", "ada").timestamp == early


def test_a_late_plugin_that_fails_is_named(course, assignment, db, monkeypatch):
    class Plugin:
        def late_submission_penalty(self, *_):
            return 1 / 0

    db.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
    monkeypatch.setattr(db.late, "_plugin", Plugin(), raising=False)
    with pytest.raises(CourseError, match="plugin for late submissions fails .ZeroDivisionError"):
        db.commit(record(assignment, timestamp="2030-01-02T00:00:00"))
