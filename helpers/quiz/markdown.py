"""Light Markdown, as the question files have it, as HTML."""

import html
import re

from helpers.quiz.formulas import formula_html


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
