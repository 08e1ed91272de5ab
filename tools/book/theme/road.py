"""The road through the course as a picture: large on the first page, a strip with one's place on each chapter's page.

Both are lists of links that the style sheet draws as a road, so they fit any width and mode, and can be read aloud.
"""

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from sphinx.application import Sphinx

from helpers.interactive.classifier import classifier_html

ROAD, CLASSIFIER = "<!-- the road -->", "<!-- the classifier -->"  # where the first page wants them
CHAPTER = re.compile(r"chapters/(\d\d)_\w+")
WHERE = re.compile(r"\((\d\d(?:, \d\d)*)\)$", re.MULTILINE)  # at the end of a word in the glossary: its chapters
SKETCHES = {  # what a part promises, what its picture shows, and the picture, 64 by 48
    "The neuron": (
        "One unit, then layers of them, and the rule by which they learn.",
        "Three inputs lead into one neuron.",
        '<path d="M10 8 44 24M10 24h34M10 40 44 24"/><circle cx="10" cy="8" r="4"/><circle cx="10" cy="24" r="4"/>'
        '<circle cx="10" cy="40" r="4"/><circle class="full" cx="46" cy="24" r="10"/>',
    ),
    "Training": (
        "Go down the loss, fast, and stop at the right time.",
        "A loss falls, steep at first, then slowly.",
        '<path d="M6 4v38h54"/><path class="thick" d="M10 8C16 34 28 36 58 37"/>',
    ),
    "Seeing": (
        "From a window that slides over pixels to your own photographs.",
        "A window of four pixels in a grid becomes one pixel of the next.",
        '<path d="M4 8h32v32H4zM4 16h32M4 24h32M4 32h32M12 8v32M20 8v32M28 8v32"/>'
        '<path class="full" d="M12 16h16v16H12z"/><path d="M38 24h8"/><path class="full" d="M48 18h12v12H48z"/>',
    ),
    "Looking back": (
        "Every question once more, and where to read on.",
        "A pile of cards with a tick on the first.",
        '<path d="M20 6h34v26M14 11h34v26"/><path d="M8 16h34v26H8z"/><path class="thick" d="m17 29 6 6 11-12"/>',
    ),
    "Optional": (
        "Faster steps and less memory, for the day when you need them.",
        "A stop-watch.",
        '<circle class="full" cx="32" cy="28" r="16"/><path d="M28 6h8M32 6v6M45 13l3 3"/>'
        '<path class="thick" d="M32 28V18M32 28l6 4"/>',
    ),
}


class Stop(NamedTuple):
    """A chapter on the road."""

    page: str
    number: int
    name: str


def parts(root: Path) -> dict[str, list[Stop]]:
    """The parts in ``_toc.yml`` that hold chapters, with their chapters."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    found = {}
    for part in contents.get("parts", []):
        stops = [_stop(entry) for entry in part["chapters"] if CHAPTER.fullmatch(entry["file"])]
        if stops:
            found[part["caption"]] = stops
    return found


def _stop(entry: dict[str, Any]) -> Stop:
    name = re.sub(r"^\d+\. ", "", entry.get("title", entry["file"]))
    short, _, rest = name.partition(":")
    short = rest.strip().capitalize() if short == "Appendix" else short
    return Stop(entry["file"], int(CHAPTER.fullmatch(entry["file"])[1]), short)


def picture(road: dict[str, list[Stop]], link: Callable[[str], str]) -> str:
    """The whole road, part by part, as HTML; `link` gives the address of a page."""
    rows = []
    for number, (caption, stops) in enumerate(road.items()):
        promise, alt, sketch = SKETCHES.get(caption, ("", "", ""))
        drawn = f'<svg viewBox="0 0 64 48" role="img" aria-label="{alt}">{sketch}</svg>' if sketch else ""
        items = "".join(
            f'<li><a href="{link(stop.page)}"><b>{stop.number}</b> <span>{html.escape(stop.name)}</span></a></li>'
            for stop in stops
        )
        head = f"<p>{drawn}<strong>{html.escape(caption)}</strong> <span>{promise}</span></p>"
        rows.append(f'<div class="course-part course-part-{number % 4}">{head}<ol>{items}</ol></div>')
    return f'<nav class="course-road" aria-label="The road through the course">{"".join(rows)}</nav>'


def strip(road: dict[str, list[Stop]], page: str, link: Callable[[str], str]) -> str:
    """The road on one line, with the chapter of a page marked; empty for pages that belong to no chapter."""
    here = page.rpartition("/")[2]
    if here not in {stop.page.rpartition("/")[2] for stops in road.values() for stop in stops}:
        return ""
    groups = []
    for number, (caption, stops) in enumerate(road.items()):
        inside = any(stop.page.endswith(f"/{here}") for stop in stops)
        links = ""
        for stop in stops:
            name, current = html.escape(stop.name), ' aria-current="true"' if stop.page.endswith(f"/{here}") else ""
            about = f'title="{name}" aria-label="Chapter {stop.number}: {name}"{current}'
            links += f'<a href="{link(stop.page)}" {about}>{stop.number}</a>'
        mark = " here" if inside else ""
        groups.append(f'<span class="course-part-{number % 4}{mark}"><i>{html.escape(caption)}</i>{links}</span>')
    return f'<nav class="course-map" aria-label="Where you are">{"".join(groups)}</nav>'


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the road and the classifier into the first page when Sphinx reads it."""
    if page != app.config.root_doc:
        return
    app.env.note_dependency(str(Path(app.srcdir) / "_toc.yml"))
    road = picture(parts(Path(app.srcdir)), lambda target: app.builder.get_relative_uri(page, target))
    for mark, text in {ROAD: road, CLASSIFIER: classifier_html("_static/classifier/")}.items():
        source[0] = source[0].replace(mark, " ".join(text.split("\n")))  # one line, so that warnings count lines right


def link_chapters(app: Sphinx, page: str, source: list[str]) -> None:
    """Make the chapters that the glossary names behind each word links to them."""
    if page != "glossary":
        return
    pages = {stop.number: stop.page for stops in parts(Path(app.srcdir)).values() for stop in stops}

    def links(found: re.Match) -> str:
        numbers = [int(number) for number in found[1].split(", ")]
        named = ", ".join(f"[{n}]({pages[n]}.ipynb)" if n in pages else str(n) for n in numbers)
        return f"({'chapters' if len(numbers) > 1 else 'chapter'}\u00a0{named})"

    source[0] = WHERE.sub(links, source[0])


def mark_place(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the strip above a chapter and its exercise."""
    if page.startswith(("chapters/", "exercises/")) and "body" in context:
        context["body"] = strip(parts(Path(app.srcdir)), page, context["pathto"]) + context["body"]
