"""The store: one transaction per submission, a journal before it, and a gradebook that nbgrader still knows."""

import contextlib
import errno
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from nbgrader.api import Gradebook

from grader.commands import overrides
from grader.course import CourseError
from grader.gradebook import files, sqlite, store
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.record import Record, Task
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.tests.submissions import copy_course


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path / "kitchen")


@pytest.fixture
def assignment(course):
    return course.assignment("week1")


@pytest.fixture
def db(course, assignment):
    with Store(course, assignment) as opened:
        opened.register([("ada", "Ada", "Lovelace", "7"), ("bob", None, None, None)])
        yield opened


def record(assignment, student="ada", share=1.0, **changes) -> Record:
    tasks = [
        Task(book.name, cell.grade_id, None if cell.kind == "manual" else cell.points * share, cell.points, "passed")
        for book in assignment.notebooks.values()
        for cell in book.graded
    ]
    made = Record(assignment.name, student, "manual", "sub1", assignment.sha256, "v1", tasks)
    return replace(made, **changes)


def total(course, student="ada") -> float:
    with Gradebook(course.db_url) as gradebook:
        return gradebook.find_submission("week1", student).score


def test_a_commit_is_all_that_nbgrader_needs(course, assignment, db):
    db.commit(record(assignment, comments={"words": {"count-words": "No response."}}))
    with Gradebook(course.db_url) as gradebook:
        submission = gradebook.find_submission("week1", "ada")
        assert (submission.score, submission.max_score, submission.needs_manual_grade) == (10, 12, True)
        assert gradebook.find_grade("scale-hidden", "quantities", "week1", "ada").auto_score == 2
        assert gradebook.find_comment("count-words", "words", "week1", "ada").comment == "No response."
        student = gradebook.find_student("ada")
        assert (student.first_name, student.last_name, student.lms_user_id) == ("Ada", "Lovelace", "7")
    assert db.done() == {"ada": ("sub1", assignment.sha256, "v1")}
    assert [one.student for one in db.records()] == ["ada"]


