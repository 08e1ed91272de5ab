"""Quizzes, review questions and self-tests, from one data file per chapter in ``helpers/questions``.

Everything shown is one HTML output that needs no kernel and nothing from outside. Where scripts do not run, each item
still has its answer and explanations behind a disclosure.

A file holds, in light Markdown (see `to_html`):

- ``[[question]]`` with ``id``, ``question``, ``answer``
- ``[[quiz]]`` with ``id`` (a slug, unique over all files), ``type`` and ``question``; and

  - for ``choice`` and ``choices``: two or more ``[[quiz.option]]`` with ``text``, ``explanation``, ``correct = true``
  - for ``number``: ``answer``, ``tolerance``, ``explanation``, and ``[[quiz.wrong]]`` with ``value``, ``explanation``

- ``[[predict]]`` with ``id`` (a slug as well), ``question``, ``options`` (two or more texts), ``answer`` (the text of
  one of them) and ``reveal``: what comes out, and why
"""

import csv
import html
import math
import random
import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from helpers.quiz.formulas import formula_html

__all__ = [
    "Chapter",
    "Item",
    "Option",
    "Prediction",
    "Question",
    "QuizError",
    "before",
    "check_all",
    "export_anki",
    "load",
    "predict",
    "self_test",
    "show_questions",
    "show_quiz",
]

FOLDER = Path(str(files("helpers"))) / "questions"
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


def load(stem: str, folder: Path = FOLDER) -> Chapter:
    """Read and check the questions of a chapter.

    Args:
        stem: the chapter, such as ``"02_tensors"``.
        folder: where the files are.

    Raises:
        QuizError: if the file is missing or breaks the schema.
    """
    chapter, problems = _read(stem, folder)
    if problems:
        raise QuizError("\n".join(problems))
    return chapter


def check_all(folder: Path = FOLDER) -> list[Chapter]:
    """Read and check every file, also for ids that two files share.

    Raises:
        QuizError: with one line per problem.
    """
    chapters, problems, seen = [], [], {}
    for stem in sorted(path.stem for path in Path(folder).glob("*.toml")):
        chapter, found = _read(stem, folder)
        problems += found
        for id in [entry.id for entry in (*chapter.questions, *chapter.quiz, *chapter.predictions)]:
            if seen.setdefault(id, stem) != stem:
                problems.append(f"{stem}.toml, {id}: {seen[id]}.toml has the same id; choose another")
        chapters.append(chapter)
    if problems:
        raise QuizError("\n".join(problems))
    return chapters


def show_quiz(stem: str) -> None:
    """Show the quiz of a chapter: every option is explained, answers are remembered in the browser."""
    chapter = load(stem)
    _show(quiz_html(chapter), f"Quiz with {len(chapter.quiz)} items")


def show_questions(stem: str) -> None:
    """Show the review questions of a chapter as cards that open to the answer."""
    chapter = load(stem)
    _show(questions_html(chapter), f"{len(chapter.questions)} review questions")


def predict(id: str) -> None:
    """Ask for a prediction: choose, then reveal. The choice is remembered in the browser.

    Args:
        id: of a ``[[predict]]`` in any question file.

    Raises:
        QuizError: if there is no such prediction.
    """
    there = {prediction.id: prediction for chapter in check_all() for prediction in chapter.predictions}
    if id not in there:
        raise QuizError(f"there is no prediction {id!r}; there are: {', '.join(sorted(there)) or 'none'}")
    _show(predict_html(there[id]), f"I predict: {there[id].question}")


def before(stem: str) -> None:
    """Ask three questions from earlier chapters: one, two and four chapters back, as far as there are any.

    Args:
        stem: the chapter that asks, such as ``"06_sgd"``.
    """
    items = earlier(stem, check_all())
    _show(before_html(items), f"{len(items)} questions from earlier chapters")


def self_test(count: int = 10) -> None:
    """Show the review deck: ``count`` questions from the chapters that are ticked, those that are due first.

    The browser remembers, as a Leitner box does: what you knew comes back after 1, 3, 7 and 21 days, what you did not
    know comes back at once.
    """
    chapters = check_all()
    total = sum(len(chapter.questions) + len(chapter.quiz) for chapter in chapters)
    _show(self_test_html(chapters, count), f"Self-test over {total} questions")


