"""Who may import whom: tools -> helpers, tools -> grader, and nothing else; and importing helpers is cheap."""

import ast
import graphlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELPERS, TOOLS, GRADER = (sorted((ROOT / package).rglob("*.py")) for package in ("helpers", "tools", "grader"))
GRADER = [path for path in GRADER if "tests" not in path.parts and "build" not in path.parts]
# What only instructors and maintainers have. IPython is there wherever a notebook runs.
STAFF_ONLY = {"nbgrader", "nbformat", "nbclient", "nbconvert", "jupyter_client", "jupyter_core", "jupytext", "nh3"}
# What is imported where it is used, because importing it would cost as much as torch.
LAZY = {"matplotlib", "torchvision", "sklearn", "skimage", "PIL", "tqdm", "IPython", "ipywidgets", "safetensors"}
EAGER_ALLOWED = {"interactive", "quiz", "efficientnet"}  # nothing without a front end, or without torchvision


def imports(path, top_level_only=False):
    """Names of the modules that a file imports, absolute."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = path.relative_to(ROOT).parts[:-1]
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def name(path):
    return str(path.relative_to(ROOT))


def packages(path):
    """First names of the modules that a file imports."""
    return {module.split(".")[0] for module in imports(path)}


def test_are_there_modules_in_all_three():
    assert min(map(len, (HELPERS, TOOLS, GRADER))) > 10


@pytest.mark.parametrize("path", HELPERS, ids=name)
def test_does_helpers_import_only_what_students_have(path):
    found = packages(path) & (STAFF_ONLY | {"tools", "grader", "tests", "benchmarks"})
    assert not found, f"{name(path)} imports {', '.join(sorted(found))}, which students do not have"


@pytest.mark.parametrize("path", GRADER, ids=name)
def test_does_the_grader_import_nothing_of_this_course(path):
    found = packages(path) & {"helpers", "tools", "tests", "benchmarks"}
    assert not found, f"{name(path)} imports {', '.join(sorted(found))}, which other courses do not have"


def circles(paths):
    """Modules that need each other to be imported, wherever in a file the import stands; empty if none do."""
    modules = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths}
    known = set(modules.values())
    needs = {module: (known & set(imports(path))) - {module} for path, module in modules.items()}
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("paths", [TOOLS, GRADER], ids=["tools", "grader"])
def test_is_there_no_circle_of_imports(paths):
    assert not circles(paths), f"these import each other: {' -> '.join(circles(paths))}"


# These train as a notebook would, for the README and for tables that a chapter has no time to make.
TRAINS = ("cover.py", "tables", "classifier.py", "train_weights.py")


@pytest.mark.parametrize("path", [path for path in TOOLS if not set(path.parts) & set(TRAINS)], ids=name)
def test_do_tools_import_nothing_that_trains(path):
    # tools may read the data of questions and checks, but need no torch to lint
    rooms = {"helpers.training", "helpers.models", "helpers.data", "helpers.plotting", "helpers.metrics"}
    found = {room for module in imports(path) for room in rooms if module == room or module.startswith(room + ".")}
    assert not found, f"{name(path)} imports {', '.join(sorted(found))}, and with them torch"


def rooms_without_front_end():
    for path in HELPERS:
        room = path.relative_to(ROOT / "helpers").parts[0].removesuffix(".py")
        if room not in EAGER_ALLOWED and room != "weights":  # scripts under weights/ are run by hand
            yield path


@pytest.mark.parametrize("path", [*rooms_without_front_end()], ids=name)
def test_are_heavy_packages_imported_where_they_are_used(path):
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
