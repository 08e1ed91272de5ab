"""From a verdict to what a task gets: small rules, one after the other. The order of the lists is the programme."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from grader.judge.evidence import Run, Verdict
from grader.judge.machine import blamed
from grader.judge.messages import crash, is_hidden, message, secretive
from grader.judge.outputs import error_in, words_of
from grader.judge.prove import Prepared
from grader.judge.trust import names_bound, names_taken, unusual
from grader.model import STUDENT_KINDS, AnswerCell, Job, Result, TaskResult, TaskStatus


@dataclass
class Shared:
    """What all tasks of a submission have in common.

    Attributes:
        job: what was handed in.
        prepared: what is known about the assignment.
        show: the run that pages show.
        run: the run that was judged.
        lines: all lines of the student's own code.
        unattempted: ids of answers that are still the released stub.
        strange: what student code does that an ordinary answer does not; "" if no test needs to know.
        replaced: names of the course to which student code gives a meaning of its own.
        shadowed: names that student code binds and no answer should.
        secret: ids of tests that run where student code may have seen a hidden test.
    """

    job: Job
    prepared: Prepared
    show: Run
    run: Run
    lines: set[str] = field(init=False)
    unattempted: set[str] = field(init=False)
    strange: str = field(init=False)
    replaced: set[str] = field(init=False)
    shadowed: set[str] = field(init=False)
    secret: set[str] = field(init=False)

    def __post_init__(self) -> None:
        job, plan, beside = self.job, self.prepared.plan, bool(self.prepared.inside)
        code = [cell.source for cell in job.cells if cell.kind in STUDENT_KINDS]
        self.lines = {line.strip() for source in code for line in source.splitlines()}
        self.unattempted = {cell.id for cell in job.cells if cell.kind in ("answer", "manual") and not cell.attempted}
        own = set().union(*plan.owners.values())
        self.strange = unusual(job, self.run.left_out, plan.modules) if beside else ""
        self.replaced = names_taken(job, plan.imports) - own if beside else set()
        self.shadowed = names_bound(job) - own
        self.secret = secretive(job)


@dataclass
class Case:
    """One test of one submission, while the rules are at it."""

    all: Shared
    cell: AnswerCell
    verdict: Verdict
    secret: bool
    owners: list[str] = field(init=False)  # ids of the answers that the test is about
    status: TaskStatus = field(init=False)
    text: str = ""
    score: float = 0.0
    doubt: str = ""

    def __post_init__(self) -> None:
        plan = self.all.prepared.plan
        self.owners = [id for id, names in plan.owners.items() if names & plan.uses.get(self.cell.id, set())]
        self.status = self.verdict.status

    @property
    def beside(self) -> bool:
        """Is the test decided beside student code, at least in part, and would it give points?"""
        return self.cell.id in self.all.prepared.inside and bool(self.score)

    @property
    def otherwise(self) -> str:
        """What the answer would have got, had it been believed."""
        return f"; believed, it would get {self.score:g} of {self.cell.points:g} points"

    @property
    def named(self) -> str:
        return f"the test {self.cell.grade_id!r}"


# --- the status: the first that applies ------------------------------------------------------------------------------


def miscounted(case: Case) -> bool:
    """A test that counts points came to something that is no number."""
    if (
        case.status != TaskStatus.PASSED
        or case.verdict.score is not None
        or case.cell.id not in case.all.prepared.scoring
    ):
        return False
    case.status, case.text = (
        TaskStatus.FAILED,
        "This test counts points, but with your answer it came to something else.",
    )
    return True


def passed(case: Case) -> bool:
    """All points, or as many as the test counted."""
    if case.status != TaskStatus.PASSED:
        return False
    points, score = case.cell.points, case.verdict.score
    # 0 stands first, because NaN loses against whatever comes before it
    case.score = points if score is None else min(points, max(0.0, score))
    if case.score < points:
        case.status, case.text = TaskStatus.FAILED, f"This test gives {case.score:g} of {points:g} points."
    return True


def unanswered(case: Case) -> bool:
    """All answers that the test is about are as they were released."""
    if not case.owners or not case.all.unattempted.issuperset(case.owners):
        return False
    case.status, case.text = TaskStatus.NOT_ATTEMPTED, "This task has not been answered yet."
    return True


def stopped(case: Case) -> bool:
    """The cell with the answer was stopped, so the test found nothing."""
    reasons = [case.all.run.stopped[id] for id in case.owners if id in case.all.run.stopped]
    if case.status != TaskStatus.FAILED or not reasons:
        return False
    case.status = TaskStatus.TIMEOUT if reasons[0] == "timeout" else TaskStatus.CRASHED
    case.text = crash(reasons[0], case.all.job, "The cell with your answer")
    return True


# --- what else the student should read: all that apply ---------------------------------------------------------------


def where_the_answer_stopped(case: Case) -> None:
    """The error of the cell with the answer comes before what the test makes of it."""
    errors = [why for id in case.owners if (why := error_in(case.all.show.outputs.get(id, [])))]
    if case.status == TaskStatus.FAILED and errors:
        case.text = f"The cell with your answer stopped with {errors[0]}. {case.text}"


def name_taken(case: Case) -> None:
    """The student gave a name another meaning that the test uses."""
    taken = sorted(case.all.shadowed.intersection(case.all.prepared.plan.reads.get(case.cell.id, ())))
    if case.status == TaskStatus.FAILED and taken:
        names = " and ".join(f"`{name}`" for name in taken[:3])
        case.text = f"{case.text} Your notebook gives {names} another meaning, which this test uses: take another name."


# --- doubts: the first one takes the score away, and somebody must look ----------------------------------------------


def undecided(case: Case) -> str:
    return f"{case.named} could not be decided" if case.verdict.kind == "oracle" else ""


def hollow(case: Case) -> str:
    """Nothing came that could be wrong, where the own answer gives something."""
    slots = set(case.verdict.hollow) - case.all.prepared.plan.hollow.get(case.cell.id, set())
    if not case.score or not slots:
        return ""
    return (
        f"{case.named} got {case.verdict.hollow[min(slots)]}, where the own answer gives something else{case.otherwise}"
    )


def tampered(case: Case) -> str:
    """Beside the test runs code that could deceive it."""
    if not case.beside or not (case.all.strange or case.all.run.tripped):
        return ""
    return f"{case.named} runs beside student code, which {case.all.strange or 'tampers with it'}{case.otherwise}"


def course_replaced(case: Case) -> str:
    """Beside the test runs code that puts something in the place of the course's functions."""
    taken = case.all.replaced & case.all.prepared.plan.trusts[case.cell.id] if case.beside else set()
    if not taken:
        return ""
    names = " and ".join(sorted(taken)[:3])
    return f"{case.named} runs beside student code, which replaces the course's {names}{case.otherwise}"


