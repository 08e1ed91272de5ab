"""Find out, on the instructor's own answers and on the released notebook, how each test is best split.

Each test starts with the strictest split. Where the own answers do not pass, its checks' arguments are sent in larger
parts, and what can't be split at all runs beside student code, between tripwires.
"""

import contextlib
import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from grader.judge.checks_in_code import blunt
from grader.judge.evidence import Run, Verdict
from grader.judge.machine import remedy_for
from grader.judge.names import Key, parse
from grader.judge.outputs import error_in
from grader.judge.plan import Plan, plan_notebook
from grader.judge.split import Split
from grader.model import STUDENT_KINDS, AnswerCell, Job, Limits, TaskStatus


class Level(IntEnum):
    """How much of a test is sent; each level is tried where the one before does not pass the own answers."""

    STRICT = 0
    TIMID = 1
    UNSLICED = 2
    FLAT = 3
    FLAT_UNSLICED = 4
    INSIDE = 5


@dataclass
class Prepared:
    """What is known about an assignment before its first submission: how to run it, and whether that is proven."""

    plan: Plan
    inside: set[str]  # tests that are decided in the student's process, at least in part
    scoring: set[str] = field(default_factory=set)  # tests that end in a number of points
    findings: list[str] = field(default_factory=list)


def of_the_instructor(job: Job) -> Job:
    """The job with the instructor's own answers, and with more patience: enclosing expressions are sent, too."""
    reference = [
        dataclasses.replace(cell, source=cell.reference, attempted=True) if cell.kind in STUDENT_KINDS else cell
        for cell in job.cells
        if cell.kind != "extra"
    ]
    limits = Limits()
    names = ("cell_seconds", "memory", "data")
    patient = {name: max(getattr(limits, name), getattr(job.limits, name)) for name in names}
    limits = dataclasses.replace(job.limits, **patient, submission_seconds=10 * patient["cell_seconds"])
    return dataclasses.replace(job, cells=reference, student="", seed=0, limits=limits, student_files={})


