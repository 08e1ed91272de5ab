"""A class graded without a sandbox: in this process, or by workers that only pretend."""

import csv
from pathlib import Path

from grader.__main__ import main
from grader.tests.fake_worker import FakeWorker, Missing
from grader.tests.submissions import answer, hand_in, solved


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
            yield submission, [FakeWorker().run_job(job) for job in submission.jobs]


def table(course) -> dict[str, dict[str, str]]:
    with open(course.grades / "week1" / "grades.csv", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def solve(course, assignment, student, change=lambda notebooks: None) -> Path:
    notebooks = {name: solved(source) for name, source in assignment.notebooks.items()}
    change(notebooks)
    return hand_in(course.folder("submitted", student, "week1"), notebooks)


def mark(student, assignment, course, line):
    def change(notebooks):
        answer(notebooks["words"], "count-words")["source"] += f"\n{line}"

    solve(course, assignment, student, change)


def missing(*_, **__):
    return Missing()


def fake(*_, **__):
    return FakeWorker()


def grade_again(course, capsys, *words) -> tuple[int, str, str]:
    """``grade week1`` as a command, with one worker process; exit status, output and errors."""
    status = main(["grade", "week1", "--jobs", "1", "--course", str(course.root), *words])
    said = capsys.readouterr()
    return status, said.out, said.err
