"""``python -m tools new 15_topic``: write what a new chapter needs, in all the places that the tests look at.

What it writes runs and passes the tests, but for the word TODO, which ``python -m tools check`` names cell by cell.
"""

import argparse
import re
from pathlib import Path

import nbformat

from tools.notebooks import ROOT, canonical, write

STEM = re.compile(r"[0-9]{2}_[a-z][a-z0-9]*(_[a-z0-9]+)*")

CHAPTER = """\
%% [md] title
# {title}

*TODO: the promise of this chapter, in one sentence.*

- **Time:** about TODO minutes to read and try.
- **You need:** [the chapter before]({before}.ipynb).
- **After this chapter you can**
  1. TODO: a verb, and what can be tested
%% [md] set-up
## Set-up
%% [code] bootstrap
%% [code] imports
import torch

from helpers.quiz import show_quiz
from helpers.runtime import seed_everything

seed_everything(0)
%% [md] first-question
## 1. TODO: a question?

{term} TODO: why the reader should want to know.
%% [code] first-answer
mean = torch.tensor([1.0, 2.0, 6.0]).mean()
print(f"the mean is {{mean:.1f}}")
assert mean == 3
%% [md] first-seen
TODO: what we just saw.
%% [md] summary
## What to take away

- TODO
%% [md] quiz-text
## Check yourself
%% [code] quiz
show_quiz("{stem}")
%% [md] exercise
## Exercise and further reading

The [exercise of this chapter](../exercises/{stem}/{stem}.ipynb) TODO.
"""

SOLUTION = """\
%% [md] title
# Exercise {number}: TODO

**One task, 2 points, about 10 minutes.** TODO: what it is about.

| Task | | Minutes | Points |
|---|---|---|---|
| 1. Halve | fill two blanks; TODO: decide, uses [chapter 0](../../chapters/00_orientation.ipynb) | 10 | 2 |
%% [code] bootstrap
%% [code] imports
import torch

from helpers.checks import check_close, task
%% [md] halve-card
## 1. Halve (2 points, 10 minutes, two blanks)

TODO: one sentence, shapes, what to return. `halve(numbers)` returns half of each number of a tensor.
It is almost written: replace each line `...` as the comment above it says.
%% [answer] halve
def halve(numbers):
    # Blank 1: `half`, half of each number.
    ### BEGIN SOLUTION
    ### BEGIN REASONS
    # TODO: why this way, and what the usual wrong way would cost.
    ### END REASONS
    half = numbers / 2
    ### END SOLUTION
    # Blank 2: return it.
    ### BEGIN SOLUTION
    return half
    ### END SOLUTION
%% [test] halve-visible
with task("1 halve"):
    check_close(
        halve(torch.tensor([2.0, 3.0])),
        torch.tensor([1.0, 1.5]),
        hint="half of each number: 3 becomes 1.5",
    )
%% [test] halve-hidden
# Hidden tests run here when you submit.
### BEGIN HIDDEN TESTS
with task("1 halve"):
    numbers = torch.linspace(-3, 3, 7)
    check_close(halve(numbers), numbers * 0.5, hint="negative numbers are halved, too")
### END HIDDEN TESTS
%% [md] done
## Done?

Run all cells once more from the top.
%% [md] self-check-text
## Check everything

This cell runs *all* checks of the exercise on your answers, with fresh inputs, here in your notebook.
Below each task that you have tried you can open a worked answer with its reasons.
%% [code] self-check
from helpers import checks

checks.self_check("{stem}")
"""

QUIZ = """\
[[quiz]]
id = "{slug}-{number}"
type = "choice"
question = "TODO: question {number}?"
[[quiz.option]]
text = "TODO: the right answer"
correct = true
explanation = "TODO: why it is right."
[[quiz.option]]
text = "TODO: a typical wrong answer"
explanation = "TODO: what whoever believes it has overlooked."
"""

ANSWERS = '''\
"""Right and wrong answers to exercise {number}, and the hint that each wrong one must get."""

from tests.mutants import Answers

ANSWERS = [
    Answers(
        "halve",
        right={{
            "times a half": "def halve(numbers): return numbers * 0.5",
            "torch": "def halve(numbers): return torch.div(numbers, 2)",
        }},
        wrong={{
            "unchanged": ("def halve(numbers): return numbers", r"half of each"),
            "doubled": ("def halve(numbers): return numbers * 2", r"half of each"),
            "rounded down": ("def halve(numbers): return numbers // 2", r"half of each"),
            "without signs": ("def halve(numbers): return numbers.abs() / 2", r"negative"),
        }},
    ),
]
'''

COVERAGE = """\
# Where each id of this chapter is: ids of cells, or exercise:ID for cells of the exercise.
objective-1 = "first-answer"
T1 = "exercise:halve"
"""

SYLLABUS = """
[{stem}]
topics = []
questions = []
errata = []
experiments = []
widgets = []
objectives = 1
tasks = 1
points = 2
"""