def export_anki(path: str | Path, folder: Path = FOLDER) -> int:
    """Write all quiz items and review questions as a text file that Anki imports, and return how many there are.

    Args:
        path: the file to write, such as ``"course.txt"``; fields are separated by tabs, the last one is a tag.
        folder: where the question files are.
    """
    rows = []
    for chapter in check_all(folder):
        for item in chapter.quiz:
            asked = to_html(item.question)
            if item.type != "number":
                asked += "<ul>" + "".join(f"<li>{to_html(o.text, inline=True)}</li>" for o in item.options) + "</ul>"
            told = "".join(
                f"<p><b>{to_html(option.text, inline=True)}</b>: {to_html(option.explanation, inline=True)}</p>"
                for option in item.options
                if option.correct
            )
            rows.append((asked, told, chapter.stem))
        rows += [(to_html(card.question), to_html(card.answer), chapter.stem) for card in chapter.questions]
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        file.write("#separator:tab\n#html:true\n#tags column:3\n")
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(rows)
    return len(rows)


def earlier(stem: str, chapters: list[Chapter]) -> list[tuple[str, Item]]:
    """Three pairs (chapter, item): one, two and four chapters back; no item is asked by two chapters."""
    stems = [chapter.stem for chapter in chapters]
    if stem not in stems:
        raise QuizError(f"there is no chapter {stem!r}; there are: {', '.join(stems)}")
    back = [chapters[i] for i in range(stems.index(stem) - 1, -1, -1) if chapters[i].quiz]
    # chapters near the start have fewer before them: these give more than one question
    sources = [back[i] if i < len(back) else back[-1] for i in (0, 1, 3)] if back else []
    picked: list[tuple[str, Item]] = []
    for turn, source in enumerate(sources):
        items = random.Random(source.stem).sample(source.quiz, len(source.quiz))
        if len(back) < 4:  # an item of these is asked again only where all were
            turn += 3 * (len(back) - 1)
        new = [item for item in items[turn % len(items) :] + items if (source.stem, item) not in picked]
        picked += [(source.stem, new[0])] if new else []
    return picked


def quiz_html(chapter: Chapter) -> str:
    """The quiz of a chapter as one self-contained piece of HTML."""
    return _page("".join(map(_item, chapter.quiz)))


def questions_html(chapter: Chapter) -> str:
    """The review questions of a chapter as one self-contained piece of HTML."""
    return _page("".join(map(_card, chapter.questions)))


def self_test_html(chapters: list[Chapter], count: int = 10) -> str:
    """A self-test over chapters as one self-contained piece of HTML."""
    return _page(_self_test(chapters, count), "deck.js")


def predict_html(prediction: Prediction) -> str:
    """A prediction as one self-contained piece of HTML."""
    inputs = "".join(
        f'<div class="cq-option"><label><input type="radio" name="{prediction.id}" '
        f'data-correct="{str(text == prediction.answer).lower()}"> '
        f"<span>{to_html(text, inline=True)}</span></label></div>"
        for text in prediction.options
    )
    return _page(
        f'<div class="cq-item cq-predict" data-predict="{prediction.id}">'
        f'<fieldset><legend><span class="cq-mark">I predict</span> {to_html(prediction.question, inline=True)}</legend>'
        f"{inputs}</fieldset>"
        '<div class="cq-buttons" hidden><button type="button" class="cq-check">Reveal</button>'
        '<button type="button" class="cq-retry" hidden>Predict again</button></div>'
        '<div class="cq-status" role="status" aria-live="polite"></div>'
        '<details class="cq-answers"><summary>What happens</summary>'
        f"<p><strong>{to_html(prediction.answer, inline=True)}</strong></p>{to_html(prediction.reveal)}</details></div>"
    )


def before_html(items: list[tuple[str, Item]]) -> str:
    """Questions from earlier chapters as one self-contained piece of HTML."""
    asked = "".join(f'<p class="cq-from">From chapter {_title(stem)}</p>{_item(item)}' for stem, item in items)
    heading = "Three from before" if len(items) == 3 else "From before"
    return _page(f'<section class="cq-before" aria-label="{heading}"><b>{heading}</b>{asked}</section>')


