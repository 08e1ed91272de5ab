"""Intake: what was handed in, however broken, becomes a notebook rebuilt from its source, or a sentence."""

import dataclasses
import json
import os
import socket
import stat
import time
import zipfile
from pathlib import PurePosixPath

import pytest

from grader.collect import choose
from grader.collect import take_in as take_in_module
from grader.collect.folders import find_submissions
from grader.collect.handed import Entry
from grader.collect.take_in import take_in
from grader.course import Course, CourseError, SourceNotebook
from grader.model import Refused
from grader.notebook.read import read_notebook
from grader.notebook.rebuild import rebuild
from grader.tests.submissions import answer, copy_course, hand_in, released, solution, solved

RIGHT = "def scale(recipe, factor):\n    return {k: v * factor for k, v in recipe.items()}"


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path / "kitchen")


@pytest.fixture
def assignment(course):
    return course.assignment("week1")


@pytest.fixture
def source(assignment):
    return assignment.notebooks["quantities"]


def encode(notebook: dict) -> bytes:
    return json.dumps(notebook).encode()


def rebuilt(source, notebook: dict | bytes):
    """Cells by id, and the codes of all notes."""
    cells, notes = read_notebook(notebook if isinstance(notebook, bytes) else encode(notebook))
    made, more = rebuild(source, cells)
    return {cell.id: cell for cell in made}, [note.code for note in notes + more]


def take(course, assignment, student="ada"):
    handed = {one.student: one for one in find_submissions(course, assignment)}
    return about_what_came(take_in(handed[student], assignment))


def about_what_came(taken):
    """Most tests hand in one of two notebooks; that the other did not come is asked about once."""
    taken.notes = [note for note in taken.notes if note.code != "notebook-missing"]
    return taken


# --- the course ----------------------------------------------------------------------------------------------------


def test_a_course_names_its_own_folders(course):
    assert course.assignments() == ["week1"]
    assert course.folder("submitted", "ada", "week1") == course.root / "inbox" / "ada" / "week1"


@pytest.mark.parametrize("name", ["week9", "", "../week1", ".", "week1/.."])
def test_an_unknown_assignment_is_named_with_those_that_exist(course, name):
    with pytest.raises(CourseError, match="week1"):
        course.assignment(name)


def test_a_source_without_notebooks_is_missing(course):
    (course.root / "master" / "week2").mkdir()
    with pytest.raises(CourseError, match="holds no notebook"):
        course.assignment("week2")


