"""Grade one submission: two runs in a sandbox, the verdict outside the student's process.

`Job` goes in and `Result` comes out; both are plain data, so they travel to worker processes and Dask workers alike.
"""

import ast
import builtins
import contextlib
import dataclasses
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.sandbox import Child, ChildDied, Sandbox, SandboxMissing
from grader.split import Key, Plan, Split, defined, definitions, parse, plan_notebook
from grader.verdict import (
    Evidence,
    Verdict,
    crash,
    environment,
    is_hidden,
    judge,
    message,
    secretive,
    tripwires,
    visible,
)

__all__ = ["AnswerCell", "Job", "Limits", "Result", "SandboxMissing", "TaskResult", "Worker"]

KINDS = ("setup", "answer", "test", "manual", "extra", "markdown")
STUDENT_KINDS = ("answer", "manual", "extra")
TASK_STATUSES = ("passed", "failed", "timeout", "crashed", "not_attempted", "flagged")


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Sizes are in bytes, times in seconds.

    Attributes:
        cell_seconds: wall clock of one cell; the rest of the notebook is graded after it.
        submission_seconds: wall clock of one run with its replays; there are two, and the verdict.
        cpu_seconds: processor time of one run.
        memory: resident memory of the whole sandbox beyond the imported packages.
        processes: processes and threads at once.
        disk: everything written into the sandbox, which lives in memory.
        output: text and pictures kept of one cell; the rest is dropped with a note.
        data: what the tests of one cell may send to the verdict.
        open_files: file descriptors of one process.
    """

    cell_seconds: float = 60
    submission_seconds: float = 600
    cpu_seconds: int = 600
    memory: int = 2 << 30
    processes: int = 128
    disk: int = 256 << 20
    output: int = 1 << 20
    data: int = 64 << 20
    open_files: int = 512


@dataclass(frozen=True)
class AnswerCell:
    """One cell of the notebook that was rebuilt from the source.

    Attributes:
        id: cell id, unique in the notebook.
        cell_type: ``"code"`` or ``"markdown"`` (also ``"raw"``).
        grade_id: nbgrader's name, or None.
        kind: one of `KINDS`. ``setup`` is the course's own code; ``answer`` and ``extra`` are the student's code;
            ``test`` is autograded; ``manual`` is graded by hand (its code is the student's and is run).
        source: the student's text for answer, manual and extra cells; the source's text, hidden tests included, else.
        points: of a test or manual cell, else 0.
        reference: the source's own text of an answer or manual cell, with the solution. It shows which names belong to
            students and proves the split on a right answer; it never enters a sandbox that runs student code.
        attempted: False if the student's text is still the released stub (or missing).
    """

    id: str
    cell_type: str
    grade_id: str | None
    kind: str
    source: str
    points: float = 0
    reference: str = ""
    attempted: bool = True


@dataclass(frozen=True)
class Job:
    """One submission to grade, as intake rebuilt it.

    Attributes:
        assignment: name of the assignment.
        student: identifier of the student.
        source_path: the source notebook (for messages; it is not opened).
        cells: all cells in the source's order, extra cells where the student put them.
        seed: of all random numbers, ``COURSE_SEED`` included; same seed, same result.
        limits: what the submission may use.
        files: support files of the assignment by relative POSIX path; they are written into every run's folder.
        student_files: the student's own, which only runs of student code get to see, under other names.
        hidden_begin: line that opens a hidden test (nbgrader's ``ClearHiddenTests`` delimiters).
        hidden_end: line that closes it.
    """

    assignment: str
    student: str
    source_path: Path
    cells: list[AnswerCell]
    seed: int = 0
    limits: Limits = Limits()
    files: dict[str, bytes] = field(default_factory=dict)
    student_files: dict[str, bytes] = field(default_factory=dict)
    hidden_begin: str = "BEGIN HIDDEN TESTS"
    hidden_end: str = "END HIDDEN TESTS"


@dataclass
class TaskResult:
    """The verdict on one test cell.

    Attributes:
        grade_id: of the test cell.
        score: ``max_score`` or 0, or what a test gives that ends in a number, as in nbgrader.
        max_score: points of the cell.
        status: one of `TASK_STATUSES`; ``"flagged"`` if it should not be believed before somebody looked.
        message: for the student, one paragraph of plain text; "" if passed. Safe to show: no text of a hidden test.
        output: for the instructor only: the full error. Untrusted text, and it may quote hidden tests.
    """

    grade_id: str
    score: float
    max_score: float
    status: str
    message: str = ""
    output: str = ""


@dataclass
class Result:
    """What grading one submission gave.

    Attributes:
        student: as in the job.
        assignment: as in the job.
        tasks: one per test cell, in order.
        show_outputs: nbformat outputs of the show run by cell id. Untrusted; made without hidden tests.
        flags: for the instructor, such as ``"restarted after cell 'softmax'"``; each one plain sentence.
        status: ``"graded"``, or ``"needs_eyes"`` if a task is flagged.
        seconds: wall clock per stage: ``prepare`` (once per assignment and worker), ``show``, ``run``, ``verdict``,
            ``total``.
        unattempted: grade ids of answer and manual cells that are still the released stub.
        findings: about the assignment itself, such as a test that its own solution fails; each one plain sentence.
    """

    student: str
    assignment: str
    tasks: list[TaskResult]
    show_outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    status: str = "graded"
    seconds: dict[str, float] = field(default_factory=dict)
    unattempted: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> "Result":
        """Back from `to_dict`.

        Raises:
            ValueError: if a field is missing, unknown or of another type.
        """
        result = cls(**_checked(cls, data))
        result.tasks = [TaskResult(**_checked(TaskResult, task)) for task in result.tasks]
        for task in result.tasks:
            if task.status not in TASK_STATUSES or not 0 <= task.score <= task.max_score:
                raise ValueError(f"task {task.grade_id!r} has status {task.status!r} and score {task.score!r}")
        if result.status not in ("graded", "needs_eyes"):
            raise ValueError(f"unknown status {result.status!r}")
        return result


_SHAPES = {
    "student": str, "assignment": str, "tasks": list, "show_outputs": dict, "flags": list, "status": str,
    "seconds": dict, "unattempted": list, "grade_id": str, "score": (int, float), "max_score": (int, float),
    "message": str, "output": str, "findings": list,
}  # fmt: skip


def _checked(cls: type, data: Any) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(cls)}
    if not isinstance(data, dict) or set(data) != names:
        raise ValueError(f"a {cls.__name__} has the fields {sorted(names)}, but this came: {str(data)[:200]}")
    for name, value in data.items():
        if not isinstance(value, _SHAPES[name]) or isinstance(value, bool):
            raise ValueError(f"{cls.__name__}.{name} can't be {value!r:.200}")
    return data


@dataclass
class _Prepared:
    """What is known about an assignment before its first submission: how to run it, and whether that is proven."""

    plan: Plan
    inside: set[str]  # tests that are decided in the student's process, at least in part
    scoring: set[str] = field(default_factory=set)  # tests that end in a number of points
    findings: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """What one run of a notebook gave, by cell id."""

    end: float = float("inf")  # when the run's time is over
    proof: bool = False  # of the instructor's own answers
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)  # what the cell had done is gone
    tripped: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    room: int = 0  # characters of outputs that may still be kept

    def keep(self, id: str, reply: dict[str, Any], limit: int) -> None:
        """Keep the outputs of a cell."""
        self.outputs[id] = _outputs(reply, min(limit, self.room))
        self.room -= len(json.dumps(self.outputs[id]))


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
        self.prepared: dict[str, _Prepared] = {}

    def __enter__(self) -> "Worker":
        self.sandbox.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.sandbox.close()

    def grade(self, job: Job) -> Result:
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
        return self._result(job, prepared, show, run, verdicts, seconds)

    def _result(
        self,
        job: Job,
        prepared: _Prepared,
        show: _Run,
        run: _Run,
        verdicts: dict[str, Verdict],
        seconds: dict[str, float],
    ) -> Result:
        lines = {line.strip() for cell in job.cells if cell.kind in STUDENT_KINDS for line in cell.source.splitlines()}
        unattempted = {cell.id for cell in job.cells if cell.kind in ("answer", "manual") and not cell.attempted}
        flags = list(dict.fromkeys([*show.flags, *run.flags]))
        if not self.sandbox.sandbox:
            flags.append("graded without a sandbox")
        tasks: list[TaskResult] = []
        doubts: list[str] = list(run.tripped)
        strange = unusual(job, run.left_out) if prepared.inside else ""
        secret = secretive(job)
        shadowed = _bound(job) - set().union(*prepared.plan.owners.values())
        for cell in job.cells:
            if cell.kind != "test":
                continue
            verdict, known = verdicts[cell.id], cell.id in secret
            if verdict.kind == "raised" and known and not is_hidden(cell, job):
                # the show run saw no hidden test, so what student code worded there may be told
                verdict, known = (
                    dataclasses.replace(verdict, text=_shown(show.outputs.get(cell.id, []), verdict)),
                    False,
                )
            owners = [
                id for id, names in prepared.plan.owners.items() if names & prepared.plan.uses.get(cell.id, set())
            ]
            status, text, score = verdict.status, message(verdict, job, cell, known, lines), 0.0
            if status == "passed" and verdict.score is None and cell.id in prepared.scoring:
                status, text = "failed", "This test counts points, but with your answer it came to something else."
            elif status == "passed":
                # 0 stands first, because NaN loses against whatever comes before it
                score = cell.points if verdict.score is None else min(cell.points, max(0.0, verdict.score))
                if score < cell.points:
                    status, text = "failed", f"This test gives {score:g} of {cell.points:g} points."
            elif owners and unattempted.issuperset(owners):
                status, text = "not_attempted", "This task has not been answered yet."
            elif status == "failed" and (stopped := [run.stopped[id] for id in owners if id in run.stopped]):
                status = "timeout" if stopped[0] == "timeout" else "crashed"
                text = crash(stopped[0], job, "The cell with your answer")
            if status == "failed" and (stopped := [why for id in owners if (why := _error(show.outputs.get(id, [])))]):
                text = f"The cell with your answer stopped with {stopped[0]}. {text}"
            if status == "failed" and (taken := sorted(shadowed.intersection(prepared.plan.reads.get(cell.id, ())))):
                names = " and ".join(f"`{name}`" for name in taken[:3])
                text = f"{text} Your notebook gives {names} another meaning, which this test uses: take another name."
            doubt = ""
            if verdict.kind == "oracle":
                doubt = f"the test {cell.grade_id!r} could not be decided"
            elif score and (hollow := set(verdict.hollow) - prepared.plan.hollow.get(cell.id, set())):
                what = verdict.hollow[min(hollow)]
                doubt = f"the test {cell.grade_id!r} got {what}, where the own answer gives something else"
            elif cell.id in prepared.inside and score and (strange or run.tripped):
                doubt = f"the test {cell.grade_id!r} runs beside student code, which {strange or 'tampers with it'}"
            if doubt:
                doubts.append(doubt)
                status, score = "flagged", 0.0
            tasks.append(
                TaskResult(
                    grade_id=cell.grade_id or cell.id,
                    score=score,
                    max_score=cell.points,
                    status=status,
                    message=text,
                    output=f"{verdict.kind} {verdict.type} {verdict.text}\n{verdict.detail}".strip(),
                )
            )
        flags += list(dict.fromkeys(doubts))
        return Result(
            student=job.student,
            assignment=job.assignment,
            tasks=tasks,
            show_outputs=show.outputs,
            flags=flags,
            status="needs_eyes" if any(task.status == "flagged" for task in tasks) else "graded",
            seconds=seconds,
            unattempted=[cell.grade_id or cell.id for cell in job.cells if cell.id in unattempted],
            findings=prepared.findings,
        )

    # --- before the first submission ---------------------------------------------------------------------------------

    def prepare(self, job: Job) -> _Prepared:
        """Find out, on the instructor's own solution, how the tests of an assignment are best split.

        Each test cell starts with the strictest split. Where the solution does not pass, its checks' arguments are sent
        in larger parts, and what can't be split at all runs beside the student's code, between tripwires.
        """
        reference = [
            dataclasses.replace(cell, source=cell.reference, attempted=True) if cell.kind in STUDENT_KINDS else cell
            for cell in job.cells
            if cell.kind != "extra"
        ]
        limits = Limits()
        names = ("cell_seconds", "memory", "data")  # enclosing expressions are sent, too
        patient = {name: max(getattr(limits, name), getattr(job.limits, name)) for name in names}
        limits = dataclasses.replace(job.limits, **patient, submission_seconds=10 * patient["cell_seconds"])
        trusted = dataclasses.replace(job, cells=reference, student="", seed=0, limits=limits, student_files={})
        key = hashlib.sha256(repr(trusted).encode()).hexdigest()
        if key not in self.prepared:
            if len(self.prepared) > 20:
                self.prepared.clear()
            self.prepared[key] = self._prove(trusted)
        return self.prepared[key]

    def _prove(self, job: Job) -> _Prepared:
        tests = [cell for cell in job.cells if cell.kind == "test" and cell.cell_type == "code"]
        proven = any(cell.reference.strip() for cell in job.cells)
        stage = dict.fromkeys([cell.id for cell in tests], 0 if proven else _FLAT)
        whole: dict[str, set[Key]] = {cell.id: set() for cell in tests}

        def plan(chains: bool) -> _Prepared:
            flat = [id for id, level in stage.items() if level in (_FLAT, _FLAT_UNSLICED)]
            unsliced = [id for id, level in stage.items() if level in (_UNSLICED, _FLAT_UNSLICED)]
            timid = [id for id, level in stage.items() if level >= _TIMID]
            plan = plan_notebook(job.cells, whole, flat, unsliced, timid, chains)
            for id, level in stage.items():
                if level == _INSIDE and isinstance(plan.splits[id], Split):
                    plan.splits[id] = "the reference solution fails it when it is split"
            beside = {id for id, split in plan.splits.items() if isinstance(split, str) or split.beside}
            return _Prepared(plan, beside)

        prepared = plan(chains=True)
        if not proven:
            prepared.findings.append("there is no reference solution, so the split of the tests is not proven")
            return prepared
        settled: set[str] = set()
        verdicts: dict[str, Verdict] = {}
        changed, patience = True, 2
        while changed:
            again = dataclasses.replace(job, cells=[cell for cell in job.cells if cell.id not in settled])
            run = self._run(again, prepared, proof=True)
            self.sandbox.preload(run.modules)
            verdicts |= judge(self.sandbox, again, prepared.plan, run.evidence, job.limits.submission_seconds)
            settled |= {cell.id for cell in tests if verdicts[cell.id].status == "passed"} - prepared.plan.exports
            changed = False
            for cell in tests:
                verdict, split = verdicts[cell.id], prepared.plan.splits[cell.id]
                if verdict.status == "passed" or stage[cell.id] == _INSIDE:
                    continue
                if verdict.status in ("timeout", "crashed") and patience:  # no fault of the split: a busy machine?
                    patience -= 1
                    changed = True
                    continue
                levels = verdict.levels if isinstance(split, Split) else ()
                larger = {split.larger(slot, level) for slot, level in levels} - whole[cell.id] - {None}
                if larger and stage[cell.id] <= _UNSLICED:
                    whole[cell.id] |= larger
                else:
                    stage[cell.id] = stage[cell.id] + 1 if isinstance(split, Split) else _INSIDE
                changed = True
            prepared = plan(chains=changed)
        for cell in tests:
            name = cell.grade_id or cell.id
            prepared.plan.hollow[cell.id] = set(verdicts[cell.id].hollow)
            if verdicts[cell.id].score is not None:
                prepared.scoring.add(cell.id)
            if verdicts[cell.id].status != "passed":
                text = verdicts[cell.id].text or verdicts[cell.id].detail
                prepared.findings.append(f"the reference solution fails the test {name!r}: {text[:300]}")
            elif verdicts[cell.id].score is not None and verdicts[cell.id].score < cell.points:
                score = f"{verdicts[cell.id].score:g} of {cell.points:g}"
                prepared.findings.append(f"the reference solution gets {score} points in the test {name!r}")
            elif cell.id in prepared.plan.idle:
                prepared.findings.append(
                    f"the test {name!r} decides nothing: whoever hands in anything gets its points"
                )
            elif cell.id in prepared.inside:
                split = prepared.plan.splits[cell.id]
                why = split.beside if isinstance(split, Split) else split
                prepared.findings.append(f"the test {name!r} runs beside student code: {why}")
            elif stage[cell.id] in (_UNSLICED, _FLAT_UNSLICED):
                prepared.findings.append(f"student code could read what the test {name!r} expects")
        return prepared

    # --- running -----------------------------------------------------------------------------------------------------

    def _run(self, job: Job, prepared: _Prepared | None, proof: bool = False) -> _Run:
        """Run a notebook: for show if nothing is ``prepared``, else for grading.

        A run that dies is started again: earlier cells that are no tests are replayed, the guilty one is left out.
        """
        end = time.monotonic() + job.limits.submission_seconds
        run = _Run(end=end, proof=proof, room=40 * job.limits.output)
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

    def _start(self, job: Job, earlier: list[AnswerCell], prepared: _Prepared | None, run: _Run) -> Child | None:
        """A new child in which ``earlier`` cells have run; None if that failed, with the guilty cell noted."""
        child = self.sandbox.spawn(job.seed, job.limits, show=prepared is None, env=environment(job))
        cell = None
        try:
            files = {**job.student_files, **job.files}
            child.request({"op": "files", "names": list(files)}, list(files.values()))
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
        run: _Run,
        prepared: _Prepared | None = None,
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

    def _cell(self, child: Child, job: Job, cell: AnswerCell, prepared: _Prepared | None, run: _Run) -> None:
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

    def _inside(self, child: Child, job: Job, cell: AnswerCell, run: _Run) -> Evidence:
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
                last = _outputs(reply, job.limits.output)[-1:]
                evidence = Evidence(
                    inside=reply.get("ok") is True, detail=json.dumps(last)[:4000], score=_points(cell.source, last)
                )
            elif reply.get("ok") is not False:
                run.tripped.append(f"an assertion that must fail passed beside the test {cell.grade_id!r}")
        return evidence


_TIMID, _UNSLICED, _FLAT, _FLAT_UNSLICED, _INSIDE = 1, 2, 3, 4, 5
# by the name of an error or the start of its text: file too large, no space left
_HOARDED = {"MemoryError": "memory", "[Errno 27]": "disk", "[Errno 28]": "disk"}
_REASONS = {
    "timeout": "did not stop when its time was up",
    "memory": "used too much memory",
    "disk": "filled its disk",
    "processes": "started too many processes",
    "crashed": "ended Python",
}
_PLAIN_MODULES = {
    "__future__",
    "abc", "bisect", "cmath", "collections", "copy", "csv", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "heapq", "helpers", "itertools", "json", "math", "matplotlib", "numbers", "numpy", "operator",
    "pandas", "PIL", "random", "re", "scipy", "seaborn", "sklearn", "statistics", "string", "sys", "textwrap", "time",
    "torch", "torchvision", "tqdm", "typing",
}  # fmt: skip
_PLAIN_METHODS = {"__init__", "__name__", "__call__", "__repr__", "__str__", "__post_init__"}
# parts of objects other than `self` that answers set
_PLAIN_PARTS = {"bias", "data", "grad", "requires_grad", "shape", "training", "weight"}
# classes whose methods are believed; one that derives from them can have others
_DATA = {
    "Parameter", "Tensor", "bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "matrix", "ndarray",
    "set", "str", "tuple",
}  # fmt: skip
_REACHING = {  # names that lead out of one's own code, or to values that every comparison holds of
    "MaskedArray", "SkipTest", "ag_frame", "attrgetter", "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals",
    "gi_frame", "ma", "masked", "masked_array", "masked_equal", "masked_invalid", "masked_where", "methodcaller",
    "skipTest", "tb_frame",
    "In", "Out", "atexit", "breakpoint", "builtins", "compile", "ctypes", "delattr", "dir", "displayhook", "eval",
    "excepthook", "exec", "gc", "get_ipython", "getattr", "globals", "importlib", "inspect", "linecache", "locals",
    "memoryview", "meta_path", "mock", "modules", "object", "open", "os", "setattr", "setprofile", "settrace", "signal",
    "threading", "unittest", "vars",
}  # fmt: skip


def _quick(source: str) -> str:
    """What a cell defines that takes no time: imports, functions, classes, and names of constants."""
    return "\n".join(
        text
        for text, statement in definitions(source).items()
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or isinstance(statement.value, ast.Constant)
    )


def _error(outputs: list[dict[str, Any]]) -> str:
    """The error in which a cell ended in the show run, which never sees a hidden test; or ""."""
    error = next((output for output in outputs if output["output_type"] == "error"), None)
    if error is None:
        return ""
    text = error["evalue"].split("\n")[0][:300].rstrip(".")
    return f"{error['ename'][:80]}: {re.sub(r'<ipython-input-[^>]*>', 'this cell', text)}".rstrip(": ")


def _shown(outputs: list[dict[str, Any]], verdict: Verdict) -> str:
    """The text of an error that a test met in the show run as well, raised or printed by a check; or ""."""
    for output in outputs:
        if output["output_type"] == "error" and output["ename"] == verdict.type:
            return output["evalue"].split("\n")[0]
        found = re.search(
            rf"raised {verdict.type}(?: in the line `.*`)?: (.*?)\.?$", output.get("text", ""), re.MULTILINE
        )
        if found:
            return found[1]
    return ""


def unusual(job: Job, left_out: set[str]) -> str:
    """What student code does that an ordinary answer does not, for a test that it shares a process with; or "".

    There an object that lies about itself or a function put in another's place could pass any test, and hundreds of
    ways lead there. So only code made of common parts, or of parts that the instructor's own answers have, is believed
    without a look.

    Args:
        job: the submission.
        left_out: ids of cells that had no effect.
    """
    code = [cell for cell in job.cells if cell.kind in STUDENT_KINDS and cell.cell_type == "code"]
    common = {what for cell in code for what in _strange(cell.reference)}
    found = (what for cell in code if cell.id not in left_out for what in _strange(cell.source))
    return next((what for what in found if what not in common), "")


def _strange(source: str) -> list[str]:
    """What is no common part of an answer."""
    if (statements := _students(source)) is None:
        return ["is too much to be looked through"]
    nodes = list(_without_magics(statements))
    shared = any(isinstance(node, (ast.Global, ast.Nonlocal)) for node, _ in nodes)
    return [what for node, local in nodes if (what := _unusual(node, local and not shared))]


def _bound(job: Job) -> set[str]:
    """Names that student code binds outside of its functions."""
    names: set[str] = set()
    for cell in job.cells:
        if cell.kind in STUDENT_KINDS and cell.cell_type == "code":
            with contextlib.suppress(RecursionError):  # nobody writes that by hand
                names |= defined(_students(cell.source) or [])
    return names


def _students(source: str) -> list[ast.stmt] | None:
    """The statements of a student's cell, none if it cannot be compiled; None if looking would take too long."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        # IPython reads a cell anew for each of its magics
        if len(source) > 20_000 or len(re.findall(r"(?m)^\s*[%!]|\?\s*$|=\s*[%!]", source)) > 20:
            return None
    except (ValueError, RecursionError, MemoryError):
        return []
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        return []


def _without_magics(statements: list[ast.stmt]) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes of a student's statements but those of harmless magics, and whether they are inside a function.

    The code that a magic runs belongs to them.
    """
    todo: list[tuple[ast.AST, bool]] = [(statement, False) for statement in statements]
    while todo:
        node, local = todo.pop()
        inner: list[ast.stmt] | None = None
        if (code := _magic(node)) is not None:
            inner = (
                (_students(code) or None) if code.strip() else []
            )  # what cannot be compiled there is no harmless magic
        if inner is None:
            yield node, local
        local = local or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        todo += [(part, local) for part in (ast.iter_child_nodes(node) if inner is None else inner)]


# Nothing here may hold braces or dollar signs: IPython puts the values of expressions in their place.
_MAGICS = {
    "matplotlib": r"\w*", "config": r"InlineBackend\.\w+ *= *['\w]+", "load_ext": "autoreload|tensorboard",
    "autoreload": r"\d?", "pip": r"[^{}$]*", "conda": r"[^{}$]*", "ls": r"[^{}$]*", "pwd": "", "pinfo": r"[\w.]*",
    "capture": r"(--?\w+ *)*",
}  # fmt: skip
_SHELL = r"(cat|conda|date|echo|free|head|ls|lscpu|nproc|nvidia-smi|pip3?|pwd|which)\b[^{}$<>|&;`\n]*"


def _magic(node: ast.AST) -> str | None:
    """The Python code that a harmless magic or shell command runs, perhaps ""; None for everything else."""
    call = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    shell = call.value if call is not None and isinstance(call.value, ast.Call) else None
    if shell is None or getattr(shell.func, "id", "") != "get_ipython" or shell.args or shell.keywords:
        return None
    texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if node.keywords or not texts or len(texts) != len(node.args):
        return None
    if call.attr == "system":
        return "" if re.fullmatch(_SHELL, texts[0].strip()) else None
    if call.attr not in ("run_line_magic", "run_cell_magic") or len(texts) < 2:
        return None
    name, line, *body = texts
    if name in ("time", "timeit"):
        return "\n".join([re.sub(r"^(-\w+ *\d* +)*", "", line), *body])
    return "".join(body) if name in _MAGICS and re.fullmatch(_MAGICS[name], line.strip()) else None


def _unusual(node: ast.AST, local: bool) -> str:
    """What is unusual about a node; names that are ``local`` to a function hide nothing from anybody else."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        strange = [name for name in modules if name.split(".")[0] not in _PLAIN_MODULES and name != "IPython.display"]
        if strange:
            return f"imports {strange[0] or 'from its folder'}"
        parts = {part for alias in node.names for part in (*alias.name.split("."), alias.asname or "")}
        reaching = sorted(part for part in parts if part in _REACHING or part.startswith("_"))
        return f"imports {reaching[0]}" if reaching else ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "type":
        return "makes a class with type()" if len(node.args) != 1 or node.keywords else ""
    if isinstance(node, ast.ClassDef):
        bases = {base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in node.bases}
        if derived := sorted(bases & _DATA):
            return f"derives from {derived[0]}"
    if isinstance(node, ast.Name):
        name, stored = node.id, not isinstance(node.ctx, ast.Load)
    elif isinstance(node, ast.Attribute):
        name, stored = node.attr, False
        own = isinstance(node.value, ast.Name) and node.value.id == "self"
        if not isinstance(node.ctx, ast.Load) and not own and name not in _PLAIN_PARTS:
            return f"sets .{name} of something"
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        name, stored = node.name, True
    elif isinstance(node, ast.arg):
        name, stored = node.arg, False
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match("__(?!main__)", node.value):
        name, stored = node.value, False  # type("List", (list,), {"__len__": ...})
    else:
        return ""
    if isinstance(node, ast.Attribute) and name == "eval":
        return ""  # of a module, to which it is what train() is
    private = r"_.+" if isinstance(node, ast.Attribute) and not own else r"__.+|_(i+\d*|ih|oh|dh|\d+)"
    if re.fullmatch(private, name) and name not in _PLAIN_METHODS:
        return f"uses {name}"
    if name in _REACHING or (stored and not local and name in dir(builtins)):
        return f"{'defines' if stored else 'uses'} {name}"
    return ""


def _points(source: str, outputs: list[dict[str, Any]]) -> float | None:
    """The number that a test ended in beside student code, if it ends in one."""
    try:
        ends = isinstance(parse(source)[-1], ast.Expr)
        return float(re.sub(r"^np\.\w+\((.*)\)$", r"\1", outputs[0]["data"]["text/plain"])) if ends else None
    except (SyntaxError, ValueError, LookupError, TypeError):
        return None


def _outputs(reply: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """The outputs of a reply as nbformat wants them, texts only, up to about ``limit`` characters.

    The reply comes from student code's process, which may have made it up.
    """
    kept: list[dict[str, Any]] = []
    for item in reply.get("outputs") if isinstance(reply.get("outputs"), list) else []:
        kind = item.get("output_type") if isinstance(item, dict) else None
        if kind == "stream" and item.get("name") in ("stdout", "stderr") and isinstance(item.get("text"), str):
            new = {"output_type": kind, "name": item["name"], "text": item["text"]}
        elif kind in ("display_data", "execute_result") and isinstance(item.get("data"), dict):
            texts = {name: text for name, text in item["data"].items() if isinstance(text, str)}
            new = {"output_type": kind, "data": texts, "metadata": {}}
            if kind == "execute_result":
                count = item.get("execution_count")
                new["execution_count"] = count if type(count) is int else None
        elif kind == "error" and isinstance(item.get("traceback"), list):
            lines = [line for line in item["traceback"] if isinstance(line, str)]
            name, value = (text if isinstance(text := item.get(key), str) else "" for key in ("ename", "evalue"))
            new = {"output_type": kind, "ename": name, "evalue": value, "traceback": lines}
        else:
            continue
        limit -= len(json.dumps(new))
        if limit < 0:
            break
        kept.append(new)
    return kept
