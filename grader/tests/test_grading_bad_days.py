"""An instructor's bad days: folders that cannot be written, damaged pages, scores that something else changed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from grader.__main__ import main
from grader.commands import grade as command
from grader.course import CourseError
from grader.gradebook.files import StoreError
from grader.gradebook.store import Store
from grader.grading import grade
from grader.pool import LocalPool
from grader.tests.fake_worker import FakeWorker
from grader.tests.in_process import Here, fake, grade_again, solve, table
from grader.tests.submissions import answer, hand_in, hand_in_class


def test_a_report_folder_that_cannot_be_is_refused_before_grading(course, assignment, tmp_path):
    hand_in_class(course, "week1", 2)
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "x", Path("/proc/x")):
        pool = Here()
        with pytest.raises(StoreError, match=f"{folder} cannot be written"):
            grade(course, assignment, pool, report_dir=folder)
        assert pool.seen == []
    (course.root / "returned").write_text("a file in the place of a folder")
    with pytest.raises(StoreError, match="returned cannot be written .*it is not a folder"):
        grade(course, assignment, pool)
    assert pool.seen == []


@pytest.mark.parametrize("step", ["autograded", "feedback"])
def test_a_page_that_cannot_be_written_costs_one_student_the_page(course, assignment, capsys, monkeypatch, step):
    monkeypatch.setattr(command, "Worker", fake)
    students = hand_in_class(course, "week1", 3)
    blocked = course.folder(step, "student01", "week1")
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file in the place of a folder")
    status, out, err = grade_again(course, capsys)
    assert (status, "3 submissions graded" in out, "pages of 1 not written" in out) == (1, True, True)
    assert f"student01: {blocked}" in err
    assert "is not a folder; move it away" in err
    assert {name: row["status"] for name, row in table(course).items()} == dict.fromkeys(students, "manual")
    assert course.folder("feedback", "student02", "week1").joinpath("words.html").is_file()
    assert main(["feedback", "week1", "--course", str(course.root)]) == (1 if step == "feedback" else 0)
    capsys.readouterr()
    blocked.unlink()
    monkeypatch.setattr(FakeWorker, "run_job", None)  # the pages come from the journal, not from another run
    assert grade_again(course, capsys)[0] == 0
    assert course.folder("feedback", "student01", "week1").joinpath("words.html").is_file()
    assert list((course.grades / "week1" / "journal").iterdir()) == []


def test_deleted_pages_come_back(course, assignment):
    hand_in_class(course, "week1", 2)
    grade(course, assignment, Here())
    shutil.rmtree(course.root / "returned")
    pool = Here()
    assert grade(course, assignment, pool).unchanged == 2
    assert pool.seen == []
    page = course.folder("feedback", "student00", "week1") / "words.html"
    assert "Your notebook, as it was run" in page.read_text()
    shutil.rmtree(course.root / "returned")
    shutil.rmtree(course.root / "graded")
    outcome = grade(course, assignment, Here())
    assert (outcome.unchanged, dict(outcome.statuses), outcome.changed) == (0, {"manual": 2}, [])
    assert page.is_file()
    assert course.folder("autograded", "student00", "week1").joinpath("words.ipynb").is_file()


def test_everything_can_be_graded_again(course, assignment, capsys, monkeypatch):
    monkeypatch.setattr(command, "Worker", fake)
    hand_in_class(course, "week1", 2)
    assert grade_again(course, capsys)[0] == 0
    assert "2 unchanged" in grade_again(course, capsys)[1]
    assert "2 submissions graded (2 manual)" in grade_again(course, capsys, "--again")[1]


def test_a_new_due_date_is_heeded_without_running_anything(course, assignment):
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = type(course)(course.root)
    hand_in_class(course, "week1", 2)
    (course.folder("submitted", "student00", "week1") / "timestamp.txt").write_text("2030-01-02 00:00:00 UTC")
    grade(course, assignment, Here())
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
    pool = Here()
    assert grade(course, assignment, pool).changed == [("student00", 10, 0)]
    assert table(course)["student00"]["late_penalty"] == "10"
    page = course.folder("feedback", "student00", "week1") / "words.html"
    assert "taken off because it came late" in page.read_text()
    (course.folder("submitted", "student00", "week1") / "timestamp.txt").write_text("2029-01-02 00:00:00 UTC")
    assert grade(course, assignment, pool).changed == [("student00", 0, 10)]
    assert "taken off because it came late" not in page.read_text()
    with Gradebook(course.db_url) as gradebook:
        gradebook.update_or_create_assignment("week1", duedate="2028-01-01 00:00:00 UTC")
    assert main(["report", "week1", "--course", str(course.root)]) == 0
    assert table(course)["student00"]["score"] == "0"
    assert pool.seen == []


def test_once_every_score_is_given_nothing_waits(course, assignment):
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here())
    (course.root / "o.csv").write_text("student,task,score\nstudent00,words/why,2\n")
    there = ["--course", str(course.root)]
    for words in (["overrides", "week1", str(course.root / "o.csv")], ["report", "week1"], ["feedback", "week1"]):
        assert main([*words, *there]) == 0
    assert table(course)["student00"]["status"] == "graded"
    page = (course.folder("feedback", "student00", "week1") / "words.html").read_text()
    assert "waits for a human" not in page
    assert dict(grade(course, assignment, Here(), version="next").statuses) == {"graded": 1}


def test_scores_given_by_hand_under_stock_nbgrader_stay_seen(course, assignment):
    for student, text in (("ada", "Looking up is quick."), ("bob", "Because.")):
        solve(course, assignment, student, lambda books, text=text: answer(books["words"], "why").update(source=text))
    grade(course, assignment, Here())
    (course.root / "o.csv").write_text("student,task,score\nada,words/why,2\nbob,words/why,1\n")
    assert main(["overrides", "week1", str(course.root / "o.csv"), "--course", str(course.root)]) == 0
    with Store(course, assignment) as store:  # stock nbgrader leaves pages and grades, but no records of ours
        store.gradebook.db.execute(Store._table.delete())
        store.gradebook.db.commit()
    solve(course, assignment, "bob", lambda books: answer(books["words"], "why").update(source="Another."))
    grade(course, assignment, Here())
    rows = table(course)
    assert {name: row["status"] for name, row in rows.items()} == {"ada": "graded", "bob": "manual"}
    assert "words/why" in rows["bob"]["needs_eyes"]


def test_a_folder_too_deep_is_refused(course, assignment):
    hand_in_class(course, "week1", 1)
    deep = course.root / "inbox" / "student00"
    with pytest.raises(CourseError, match=f"'week1' stands where a student's name should.*is it {course.root}/inbox"):
        grade(course, assignment, Here(), submitted=deep)
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.students == []


@pytest.mark.parametrize("folder", [".", "master", "graded", "..", "master/week1"])
def test_the_courses_own_folders_are_no_students(course, assignment, folder):
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here())
    before, pool = table(course), Here()
    with pytest.raises(CourseError, match="a folder of the course itself"):
        grade(course, assignment, pool, submitted=course.root / folder)
    assert (pool.seen, table(course)) == ([], before)
    flat = course.root / "week1"
    flat.mkdir()
    (flat / "words.ipynb").write_text("{}")
    deep = course.root / "deep"
    hand_in(deep / "week1", {"words": b"{}"})
    with pytest.raises(CourseError, match="stands where a student's name should") as error:
        grade(course, assignment, pool, submitted=deep)
    assert "is it" not in str(error.value)


def test_nothing_usable_is_no_success(course, assignment, tmp_path):
    (course.root / "inbox").mkdir()
    with pytest.raises(CourseError, match=r"No submission of week1 was found in .*STUDENT/week1/quantities\.ipynb"):
        grade(course, assignment, Here())
    (tmp_path / "photos" / "ada").mkdir(parents=True)
    (tmp_path / "photos" / "ada" / "cat.jpg").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("ada/cat.jpg", "")
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here())
    scores = table(course)
    for path in (tmp_path / "photos", tmp_path / "photos.zip"):
        with pytest.raises(CourseError, match="No submission of week1 was found"):
            grade(course, assignment, Here(), submitted=path)
    assert table(course) == scores


def test_who_is_gone_and_who_handed_in_nothing_is_said(course, assignment, capsys, monkeypatch):
    monkeypatch.setattr(command, "Worker", fake)
    hand_in_class(course, "week1", 2)
    with Gradebook(course.db_url) as gradebook:
        gradebook.add_student("zoe")
    assert "Registered, and handed in nothing (1): zoe." in grade_again(course, capsys)[1]
    assert json.loads((course.grades / "week1" / "report.json").read_text())["absent"] == ["zoe"]
    shutil.rmtree(course.root / "inbox" / "student01")
    assert "not handed in this time; their grades stay: student01." in grade_again(course, capsys)[1]
    assert set(table(course)) == {"student00", "student01"}
    with Gradebook(course.db_url) as gradebook:
        gradebook.remove_student("student01")
    assert "grades stay" not in grade_again(course, capsys)[1]
    assert set(table(course)) == {"student00"}


def test_points_that_changed_are_totals(course, assignment):
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here())
    (course.root / "o.csv").write_text("student,task,score\nstudent00,words/why,2\n")
    assert main(["overrides", "week1", str(course.root / "o.csv"), "--course", str(course.root)]) == 0
    path = course.root / "master" / "week1" / "words.ipynb"
    path.write_text(path.read_text().replace('\\"soup\\": 2', '\\"soup\\": 3'))
    assert grade(course, course.assignment("week1"), Here()).changed == [("student00", 12, 10)]


def test_without_a_sandbox_is_said_once_a_row(course, assignment, monkeypatch):
    hand_in_class(course, "week1", 1)
    whole = FakeWorker.run_job

    def unsafe(self, job):
        result = whole(self, job)
        result.flags.append("graded without a sandbox")
        return result

    monkeypatch.setattr(FakeWorker, "run_job", unsafe)
    grade(course, assignment, Here(), version="1+unsafe")
    assert ",".join(table(course)["student00"].values()).lower().count("without a sandbox") == 1


def test_a_stopped_run_says_how_many_are_left(course, assignment, capsys, monkeypatch):
    hand_in_class(course, "week1", 3)

    class Stopped(LocalPool):
        def run(self, work):
            self.stopping.set()
            return super().run(work)

    monkeypatch.setattr(command, "LocalPool", Stopped)
    monkeypatch.setattr(command, "Worker", fake)
    status, out, err = grade_again(course, capsys)
    assert (status, err) == (130, "Stopped: 3 still to grade; the same command goes on from here.\n")
    assert out == ""


def test_a_folder_that_is_no_course_is_named(tmp_path, capsys):
    assert main(["grade", "week1", "--course", str(tmp_path)]) == 2
    assert f"There is no nbgrader_config.py in {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize(("delay", "times"), [(0.05, 1), (0.6, 1), (1.5, 1), (1.5, 2)])
def test_ctrl_c_in_the_first_seconds_is_quiet(course, assignment, delay, times):
    hand_in_class(course, "week1", 2)
    root = Path(__file__).parents[2]
    script = "import sys; from grader.__main__ import main; print('ready', flush=True); sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "grade", "week1", "--jobs", "2", "--unsafe-no-sandbox"], cwd=course.root,
        env=os.environ | {"PYTHONPATH": str(root)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    process.stdout.readline()
    time.sleep(delay)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "topped" in err


def test_a_second_ctrl_c_in_a_finalizer_is_quiet_and_another_fault_there_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
    stopping = threading.Event()

    class Last:
        def __init__(self, act):
            self.act = act

        def __del__(self):
            self.act()

    with command._interruptible(stopping):
        for _ in range(2):
            Last(lambda: signal.raise_signal(signal.SIGINT))
        Last(lambda: 1 / 0)
    assert stopping.is_set()
    assert told == [ZeroDivisionError]


@pytest.mark.parametrize(("unbuffered", "status"), [("", 0), ("1", 141)])
def test_a_reader_who_leaves_early_is_no_error(course, assignment, unbuffered, status):
    hand_in_class(course, "week1", 1)
    grade(course, assignment, Here())
    root = Path(__file__).parents[2]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "grader", "report", "week1"], cwd=course.root, stdout=write, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root), "PYTHONUNBUFFERED": unbuffered}, text=True, timeout=60,
    )  # fmt: skip
    os.close(write)
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.sandbox
@pytest.mark.timeout(180)
def test_the_instructor_hears_of_a_test_that_the_own_solution_fails(course, assignment, capsys, monkeypatch):
    path = assignment.notebooks["quantities"].path
    notebook = json.loads(path.read_text(encoding="utf-8"))
    test = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade"))
    test["source"] = ["assert 1 == 2"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    solve(course, course.assignment("week1"), "ada")
    monkeypatch.chdir(course.root)
    assert main(["grade", "week1", "--jobs", "1"]) == 0
    name = test["metadata"]["nbgrader"]["grade_id"]
    assert f"About the assignment itself: the reference solution fails the test '{name}'" in capsys.readouterr().err
    page = (course.grades / "week1" / "report.html").read_text(encoding="utf-8")
    assert page.index("About the assignment itself") < page.index("What needs eyes")
    (finding,) = json.loads((course.grades / "week1" / "report.json").read_text())["findings"]
    assert name in finding


def test_a_damaged_graded_notebook_costs_one_page(course, assignment, capsys):
    hand_in_class(course, "week1", 2)
    grade(course, assignment, Here())
    damaged = course.folder("autograded", "student00", "week1") / "words.ipynb"
    damaged.write_text("{")
    assert main(["feedback", "week1", "--course", str(course.root)]) == 1
    said = capsys.readouterr()
    assert f"{damaged} is not a notebook any more: delete it" in said.err
    assert said.out.startswith("1 submissions have new feedback")
    damaged.unlink()
    assert grade(course, assignment, Here()).unchanged == 1
    assert main(["feedback", "week1", "--course", str(course.root)]) == 0


def overwrite(course, student: str, score: float) -> None:
    """What ``nbgrader autograde`` does after ours: another score, and the hidden test in ``autograded/``."""
    with Gradebook(course.db_url) as gradebook:
        gradebook.find_grade("scale-hidden", "quantities", "week1", student).auto_score = score
        gradebook.db.commit()
    path = course.folder("autograded", student, "week1") / "quantities.ipynb"
    notebook = json.loads(path.read_text())
    cell = answer(notebook, "scale-hidden")
    cell["source"] = "original_recipe = 1"
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "original_recipe"}]
    path.write_text(json.dumps(notebook))


@pytest.mark.parametrize("step", ["grade", "report", "feedback"])
def test_scores_of_stock_autograde_are_not_shown_as_ours(course, assignment, capsys, monkeypatch, step):
    monkeypatch.setattr(command, "Worker", fake)
    hand_in_class(course, "week1", 2)
    assert grade_again(course, capsys)[0] == 0
    before = table(course)
    overwrite(course, "student01", 0.5)
    monkeypatch.setattr(FakeWorker, "run_job", None)  # no run is needed
    assert main([step, "week1", "--course", str(course.root)]) == 0
    said = capsys.readouterr()
    assert "had changed automatic scores; those of this grader were entered again: student01." in said.err
    assert ("student01: 8.5 points became 10" in said.out) == (step != "feedback")
    assert table(course) == before
    with Store(course, assignment) as store:
        assert store.scores.totals() == {"student00": 10, "student01": 10}
    page = (course.folder("feedback", "student01", "week1") / "quantities.html").read_text()
    assert "8 of 8 points" in page
    assert "original_recipe" not in page


def test_a_record_that_cannot_be_read_is_graded_again(course, assignment, capsys, monkeypatch):
    monkeypatch.setattr(command, "Worker", fake)
    hand_in_class(course, "week1", 2)
    assert grade_again(course, capsys)[0] == 0
    before = table(course)
    with Store(course, assignment) as store:
        store.gradebook.db.execute(
            Store._table.update().where(Store._table.c.student == "student00").values(record="{")
        )
        store.gradebook.db.commit()
    (course.grades / "week1" / "journal" / "a.json").write_text("[" * 100_000)
    for step in ("feedback", "report"):
        assert main([step, "week1", "--course", str(course.root)]) == 0
    assert set(table(course)) == {"student01"}
    assert grade_again(course, capsys)[0] == 0
    assert table(course) == before