def test_a_broken_configuration_is_named(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config(\n")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py cannot be read"):
        Course(tmp_path)


def test_released_text_has_neither_solutions_nor_hidden_tests(assignment):
    for notebook in assignment.notebooks.values():
        for cell in notebook.cells:
            assert "SOLUTION" not in cell.released
            assert "HIDDEN" not in cell.released
            assert "original_recipe" not in cell.released
    assert assignment.max_score == 12


# --- rebuilding ----------------------------------------------------------------------------------------------------


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


# --- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "code"),
    [("utf-8", None)] + [(name, "encoding") for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")],
)
def test_every_encoding_is_read_and_reported(source, encoding, code):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "  # crème"
    cells, notes = rebuilt(source, json.dumps(notebook, ensure_ascii=False).encode(encoding))
    assert "crème" in cells["scale"].source
    assert notes == ([code] if code else [])


def test_version_3_is_upgraded(source):
    old = []
    for cell in solved(source)["cells"]:
        text = cell.pop("source")
        old.append(cell | ({"input": text, "language": "python"} if cell["cell_type"] == "code" else {"source": text}))
    content = encode({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": old}]})
    cells, notes = rebuilt(source, content)
    assert notes == ["upgraded"]
    assert all(cell.attempted for cell in cells.values() if cell.kind == "answer")


@pytest.mark.parametrize("version", [5, 99, "4", None, [4]])
def test_a_wrong_version_is_read_anyway(source, version):
    notebook = solved(source) | {"nbformat": version}
    cells, notes = rebuilt(source, notebook)
    assert notes == ["wrong-version"]
    assert cells["scale"].attempted
    (note,) = read_notebook(encode(notebook))[1]
    assert "None" not in note.instructor
    assert ("as a number" in note.student) == (type(version) is not int)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"PK\x03\x04 not a notebook", "an archive or an Office document, not a Jupyter notebook"),
        (b"<html>log in first</html>", "a web page, not a Jupyter notebook"),
        (b"<!DOCTYPE html>\n<p>", "a web page"),
        (b"%PDF-1.5\n\xff\xfe123", "a PDF"),
        (b"# mine\ndef scale(recipe, factor):\n    return 1\n", "a Python script"),
        (b'{"cells": [\n<<<<<<< HEAD\n  1,\n=======\n  2,\n>>>>>>> b\n]}', "conflict markers of git"),
        (b"<<<<<<< HEAD\n{\n=======\n{}\n>>>>>>> b\n", "conflict markers of git"),
        (b"hello", "not a Jupyter notebook"),
        (bytes(4096), "empty"),
        (b"[1, 2]", "no cells"),
        (b'{"cells": 5}', "no cells"),
        (b'{"cells": []}', "no cells"),
        (b'{"cells": [1, null, "x"]}', "no cells"),
        (b'{"cells": ' + b"[" * 100_000, "nested"),
        (b'{"cells": ' + b"[" * 50 + b"]" * 50, "cut off"),
        (b'{"cells": [' + b"{}," * 3000 + b"{}]}", "cells"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "cut off or damaged"),
        (b"[" + b"[]," * 2_000_000 + b"[]]", "too many parts"),
        (b'{"x": "' + b'\\"' * 3_000_000, "MB of text"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_refused_quickly_with_two_sentences(content, words):
    begin = time.process_time()
    with pytest.raises(Refused) as caught:
        read_notebook(content)
    assert time.process_time() - begin < 10
    assert words in caught.value.instructor
    assert caught.value.student.endswith(".")
    for sentence in (caught.value.instructor, caught.value.student):
        assert "Expecting" not in sentence


@pytest.mark.parametrize("junk", [bytes(512), b"\r\n\x1a", "\u200b\n".encode(), "\xa0".encode()])
def test_padding_after_the_json_is_stripped_with_a_note(source, junk):
    cells, notes = rebuilt(source, encode(solved(source)) + junk)
    assert cells["scale"].attempted
    assert notes == (["padded"] if junk.strip() and junk.decode().strip() else [])


def test_a_cell_that_is_cut_is_reported(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "\n# " + "a" * 200_000
    cells, notes = read_notebook(encode(notebook))
    assert max(len(cell.source) for cell in cells) == 200_000
    assert [note.code for note in notes] == ["broken-cells"]
    assert "1 cell has more than 200000 characters" in notes[0].instructor


def test_a_truncated_notebook_is_refused(source):
    content = encode(solved(source))
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(Refused, match="cut off"):
            read_notebook(content[: int(len(content) * share)])


def test_outputs_are_dropped_before_they_cost_anything(source):
    notebook = solved(source)
    noise = {"output_type": "stream", "name": "stdout", "text": 'x"\\[{' * 1_000_000}
    answer(notebook, "scale")["outputs"] = [noise, {"deep": json.loads("[" * 500 + "]" * 500)}]
    notebook["cells"][0]["attachments"] = {"a.png": {"image/png": "A" * 10_000_000}}
    begin = time.process_time()
    cells, notes = rebuilt(source, notebook)
    assert time.process_time() - begin < 5
    assert notes == []
    assert cells["scale"].source == solution(next(c.source for c in source.cells if c.id == "scale"))


def test_the_word_outputs_in_a_text_or_with_a_null_does_no_harm(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += '\nx = {"outputs": [1, 2]}  # "outputs": ['
    notebook["cells"][1]["outputs"] = None
    cells, notes = rebuilt(source, notebook)
    assert '"outputs": [1, 2]' in cells["scale"].source
    assert notes == []


@pytest.mark.parametrize(
    "state", [{"state": {"a": "x" * 6_000_000}}, {str(n): {"a": ["b"] * 30} for n in range(20_000)}]
)
def test_the_state_of_widgets_is_dropped_as_outputs_are(source, state):
    notebook = solved(source)
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    cells, notes = rebuilt(source, notebook)
    assert (cells["scale"].attempted, notes) == (True, [])


def test_control_characters_in_strings_do_no_harm(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "\n# TAB BELL"
    content = encode(notebook).replace(b"TAB", b"\t").replace(b"BELL", b"\x07")
    cells, notes = rebuilt(source, content)
    assert cells["scale"].source.endswith("# \t \x07")
    assert notes == []


PASTED = "![photo.png](data:image/png;base64," + "iVBOR/w0+KGg" * 30_000 + "==)"
ATTACHED = "![photo.png](attachment:photo.png)"


def with_picture(cell: dict, text: str, size: int = 10) -> dict:
    attachments = {"photo.png": {"image/png": "A" * size}}
    return cell | {"source": text} | ({"attachments": attachments} if "attachment:" in text else {})


@pytest.mark.parametrize("picture", [PASTED, ATTACHED, PASTED * 20, f'<img src="{PASTED[13:-1]}">'])
@pytest.mark.parametrize("place", ["answer", "own cell"])
def test_a_pasted_picture_is_taken_out_and_pointed_out(assignment, picture, place):
    source = assignment.notebooks["words"]
    notebook = solved(source)
    text = f"See here: {picture} and this."
    cell = answer(notebook, "why") if place == "answer" else {"cell_type": "markdown", "id": "own", "metadata": {}}
    spot = notebook["cells"].index(cell) if place == "answer" else len(notebook["cells"])
    notebook["cells"][spot : spot + 1] = [with_picture(cell, text)]
    made, notes = rebuild(source, read_notebook(encode(notebook))[0])
    (shown,) = [cell.source for cell in made if cell.source.startswith("See here: ")]
    assert shown.endswith(" and this.")
    assert "base64" not in shown
    assert ("picture left out" in shown) == (picture != ATTACHED)
    assert [note.code for note in notes] == ["picture"]
    for sentence in (notes[0].instructor, notes[0].student):
        assert ("answer why" in sentence) == (place == "answer")
        assert "not shown here" in sentence


@pytest.mark.parametrize("text", ["no picture", "see attachment: none", "[a](https://x.org/a.png)", PASTED, ATTACHED])
def test_a_picture_of_the_course_is_none_of_the_students(assignment, text):
    source = assignment.notebooks["words"]
    cells = tuple(
        dataclasses.replace(cell, source=text, released=text) if cell.cell_type == "markdown" else cell
        for cell in source.cells
    )
    source = dataclasses.replace(source, cells=cells)
    notebook = released(source)
    notebook["cells"] = [with_picture(c, c["source"]) if c["cell_type"] == "markdown" else c for c in notebook["cells"]]
    cells, notes = rebuilt(source, notebook)
    assert (cells["why"].attempted, notes) == (False, [])
    answer(notebook, "why")["source"] += " Because."
    cells, notes = rebuilt(source, notebook)
    assert (cells["why"].attempted, notes) == (True, [])


def test_a_picture_in_code_stays_what_it_is(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "\nx = 'data:image/png;base64,AAAA'"
    cells, notes = rebuilt(source, notebook)
    assert (cells["scale"].source[-27:], notes) == ("'data:image/png;base64,AAAA'"[-27:], [])
    answer(notebook, "scale")["source"] += f"\ny = '{'data:image/png;base64,' + 'A' * (6 << 20)}'"
    with pytest.raises(Refused, match="MB of text"):
        read_notebook(encode(notebook))


@pytest.mark.parametrize(
    "text",
    ["data:image/" * 300_000, "data:image/a;base64," * 200_000, "data:image/;;;;" * 200_000, "(" + " " * 4_000_000]
    + ["(attachment:" * 300_000, "![" * 2_000_000, "data:image/png;base64," + "A" * 40_000_000],
)  # fmt: skip
def test_looking_for_pictures_takes_no_time(text):
    cell = {"cell_type": "markdown", "metadata": {}, "source": text, "attachments": {}}
    begin = time.process_time()
    cells, _ = read_notebook(encode({"nbformat": 4, "cells": [cell]}))
    assert time.process_time() - begin < 5
    assert len(cells[0].source) <= 200_000


def test_too_much_text_is_refused(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] = "#" * (6 << 20)
    with pytest.raises(Refused, match="MB of text"):
        read_notebook(encode(notebook))


def test_lone_surrogates_and_carriage_returns_are_mended(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] = "x = 1\r\ny = '\udcff'"
    cells, _ = rebuilt(source, notebook)
    assert cells["scale"].source == "x = 1\ny = '?'"


# --- files and folders ---------------------------------------------------------------------------------------------


def test_a_student_with_two_notebooks_is_taken_in(course, assignment):
    hand_in(course.root / "inbox" / "ada" / "week1", {n: solved(s) for n, s in assignment.notebooks.items()})
    taken = take(course, assignment)
    assert (taken.status, len(taken.jobs), taken.notes) == ("graded", 2, [])
    assert {job.source_path.stem for job in taken.jobs} == {"quantities", "words"}
    assert take(course, assignment).sha256 == taken.sha256


def test_a_notebook_that_did_not_come_is_named_once(course, assignment, source):
    hand_in(course.root / "inbox" / "ada" / "week1", {"quantities": solved(source)})
    (handed,) = find_submissions(course, assignment)
    (note,) = take_in(handed, assignment).notes
    assert note.instructor == note.student == "words.ipynb was not handed in."


def test_a_note_about_one_notebook_says_which(course, assignment, source):
    books = {name: solved(source) for name, source in assignment.notebooks.items()}
    answer(books["words"], "count-test")["source"] = "pass"
    hand_in(course.root / "inbox" / "ada" / "week1", {"quantities (1)": books["quantities"], "words": books["words"]})
    assert [(note.code, note.notebook) for note in take(course, assignment).notes] == [
        ("wrong-name", "quantities"),
        ("changed", "words"),
    ]


@pytest.mark.parametrize(
    "name", ["quantities (1)", "Quantities", "quantities-Copy1", "my_quantities", "quantities_final", "quantites"]
)
def test_near_miss_names_are_taken_and_reported(course, assignment, source, name):
    hand_in(course.root / "inbox" / "ada" / "week1", {name: solved(source)})
    taken = take(course, assignment)
    assert [job.source_path.stem for job in taken.jobs] == ["quantities"]
    assert [note.code for note in taken.notes] == ["wrong-name"]


def test_the_exact_name_beats_its_copies(course, assignment, source):
    folder = hand_in(course.root / "inbox" / "ada" / "week1", {"quantities (1)": b"junk", "quantities": solved(source)})
    taken = take(course, assignment)
    assert taken.status == "graded", folder
    assert [note.code for note in taken.notes] == ["duplicate-file"]
    for sentence in (taken.notes[0].instructor, taken.notes[0].student):
        assert "quantities.ipynb was taken" in sentence
        assert "not quantities (1).ipynb" in sentence


@pytest.mark.parametrize("first", ["untouched", "empty", "cut off", "link"])
@pytest.mark.parametrize("name", ["quantities-Copy1", "quantities (1)", "quantities_final"])
def test_an_answered_copy_beats_the_exact_name_that_is_untouched_or_unreadable(course, assignment, source, first, name):
    content = {"untouched": released(source), "cut off": encode(solved(source))[:500]}.get(first, b"")
    folder = hand_in(course.root / "inbox" / "ada" / "week1", {"quantities": content, name: solved(source)})
    if first == "link":
        (folder / "quantities.ipynb").unlink()
        (folder / "quantities.ipynb").symlink_to("/etc/passwd")
    taken = take(course, assignment)
    assert taken.status == "graded"
    assert all(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")
    assert [note.code for note in taken.notes] == ["duplicate-file"]
    assert f"{name}.ipynb was taken" in taken.notes[0].student
    why = "is untouched" if first == "untouched" else "cannot be read"
    assert f"not quantities.ipynb, which {why}." in taken.notes[0].instructor


def test_two_files_without_an_answer_leave_the_exact_name(course, assignment, source):
    hand_in(course.root / "inbox" / "ada" / "week1", {"quantities": released(source), "quantities2": b"{"})
    taken = take(course, assignment)
    assert [job.source_path.stem for job in taken.jobs] == ["quantities"]
    assert taken.notes == [], "quantities2 may be another notebook"


@pytest.fixture
def problems(course):
    """The same assignment with notebooks whose names are nearly the same."""
    folder = course.root / "master" / "week1"
    (folder / "quantities.ipynb").rename(folder / "problem1.ipynb")
    (folder / "words.ipynb").rename(folder / "problem2.ipynb")
    return course.assignment("week1")


def stripped(notebook: dict) -> dict:
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    return notebook


@pytest.mark.parametrize(
    ("files", "taken_for"),
    [
        ({"problem2 (1)": 2}, {2: "problem2 (1)"}),
        ({"problem2-1": 2}, {2: "problem2-1"}),
        ({"my_problem2": 2, "ps1_problem1_final": 1}, {1: "ps1_problem1_final", 2: "my_problem2"}),
        ({"problem1": 1, "problem1 (1)": 2}, {1: "problem1", 2: "problem1 (1)"}),
        ({"problem1": 2, "problem2": 1}, {1: "problem2", 2: "problem1"}),
        ({"problem1": 1, "problem2": 1}, {1: "problem1"}),
        ({"problem1": 2}, {2: "problem1"}),
        ({"a": 2, "b": 1, "c": None}, {1: "b", 2: "a"}),
    ],
    ids=lambda value: ", ".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_grade_ids_tell_which_of_two_notebooks_a_file_is(course, problems, files, taken_for):
    books = {1: solved(problems.notebooks["problem1"]), 2: solved(problems.notebooks["problem2"]), None: b"{}"}
    hand_in(course.root / "inbox" / "ada" / "week1", {name: books[which] for name, which in files.items()})
    taken = take(course, problems)
    assert taken.status == "graded"
    jobs = {job.source_path.stem: job for job in taken.jobs}
    assert set(jobs) == {f"problem{number}" for number in taken_for}
    assert all(cell.attempted for job in jobs.values() for cell in job.cells if cell.kind in ("answer", "manual"))
    said = " ".join(note.instructor for note in taken.notes)
    for number, name in taken_for.items():
        assert name == f"problem{number}" or f"{name}.ipynb was taken for problem{number}.ipynb" in said


@pytest.mark.parametrize("name", ["problem2 (1)", "problem2-1", "my_problem2", "problem2_final"])
def test_a_name_tells_which_of_two_notebooks_a_file_without_marks_is(course, problems, name):
    hand_in(course.root / "inbox" / "ada" / "week1", {name: stripped(solved(problems.notebooks["problem2"]))})
    assert [job.source_path.stem for job in take(course, problems).jobs] == ["problem2"]
    hand_in(course.root / "inbox" / "ada" / "week1", {"problem1": solved(problems.notebooks["problem1"])})
    assert [job.source_path.stem for job in take(course, problems).jobs] == ["problem1", "problem2"]


def test_a_file_that_another_notebook_took_is_not_called_ignored(course, problems):
    books = {name: solved(source) for name, source in problems.notebooks.items()}
    files = {"problem1": books["problem1"], "problem1-1": books["problem1"], "problem1-2": books["problem2"]}
    hand_in(course.root / "inbox" / "ada" / "week1", files)
    said = [note.instructor for note in take(course, problems).notes]
    assert said == [
        "problem1.ipynb was taken for problem1.ipynb, not problem1-1.ipynb.",
        "problem1-2.ipynb was taken for problem2.ipynb.",
    ]


def test_files_with_the_right_names_are_not_read_as_notebooks_to_choose(course, problems, monkeypatch):
    books = {name: solved(source) for name, source in problems.notebooks.items()}
    hand_in(course.root / "inbox" / "ada" / "week1", books | {"scratch": released(problems.notebooks["problem1"])})
    read = []
    for module in (choose, take_in_module):
        monkeypatch.setattr(module, "read_notebook", lambda content: read.append(content) or read_notebook(content))
    assert len(take(course, problems).jobs) == len(read) == 2


def test_a_folder_with_a_notebooks_name_is_no_second_notebook(course, assignment, source):
    hand_in(course.root / "inbox" / "ada" / "week1" / "quantities.ipynb", {"quantities": solved(source)})
    taken = take(course, assignment)
    assert (taken.status, taken.notes) == ("graded", [])


@pytest.mark.parametrize("name", ["WEEK1", "Week1 "])
def test_the_assignments_folder_is_found_whatever_its_case(course, assignment, source, name):
    hand_in(course.root / "inbox" / "ada" / name, {"quantities": solved(source)})
    hand_in(course.root / "inbox" / "bob" / "week11", {"quantities": solved(source)})
    assert [one.student for one in find_submissions(course, assignment)] == ["ada"]
    taken = take(course, assignment)
    assert taken.status == "graded"
    assert [note.code for note in taken.notes] == ["wrong-name"]
    assert repr(name) in taken.notes[0].instructor


def notes_of(course, assignment, members: dict[str, bytes], path, packed: bool) -> dict[str, list[str]]:
    """The codes of the notes of each student whose files, below students' folders or in an archive, are graded."""
    archive(path / "x.zip", members)
    if not packed:
        with zipfile.ZipFile(path / "x.zip") as file:
            file.extractall(path / "x")
    found = taken_from(course, assignment, path / ("x.zip" if packed else "x"))
    assert {taken.status for _, taken in found.values()} == {"graded"}
    return {student: [note.code for note in taken.notes] for student, (_, taken) in found.items()}


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_whose_name_nearly_fits_is_taken(course, assignment, source, tmp_path, packed):
    names = ["week-1", "Week 1", "week1 (1)", "week_1-copy"]
    (course.root / "master" / "week2").mkdir()
    books = {f"s{n}/{name}/homework.ipynb": encode(solved(source)) for n, name in enumerate(names)}
    books |= {f"t{name}/{name}/homework.ipynb": b"{" for name in ("week2", "week-2", "week11", "other")}
    found = notes_of(course, assignment, books, tmp_path, packed)
    assert found == {f"s{n}": ["wrong-name", "wrong-name"] for n in range(len(names))}, "of folder and file"


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_of_no_assignment_is_taken_for_the_notebook_in_it(course, assignment, source, tmp_path, packed):
    for name in ("week2", "project"):
        (course.root / "master" / name).mkdir()
    good, bad = encode(solved(source)), b"{"
    members = {
        "ada/Quantities/quantities.ipynb": good, "bob/week/quantities.ipynb": good, "cy/a/week1/quantities.ipynb": good,
        "dee/project/quantities.ipynb": bad, "eve/week2/quantities.ipynb": bad, "fay/Week3/quantities.ipynb": bad,
        "gus/other/quantities2.ipynb": bad, "hal/project/week1/quantities.ipynb": bad,
    }  # fmt: skip
    assert notes_of(course, assignment, members, tmp_path, packed) == dict.fromkeys(
        ("ada", "bob", "cy"), ["wrong-name"]
    )


def test_a_name_that_nearly_fits_two_assignments_is_not_guessed(course, source):
    for name in ("lab1.1", "lab11"):
        (course.root / "master" / name).mkdir()
        (course.root / "master" / name / "quantities.ipynb").write_bytes(source.path.read_bytes())
    hand_in(course.root / "inbox" / "ada" / "lab1.1", {"quantities": solved(source)})
    hand_in(course.root / "inbox" / "bob" / "lab-11", {"quantities": solved(source)})
    assert [one.student for one in find_submissions(course, course.assignment("lab11"))] == []
    assert [one.student for one in find_submissions(course, course.assignment("lab1.1"))] == ["ada"]


@pytest.mark.parametrize("packed", [True, False])
def test_names_are_the_same_however_their_accents_are_written(course, source, tmp_path, packed):
    composed, apart = "\u00dcbung_1", "U\u0308bung_1"
    folder = course.root / "master" / composed
    folder.mkdir()
    (folder / f"{composed}.ipynb").write_bytes(source.path.read_bytes())
    (folder / "\u0437\u0430\u0434\u0430\u043d\u0438\u0435.ipynb").write_bytes(source.path.read_bytes())
    members = {
        f"{student}/{name}/{name}.ipynb": encode(solved(source)) for student, name in [("a", composed), ("b", apart)]
    }
    assert notes_of(course, course.assignment(composed), members, tmp_path, packed) == {"a": [], "b": []}


def test_of_two_folders_for_the_assignment_the_exact_name_counts(course, assignment, source):
    hand_in(course.root / "inbox" / "ada" / "WEEK1", {"quantities": released(source)})
    hand_in(course.root / "inbox" / "ada" / "week1", {"quantities": solved(source)})
    taken = take(course, assignment)
    assert any(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")
    assert [note.code for note in taken.notes] == ["duplicate-file"]


def test_a_hidden_file_makes_no_assignment_of_another(course, assignment, source):
    hand_in(course.root / "inbox" / "bob" / "week0", {"quantities": solved(source)})
    (course.root / "inbox" / "bob" / ".DS_Store").write_bytes(b"x")
    assert list(find_submissions(course, assignment)) == []


def test_what_is_handed_in_instead_of_a_notebook_is_named(course, assignment):
    folder = course.root / "inbox" / "ada" / "week1"
    folder.mkdir(parents=True)
    (folder / "quantities.py").write_text("x = 1")
    before = take(course, assignment)
    (folder / "quantities.json").write_text("{}")
    taken = take(course, assignment)
    assert (taken.status, taken.jobs) == ("missing", [])
    assert [note.code for note in taken.notes] == ["refused"], "the report lists this code among what needs eyes"
    for sentence in (taken.notes[0].instructor, taken.notes[0].student):
        assert "quantities.json, quantities.py" in sentence
    assert taken.sha256 != before.sha256


@pytest.mark.parametrize("name", ["quantities.json", "quantities.txt", "quantities", "sub/quantities.JSON", "mine.txt"])
def test_a_notebook_under_another_ending_is_taken_with_a_note(course, assignment, source, name):
    path = course.root / "inbox" / "ada" / "week1" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(encode(solved(source)))
    (path.parent / "own.json").write_text('{"cells": 1}')
    taken = take(course, assignment)
    assert [job.source_path.stem for job in taken.jobs] == ["quantities"]
    assert all(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")
    assert [note.code for note in taken.notes] == ["wrong-name"]
    assert path.name in taken.notes[0].student
    assert [PurePosixPath(file).name for file in taken.jobs[0].student_files] == ["own.json"]


def test_few_files_are_looked_into_for_a_notebook(course, assignment, source):
    folder = course.root / "inbox" / "ada" / "week1"
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"a{number:02}.txt").write_text("{}")
    (folder / "z.txt").write_bytes(encode(solved(source)))
    opened = []
    (handed,) = find_submissions(course, assignment)
    for one in handed.entries:
        object.__setattr__(one, "read", lambda one=one, read=one.read: opened.append(one.path) or read())
    handed.entries.append(Entry("quantities", 1, lambda: encode(solved(source))))
    assert take_in(handed, assignment).status == "graded"
    assert opened.count("a00.txt") == 2, "to look for a notebook, and as a data file"
    assert opened.count("a20.txt") == opened.count("z.txt") == 1


@pytest.mark.parametrize("top", ["", "homework/"])
def test_a_notebook_inside_an_archive_is_graded(course, assignment, source, top):
    folder = course.root / "inbox" / "ada" / "week1"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("x")
    members = {f"{top}quantities.ipynb": encode(solved(source)), f"{top}data/own.csv": b"1"}
    archive(folder / "Homework.ZIP", members)
    taken = take(course, assignment)
    assert taken.status == "graded"
    assert [note.code for note in taken.notes] == ["unzipped"]
    assert "Homework.ZIP" in taken.notes[0].student
    assert set(taken.jobs[0].student_files) == {"data/own.csv", "notes.txt"}


SCRATCH = {"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {}, "source": "print(1)"}]}


@pytest.mark.parametrize("beside", ["untouched", "empty", "scratch"])
def test_an_archive_that_holds_the_answers_is_opened_beside_a_notebook_without_any(course, assignment, source, beside):
    content = {"untouched": released(source), "empty": b"", "scratch": SCRATCH}[beside]
    name = "scratch" if beside == "scratch" else "quantities"
    folder = hand_in(course.root / "inbox" / "ada" / "week1", {name: content})
    archive(folder / "data.zip", {"points.csv": b"1"})
    archive(folder / "homework.zip", {"homework/quantities.ipynb": encode(solved(source))})
    taken = take(course, assignment)
    assert all(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")
    assert taken.notes[0].code == "unzipped"
    assert set(taken.jobs[0].student_files) == {"data.zip"}


@pytest.mark.parametrize("beside", [True, False])
def test_each_notebook_may_be_in_an_archive_of_its_own(course, assignment, beside):
    books = {name: released(source) for name, source in assignment.notebooks.items()}
    folder = hand_in(course.root / "inbox" / "ada" / "week1", books if beside else {})
    for name, source in assignment.notebooks.items():
        archive(folder / f"{name}.ipynb.zip", {f"{name}.ipynb": encode(solved(source))})
    taken = take(course, assignment)
    assert {job.source_path.stem for job in taken.jobs} == {"quantities", "words"}
    assert all(cell.attempted for job in taken.jobs for cell in job.cells if cell.kind == "answer")


def test_an_archive_stays_shut_beside_the_answers_or_with_no_answers_inside(course, assignment):
    books = {name: solved(source) for name, source in assignment.notebooks.items()}
    blank = {f"{name}.ipynb": encode(released(source)) for name, source in assignment.notebooks.items()}
    for student, notebooks in (("ada", books), ("bob", {"words": books["words"]})):
        archive(hand_in(course.root / "inbox" / student / "week1", notebooks) / "given.zip", blank)
        taken = take(course, assignment, student)
        assert all(cell.attempted for job in taken.jobs for cell in job.cells if cell.kind == "answer")
        assert taken.notes == []


@pytest.mark.parametrize("place", ["ada/week1/", "ada_1_2_", "ada/"])
@pytest.mark.parametrize("packed", [True, False])
def test_what_macos_makes_of_a_notebook_is_unpacked(course, assignment, source, tmp_path, place, packed):
    inner = archive(tmp_path / "inner.zip", {"quantities.ipynb": encode(solved(source)), "__MACOSX/._x.ipynb": b"x"})
    path = archive(tmp_path / "x.zip", {f"{place}quantities.ipynb.zip": inner.read_bytes()})
    if not packed:
        with zipfile.ZipFile(path) as file:
            file.extractall(tmp_path / "x")
        path = tmp_path / "x"
    ((_, taken),) = taken_from(course, assignment, path).values()
    assert (taken.status, [note.code for note in taken.notes]) == ("graded", ["unzipped"])
    assert all(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")


def test_an_archive_inside_is_opened_as_carefully_as_a_platforms(course, assignment, source, tmp_path):
    good = encode(solved(source))
    inner = archive(tmp_path / "inner.zip", {"quantities.ipynb": good}).read_bytes()
    many = {f"{number}.txt": b"" for number in range(10_001)} | {"quantities.ipynb": good}
    cases = {
        "slip": ({"../../quantities.ipynb": good}, "refused"),
        "bomb": ({"quantities.ipynb": b" " * (60 << 20)}, "refused"),
        "nested": ({"inner.zip": inner}, "missing"),
        "many": (many, "missing"),
        "junk": (None, "missing"),
    }
    for student, (members, status) in cases.items():
        folder = course.root / "inbox" / student / "week1"
        folder.mkdir(parents=True)
        if members is None:
            (folder / "x.zip").write_bytes(b"PK\x03\x04" + bytes(100))
        else:
            archive(folder / "x.zip", members)
        taken = take(course, assignment, student)
        assert (taken.status, taken.jobs) == (status, []), student
        assert any(note.code == "refused" for note in taken.notes), student


def test_a_file_name_that_is_not_utf8_can_be_stored(course, assignment, source):
    folder = hand_in(course.root / "inbox" / "ada" / "week1", {"x": solved(source)})
    os.rename(folder / "x.ipynb", os.fsencode(folder) + b"/quantities \xff\xfe.ipynb")
    with open(os.fsencode(folder) + b"/\xff.csv", "wb") as file:
        file.write(b"1")
    taken = take(course, assignment)
    assert taken.status == "graded"
    assert "quantities \\udcff\\udcfe.ipynb" in taken.notes[0].instructor
    assert set(taken.jobs[0].student_files) == {"\\udcff.csv"}


def test_a_students_name_that_is_not_utf8_or_endless_is_refused_under_a_name_that_can_be_stored(
    course, assignment, source, tmp_path
):
    inbox = os.fsencode(course.root / "inbox")
    for name in (b"ada \xff", b"ada \xfe"):
        os.makedirs(inbox + b"/" + name + b"/week1")
    found = {one.student: take_in(one, assignment) for one in find_submissions(course, assignment)}
    assert list(found) == ["ada \\udcfe", "ada \\udcff"]
    assert {taken.status for taken in found.values()} == {"refused"}
    assert "UTF-8" in found["ada \\udcff"].notes[0].instructor
    path = archive(tmp_path / "x.zip", {"s" * 300 + "/quantities.ipynb": encode(solved(source))})
    (handed,) = find_submissions(course, assignment, path)
    assert len(handed.student.encode()) <= 200
    assert take_in(handed, assignment).status == "refused"


def test_links_pipes_sockets_and_folders_are_refused_and_never_opened(course, assignment, source, tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(encode(solved(source)))
    inbox = course.root / "inbox"
    made = {}
    for student in ("link", "pipe", "folder", "socket", "linked-home", "pipe-home", "loop"):
        made[student] = inbox / student / "week1" / "quantities.ipynb"
        if student not in ("linked-home", "pipe-home"):
            made[student].parent.mkdir(parents=True)
    made["link"].symlink_to(secret)
    os.mkfifo(made["pipe"])
    made["folder"].mkdir()
    (made["folder"] / "x.txt").write_text("x")
    made["loop"].symlink_to(made["loop"])
    here = os.getcwd()
    os.chdir(made["socket"].parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("quantities.ipynb")
    os.chdir(here)
    (inbox / "linked-home").symlink_to(tmp_path)
    os.mkfifo(inbox / "pipe-home")
    inbox.joinpath("Linked Home").symlink_to(tmp_path)
    assert take(course, assignment, "Linked Home").notes[0].instructor == "Linked Home is a link, not a folder."
    begin = time.process_time()
    for student in made:
        taken = take(course, assignment, student)
        assert (taken.status, taken.jobs) == ("refused", []), student
        assert len(taken.notes) == 1
        assert taken.notes[0].student.endswith(".")
    assert time.process_time() - begin < 5


def test_a_folder_without_a_notebook_is_missing(course, assignment):
    (course.root / "inbox" / "ada" / "week1").mkdir(parents=True)
    taken = take(course, assignment)
    assert (taken.status, taken.jobs) == ("missing", [])


def test_students_of_other_assignments_are_left_alone(course, assignment, source):
    hand_in(course.root / "inbox" / "bob" / "week0", {"quantities": solved(source)})
    assert list(find_submissions(course, assignment)) == []


def test_a_large_file_is_refused_unread(course, assignment):
    folder = course.root / "inbox" / "ada" / "week1"
    folder.mkdir(parents=True)
    with open(folder / "quantities.ipynb", "wb") as file:
        file.truncate(51 << 20)
    taken = take(course, assignment)
    assert taken.status == "refused"
    assert "50 MB" in taken.notes[0].instructor


def test_an_unreadable_name_is_refused(course, assignment, source):
    for name in ("a\nb", "x\u202etxt", "[ab]", "-rf", "s" * 121):
        hand_in(course.root / "inbox" / name / "week1", {"quantities": solved(source)})
        assert take(course, assignment, name).status == "refused"


def test_own_data_files_travel_but_hide_nothing(course, assignment, source):
    (course.root / "master" / "week1" / "data.csv").write_text("course")
    assignment = course.assignment("week1")
    folder = hand_in(course.root / "inbox" / "ada" / "week1", {"quantities": solved(source)})
    theirs = {"data.csv": "student", "own.csv": "1", "helpers/checks.py": "evil", "helpers.py": "evil"}
    for name, content in theirs.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    taken = take(course, assignment)
    assert taken.jobs[0].files == {"data.csv": b"course"}
    assert taken.jobs[0].student_files == {"own.csv": b"1"}
    assert [note.code for note in taken.notes] == ["file-left-out"]
    assert "helpers.py, helpers/checks.py" in taken.notes[0].student


def own_files(course, source, names, ours=("tables.py", "tools/__init__.py", "data/points.csv", "plain")):
    """Which of a student's own files are handed on, and what is said of the others."""
    for name in ours:
        path = course.root / "master" / "week1" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("course")
    path = archive(course.root / "x.zip", {f"ada/{name}": b"student" for name in names})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("ada/quantities.ipynb", encode(solved(source)))
    (_, taken) = taken_from(course, course.assignment("week1"), path)["ada"]
    assert set(taken.jobs[0].files) == set(ours)
    return set(taken.jobs[0].student_files), " ".join(note.student for note in taken.notes)


@pytest.mark.parametrize(
    "name",
    [
        "tables/__init__.py", "tables.pyc", "tables.cpython-311-x86_64-linux-gnu.so", "Tables.py", "tools/__init__.pyc",
        "tools/more.py", "tables/__init__.abi3.so", "json.py", "random/__init__.py", "torch.py", "torch/__init__.py",
        "numpy.so", "PIL.py", "helpers.py", "nbgrader.pyd", "_socket.so",
    ],
)  # fmt: skip
def test_a_students_module_never_hides_one_that_the_notebook_may_import(course, source, name):
    kept, notes = own_files(course, source, [name, "mine.py", "mine/also.py"])
    assert kept == {"mine.py", "mine/also.py"}
    assert f"{name} (a module of the course or of Python has that name)" in notes


@pytest.mark.parametrize(
    "name", ["json.csv", "torch/points.csv", "tools/extra.csv", "data/mine.csv", "data.py", "README"]
)
def test_data_may_have_a_modules_name(course, source, name):
    assert own_files(course, source, [name]) == ({name}, "")


def test_a_compiled_module_never_replaces_the_courses(course, source):
    kept, notes = own_files(course, source, ["__pycache__/tables.cpython-311.pyc", "tools/__pycache__/x.pyc"])
    assert (kept, notes) == (set(), "")


def test_files_that_cannot_lie_beside_each_other_are_left_out(course, source):
    names = ["data", "plain/x.txt", "plain/y/z.txt", "own", "own/x.txt", "good.txt"]
    kept, notes = own_files(course, source, names)
    assert kept == {"own", "good.txt"}
    assert "data, own/x.txt, plain/x.txt, plain/y/z.txt (a file would have to be a folder, too)" in notes


def test_a_name_that_no_file_can_have_is_left_out(course, source):
    kept, notes = own_files(course, source, ["課" * 110 + ".txt", "課" * 80 + ".txt", "a/" * 120 + "x"])
    assert kept == {"課" * 80 + ".txt"}
    assert "the name is too long" in notes


def test_flat_folders_and_flat_files_are_understood(course, assignment, source, tmp_path):
    flat = tmp_path / "flat"
    hand_in(flat / "ada", {"quantities": solved(source)})
    hand_in(flat, {"bob": solved(source)})
    found = {one.student: take_in(one, assignment).status for one in find_submissions(course, assignment, flat)}
    assert found == {"ada": "graded", "bob": "graded"}


def test_another_folder_structure_is_followed(tmp_path):
    copy_course(tmp_path / "k")
    with open(tmp_path / "k" / "nbgrader_config.py", "a") as file:
        file.write('c.CourseDirectory.directory_structure = "{nbgrader_step}/{assignment_id}/{student_id}"\n')
    (tmp_path / "k" / "master" / "week1").rename(tmp_path / "k" / "x")
    (tmp_path / "k" / "master" / "week1").mkdir()
    (tmp_path / "k" / "x").rename(tmp_path / "k" / "master" / "week1" / ".")
    course = Course(tmp_path / "k")
    assignment = course.assignment("week1")
    hand_in(tmp_path / "k" / "inbox" / "week1" / "ada", {n: solved(s) for n, s in assignment.notebooks.items()})
    assert [take_in(one, assignment).status for one in find_submissions(course, assignment)] == ["graded"]


# --- archives ------------------------------------------------------------------------------------------------------


def archive(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def taken_from(course, assignment, path) -> dict:
    found = find_submissions(course, assignment, path)
    return {one.student: (one, about_what_came(take_in(one, assignment))) for one in found}


def test_a_moodle_archive_is_read_without_unpacking(course, assignment, source, tmp_path):
    good = encode(solved(source))
    path = archive(
        tmp_path / "moodle.zip",
        {
            "Ada Lovelace_101_assignsubmission_file_/quantities.ipynb": good,
            "Ada Lovelace_102_assignsubmission_file_/quantities (1).ipynb": good,
            "José_Ñu Díaz_103_assignsubmission_file/sub/quantities.ipynb": good,
            "Bob_104_assignsubmission_file_/essay.docx": b"PK",
            "Bob_104_assignsubmission_onlinetext_/onlinetext.html": b"<p>hi",
            "__MACOSX/x": b"",
        },
    )
    found = taken_from(course, assignment, path)
    assert list(found) == ["Ada Lovelace_101", "Ada Lovelace_102", "Bob_104", "José_Ñu Díaz_103"]
    assert [found[name][1].status for name in found] == ["graded", "graded", "missing", "graded"]
    assert (found["Ada Lovelace_101"][0].first_name, found["Ada Lovelace_101"][0].last_name) == ("Ada", "Lovelace")
    assert found["Ada Lovelace_101"][0].lms_user_id == "101"


def test_an_unpacked_moodle_archive_is_the_same(course, assignment, source, tmp_path):
    hand_in(tmp_path / "m" / "Ada Lovelace_101_assignsubmission_file_", {"quantities": solved(source)})
    assert list(taken_from(course, assignment, tmp_path / "m")) == ["Ada Lovelace_101"]


@pytest.mark.parametrize("top", ["", "export/"])
def test_an_archive_of_nbgraders_layout_is_read(course, assignment, source, tmp_path, top):
    path = archive(
        tmp_path / "x.zip",
        {
            f"{top}ada/week1/quantities.ipynb": encode(solved(source)),
            f"{top}bob/week1/quantities.ipynb": encode(solved(source)),
            f"{top}bob/week1/data/own.csv": b"1",
        },
    )
    found = taken_from(course, assignment, path)
    assert {name: taken.status for name, (_, taken) in found.items()} == {"ada": "graded", "bob": "graded"}
    assert found["bob"][1].jobs[0].student_files == {"data/own.csv": b"1"}


def test_an_archive_may_write_the_assignments_name_in_capitals(course, assignment, source, tmp_path):
    path = archive(tmp_path / "x.zip", {"ada/WEEK1/quantities.ipynb": encode(solved(source))})
    (_, taken) = taken_from(course, assignment, path)["ada"]
    assert (taken.status, [note.code for note in taken.notes]) == ("graded", ["wrong-name"])


@pytest.mark.parametrize("place", ["", "CS101-week1-55/"])
@pytest.mark.parametrize("packed", [True, False])
def test_moodle_files_without_folders_belong_to_their_students(course, assignment, tmp_path, packed, place):
    books = {name: encode(solved(source)) for name, source in assignment.notebooks.items()}
    inner = archive(tmp_path / "inner.zip", {f"{name}.ipynb": book for name, book in books.items()}).read_bytes()
    members = {
        "Ada Lovelace_123_assignsubmission_file_quantities.ipynb": books["quantities"],
        "Ada Lovelace_123_assignsubmission_file_words.ipynb": books["words"],
        "Ada Lovelace_123_assignsubmission_file_own_1_2.csv": b"1",
        "Bob_124_assignsubmission_file_homework.zip": inner,
        "Bob_124_assignsubmission_onlinetext_onlinetext.html": b"<p>hi",
    }
    path = archive(tmp_path / "x.zip", {f"{place}{name}": content for name, content in members.items()})
    if not packed:
        with zipfile.ZipFile(path) as file:
            file.extractall(tmp_path / "x")
        path = tmp_path / "x" / place
    found = taken_from(course, assignment, path)
    assert {name: len(taken.jobs) for name, (_, taken) in found.items()} == {"Ada Lovelace_123": 2, "Bob_124": 2}
    handed, taken = found["Ada Lovelace_123"]
    assert (handed.first_name, handed.last_name, handed.lms_user_id) == ("Ada", "Lovelace", "123")
    assert (taken.notes, set(taken.jobs[0].student_files)) == ([], {"own_1_2.csv"})


def test_a_stray_file_does_not_decide_where_the_students_are(course, assignment, source, tmp_path):
    good = encode(solved(source))
    cases = {
        "two": ({"x/ada/sub/quantities.ipynb": good, "x/bob/quantities.ipynb": good, "x/readme.txt": b""}, "ada bob"),
        "beside": ({"x/ada/quantities.ipynb": good, "x/bob/quantities.ipynb": good, "list.csv": b""}, "ada bob"),
        "one": ({"x/ada/week1/quantities.ipynb": good, "x/readme.txt": b""}, "ada"),
        "part": ({"ada/sub/quantities.ipynb": good, "ada/notes.txt": b""}, "ada"),
        "only": ({"ada/week1/quantities.ipynb": good, "ada/week2/quantities.ipynb": good}, "ada"),
    }
    for name, (members, students) in cases.items():
        found = taken_from(course, assignment, archive(tmp_path / f"{name}.zip", members))
        assert {one: taken.status for one, (_, taken) in found.items()} == dict.fromkeys(students.split(), "graded"), (
            name
        )


@pytest.mark.parametrize("packed", [True, False])
def test_canvas_names_are_understood(course, assignment, source, tmp_path, packed):
    members = {
        "lovelaceada_12345_678_quantities.ipynb": encode(solved(source)),
        "lovelaceada_12345_679_own.csv": b"1",
        "obrienzoe_LATE_222_333_quantities-1.ipynb": encode(solved(source)),
        "wang_444_555_notes.pdf": b"%PDF",
        "wang_445_556_quantities.ipynb": encode(solved(source)),
    }
    path = archive(tmp_path / "x.zip", members)
    if not packed:
        with zipfile.ZipFile(path) as file:
            file.extractall(tmp_path / "x")
        path = tmp_path / "x"
    found = taken_from(course, assignment, path)
    assert {name: taken.status for name, (_, taken) in found.items()} == {
        "lovelaceada_12345": "graded", "obrienzoe_222": "graded", "wang_444": "missing", "wang_445": "graded",
    }  # fmt: skip
    assert found["lovelaceada_12345"][0].lms_user_id == "12345"
    assert found["lovelaceada_12345"][1].jobs[0].student_files == {"own.csv": b"1"}


def test_an_autosave_in_an_archive_is_no_second_notebook(course, assignment, source, tmp_path):
    members = {"quantities.ipynb": encode(solved(source)), ".ipynb_checkpoints/quantities.ipynb": b"{"}
    path = archive(tmp_path / "x.zip", {f"ada/{name}": content for name, content in members.items()})
    assert taken_from(course, assignment, path)["ada"][1].notes == []


def test_zip_slip_bombs_links_and_damage_are_refused(course, assignment, source, tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../slip/quantities.ipynb", encode(solved(source)))
        file.writestr("bomb/quantities.ipynb", b"\0" * (60 << 20))
        link = zipfile.ZipInfo("link/quantities.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("good/quantities.ipynb", encode(solved(source)))
    found = taken_from(course, assignment, path)
    assert {name: taken.status for name, (_, taken) in found.items()} == {
        "slip": "refused", "bomb": "refused", "link": "refused", "good": "graded",
    }  # fmt: skip
    assert [len(found[name][1].notes) for name in ("slip", "bomb", "link")] == [1, 1, 1]
    assert not (tmp_path / "slip").exists()
    assert not (tmp_path.parent / "slip").exists()
    content = bytearray(path.read_bytes())
    place = content.find(b"good/quantities.ipynb") + 60
    content[place : place + 200] = bytes(200)
    path.write_bytes(content)
    assert taken_from(course, assignment, path)["good"][1].status == "refused"


def test_a_file_that_is_no_archive_is_a_clear_error(course, assignment, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(CourseError, match="not a zip archive"):
        list(find_submissions(course, assignment, tmp_path / "x.zip"))
    with pytest.raises(CourseError, match="neither a folder nor a zip"):
        list(find_submissions(course, assignment, tmp_path / "nowhere"))
