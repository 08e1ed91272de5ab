"""The verdict: the oracle halves run in a process that has never run student code, on what the stimulus halves sent.

Nothing here decides by itself whether an answer is right; that is what the course's checks do, in that process. This
module carries the records there and turns what comes back into a status and a message that is safe to show.
"""

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from grader.sandbox import ChildDied, Sandbox
from grader.split import Plan, Split

CRASHES = {
    "unreached": "was not reached: the cells before it took {all_seconds:g} seconds",
    "timeout": "ran longer than {seconds:g} seconds",
    "memory": "used more than {memory:.2g} GB of memory",
    "disk": "wrote more than {disk:.0f} MB to disk",
    "processes": "started more than {processes} processes",
    "crashed": "ended Python",
}


@dataclass
class Evidence:
    """What one test cell's stimulus left.

    Attributes:
        blobs: records and what they refer to, unread.
        died: why the run ended during the cell, a key of `CRASHES`, or "".
        inside: the verdict of a cell that could not be split: True, False, or None if it was.
        detail: error text of such a cell.
        score: the number that such a cell ends in, or None.
    """

    blobs: list[bytes] = field(default_factory=lambda: [b"[]"])
    died: str = ""
    inside: bool | None = None
    detail: str = ""
    score: float | None = None


@dataclass
class Verdict:
    """On one test cell. ``status`` as in `grader.worker.TASK_STATUSES`; the rest is for the message.

    Attributes:
        kind: ``check`` (the course's words), ``raised`` (the student's error), ``malformed``, ``inside`` (decided
            beside student code), ``oracle`` (our own failure) or "".
        levels: per slot whose value was no plain data, how many expressions further out there is some; -1: nowhere.
        hollow: per slot that got nothing that could be wrong, such as an empty array, what that was.
        score: points, if the test ends in a number (nbgrader's partial credit); else None.
    """

    status: str
    kind: str = ""
    type: str = ""
    text: str = ""
    line: str = ""
    detail: str = ""
    levels: list[list[int]] = field(default_factory=list)
    score: float | None = None
    hollow: dict[str, str] = field(default_factory=dict)


def judge(sandbox: Sandbox, job: Any, plan: Plan, evidence: dict[str, Evidence], left: float) -> dict[str, Verdict]:
    """Run every oracle half; one that fails costs only its own cell.

    Args:
        sandbox: where the verdict's process is made, after the student's is gone.
        job: a `grader.worker.Job`.
        plan: from `grader.split.plan_notebook`.
        evidence: per id of a test cell.
        left: seconds for everything.
    """
    verdicts: dict[str, Verdict] = {}
    cells = [cell for cell in job.cells if cell.cell_type == "code"]
    blocked: set[str] = set()
    undecided = Verdict("crashed", "oracle", detail="the verdict's process ended or ran out of time")
    end = time.monotonic() + left
    while True:
        broken = _judge_once(sandbox, job, plan, evidence, end, blocked, verdicts)
        if broken is None:
            break
        blocked.add(broken)
        if not broken or time.monotonic() > end:  # it died before the first test, or was slow too often
            rest = [cell for cell in cells if cell.kind == "test" and isinstance(plan.splits.get(cell.id), Split)]
            verdicts.update({cell.id: undecided for cell in rest if cell.id not in verdicts})
            break
        verdicts[broken] = undecided
    for cell in cells:
        if cell.kind == "test" and cell.id not in verdicts:
            proof = evidence[cell.id]
            if proof.died:
                late = proof.died in ("timeout", "unreached")
                verdicts[cell.id] = Verdict("timeout" if late else "crashed", detail=proof.died)
            elif proof.inside:
                verdicts[cell.id] = Verdict("passed", score=proof.score)
            else:
                verdicts[cell.id] = Verdict("failed", "inside", detail=proof.detail)
    return verdicts


def _judge_once(
    sandbox: Sandbox,
    job: Any,
    plan: Plan,
    evidence: dict[str, Evidence],
    end: float,
    blocked: set[str],
    verdicts: dict[str, Verdict],
) -> str | None:
    """Decide what is not decided yet; return the cell at which the process ended, if it did."""
    secret = secretive(job)
    with sandbox.spawn(job.seed, job.limits, env=environment(job)) as child:
        cell_id = ""
        try:
            child.request({"op": "files", "names": list(job.files)}, list(job.files.values()))
            for cell in job.cells:
                cell_id = cell.id
                if cell_id in blocked or (cell_id in verdicts and cell_id not in plan.exports):
                    continue
                seconds = min(job.limits.cell_seconds, max(end - time.monotonic(), 1))
                if source := plan.oracle_setup.get(cell_id):
                    message = {"op": "cell", "kind": "setup", "id": cell_id, "source": source, "seconds": seconds}
                    child.request(message, seconds=seconds + 5)
                split = plan.splits.get(cell_id)
                if cell.kind != "test" or not isinstance(split, Split):
                    continue
                proof = evidence[cell_id]
                request = {
                    "op": "oracle", "id": cell_id, "source": split.oracle, "secret": cell_id in secret,
                    "stopped": proof.died,
                }  # fmt: skip
                answer = child.request(request, proof.blobs, seconds=seconds + 5)[0]
                if proof.died and answer["status"] in ("timeout", "passed"):
                    continue
                if cell_id not in verdicts:
                    verdicts[cell_id] = Verdict(
                        answer["status"], answer.get("kind", ""), answer.get("type", ""), answer.get("text", ""),
                        answer.get("line", ""), answer.get("detail", ""), answer.get("levels", []), answer.get("score"),
                        answer.get("hollow", {}),
                    )  # fmt: skip
        except ChildDied:
            return cell_id
    return None


def environment(job: Any) -> dict[str, str]:
    """Environment variables of every run of a job."""
    # Without an index pip fails at once, instead of trying for half a minute to reach a network that is not there.
    return {"COURSE_SEED": str(job.seed), "NBGRADER_EXECUTION": "autograde", "PIP_NO_INDEX": "1"}


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
    if verdict.status == "passed":
        return ""
    if verdict.kind == "oracle":
        return "This test could not be decided; your instructor will look at it."
    if verdict.status in ("timeout", "crashed"):
        subject = "This test" if verdict.detail == "unreached" else "Your code"
        return crash(verdict.detail if verdict.detail in CRASHES else verdict.status, job, subject)
    if verdict.kind == "raised":
        line = f" in the line `{verdict.line}`" if verdict.line and verdict.line in set(own_lines) else ""
        text = f": {verdict.text}" if verdict.text and not secret else ""
        return f"Your code raised {verdict.type}{line}{text}."[:1000]
    if verdict.kind == "malformed":
        return f"Your answer can't be checked: {verdict.text if not secret else 'it is no plain data'}."[:1000]
    if verdict.kind == "check" and verdict.text:
        if verdict.type in ("CheckError", "AssertionError"):
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


def tripwires() -> list[str]:
    """Assertions that must fail, in random order and with random numbers, for tests that run beside student code."""
    low, high = secrets.randbelow(1000), 2000 + secrets.randbelow(1000)
    wires = [
        f"assert {low} == {high}",
        f"import torch; assert torch.equal(torch.tensor([{low}.0]), torch.tensor([{high}.0]))",
        f"import torch; assert torch.allclose(torch.tensor([{low}.0]), torch.tensor([{high}.0]))",
        f"import numpy as np; np.testing.assert_allclose([{low}.0], [{high}.0])",
        f"import numpy as np; assert np.array_equal([{low}], [{high}])",
        f"raise ValueError({low})",
    ]
    return [wires.pop(secrets.randbelow(len(wires))) for _ in range(len(wires))]
