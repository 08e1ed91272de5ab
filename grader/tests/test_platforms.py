"""Whose is it? The names that learning platforms and packers give to what a student handed in."""

import json
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest

from grader.collect.folders import find_submissions
from grader.collect.take_in import take_in
from grader.collect.who import identify
from grader.tests.submissions import copy_course, solved


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path / "kitchen")


@pytest.fixture
def assignment(course):
    return course.assignment("week1")


@pytest.fixture
def book(assignment):
    """A solved notebook, as bytes."""
    return json.dumps(solved(assignment.notebooks["quantities"])).encode()


class Raw(zipfile.ZipInfo):
    """A member whose name is given as bytes, without the flag that says it is UTF-8."""

    def __init__(self, raw: bytes, extra: bytes = b""):
        super().__init__(raw.hex())
        self.raw, self.extra = raw, extra

    def _encodeFilenameFlags(self):
        return self.raw, self.flag_bits & ~0x800


def pack(path: Path, members: dict) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def students(course, assignment, path) -> dict:
    """What was found of each student, and what came of it; an archive is open only while it is walked through."""
    return {one.student: (one, take_in(one, assignment)) for one in find_submissions(course, assignment, path)}


# --- names without the flag of UTF-8 -------------------------------------------------------------------------------

JOERG = "J\u00f6rg M\u00fcller_101"


def unicode_path(name: str, raw: bytes) -> bytes:
    """The extra field that Info-ZIP writes on Windows."""
    field = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


@pytest.mark.parametrize(
    ("name", "code", "form"),
    [
        (JOERG, "utf-8", "NFD"),  # as macOS packs
        (JOERG, "utf-8", "NFC"),
        (JOERG, "cp437", "NFC"),  # as Windows packs
        ("Zo\u00eb \u00c5ngstr\u00f6m_102", "utf-8", "NFD"),
        ("\u0410\u043d\u043d\u0430 \u0419\u043e\u0432\u0430_103", "utf-8", "NFD"),
        ("\u738b\u5c0f\u660e_104", "utf-8", "NFC"),
        ("Nguy\u1ec5n \u0110\u1ee9c_105", "utf-8", "NFD"),
        ("Fran\u00e7oise Gar\u00e7on_106", "cp437", "NFC"),
    ],
)
def test_is_a_name_read_in_the_code_it_was_written_in(course, assignment, book, tmp_path, name, code, form):
    raw = unicodedata.normalize(form, f"hw/{name}_assignsubmission_file_/quantities.ipynb").encode(code)
    beside = "hw/Bob Builder_100_assignsubmission_file_/quantities.ipynb"
    path = pack(tmp_path / "x.zip", {Raw(raw): book, beside: book, Raw(b"__MACOSX/" + raw): b""})
    found = students(course, assignment, path)
    assert set(found) == {"Bob Builder_100", name}
    handed, taken = found[name]
    assert f"{handed.first_name or ''} {handed.last_name}".strip() == name.rpartition("_")[0]
    assert taken.status == "graded", taken.notes


