"""The ground floor: statuses, limits, cells, jobs, results and notes, of which everybody speaks."""

import dataclasses
import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class _Told(enum.StrEnum):
    """A status with a sentence for the instructor and words for the student."""

    instructor: str
    student: str

    def __new__(cls, value: str, instructor: str, student: str) -> "_Told":
        """A string, so that it is stored and compared as what it is called."""
        made = str.__new__(cls, value)
        made._value_, made.instructor, made.student = value, instructor, student
        return made


class Status(_Told):
    """How far a submission is."""

    GRADED = "graded", "Every task has its score.", "graded"
    MANUAL = (
        "manual",
        "The automatic part is done; a written answer waits for you.",
        "graded; a written answer waits for a human",
    )
    FLAGGED = (
        "flagged",
        "The grader does not trust the automatic score of some task, or cannot run it here, and gave none there.",
        "waits for a human",
    )
    REFUSED = (
        "refused",
        "What was handed in could not be graded; the student is told why in one sentence.",
        "could not be graded",
    )
    MISSING = "missing", "A folder without a notebook: 0 points.", "nothing was handed in"
    INFRASTRUCTURE = (
        "infrastructure",
        "Grading failed, and nothing was stored: run the same command again.",
        "is not graded yet",
    )


class TaskStatus(_Told):
    """How a task came out. A worker gives the first six; the others come of what is no test, or of the submission."""

    PASSED = "passed", "The tests pass.", "passed"
    FAILED = "failed", "A test fails.", "not yet"
    TIMEOUT = "timeout", "The answer or a test took longer than it may.", "took too long"
    CRASHED = "crashed", "The answer or a test ended Python, or used up what it may.", "ended the program"
    NOT_ATTEMPTED = "not_attempted", "The answer is as it was released.", "not attempted"
    FLAGGED = "flagged", "The automatic score could not be trusted, so there is none.", "waits for a human"
    MANUAL = "manual", "A written answer waits for you.", "waits for a human"
    REFUSED = "refused", "The submission could not be graded.", "could not be graded"
    MISSING = "missing", "No notebook was handed in.", "nothing was handed in"


class Refused(Exception):
    """A file that cannot be graded: ``instructor`` and ``student`` are one plain sentence each."""

    def __init__(self, instructor: str, student: str):
        super().__init__(instructor)
        self.instructor, self.student = instructor, student


@dataclass(frozen=True)
class Note:
    """One thing that intake mended: a slug, a sentence for the instructor, one for the student, and the notebook."""

    code: str
    instructor: str
    student: str
    notebook: str = ""  # of the assignment; "" if it is about all of them


KINDS = ("setup", "answer", "test", "manual", "extra", "markdown")


STUDENT_KINDS = ("answer", "manual", "extra")


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
        released: what students got as this cell, or None if nobody knows; shows that an untouched answer fails.
    """

    id: str
    cell_type: str
    grade_id: str | None
    kind: str
    source: str
    points: float = 0
    reference: str = ""
    attempted: bool = True
    released: str | None = None


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
        plain: names of modules, functions and attributes that the course's configuration calls harmless beside a test.
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
    plain: frozenset[str] = frozenset()


@dataclass
class TaskResult:
    """The verdict on one test cell.

    Attributes:
        grade_id: of the test cell.
        score: ``max_score`` or 0, or what a test gives that ends in a number, as in nbgrader.
        max_score: points of the cell.
        status: ``FLAGGED`` if it should not be believed before somebody looked.
        message: for the student, one paragraph of plain text; "" if passed. Safe to show: no text of a hidden test.
        parts: the message as data: what was expected, what came, and a hint (each may be ""); empty if it has no such
            parts, as that of a plain ``assert``.
        output: for the instructor only: the full error. Untrusted text, and it may quote hidden tests.
        believed: points that a flagged task would get if its test were believed, where that is known.
    """

    grade_id: str
    score: float
    max_score: float
    status: TaskStatus
    message: str = ""
    output: str = ""
    parts: list[str] = field(default_factory=list)
    believed: float | None = None


@dataclass
class Result:
    """What grading one submission gave.

    Attributes:
        student: as in the job.
        assignment: as in the job.
        tasks: one per test cell, in order.
        show_outputs: nbformat outputs of the show run by cell id. Untrusted; made without hidden tests.
        flags: for the instructor, such as ``"restarted after cell 'softmax'"``; each one plain sentence.
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
    seconds: dict[str, float] = field(default_factory=dict)
    unattempted: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def status(self) -> Status:
        """``FLAGGED`` if a task is."""
        flagged = any(task.status == TaskStatus.FLAGGED for task in self.tasks)
        return Status.FLAGGED if flagged else Status.GRADED

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
            if len(task.parts) not in (0, 3) or not all(isinstance(part, str) for part in task.parts):
                raise ValueError(f"task {task.grade_id!r} has the parts {task.parts!r:.200}")
            task.status = TaskStatus(task.status)
            if not 0 <= task.score <= task.max_score or not 0 <= (task.believed or 0) <= task.max_score:
                raise ValueError(f"task {task.grade_id!r} has status {task.status!r} and score {task.score!r}")
        return result


_SHAPES = {
    "student": str, "assignment": str, "tasks": list, "show_outputs": dict, "flags": list, "status": str,
    "seconds": dict, "unattempted": list, "grade_id": str, "score": (int, float), "max_score": (int, float),
    "message": str, "output": str, "findings": list, "parts": list,
    "believed": (int, float, type(None)),
}  # fmt: skip


def _checked(cls: type, data: Any) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(cls)}
    if not isinstance(data, dict) or set(data) != names:
        raise ValueError(f"a {cls.__name__} has the fields {sorted(names)}, but this came: {str(data)[:200]}")
    for name, value in data.items():
        if not isinstance(value, _SHAPES[name]) or isinstance(value, bool):
            raise ValueError(f"{cls.__name__}.{name} can't be {value!r:.200}")
    return data
