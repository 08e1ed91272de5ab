"""The ground floor: limits, cells, jobs, results and notes, of which everybody speaks."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
        status: one of `TASK_STATUSES`; ``"flagged"`` if it should not be believed before somebody looked.
        message: for the student, one paragraph of plain text; "" if passed. Safe to show: no text of a hidden test.
        parts: the message as data: what was expected, what came, and a hint (each may be ""); empty if it has no such
            parts, as that of a plain ``assert``.
        output: for the instructor only: the full error. Untrusted text, and it may quote hidden tests.
    """

    grade_id: str
    score: float
    max_score: float
    status: str
    message: str = ""
    output: str = ""
    parts: list[str] = field(default_factory=list)


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
            if len(task.parts) not in (0, 3) or not all(isinstance(part, str) for part in task.parts):
                raise ValueError(f"task {task.grade_id!r} has the parts {task.parts!r:.200}")
            if task.status not in TASK_STATUSES or not 0 <= task.score <= task.max_score:
                raise ValueError(f"task {task.grade_id!r} has status {task.status!r} and score {task.score!r}")
        if result.status not in ("graded", "needs_eyes"):
            raise ValueError(f"unknown status {result.status!r}")
        return result


_SHAPES = {
    "student": str, "assignment": str, "tasks": list, "show_outputs": dict, "flags": list, "status": str,
    "seconds": dict, "unattempted": list, "grade_id": str, "score": (int, float), "max_score": (int, float),
    "message": str, "output": str, "findings": list, "parts": list,
}  # fmt: skip


def _checked(cls: type, data: Any) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(cls)}
    if not isinstance(data, dict) or set(data) != names:
        raise ValueError(f"a {cls.__name__} has the fields {sorted(names)}, but this came: {str(data)[:200]}")
    for name, value in data.items():
        if not isinstance(value, _SHAPES[name]) or isinstance(value, bool):
            raise ValueError(f"{cls.__name__}.{name} can't be {value!r:.200}")
    return data