def test_grades_and_doneness_are_one_transaction(course, assignment, db, monkeypatch):
    monkeypatch.setattr(db.gradebook.db, "commit", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        db.commit(record(assignment))
    monkeypatch.undo()
    db.gradebook.db.rollback()
    assert db.done() == {}
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.assignment_submissions("week1") == []


def test_what_humans_gave_survives_a_regrade(course, assignment, db):
    db.commit(record(assignment, share=0.5))
    db.override([("ada", "quantities", "mean-test", 3.0, "well argued"), ("ada", "words", "why", 2.0, "good")])
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("scale-test", "quantities", "week1", "ada").extra_credit = 1.0
        gradebook.db.commit()
    assert total(course) == 0.5 + 1 + 1 + 3 + 1 + 1 + 2
    assert not any(entry["needs"] for entry in db.scores("ada").values() if "score" in entry)
    db.commit(record(assignment, share=0.5, source="changed elsewhere"))
    assert not any(entry["needs"] for entry in db.scores("ada").values() if "score" in entry), "nothing new to see"
    db.commit(record(assignment, share=1.0, submission="sub2"))
    scores = db.scores("ada")
    assert (scores["quantities", "mean-test"]["score"], scores["quantities", "mean-test"]["auto"]) == (3, 3)
    assert scores["quantities", "mean-test"]["needs"], "the answer changed under an override"
    assert scores["words", "why"]["score"] == 2
    assert scores["quantities", "scale-test"]["score"] == 2
    assert scores["quantities", "mean-weight"]["comment"] == "well argued"
    assert db.record("ada").before == 5


def test_text_that_cannot_be_encoded_is_stored_all_the_same(assignment, db):
    made = record(assignment, flags=["\udcff"], notes=[{"code": "x", "instructor": "\udcff", "student": "?"}])
    db.keep(made)
    db.commit(made)
    assert db.record("ada").flags == ["?"]
    assert [one.flags for _, one in db.pending()] == [["?"]]
    db.keep(record(assignment, student="\udcff"))


def test_nothing_of_a_submission_that_failed_is_committed_with_the_next(assignment, db, monkeypatch):
    monkeypatch.setattr(db, "_penalise", lambda submission: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        db.commit(record(assignment))
    monkeypatch.undo()
    db.commit(record(assignment, student="bob"))
    assert set(db.done()) == {"bob"}
    assert db.scores("ada") == {}


@pytest.mark.parametrize("points", [-1.0, 400.0, float("nan"), float("inf")])
def test_no_more_points_than_there_are(assignment, db, points):
    made = record(assignment)
    made.tasks[0] = replace(made.tasks[0], score=points)
    with pytest.raises(ValueError, match="points"):
        db.commit(made)
    assert db.done() == {}


def test_other_tasks_or_statuses_are_not_stored(assignment, db):
    with pytest.raises(ValueError, match="other tasks"):
        db.commit(record(assignment, tasks=[]))
    with pytest.raises(ValueError, match="status"):
        db.commit(record(assignment, status="fine"))


def test_late_penalties_come_from_the_courses_plugin(tmp_path):
    course = copy_course(tmp_path / "late")
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = type(course)(course.root)
    assignment = course.assignment("week1")
    with Store(course, assignment) as opened:
        opened.register([("ada", None, None, None)])
        opened.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
        opened.commit(record(assignment, timestamp="2029-12-31T00:00:00"))
        assert opened.penalty("ada") == 0
        opened.commit(record(assignment, timestamp="2030-01-02T00:00:00"))
        assert opened.penalty("ada") == 10
        opened.commit(record(assignment))
        assert opened.penalty("ada") == 0


def test_a_submission_removed_by_nbgrader_is_not_done(course, assignment, db):
    db.commit(record(assignment))
    with Gradebook(course.db_url) as gradebook:
        gradebook.remove_submission("week1", "ada")
    assert db.done() == {}


def test_a_mended_test_updates_the_gradebook_and_a_new_cell_is_refused(course, assignment, db):
    db.commit(record(assignment))
    path = course.root / "master" / "week1" / "words.ipynb"
    notebook = json.loads(path.read_text())
    test = next(cell for cell in notebook["cells"] if cell["id"] == "count-test")
    test["metadata"]["nbgrader"]["points"] = 5
    path.write_text(json.dumps(notebook))
    mended = course.assignment("week1")
    assert mended.sha256 != assignment.sha256
    with Store(course, mended) as opened:
        opened.register([])
        with Gradebook(course.db_url) as gradebook:
            assert gradebook.find_assignment("week1").max_score == 15
    twin = json.loads(json.dumps(test))
    twin["id"], twin["metadata"]["nbgrader"]["grade_id"] = "new", "new-test"
    notebook["cells"].append(twin)
    path.write_text(json.dumps(notebook))
    with Store(course, course.assignment("week1")) as opened, pytest.raises(CourseError, match="old grade ids"):
        opened.register([])


def test_the_gradebook_passes_nbgraders_own_tools(course, assignment, db):
    db.commit(record(assignment))
    with Gradebook(course.db_url) as gradebook:  # what formgrader's pages ask for
        assert gradebook.submission_dicts("week1")[0]["score"] == 10
        assert gradebook.notebook_submission_dicts("words", "week1")[0]["needs_manual_grade"]
        assert {one["id"]: one["score"] for one in gradebook.student_dicts()} == {"ada": 10, "bob": 0}
    words = [sys.executable, "-m", "nbgrader", "db", "student", "list"]
    done = subprocess.run(words, cwd=course.root, capture_output=True, text=True, timeout=60)
    assert "ada" in done.stdout + done.stderr


def test_a_relative_database_begins_at_the_course_folder(course):
    course.directory.db_url = "sqlite:///sub/marks.db"
    assert course.db_url == f"sqlite:///{course.root}/sub/marks.db"


# --- the journal -----------------------------------------------------------------------------------------------------


def test_the_journal_keeps_a_record_whole(assignment, db):
    made = record(assignment, pages={"words": {"cells": []}}, notes=[{"code": "x", "instructor": "i", "student": "ß"}])
    path = db.keep(made)
    assert [(p, r) for p, r in db.pending()] == [(path, made)]


def test_junk_in_the_journal_is_thrown_away(assignment, db):
    db.keep(record(assignment))
    (db.journal / "a.json").write_text("{")
    (db.journal / "b.json").write_text('{"tasks": [{"x": 1}]}')
    (db.journal / "c.json").write_text("[" * 100_000)
    (db.journal / ".c.json.tmp").write_text("half")
    assert len(list(db.pending())) == 1
    assert len(list(db.journal.iterdir())) == 1


def stored(db, text: str) -> None:
    """Put a text in the place of ada's record."""
    db.gradebook.db.execute(Store._table.update().where(Store._table.c.student == "ada").values(record=text))
    db.gradebook.db.commit()


def test_a_record_of_a_newer_version_is_read_as_far_as_it_is_known(assignment, db):
    db.commit(record(assignment, status="graded", share=0.5))
    data = json.loads(db.record("ada").to_json()) | {"colour": "red"}
    data["tasks"] = [task | {"shape": "round"} for task in data["tasks"]]
    stored(db, json.dumps(data))
    assert set(db.done()) == {"ada"}
    assert [(one.status, one.score) for one in db.records()] == [("graded", 5)]


@pytest.mark.parametrize("text", ["{", "null", "{}", "[" * 100_000, '{"tasks": [1]}', "unknown status"])
def test_a_record_that_cannot_be_read_is_not_done(assignment, db, text):
    db.commit(record(assignment))
    if text == "unknown status":
        text = db.record("ada").to_json().replace('"manual"', '"half done"')
    stored(db, text)
    assert (db.done(), db.record("ada"), list(db.records()), db.restore()) == ({}, None, [], set())
    db.commit(record(assignment))
    assert set(db.done()) == {"ada"}


def test_automatic_scores_that_another_program_changed_are_entered_again(course, assignment, db, capsys):
    for student in ("ada", "bob"):
        db.commit(record(assignment, student, share=0.5))
    db.commit(record(assignment, share=0.25, submission="sub2"))
    assert db.restore() == set()
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("scale-test", "quantities", "week1", "ada").auto_score = 2
        gradebook.find_grade("why", "words", "week1", "ada").auto_score = 2
        gradebook.db.commit()
    assert db.restore() == {"ada"}
    assert capsys.readouterr().err.count("ada") == 1
    assert (total(course), total(course, "bob")) == (2.5, 5)
    assert db.scores("ada")["words", "why"]["needs"]
    assert (db.record("ada").before, db.restore()) == (5, set())


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
    monkeypatch.setattr(store, "BUSY", 0.2)
    monkeypatch.setattr(store, "TRIES", 2)
    path = course.root / "gradebook.db"
    with Store(course, assignment) as opened, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            opened.commit(record(assignment))
        other.execute("ROLLBACK")
        opened.commit(record(assignment))


def test_a_full_disk_is_said_in_a_sentence_without_a_traceback(course, assignment, caplog, monkeypatch):
    with Store(course, assignment) as opened:
        opened.register([])
        (pages,) = opened.gradebook.db.execute(sa.text("PRAGMA page_count")).one()
        opened.gradebook.db.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StoreError, match="The disk is full"):
            opened._patiently(lambda: [opened.gradebook.add_student("x" * 100 + str(number)) for number in range(999)])
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
    db.gradebook.db.execute(store.sa.text("PRAGMA max_page_count = 1"))
    db.gradebook.db.commit()
    with pytest.raises(StoreError, match="disk is full"):
        db.commit(record(assignment, notes=[{"code": "x", "instructor": "y" * 2_000_000, "student": "z"}]))
    assert db.done() == {}


# --- overrides by CSV ------------------------------------------------------------------------------------------------

TASKS = {"words/why": ("words", "why", 2.0)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("student,task\nada,words/why\n", "columns"),
        ("", "columns"),
        ("student,task,score\neve,words/why,1\n", "line 2: 'eve' has no graded"),
        ("student,task,score\nada,words/why,1\nada,why,1\n", "line 3: there is no task 'why'"),
        ("student,task,score\nada,words/why,3\n", "from 0 to 2"),
        ("student,task,score\nada,words/why,nan\n", "from 0 to 2"),
        ("student,task,score\nada,words/why,-1\n", "from 0 to 2"),
        ("student,task,score\nada,words/why,much\n", "from 0 to 2"),
        ("student,task,score\n", "no lines below the first"),
        ("student,task,score\n,,\n", "no lines below the first"),
        ("student,task,score,comment\nada,words/why\n", "line 2: it has other columns"),
        ("student,task,score,comment\nada,words/why,1,good, but short\n", "line 2: it has other columns"),
        ("student,task,score\nada,words/why,1\n\nada,words/why,2\n", "lines 2 and 4: both are for words/why of ada"),
        ("student,task,score\nada,words/why,3\n", "extra credit is entered in formgrader"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, words):
    (tmp_path / "o.csv").write_text(text)
    with pytest.raises(CourseError, match=words):
        overrides.read_overrides(tmp_path / "o.csv", TASKS, {"ada"})


def test_overrides_are_entered_and_taken_back(course, assignment, db, tmp_path, capsys):
    db.commit(record(assignment))
    from grader.__main__ import main

    (tmp_path / "o.csv").write_text("\ufeffstudent,task,score,comment\nada,words/why,1.5,half\n", encoding="utf-8")
    assert main(["overrides", "week1", str(tmp_path / "o.csv"), "--course", str(course.root)]) == 0
    assert total(course) == 11.5
    (tmp_path / "o.csv").write_text("student,task,score\nada,words/why,\n")
    assert main(["overrides", "week1", str(tmp_path / "o.csv"), "--course", str(course.root)]) == 0
    assert total(course) == 10
    (tmp_path / "o.csv").write_text("student,task,score\nada,words/why,1\nada,words/why,7\n")
    assert main(["overrides", "week1", str(tmp_path / "o.csv"), "--course", str(course.root)]) == 2
    assert "line 3" in capsys.readouterr().err
    assert total(course) == 10, "all or nothing"


def test_an_empty_comment_leaves_the_earlier_one(tmp_path):
    (tmp_path / "o.csv").write_text("student,task,score,comment\nada,words/why,1, \n")
    assert overrides.read_overrides(tmp_path / "o.csv", TASKS, {"ada"}) == [("ada", "words", "why", 1.0, None)]


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


def test_a_folder_in_the_journal_is_left_alone(assignment, db):
    (db.journal / "mine.json").mkdir(parents=True)
    assert list(db.pending()) == []
    assert (db.journal / "mine.json").is_dir()


# --- a gradebook that cannot be used ---------------------------------------------------------------------------------


def test_a_disk_full_while_registering_is_named(course, assignment, monkeypatch):
    from nbgrader.api import InvalidEntry

    def full(*_):
        raise InvalidEntry("(sqlite3.OperationalError) database or disk is full")

    monkeypatch.setattr(store.SaveCells, "preprocess", full)
    with Store(course, assignment) as opened, pytest.raises(StoreError, match="The disk is full"):
        opened.register([])


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
    monkeypatch.setattr(store, "BUSY", 0.2)
    monkeypatch.setattr(store, "TRIES", 4)
    monkeypatch.setattr(store, "QUIET", 0.3)
    path = course.root / "gradebook.db"
    with Store(course, assignment) as opened, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            opened.commit(record(assignment))
    assert capsys.readouterr().err.count("Waiting for the gradebook") == 1


# --- what has changed since ------------------------------------------------------------------------------------------


def edit_source(course, name, change):
    path = course.root / "master" / "week1" / f"{name}.ipynb"
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook))


