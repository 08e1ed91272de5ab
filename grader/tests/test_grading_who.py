"""Whose work is it? What the roster knows of numbers and names."""

import shutil
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from grader.grading import grade
from grader.tests.in_process import Here, table
from grader.tests.submissions import hand_in, solved


def enrol(course, *students: tuple[str, str, str | None]) -> None:
    """Register students: id, full name and the platform's number of each."""
    with Gradebook(course.db_url) as gradebook:
        for student, name, number in students:
            first, _, last = name.rpartition(" ")
            gradebook.add_student(student, first_name=first or None, last_name=last or None, lms_user_id=number)


def moodle(course, assignment, *folders: str) -> Path:
    """An unpacked Moodle archive: the first student solves all, each later one leaves another answer open."""
    where = course.root.parent / "moodle"
    shutil.rmtree(where, ignore_errors=True)
    for number, folder in enumerate(folders):
        open_ = ((), ("count-words",), ("scale",))[number]
        books = {name: solved(source, without=open_) for name, source in assignment.notebooks.items()}
        hand_in(where / f"{folder}_assignsubmission_file_", books)
    return where


def points(course) -> dict[str, float]:
    return {student: float(row["score"]) for student, row in table(course).items()}


def test_the_roster_knows_the_platforms_numbers(course, assignment):
    enrol(course, ("al17", "", "101"), ("bb01", "Bob Builder", None), ("cc", "Zoe\u0308  SMITH", "103"))
    where = moodle(course, assignment, "A. Byron_101", "Bob Builder_102", "Zo\u00eb Smith_103")
    grade(course, assignment, Here(), submitted=where)
    assert set(table(course)) == {"al17", "bb01", "cc"}
    doubtful = {student for student, row in table(course).items() if "gradebook" in row["needs_eyes"]}
    assert doubtful == {"al17"}, "no name confirms that number"


def test_two_students_with_one_number_keep_their_own_grades(course, assignment):
    enrol(course, ("alovelace", "Ada Lovelace", "11"))
    where = moodle(course, assignment, "Ada Lovelace_11", "Zoe Same_11")
    for version in ("1", "2"):
        grade(course, assignment, Here(), submitted=where, version=version)
        assert points(course) == {"alovelace": 10, "Zoe Same_11": 8}
        assert "also that of alovelace" in table(course)["Zoe Same_11"]["needs_eyes"]
    with Gradebook(course.db_url) as gradebook:
        assert {one.id: one.lms_user_id for one in gradebook.students} == {"alovelace": "11", "Zoe Same_11": None}
        gradebook.find_student("Zoe Same_11").lms_user_id = "11"  # as an earlier grader stored it
        gradebook.db.commit()
    grade(course, assignment, Here(), submitted=where, version="3")
    assert points(course) == {"alovelace": 10, "Zoe Same_11": 8}


def test_a_folder_with_a_students_id_is_that_students(course, assignment):
    enrol(course, ("ada", "Ada Lovelace", "11"))
    where = moodle(course, assignment, "Ada Lovelace_11")
    hand_in(where / "ada" / "week1", {"words": solved(assignment.notebooks["words"])})
    grade(course, assignment, Here(), submitted=where)
    assert points(course) == {"ada": 2, "Ada Lovelace_11": 10}
    assert "also that of ada" in table(course)["Ada Lovelace_11"]["needs_eyes"]


@pytest.mark.parametrize("lovelace", ["12", None])
def test_a_number_does_not_beat_a_full_name_that_contradicts(course, assignment, lovelace):
    enrol(course, ("alovelace", "Ada Lovelace", lovelace), ("bdoe", "Bob Doe", "77"))
    grade(course, assignment, Here(), submitted=moodle(course, assignment, "Bob Doe_12"))
    assert set(table(course)) == {"bdoe"}
    words = "also that of alovelace" if lovelace else "there the number is 77"
    assert words in table(course)["bdoe"]["needs_eyes"]


def test_of_two_with_one_name_nobody_is_guessed_at(course, assignment):
    enrol(course, ("bdoe", "Bob Doe", None))
    where = moodle(course, assignment, "Bob Doe_12", "Bob Doe_13")
    grade(course, assignment, Here(), submitted=where)
    assert points(course) == {"Bob Doe_12": 10, "Bob Doe_13": 8}
    assert all("also that of bdoe" in row["needs_eyes"] for row in table(course).values())
    assert grade(course, assignment, Here(), submitted=where).unchanged == 2
