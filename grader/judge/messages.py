"""What a student is told about a test."""

from collections.abc import Iterable
from typing import Any

from grader.judge.evidence import Verdict
from grader.model import TaskStatus

CRASHES = {
    "unreached": "was not reached: the cells before it took {all_seconds:g} seconds",
    "timeout": "ran longer than {seconds:g} seconds",
    "memory": "used more than {memory:.2g} GB of memory",
    "disk": "wrote more than {disk:.0f} MB to disk",
    "processes": "started more than {processes} processes",
    "crashed": "ended Python",
}


def is_hidden(cell: Any, job: Any) -> bool:
    """Does a cell contain a hidden test?"""
    return job.hidden_begin in cell.source


def secretive(job: Any) -> set[str]:
    """Ids of the test cells that run where a hidden test is or was: student code may have seen it and word it."""
    tests = [cell for cell in job.cells if cell.kind == "test" and cell.cell_type == "code"]
    first = next((number for number, cell in enumerate(tests) if is_hidden(cell, job)), len(tests))
    return {cell.id for cell in tests[first:]}


def visible(source: str, begin: str, end: str) -> str:
    """A test cell without its hidden tests."""
    kept, hidden = [], False
    for line in source.splitlines():
        if begin in line:
            hidden = True
        elif end in line:
            hidden = False
        elif not hidden:
            kept.append(line)
    return "\n".join(kept)


def message(verdict: Verdict, job: Any, cell: Any, secret: bool, own_lines: Iterable[str]) -> str:
    """What the student reads about a test that failed.

    Where student code may have seen a hidden test, nothing that it worded is repeated: it could quote the test.

    Args:
        verdict: on the cell.
        job: the job, for its limits.
        cell: the test.
        secret: whether student code may have seen a hidden test.
        own_lines: all lines of the student's own code; only these are quoted.
    """
    if verdict.status == TaskStatus.PASSED:
        return ""
    if verdict.kind == "oracle":
        return "This test could not be decided; your instructor will look at it."
    if verdict.status in (TaskStatus.TIMEOUT, TaskStatus.CRASHED):
        subject = "This test" if verdict.detail == "unreached" else "Your code"
        return crash(verdict.detail if verdict.detail in CRASHES else verdict.status, job, subject)
    if verdict.kind == "raised":
        line = f" in the line `{verdict.line}`" if verdict.line and verdict.line in set(own_lines) else ""
        text = f": {verdict.text}" if verdict.text and not secret else ""
        return f"Your code raised {verdict.type}{line}{text}."[:1000]
    if verdict.kind == "malformed":
        return f"Your answer can't be checked: {verdict.text if not secret else 'it is no plain data'}."[:1000]
    if verdict.kind == "check" and verdict.text:
        if verdict.parts or verdict.type in ("CheckError", "AssertionError"):
            return verdict.text[:2000]
        return f"The check could not use your answer ({verdict.type}: {verdict.text})."[:1000]
    return "A hidden test of this task failed." if is_hidden(cell, job) else "A test of this task failed."


def crash(reason: str, job: Any, what: str) -> str:
    """One sentence about why a run was stopped."""
    limits = job.limits
    text = CRASHES.get(reason, CRASHES["crashed"]).format(
        seconds=limits.cell_seconds,
        all_seconds=limits.submission_seconds,
        memory=limits.memory / 1e9,
        disk=limits.disk / 1e6,
        processes=limits.processes,
    )
    return f"{what} {text}."