def rename(notebook):
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "count-test")
    cell["metadata"]["nbgrader"]["grade_id"] = "counted"


def delete(notebook):
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "count-test"]


@pytest.mark.parametrize("change", [rename, delete])
def test_every_command_says_that_the_source_has_other_cells(course, assignment, db, tmp_path, capsys, change):
    from grader.__main__ import main

    db.commit(record(assignment))
    edit_source(course, "words", change)
    (tmp_path / "o.csv").write_text("student,task,score\nada,words/counted,1\n")
    for words in (["report", "week1"], ["feedback", "week1"], ["overrides", "week1", str(tmp_path / "o.csv")]):
        assert main([*words, "--course", str(course.root)]) == 2
        assert "has other cells than when it was first graded (words: " in capsys.readouterr().err


def test_every_command_says_that_the_source_lost_a_notebook(course, assignment, db, tmp_path, capsys):
    from grader.__main__ import main

    db.commit(record(assignment))
    (course.root / "master" / "week1" / "words.ipynb").unlink()
    (tmp_path / "o.csv").write_text("student,task,score\nada,mean-test,1\n")
    for words in (["report", "week1"], ["feedback", "week1"], ["overrides", "week1", str(tmp_path / "o.csv")]):
        assert main([*words, "--course", str(course.root)]) == 2
        assert "lost the notebook words" in capsys.readouterr().err


