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
