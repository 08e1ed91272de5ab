"""Rebuilding: the source's notebook with the student's answers in it, however they came."""

import dataclasses
import json
import time

import pytest

from grader.course import SourceNotebook
from grader.notebook.read import read_notebook
from grader.notebook.rebuild import rebuild
from grader.tests.submissions import (
    RIGHT,
    answer,
    encode,
    rebuilt,
    released,
    solution,
    solved,
)


def test_an_honest_notebook_is_rebuilt_without_a_note(source):
    cells, notes = rebuilt(source, solved(source))
    assert notes == []
    assert [cell.id for cell in source.cells] == list(cells)
    for original in source.cells:
        if original.kind == "answer":
            assert cells[original.id].source == solution(original.source)
            assert cells[original.id].attempted
        else:
            assert cells[original.id].source == original.source


def test_an_untouched_notebook_is_not_attempted(source):
    cells, notes = rebuilt(source, released(source))
    assert notes == []
    assert not any(cell.attempted for cell in cells.values() if cell.kind == "answer")


def test_points_types_ids_and_tests_come_from_the_source(source):
    notebook = solved(source)
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("grade"):
            meta["points"] = 400
            cell["source"] = "pass"
    notebook["metadata"]["kernelspec"]["name"] = "evil"
    cells, notes = rebuilt(source, notebook)
    assert sum(cell.points for cell in cells.values()) == 8
    assert "original_recipe" in cells["scale-hidden"].source
    assert notes.count("changed") == 4


def test_a_test_that_was_mended_since_is_no_change_of_the_students(course, source):
    notebook = solved(source)
    path = course.root / "master" / "week1" / "quantities.ipynb"
    path.write_text(path.read_text().replace("multiply every amount", "multiply each of the amounts"))
    mended = course.assignment("week1").notebooks["quantities"]
    cells, notes = rebuilt(mended, notebook)
    assert ("multiply each" in cells["scale-test"].source, notes) == (True, [])
    answer(notebook, "scale-test")["source"] += "\npass"
    assert rebuilt(mended, notebook)[1] == ["changed"]


@pytest.mark.parametrize("change", [{"points": "many"}, {"points": None}, {"checksum": 7}, {"grade": {}, "points": []}])
def test_metadata_of_the_wrong_kind_does_no_harm(source, change):
    notebook = solved(source)
    cell = answer(notebook, "scale-test")
    cell["source"] += "\npass"
    cell["metadata"]["nbgrader"] |= change
    assert rebuilt(source, notebook)[1] == ["changed"]


def test_the_last_changed_of_two_copies_counts_and_the_other_stays_an_extra(source):
    notebook = solved(source)
    twin = json.loads(json.dumps(answer(notebook, "scale")))
    twin["source"] = RIGHT
    notebook["cells"].append(twin)
    cells, notes = rebuilt(source, notebook)
    assert cells["scale"].source == RIGHT
    assert notes == ["duplicated"]
    assert any(c.kind == "extra" and "recipe.items()" in c.source for c in cells.values())


def test_an_untouched_copy_never_beats_an_answer(source):
    notebook = solved(source)
    notebook["cells"].append(answer(released(source), "scale"))
    cells, _ = rebuilt(source, notebook)
    assert cells["scale"].attempted


def test_deleted_cells_come_back_and_a_deleted_answer_is_the_stub(source):
    notebook = solved(source)
    notebook["cells"] = [c for c in notebook["cells"] if c["id"] not in ("scale", "mean-test", "title")]
    cells, notes = rebuilt(source, notebook)
    assert list(cells) == [cell.id for cell in source.cells]
    assert cells["mean-test"].points == 3
    assert not cells["scale"].attempted
    assert "SOLUTION" not in cells["scale"].source
    assert "recipe.items()" not in cells["scale"].source
    assert notes == ["answer-missing", "deleted"]


def test_each_half_of_a_split_answer_runs_and_the_note_says_so(source):
    notebook = solved(source)
    whole = answer(notebook, "scale")
    half = whole | {"id": "half", "source": "def times(a, b):\n    return a * b"}
    notebook["cells"].insert(notebook["cells"].index(whole), half)
    made, notes = rebuild(source, read_notebook(encode(notebook))[0])
    assert "each that was changed is run" in notes[0].student
    texts = [cell.source for cell in made]
    assert texts.index(half["source"]) < texts.index(whole["source"])


