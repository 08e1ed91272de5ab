"""Does mypy find nothing new in the package that students import? `tests/known_types.txt` may only shrink."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KNOWN = (ROOT / "tests" / "known_types.txt").read_text(encoding="utf-8")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # `make lint` runs them


def mypy(*args: str) -> list[str]:
    """Its findings, without the numbers of lines, which change with every edit above."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context", *args],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = re.findall(r"^(\S+?):\d+: error: (.*)$", done.stdout, re.MULTILINE)
    return [f"{file}: {message}" for file, message in found]


def test_there_is_no_new_finding():
    known = Counter(line for line in KNOWN.splitlines() if line and not line.startswith("#"))
    found = Counter(mypy())
    if mended := sorted((known - found).elements()):
        print("mended, take these lines off tests/known_types.txt:", *mended, sep="\n")
    assert sorted((found - known).elements()) == [], "new findings: mend them"


def test_a_training_without_an_optimizer_is_a_finding(tmp_path):
    """It used to crash in the first step."""
    (tmp_path / "student.py").write_text(
        "from torch import nn\n"
        "from helpers.data import make_loader\n"
        "from helpers.training import train_one_epoch\n"
        "import torch\n"
        "loader = make_loader(torch.zeros(8, 2), torch.zeros(8, dtype=torch.long), 4)\n"
        "train_one_epoch(nn.Linear(2, 2), loader, nn.CrossEntropyLoss(), None)\n"
    )
    (finding,) = [one for one in mypy(str(tmp_path / "student.py")) if "student.py" in one]
    assert 'Argument 4 to "train_one_epoch" has incompatible type "None"' in finding
