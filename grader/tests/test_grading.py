"""``python -m grader grade`` from end to end: with a stand-in for the sandbox here, with the real one where marked."""

import csv
import functools
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

from grader import grading
from grader.__main__ import main
from grader.commands import grade as command
from grader.course import CourseError
from grader.gradebook.files import StoreError
from grader.gradebook.store import Store
from grader.grading import grade
from grader.pool import DaskPool, GradingError, LocalPool, NoSandbox
from grader.run import Worker
from grader.tests.fake_worker import FakeWorker, Missing
from grader.tests.submissions import answer, copy_course, hand_in, hand_in_class, released, solved


class Here:
    """A pool without processes."""

    def __init__(self):
        self.seen = []

    def warm(self, count):
        """Nothing to start."""

    def run(self, work):
        """Grade in this process, one after the other."""
        for submission in work:
            self.seen.append(submission.student)
            yield submission, [FakeWorker().grade(job) for job in submission.jobs]


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path / "kitchen")


@pytest.fixture
def assignment(course):
    return course.assignment("week1")


def table(course) -> dict[str, dict[str, str]]:
    with open(course.grades / "week1" / "grades.csv", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def solve(course, assignment, student, change=lambda notebooks: None) -> Path:
    notebooks = {name: solved(source) for name, source in assignment.notebooks.items()}
    change(notebooks)
    return hand_in(course.folder("submitted", student, "week1"), notebooks)


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


def enrol(course, *students: tuple[str, str, str | None]) -> None:
    """Register students: id, full name and the platform's number of each."""
    with Gradebook(course.db_url) as gradebook:
        for student, name, number in students:
            first, _, last = name.rpartition(" ")
            gradebook.add_student(student, first_name=first or None, last_name=last or None, lms_user_id=number)


def moodle(course, assignment, *folders: str) -> Path:
    """An unpacked Moodle archive: the first student solves all, each later one leaves another answer open."""
    where = course.root.parent / "moodle"
    shutil.rmtree(where, ignore_errors=True)
    for number, folder in enumerate(folders):
        open_ = ((), ("count-words",), ("scale",))[number]
        books = {name: solved(source, without=open_) for name, source in assignment.notebooks.items()}
        hand_in(where / f"{folder}_assignsubmission_file_", books)
    return where


def points(course) -> dict[str, float]:
    return {student: float(row["score"]) for student, row in table(course).items()}


def test_the_roster_knows_the_platforms_numbers(course, assignment):
    enrol(course, ("al17", "", "101"), ("bb01", "Bob Builder", None), ("cc", "Zoe\u0308  SMITH", "103"))
    where = moodle(course, assignment, "A. Byron_101", "Bob Builder_102", "Zo\u00eb Smith_103")
    grade(course, assignment, Here(), submitted=where)
    assert set(table(course)) == {"al17", "bb01", "cc"}
    doubtful = {student for student, row in table(course).items() if "gradebook" in row["needs_eyes"]}
    assert doubtful == {"al17"}, "no name confirms that number"


def test_two_students_with_one_number_keep_their_own_grades(course, assignment):
    enrol(course, ("alovelace", "Ada Lovelace", "11"))
    where = moodle(course, assignment, "Ada Lovelace_11", "Zoe Same_11")
    for version in ("1", "2"):
        grade(course, assignment, Here(), submitted=where, version=version)
        assert points(course) == {"alovelace": 10, "Zoe Same_11": 8}
        assert "also that of alovelace" in table(course)["Zoe Same_11"]["needs_eyes"]
    with Gradebook(course.db_url) as gradebook:
        assert {one.id: one.lms_user_id for one in gradebook.students} == {"alovelace": "11", "Zoe Same_11": None}
        gradebook.find_student("Zoe Same_11").lms_user_id = "11"  # as an earlier grader stored it
        gradebook.db.commit()
    grade(course, assignment, Here(), submitted=where, version="3")
    assert points(course) == {"alovelace": 10, "Zoe Same_11": 8}


def test_a_folder_with_a_students_id_is_that_students(course, assignment):
    enrol(course, ("ada", "Ada Lovelace", "11"))
    where = moodle(course, assignment, "Ada Lovelace_11")
    hand_in(where / "ada" / "week1", {"words": solved(assignment.notebooks["words"])})
    grade(course, assignment, Here(), submitted=where)
    assert points(course) == {"ada": 2, "Ada Lovelace_11": 10}
    assert "also that of ada" in table(course)["Ada Lovelace_11"]["needs_eyes"]


@pytest.mark.parametrize("lovelace", ["12", None])
def test_a_number_does_not_beat_a_full_name_that_contradicts(course, assignment, lovelace):
    enrol(course, ("alovelace", "Ada Lovelace", lovelace), ("bdoe", "Bob Doe", "77"))
    grade(course, assignment, Here(), submitted=moodle(course, assignment, "Bob Doe_12"))
    assert set(table(course)) == {"bdoe"}
    words = "also that of alovelace" if lovelace else "there the number is 77"
    assert words in table(course)["bdoe"]["needs_eyes"]


def test_of_two_with_one_name_nobody_is_guessed_at(course, assignment):
    enrol(course, ("bdoe", "Bob Doe", None))
    where = moodle(course, assignment, "Bob Doe_12", "Bob Doe_13")
    grade(course, assignment, Here(), submitted=where)
    assert points(course) == {"Bob Doe_12": 10, "Bob Doe_13": 8}
    assert all("also that of bdoe" in row["needs_eyes"] for row in table(course).values())
    assert grade(course, assignment, Here(), submitted=where).unchanged == 2


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


@pytest.mark.parametrize("place", ["take_in", "judge", "_write_pages"])
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


# --- worker processes ------------------------------------------------------------------------------------------------


def mark(student, assignment, course, line):
    def change(notebooks):
        answer(notebooks["words"], "count-words")["source"] += f"\n{line}"

    solve(course, assignment, student, change)


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


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_answers_wrong_calls_with_a_sentence(course, capsys):
    there = ["--course", str(course.root)]
    assert main(["grade", "week7", *there]) == 2
    assert "Unknown assignment 'week7'" in capsys.readouterr().err
    assert main(["grade", *there]) == 2
    assert "Name the assignment to grade: week1" in capsys.readouterr().err
    assert main(["grade", "week1", *there]) == 2
    assert "There are no submissions" in capsys.readouterr().err
    assert main(["grade", "week1", "--jobs", "0", *there]) == 2
    assert main(["grade", "week1", "--course", str(course.root / "nowhere")]) == 2


def test_the_command_refuses_without_a_sandbox(course, capsys, monkeypatch):
    hand_in_class(course, "week1", 1)
    monkeypatch.setattr(command, "Worker", _missing)
    assert main(["grade", "week1", "--course", str(course.root), "--jobs", "1"]) == 3
    assert "locked in" in capsys.readouterr().err


def _missing(*_, **__):
    return Missing()


def _fake(*_, **__):
    return FakeWorker()


def test_the_days_commands_fit_together(course, capsys, monkeypatch):
    hand_in_class(course, "week1", 2)
    monkeypatch.setattr(command, "Worker", _fake)
    there = ["--course", str(course.root)]
    assert main(["grade", "week1", "--jobs", "2", "--report", str(course.root / "out"), *there]) == 0
    assert "2 submissions graded (2 manual)" in capsys.readouterr().out
    assert (course.root / "out" / "grades.csv").is_file()
    (course.root / "o.csv").write_text("student,task,score,comment\nstudent00,words/why,2,Yes!\n")
    assert main(["overrides", "week1", str(course.root / "o.csv"), *there]) == 0
    assert main(["feedback", "week1", *there]) == 0
    page = (course.folder("feedback", "student00", "week1") / "words.html").read_text()
    assert "4 of 4 points" in page
    assert "Yes!" in page
    assert main(["report", "week1", *there]) == 0
    assert float(table(course)["student00"]["score"]) == 12
    assert main(["grade", "week1", "--jobs", "1", *there]) == 0
    assert "2 unchanged" in capsys.readouterr().out


def test_ctrl_c_ends_cleanly_and_leaves_no_process(course, assignment, tmp_path):
    hand_in_class(course, "week1", 6)
    for number in range(6):
        mark(f"slow{number}", assignment, course, "\n".join(["# SLEEP"] * 10))
    script = tmp_path / "go.py"
    script.write_text(
        "import functools, sys\nfrom grader.commands import grade as command\n"
        "from grader.tests.fake_worker import FakeWorker\n"
        "from grader.tests.test_grading import _fake\ncommand.Worker = _fake\n"
        "from grader.__main__ import main\n"
        "if __name__ == '__main__':\n"
        f"    sys.exit(main(['grade', 'week1', '--jobs', '2', '--course', {str(course.root)!r}]))\n"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=root, env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    feedback = course.root / "returned"
    end = time.monotonic() + 60
    while not feedback.is_dir() and time.monotonic() < end and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command goes on" in err
    assert "Traceback" not in err
    end = time.monotonic() + 20  # multiprocessing's own tracker ends a moment after its parent
    while left := subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True, text=True).stdout.split():
        assert time.monotonic() < end, left
        time.sleep(0.1)
    done = len(list(feedback.iterdir()))
    outcome = grade(course, assignment, LocalPool(functools.partial(FakeWorker), 2))
    assert outcome.unchanged >= 1
    assert outcome.unchanged + sum(outcome.statuses.values()) == 12
    assert done >= 1


# --- an instructor's bad days ----------------------------------------------------------------------------------------


def grade_again(course, capsys, *words) -> tuple[int, str, str]:
    """``grade week1`` as a command, with one worker process; exit status, output and errors."""
    status = main(["grade", "week1", "--jobs", "1", "--course", str(course.root), *words])
    said = capsys.readouterr()
    return status, said.out, said.err


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
    monkeypatch.setattr(command, "Worker", _fake)
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
    monkeypatch.setattr(FakeWorker, "grade", None)  # the pages come from the journal, not from another run
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
    monkeypatch.setattr(command, "Worker", _fake)
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
    monkeypatch.setattr(command, "Worker", _fake)
    hand_in_class(course, "week1", 2)
    with Gradebook(course.db_url) as gradebook:
        gradebook.add_student("zoe")
    assert "1 registered students handed in nothing: zoe." in grade_again(course, capsys)[1]
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
    whole = FakeWorker.grade

    def unsafe(self, job):
        result = whole(self, job)
        result.flags.append("graded without a sandbox")
        return result

    monkeypatch.setattr(FakeWorker, "grade", unsafe)
    grade(course, assignment, Here(), version="1+unsafe")
    assert ",".join(table(course)["student00"].values()).lower().count("without a sandbox") == 1


def test_a_stopped_run_says_how_many_are_left(course, assignment, capsys, monkeypatch):
    hand_in_class(course, "week1", 3)

    class Stopped(LocalPool):
        def run(self, work):
            self.stopping.set()
            return super().run(work)

    monkeypatch.setattr(command, "LocalPool", Stopped)
    monkeypatch.setattr(command, "Worker", _fake)
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
    monkeypatch.setattr(command, "Worker", _fake)
    hand_in_class(course, "week1", 2)
    assert grade_again(course, capsys)[0] == 0
    before = table(course)
    overwrite(course, "student01", 0.5)
    monkeypatch.setattr(FakeWorker, "grade", None)  # no run is needed
    assert main([step, "week1", "--course", str(course.root)]) == 0
    said = capsys.readouterr()
    assert "had changed automatic scores; those of this grader were entered again: student01." in said.err
    assert ("student01: 8.5 points became 10" in said.out) == (step != "feedback")
    assert table(course) == before
    with Store(course, assignment) as store:
        assert store.totals() == {"student00": 10, "student01": 10}
    page = (course.folder("feedback", "student01", "week1") / "quantities.html").read_text()
    assert "8 of 8 points" in page
    assert "original_recipe" not in page


def test_a_record_that_cannot_be_read_is_graded_again(course, assignment, capsys, monkeypatch):
    monkeypatch.setattr(command, "Worker", _fake)
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