def _read(stem: str, folder: Path) -> tuple[Chapter, list[str]]:
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

    def entries(table: str):
        for number, entry in enumerate(data.get(table, []), start=1):
            where = f"{path.name}, {entry.get('id') or f'{table} number {number}'}"
            yield entry, lambda problem, where=where: problems.append(f"{where}: {problem}")

    def text(entry: dict, key: str, complain) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            complain(f"`{key}` is missing or empty; it must be a text")
            return ""
        try:
            to_html(value)
        except ValueError as error:
            complain(f"`{key}`: {error}")
        return value.strip()

    def unknown(entry: dict, known: set[str], complain) -> None:
        for key in sorted(entry.keys() - known):
            complain(f"`{key}` is not a known key; known are {', '.join(sorted(known))}")

    def identify(entry: dict, complain) -> str:
        id = text(entry, "id", complain)
        if id in ids:
            complain("the id occurs twice in this file; choose another")
        ids.add(id)
        return id

    unknown(data, {"question", "quiz", "predict"}, lambda problem: problems.append(f"{path.name}: {problem}"))
    questions = []
    for entry, complain in entries("question"):
        unknown(entry, {"id", "question", "answer"}, complain)
        id = identify(entry, complain)
        questions.append(Question(id, text(entry, "question", complain), text(entry, "answer", complain)))
    quiz = []
    for entry, complain in entries("quiz"):
        id, question, type = identify(entry, complain), text(entry, "question", complain), entry.get("type")
        if not SLUG.fullmatch(id):
            complain("the id must be a slug of lowercase letters, digits and hyphens")
        if type not in TYPES:
            complain(f"the type {type!r} is unknown; it must be one of {', '.join(TYPES)}")
        elif type == "number":
            unknown(entry, {"id", "type", "question", "answer", "tolerance", "explanation", "wrong"}, complain)
            quiz.append(Item(id, type, question, *_number(entry, complain, text, unknown)))
        else:
            unknown(entry, {"id", "type", "question", "option"}, complain)
            options = _options(entry, complain, text, unknown)
            # always in the same order, but one that does not tell which is right
            quiz.append(Item(id, type, question, tuple(random.Random(id).sample(options, len(options)))))
    predictions = []
    for entry, complain in entries("predict"):
        unknown(entry, {"id", "question", "options", "answer", "reveal"}, complain)
        id, question = identify(entry, complain), text(entry, "question", complain)
        reveal = text(entry, "reveal", complain)
        if not SLUG.fullmatch(id):
            complain("the id must be a slug of lowercase letters, digits and hyphens")
        answer, given = text(entry, "answer", complain), entry.get("options")
        if not isinstance(given, list) or len(set(map(str, given))) < 2:
            complain("`options` must list two or more different texts")
        else:
            texts = [text({"options": option}, "options", complain) for option in given]
            if answer not in texts:
                complain("`answer` must be the text of one of the options")
            predictions.append(Prediction(id, question, tuple(texts), answer, reveal))
    return Chapter(stem, tuple(questions), tuple(quiz), tuple(predictions)), problems


def _options(entry, complain, text, unknown) -> tuple[Option, ...]:
    options = []
    for number, option in enumerate(entry.get("option", []), start=1):

        def of_option(problem, number=number):
            complain(f"option {number}: {problem}")

        unknown(option, {"text", "correct", "explanation"}, of_option)
        if not isinstance(option.get("correct", False), bool):
            of_option("`correct` must be true or false")
        options.append(
            Option(
                text(option, "text", of_option), option.get("correct") is True, text(option, "explanation", of_option)
            )
        )
    right = sum(option.correct for option in options)
    if len(options) < 2:
        complain("it needs at least two options")
    elif right == 0:
        complain("no option is marked `correct = true`")
    elif right > 1 and entry["type"] == "choice":
        complain(f"{right} options are correct, but the type is choice; use choices, or leave one")
    if len({option.text for option in options}) < len(options):
        complain("two options have the same text")
    return tuple(options)


def _number(entry, complain, text, unknown) -> tuple[tuple[Option, ...], float]:
    def number(table: dict, key: str, problem) -> float:
        value = table.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            problem(f"`{key}` must be a number")
            return 0.0
        return value

    answer, tolerance = number(entry, "answer", complain), number({"tolerance": 0, **entry}, "tolerance", complain)
    if tolerance < 0:
        complain("`tolerance` must not be negative")
    options = [Option(repr(answer), True, text(entry, "explanation", complain))]
    for position, wrong in enumerate(entry.get("wrong", []), start=1):

        def of_wrong(problem, position=position):
            complain(f"wrong {position}: {problem}")

        unknown(wrong, {"value", "explanation"}, of_wrong)
        value = number(wrong, "value", of_wrong)
        if abs(value - answer) <= tolerance:
            of_wrong(f"the value {value!r} is within the tolerance of the answer")
        options.append(Option(repr(value), False, text(wrong, "explanation", of_wrong)))
    return tuple(options), tolerance


def to_html(text: str, inline: bool = False) -> str:
    """Light Markdown as HTML: paragraphs, lists with ``-``, ``code``, **bold**, *emphasis* and $formulas$.

    Everything else, HTML included, is shown as it stands.
    """
    if inline:
        return _inline(text)
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        for bullets, lines in _runs(block.splitlines()):
            if bullets:
                blocks.append("<ul>" + "".join(f"<li>{_inline(line)}</li>" for line in lines) + "</ul>")
            else:
                blocks.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "".join(blocks)


