"""(g) Grading a class of honest submissions in the sandbox, against stock ``nbgrader autograde``, which has none."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks import Table
from grader.course import Course
from grader.tests.submissions import hand_in_class

ROOT = Path(__file__).parent.parent
ASSIGNMENT = "02_tensors"


class Memory:
    """The largest memory of a process's descendants, shared pages counted once (PSS), looked at twice a second."""

    def __init__(self, pid: int):
        self.process, self.peak = psutil.Process(pid), 0
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        try:
            while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
                total = 0
                for one in self.process.children(recursive=True):
                    try:
                        total += one.memory_full_info().pss
                    except (psutil.NoSuchProcess, psutil.AccessDenied):
                        continue
                self.peak = max(self.peak, total)
                time.sleep(0.5)
        except psutil.NoSuchProcess:
            return


def make_course(folder: Path, count: int) -> Course:
    """A course of its own with one assignment of ours and ``count`` honest submissions of it."""
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, folder / "solutions" / ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    course = Course(folder)
    hand_in_class(course, ASSIGNMENT, count)
    return course


def timed(words: list[str], folder: Path) -> tuple[float, int]:
    """Run a command; seconds, and the peak memory of its descendants in bytes.

    Raises:
        RuntimeError: if it fails.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    memory = Memory(process.pid)
    said, _ = process.communicate()
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} failed: {said[-2000:]}")
    return seconds, memory.peak


def run(quick: bool) -> Table:
    """Grade classes with ours, and the smallest with stock nbgrader, whose seconds grow with the class.

    Args:
        quick: a class of six instead of twenty and a hundred.
    """
    jobs, classes = len(os.sched_getaffinity(0)), (6,) if quick else (20, 100)
    rows, rates, stages = [], [], {}

    def add(label: str, count: int, hands: int, taken: float, peak: int) -> None:
        rates.append(60 * count / taken)
        rows.append((label, str(count), f"{rates[-1]:.1f}", f"{taken:.1f}", f"{peak / hands / 2**20:.0f} MB"))

    with tempfile.TemporaryDirectory() as folder:
        for count in classes:
            course = make_course(Path(folder, f"ours{count}"), count)
            spent = timed(["grader", "grade", ASSIGNMENT, "--jobs", str(jobs)], course.root)
            add("grader, sandboxed", count, jobs, *spent)
            stages = look(course, count)
        course = make_course(Path(folder, "stock"), classes[0])
        timed(["nbgrader", "generate_assignment", ASSIGNMENT], course.root)
        spent = timed(["nbgrader", "autograde", ASSIGNMENT], course.root)
        add("nbgrader autograde", classes[0], 1, *spent)
    ratios = " and ".join(f"{rate / rates[-1]:.1f}" for rate in rates[:-1])
    return Table(
        f"Grading honest submissions of {ASSIGNMENT}, {jobs} cores",
        ("", "submissions", "submissions per minute", "seconds", "memory per worker"),
        rows,
        [
            f"Ratio: {ratios} (wanted: at least 5; starting and proving the tests is done once for a class).",
            f"Seconds per submission and stage, {classes[-1]} submissions: "
            + ", ".join(f"{stage} {taken:.2f}" for stage, taken in stages.items())
            + ".",
        ],
    )


def look(course: Course, count: int) -> dict[str, float]:
    """Seconds of each stage per submission, once it is sure that the class was graded well.

    Raises:
        RuntimeError: if honest submissions did not get their points.
    """
    folder = course.grades / ASSIGNMENT
    with open(folder / "grades.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    most = float(rows[0]["max_score"])
    if len(rows) != count or sum(float(row["score"]) == most for row in rows) < count // 2:
        raise RuntimeError(f"the class was not graded well: {[row['score'] for row in rows]}")
    seconds = json.loads((folder / "report.json").read_text())["seconds"]
    return {stage: taken / count for stage, taken in sorted(seconds.items())}


def main() -> int:
    """Print the table."""
    print(run("--quick" in sys.argv))
    return 0


if __name__ == "__main__":
    sys.exit(main())
