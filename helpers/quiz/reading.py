"""Reads the question files: what breaks the schema is gathered, one line per problem, each saying what to mend.

A file holds, in light Markdown (see `to_html`):

- ``[[question]]`` with ``id``, ``question``, ``answer``
- ``[[quiz]]`` with ``id`` (a slug, unique over all files), ``type`` and ``question``; and

  - for ``choice`` and ``choices``: two or more ``[[quiz.option]]`` with ``text``, ``explanation``, ``correct = true``
  - for ``number``: ``answer``, ``tolerance``, ``explanation``, and ``[[quiz.wrong]]`` with ``value``, ``explanation``

- ``[[predict]]`` with ``id`` (a slug as well), ``question``, ``options`` (two or more texts), ``answer`` (the text of
  one of them) and ``reveal``: what comes out, and why
"""

import math
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.quiz.markdown import to_html

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TYPES = ("choice", "choices", "number")


class QuizError(ValueError):
    """A question file breaks the schema; every line of the message names a file, an item and what to mend."""


@dataclass(frozen=True)
class Question:
    """A review question and its answer, in light Markdown."""

    id: str
    question: str
    answer: str


@dataclass(frozen=True)
class Option:
    """An option of a quiz item (or, for numbers, a typical wrong value) with what choosing it tells."""

    text: str
    correct: bool
    explanation: str


@dataclass(frozen=True)
class Item:
    """A quiz item; for ``number`` the first option is the answer and the others are typical wrong values."""

    id: str
    type: str
    question: str
    options: tuple[Option, ...]
    tolerance: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """Something to predict before the next cell: a question, what may happen, what does happen and why."""

    id: str
    question: str
    options: tuple[str, ...]
    answer: str
    reveal: str


@dataclass(frozen=True)
class Chapter:
    """The content of one question file."""

    stem: str
    questions: tuple[Question, ...]
    quiz: tuple[Item, ...]
    predictions: tuple[Prediction, ...] = ()


def read(stem: str, folder: Path) -> tuple[Chapter, list[str]]:
    """The content of a question file, and what is wrong with it.

    Raises:
        QuizError: if there is no such file, or it is no TOML.
    """
    path = Path(folder) / f"{stem}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = ", ".join(sorted(other.stem for other in Path(folder).glob("*.toml"))) or "none"
        raise QuizError(f"{path.name}: there is no such file of questions; there are: {there}") from None
    except tomllib.TOMLDecodeError as error:
        raise QuizError(f"{path.name}: not valid TOML: {error}") from None
    problems: list[str] = []
    ids: set[str] = set()
    kinds = {"question": _question, "quiz": _item, "predict": _prediction}
    _Entry(data, path.name, problems).knows(*kinds)
    content: list[tuple] = []
    for kind, make in kinds.items():
        entries = []
        for number, table in enumerate(data.get(kind, []), start=1):
            entry = _Entry(table, f"{path.name}, {table.get('id') or f'{kind} number {number}'}", problems)
            id = entry.text("id")
            if id in ids:
                entry.complain("the id occurs twice in this file; choose another")
            ids.add(id)
            if kind != "question" and not SLUG.fullmatch(id):
                entry.complain("the id must be a slug of lowercase letters, digits and hyphens")
            entries.append(make(id, entry))
        content.append(tuple(entry for entry in entries if entry is not None))
    return Chapter(stem, *content), problems