def test_a_notebook_that_came_later_is_shown_as_not_graded_yet(course, assignment, db, tmp_path, capsys):
    from grader.__main__ import main

    db.commit(record(assignment))
    source = course.root / "master" / "week1"
    (source / "more.ipynb").write_text((source / "words.ipynb").read_text())
    there = ["--course", str(course.root)]
    assert main(["report", "week1", *there]) == 0
    data = json.loads((course.grades / "week1" / "report.json").read_text())
    assert data["submissions"][0]["score"] == 10
    assert len(data["submissions"][0]["tasks"]) == len(record(assignment).tasks)
    assert main(["feedback", "week1", *there]) == 0
    (tmp_path / "o.csv").write_text("student,task,score\nada,more/why,1\n")
    assert main(["overrides", "week1", str(tmp_path / "o.csv"), *there]) == 2
    assert "grade week1` first" in capsys.readouterr().err


def test_lateness_follows_due_date_timestamp_and_overrides(tmp_path):
    course = copy_course(tmp_path / "late")
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = type(course)(course.root)
    assignment = course.assignment("week1")
    with Store(course, assignment) as opened:
        opened.register([("ada", None, None, None), ("bob", None, None, None)])
        opened.commit(record(assignment, timestamp="2030-01-02T00:00:00"))
        opened.commit(record(assignment, student="bob", timestamp="2029-01-02T00:00:00"))
        assert opened.penalise() == set()
        opened.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
        before = opened.totals()
        assert opened.penalise() == {"ada"}
        assert opened.changes(before) == [("ada", 10, 0)]
        opened.override([("ada", "words", "why", 2.0, None)])
        assert opened.penalise() == {"ada"}
        assert (opened.penalty("ada"), opened.totals()) == (12, {"ada": 0, "bob": 10})
        early = datetime(2029, 12, 31)
        assert opened.penalise({"ada": early}) == {"ada"}
        assert opened.totals() == {"ada": 12, "bob": 10}
        with Gradebook(course.db_url) as gradebook:
            assert gradebook.find_submission("week1", "ada").timestamp == early


