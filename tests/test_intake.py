"""Intake: what was handed in, however broken, becomes a notebook rebuilt from its source, or a sentence."""

import json
import os
import socket
import stat
import time
import zipfile

import pytest

from helpers.staff.course import Course, CourseError
from helpers.staff.intake import Refused, find_submissions, read_notebook, rebuild, take_in
from tests.submissions import answer, copy_course, hand_in, released, solution, solved

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
    return take_in(handed[student], assignment)


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
    [("utf-8", None)] + [(name, "encoding") for name in ("utf-8-sig", "utf-16", "utf-16-le", "latin-1")],
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"PK\x03\x04 not a notebook", "not a Jupyter notebook"),
        (b"<html>log in first</html>", "not a Jupyter notebook"),
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
    assert taken.notes == []


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
    assert taken.jobs[0].files == {"data.csv": b"course", "own.csv": b"1"}
    assert [note.code for note in taken.notes] == ["file-left-out"] * 2


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
    return {one.student: (one, take_in(one, assignment)) for one in find_submissions(course, assignment, path)}


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
    assert found["bob"][1].jobs[0].files == {"data/own.csv": b"1"}


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
