"""A tiny book with one of everything that a page can hold, for tests of the builder, the site and the slides."""

import shutil
from pathlib import Path

import nbformat

from tools.book.build import make_toc
from tools.book.theme.road import ROAD
from tools.notebooks import ROOT, canonical, write

SETUP = """\
import matplotlib.pyplot as plt

from helpers.interactive import choice, explore, slider, toggle"""
FIGURE = "fig, ax = plt.subplots()\nax.plot([1, 2, 3], [1, 4, 9]);"
EXPLORE = """\
def draw(power, grid):
    fig, ax = plt.subplots()
    ax.plot([x**power for x in range(5)])
    ax.grid(grid)
    return ax


def describe(power, grid):
    return f"The curve of the power {power} ends at {4**power}, {'with' if grid else 'without'} a grid."


controls = {"power": slider(1, 3, 1, 1), "grid": toggle(False)}
explore("W90.1", draw, title="What does the power do?", describe=describe, **controls)"""
ALT = {"mystnb": {"image": {"alt": "A curve that grows faster and faster."}, "figure": {"caption": "Squares."}}}
DROP = """\
from helpers.interactive.classifier import NOTE, classifier_html
from helpers.interactive.upload import upload

upload(str, note=NOTE, page=classifier_html())"""
INDEX = f"""\
# A tiny book

It begins with [chapter 1](chapters/01_one.ipynb).

```{{button-ref}} chapters/01_one
:ref-type: doc
:class: course-start
Start here
```

{ROAD}
"""


def code(source, **metadata):
    """A code cell."""
    return nbformat.v4.new_code_cell(source, metadata=metadata)


def text(source):
    """A markdown cell."""
    return nbformat.v4.new_markdown_cell(source)


def notebook(path, *cells):
    """Write cells as a canonical notebook."""
    write(canonical(nbformat.v4.new_notebook(cells=list(cells))), path)
    return path


def make_tiny_book(root: Path) -> Path:
    """Write the book: two chapters, one exercise, real settings."""
    shutil.copy(ROOT / "_config.yml", root)
    (root / "references.bib").write_text("@misc{mackay2003, author={MacKay, David}, title={Inference}, year={2003}}\n")
    (root / "index.md").write_text(INDEX)
    (root / "bibliography.md").write_text("# Bibliography\n\n```{bibliography}\n```\n")
    notebook(
        root / "chapters" / "01_one.ipynb",
        text(
            "# One\n\nA neuron computes $\\hat y = \\sigma(\\mathbf{w}^\\top\\mathbf{x} + b)$, see {cite}`mackay2003`."
        ),
        text("## Set-up"),
        code(SETUP),
        text("## What is a square?\n\n$$\\sum_{i=1}^n x_i^2 = \\lVert x \\rVert^2$$"),
        code("print(3**2)"),
        code("first = 1", tags=["hide-input"]),
        code("# @title Add one more\nsecond = first + 1", tags=["hide-input"]),
        code(FIGURE, **ALT, tags=["hide-input"]),
        text("**Try it.** Predict, change, run."),
        text("## What does the power do?"),
        code(EXPLORE),
        text("## What is in your photograph?"),
        code(DROP),
        text("## Check yourself"),
        code("from helpers import quiz\n\nquiz.show_quiz('02_tensors')"),
        code("quiz.show_questions('02_tensors')"),
        text("## Exercise\n\nNow [build it](../exercises/01_one/01_one.ipynb), or read [chapter 2](02_two.ipynb)."),
    )
    notebook(
        root / "chapters" / "02_two.ipynb",
        text("# Two\n\nBack to [squares](01_one.ipynb)."),
        text("## A table\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        code("1 + 1"),
        code("1 / 0", tags=["raises-exception"]),
        code("import json\n\njson.loads('{')", tags=["raises-exception"]),
    )
    notebook(root / "exercises" / "01_one" / "01_one.ipynb", text("# Exercise 1: squares"), code("answer = ..."))
    (root / "_toc.yml").write_text(make_toc(root))
    return root