def test_does_the_path_that_windows_tools_write_beside_win_only_if_it_belongs_there(course, assignment, book, tmp_path):
    raw = b"__rg M_ller_101_assignsubmission_file_/quantities.ipynb"
    right = f"{JOERG}_assignsubmission_file_/quantities.ipynb"
    path = pack(tmp_path / "x.zip", {Raw(raw, unicode_path(right, raw)): book})
    assert set(students(course, assignment, path)) == {JOERG}
    path = pack(tmp_path / "y.zip", {Raw(raw, unicode_path(right, b"another name")): book})
    assert set(students(course, assignment, path)) == {"__rg M_ller_101"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_is_a_folder_in_nfc_whatever_the_disk_says(course, assignment, book, tmp_path, form):
    folder = tmp_path / "in" / unicodedata.normalize(form, "zo\u00eb") / "week1"
    folder.mkdir(parents=True)
    (folder / "quantities.ipynb").write_bytes(book)
    assert set(students(course, assignment, tmp_path / "in")) == {"zo\u00eb"}


def test_is_a_students_own_archive_read_likewise(course, assignment, book, tmp_path):
    raw = unicodedata.normalize("NFD", "\u00dcbung/donn\u00e9es.csv").encode()
    inner = pack(tmp_path / "inner.zip", {"\u00dcbung/quantities.ipynb": book, Raw(raw): b"1"})
    path = pack(tmp_path / "x.zip", {"ada/week1/hw.zip": inner.read_bytes()})
    _, taken = students(course, assignment, path)["ada"]
    assert taken.jobs[0].student_files == {"donn\u00e9es.csv": b"1"}


# --- a number is believed only in a platform's whole form, and if a name confirms it --------------------------------


class Roster:
    """What ``identify`` needs of a gradebook."""

    def __init__(self, course, assignment, students: dict[str, tuple]):
        self.course, self.assignment, self.students, self.registry = course, assignment, students, self

    def roster(self) -> dict[str, tuple]:
        return self.students

    def register(self, rows):
        """As the gradebook does: new students are entered, those that are there stay as they are."""
        for student, *known in rows:
            self.students.setdefault(student, tuple(known))


EVE = {"eve": ("Eve", "Adams", "9001")}


def whose(course, assignment, path, roster: dict) -> dict[str, tuple[str, bool]]:
    """The student each folder was given to, and whether that needs eyes; the same if it is graded a second time."""
    store, results = Roster(course, assignment, dict(roster)), []
    for _ in range(2):
        names, doubts, rows = identify(store, find_submissions(course, assignment, path), None, path)
        store.registry.register(rows)
        results.append({folder: (student, folder in doubts) for folder, student in names.items()})
    assert results[0] == results[1]
    return results[0]


def named(course, name: str, book: bytes):
    """An assignment with one notebook that has the assignment's name."""
    folder = course.root / "master" / name
    folder.mkdir()
    (folder / f"{name}.ipynb").write_bytes((course.root / "master" / "week1" / "quantities.ipynb").read_bytes())
    return course.assignment(name)


@pytest.mark.parametrize(
    ("assignment_name", "file", "student"),
    [
        ("00_orientation", "anon_aB3xZ_9001_00_orientation.ipynb", "anon_aB3xZ"),
        ("00_orientation", "LATE_anon_aB3xZ_9001_00_orientation-1.ipynb", "anon_aB3xZ"),
        ("quiz", "anon_aB3xZ_9001_quiz.ipynb", "anon_aB3xZ"),
        ("10_vision", "anon_77_9001_10_vision.ipynb", "anon_77"),
        ("quiz", "anon_9001_55_quiz.ipynb", "anon_9001"),
        ("10_vision", "smith_9001_10_vision.ipynb", "smith_9001_10_vision"),
        ("10_vision", "smith_9001_10_Vision (1).ipynb", "smith_9001_10_Vision (1)"),
        ("9001_12_nets", "smith_9001_12_nets.ipynb", "smith_9001_12_nets"),
        ("07_nets", "smith_9001_07_nets.ipynb", "smith_9001_07_nets"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_is_the_number_of_a_file_or_an_assignment_no_persons(
    course, book, tmp_path, assignment_name, file, student, packed
):
    assignment = named(course, assignment_name, book)
    path = pack(tmp_path / "x.zip", {file: book})
    if not packed:
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / file).write_bytes(book)
        path = tmp_path / "x"
    found = whose(course, assignment, path, EVE)
    assert [owner for owner, _ in found.values()] == [student]
    if "anon" in file:
        assert found[student][1], "somebody must see whose it is"
    (handed, taken) = students(course, assignment, path)[student]
    assert (handed.lms_user_id, taken.status) == (None, "graded")


@pytest.mark.parametrize(
    ("alias", "roster", "owner", "eyes"),
    [
        ("adamseve", EVE, "eve", False),
        ("adamseve_LATE", EVE, "eve", False),
        ("adamsevemarie", EVE, "eve", False),
        ("eve", {"eve": (None, None, "9001")}, "eve", False),
        ("obrienzoe", {"z1": ("Zo\u00eb", "O'Brien", "9001")}, "z1", False),
        ("strangerbob", EVE, "strangerbob_9001", True),
        ("strangerbob", {"e17": (None, None, "9001")}, "e17", True),
        ("adamseve", {}, "adamseve_9001", False),
    ],
)
def test_does_a_name_confirm_canvas_number(course, book, tmp_path, alias, roster, owner, eyes):
    assignment = named(course, "10_vision", book)
    path = pack(tmp_path / "x.zip", {f"{alias}_9001_678_10_vision.ipynb": book})
    (found,) = whose(course, assignment, path, roster).values()
    assert found == (owner, eyes)


def test_does_a_moodle_number_without_a_known_name_need_eyes_each_time(course, assignment, book, tmp_path):
    path = pack(tmp_path / "x.zip", {"Bob Stranger_9001_assignsubmission_file_/quantities.ipynb": book})
    assert list(whose(course, assignment, path, {"e17": (None, None, "9001")}).values()) == [("e17", True)]


def test_does_a_students_own_file_name_not_pick_another_student(course, assignment, book, tmp_path):
    path = pack(
        tmp_path / "x.zip",
        {"Ada Lovelace_5_assignsubmission_file_Eve Adams_9001_assignsubmission_file_quantities.ipynb": book},
    )
    assert list(whose(course, assignment, path, EVE).values()) == [("Ada Lovelace_5", False)]


# --- every platform's form is read; a form that nobody knows needs eyes --------------------------------------------


def laid_out(where: Path, members: dict[str, bytes], packed: bool) -> Path:
    """The members as an archive, or as the folder that unpacking it gives."""
    path = pack(where / "x.zip", members)
    if packed:
        return path
    with zipfile.ZipFile(path) as file:
        file.extractall(where / "x")
    return where / "x"


def blackboard(title: str, account: str, day: int, file: str = "_quantities.ipynb") -> str:
    return f"{title}_{account}_attempt_2030-01-{day}-10-00-00{file}"


OLD = b"an earlier attempt, which is no notebook"
BRIGHT = "101-9001 - Ada Lovelace - "


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("title", ["Homework 0", "week1", "Week_1", "Homework 0_x"])
@pytest.mark.parametrize("accounts", [("s101", "s102"), ("ada_l", "bob_l"), ("ann.b@c", "bea.b@c")])
def test_is_blackboards_last_attempt_of_each_account_taken(course, assignment, book, tmp_path, packed, title, accounts):
    ada, bob = accounts
    members = {blackboard(title, ada, day): OLD for day in (28, 29, 30)} | {
        blackboard(title, ada, 31): book,
        blackboard(title, ada, 31, ".txt"): b"Name: Ada",
        blackboard(title, bob, 31): book,
    }
    path = laid_out(tmp_path, members, packed)
    roster = {ada: ("Ada", "Lovelace", "5")}
    found = whose(course, assignment, path, roster)
    assert found[ada] == (ada, False)
    assert found[bob] == (bob, title == "Homework 0_x"), "where a title ends cannot always be known"
    taken = students(course, assignment, path)[ada][1]
    assert (taken.status, "attempts" in [note.code for note in taken.notes]) == ("graded", True)


def test_is_an_attempt_without_a_notebook_no_reason_to_forget_the_one_before(course, assignment, book, tmp_path):
    members = {
        blackboard("HW", "s1", 28): OLD,
        blackboard("HW", "s1", 29): book,
        blackboard("HW", "s1", 30, ".txt"): b"",
    }
    (_, taken) = students(course, assignment, pack(tmp_path / "x.zip", members))["s1"]
    assert taken.status == "graded"
    assert "duplicate-file" in [note.code for note in taken.notes], "somebody should see that"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("mark", [" - ", "/"])
@pytest.mark.parametrize(
    ("early", "late"),
    [
        ("Jan 31, 2030 905 AM", "Jan 31, 2030 1005 AM"),
        ("Jan 31, 2030 1105 AM", "Jan 31, 2030 1005 PM"),
        ("Apr 2, 2030 1005 AM", "Feb 1, 2031 905 AM"),
        ("31 January, 2030 1005", "2 February, 2030 0905"),
    ],
)
def test_is_brightspaces_last_attempt_taken(course, assignment, book, tmp_path, packed, mark, early, late):
    members = {
        f"{BRIGHT}{early}{mark}quantities.ipynb": OLD,
        f"{BRIGHT}{late}{mark}quantities.ipynb": book,
        f"102-9001 - Jean-Luc de la Tour - {early}{mark}quantities.ipynb": book,
        "index.html": b"<p>",
    }
    path = laid_out(tmp_path, members, packed)
    found = whose(course, assignment, path, {"ada": ("Ada", "Lovelace", None)})
    assert found == {
        "Ada Lovelace_101": ("ada", False),
        "Jean-Luc de la Tour_102": ("Jean-Luc de la Tour_102", False),
    }
    assert students(course, assignment, path)["Ada Lovelace_101"][1].status == "graded"


def test_does_a_time_that_cannot_be_read_need_eyes(course, assignment, book, tmp_path):
    members = {f"{BRIGHT}{day} janvier 2030 10h05 - quantities.ipynb": book for day in (30, 31)}
    (_, taken) = students(course, assignment, pack(tmp_path / "x.zip", members))["Ada Lovelace_101"]
    assert "duplicate-file" in [note.code for note in taken.notes]


@pytest.mark.parametrize("folder", ["Version {}", "attempt{}", "Versuch_{}"])
def test_is_the_last_of_a_students_numbered_folders_taken(course, assignment, book, tmp_path, folder):
    members = {f"ada/week1/{folder.format(n)}/quantities.ipynb": book if n == 10 else OLD for n in (1, 2, 9, 10)}
    members["bob/week1/quantities.ipynb"] = book
    (_, taken) = students(course, assignment, pack(tmp_path / "x.zip", members))["ada"]
    assert taken.status == "graded"


@pytest.mark.parametrize(
    ("member", "eyes"),
    [
        ("Lovelace, Ada(ada)/Submission attachment(s)/quantities.ipynb", True),
        ("submission_279841234/quantities.ipynb", True),
        ("Ada Lovelace - quantities.ipynb", True),
        ("ada_quantities.ipynb", True),
        ("hw 2030-01-31 ada.ipynb", True),
        ("Ada [late] #2.ipynb", True),
        ("ada.ipynb", False),
        ("2024-12-345/quantities.ipynb", False),
        ("Ada O'Brien, Jr./quantities.ipynb", False),
        ("swordsmith.ipynb", False),
    ],
)
def test_does_a_name_of_no_known_form_need_eyes_before_it_is_a_student(
    course, assignment, book, tmp_path, member, eyes
):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / member
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(book)
    (found,) = whose(course, assignment, tmp_path / "in", {}).values()
    assert found[1] == eyes


# --- one level more ------------------------------------------------------------------------------------------------

ILIAS = ("Lovelace_Ada_ada_101", "Builder_Bob_bob_102", "Clarke_Joan_joan_103")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("members", "found"),
    [
        ([f"Homework 0/Abgaben/{name}/quantities.ipynb" for name in ILIAS], ILIAS),
        ([f"Homework 0/Abgaben/{name}/quantities.ipynb" for name in ILIAS[:2]] + ["Homework 0/list.txt"], ILIAS[:2]),
        ([f"a/b/c/{name}/quantities.ipynb" for name in ("ada", "bob")], ("ada", "bob")),
        ([f"course/Group {n % 2}/s{n}/quantities.ipynb" for n in range(4)], ("s0", "s1", "s2", "s3")),
        ([f"Abgaben/Team {n % 2}/s{n}/week1/quantities.ipynb" for n in range(4)], ("s0", "s1", "s2", "s3")),
        ([f"Homework/Submissions/{name}/quantities.ipynb" for name in ("ada", "bob")] + ["Homework/Feedback/x.pdf"],
         ("ada", "bob")),
        ([f"out/{name}/week1/{book}.ipynb" for name in ("ada", "bob") for book in ("quantities", "words")],
         ("ada", "bob")),
        # one student's folders are no students
        (["ada/Version 1/quantities.ipynb", "ada/Version 2/quantities.ipynb", "bob/quantities.ipynb"], ("ada", "bob")),
        (["ada/week1/a/quantities.ipynb", "ada/week1/b/quantities.ipynb", "bob/week1/quantities.ipynb"],
         ("ada", "bob")),
        (["ada/week1/quantities.ipynb", "ada/week0/quantities.ipynb", "bob/week1/quantities.ipynb"], ("ada", "bob")),
        (["ada/old/quantities.ipynb", "ada/new/quantities.ipynb", "bob/quantities.ipynb"], ("ada", "bob")),
        (["ada/a/quantities.ipynb", "ada/b/words.ipynb", "bob/quantities.ipynb"], ("ada", "bob")),
    ],
)  # fmt: skip
def test_are_students_found_however_deep_their_folders_lie(course, assignment, book, tmp_path, packed, members, found):
    path = laid_out(tmp_path, dict.fromkeys(members, book), packed)
    assert {name: taken.status for name, (_, taken) in students(course, assignment, path).items()} == dict.fromkeys(
        found, "graded"
    )


LATE = "Late Submission - quantities.ipynb", "Verspaetete Abgabe - quantities.ipynb"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("above", ["Homework 0/Abgaben", "multi_feedback_HW_77", "x/Homework/Abgaben/Team 4", "."])
@pytest.mark.parametrize(
    "files",
    [
        ("20300130100500_quantities.ipynb",) * 3, (LATE[0],) * 3, (*LATE, "quantities.ipynb"),
        ("my homework.ipynb", "solution.ipynb", "20300130100500_quantities.ipynb"),
        ("20300130100500_quantities.ipynb",), ("quantities.ipynb",),
    ],
)  # fmt: skip
def test_is_a_file_in_a_folder_of_ilias_graded_whatever_it_is_called(
    course, assignment, book, tmp_path, packed, above, files
):
    members = {f"{above}/{name}/{file}".removeprefix("./"): book for name, file in zip(ILIAS, files, strict=False)}
    found = students(course, assignment, laid_out(tmp_path, members, packed))
    assert {name: taken.status for name, (_, taken) in found.items()} == dict.fromkeys(ILIAS[: len(files)], "graded")


@pytest.mark.parametrize("packed", [True, False])
def test_is_the_last_of_several_files_in_a_folder_of_ilias_taken(course, assignment, book, tmp_path, packed):
    members = {f"HW/Abgaben/{ILIAS[0]}/203001{day}100500_quantities.ipynb": book for day in (30, 29, 31)}
    _, taken = students(course, assignment, laid_out(tmp_path, members, packed))[ILIAS[0]]
    assert any("20300131100500_quantities.ipynb was taken" in note.instructor for note in taken.notes)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("files", [("20300130_quantities.ipynb", "20300131_quantities.ipynb"), LATE])
def test_is_work_in_a_students_own_folders_graded_though_a_time_stands_before_its_name(
    course, assignment, book, tmp_path, packed, files
):
    members = {f"ada/{day}/{file}": book for day, file in zip(("monday", "tuesday"), files, strict=True)}
    members |= {"bob/quantities.ipynb": book, "eve/week0/20300130_quantities.ipynb": book}
    found = students(course, assignment, laid_out(tmp_path, members, packed))
    assert {name: taken.status for name, (_, taken) in found.items()} == {"ada": "graded", "bob": "graded"}


@pytest.mark.parametrize("packed", [True, False])
def test_are_teams_of_ilias_and_accounts_with_a_mark_found(course, assignment, book, tmp_path, packed):
    names = (*ILIAS, "King_Ada_ada_k_104")
    members = {f"HW/Abgaben/Team {n}/{name}/20300130100500_quantities.ipynb": book for n, name in enumerate(names)}
    found = students(course, assignment, laid_out(tmp_path, members, packed))
    assert {name: taken.status for name, (_, taken) in found.items()} == dict.fromkeys(names, "graded")


def test_do_ilias_names_fit_the_gradebook(course, assignment, book, tmp_path):
    members = {f"Homework 0/Abgaben/{name}/quantities.ipynb": book for name in ILIAS}
    found = whose(course, assignment, pack(tmp_path / "x.zip", members), {"al": ("Ada", "Lovelace", None)})
    assert set(found.values()) == {("al", False), (ILIAS[1], False), (ILIAS[2], False)}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("beside", ["", "list.txt"])
def test_is_a_folder_of_several_students_among_single_ones_refused_with_their_names(
    course, assignment, book, tmp_path, packed, beside
):
    members = {f"tutorial/s{n}/quantities.ipynb": book for n in range(3)} | {"zoe/quantities.ipynb": book}
    if beside:
        members[f"tutorial/{beside}"] = b""
    found = students(course, assignment, laid_out(tmp_path, members, packed))
    assert {name: taken.status for name, (_, taken) in found.items()} == {"tutorial": "refused", "zoe": "graded"}
    assert "(s0, s1, s2)" in found["tutorial"][1].notes[-1].instructor


@pytest.mark.parametrize("packed", [True, False])
def test_is_work_beside_the_students_folders_not_left_out(course, assignment, book, tmp_path, packed):
    members = {f"x/Homework/Abgaben/{name}/quantities.ipynb": book for name in ILIAS}
    members["x/Homework/Late/emmy/quantities.ipynb"] = book
    found = students(course, assignment, laid_out(tmp_path, members, packed))
    assert {name: taken.status for name, (_, taken) in found.items()} == {"Abgaben": "refused", "Late": "graded"}
    path = tmp_path / ("x.zip" if packed else "x")
    assert whose(course, assignment, path, {})["Late"] == ("Late", True)
