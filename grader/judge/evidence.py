"""What the student's half of a test gave, and the verdict on it."""

from dataclasses import dataclass, field


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
    """On one test cell. ``status`` as in `grader.model.TASK_STATUSES`; the rest is for the message.

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
