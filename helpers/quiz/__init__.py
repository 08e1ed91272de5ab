"""Quizzes, review questions and self-tests, from one data file per chapter in ``helpers/questions``.

Everything shown is one HTML output that needs no kernel and nothing from outside. Where scripts do not run, each item
still has its answer and explanations behind a disclosure. `reading` says what a file holds.
"""

import csv
import random
from importlib.resources import files
from pathlib import Path

from helpers.quiz.markdown import to_html
from helpers.quiz.pages import before_html, predict_html, questions_html, quiz_html, self_test_html
from helpers.quiz.reading import Chapter, Item, Option, Prediction, Question, QuizError, read

__all__ = [
    "Chapter", "Item", "Option", "Prediction", "Question", "QuizError", "before", "check_all", "export_anki",
    "load", "predict", "self_test", "show_questions", "show_quiz",
]  # fmt: skip

FOLDER = Path(str(files("helpers"))) / "questions"


def load(stem: str, folder: Path = FOLDER) -> Chapter:
    """Read and check the questions of a chapter.

    Args:
        stem: the chapter, such as ``"02_tensors"``.
        folder: where the files are.

    Raises:
        QuizError: if the file is missing or breaks the schema.
    """
    chapter, problems = read(stem, folder)
    if problems:
        raise QuizError("\n".join(problems))
    return chapter


def check_all(folder: Path = FOLDER) -> list[Chapter]:
    """Read and check every file, also for ids that two files share.

    Raises:
        QuizError: with one line per problem.
    """
    chapters: list[Chapter] = []
    problems: list[str] = []
    seen: dict[str, str] = {}
    for stem in sorted(path.stem for path in Path(folder).glob("*.toml")):
        chapter, found = read(stem, folder)
        problems += found
        entries: list[Question | Item | Prediction] = [*chapter.questions, *chapter.quiz, *chapter.predictions]
        for id in [entry.id for entry in entries]:
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

    The browser remembers, as a Leitner box does: what you knew is due after 1, 3, 7 and 21 days, the rest at once.
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
                f"<p><b>{to_html(option.text, inline=True)}</b><br>{to_html(option.explanation, inline=True)}</p>"
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


def _show(page: str, plain: str) -> None:
    from IPython.display import display

    display({"text/html": page, "text/plain": plain}, raw=True)