def cannot_run_here(case: Case) -> str:
    """An honest answer may need what this machine lacks; a wrong one gets no points from whoever looks."""
    if case.status != TaskStatus.FAILED or case.score or case.verdict.kind == "malformed":
        return ""
    what = blamed(case.all.job, case.verdict, case.owners, case.all.show)
    return f"{case.named} failed because this machine lacks {what}: try the answer where that is" if what else ""


STATUS_RULES: list[Callable[[Case], bool]] = [miscounted, passed, unanswered, stopped]
WORD_RULES: list[Callable[[Case], None]] = [where_the_answer_stopped, name_taken]
DOUBT_RULES: list[Callable[[Case], str]] = [undecided, hollow, tampered, course_replaced, cannot_run_here]


def told_openly(submission: Shared, cell: AnswerCell, verdict: Verdict) -> tuple[Verdict, bool]:
    """The verdict with the words that may be told, and whether student code may have seen a hidden test."""
    secret = cell.id in submission.secret
    if verdict.kind != "raised" or not secret or is_hidden(cell, submission.job):
        return verdict, secret
    # the show run saw no hidden test, so what student code worded there may be told
    words = words_of(verdict.type, submission.show.outputs.get(cell.id, []))
    return dataclasses.replace(verdict, text=words), False


def task_result(submission: Shared, cell: AnswerCell, verdict: Verdict) -> tuple[TaskResult, str]:
    """What a task gets, and the doubt about it, or ""."""
    case = Case(submission, cell, *told_openly(submission, cell, verdict))
    case.text = message(case.verdict, submission.job, cell, case.secret, submission.lines)
    any(rule(case) for rule in STATUS_RULES)
    for rule in WORD_RULES:
        rule(case)
    doubt = next((doubt for rule in DOUBT_RULES if (doubt := rule(case))), "")
    believed = (case.score or None) if doubt else None
    if doubt:
        case.status, case.score = TaskStatus.FLAGGED, 0.0
    told = case.verdict
    whole = (
        case.status == TaskStatus.FAILED and told.kind == "check" and case.text == told.text[:2000]
    )  # nothing else to say
    task = TaskResult(
        grade_id=cell.grade_id or cell.id,
        score=case.score,
        max_score=cell.points,
        status=case.status,
        message=case.text,
        parts=told.parts if whole else [],
        output=f"{told.kind} {told.type} {told.text}\n{told.detail}".strip(),
        believed=believed,
    )
    return task, doubt


def result_of(submission: Shared, verdicts: dict[str, Verdict], flags: list[str]) -> Result:
    """What a submission gets.

    Args:
        submission: what its runs gave.
        verdicts: per test cell.
        flags: what else the instructor should know of the runs.
    """
    job, prepared = submission.job, submission.prepared
    judged = [task_result(submission, cell, verdicts[cell.id]) for cell in job.cells if cell.kind == "test"]
    tasks, doubts = [task for task, _ in judged], [doubt for _, doubt in judged if doubt]
    return Result(
        student=job.student,
        assignment=job.assignment,
        tasks=tasks,
        show_outputs=submission.show.outputs,
        flags=[*flags, *dict.fromkeys([*submission.run.tripped, *doubts])],
        unattempted=[cell.grade_id or cell.id for cell in job.cells if cell.id in submission.unattempted],
        findings=prepared.findings,
    )