def defined_when_run(cells: dict, until: str) -> dict:
    """Run the cells before one of them, as far as they run, and give what they define."""
    space: dict = {}
    for cell in list(cells.values())[: list(cells).index(until)]:
        if cell.cell_type == "code" and cell.kind != "test":
            exec(cell.source, space)
    return space


def merge(notebook, kept: str, *names: str) -> None:
    """JupyterLab's Merge: the text of all, the metadata and the id of one of them, in the place of the first."""
    cells = [answer(notebook, name) for name in (*names, kept)]
    cells.sort(key=notebook["cells"].index)
    place = notebook["cells"].index(cells[0])
    made = answer(notebook, kept) | {"source": "\n\n".join("".join(cell["source"]) for cell in cells)}
    notebook["cells"][place:] = [made] + [cell for cell in notebook["cells"][place:] if cell not in cells]


@pytest.mark.parametrize("kept", ["scale", "mean-weight", "cake-area"])
def test_answers_merged_into_one_cell_all_count(source, kept):
    notebook = solved(source)
    merge(notebook, kept, *({"scale", "mean-weight", "cake-area"} - {kept}))
    cells, notes = rebuilt(source, notebook)
    assert {"scale", "mean_weight", "cake_area"} <= set(defined_when_run(cells, "scale-test"))
    assert all(cell.attempted for cell in cells.values() if cell.kind == "answer")
    space = defined_when_run(cells, "cake-test")
    assert space["scale"]({"a": 1}, 2) == {"a": 2}, "no stub undoes what was defined"
    assert notes == ["answer-missing"] * 2


def test_an_answer_merged_into_its_test_counts(source):
    notebook = solved(source)
    merge(notebook, "scale-test", "scale")
    cells, notes = rebuilt(source, notebook)
    assert defined_when_run(cells, "scale-test")["scale"]({"a": 1}, 2) == {"a": 2}
    assert cells["scale-test"].source == next(cell.source for cell in source.cells if cell.id == "scale-test")
    assert notes == ["changed", "answer-missing"]


def put(notebook: dict, grade_id: str, place: int, text: str, **more) -> None:
    """A cell of the student's own beside another one: above it at 0, below it at 1."""
    spot = notebook["cells"].index(answer(notebook, grade_id)) + place
    cell = {"cell_type": "code", "id": f"own-{grade_id}-{place}", "metadata": {}, "source": text}
    notebook["cells"].insert(spot, cell | more)


def points(cells: dict) -> set[str]:
    """The test cells that pass where every cell runs in order."""
    space, passed = {}, set()
    for cell in cells.values():
        try:
            exec(cell.source if cell.cell_type == "code" else "", space)
            passed |= {cell.id} if cell.kind == "test" else set()
        except Exception:
            continue
    return passed


SCALE = {"scale-test", "scale-hidden"}


@pytest.mark.parametrize(("grade_id", "place"), [("scale", 0), ("scale", 1), ("scale-test", 0)])
@pytest.mark.parametrize("text", [RIGHT, "import math\n" + RIGHT, "scale = lambda r, f: {k: f * r[k] for k in r}"])
def test_an_answer_in_a_cell_beside_the_untouched_stub_counts(source, grade_id, place, text):
    notebook = solved(source, without=("scale",))
    put(notebook, grade_id, place, text)
    cells, notes = rebuilt(source, notebook)
    assert points(cells) == points(rebuilt(source, solved(source))[0]) >= SCALE
    assert cells["scale"].attempted
    assert notes == ["elsewhere"]


