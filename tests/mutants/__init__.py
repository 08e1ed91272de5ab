"""Answers that tests grade: right ones must keep their points, wrong ones lose them and get the right hint."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answers:
    """Answers to one task, each of which replaces the whole answer cell.

    Args:
        task: the slug of the task, which is the grade id of its answer cell.
        right: by name, code other than the solution's that earns all points.
        wrong: by name, code that loses points, and a regular expression that a failing check's message matches.
    """

    task: str
    right: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, tuple[str, str]] = field(default_factory=dict)
