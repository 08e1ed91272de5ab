"""Are functions simple and files short, but for a list of exceptions that may only shrink?"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = [name for name in ("helpers", "tools", "grader", "tests", "benchmarks") if (ROOT / name).is_dir()]
EXCEPTIONS = tomllib.loads((ROOT / "tests" / "size.toml").read_text(encoding="utf-8"))
MOST_LINES = 500
MOST_PATHS = 15  # McCabe's complexity


def short(file: Path) -> str:
    """The name of a file, wherever it lies; `__init__` with its folder."""
    return "/".join(file.parts[-2:]) if file.stem == "__init__" else file.name


def long_files() -> set[str]:
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    code = (file for file in files if file.parent.name != "mutants")  # answers of students, as many as there are
    return {short(file) for file in code if len(file.read_text(encoding="utf-8").splitlines()) > MOST_LINES}


def complex_functions() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--select", "C901", "--output-format", "json",
         "--config", f"lint.mccabe.max-complexity={MOST_PATHS}", *FOLDERS],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return {f"{short(Path(one['filename']))}:{one['message'].split('`')[1]}" for one in found}


@pytest.mark.parametrize(
    ("kind", "find", "remedy"),
    [
        ("files", long_files, f"has more than {MOST_LINES} lines: cut it along its jobs"),
        ("functions", complex_functions, f"is more complex than {MOST_PATHS}: make a rule, a table or a class of it"),
    ],
)
def test_what_is_too_large_is_listed_with_its_reason_and_nothing_else_is(kind, find, remedy):
    found, listed = find(), EXCEPTIONS[kind]
    assert [f"{one} {remedy}" for one in sorted(found - set(listed))] == []
    assert [f"{one} is small enough now: take it off tests/size.toml" for one in sorted(set(listed) - found)] == []
    assert all(len(reason.split()) >= 4 for reason in listed.values()), "an exception gives its reason"


@pytest.mark.parametrize("folder", EXCEPTIONS["lines"])
def test_does_what_students_import_not_grow(folder):
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in (ROOT / folder).rglob("*.py"))
    assert lines <= EXCEPTIONS["lines"][folder], (
        f"{folder} has {lines} lines: cut something, or move it out; what must stay raises `lines` in tests/size.toml, "
        "with the reason in the commit"
    )
