"""Gradebooks and disks that cannot be used are named with their remedy, and nothing is lost."""

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from grader.course import CourseError
from grader.gradebook import database, files, registry, sqlite
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.tests.records import record


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write_file(tmp_path / "a", "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left.*make room"):
        write_file(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


# --- bad days --------------------------------------------------------------------------------------------------------


def test_two_graders_at_once_is_a_clear_error(course):
    with lock(course), pytest.raises(StoreError, match="Another grader"), lock(course):
        pass
    with lock(course):
        pass


def test_a_locked_gradebook_is_waited_for_and_then_named(course, assignment, db, monkeypatch):
    monkeypatch.setattr(database, "BUSY", 0.2)
    monkeypatch.setattr(database, "TRIES", 2)
    path = course.root / "gradebook.db"
    with Store(course, assignment) as opened, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            opened.commit(record(assignment))
        other.execute("ROLLBACK")
        opened.commit(record(assignment))


def test_a_full_disk_is_said_in_a_sentence_without_a_traceback(course, assignment, caplog, monkeypatch):
    with Store(course, assignment) as opened:
        opened.registry.register([])
        (pages,) = opened.gradebook.db.execute(sa.text("PRAGMA page_count")).one()
        opened.gradebook.db.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StoreError, match="The disk is full"):
            opened.database.patiently(
                lambda: [opened.gradebook.add_student("x" * 100 + str(number)) for number in range(999)]
            )
    assert caplog.text == ""


def test_a_gradebook_of_another_version_is_refused_untouched(course, assignment):
    path = course.root / "gradebook.db"
    with Store(course, assignment):
        pass
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE alembic_version SET version_num = 'fedcba987654'")
        other.commit()
    with pytest.raises(StoreError, match="another version of nbgrader"):
        Store(course, assignment)


def test_a_file_that_is_no_gradebook_is_refused_untouched(course, assignment):
    path = course.root / "gradebook.db"
    path.write_bytes(b"not a database, but something dear to me" * 30)
    with pytest.raises(StoreError, match="damaged"):
        Store(course, assignment)
    assert path.read_bytes().startswith(b"not a database")


def test_a_full_disk_is_named(course, assignment, db):
    db.gradebook.db.execute(sa.text("PRAGMA max_page_count = 1"))
    db.gradebook.db.commit()
    with pytest.raises(StoreError, match="disk is full"):
        db.commit(record(assignment, notes=[{"code": "x", "instructor": "y" * 2_000_000, "student": "z"}]))
    assert db.done() == {}


# --- folders and files that cannot be written ------------------------------------------------------------------------


def test_a_file_below_a_file_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "a").write_text("mine")
    for path in (tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"):
        with pytest.raises(StoreError, match=f"{path} cannot be written .*{tmp_path / 'a'} is not a folder; move it"):
            write_file(path, "new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="it is a folder; move it away"):
        write_file(tmp_path / "folder", "new")
    with pytest.raises(StoreError, match="/proc/x/y cannot be written"):
        write_file(Path("/proc/x/y"), "new")


def test_a_folder_is_tried_without_a_trace(tmp_path):
    files.check_folder(tmp_path / "new" / "newer")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").write_text("mine")
    for folder in (tmp_path / "a", tmp_path / "a" / "b", Path("/proc/x")):
        with pytest.raises(StoreError, match="cannot be written"):
            files.check_folder(folder)


def test_a_lock_that_is_no_lock_is_replaced(course):
    course.grades.mkdir()
    (course.grades / ".lock").write_bytes(b"torn by a power cut" * 100)
    with lock(course), pytest.raises(StoreError, match="Another grader"), lock(course):
        pass
    (course.grades / ".lock").unlink()
    (course.grades / ".lock").mkdir()
    with pytest.raises(StoreError, match=r"\.lock cannot be used as a lock .*delete it"), lock(course):
        pass


# --- a gradebook that cannot be used ---------------------------------------------------------------------------------


def test_a_disk_full_while_registering_is_named(course, assignment, monkeypatch):
    from nbgrader.api import InvalidEntry

    def full(*_):
        raise InvalidEntry("(sqlite3.OperationalError) database or disk is full")

    monkeypatch.setattr(registry.SaveCells, "preprocess", full)
    with Store(course, assignment) as opened, pytest.raises(StoreError, match="The disk is full"):
        opened.registry.register([])


@pytest.mark.parametrize("url", ["sqlite:/gradebook.db", "nonsense", "nosuch://x/y", "mssql+pymssql://u:secret@h/x"])
def test_an_address_that_names_no_database_is_refused(course, assignment, url):
    course.directory.db_url = url
    with pytest.raises(CourseError, match="CourseDirectory.db_url in nbgrader_config.py") as caught:
        Store(course, assignment)
    assert "secret" not in str(caught.value)


def test_a_gradebook_that_is_a_folder_is_named(course, assignment):
    (course.root / "gradebook.db").mkdir()
    with pytest.raises(StoreError, match=r"gradebook\.db is a folder: move it away"):
        Store(course, assignment)


def test_a_read_only_gradebook_is_named():
    said = sqlite.explain("x.db", sqlite3.OperationalError("attempt to write a readonly database"))
    assert "let this user write the file" in said


@pytest.mark.parametrize(
    ("version", "words"), [("b6d005d67074", "an older one.*nbgrader db upgrade"), ("fedcba9", "a newer one.*update")]
)
def test_the_remedy_depends_on_which_gradebook_is_older(course, assignment, version, words):
    with Store(course, assignment):
        pass
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as other:
        other.execute("UPDATE alembic_version SET version_num = ?", (version,))
        other.commit()
    with pytest.raises(StoreError, match=words):
        Store(course, assignment)


def test_waiting_for_the_gradebook_is_said(course, assignment, db, monkeypatch, capsys):
    monkeypatch.setattr(database, "BUSY", 0.2)
    monkeypatch.setattr(database, "TRIES", 4)
    monkeypatch.setattr(database, "QUIET", 0.3)
    path = course.root / "gradebook.db"
    with Store(course, assignment) as opened, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            opened.commit(record(assignment))
    assert capsys.readouterr().err.count("Waiting for the gradebook") == 1