def test_all_answers_in_one_cell_at_the_top_count_beside_untouched_stubs(source):
    notebook = released(source)
    put(notebook, "scale", 0, "\n\n".join(solution(c.source) for c in source.cells if c.kind == "answer"))
    cells, notes = rebuilt(source, notebook)
    assert points(cells) == points(rebuilt(source, solved(source))[0])
    assert notes == ["elsewhere"] * 3


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("test", ["scale-test", "scale-hidden"])
@pytest.mark.parametrize("more", ["", "import os\n", "def double(x):\n    return 2 * x\n"])
def test_an_answer_written_into_its_test_counts(source, keep, test, more):
    notebook = solved(source, without=("scale",))
    cell = answer(notebook, test)
    cell["source"] = f"print('x')\n{more}{RIGHT}\ny = scale({{}}, 1)\n{''.join(cell['source']) if keep else ''}"
    cells, notes = rebuilt(source, notebook)
    assert points(cells) >= SCALE
    assert cells["scale"].attempted
    assert "print" not in cells["scale"].source
    assert "y = " not in cells["scale"].source
    assert "assert" not in cells["scale"].source
    assert notes == ["changed", "elsewhere"]


@pytest.mark.parametrize("text", ["def scale(", "print(scale)", "if True:\n    pass", "scaled = 3", "scale(1, 2)", ""])
def test_a_test_that_was_changed_without_an_answer_is_no_answer(source, text):
    notebook = solved(source, without=("scale",))
    answer(notebook, "scale-test")["source"] += f"\n{text}"
    cells, notes = rebuilt(source, notebook)
    assert (cells["scale"].attempted, cells["scale"].source) == (
        False,
        next(cell.released for cell in source.cells if cell.id == "scale"),
    )
    assert "elsewhere" not in notes


def test_a_definition_that_comes_too_late_or_beside_a_real_answer_moves_nothing(source):
    notebook = solved(source, without=("scale",))
    put(notebook, "cake-test", 1, RIGHT)
    cells, notes = rebuilt(source, notebook)
    assert (cells["scale"].attempted, notes) == (False, [])
    notebook = solved(source)
    put(
        notebook,
        "scale",
        0,
        "def scale(recipe, factor):\n    return None  # a draft\n\ndef times(a, b):\n    return a * b",
    )
    cells, notes = rebuilt(source, notebook)
    assert points(cells) >= SCALE
    assert notes == []


def with_cell(source: SourceNotebook, name: str, released: str, text: str) -> SourceNotebook:
    """The source with other texts in one of its cells."""
    cells = [dataclasses.replace(c, released=released, source=text) if c.id == name else c for c in source.cells]
    return dataclasses.replace(source, cells=tuple(cells))


def test_of_a_stub_with_several_names_only_what_is_given_elsewhere_goes(source):
    text = "import math\nBASE = 3\n\ndef scale(recipe, factor):\n    ...\n\ndef other():\n    return BASE"
    other = with_cell(source, "scale", text, f"{text}\n{RIGHT}")
    notebook = solved(source)
    answer(notebook, "scale")["source"] = text
    put(notebook, "scale", 0, RIGHT)
    made, _ = rebuilt(other, notebook)
    assert made["scale"].source.split() == text.replace("def scale(recipe, factor):\n    ...", "").split()
    assert points(made) >= SCALE


def test_a_variable_of_another_task_is_no_answer(source):
    stub = "result = None"
    other = with_cell(source, "mean-weight", stub, f"{stub}\nresult = 42")
    notebook = solved(source)
    answer(notebook, "mean-weight")["source"] = stub
    for place, attempted in ((0, False), (1, True)):
        put(notebook, ("scale", "scale-test")[place], 0, "result = 7")
        made, _ = rebuilt(other, notebook)
        assert made["mean-weight"].attempted == attempted


def test_what_a_set_up_cell_defines_anyway_is_no_answer(source):
    text = "import math\nimport numpy as np\n\ndef scale(recipe, factor):\n    return {}"
    notebook = solved(source, without=("scale",))
    next(c for c in notebook["cells"] if c["id"] == "imports")["source"] = f"{text}\nimport os"
    made, notes = rebuilt(with_cell(source, "imports", text, text), notebook)
    assert (made["scale"].attempted, notes) == (False, [])


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "-" * 100_000 + "1",
        "x = " + "a." * 90_000 + "a",
        "x = a" + ".a" * 900,
        "!ls\n" * 50_000,
        "x = 1\0",
    ],
)
def test_a_test_that_was_changed_into_anything_is_read_quickly(source, text):
    notebook = solved(source, without=("scale",))
    answer(notebook, "scale-test")["source"] = f"{RIGHT}\n{text}"
    begin = time.process_time()
    rebuilt(source, notebook)
    assert time.process_time() - begin < 5