def notebook(text: str, slug: str) -> nbformat.NotebookNode:
    """The notebook of a template, in canonical form; each test cell is worth one point."""
    cells = []
    for kind, identifier, source in re.findall(
        r"^%% \[(\w+)\] (\S+)\n(.*?)(?=^%% |\Z)", text, re.DOTALL | re.MULTILINE
    ):
        make = nbformat.v4.new_markdown_cell if kind == "md" else nbformat.v4.new_code_cell
        cell = make(source.strip("\n"), id=identifier)
        if identifier == "bootstrap":
            cell.metadata["tags"] = ["hide-input"]
        if kind in ("answer", "test"):
            graded = kind == "test"
            cell.metadata["nbgrader"] = {
                "grade": graded, "grade_id": identifier, "locked": graded, "schema_version": 3,
                "solution": not graded, "task": False, **({"points": 1} if graded else {}),
            }  # fmt: skip
        cells.append(cell)
    return canonical(nbformat.v4.new_notebook(cells=cells))


def make(stem: str, root: Path = ROOT) -> list[Path]:
    """Write the places of a new chapter and return them.

    Args:
        stem: ``NN_topic``, a number that no chapter has and words joined by underscores.

    Raises:
        ValueError: if the stem is not of that form, or its number is taken.
    """
    if not STEM.fullmatch(stem):
        raise ValueError(f"{stem} is no name of a chapter: two digits and lower-case words, such as 15_attention.")
    number, slug = stem[:2], stem[3:].replace("_", "-")
    chapters = sorted(path.stem for path in (root / "chapters").glob("[0-9][0-9]_*.ipynb"))
    if taken := [one for one in chapters if one[:2] == number]:
        raise ValueError(
            f"{taken[0]} has this number: take another, such as {int(chapters[-1][:2]) + 1:02}_{stem[3:]}."
        )
    term = stem[3:].replace("_", " ")
    words = {
        "stem": stem, "slug": slug, "number": int(number), "term": term.capitalize(), "title": term.capitalize(),
        "before": max((one for one in chapters if one < stem), default=chapters[0]),
    }  # fmt: skip
    texts = {
        root / "helpers" / "questions" / f"{stem}.toml": "\n".join(
            QUIZ.format(slug=slug, number=item) for item in range(1, 5)
        ),
        root / "tests" / "mutants" / f"{stem}.py": ANSWERS.format(**words),
        root / "tests" / "coverage" / f"{stem}.toml": COVERAGE,
    }
    notebooks = {
        root / "chapters" / f"{stem}.ipynb": CHAPTER,
        root / "solutions" / stem / f"{stem}.ipynb": SOLUTION,
    }
    for path, template in notebooks.items():
        write(notebook(template.format(**words), slug), path)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    syllabus = root / "tests" / "coverage" / "syllabus.toml"
    syllabus.write_text(syllabus.read_text(encoding="utf-8") + SYLLABUS.format(**words), encoding="utf-8")
    return [*notebooks, *texts, syllabus, _glossary(root, term, number), _readme(root, stem, words)]


def _glossary(root: Path, term: str, number: str) -> Path:
    """Enter the chapter's first term where it belongs in the alphabet."""
    path = root / "glossary.md"
    head, entries, tail = re.fullmatch(
        r"(.*?```\{glossary\}\n)(.*?)(\n```.*)", path.read_text("utf-8"), re.DOTALL
    ).groups()
    terms = [*entries.strip("\n").split("\n\n"), f"{term}\n  TODO: one line. ({number})"]
    terms.sort(key=lambda entry: entry.partition("\n")[0].casefold())
    path.write_text(head + "\n\n".join(terms) + tail, encoding="utf-8")
    return path


def _readme(root: Path, stem: str, words: dict) -> Path:
    """Enter the chapter into the table of the first page, at its number."""
    path = root / "README.md"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [i for i, line in enumerate(lines) if re.match(r"\| \d+ \| \[", line)]
    before = [i for i in rows if int(lines[i].split("|")[1]) < words["number"]]
    row = (
        f"| {words['number']} | [{words['title']}](chapters/{stem}.ipynb) | TODO "
        f"| [1 task, 2 points](exercises/{stem}/{stem}.ipynb) |\n"
    )
    lines.insert((before[-1] if before else rows[0] - 1) + 1, row)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``new``."""
    parser.add_argument("stem", help="number and topic of the chapter, such as 15_attention: a number that is free")


def run(args: argparse.Namespace) -> int:
    """Write the places, and say what is left to do."""
    try:
        for path in make(args.stem):
            print(path.relative_to(ROOT))
    except ValueError as error:
        print(error)
        return 2
    print(f"""
Now: python -m tools release {args.stem} && python -m tools book --write-toc, then write where it says TODO:
  python -m tools check                  names each in the notebooks
  git grep --untracked TODO helpers README.md glossary.md
  python -m tools run chapters/{args.stem}.ipynb
  python -m tools mutants {args.stem}
  pytest tests/test_coverage.py tests/test_readme.py tests/test_reference.py tests/test_quiz.py""")
    return 0
