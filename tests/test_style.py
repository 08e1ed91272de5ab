"""Do notebooks that were clean stay clean, at 88 columns? `tests/clean_notebooks.txt` lists them and may only grow."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "clean_notebooks.txt"
CLEAN = [line for line in LIST.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def ruff(*args: str) -> str:
    done = subprocess.run([sys.executable, "-m", "ruff", *args], cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_list_names_notebooks_once_and_in_order():
    assert [name for name in CLEAN if not (ROOT / name).is_file()] == []
    assert sorted(set(CLEAN)) == CLEAN


def test_clean_notebooks_have_no_finding():
    assert not CLEAN or ruff("check", "--output-format", "concise", *CLEAN) == ""


def test_clean_notebooks_are_formatted():
    assert not CLEAN or ruff("format", "--check", *CLEAN) == ""
