"""The store: one transaction per submission, a journal before it, and a gradebook that nbgrader still knows."""

import contextlib
import errno
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from nbgrader.api import Gradebook

from helpers.staff import overrides, store
from helpers.staff.course import CourseError
from helpers.staff.store import Record, Store, StoreError, Task, lock, write_file
from tests.submissions import copy_course


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
    (db.journal / ".c.json.tmp").write_text("half")
    assert len(list(db.pending())) == 1
    assert len(list(db.journal.iterdir())) == 1


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    write_file(tmp_path / "a", "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
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
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, words):
    (tmp_path / "o.csv").write_text(text)
    with pytest.raises(CourseError, match=words):
        overrides.read_overrides(tmp_path / "o.csv", TASKS, {"ada"})


def test_overrides_are_entered_and_taken_back(course, assignment, db, tmp_path, capsys):
    db.commit(record(assignment))
    from helpers.__main__ import main

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
