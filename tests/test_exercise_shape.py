"""Each exercise keeps its promise: minutes and kind of every task, blanks first, one decision, one look back."""

import re
from collections.abc import Iterator

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.assignments import assignments
from tools.notebooks import ROOT, read

NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
HEAD = "| Task | | Minutes | Points |\n|---|---|---|---|\n"
TOTALS = re.compile(r"(\w+) tasks?, (\d+) points, about (.*)")
TIME = re.compile(r"(\d+) minutes|(\w+)( and a half)? hours?( and a half| and a quarter)?")
ROW = re.compile(r"(?m)^\| (\d+\. .+) \| (.+) \| (\d+) \| (\d+) \|$")
CARD = re.compile(r"(?m)^## (\d+)\. (.+) \((\d+ points, .+)\)$")  # "## 2. Sizes (3 points, 10 minutes)"
KIND = re.compile(r"\b(fill|easy|medium|hard|decide)\b")
LINK = re.compile(r"\[(?:chapter )?(\d+)\]\(../../chapters/(\d+)_\w+\.ipynb\)")
BLANK = re.compile(r"(?m)^ *# Blank (\d+): ")


def sum_of(unit: str, text: str) -> int:
    """All that a heading gives of a unit: "(3 points, 20 minutes; and 2 points for an analysis, 15 minutes)"."""
    return sum(map(int, re.findall(rf"(\d+) {unit}\b", text)))


def minutes(text: str) -> int:
    """The minutes in "45 minutes", "an hour", "two and a half hours", "two hours and a quarter"."""
    number, hours, *more = TIME.match(text).groups()
    if number:
        return int(number)
    return (
        60 * (1 if hours == "an" else NUMBERS.index(hours))
        + 30 * (" and a half" in more)
        + 15 * (" and a quarter" in more)
    )


def faults(notebook: NotebookNode, exercise: int) -> Iterator[str]:
    """What is wrong with the shape of an exercise."""
    title, *cells = notebook.cells
    rows = [(task, kind, int(time), int(points)) for task, kind, time, points in ROW.findall(title.source)]
    if HEAD not in title.source or not rows:
        yield "the title cell has no table of tasks"
        return
    kinds = [kind for _, kind, *_ in rows]
    yield from faults_in_numbers(title, cells, rows)
    yield from faults_in_blanks(kinds[0], next(cell.source for cell in cells if cell.metadata.get("nbgrader")))
    yield from faults_in_kinds(kinds, exercise)


def faults_in_numbers(title: NotebookNode, cells: list[NotebookNode], rows: list[tuple]) -> Iterator[str]:
    """Points and minutes: of the title, of the table's rows, of the cards, of the tests."""
    cards, given = [], []
    for cell in cells:
        for number, task, rest in CARD.findall(cell.source if cell.cell_type == "markdown" else ""):
            cards.append((f"{number}. {task}", sum_of("minutes", rest), sum_of("points", rest)))
            given.append(0)
        if cards:
            given[-1] += cell.metadata.get("nbgrader", {}).get("points", 0)
    if [(task, time, points) for task, _, time, points in rows] != cards:
        yield f"the rows of the table are not the cards {cards}"
    if [points for *_, points in cards] != given:
        yield f"the cards promise other points than the tests give: {given}"
    if [int(task.split(".")[0]) for task, *_ in rows] != [*range(1, len(rows) + 1)]:
        yield "the tasks are not numbered from 1"
    stated = TOTALS.search(title.source)
    if not stated or (stated[1].lower(), int(stated[2])) != (NUMBERS[len(rows)], sum(given)):
        yield f"the title does not say: {NUMBERS[len(rows)]} tasks, {sum(given)} points"
    elif abs(minutes(stated[3]) - sum(time for *_, time, _ in rows)) > 10:
        yield "the minutes of the table do not add up to those of the title"


def faults_in_blanks(kind: str, answer: str) -> Iterator[str]:
    """Task 1 has as many blanks as its row says, and one solution after each."""
    before, *parts = BLANK.split(answer)
    blanks = len(parts) // 2
    if not kind.startswith(f"fill {NUMBERS[blanks]} blanks") or parts[::2] != [str(k + 1) for k in range(blanks)]:
        yield f"task 1 has {blanks} blanks, and its row says: {kind}"
    if [part.count("### BEGIN SOLUTION") for part in (before, *parts[1::2])] != [0] + [1] * blanks:
        yield "task 1 has a blank without a solution, or a solution without a blank"


