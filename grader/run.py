"""Grade one submission: two runs in a sandbox, the verdict outside the student's process.

`Job` goes in and `Result` comes out; both are plain data, so they travel to worker processes and Dask workers alike.
"""

import ast
import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any

from grader.box.sandbox import Child, ChildDied, Sandbox
from grader.judge.evidence import Evidence, Run, Verdict
from grader.judge.messages import crash, is_hidden, visible
from grader.judge.names import definitions
from grader.judge.outputs import outputs_of, points_in
from grader.judge.plan import own_packages
from grader.judge.prove import Prepared, Proof, of_the_instructor
from grader.judge.rules import Shared, result_of
from grader.judge.split import Split
from grader.judge.verdict import environment, judge, tripwires
from grader.model import AnswerCell, Job, Result


class Worker:
    """Grades submissions one after the other in forks of one warm sandbox. A context manager.

    Args:
        course_dir: the course folder (for messages; nothing of it is visible inside).
        extra_read_only: more files and folders that student code may read, at the same path.
        sandbox: False runs student code with nothing between it and this machine, and flags every result.
        cgroups: False relies on rlimits and the watchdog alone.

    Raises:
        SandboxMissing: on entering, if bubblewrap is missing or doesn't work here.
    """

    def __init__(
        self, course_dir: Path, extra_read_only: tuple[Path, ...] = (), sandbox: bool = True, cgroups: bool = True
    ) -> None:
        self.course_dir = Path(course_dir)
        self.sandbox = Sandbox(extra_read_only, sandbox=sandbox, cgroups=cgroups)
        self.prepared: dict[str, Prepared] = {}

    def __enter__(self) -> "Worker":
        self.sandbox.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.sandbox.close()

    def run_job(self, job: Job) -> Result:
        """Grade one submission. Whatever it does, this returns; one submission at a time.

        Raises:
            SandboxMissing: if the sandbox broke down and can't be started again.
        """
        clock = [time.monotonic()]
        seconds: dict[str, float] = {}

        def lap(stage: str) -> None:
            clock.append(time.monotonic())
            seconds[stage] = round(clock[-1] - clock[-2], 4)

        prepared = self.prepare(job)
        lap("prepare")
        show = self._run(job, None)
        lap("show")
        run = self._run(job, prepared)
        lap("run")
        verdicts = judge(self.sandbox, job, prepared.plan, run.evidence, job.limits.submission_seconds)
        lap("verdict")
        seconds["total"] = round(clock[-1] - clock[0], 4)
        flags = list(dict.fromkeys([*show.flags, *run.flags]))
        if not self.sandbox.sandbox:
            flags.append("graded without a sandbox")
        result = result_of(Shared(job, prepared, show, run), verdicts, flags)
        result.seconds = seconds
        return result

    # --- before the first submission ---------------------------------------------------------------------------------

    def prepare(self, job: Job) -> Prepared:
        """Find out once, on the instructor's own answers, how the tests of an assignment are best split."""
        trusted = of_the_instructor(job)
        key = hashlib.sha256(repr(trusted).encode()).hexdigest()
        if key not in self.prepared:
            if len(self.prepared) > 20:
                self.prepared.clear()
            self.prepared[key] = Proof(trusted, self._try_out).prepared()
        return self.prepared[key]

    def _try_out(self, job: Job, prepared: Prepared, proof: bool) -> tuple[Run, dict[str, Verdict]]:
        """A run of the instructor's own answers, or of the released notebook, and what it gets."""
        run = self._run(job, prepared, proof)
        self.sandbox.preload(run.modules)
        return run, judge(self.sandbox, job, prepared.plan, run.evidence, job.limits.submission_seconds)

    # --- running -----------------------------------------------------------------------------------------------------

    def _run(self, job: Job, prepared: Prepared | None, proof: bool = False) -> Run:
        """Run a notebook: for show if nothing is ``prepared``, else for grading.

        A run that dies is started again: earlier cells that are no tests are replayed, the guilty one is left out.
        """
        end = time.monotonic() + job.limits.submission_seconds
        run = Run(end=end, proof=proof, room=40 * job.limits.output)
        cells = [cell for cell in job.cells if cell.cell_type == "code"]
        for cell in cells:
            if cell.kind == "test":
                run.evidence[cell.id] = Evidence(died="unreached")
        child, position = None, 0
        try:
            while position < len(cells):
                if time.monotonic() > run.end:
                    run.flags.append(f"stopped after {job.limits.submission_seconds:g} seconds")
                    break
                if child is None:
                    child = self._start(job, cells[:position], prepared, run)
                    continue
                cell = cells[position]
                position += 1
                try:
                    self._cell(child, job, cell, prepared, run)
                except ChildDied as death:
                    run.stopped[cell.id] = death.reason
                    run.left_out.add(cell.id)
                    run.flags.append(f"restarted: the cell {cell.grade_id or cell.id!r} {_REASONS[death.reason]}")
                    text = crash(death.reason, job, "This cell")
                    run.outputs[cell.id] = [{"output_type": "stream", "name": "stderr", "text": f"{text}\n"}]
                    if cell.kind == "test":
                        run.evidence[cell.id] = Evidence(died=death.reason)
                    child = None
            if proof and child:
                run.modules = child.request({"op": "modules"})[0]["modules"]
        except ChildDied:
            pass
        finally:
            if child:
                child.kill(calm=True)
        return run

    def _start(self, job: Job, earlier: list[AnswerCell], prepared: Prepared | None, run: Run) -> Child | None:
        """A new child in which ``earlier`` cells have run; None if that failed, with the guilty cell noted."""
        child = self.sandbox.spawn(job.seed, job.limits, show=prepared is None, env=environment(job))
        cell = None
        try:
            files = {**job.student_files, **job.files}
            own = own_packages(job.files)
            child.request({"op": "files", "names": list(files), "own": own}, list(files.values()))
            if prepared is not None and prepared.plan.modules:
                # before student code could put other files in their place
                child.request(
                    {"op": "imports", "names": sorted(prepared.plan.modules)}, seconds=job.limits.cell_seconds
                )
            for cell in earlier:
                if cell.kind != "test" and cell.id not in run.left_out:
                    # what ran too long the first time left only its definitions to later cells
                    source = _quick(cell.source) if cell.id in run.stopped else cell.source
                    self._request(child, job, cell, cell.kind, source, run, prepared)
        except ChildDied as death:
            if cell is None:
                raise
            run.stopped[cell.id] = death.reason
            run.left_out.add(cell.id)
            return None
        return child

    def _request(
        self,
        child: Child,
        job: Job,
        cell: AnswerCell,
        kind: str,
        source: str,
        run: Run,
        prepared: Prepared | None = None,
        env: dict[str, str] | None = None,
    ) -> tuple[dict[str, Any], list[bytes]]:
        seconds = max(0.1, min(job.limits.cell_seconds, run.end - time.monotonic()))
        env = environment(job) | (env or {})  # again for each cell: the student's code may have cleared it
        message = {"op": "cell", "id": cell.id, "kind": kind, "source": source, "seconds": seconds, "env": env}
        message["strict"] = run.proof
        if prepared is not None:
            message["course"] = sorted(prepared.plan.course.get(cell.id, ()))
            if not is_hidden(cell, job):
                message["renamed"] = prepared.plan.renamed.get(cell.id, {})
        reply, blobs = child.request(message, seconds=seconds + 3)
        if reply.get("id") != cell.id or not blobs:
            child.kill()
            raise ChildDied("crashed")
        return reply, blobs

    def _cell(self, child: Child, job: Job, cell: AnswerCell, prepared: Prepared | None, run: Run) -> None:
        """Run one cell and note what it gave."""
        if cell.kind != "test":
            reply, _ = self._request(child, job, cell, cell.kind, cell.source, run, prepared)
            if reply.get("timeout"):
                run.stopped[cell.id] = "timeout"
            run.keep(cell.id, reply, 8 * job.limits.output)
            for output in run.outputs[cell.id]:
                if hoarded := _HOARDED.get(output.get("ename")) or _HOARDED.get(str(output.get("evalue"))[:10]):
                    child.kill()  # what the cell hoards would be missing from every later one
                    raise ChildDied(hoarded)
        elif prepared is None:
            source = visible(cell.source, job.hidden_begin, job.hidden_end)
            # As in the student's own notebook: a failing check is printed, not raised.
            reply, _ = self._request(child, job, cell, "visible", source, run, env={"NBGRADER_EXECUTION": ""})
            run.keep(cell.id, reply, 8 * job.limits.output)
        elif isinstance(split := prepared.plan.splits[cell.id], Split):
            reply, blobs = self._request(child, job, cell, "test", split.stimulus, run, prepared)
            run.evidence[cell.id] = Evidence(blobs, died="timeout" if reply.get("timeout") else "")
        else:
            run.evidence[cell.id] = self._inside(child, job, cell, run)

    def _inside(self, child: Child, job: Job, cell: AnswerCell, run: Run) -> Evidence:
        """A test that can't be split, somewhere between assertions that must fail."""
        wires = tripwires()
        place = secrets.randbelow(len(wires) + 1)
        evidence = Evidence()
        for number in range(len(wires) + 1):
            real = number == place
            source = cell.source if real else wires.pop()
            reply, _ = self._request(child, job, cell, "test", source, run)
            if real and reply.get("timeout"):
                return Evidence(died="timeout")
            if real:
                last = outputs_of(reply, job.limits.output)[-1:]
                evidence = Evidence(
                    inside=reply.get("ok") is True, detail=json.dumps(last)[:4000], score=points_in(cell.source, last)
                )
            elif reply.get("ok") is not False:
                run.tripped.append(f"an assertion that must fail passed beside the test {cell.grade_id!r}")
        return evidence


# by the name of an error or the start of its text: file too large, no space left
_HOARDED = {"MemoryError": "memory", "[Errno 27]": "disk", "[Errno 28]": "disk"}


_REASONS = {
    "timeout": "did not stop when its time was up",
    "memory": "used too much memory",
    "disk": "filled its disk",
    "processes": "started too many processes",
    "crashed": "ended Python",
}


def _quick(source: str) -> str:
    """What a cell defines that takes no time: imports, functions, classes, and names of constants."""
    return "\n".join(
        text
        for text, statement in definitions(source).items()
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or isinstance(statement.value, ast.Constant)
    )
