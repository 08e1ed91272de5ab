"""A platform's archive: whose files these are, without unpacking anything."""

import stat
import time
import tracemalloc
import zipfile

import pytest

from grader.collect.folders import find_submissions
from grader.course import CourseError
from grader.tests.submissions import archive, encode, hand_in, solved, taken_from


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


@pytest.mark.parametrize("bomb", [b"[", b'{"a":', b'"', b" ", b'[{"outputs":[],'])
def test_what_unpacks_to_much_is_refused_soon_and_needs_no_memory(course, assignment, tmp_path, bomb):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("ada/quantities.ipynb", "w") as member:
        for _ in range(100):
            member.write(bomb * (2**20 // len(bomb)))
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    begin = time.process_time()
    ((_, taken),) = taken_from(course, assignment, path).values()
    assert time.process_time() - begin < 20  # three times as long as without tracemalloc
    assert tracemalloc.get_traced_memory()[1] < 200 << 20
    tracemalloc.stop()
    assert taken.status == "refused"


def test_a_file_that_is_no_archive_is_a_clear_error(course, assignment, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(CourseError, match="not a zip archive"):
        list(find_submissions(course, assignment, tmp_path / "x.zip"))
    with pytest.raises(CourseError, match="neither a folder nor a zip"):
        list(find_submissions(course, assignment, tmp_path / "nowhere"))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "lovelaceada_12345_678_quantities.ipynb", "lovelaceada_LATE_12345_678_quantities-1.ipynb",
        "Ada Lovelace_12345_assignsubmission_file_quantities.ipynb",
        "101-12345 - Ada Lovelace - Jan 31, 2030 1005 AM - quantities.ipynb",
    ],
)  # fmt: skip
def test_is_one_file_in_a_platforms_form_found_below_a_folder(course, assignment, source, tmp_path, packed, name):
    path = archive(tmp_path / "x.zip", {f"downloads/{name}": encode(solved(source))})
    if not packed:
        with zipfile.ZipFile(path) as file:
            file.extractall(tmp_path / "x")
        path = tmp_path / "x"
    ((student, (handed, taken)),) = taken_from(course, assignment, path).items()
    assert "lovelace" in student.casefold()
    assert (taken.status, len(taken.jobs)) == ("graded", 1)
    assert handed.place.startswith("downloads/")


def test_is_a_folder_with_a_notebook_of_another_form_still_a_student(course, assignment, source, tmp_path):
    path = archive(tmp_path / "x.zip", {"ada/quantities_2_final.ipynb": encode(solved(source))})
    assert list(taken_from(course, assignment, path)) == ["ada"]
