"""Grade one submission: two runs in a sandbox, the verdict outside the student's process.

`Job` goes in and `Result` comes out; both are plain data, so they travel to worker processes and Dask workers alike.
"""

import ast
import contextlib
import dataclasses
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.box.sandbox import Child, ChildDied, Sandbox
from grader.judge.evidence import Evidence, Verdict
from grader.judge.messages import crash, is_hidden, message, secretive, visible
from grader.judge.names import Key, definitions, parse
from grader.judge.plan import Plan, own_modules, plan_notebook
from grader.judge.split import Split
from grader.judge.trust import names_bound, names_taken, unusual
from grader.judge.verdict import environment, judge, tripwires
from grader.model import STUDENT_KINDS, AnswerCell, Job, Limits, Result, TaskResult


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
        strange = unusual(job, run.left_out, prepared.plan.modules) if prepared.inside else ""
        own = set().union(*prepared.plan.owners.values())
        replaced = names_taken(job, prepared.plan.imports) - own if prepared.inside else set()
        secret = secretive(job)
        shadowed = names_bound(job) - own
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
            elif cell.id in prepared.inside and score and (taken := replaced & prepared.plan.trusts[cell.id]):
                names = " and ".join(sorted(taken)[:3])
                doubt = f"the test {cell.grade_id!r} runs beside student code, which replaces the course's {names}"
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
            plan = plan_notebook(job.cells, whole, flat, unsliced, timid, chains, job.files)
            for id, level in stage.items():
                if level == _INSIDE and isinstance(plan.splits[id], Split):
                    plan.splits[id] = "no split of it tells the reference solution from others"
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
        errors = {cell.id: _error(run.outputs.get(cell.id, [])) for cell in job.cells if cell.kind != "test"}
        missing = {id: why for id, why in errors.items() if "No module named" in why}
        passed, prepared = self._prove_untouched(job, tests, stage, prepared, plan)
        names = {cell.id: cell.grade_id or cell.id for cell in job.cells}
        prepared.findings += [f"the cell {names[id]!r} stops: {_with_remedy(why)}" for id, why in missing.items()]
        for cell in tests:
            name = cell.grade_id or cell.id
            prepared.plan.hollow[cell.id] = set(verdicts[cell.id].hollow)
            if verdicts[cell.id].score is not None:
                prepared.scoring.add(cell.id)
            if verdicts[cell.id].status != "passed":
                prepared.findings.append(f"the reference solution fails the test {name!r}: {_why(verdicts[cell.id])}")
            elif verdicts[cell.id].score is not None and verdicts[cell.id].score < cell.points:
                score = f"{verdicts[cell.id].score:g} of {cell.points:g}"
                prepared.findings.append(f"the reference solution gets {score} points in the test {name!r}")
            elif cell.id in prepared.plan.idle and (passed is None or cell.id in passed):
                prepared.findings.append(
                    f"the test {name!r} decides nothing: whoever hands in anything gets its points"
                )
            elif cell.id in prepared.plan.idle and cell.id not in prepared.inside:
                prepared.findings.append(f"the test {name!r} only sees whether the answer runs: it compares nothing")
            elif cell.id in prepared.inside:
                split = prepared.plan.splits[cell.id]
                why = split.beside if isinstance(split, Split) else split
                prepared.findings.append(f"the test {name!r} runs beside student code: {why}")
            elif stage[cell.id] in (_UNSLICED, _FLAT_UNSLICED):
                prepared.findings.append(f"student code could read what the test {name!r} expects")
            if passed and cell.id in passed and cell.id not in prepared.plan.idle:
                prepared.findings.append(f"an untouched submission passes the test {name!r}")
        return prepared

    def _prove_untouched(
        self, job: Job, tests: list[AnswerCell], stage: dict[str, int], prepared: _Prepared, plan: Callable
    ) -> tuple[set[str] | None, _Prepared]:
        """Ids of tests that the released notebook passes (None: nobody knows it), and the plan that makes them fewest.

        What a test reaches without naming it, no split can send: the solution passes, and so does everybody. Such a
        test runs beside student code, if that tells the solution from the released notebook.
        """
        stubs = [
            dataclasses.replace(cell, source=cell.released)
            if cell.kind in STUDENT_KINDS and cell.released is not None
            else cell
            for cell in job.cells
        ]
        if all(cell.released is None for cell in job.cells) or stubs == job.cells:
            return None, prepared

        def passing(cells: list[AnswerCell], prepared: _Prepared) -> set[str]:
            again = dataclasses.replace(job, cells=cells)
            run = self._run(again, prepared)
            verdicts = judge(self.sandbox, again, prepared.plan, run.evidence, job.limits.submission_seconds)
            given = {id: verdict.score for id, verdict in verdicts.items() if verdict.status == "passed"}
            return {id for id, score in given.items() if score is None or score > 0}

        passed = passing(stubs, prepared)
        before = {id: stage[id] for id in passed if isinstance(prepared.plan.splits[id], Split)}
        if not before:
            return passed, prepared
        stage |= dict.fromkeys(before, _INSIDE)
        beside = plan(chains=False)
        fewer = passing(job.cells, beside) - passing(stubs, beside)
        stage |= {id: level for id, level in before.items() if id not in fewer}
        return passed - fewer, plan(chains=False)

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
            own = sorted(own_modules(job.files))
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


def _quick(source: str) -> str:
    """What a cell defines that takes no time: imports, functions, classes, and names of constants."""
    return "\n".join(
        text
        for text, statement in definitions(source).items()
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or isinstance(statement.value, ast.Constant)
    )


def _why(verdict: Verdict) -> str:
    """Why the reference solution fails, for the instructor."""
    text = verdict.text or verdict.detail
    if verdict.kind == "inside":
        with contextlib.suppress(ValueError):
            text = _error(json.loads(verdict.detail)) or text
    return _with_remedy(text[:300])


def _with_remedy(text: str) -> str:
    """What is wrong; if a package is missing, also what to do."""
    missing = re.search(r"No module named '([\w.]+)'", text)
    return f"{text} (install {missing[1]} where the grader is, then `grade --again`)" if missing else text


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
