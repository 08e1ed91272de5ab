"""The verdict: the oracle halves run in a process that has never run student code, on what the stimulus halves sent.

Nothing here decides by itself whether an answer is right; that is what the course's checks do, in that process. This
module carries the records there and turns what comes back into a status and a message that is safe to show.
"""

import secrets
import time
from typing import Any

from grader.box.sandbox import ChildDied, Sandbox
from grader.judge.evidence import Evidence, Verdict
from grader.judge.messages import secretive
from grader.judge.plan import Plan, own_packages
from grader.judge.split import Split
from grader.model import TaskStatus


def judge(sandbox: Sandbox, job: Any, plan: Plan, evidence: dict[str, Evidence], left: float) -> dict[str, Verdict]:
    """Run every oracle half; one that fails costs only its own cell.

    Args:
        sandbox: where the verdict's process is made, after the student's is gone.
        job: a `grader.model.Job`.
        plan: from `grader.judge.plan.plan_notebook`.
        evidence: per id of a test cell.
        left: seconds for everything.
    """
    verdicts: dict[str, Verdict] = {}
    cells = [cell for cell in job.cells if cell.cell_type == "code"]
    blocked: set[str] = set()
    undecided = Verdict(TaskStatus.CRASHED, "oracle", detail="the verdict's process ended or ran out of time")
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
                verdicts[cell.id] = Verdict(TaskStatus.TIMEOUT if late else TaskStatus.CRASHED, detail=proof.died)
            elif proof.inside:
                verdicts[cell.id] = Verdict(TaskStatus.PASSED, score=proof.score)
            else:
                verdicts[cell.id] = Verdict(TaskStatus.FAILED, "inside", detail=proof.detail)
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
            own = own_packages(job.files)
            child.request({"op": "files", "names": list(job.files), "own": own}, list(job.files.values()))
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
                status = TaskStatus(answer["status"])
                if proof.died and status in (TaskStatus.TIMEOUT, TaskStatus.PASSED):
                    continue
                if cell_id not in verdicts:
                    verdicts[cell_id] = Verdict(
                        status, answer.get("kind", ""), answer.get("type", ""), answer.get("text", ""),
                        answer.get("line", ""), answer.get("detail", ""), answer.get("levels", []), answer.get("score"),
                        answer.get("hollow", {}), answer.get("parts", []),
                    )  # fmt: skip
        except ChildDied:
            return cell_id
    return None


def environment(job: Any) -> dict[str, str]:
    """Environment variables of every run of a job."""
    # Without an index pip fails at once, instead of trying for half a minute to reach a network that is not there.
    return {"COURSE_SEED": str(job.seed), "NBGRADER_EXECUTION": "autograde", "PIP_NO_INDEX": "1"}


def tripwires() -> list[str]:
    """Assertions that must fail, in random order and with random numbers, for tests that run beside student code.

    They are expressions and bind no name: what they imported, an answer that forgot its imports would find.
    """
    low, high = secrets.randbelow(1000), 2000 + secrets.randbelow(1000)
    torch, numpy = '__import__("torch")', '__import__("numpy")'
    wires = [
        f"assert {low} == {high}",
        f"assert {torch}.equal({torch}.tensor([{low}.0]), {torch}.tensor([{high}.0]))",
        f"assert {torch}.allclose({torch}.tensor([{low}.0]), {torch}.tensor([{high}.0]))",
        f"{numpy}.testing.assert_allclose([{low}.0], [{high}.0])",
        f"assert {numpy}.array_equal([{low}], [{high}])",
        f"raise ValueError({low})",
    ]
    return [wires.pop(secrets.randbelow(len(wires))) for _ in range(len(wires))]
