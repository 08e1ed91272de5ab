"""Folders: what lies where, and what is neither followed nor taken along."""

import os
import socket
import time
import zipfile

import pytest

from grader.collect.folders import find_submissions
from grader.collect.take_in import take_in
from grader.course import Course
from grader.tests.submissions import (
    archive,
    copy_course,
    encode,
    hand_in,
    released,
    solved,
    take,
    taken_from,
)


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
        file.truncate(257 << 20)
    begin = time.process_time()
    taken = take(course, assignment)
    assert time.process_time() - begin < 0.05
    assert taken.status == "refused"
    assert "256 MB" in taken.notes[0].instructor


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


def test_of_two_archives_with_answers_the_last_is_opened_and_the_other_named(course, assignment, source):
    for student, names in {"ada": ("hw.zip", "hw (1).zip"), "bob": ("hw 9.zip", "hw 10.zip")}.items():
        folder = course.root / "inbox" / student / "week1"
        folder.mkdir(parents=True)
        for name, without in zip(names, (("scale",), ()), strict=True):
            archive(folder / name, {"quantities.ipynb": encode(solved(source, without=without))})
        taken = take(course, assignment, student)
        assert [note.code for note in taken.notes] == ["unzipped", "duplicate-file"]
        assert f"{names[1]} was opened, not {names[0]}" in taken.notes[1].student
        assert all(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")
