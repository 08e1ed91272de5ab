"""(g) Grading twenty honest submissions in the sandbox, against stock ``nbgrader autograde``, which has none."""

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
    """Grade the same class with both, in turn.

    Args:
        quick: six submissions instead of twenty.
    """
    count, jobs, rounds = (6 if quick else 20), len(os.sched_getaffinity(0)), 1
    seconds: dict[str, list[float]] = {"ours": [], "stock": []}
    peaks: dict[str, int] = {"ours": 0, "stock": 0}
    stages: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for name in ("ours", "stock") if turn % 2 == 0 else ("stock", "ours"):
                course = make_course(Path(folder, f"{name}{turn}"), count)
                if name == "stock":
                    timed(["nbgrader", "generate_assignment", ASSIGNMENT], course.root)
                    words = ["nbgrader", "autograde", ASSIGNMENT]
                else:
                    words = ["grader", "grade", ASSIGNMENT, "--jobs", str(jobs)]
                taken, peak = timed(words, course.root)
                seconds[name].append(taken)
                peaks[name] = max(peaks[name], peak)
                if name == "ours":
                    stages = look(course, count)
    rate = {name: 60 * count / (sum(taken) / len(taken)) for name, taken in seconds.items()}
    return Table(
        f"Grading {count} honest submissions of {ASSIGNMENT}, {jobs} cores",
        ("", "submissions per minute", "seconds", "memory per worker"),
        [
            (
                label,
                f"{rate[name]:.1f}",
                f"{sum(seconds[name]) / len(seconds[name]):.1f}",
                f"{peaks[name] / each / 2**20:.0f} MB",
            )
            for label, name, each in (("grader, sandboxed", "ours", jobs), ("nbgrader autograde", "stock", 1))
        ],
        [
            f"Ratio: {rate['ours'] / rate['stock']:.1f} (wanted: at least 5).",
            "Seconds per submission and stage: "
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
