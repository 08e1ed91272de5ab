"""The store: one transaction per submission, a journal before it, and a gradebook that nbgrader still knows."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from nbgrader.api import Gradebook

from grader.course import CourseError
from grader.gradebook.store import Store
from grader.tests.records import record, total


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
    db.scores.enter([("ada", "quantities", "mean-test", 3.0, "well argued"), ("ada", "words", "why", 2.0, "good")])
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("scale-test", "quantities", "week1", "ada").extra_credit = 1.0
        gradebook.db.commit()
    assert total(course) == 0.5 + 1 + 1 + 3 + 1 + 1 + 2
    assert not any(entry["needs"] for entry in db.scores.of("ada").values() if "score" in entry)
    db.commit(record(assignment, share=0.5, source="changed elsewhere"))
    assert not any(entry["needs"] for entry in db.scores.of("ada").values() if "score" in entry), "nothing new to see"
    db.commit(record(assignment, share=1.0, submission="sub2"))
    scores = db.scores.of("ada")
    assert (scores["quantities", "mean-test"]["score"], scores["quantities", "mean-test"]["auto"]) == (3, 3)
    assert scores["quantities", "mean-test"]["needs"], "the answer changed under an override"
    assert scores["words", "why"]["score"] == 2
    assert scores["quantities", "scale-test"]["score"] == 2
    assert scores["quantities", "mean-weight"]["comment"] == "well argued"
    assert db.record("ada").before == 5


def test_text_that_cannot_be_encoded_is_stored_all_the_same(assignment, db):
    made = record(assignment, flags=["\udcff"], notes=[{"code": "x", "instructor": "\udcff", "student": "?"}])
    db.journal.keep(made)
    db.commit(made)
    assert db.record("ada").flags == ["?"]
    assert [one.flags for _, one in db.journal.pending()] == [["?"]]
    db.journal.keep(record(assignment, student="\udcff"))


def test_nothing_of_a_submission_that_failed_is_committed_with_the_next(assignment, db, monkeypatch):
    monkeypatch.setattr(db.late, "apply", lambda submission: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        db.commit(record(assignment))
    monkeypatch.undo()
    db.commit(record(assignment, student="bob"))
    assert set(db.done()) == {"bob"}
    assert db.scores.of("ada") == {}


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
        opened.registry.register([])
        with Gradebook(course.db_url) as gradebook:
            assert gradebook.find_assignment("week1").max_score == 15
    twin = json.loads(json.dumps(test))
    twin["id"], twin["metadata"]["nbgrader"]["grade_id"] = "new", "new-test"
    notebook["cells"].append(twin)
    path.write_text(json.dumps(notebook))
    with Store(course, course.assignment("week1")) as opened, pytest.raises(CourseError, match="old grade ids"):
        opened.registry.register([])


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
    path = db.journal.keep(made)
    assert [(p, r) for p, r in db.journal.pending()] == [(path, made)]


def test_junk_in_the_journal_is_thrown_away(assignment, db):
    db.journal.keep(record(assignment))
    (db.journal.folder / "a.json").write_text("{")
    (db.journal.folder / "b.json").write_text('{"tasks": [{"x": 1}]}')
    (db.journal.folder / "c.json").write_text("[" * 100_000)
    (db.journal.folder / ".c.json.tmp").write_text("half")
    assert len(list(db.journal.pending())) == 1
    assert len(list(db.journal.folder.iterdir())) == 1


def test_a_folder_in_the_journal_is_left_alone(assignment, db):
    (db.journal.folder / "mine.json").mkdir(parents=True)
    assert list(db.journal.pending()) == []
    assert (db.journal.folder / "mine.json").is_dir()


# --- records ----------------------------------------------------------------------------------------------------------


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
    assert db.scores.of("ada")["words", "why"]["needs"]
    assert (db.record("ada").before, db.restore()) == (5, set())


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


def test_nothing_waits_once_every_score_is_given(assignment, db):
    made = record(assignment)
    db.commit(made)
    assert (made.status, db.record("ada").status) == ("manual", "manual")
    db.scores.enter([("ada", "words", "why", 2.0, None)])
    assert [one.status for one in db.records()] == [db.record("ada").status] == ["graded"]
    db.scores.enter([("ada", "words", "why", None, None)])
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
    db.scores.enter([("ada", "words", "why", 2.0, None), ("ada", "quantities", "mean-test", 1.0, None)])
    db.commit(record(assignment, submission="sub2"), {("words", "why")})
    needs = {key for key, entry in db.scores.of("ada").items() if entry.get("needs")}
    assert needs == {("quantities", "mean-test")}