def _runs(lines: list[str]) -> list[tuple[bool, list[str]]]:
    runs: list[tuple[bool, list[str]]] = []
    for line in map(str.strip, lines):
        bullet = line.startswith("- ")
        if bullet and runs and runs[-1][0]:
            runs[-1][1].append(line[2:])
        elif bullet or not runs:
            runs.append((bullet, [line[2:] if bullet else line]))
        else:  # a line without bullet goes on with what stands before it
            runs[-1][1][-1] += " " + line
    return runs


def _inline(text: str) -> str:
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", text)
    return "".join(_code_or_math(part) if i % 2 else _emphasis(part) for i, part in enumerate(parts))


def _code_or_math(part: str) -> str:
    if part.startswith("`"):
        return f"<code>{html.escape(part[1:-1])}</code>"
    return formula_html(part[1:-1])


def _emphasis(text: str) -> str:
    text = html.escape(text)
    text = re.sub(r"\*\*(\S(?:.*?\S)?)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![*\w])\*(\S(?:[^*]*\S)?)\*(?![*\w])", r"<em>\1</em>", text)


def _item(item: Item) -> str:
    kind = {"choice": "radio", "choices": "checkbox"}.get(item.type)
    hint = ' <span class="cq-hint">(several may be right)</span>' if item.type == "choices" else ""
    if kind:
        inputs = "".join(
            f'<div class="cq-option"><label><input type="{kind}" name="{item.id}"> '
            f"<span>{to_html(option.text, inline=True)}</span></label></div>"
            for option in item.options
        )
    else:
        inputs = '<div class="cq-option"><label>Your answer: <input type="text" size="12"></label></div>'
    answers = "".join(
        f'<li data-correct="{str(option.correct).lower()}"{_value(item, option)}>'
        f"<strong>{'✓ Right' if option.correct else '✗ Wrong'}: {to_html(option.text, inline=True)}</strong> "
        f'<span class="cq-why">{to_html(option.explanation, inline=True)}</span></li>'
        for option in item.options
    )
    return (
        f'<div class="cq-item" data-quiz="{item.id}" data-type="{item.type}" data-tolerance="{item.tolerance!r}">'
        f"<fieldset><legend>{to_html(item.question, inline=True)}{hint}</legend>{inputs}</fieldset>"
        '<div class="cq-buttons" hidden><button type="button" class="cq-check">Check</button>'
        '<button type="button" class="cq-reveal" hidden>Show the answer</button>'
        '<button type="button" class="cq-retry" hidden>Try again</button></div>'
        '<div class="cq-status" role="status" aria-live="polite"></div>'
        f'<details class="cq-answers"><summary>Answer and explanations</summary><ul>{answers}</ul></details></div>'
    )


def _value(item: Item, option: Option) -> str:
    return f' data-value="{option.text}"' if item.type == "number" else ""


def _card(question: Question) -> str:
    return (
        f'<details class="cq-card" data-question="{html.escape(question.id)}"><summary>'
        f"{to_html(question.question, inline=True)}</summary><div>{to_html(question.answer)}"
        '<div class="cq-known" hidden><button type="button" value="right">I knew it</button> '
        '<button type="button" value="wrong">Not yet</button></div></div></details>'
    )


def _self_test(chapters: list[Chapter], count: int) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" value="{chapter.stem}" checked> {_title(chapter.stem)}</label>'
        for chapter in chapters
    )
    entries = "".join(
        f'<div class="cq-entry" data-chapter="{chapter.stem}">{entry}</div>'
        for chapter in chapters
        for entry in [*map(_item, chapter.quiz), *map(_card, chapter.questions)]
    )
    return (
        f'<div class="cq-test"><div class="cq-setup" hidden><fieldset><legend>Chapters</legend>{boxes}</fieldset>'
        f'<label>Questions: <input type="number" min="1" max="50" value="{count}"></label> '
        '<button type="button" class="cq-draw">Draw the next cards</button>'
        f'<p class="cq-score" role="status"></p></div>{entries}</div>'
    )


def _title(stem: str) -> str:
    return html.escape(stem.replace("_", " "))


def _show(page: str, plain: str) -> None:
    from IPython.display import display

    display({"text/html": page, "text/plain": plain}, raw=True)


def _page(content: str, *scripts: str) -> str:
    from helpers.interactive.assets import asset

    style = asset(__package__, "quiz.css")
    script = "\n".join(asset(__package__, name) for name in ("quiz.js", *scripts))
    return (
        f'<div class="cq" data-lm-suppress-shortcuts="true"><style>{style}</style>{content}</div>'
        f"<script>{script}</script>"
    )
