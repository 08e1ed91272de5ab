"""Exercises are what nbgrader makes of solutions, byte for byte."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks import NAME, make_course
from tools.__main__ import main
from tools.assignments import assignments
from tools.notebooks import ROOT, read
from tools.release import differences, generate


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def stock(course, tmp_path_factory):
    """A copy of the course whose exercise stock nbgrader has released, with its gradebook."""
    copy = shutil.copytree(course, tmp_path_factory.mktemp("stock") / "course")
    nbgrader(copy, "generate_assignment", NAME, "--force")
    return copy


def test_exercises_are_fresh_releases():
    assert [f"{path}: {reason}" for path, reason in differences()] == []


@pytest.mark.parametrize("name", assignments())
def test_release_is_byte_stable(name, tmp_path):
    assert generate(name, tmp_path / "one").read_bytes() == generate(name, tmp_path / "two").read_bytes()


def test_release_equals_stock_nbgrader(course, stock):
    """Instructors may run nbgrader itself: same bytes."""
    exercise = Path("exercises", NAME, f"{NAME}.ipynb")
    assert (stock / exercise).read_bytes() == (course / exercise).read_bytes()


def test_release_leaves_nothing_else_behind(course, tmp_path):
    before = sorted(course.rglob("*"))
    generate(NAME, tmp_path, course)
    assert sorted(course.rglob("*")) == before


def test_release_keeps_ids_and_stubs(course):
    exercise = read(course / "exercises" / NAME / f"{NAME}.ipynb")
    solution = read(course / "solutions" / NAME / f"{NAME}.ipynb")
    assert [cell.id for cell in exercise.cells] == [cell.id for cell in solution.cells]
    cells = {cell.id: cell.source for cell in exercise.cells}
    assert cells["count"] == "COUNT = None\n...  # your code here"
    assert cells["total"].endswith("    ...  # your code here")
    assert cells["total-hidden"] == "# Hidden tests run here when you submit."


def test_release_says_why_a_solution_cannot_be_released(course, tmp_path):
    copy = shutil.copytree(course, tmp_path / "course")
    path = copy / "solutions" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace("### END SOLUTION", "### FINE SOLUTION"))
    with pytest.raises(RuntimeError, match=f"solutions/{NAME}: nbgrader cannot release it: .*no end solution"):
        generate(NAME, tmp_path / "out", copy)


def test_unknown_assignment_is_refused(capsys):
    assert main(["release", "99_nothing"]) == 2
    assert "no assignment 99_nothing; there are" in capsys.readouterr().err


def test_stock_nbgrader_grades_in_the_course_folder(stock, warm_kernels):
    """autograde and generate_feedback, from the root, of a perfect, a half right and an untouched submission."""
    solved = (stock / "solutions" / NAME / f"{NAME}.ipynb").read_text()
    submissions = {
        "perfect": solved,
        "half": solved.replace("COUNT = 3", "COUNT = 4"),
        "untouched": (stock / "exercises" / NAME / f"{NAME}.ipynb").read_text(),
    }
    for student, text in submissions.items():
        folder = stock / "submitted" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.ipynb").write_text(text)
    nbgrader(stock, "autograde", NAME)
    nbgrader(stock, "generate_feedback", NAME)
    scores = dict(
        sqlite3.connect(stock / "gradebook.db").execute(
            """select submitted_assignment.student_id, sum(coalesce(manual_score, auto_score)) from grade
            join submitted_notebook on grade.notebook_id = submitted_notebook.id
            join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id group by 1"""
        )
    )
    assert scores == {"perfect": 4, "half": 3, "untouched": 0}
    assert sorted(path.parts[-3] for path in stock.glob("feedback/*/*/*.html")) == sorted(submissions)


def nbgrader(course: Path, *command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))  # the warm kernels are found there
    env = os.environ | {"PATH": path, "PYTHONPATH": paths}
    done = subprocess.run(["nbgrader", *command], cwd=course, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("command", [["release"], ["mutants", "02_tensors"]])
def test_another_course_is_left_alone(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()")
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    said = capsys.readouterr()
    assert "nbgrader generate_assignment" in said.err
    assert said.out == ""
