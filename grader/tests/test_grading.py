"""A class graded from end to end: with a stand-in for the sandbox here, with the real one where marked."""

import functools
import json
import os
import subprocess
import sys
import threading

import pytest
from nbgrader.api import Gradebook

from grader import grading
from grader.__main__ import main
from grader.course import CourseError
from grader.gradebook.store import Store
from grader.grading import grade
from grader.pool import DaskPool, GradingError, LocalPool, NoSandbox
from grader.run import Worker
from grader.tests.fake_worker import FakeWorker, Missing
from grader.tests.in_process import Here, mark, solve, table
from grader.tests.submissions import answer, hand_in, hand_in_class, released, solved


def test_a_class_is_graded_stored_and_explained(course, assignment):
    hand_in_class(course, "week1", 4)
    hand_in(course.folder("submitted", "blank", "week1"), {n: released(s) for n, s in assignment.notebooks.items()})
    hand_in(course.folder("submitted", "broken", "week1"), {"quantities": b"{", "words": b"{"})
    course.folder("submitted", "lazy", "week1").mkdir(parents=True)
    outcome = grade(course, assignment, Here())
    assert dict(outcome.statuses) == {"manual": 4, "graded": 1, "refused": 1, "missing": 1}
    rows = table(course)
    assert {name: (row["status"], float(row["score"])) for name, row in rows.items()} == {
        "student00": ("manual", 10), "student01": ("manual", 10), "student02": ("manual", 5),
        "student03": ("manual", 10), "blank": ("graded", 0), "broken": ("refused", 0), "lazy": ("missing", 0),
    }  # fmt: skip
    data = json.loads((course.grades / "week1" / "report.json").read_text())
    assert data["statuses"] == {"graded": 1, "manual": 4, "missing": 1, "refused": 1}
    assert {one["student"]: one["status"] for one in data["submissions"]} == {n: r["status"] for n, r in rows.items()}
    assert data["tasks"]["quantities/scale-test"]["statuses"] == {"failed": 2, "missing": 1, "passed": 3, "refused": 1}
    assert data["tasks"]["quantities/scale-test"]["wrong_answers"][0]["count"] == 2
    report = (course.grades / "week1" / "report.html").read_text()
    for words in ("What needs eyes", "broken", "cut off", "words/why", "2 × NotImplementedError"):
        assert words in report
    for student in rows:
        for name in assignment.notebooks:
            assert course.folder("autograded", student, "week1").joinpath(f"{name}.ipynb").is_file()
            assert course.folder("feedback", student, "week1").joinpath(f"{name}.html").is_file()
    with Gradebook(course.db_url) as gradebook:
        assert len(gradebook.assignment_submissions("week1")) == 7


def test_only_what_changed_is_graded_again(course, assignment):
    students = hand_in_class(course, "week1", 3)
    pool = Here()
    grade(course, assignment, pool)
    assert sorted(pool.seen) == students
    pool = Here()
    assert grade(course, assignment, pool).unchanged == 3
    assert pool.seen == []
    notebook = solved(assignment.notebooks["words"], without=("count-words",))
    hand_in(course.folder("submitted", "student01", "week1"), {"words": notebook})
    pool = Here()
    outcome = grade(course, assignment, pool)
    assert pool.seen == ["student01"]
    assert outcome.changed == [("student01", 10, 8)]


def test_mending_a_test_grades_everyone_again_and_says_whose_points_changed(course, assignment):
    hand_in_class(course, "week1", 3)
    grade(course, assignment, Here())
    path = course.root / "master" / "week1" / "words.ipynb"
    path.write_text(path.read_text().replace('\\"soup\\": 2', '\\"soup\\": 3'))
    outcome = grade(course, course.assignment("week1"), Here())
    assert outcome.unchanged == 0
    assert outcome.changed == [("student00", 10, 8), ("student01", 10, 8)]


def test_another_grader_version_grades_again(course, assignment):
    hand_in_class(course, "week1", 2)
    grade(course, assignment, Here(), version="1")
    assert grade(course, assignment, Here(), version="2").unchanged == 0
    assert grade(course, assignment, Here(), version="2").unchanged == 2


def test_an_unsafe_grade_is_marked_and_not_kept(course, assignment):
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here(), version="1+unsafe")
    assert table(course)["student00"]["sandbox"] == "NO"
    assert "without a sandbox" in table(course)["student00"]["needs_eyes"]
    grade(course, assignment, Here(), version="1")
    assert table(course)["student00"]["sandbox"] == "yes"


def test_one_student_can_be_graded_alone(course, assignment):
    hand_in_class(course, "week1", 3)
    pool = Here()
    grade(course, assignment, pool, students=["student01"])
    assert pool.seen == ["student01"]
    with pytest.raises(CourseError, match="Nothing was handed in by nobody"):
        grade(course, assignment, Here(), students=["nobody"])


