"""Question items as HTML that needs no kernel and nothing from outside."""

import html

from helpers.quiz.markdown import to_html
from helpers.quiz.reading import Chapter, Item, Option, Prediction, Question


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
    number, _, name = stem.partition("_")
    name = {"cnns": "CNNs", "sgd": "SGD"}.get(name, name.replace("_", " ").capitalize())
    return html.escape(f"{int(number)}: {name}")


def _page(content: str, *scripts: str) -> str:
    from helpers.interactive.assets import asset

    style = asset(__package__, "quiz.css")
    script = "\n".join(asset(__package__, name) for name in ("quiz.js", *scripts))
    return (
        f'<div class="cq" data-lm-suppress-shortcuts="true"><style>{style}</style>{content}</div>'
        f"<script>{script}</script>"
    )
