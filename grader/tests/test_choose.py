"""Choosing: which of the files that a student handed in is meant."""

import zipfile
from pathlib import PurePosixPath

import pytest

from grader.collect import choose
from grader.collect import take_in as take_in_module
from grader.collect.folders import find_submissions
from grader.collect.handed import Entry
from grader.collect.take_in import take_in
from grader.notebook.read import read_notebook
from grader.tests.submissions import answer, archive, encode, hand_in, released, solved, take, taken_from


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
    handed.entries.append(Entry("quantities", 1, lambda: [encode(solved(source))]))
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