def test_everything_in_one_cell_without_marks_counts(source):
    text = "\n\n".join(solution(c.source) for c in source.cells if c.kind in ("setup", "answer"))
    cells, notes = rebuilt(source, {"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {}, "source": text}]})
    space = defined_when_run(cells, "cake-test")
    assert round(space["cake_area"](2), 4) == 3.1416
    assert space["scale"]({"a": 1}, 2) == {"a": 2}
    assert all(cell.attempted for cell in cells.values() if cell.kind == "answer")


def test_an_answer_given_after_its_tests_is_not_moved_before_them(source):
    notebook = solved(source)
    text = answer(notebook, "scale")["source"]
    notebook["cells"].remove(answer(notebook, "scale"))
    answer(notebook, "cake-area")["source"] += f"\n\n{text}"
    cells, _ = rebuilt(source, notebook)
    assert "scale" not in defined_when_run(cells, "scale-test")
    assert "scale" in defined_when_run(cells, "cake-test")


def test_a_free_text_without_its_mark_waits_for_a_human(assignment):
    source = assignment.notebooks["words"]
    notebook = solved(source)
    cell = answer(notebook, "why")
    cell["metadata"], cell["id"], cell["source"] = {}, "x", "Looking up is quick."
    notebook["cells"].append({"cell_type": "markdown", "id": "own", "metadata": {}, "source": "By Ada."})
    cells, notes = rebuilt(source, notebook)
    assert cells["why"].attempted
    assert notes == ["answer-missing"]
    notebook["cells"] = [one for one in notebook["cells"] if one["id"] not in ("x", "own")]
    cells, notes = rebuilt(source, notebook)
    assert not cells["why"].attempted


@pytest.mark.parametrize("keep_ids", [True, False])
def test_stripped_metadata_is_made_good(source, keep_ids):
    notebook = solved(source)
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] = {}
        cell["id"] = cell["id"] if keep_ids else f"x{number}"
    cells, _ = rebuilt(source, notebook)
    for original in source.cells:
        if original.kind == "answer":
            assert cells[original.id].source == solution(original.source)
    assert not any(cell.kind == "extra" for cell in cells.values())


def test_stripped_and_shuffled_answers_are_found_by_what_they_define(source):
    notebook = solved(source)
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"], cell["id"] = {}, f"x{number}"
    notebook["cells"].reverse()
    cells, notes = rebuilt(source, notebook)
    assert all(cell.attempted for cell in cells.values() if cell.kind == "answer")
    assert "stripped" in notes


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_retyped_answer_is_turned_back(source, kind):
    notebook = solved(source)
    cell = answer(notebook, "scale")
    cell["cell_type"] = kind
    cell.pop("outputs"), cell.pop("execution_count")
    cells, notes = rebuilt(source, notebook)
    assert cells["scale"].cell_type == "code"
    assert "recipe.items()" in cells["scale"].source
    assert notes == ["retyped"]


def test_own_cells_stay_where_they_were(source):
    notebook = solved(source)
    place = next(i for i, c in enumerate(notebook["cells"]) if c["id"] == "scale")
    own = {"cell_type": "code", "id": "mine", "metadata": {}, "source": "helper = 1", "outputs": []}
    notebook["cells"].insert(place, own)
    cells, _ = rebuilt(source, notebook)
    names = list(cells)
    assert cells[names[names.index("scale") - 1]].source == "helper = 1"
    assert cells[names[names.index("scale") - 1]].kind == "extra"


def test_an_import_added_to_the_set_up_cell_still_runs(source):
    notebook = solved(source)
    next(c for c in notebook["cells"] if c["id"] == "imports")["source"] += "\nimport statistics"
    cells, _ = rebuilt(source, notebook)
    names = list(cells)
    assert cells["imports"].source == "import math\n\nimport numpy as np"
    assert "statistics" in cells[names[names.index("imports") + 1]].source


def test_a_solution_never_travels_in_a_students_text(source):
    for notebook in (released(source), {"cells": [{"cell_type": "code", "source": "1"}], "nbformat": 4}):
        cells, _ = rebuilt(source, notebook)
        assert not any("recipe.items()" in cell.source for cell in cells.values())
