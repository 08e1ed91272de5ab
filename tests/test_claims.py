"""Does every registered claim still hold in the table or the cell that it stands on, and is every finding answered?

``tests/claims.toml`` is the register; ``docs/claims.md`` tells the story of each finding, ``docs/faults.md`` which test
holds each fault.
"""

import json
import re
import tomllib
from pathlib import Path

import pytest

from helpers.tables import load_table, rows
from tests.test_table_comparisons import FEW_SEEDS
from tools.tables import frame

ROOT = Path(__file__).parents[1]
CLAIMS = tomllib.loads((ROOT / "tests" / "claims.toml").read_text("utf-8"))["claim"]
STORY = (ROOT / "docs" / "claims.md").read_text("utf-8")
FAULTS = (ROOT / "docs" / "faults.md").read_text("utf-8")
FINDINGS = [f"A{i}" for i in range(1, 9)] + [f"B{i}" for i in range(9, 25)] + [f"C{i}" for i in range(25, 41)]
BY_TABLE = [claim for claim in CLAIMS if "table" in claim]
BY_CELL = [claim for claim in CLAIMS if "cell" in claim]


def identity(claim: dict) -> str:
    return claim["id"]


def mean(claim: dict, side: str) -> float:
    """The recorded mean of the one row that a side of a claim names."""
    found = rows(claim["table"], **claim[side])
    assert len(found) == 1, f"{claim['id']}: {claim[side]} names {len(found)} rows of the table {claim['table']}"
    row = found[0]
    return row[f"{claim['measure']}_mean"] if f"{claim['measure']}_mean" in row else row[claim["measure"]]


def cells(chapter: str) -> dict[str, str]:
    """The source of each cell of a chapter, by its id."""
    notebook = json.loads((ROOT / "chapters" / f"{chapter}.ipynb").read_text("utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}


def test_is_each_claim_registered_once_and_tied_to_one_thing():
    assert len({claim["id"] for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert ("table" in claim) != ("cell" in claim), f"{claim['id']} needs a table or a cell"
        assert claim["says"], claim["id"]
        assert claim["chapters"], claim["id"]
        for chapter in claim["chapters"]:
            assert (ROOT / "chapters" / f"{chapter}.ipynb").is_file(), f"{claim['id']}: no chapter {chapter}"


def test_is_there_every_table_that_a_notebook_reads():
    read = re.compile(r'\b(?:load_table|rows|mean_of(?=\(\s*"\w+",\s*"))\(\s*"(\w+)"')
    named = {}
    for path in sorted(ROOT.glob("chapters/*.ipynb")) + sorted(ROOT.glob("solutions/**/*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                named |= {table: f"{path.stem} {cell['id']}" for table in read.findall("".join(cell["source"]))}
    assert len(named) > 15  # so the pattern still finds them
    recorded = {file.stem for file in (ROOT / "helpers" / "tables").glob("*.json")}
    assert {table: place for table, place in named.items() if table not in recorded} == {}


@pytest.mark.parametrize("claim", BY_TABLE, ids=identity)
def test_does_the_table_say_what_is_claimed(claim):
    numbers = [mean(claim, side) for side in ("a", "b") if side in claim]
    assert [round(number, 3) for number in numbers] == pytest.approx(claim["values"], abs=0.0011)
    if "b" in claim:
        low, high = claim["difference"]
        assert low <= numbers[0] - numbers[1] <= high, f"{claim['says']!r} does not hold any more"


@pytest.mark.parametrize("claim", BY_CELL, ids=identity)
def test_does_the_cell_assert_what_is_claimed(claim):
    (chapter,) = claim["chapters"]
    source = cells(chapter).get(claim["cell"])
    assert source is not None, f"{chapter} has no cell {claim['cell']!r}: move or drop the claim {claim['id']!r}"
    assert claim["contains"] in source, f"{chapter}, {claim['cell']}: {claim['contains']!r} is gone ({claim['id']})"
    assert "assert" in source, f"{claim['cell']} asserts nothing"


@pytest.mark.parametrize("name", frame.known())
def test_is_every_comparison_claimed_somewhere(name):
    assert any(claim.get("table") == name for claim in CLAIMS), f"no claim stands on the table {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "chapters").glob("*.ipynb")), ids=lambda path: path.stem)
def test_is_every_framed_table_that_a_chapter_shows_registered_for_it(path):
    source = "\n".join(cells(path.stem).values())
    shown = set(re.findall(r"\b(?:load_table|rows)\(\"(\w+)\"", source)) & set(frame.known())
    registered = {claim["table"] for claim in BY_TABLE if path.stem in claim["chapters"]}
    assert shown <= registered, f"{path.stem} shows {shown - registered}: register what it says in tests/claims.toml"


@pytest.mark.parametrize("finding", FINDINGS)
def test_is_every_finding_of_the_expert_answered(finding):
    lines = re.findall(rf"^\| {finding} \|.*$", STORY, re.MULTILINE)
    assert len(lines) == 1
    assert len(lines[0].split("|")) == 7  # finding, claim, evidence, result, what changes


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if "finding" in claim], ids=identity)
def test_does_a_claim_name_a_finding_that_there_is(claim):
    assert claim["finding"] in FINDINGS


def ids(text: str) -> list[str]:
    """Each id of "A1 to A3", "B7" and the like."""
    spans = re.findall(r"\b([A-Z])(\d+)(?: to \1(\d+))?\b", text)
    return [f"{letter}{n}" for letter, first, last in spans for n in range(int(first), int(last or first) + 1)]


def test_has_each_fault_one_row_with_tests_that_exist_or_a_reason():
    head, *tables = FAULTS.split("\n## ")
    rows = re.findall(r"^\| ([A-Z]\d.*?) \| .+? \| (.+?) \| (.+) \|$", "\n".join(tables), re.MULTILINE)
    assert rows
    assert sorted(ids(" ".join(row[0] for row in rows))) == sorted(ids(head))
    for fault, where, held in rows:
        tests = re.findall(r"`(\w+\.py)::(\w+)`", held)
        assert held.count("::") == len(tests), f"{fault}: a test is not named as `file.py::test_name`"
        assert tests or held.startswith("no test"), f"{fault} names neither a test nor why there is none"
        for file, test in tests:
            paths = [path for folder in ("tests", "grader/tests") if (path := ROOT / folder / file).is_file()]
            found = [path for path in paths if re.search(rf"^def {test}\(", path.read_text("utf-8"), re.MULTILINE)]
            assert found, f"{fault}: there is no {test} in {file}"
        for path in re.findall(r"`([^`]+)`", where):
            assert (ROOT / path).is_file(), f"{fault}: there is no {path}"


def test_do_tables_say_with_how_many_seeds_and_which_software():
    for name in frame.known():
        table = load_table(name)
        assert len(table["seeds"]) >= (3 if name in FEW_SEEDS else 5)
        assert set(table["software"]) == {"python", "torch"}
