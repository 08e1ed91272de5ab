"""``python -m grader grade`` as a command: wrong calls, no sandbox, Ctrl-C."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from grader.__main__ import main
from grader.commands import grade as command
from grader.grading import grade
from grader.pool import LocalPool
from grader.tests.fake_worker import FakeWorker
from grader.tests.in_process import fake, mark, missing, table
from grader.tests.submissions import hand_in_class


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
    monkeypatch.setattr(command, "Worker", missing)
    assert main(["grade", "week1", "--course", str(course.root), "--jobs", "1"]) == 3
    assert "locked in" in capsys.readouterr().err


def test_the_days_commands_fit_together(course, capsys, monkeypatch):
    hand_in_class(course, "week1", 2)
    monkeypatch.setattr(command, "Worker", fake)
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
        "from grader.tests.in_process import fake\ncommand.Worker = fake\n"
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