def test_a_table_for_spreadsheets_holds_no_formula(course, assignment):
    solve(course, assignment, "=1+cmd|x!A1")
    grade(course, assignment, Here())
    assert list(table(course)) == ["'=1+cmd|x!A1"]


def test_same_files_are_pointed_out(course, assignment):
    for student in ("ada", "bob", "eve"):
        solve(course, assignment, student, lambda books: None)
    solve(course, assignment, "eve", lambda books: answer(books["words"], "why").update(source="Mine."))
    grade(course, assignment, Here())
    assert json.loads((course.grades / "week1" / "report.json").read_text())["identical"] == [["ada", "bob"]]


def test_names_that_are_not_utf8_cost_nobody_anything(course, assignment):
    hand_in_class(course, "week1", 1)
    folder = solve(course, assignment, "odd")
    os.rename(folder / "words.ipynb", os.fsencode(folder) + b"/words \xff\xfe.ipynb")
    os.makedirs(os.fsencode(course.root) + b"/inbox/ada \xff/week1")
    solve(course, assignment, "last")
    outcome = grade(course, assignment, Here())
    assert outcome.failures == {}
    statuses = {name: row["status"] for name, row in table(course).items()}
    assert statuses == {"ada \\udcff": "refused", "last": "manual", "odd": "manual", "student00": "manual"}


@pytest.mark.parametrize("place", ["take_in", "record_of", "_write_pages"])
def test_an_error_that_nobody_foresaw_costs_one_submission(course, assignment, monkeypatch, place):
    hand_in_class(course, "week1", 3)
    course.folder("submitted", "empty", "week1").mkdir(parents=True)
    course.folder("submitted", "empty2", "week1").mkdir(parents=True)
    whole = getattr(grading, place)

    def fails(*args):
        if any(getattr(one, "student", None) in ("empty", "student01") for one in args):
            raise UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed")
        return whole(*args)

    monkeypatch.setattr(grading, place, fails)
    outcome = grade(course, assignment, Here())
    assert set(outcome.failures) == {"empty", "student01"}
    rows = table(course)
    assert {rows[name]["status"] for name in outcome.failures} == {"infrastructure"}
    assert {rows[name]["status"] for name in ("empty2", "student00", "student02")} == {"missing", "manual"}
    monkeypatch.undo()
    assert grade(course, assignment, Here()).unchanged == 3
    assert {row["status"] for row in table(course).values()} == {"missing", "manual"}


def test_a_free_text_without_its_mark_is_not_done(course, assignment):
    def strip(notebooks):
        answer(notebooks["words"], "why").update(metadata={}, id="x", source="Looking up is quick.")
        notebooks["words"]["cells"].append({"cell_type": "markdown", "id": "y", "metadata": {}, "source": "By Ada."})

    solve(course, assignment, "ada", strip)
    grade(course, assignment, Here())
    assert table(course)["ada"]["status"] == "manual"
    assert "words/why" in table(course)["ada"]["needs_eyes"]


@pytest.mark.parametrize("kind", ["markdown", "code"])
@pytest.mark.parametrize("place", [1, 0])
def test_an_answer_below_the_cell_meant_for_it_waits_for_a_human(course, assignment, kind, place):
    def below(notebooks):
        notebook = notebooks["words"] = solved(assignment.notebooks["words"], without=("why",))
        spot = notebook["cells"].index(answer(notebook, "why")) + place
        notebook["cells"].insert(spot, {"cell_type": kind, "id": "own", "metadata": {}, "source": "quick = 1"})

    solve(course, assignment, "ada", below)
    grade(course, assignment, Here())
    with Store(course, assignment) as store:
        (task,) = [task for task in store.record("ada").tasks if task.grade_id == "why"]
        assert (task.score, task.status) == ((None, "manual") if place else (0, "not_attempted"))
        assert store.record("ada").comments["words"]["why"] == (None if place else "No response.")


@pytest.mark.parametrize("changed", ["", "More."])
def test_a_score_for_an_answer_below_its_cell_is_asked_for_again_once_that_changes(course, assignment, changed):
    def below(notebooks, text="Quick."):
        notebooks["words"] = solved(assignment.notebooks["words"], without=("why",))
        notebooks["words"]["cells"].append({"cell_type": "markdown", "id": "own", "metadata": {}, "source": text})

    solve(course, assignment, "ada", below)
    grade(course, assignment, Here())
    (course.root / "o.csv").write_text("student,task,score\nada,words/why,2\n")
    assert main(["overrides", "week1", str(course.root / "o.csv"), "--course", str(course.root)]) == 0
    solve(course, assignment, "ada", lambda notebooks: below(notebooks, f"Quick.{changed}"))
    grade(course, assignment, Here(), again=True)
    assert table(course)["ada"]["status"] == ("manual" if changed else "graded")