def test_a_late_plugin_that_fails_is_named(course, assignment, db, monkeypatch):
    class Plugin:
        def late_submission_penalty(self, *_):
            return 1 / 0

    db.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
    monkeypatch.setattr(db, "_late_plugin", Plugin(), raising=False)
    with pytest.raises(CourseError, match="plugin for late submissions fails .ZeroDivisionError"):
        db.commit(record(assignment, timestamp="2030-01-02T00:00:00"))


def test_nothing_waits_once_every_score_is_given(assignment, db):
    made = record(assignment)
    db.commit(made)
    assert (made.status, db.record("ada").status) == ("manual", "manual")
    db.override([("ada", "words", "why", 2.0, None)])
    assert [one.status for one in db.records()] == [db.record("ada").status] == ["graded"]
    db.override([("ada", "words", "why", None, None)])
    assert [one.status for one in db.records()] == ["manual"]


def test_what_nbgrader_removed_is_in_no_report(course, assignment, db):
    db.commit(record(assignment))
    db.commit(record(assignment, student="bob"))
    with Gradebook(course.db_url) as gradebook:
        gradebook.remove_student("ada")
        gradebook.remove_submission("week1", "bob")
    assert list(db.records()) == []


def test_a_score_by_hand_stays_seen_where_the_answer_is_the_same(course, assignment, db):
    db.commit(record(assignment))
    db.override([("ada", "words", "why", 2.0, None), ("ada", "quantities", "mean-test", 1.0, None)])
    db.commit(record(assignment, submission="sub2"), {("words", "why")})
    needs = {key for key, entry in db.scores("ada").items() if entry.get("needs")}
    assert needs == {("quantities", "mean-test")}
