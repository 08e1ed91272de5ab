"""Scores by hand, from a table: all lines are entered, or none."""

import pytest

from grader.commands import overrides
from grader.course import CourseError
from grader.tests.records import record, total

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
    assert "lines 2 and 3" in capsys.readouterr().err
    assert total(course) == 10, "all or nothing"


def test_an_empty_comment_leaves_the_earlier_one(tmp_path):
    (tmp_path / "o.csv").write_text("student,task,score,comment\nada,words/why,1, \n")
    assert overrides.read_overrides(tmp_path / "o.csv", TASKS, {"ada"}) == [("ada", "words", "why", 1.0, None)]
