"""Formgrader's button: does it run this grader, and say what it said?"""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from grader.gradebook.store import Store
from grader.tests.submissions import hand_in, solved


@pytest.fixture
def api(course, monkeypatch):
    """nbgrader's own interface to the course, after ``import grader.formgrader``."""
    monkeypatch.setattr(NbGraderAPI, "autograde", NbGraderAPI.autograde)
    from grader import formgrader

    monkeypatch.setattr(NbGraderAPI, "autograde", formgrader.autograde)
    return NbGraderAPI(CourseDirectory(root=str(course.root), config=course.config))


@pytest.mark.parametrize(("status", "force"), [(0, True), (1, True), (3, False)])
def test_does_it_run_the_grader_for_the_one_student(api, course, monkeypatch, status, force):
    asked = []

    def run(command, **how):
        asked.append(command)
        return SimpleNamespace(returncode=status, stdout="said\n", stderr="why\n")

    monkeypatch.setattr(subprocess, "run", run)
    result = api.autograde("week1", "ada", force=force)
    assert result["success"] == (status == 0)
    assert result["log"] == "said\nwhy\n"
    assert ("error" in result) == (status != 0)
    assert asked[0][:4] == [sys.executable, "-P", "-m", "grader"]
    assert asked[0][4:6] == ["grade", "week1"]
    assert "ada" in asked[0]
    assert ("--again" in asked[0]) == force


@pytest.mark.sandbox
@pytest.mark.slow
def test_is_a_submission_graded_by_it(api, course, assignment):
    for student in ("ada", "bob"):
        hand_in(
            course.folder("submitted", student, "week1"),
            {name: solved(source) for name, source in assignment.notebooks.items()},
        )
    result = api.autograde("week1", "ada")
    assert result["success"], result
    with Store(course, assignment) as store:
        assert set(store.done()) == {"ada"}
        assert store.record("ada").sandbox