def faults_in_kinds(kinds: list[str], exercise: int) -> Iterator[str]:
    """Each row has a word for the task; one task decides, and one uses an earlier chapter."""
    for kind in kinds:
        if not KIND.search(kind):
            yield f"{kind!r} says neither how hard a task is nor of which kind"
    if not any("decide" in kind for kind in kinds):
        yield "no task decides"
    links = [link for kind in kinds for link in LINK.findall(kind)]
    if any(int(said) != int(file) or int(file) >= exercise for said, file in links):
        yield "a row links to another chapter than it says, or to no earlier one"
    if exercise and not any("uses chapter" in kind.replace("[", "") and LINK.search(kind) for kind in kinds):
        yield "no task uses an earlier chapter"


@pytest.mark.parametrize("name", assignments())
def test_exercise_has_the_shape_that_the_course_promises(name):
    assert list(faults(read(ROOT / "solutions" / name / f"{name}.ipynb"), int(name[:2]))) == []


TITLE = f"""# Exercise 5: made up

**Two tasks, 5 points, about an hour.**

{HEAD}| 1. Sums | fill two blanks, easy | 15 | 2 |
| 2. Bug hunt: means | decide, uses [chapter 2](../../chapters/02_tensors.ipynb) | 50 | 3 |"""
BLANKS = """# Blank 1: the first number
### BEGIN SOLUTION
a = 1
### END SOLUTION
# Blank 2: the second
### BEGIN SOLUTION
b = 2
### END SOLUTION"""


def made_up() -> list[str]:
    """Title, card, answer and test of task 1; the same of task 2."""
    return [TITLE, "## 1. Sums (2 points, 15 minutes, two blanks)", BLANKS, "2",
            "## 2. Bug hunt: means (3 points, 50 minutes)", "c = 3", "3"]  # fmt: skip


def faults_of(sources: list[str]) -> list[str]:
    """The faults of an exercise of these cells; a test gives as many points as its number says."""
    cells = []
    for source in sources:
        if source.startswith("# E") or source.startswith("## "):
            cells.append(new_markdown_cell(source))
        else:
            given = {"points": int(source)} if source.isdigit() else {"solution": True}
            cells.append(new_code_cell(source, metadata={"nbgrader": given}))
    return list(faults(new_notebook(cells=cells), 5))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("a", "a", None),
        ("Minutes | Points", "Points | Minutes", "no table"),
        ("| 1. Sums", "| 1. Sum", "not the cards"),
        ("| 15 | 2 |", "| 20 | 2 |", "not the cards"),
        ("(3 points, 50 minutes)", "(3 points)", "not the cards"),
        ("3 ", "4 ", "other points than the tests"),
        ("2. Bug", "3. Bug", "not numbered"),
        ("Two tasks", "Three tasks", "does not say: two tasks, 5 points"),
        ("5 points, about", "6 points, about", "does not say: two tasks, 5 points"),
        ("an hour", "50 minutes", "do not add up"),
        ("fill two blanks, easy", "fill three blanks", "has 2 blanks"),
        ("decide,", "wild, decides,", "neither how hard"),
        ("# Blank 2: ", "# Blank 3: ", "has 2 blanks"),
        ("# Blank 2: ", "# ", "has 1 blanks"),
        ("# Blank 2: ", "# ", "blank without a solution"),
        ("### BEGIN SOLUTION\nb", "b", "blank without a solution"),
        ("decide, ", "hard, ", "no task decides"),
        ("chapter 2", "chapter 3", "links to another"),
        ("2](../../chapters/02_", "5](../../chapters/05_", "no earlier one"),
        ("uses [", "like [", "no task uses"),
    ],
)
def test_a_fault_in_the_shape_is_found(old, new, fault):
    sources = [source.replace(old, new) for source in made_up()]
    assert (old == new) or sources != made_up(), "the fault was not planted"
    found = faults_of(sources)
    assert any(fault in one for one in found) if fault else found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("45 minutes; more", 45), ("an hour.", 60), ("two and a half hours", 150), ("two hours and a quarter, so", 135)],
)
def test_a_time_in_words_is_read(text, expected):
    assert minutes(text) == expected
