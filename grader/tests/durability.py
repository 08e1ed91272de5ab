"""Kill the grader at seeded random moments, start it again once, and compare what comes out with an undisturbed run.

``python -m grader.tests.durability --moments 100`` is the full harness; the tests use fewer moments.
"""

import argparse
import functools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.plugins.export import CsvExportPlugin

from grader.course import Course
from grader.tests.submissions import copy_course, hand_in_class

ROOT = Path(__file__).parents[2]
# The grader as a user starts it, except that a stand-in for the sandbox may take the place of the real one
START = """
import sys
from grader.commands import grade
if {fake}:
    from grader.tests.fake_worker import FakeWorker
    grade.Worker = FakeWorker
from grader.__main__ import main
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


def make_class(folder: Path, count: int = 20) -> Course:
    """A course with submissions, none of them graded."""
    course = copy_course(folder)
    hand_in_class(course, "week1", count)
    return course


def start(course: Course, *, jobs: int = 2, fake: bool = True) -> subprocess.Popen:
    """Start the grader in a process group of its own."""
    script = course.root / "start.py"
    script.write_text(START.format(fake=fake))
    return subprocess.Popen(
        [sys.executable, str(script), "grade", "week1", "--course", str(course.root), "--jobs", str(jobs)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def outputs(course: Course) -> dict[str, bytes]:
    """All that must be the same: nbgrader's export, our table, every page and every graded notebook."""
    table = course.root / "export.csv"
    with Gradebook(course.db_url) as gradebook:
        CsvExportPlugin(to=str(table)).export(gradebook)
    found = {"export": table.read_bytes(), "grades.csv": (course.grades / "week1" / "grades.csv").read_bytes()}
    for step in (course.directory.feedback_directory, course.directory.autograded_directory):
        for path in sorted((course.root / step).rglob("*")):
            if path.is_file():
                found[str(path.relative_to(course.root))] = path.read_bytes()
    journal = course.grades / "week1" / "journal"
    return found | {f"left in the journal: {path.name}": b"" for path in journal.glob("*")}


def finish(course: Course, *, jobs: int = 2, fake: bool = True) -> float:
    """Run the grader to its end; returns seconds.

    Raises:
        RuntimeError: if it does not end well.
    """
    begin = time.monotonic()
    process = start(course, jobs=jobs, fake=fake)
    said, _ = process.communicate(timeout=900)
    if process.returncode != 0:
        raise RuntimeError(f"the grader ended with {process.returncode}: {said}")
    return time.monotonic() - begin


def kill_and_resume(
    template: Path, folder: Path, moment: float, *, jobs: int = 2, fake: bool = True
) -> dict[str, bytes]:
    """Grade a copy of a class, kill the grader (SIGKILL, the process alone) after ``moment`` of its work, resume once.

    Args:
        template: a class that was not graded.
        folder: where the copy goes.
        moment: share of the class whose feedback is out, plus a fraction of a second, at which the grader is killed.
        jobs: worker processes.
        fake: use the stand-in for the sandbox.
    """
    shutil.copytree(template, folder)
    course = Course(folder)
    process = start(course, jobs=jobs, fake=fake)
    count = len(list((folder / "inbox").iterdir()))
    wait_for, rest = divmod(moment * count, 1)
    returned, end = folder / "returned", time.monotonic() + 600
    while process.poll() is None and time.monotonic() < end:
        if (len(list(returned.iterdir())) if returned.is_dir() else 0) >= wait_for:
            break
        time.sleep(0.002)
    time.sleep(rest * 0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    finish(course, jobs=jobs, fake=fake)
    return outputs(course)


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Names of what is not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def moments(count: int, seed: int = 7) -> list[float]:
    """Seeded moments between the start of a run and its end."""
    draw = random.Random(seed)
    return [draw.random() for _ in range(count)]


def main() -> int:
    """Run the harness and print one line per moment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--real", action="store_true", help="with the real sandbox")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template")
        make_class(template, args.students)
        whole = Path(folder, "whole")
        shutil.copytree(template, whole)
        seconds = finish(Course(whole), fake=not args.real)
        expected = outputs(Course(whole))
        print(f"undisturbed: {seconds:.1f} s, {len(expected)} files")
        for number, moment in enumerate(moments(args.moments, args.seed)):
            jobs = (1, 2, 4)[number % 3]
            run = functools.partial(kill_and_resume, template, Path(folder, f"run{number}"), moment)
            found = differences(expected, run(jobs=jobs, fake=not args.real))
            wrong += bool(found)
            print(f"{number + 1:4} killed at {moment:.3f} with {jobs} jobs: {found or 'the same'}", flush=True)
            shutil.rmtree(Path(folder, f"run{number}"))
    print(f"{args.moments - wrong} of {args.moments} resumed runs gave the same bytes")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