def test_a_pasted_picture_needs_eyes(course, assignment):
    def paste(notebooks):
        cell = answer(notebooks["words"], "why")
        cell.update(source="![p](attachment:p.png)", attachments={"p.png": {"image/png": "iVBORw0KGgo="}})

    solve(course, assignment, "ada", paste)
    grade(course, assignment, Here())
    assert "The answer why holds a pasted picture" in table(course)["ada"]["needs_eyes"]
    page = (course.folder("feedback", "ada", "week1") / "words.html").read_text()
    assert "Your answer why holds a pasted picture" in page


def test_what_is_handed_in_instead_of_a_notebook_needs_eyes(course, assignment):
    folder = course.folder("submitted", "ada", "week1")
    folder.mkdir(parents=True)
    (folder / "words.py").write_text("x = 1")
    grade(course, assignment, Here())
    assert table(course)["ada"]["status"] == "missing"
    assert table(course)["ada"]["needs_eyes"] == "No notebook was handed in, only words.py."


@pytest.mark.slow
def test_stock_feedback_over_our_notebooks_shows_no_hidden_test(course, assignment):
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here())
    words = [sys.executable, "-m", "nbgrader", "generate_feedback", "week1", "--force"]
    subprocess.run(words, cwd=course.root, check=True, capture_output=True, timeout=120)
    page = (course.folder("feedback", "student00", "week1") / "quantities.html").read_text()
    assert "multiply every amount" in page
    assert "original_recipe" not in page


def test_a_worker_that_dies_is_replaced_and_its_submission_tried_once_more(course, assignment, tmp_path):
    hand_in_class(course, "week1", 3)
    mark("killer", assignment, course, "# CRASH")
    mark("unlucky", assignment, course, f"# CRASH ONCE {tmp_path / 'seen'}")
    mark("liar", assignment, course, "# LIE")
    outcome = grade(course, assignment, LocalPool(FakeWorker, 2))
    assert set(outcome.failures) == {"killer", "liar"}
    assert "died" in outcome.failures["killer"]
    assert "not valid" in outcome.failures["liar"]
    rows = table(course)
    assert {rows[name]["status"] for name in ("killer", "liar")} == {"infrastructure"}
    assert float(rows["unlucky"]["score"]) == 10
    assert sum(row["status"] == "manual" for row in rows.values()) == 4
    with Gradebook(course.db_url) as gradebook:
        assert len(gradebook.assignment_submissions("week1")) == 4, "what could not be graded has no grade"


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_result_does_not_depend_on_how_many_work(course, assignment, jobs):
    hand_in_class(course, "week1", 5)
    grade(course, assignment, Here())
    alone = (course.grades / "week1" / "grades.csv").read_bytes()
    grade(course, assignment, LocalPool(FakeWorker, jobs), version=f"again {jobs}")
    assert (course.grades / "week1" / "grades.csv").read_bytes() == alone


def test_without_a_sandbox_nothing_is_graded(course, assignment):
    hand_in_class(course, "week1", 2)
    with pytest.raises(NoSandbox, match="apt install bubblewrap"):
        grade(course, assignment, LocalPool(Missing, 2))
    with Store(course, assignment) as store:
        assert store.done() == {}


def test_stopping_keeps_what_is_done_and_the_next_call_goes_on(course, assignment):
    hand_in_class(course, "week1", 4)
    stopping = threading.Event()

    class Stops(Here):
        def run(self, work):
            for number, item in enumerate(super().run(work)):
                yield item
                if number == 1:
                    stopping.set()

    outcome = grade(course, assignment, Stops(), stopping=stopping)
    assert outcome.stopped
    assert sum(outcome.statuses.values()) == 2
    outcome = grade(course, assignment, Here())
    assert (outcome.unchanged, sum(outcome.statuses.values())) == (2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [FakeWorker, pytest.param(Worker, marks=pytest.mark.sandbox)])
def test_a_dask_cluster_of_two_workers_gives_the_same(course, assignment, kind):
    distributed = pytest.importorskip("distributed")
    hand_in_class(course, "week1", 5)
    factory = functools.partial(kind, course.root)
    grade(course, assignment, LocalPool(factory, 1))
    alone = (course.grades / "week1" / "grades.csv").read_bytes()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        outcome = grade(course, assignment, DaskPool(factory, cluster.scheduler_address), version="dask")
    assert outcome.failures == {}
    assert (course.grades / "week1" / "grades.csv").read_bytes() == alone


def test_a_cluster_that_is_not_there_is_named(course, assignment, monkeypatch):
    hand_in_class(course, "week1", 1)
    with pytest.raises(GradingError, match="no Dask scheduler at tcp://127.0.0.1:1"):
        list(DaskPool(FakeWorker, "tcp://127.0.0.1:1", timeout=1).run([]))
