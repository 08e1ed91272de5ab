"""Does a machine without bubblewrap and without a browser skip what needs them, and say so?"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = """
import pytest

@pytest.fixture
def sandbox():
    raise RuntimeError("must not be made where there is no bubblewrap")

def test_by_fixture(sandbox): ...

@pytest.mark.sandbox
def test_by_mark(): ...

@pytest.mark.browser
def test_page(): ...

def test_plain(): ...
"""


def run(folder: Path, *args: str, require: str = "", hidden: bool = True) -> tuple[int, str]:
    """A pytest of its own, with nothing on PATH, so neither bubblewrap nor a browser."""
    environment = os.environ | {"COURSE_REQUIRE": require}
    environment.pop("PYTEST_ADDOPTS", None)
    if hidden:
        environment["PATH"] = "/nowhere"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def small(tmp_path):
    """A folder with four tests under the project's conftest."""
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:nbval\nmarkers =\n  sandbox\n  browser\n")
    (tmp_path / "test_small.py").write_text(SMALL)
    return tmp_path


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_what_cannot_run_is_skipped_and_counted(small, workers):
    status, text = run(small, *workers)
    assert status == 0, text
    assert "1 passed, 3 skipped" in text
    assert "2 tests were skipped for want of a sandbox: bubblewrap is not here: `apt install bubblewrap`" in text
    assert "1 tests were skipped for want of a browser: no chromium and no chromedriver on PATH" in text


def test_what_is_required_fails_instead(small):
    status, text = run(small, require="sandbox,browser")
    assert status == 1
    assert "1 passed" in text
    assert "3 errors" in text
    assert "COURSE_REQUIRE=sandbox, but bubblewrap is not here" in text
    assert "COURSE_REQUIRE=browser, but no chromium" in text


def test_only_what_is_required_fails(small):
    status, text = run(small, require="browser")
    assert status == 1
    assert "1 passed, 2 skipped, 1 error" in text


def test_a_misspelt_requirement_stops_the_run(small):
    status, text = run(small, require="sandbox,chrome")
    assert status == 4
    assert "COURSE_REQUIRE names chrome" in text


@pytest.mark.sandbox
@pytest.mark.browser
def test_nothing_is_skipped_where_all_is_there(small):
    status, text = run(small, "-k", "not by_fixture", hidden=False)
    assert status == 0, text
    assert "3 passed" in text
    assert "skipped" not in text


def test_the_real_tests_of_sandbox_and_browser_are_marked():
    folders = [ROOT / "tests", ROOT / "grader" / "tests"]
    files = [file for folder in folders for file in folder.glob("test_*.py")]
    some = [file for file in files if re.search(r"mark\.(sandbox|browser)", file.read_text(encoding="utf-8"))]
    assert len(some) > 5
    status, text = run(ROOT, "-m", "sandbox or browser", *map(str, some))
    assert status == 0, text[-2000:]
    assert re.search(r"^\d+ skipped, \d+ deselected", text, re.MULTILINE), "some passed: do they need their mark?"
