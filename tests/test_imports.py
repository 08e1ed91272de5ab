"""The classroom and the staff room never import each other, and importing the classroom is cheap."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "helpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
STAFF = [path for path in MODULES if "staff" in path.relative_to(PACKAGE).parts]
# __main__ is the command line of the staff room, and scripts under weights/ are run by hand
CLASSROOM = [path for path in MODULES if path not in STAFF and path.name != "__main__.py"]
# What only instructors have. IPython is there wherever a notebook runs.
STAFF_ONLY = {"nbgrader", "nbformat", "nbclient", "nbconvert", "jupyter_client", "jupyter_core", "jupytext", "nh3"}
# What is imported where it is used, because importing it would cost as much as torch.
LAZY = {"matplotlib", "torchvision", "sklearn", "skimage", "PIL", "tqdm", "IPython", "ipywidgets", "safetensors"}
EAGER_ALLOWED = {"interactive", "quiz", "efficientnet"}  # nothing without a front end, or without torchvision


def imports(path, top_level_only=False):
    """Names of the modules that a file imports, absolute."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ["helpers", *path.relative_to(PACKAGE).parts[:-1]]
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def name(path):
    return str(path.relative_to(PACKAGE))


def test_are_there_modules_in_both_halves():
    assert len(STAFF) > 3
    assert len(CLASSROOM) > 10


@pytest.mark.parametrize("path", CLASSROOM, ids=name)
def test_does_the_classroom_import_nothing_of_the_staff_room(path):
    found = {module for module in imports(path) if module.startswith("helpers.staff")}
    found |= {module for module in imports(path) if module.split(".")[0] in STAFF_ONLY}
    assert not found, f"{name(path)} imports {', '.join(sorted(found))}, which students do not have"


# These are no tools: they train as a notebook would, for the README and for tables that a chapter has no time to make.
TRAINS = ("cover.py", "photographs.py", "tables")


@pytest.mark.parametrize("path", [path for path in STAFF if not set(path.parts) & set(TRAINS)], ids=name)
def test_does_the_staff_room_import_nothing_that_trains(path):
    # the staff room may read the data of questions and checks, but needs no torch to lint or to grade
    rooms = {"helpers.training", "helpers.models", "helpers.data", "helpers.plotting", "helpers.metrics"}
    found = {room for module in imports(path) for room in rooms if module == room or module.startswith(room + ".")}
    assert not found, f"{name(path)} imports {', '.join(sorted(found))}: the two halves never import each other"


@pytest.mark.parametrize(
    "path", [p for p in CLASSROOM if p.relative_to(PACKAGE).parts[0].removesuffix(".py") not in EAGER_ALLOWED], ids=name
)
def test_are_heavy_packages_imported_where_they_are_used(path):
    if "weights" in path.relative_to(PACKAGE).parts:
        pytest.skip("a script, which nothing imports")
    heavy = {module for module in imports(path, top_level_only=True) if module.split(".")[0] in LAZY}
    assert not heavy, f"{name(path)} imports {', '.join(sorted(heavy))} at its top: move it into the function"


SCRIPT = """
import json, sys, time
import torch, numpy
before, start = set(sys.modules), time.process_time()
import helpers
bare = [m for m in sys.modules if m not in before and m != "helpers"]
import helpers.runtime, helpers.data, helpers.training, helpers.models, helpers.metrics, helpers.plotting
print(json.dumps({"seconds": time.process_time() - start, "bare": bare, "new": sorted(set(sys.modules) - before)}))
"""


@pytest.fixture(scope="module")
def cost():
    """The cheapest of three: other processes on the machine only ever add to the time."""
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    return min(runs, key=lambda run: run["seconds"])


@pytest.mark.slow
def test_does_import_helpers_import_nothing(cost):
    assert cost["bare"] == []


@pytest.mark.slow
def test_does_the_classroom_add_at_most_a_tenth_of_a_second_to_torch(cost):
    assert cost["seconds"] <= 0.1


@pytest.mark.slow
def test_are_no_heavy_packages_imported_along_the_way(cost):
    heavy = LAZY | {"torch._dynamo", "torch._inductor", "scipy", "pandas"}
    assert [m for m in cost["new"] if m in heavy] == []
