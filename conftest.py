"""What a test needs of the machine: a sandbox, a browser.

A test says it by a mark (`@pytest.mark.sandbox`) or by a fixture of the same name. Where the machine cannot serve it,
the test is skipped with the remedy, and the last lines of the run say how many were and what would run them.
`COURSE_REQUIRE=sandbox,browser` turns such a skip into a failure: continuous integration sets it.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

# One thread per process: tests run side by side, and two threads on shared cores are up to eight times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@functools.cache
def sandbox() -> str:
    """Why bubblewrap cannot run here, and the remedy; empty if it can."""
    if sys.platform != "linux":
        return "the sandbox needs Linux: run these tests in a Linux machine or container"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not here: `apt install bubblewrap`"
    trial = subprocess.run(["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True)
    if trial.returncode:
        return f"bubblewrap may not make user namespaces here ({trial.stderr.strip()}): let the kernel admit them"
    return ""


@functools.cache
def browser() -> str:
    """Why no browser can be driven here, and the remedy; empty if one can."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"no {' and no '.join(missing)} on PATH: `apt install chromium chromium-driver`" if missing else ""


LONG = Path(__file__).parent / "tests" / "long.txt"
NEEDS = {"sandbox": sandbox, "browser": browser}


def required() -> set[str]:
    """What must not be skipped."""
    names = {name.strip() for name in os.environ.get("COURSE_REQUIRE", "").split(",")} - {""}
    if unknown := names - set(NEEDS):
        raise pytest.UsageError(f"COURSE_REQUIRE names {', '.join(sorted(unknown))}; there is only {', '.join(NEEDS)}.")
    return names


def pytest_configure(config):
    """A misspelt COURSE_REQUIRE stops the run before it says that all is well."""
    required()


@functools.cache
def long_tests() -> list[str]:
    """What `tests/long.txt` lists."""
    return LONG.read_text(encoding="utf-8").splitlines() if LONG.is_file() else []


def pytest_ignore_collect(collection_path, config):
    """Files that a quick run would deselect as a whole are not even imported: that takes a quarter of its time."""
    chosen = config.option.markexpr
    left_out = "not long" in chosen and collection_path.name in long_tests()
    return left_out or ("not browser" in chosen and collection_path.name.endswith("_browser.py")) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A fixture named like a need marks the tests that use it, and `tests/long.txt` those that take long.

    Files with a browser come first: the longest of them would else be what the last process works on, alone.
    """
    long = long_tests()
    items.sort(key=lambda item: not item.path.name.endswith("_browser.py"))
    for item in items:
        file, test = item.path.name, getattr(item, "originalname", item.name)
        if file in long or f"{file}::{test}" in long:
            item.add_marker("long")
        for name in NEEDS:
            if name in getattr(item, "fixturenames", ()) and item.get_closest_marker(name) is None:
                item.add_marker(name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Before any fixture is made."""
    for name, why in NEEDS.items():
        if item.get_closest_marker(name) and why():
            if name in required():
                pytest.fail(f"COURSE_REQUIRE={name}, but {why()}", pytrace=False)
            pytest.skip(f"[{name}] {why()}")


def pytest_terminal_summary(terminalreporter):
    """One line for each thing that the machine lacks."""
    skipped = Counter()
    for report in terminalreporter.stats.get("skipped", ()):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, (tuple, list)) else ""
        skipped.update(name for name in NEEDS if reason.startswith(f"Skipped: [{name}]"))
    for name, count in skipped.items():
        terminalreporter.write_line(f"{count} tests were skipped for want of a {name}: {NEEDS[name]()}", yellow=True)
