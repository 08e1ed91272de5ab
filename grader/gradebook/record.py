"""The record of one submission, as the journal and the gradebook keep it."""

import json
from dataclasses import asdict, dataclass, field, fields

from grader.model import Status, TaskStatus


@dataclass(frozen=True)
class TaskRecord:
    """What one graded cell got. ``score`` is None where a human must decide."""

    notebook: str
    grade_id: str
    score: float | None
    max_score: float
    status: TaskStatus
    message: str = ""
    parts: tuple[str, ...] = ()  # of the message: what was expected, what came, a hint; empty if it has none
    believed: float | None = None  # of a flagged task: its points if the test were believed, where that is known


@dataclass
class Record:
    """Everything known about one graded submission; ``pages`` (notebooks to write) is only in the journal."""

    assignment: str
    student: str
    status: Status
    submission: str
    source: str
    grader: str
    tasks: list[TaskRecord] = field(default_factory=list)
    notes: list[dict] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)  # about the assignment itself
    comments: dict[str, dict[str, str | None]] = field(default_factory=dict)
    timestamp: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    sandbox: bool = True
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    before: float | None = None  # the automatic score before this grading
    sketch: list[int] = field(default_factory=list)  # of the code, to compare it with others'
    pages: dict[str, dict] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """The automatic score."""
        return sum(task.score or 0.0 for task in self.tasks)

    @property
    def max_score(self) -> float:
        """Points that can be had."""
        return sum(task.max_score for task in self.tasks)

    @property
    def key(self) -> tuple[str, str, str]:
        """What must agree for a submission to be done."""
        return self.submission, self.source, self.grader

    def to_json(self) -> str:
        """The record as JSON, the same bytes for the same content; what cannot be encoded is replaced."""
        text = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return text.encode("utf-8", "replace").decode()

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """The inverse of `to_json`; fields that a newer version may have added are left out.

        Raises:
            ValueError: if the text is not a record.
        """

        def known(kind: type, data: dict) -> dict:
            return {one.name: data[one.name] for one in fields(kind) if one.name in data}

        try:
            data = json.loads(text)
            data["tasks"] = [
                TaskRecord(
                    **known(TaskRecord, task)
                    | {"status": TaskStatus(task["status"]), "parts": tuple(task.get("parts", ()))}
                )
                for task in data["tasks"]
            ]
            return cls(**known(cls, data) | {"status": Status(data["status"])})
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"not a record: {error}") from error


def readable(text: str) -> Record | None:
    """The record, if it is one that this version can read: else the submission counts as not graded."""
    try:
        return Record.from_json(text)
    except ValueError:
        return None
