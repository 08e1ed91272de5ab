"""Measurements against what people would use instead. ``python -m benchmarks [NAME ...]`` prints one table for each.

A benchmark is a module of this package with a function ``run(quick) -> Table``. A module that sets ``RIVALS = True``
runs in an environment that holds the packages of requirements.txt beside the course's own.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

__all__ = ["Table", "alternate", "ratio", "screen"]


@dataclass
class Table:
    """What a benchmark found."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.rows:
            return "\n".join([self.title, "", *self.notes, ""])
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]

        def text(line):
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            return "  ".join(cells).rstrip()

        rule = "  ".join("-" * width for width in widths)
        return "\n".join([self.title, "", text(self.header), rule, *map(text, self.rows), *self.notes, ""])


def alternate(
    contestants: Mapping[str, Callable[[], None]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds of each contestant in each round.

    All run in every round, each time starting with another one, so that a machine that grows slower or faster treats
    them alike. A round to warm up is not counted.
    """
    names, seconds = list(contestants), {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = clock()
            contestants[name]()
            if turn:
                seconds[name].append(clock() - start)
    return seconds


def ratio(seconds: dict[str, list[float]], name: str, base: str) -> float:
    """Median over the rounds of how much longer one contestant took than another in the same round."""
    return statistics.median(one / other for one, other in zip(seconds[name], seconds[base], strict=True))


class _Screen(io.StringIO):
    """A terminal that nobody looks at: programs draw their progress bars and nothing is kept."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def screen():
    """Let what is printed go to a terminal that nobody looks at, so that progress bars cost what they cost."""
    kept = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = _Screen()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = kept