class _Entry:
    """A table of a question file. What is wrong with it is noted; a value stands in, so that all problems are found.

    Args:
        data: the table.
        where: the file and the entry, for messages.
        problems: where to note what is wrong.
    """

    def __init__(self, data: dict[str, Any], where: str, problems: list[str]):
        self.data, self.where, self.problems = data, where, problems

    def complain(self, problem: str) -> None:
        self.problems.append(f"{self.where}: {problem}")

    def knows(self, *known: str) -> None:
        """Complain about all other keys."""
        for key in sorted(self.data.keys() - set(known)):
            self.complain(f"`{key}` is not a known key; known are {', '.join(sorted(known))}")

    def text(self, key: str) -> str:
        return self.checked(key, self.data.get(key))

    def checked(self, key: str, value: object) -> str:
        """The value, if it is a text in our light Markdown."""
        if not isinstance(value, str) or not value.strip():
            self.complain(f"`{key}` is missing or empty; it must be a text")
            return ""
        if any(mark < " " and mark != "\n" for mark in value):
            self.complain(f"`{key}`: a backslash became a control character: write TeX in '''literal strings'''")
        try:
            to_html(value)
        except ValueError as error:
            self.complain(f"`{key}`: {error}")
        return value.strip()

    def number(self, key: str, default: float | None = None) -> float:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self.complain(f"`{key}` must be a number")
            return 0.0
        return value

    def inner(self, key: str) -> Iterator["_Entry"]:
        """The tables below this one."""
        for number, table in enumerate(self.data.get(key, []), start=1):
            yield _Entry(table, f"{self.where}: {key} {number}", self.problems)


def _question(id: str, entry: _Entry) -> Question:
    entry.knows("id", "question", "answer")
    return Question(id, entry.text("question"), entry.text("answer"))


def _item(id: str, entry: _Entry) -> Item | None:
    question, type = entry.text("question"), entry.data.get("type")
    if type not in TYPES:
        entry.complain(f"the type {type!r} is unknown; it must be one of {', '.join(TYPES)}")
        return None
    if type == "number":
        return Item(id, type, question, *_number(entry))
    options = _options(entry)
    # always in the same order, but one that does not tell which is right
    return Item(id, type, question, tuple(random.Random(id).sample(options, len(options))))


def _options(entry: _Entry) -> list[Option]:
    entry.knows("id", "type", "question", "option")
    options = []
    for one in entry.inner("option"):
        one.knows("text", "correct", "explanation")
        correct = one.data.get("correct", False)
        if not isinstance(correct, bool):
            one.complain("`correct` must be true or false")
        options.append(Option(one.text("text"), correct is True, one.text("explanation")))
    right = sum(option.correct for option in options)
    if len(options) < 2:
        entry.complain("it needs at least two options")
    elif right == 0:
        entry.complain("no option is marked `correct = true`")
    elif right > 1 and entry.data["type"] == "choice":
        entry.complain(f"{right} options are correct, but the type is choice; use choices, or leave one")
    if len({option.text for option in options}) < len(options):
        entry.complain("two options have the same text")
    return options


def _number(entry: _Entry) -> tuple[tuple[Option, ...], float]:
    entry.knows("id", "type", "question", "answer", "tolerance", "explanation", "wrong")
    answer, tolerance = entry.number("answer"), entry.number("tolerance", 0)
    if tolerance < 0:
        entry.complain("`tolerance` must not be negative")
    options = [Option(repr(answer), True, entry.text("explanation"))]
    for wrong in entry.inner("wrong"):
        wrong.knows("value", "explanation")
        value = wrong.number("value")
        if abs(value - answer) <= tolerance:
            wrong.complain(f"the value {value!r} is within the tolerance of the answer")
        options.append(Option(repr(value), False, wrong.text("explanation")))
    return tuple(options), tolerance


def _prediction(id: str, entry: _Entry) -> Prediction | None:
    entry.knows("id", "question", "options", "answer", "reveal")
    question, reveal, answer = entry.text("question"), entry.text("reveal"), entry.text("answer")
    given = entry.data.get("options")
    if not isinstance(given, list) or len(set(map(str, given))) < 2:
        entry.complain("`options` must list two or more different texts")
        return None
    texts = tuple(entry.checked("options", option) for option in given)
    if answer not in texts:
        entry.complain("`answer` must be the text of one of the options")
    return Prediction(id, question, texts, answer, reveal)
