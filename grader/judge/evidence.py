"""What a run gave, what the student's half of a test gave, and the verdict on it."""

import json
from dataclasses import dataclass, field
from typing import Any

from grader.judge.outputs import outputs_of
from grader.model import TaskStatus


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
    """On one test cell: its status, which the rules may change; the rest is for the message.

    Attributes:
        kind: ``check`` (the course's words), ``raised`` (the student's error), ``malformed``, ``inside`` (decided
            beside student code), ``oracle`` (our own failure) or "".
        levels: per slot whose value was no plain data, how many expressions further out there is some; -1: nowhere.
        parts: what a check expected, what came, and its hint; empty if its error does not hold them apart.
        hollow: per slot that got nothing that could be wrong, such as an empty array, what that was.
        score: points, if the test ends in a number (nbgrader's partial credit); else None.
    """

    status: TaskStatus
    kind: str = ""
    type: str = ""
    text: str = ""
    line: str = ""
    detail: str = ""
    levels: list[list[int]] = field(default_factory=list)
    score: float | None = None
    hollow: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)


@dataclass
class Run:
    """What one run of a notebook gave, by cell id.

    Attributes:
        end: when the run's time is over.
        proof: of the instructor's own answers.
        outputs: what each cell showed.
        evidence: per test cell.
        stopped: why a cell was stopped, a key of `CRASHES`.
        left_out: cells of which nothing is left: what they had done is gone.
        tripped: signs that student code tampers with tests beside it.
        flags: for the instructor.
        modules: packages that it imported.
        room: characters of outputs that may still be kept.
    """

    end: float = float("inf")
    proof: bool = False
    outputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    tripped: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    room: int = 0

    def keep(self, id: str, reply: dict[str, Any], limit: int) -> None:
        """Keep the outputs of a cell."""
        self.outputs[id] = outputs_of(reply, min(limit, self.room))
        self.room -= len(json.dumps(self.outputs[id]))
