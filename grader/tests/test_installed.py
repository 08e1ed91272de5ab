"""Is the grader of use to another course, installed by pip without torch, numpy and anything of this course?"""

import csv
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from grader.course import Course
from grader.tests.submissions import hand_in, released, solved

GRADER = Path(__file__).parents[1]


def call(*words: str | Path, folder: Path) -> subprocess.CompletedProcess:
    """A command in an environment that knows nothing of this checkout."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([*map(str, words)], cwd=folder, env=clean, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of a fresh environment with nothing but the grader and what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(GRADER, folder / "source", ignore=shutil.ignore_patterns("tests", "build", "*.egg-info"))
    venv.create(folder / "venv", with_pip=True)
    interpreter = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", interpreter]
    try:
        call(*pip, "install", "--quiet", "--disable-pip-version-check", folder / "source", folder=folder)
    except AssertionError as error:
        if "No matching distribution" in str(error) or "onnection" in str(error):
            pytest.skip(f"no package registry can be reached: {str(error)[-200:]}")
        raise
    return interpreter


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(900)
def test_the_example_of_nbgrader_is_graded_without_torch(python, tmp_path):
    code = "import importlib.util as u; print([n for n in ('torch', 'numpy', 'helpers', 'tools') if u.find_spec(n)])"
    assert call(python, "-c", code, folder=tmp_path).stdout.strip() == "[]"
    assert "The sandbox holds" in call(python, "-m", "grader", "doctor", folder=tmp_path).stdout
    call(python, "-m", "nbgrader", "quickstart", "example", folder=tmp_path)
    course = Course(tmp_path / "example")
    notebooks = course.assignment("ps1").notebooks
    best, none = ({name: made(source) for name, source in notebooks.items()} for made in (solved, released))
    hand_in(course.folder("submitted", "ada", "ps1"), best)
    hand_in(course.folder("submitted", "bob", "ps1"), none)
    said = call(python, "-m", "grader", "grade", "ps1", "--jobs", "1", folder=course.root)
    assert "2 submissions graded" in said.stdout
    assert "About the assignment itself" not in said.stderr
    with open(course.root / "grades" / "ps1" / "grades.csv", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    automatic = {name for name in rows["ada"] if "/" in name}
    assert automatic
    scores = {student: sum(float(row[name] or 0) for name in automatic) for student, row in rows.items()}
    assert scores["ada"] > scores["bob"], rows
