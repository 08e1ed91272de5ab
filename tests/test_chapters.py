"""Every chapter runs from top to bottom, and small deterministic cells print what they always printed.

Chapters store no outputs, so there is nothing for nbval to compare: `tools.book.execute`, on nbclient, runs them
and looks at what matters there (errors, stderr, empty figures, alt text). nbval compares the stored outputs in
``tests/notebooks/outputs``: values and messages of the helpers that are the same on every machine.
"""

import subprocess
import sys

import pytest

from tools.book.execute import execute_all
from tools.notebooks import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
SECONDS = 600  # the promise is a minute on two free cores; a busy machine took 263 s, and this catches ten minutes


@pytest.fixture(scope="module")
def results(warm_kernels):
    """All chapters, two at a time."""
    return {result.path.stem: result for result in execute_all(CHAPTERS, jobs=2)}


@pytest.mark.slow
@pytest.mark.parametrize("stem", [path.stem for path in CHAPTERS])
def test_chapter_runs(stem, results):
    assert results[stem].problems == []
    assert results[stem].seconds < SECONDS


@pytest.mark.slow
def test_small_cells_print_what_they_always_printed(warm_kernels):
    """After a wanted change: ``python -m tools run FILE --save FILE``."""
    folder = ROOT / "tests" / "notebooks" / "outputs"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=",  # they switch nbval off
        "--nbval",
        "--nbval-current-env",
        "-q",
        "-p",
        "no:cacheprovider",
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "passed" in done.stdout
