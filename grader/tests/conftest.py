"""A fresh copy of the little course, for every test that asks for it; a warm worker, for every file of them."""

from pathlib import Path

import pytest

from grader.gradebook.store import Store
from grader.run import Worker
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


@pytest.fixture(scope="module")
def worker():
    with Worker(Path()) as made:
        yield made


@pytest.fixture
def db(course, assignment):
    """The course's gradebook, open, with ada and bob in it."""
    with Store(course, assignment) as opened:
        opened.registry.register([("ada", "Ada", "Lovelace", "7"), ("bob", None, None, None)])
        yield opened
