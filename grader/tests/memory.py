"""How much memory the grading process needs for a small class and for a large one.

``python -m grader.tests.memory --students 100 10000`` is the full harness, a quarter of an hour; the slow test uses
smaller classes.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from grader.tests.durability import make_class, outputs, start


def peak_memory(folder: Path, students: int) -> tuple[float, float]:
    """Grade a class with the stand-in for the sandbox: peak resident memory of the parent in MB, and seconds.

    Raises:
        RuntimeError: if the grader fails or leaves someone out.
    """
    course = make_class(folder, students)
    begin = time.monotonic()
    process = start(course)
    said = process.stdout.read()  # little, and until the end
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begin
    rows = outputs(course)["grades.csv"].decode().splitlines()[1:]
    if process.returncode or len(rows) != students:
        raise RuntimeError(f"status {process.returncode}, {len(rows)} of {students} students graded: {said}")
    return usage.ru_maxrss / 1024, seconds


def main() -> int:
    """Print a line per size of class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, nargs="+", default=[100, 1000])
    for students in parser.parse_args().students:
        with tempfile.TemporaryDirectory() as folder:
            megabytes, seconds = peak_memory(Path(folder), students)
        print(f"{students:6} submissions: {megabytes:.0f} MB in the parent, {seconds:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