class Proof:
    """Climbs, for each test, to the first level that tells the own answers from the released notebook.

    Args:
        job: from `of_the_instructor`.
        try_out: runs a job as planned and decides its tests.
    """

    def __init__(self, job: Job, try_out: Callable[[Job, Prepared, bool], tuple[Run, dict[str, Verdict]]]) -> None:
        self.job, self.try_out = job, try_out
        self.tests = [cell for cell in job.cells if cell.kind == "test" and cell.cell_type == "code"]
        self.known = any(cell.reference.strip() for cell in job.cells)  # is there a right answer to prove it on?
        self.level = {cell.id: Level.STRICT if self.known else Level.FLAT for cell in self.tests}
        self.whole: dict[str, set[Key]] = {cell.id: set() for cell in self.tests}
        self.patience = 2  # tests that may be slow once because the machine is busy
        self.verdicts: dict[str, Verdict] = {}
        self.free: set[str] | None = None  # tests that the released notebook passes; None: nobody knows it

    def prepared(self) -> Prepared:
        """The plan, and what to say of the assignment itself."""
        prepared = self.planned(chains=True)
        if not self.known:
            prepared.findings.append("there is no reference solution, so the split of the tests is not proven")
            return prepared
        prepared, run = self.climbed(prepared)
        prepared = self.against_the_released(prepared)
        self.report(prepared, run)
        return prepared

    def planned(self, chains: bool) -> Prepared:
        """The plan at the present levels."""
        at = lambda *levels: [id for id, level in self.level.items() if level in levels]  # noqa: E731
        flat, unsliced = at(Level.FLAT, Level.FLAT_UNSLICED), at(Level.UNSLICED, Level.FLAT_UNSLICED)
        timid = [id for id, level in self.level.items() if level >= Level.TIMID]
        plan = plan_notebook(self.job.cells, self.whole, flat, unsliced, timid, chains, self.job.files)
        for id in at(Level.INSIDE):
            if isinstance(plan.splits[id], Split):
                plan.splits[id] = "no split of it tells the reference solution from others"
        beside = {id for id, split in plan.splits.items() if isinstance(split, str) or split.beside}
        return Prepared(plan, beside)

    def climbed(self, prepared: Prepared) -> tuple[Prepared, Run]:
        """The plan at which the own answers pass as many tests as they can."""
        settled: set[str] = set()
        changed = True
        while changed:
            left = dataclasses.replace(self.job, cells=[cell for cell in self.job.cells if cell.id not in settled])
            run, verdicts = self.try_out(left, prepared, True)
            self.verdicts |= verdicts
            passed = {cell.id for cell in self.tests if self.verdicts[cell.id].status == TaskStatus.PASSED}
            settled |= passed - prepared.plan.exports
            steps = [self.step(cell, prepared.plan.splits[cell.id]) for cell in self.tests if cell.id not in passed]
            changed = any(steps)
            prepared = self.planned(chains=changed)
        return prepared, run

    def step(self, cell: AnswerCell, split: Split | str) -> bool:
        """Go one step up with a test that the own answers fail; False if there is none."""
        verdict = self.verdicts[cell.id]
        if self.level[cell.id] == Level.INSIDE:
            return False
        if (
            verdict.status in (TaskStatus.TIMEOUT, TaskStatus.CRASHED) and self.patience
        ):  # no fault of the split: a busy machine?
            self.patience -= 1
            return True
        levels = verdict.levels if isinstance(split, Split) else ()
        larger = {split.larger(slot, level) for slot, level in levels} - self.whole[cell.id] - {None}
        if larger and self.level[cell.id] <= Level.UNSLICED:
            self.whole[cell.id] |= larger
        else:
            self.level[cell.id] = Level(self.level[cell.id] + 1) if isinstance(split, Split) else Level.INSIDE
        return True

    def against_the_released(self, prepared: Prepared) -> Prepared:
        """The plan with which the released notebook passes the fewest tests; those stay in ``free``.

        What a test reaches without naming it, no split can send: the solution passes, and so does everybody. Such a
        test runs beside student code, if that tells the solution from the released notebook.
        """
        stubs = [
            dataclasses.replace(cell, source=cell.released)
            if cell.kind in STUDENT_KINDS and cell.released is not None
            else cell
            for cell in self.job.cells
        ]
        if all(cell.released is None for cell in self.job.cells) or stubs == self.job.cells:
            return prepared
        self.free = self.passing(stubs, prepared)
        before = {id: self.level[id] for id in self.free if isinstance(prepared.plan.splits[id], Split)}
        if not before:
            return prepared
        self.level |= dict.fromkeys(before, Level.INSIDE)
        beside = self.planned(chains=False)
        fewer = self.passing(self.job.cells, beside) - self.passing(stubs, beside)
        self.level |= {id: level for id, level in before.items() if id not in fewer}
        self.free -= fewer
        return self.planned(chains=False)

    def passing(self, cells: list[AnswerCell], prepared: Prepared) -> set[str]:
        """Ids of the tests that give points."""
        _, verdicts = self.try_out(dataclasses.replace(self.job, cells=cells), prepared, False)
        given = {id: verdict.score for id, verdict in verdicts.items() if verdict.status == TaskStatus.PASSED}
        return {id for id, score in given.items() if score is None or score > 0}

    def report(self, prepared: Prepared, run: Run) -> None:
        """Note what the instructor should know about the assignment."""
        for cell in self.job.cells:
            why = error_in(run.outputs.get(cell.id, [])) if cell.kind != "test" else ""
            if "No module named" in why:
                prepared.findings.append(f"the cell {cell.grade_id or cell.id!r} stops: {_with_remedy(why)}")
        for cell in self.tests:
            verdict, name = self.verdicts[cell.id], repr(cell.grade_id or cell.id)
            prepared.plan.hollow[cell.id] = set(verdict.hollow)
            if verdict.score is not None:
                prepared.scoring.add(cell.id)
            if finding := self.finding(cell, prepared):
                prepared.findings.append(finding.format(name))
            if self.free and cell.id in self.free and cell.id not in prepared.plan.idle:
                prepared.findings.append(f"an untouched submission passes the test {name}")

    def finding(self, cell: AnswerCell, prepared: Prepared) -> str:
        """The worst that is to be said of a test, ``{}`` for its name; or ""."""
        verdict, split = self.verdicts[cell.id], prepared.plan.splits[cell.id]
        if verdict.status != TaskStatus.PASSED:
            return f"the reference solution fails the test {{}}: {_escaped(_why(verdict))}"
        if verdict.score is not None and verdict.score < cell.points:
            got = f"the reference solution gets {verdict.score:g} of {cell.points:g} points in the test {{}}"
            return f"{got}, which ends in a number, and that counts as points: end it with a semicolon if it should not"
        if cell.id in prepared.plan.idle and (self.free is None or cell.id in self.free):
            return "the test {} decides nothing: whoever hands in anything gets its points"
        if cell.id in prepared.plan.idle and cell.id not in prepared.inside:
            return "the test {} only sees whether the answer runs: it compares nothing"
        if what := blunt(parse(cell.source)):
            return f"a wrong answer may pass the test {{}}: {_escaped(what)}"
        if cell.id in prepared.inside:
            why = split.beside if isinstance(split, Split) else split
            return f"the test {{}} runs beside student code: {_escaped(why)}"
        if self.level[cell.id] in (Level.UNSLICED, Level.FLAT_UNSLICED):
            return "student code could read what the test {} expects"
        return ""


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _why(verdict: Verdict) -> str:
    """Why the reference solution fails, for the instructor."""
    text = verdict.text or verdict.detail
    if verdict.kind == "inside":
        with contextlib.suppress(ValueError):
            text = error_in(json.loads(verdict.detail)) or text
    return _with_remedy(text[:300])


def _with_remedy(text: str) -> str:
    """What is wrong; if a package is missing, also what to do."""
    missing = re.search(r"No module named '([\w.]+)'", text)
    return f"{text} ({remedy_for(missing[1])})" if missing else text
