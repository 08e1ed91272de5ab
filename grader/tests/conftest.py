"""A fresh copy of the little course, for every test that asks for it."""

import pytest

from grader.tests.submissions import copy_course


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path / "kitchen")


@pytest.fixture
def assignment(course):
    return course.assignment("week1")


@pytest.fixture
def source(assignment):
    return assignment.notebooks["quantities"]
