"""Slides: a reveal.js deck for each chapter, from the same outputs as the book.

Where a slide ends is computed from headings and from how much fits, so notebooks hold no slide metadata. The decks load
reveal.js from a folder beside them and open from a disk.
"""

import argparse
import html
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from jupyter_cache import get_cache
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode
from pybtex.database import parse_file

from grader.commandline import count
from tools.book import build as book
from tools.book.theme import STATIC, assets, mathml
from tools.notebooks import ROOT, heading, read

LINES = 17  # of text that fit on a slide
WIDTH = 80  # characters in a line
PICTURE = 13  # lines that a picture takes
FORMULA = re.compile(r"(```.*?```|`[^`\n]*`)|\$\$(.+?)\$\$|(?<![\\$\w])\$([^$\n]+?)\$(?!\w)", re.DOTALL)
ROLES = re.compile(r"\{(cite|term|doc|ref|numref)(?::\w+)?\}`([^`<]*?)\s*(?:<[^>`]*>)?`")
DIRECTIVE = re.compile(r"^(```|:::)\{(\w+)\}[ \t]*(.*?)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
NOTEBOOK_LINK = re.compile(r'href="(?:\.\./)?((?:chapters/|exercises/)?)([^":#?]+)\.ipynb')


def make_slides(root: Path = ROOT, jobs: int = 2) -> list[Path]:
    """Write a deck for each chapter into ``_build/slides`` and return their paths.

    Args:
        root: the folder of the book.
        jobs: notebooks executed side by side, where the book's cache lacks their outputs.

    Raises:
        BuildError: if a chapter cannot be executed, or holds a formula that cannot be shown.
    """
    root = Path(root).resolve()
    book.execute_notebooks(root, book.digests(root)["kernels"], jobs)
    cache = get_cache(root / "_build" / ".jupyter_cache")
    target = root / "_build" / "slides"
    shutil.rmtree(target, ignore_errors=True)
    _copy_assets(target / "reveal")
    exporter, papers, decks = make_exporter(), _papers(root), []
    for path in sorted(root.glob("chapters/*.ipynb")):
        _, notebook = cache.merge_match_into_notebook(read(path), cell_meta=())
        deck = target / f"{path.stem}.html"
        try:
            deck.write_text(export(notebook, exporter, papers), encoding="utf-8")
        except mathml.MathError as error:
            raise book.BuildError(f"{path.relative_to(root)}: {error}") from error
        decks.append(deck)
    (target / "index.html").write_text(_index(root), encoding="utf-8")
    assets.write_math_font(target / "reveal" / "math.woff", "".join(deck.read_text("utf-8") for deck in decks))
    return decks


def make_exporter() -> SlidesExporter:
    """nbconvert's exporter with our template, which loads nothing from another host."""
    return SlidesExporter(template_name="slides", extra_template_basedirs=[str(STATIC.parent)])


def export(notebook: NotebookNode, exporter: SlidesExporter, papers: dict[str, str]) -> str:
    """An executed notebook as one page of slides; `papers` says what to write for the key of a citation."""
    formulas: list[str] = []

    def keep(match: re.Match) -> str:
        if match[1]:  # code is not mathematics
            return match[0]
        formulas.append(mathml.convert(match[2] or match[3], "block" if match[2] else "inline"))
        return f"qmathq{len(formulas) - 1}q"

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = FORMULA.sub(keep, _plain_markdown(cell.source, papers))
    break_slides(notebook)
    title = next(filter(None, map(heading, notebook.cells)), "Slides")
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    page = re.sub(r"qmathq(\d+)q", lambda match: formulas[int(match[1])], page)
    return NOTEBOOK_LINK.sub(_site_link, page)


def break_slides(notebook: NotebookNode) -> None:
    """Decide where slides begin: at headings, and where the next cell would not fit any more."""
    used = 0
    for cell in notebook.cells:
        cell.metadata.pop("slideshow", None)
        tags = cell.metadata.get("tags", [])
        level = len(re.match(r"#*", cell.source)[0]) if cell.cell_type == "markdown" else 0
        size = height(cell)
        if "remove-cell" in tags or cell.cell_type == "code" and not cell.outputs and "hide-input" in tags:
            kind = "skip"
        elif level in (1, 2) or not used:
            kind, used = "slide", size
        elif level == 3 or used + size > LINES:
            kind, used = "subslide", size
        else:
            kind, used = "-", used + size
        cell.metadata["slideshow"] = {"slide_type": kind}
        if cell.cell_type == "code" and "hide-input" in tags:
            cell.source = ""
        shown = cell.metadata.get("mystnb", {})
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "image/png" in data:
                about = {"alt": shown.get("image", {}).get("alt"), "caption": shown.get("figure", {}).get("caption")}
                output.metadata["image/png"] = about


def height(cell: NotebookNode) -> int:
    """About how many lines a cell takes on a slide."""
    lines = sum(1 + len(line) // WIDTH for line in cell.source.splitlines())
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/html" in data or any(kind.startswith("image/") for kind in data):
            lines += PICTURE
        else:
            text = output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
            lines += sum(1 + len(line) // WIDTH for line in text.splitlines())
    return lines


def _plain_markdown(text: str, papers: dict[str, str]) -> str:
    """Markdown without the roles and directives that only the book understands."""
    text = DIRECTIVE.sub(lambda match: "\n".join(f"> {line}" for line in _directive(match)), text)
    return ROLES.sub(lambda match: papers.get(match[2], match[2]), text)


def _papers(root: Path) -> dict[str, str]:
    """For each key of ``references.bib`` who wrote it and when."""
    entries = parse_file(root / "references.bib").entries if (root / "references.bib").exists() else {}
    return {
        key: f"{entry.persons['author'][0].last_names[0]} ({entry.fields['year']})" for key, entry in entries.items()
    }


def _directive(match: re.Match) -> list[str]:
    body = [line for line in match[4].strip().splitlines() if not re.match(r":\w+:", line)]
    return [f"**{match[3]}**", "", *body] if match[3] else body


def _site_link(match: re.Match) -> str:
    folder = match[1] or ("" if "/" in match[2] else "chapters/")
    return f'href="../html/{folder}{match[2]}.html'


def _copy_assets(target: Path) -> None:
    reveal = Path(find_spec("sphinx_revealjs").origin).parent / "_static" / "revealjs"
    target.mkdir(parents=True)
    for name in ("dist/reset.css", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js", "LICENSE"):
        shutil.copy(reveal / name, target)
    for name in ("slides.css", "logo.svg"):
        shutil.copy(STATIC / name, target)


def _index(root: Path) -> str:
    paths = sorted(root.glob("chapters/*.ipynb"))
    titles = {path.stem: next(filter(None, map(heading, read(path).cells)), path.stem) for path in paths}
    links = "".join(f'<li><a href="{stem}.html">{html.escape(title)}</a></li>' for stem, title in titles.items())
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Slides</title>'
        '<link rel="icon" href="reveal/logo.svg"></head>'
        '<body style="font: 1.1rem/1.7 system-ui; margin: 3rem auto; max-width: 40rem">'
        f"<main><h1>Slides</h1><ul>{links}</ul></main></body></html>"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``slides``."""
    parser.add_argument("--jobs", type=count, default=2, help="notebooks executed side by side (default: 2)")


def run(args: argparse.Namespace) -> int:
    """Write the decks; 1 if a chapter cannot be shown."""
    try:
        decks = make_slides(ROOT, args.jobs)
    except book.BuildError as error:
        print(f"{error}\nno slides, see above", file=sys.stderr)
        return 1
    print(f"{len(decks)} decks: open {(ROOT / '_build' / 'slides' / 'index.html').as_uri()}")
    return 0
