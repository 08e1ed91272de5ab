"""Nothing of the syllabus is forgotten: every topic, question, erratum, experiment, widget and task has its place.

``tests/coverage/syllabus.toml`` says what belongs to which chapter, ``tests/coverage/NN_topic.toml`` where it is.
"""

import re
import tomllib
from collections import Counter

import pytest

from tools.notebooks import ROOT, read

FOLDER = ROOT / "tests" / "coverage"
SYLLABUS = tomllib.loads((FOLDER / "syllabus.toml").read_text(encoding="utf-8"))
NUMBERS = ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
WRITTEN = [stem for stem in SYLLABUS if (ROOT / "chapters" / f"{stem}.ipynb").exists()]


def places(stem: str) -> dict[str, list[str]]:
    """Where each id of a chapter is, as the chapter's author says."""
    found = tomllib.loads((FOLDER / f"{stem}.toml").read_text(encoding="utf-8"))
    return {key: [value] if isinstance(value, str) else value for key, value in found.items()}


def solution_cells(stem: str) -> dict:
    return {cell.id: cell for cell in read(ROOT / "solutions" / stem / f"{stem}.ipynb").cells}


def questions(stem: str) -> dict:
    return tomllib.loads((ROOT / "helpers" / "questions" / f"{stem}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("kind", "letter"), [("topics", "S"), ("questions", "Q"), ("errata", "E")])
def test_the_syllabus_has_each_id_once_and_leaves_no_number_out(kind, letter):
    found = Counter(one for chapter in SYLLABUS.values() for one in chapter[kind])
    assert set(found.values()) == {1}
    assert set(found) == {f"{letter}{number:02}" for number in range(1, len(found) + 1)}


def test_every_chapter_of_the_course_is_in_the_syllabus():
    assert {path.stem for path in (ROOT / "chapters").glob("*.ipynb")} <= set(SYLLABUS)


@pytest.mark.parametrize("stem", WRITTEN)
def test_everything_of_the_chapter_has_a_place(stem):
    chapter = SYLLABUS[stem]
    expected = [one for kind in ("topics", "questions", "errata", "experiments", "widgets") for one in chapter[kind]]
    expected += [f"objective-{number + 1}" for number in range(chapter["objectives"])]
    expected += [f"T{number + 1}" for number in range(chapter["tasks"])]
    assert sorted(set(expected) - set(places(stem))) == []


@pytest.mark.parametrize("stem", WRITTEN)
def test_every_place_exists(stem):
    here = {cell.id for cell in read(ROOT / "chapters" / f"{stem}.ipynb").cells}
    there = solution_cells(stem)
    asked = {one["id"]: one for one in questions(stem).get("question", [])}
    missing = []
    for key, values in places(stem).items():
        for value in values:
            kind, _, name = re.fullmatch(r"(?:(exercise|questions)([:/]))?(.+)", value).groups()
            if name not in {"exercise": there, "questions": asked, None: here}[kind]:
                missing.append(f"{key} = {value!r}")
        if key.startswith("T") and not all(value.startswith("exercise:") for value in values):
            missing.append(f"{key}: a task lives in the exercise")
    assert missing == []


@pytest.mark.parametrize("stem", WRITTEN)
def test_questions_have_answers_and_the_quiz_has_four_items(stem):
    file = questions(stem)
    asked = {one["id"]: one for one in file.get("question", [])}
    assert sorted(set(SYLLABUS[stem]["questions"]) - set(asked)) == []
    assert [name for name, one in asked.items() if not one["question"].strip() or not one["answer"].strip()] == []
    assert len(file.get("quiz", [])) >= (0 if stem == "13_review" else 4)


@pytest.mark.parametrize("stem", WRITTEN)
def test_every_interactive_has_an_id_of_its_own_and_is_in_the_syllabus(stem):
    cells = read(ROOT / "chapters" / f"{stem}.ipynb").cells
    used = [one for cell in cells for one in re.findall(r'explore\(\s*"([^"]+)"', cell.source)]
    assert sorted(used) == sorted(SYLLABUS[stem]["widgets"]), "enter it in tests/coverage/syllabus.toml, or mend its id"


@pytest.mark.parametrize("stem", WRITTEN)
def test_the_head_of_the_exercise_counts_its_tasks_and_points(stem):
    head, *cells = solution_cells(stem).values()
    tasks = sum(1 for cell in cells if re.match(r"## \d+\. ", cell.source))
    assert SYLLABUS[stem]["tasks"] == tasks, f"{stem} has {tasks} tasks: `tasks` in tests/coverage/syllabus.toml"
    points = SYLLABUS[stem]["points"]
    sentence = f"{NUMBERS[tasks - 1]} task{'s' * (tasks > 1)}, {points} points"
    assert sentence in head.source, f"the first cell of solutions/{stem} must say: {sentence}"
    rows = [int(row) for row in re.findall(r"(?m)^\| \d+\. .*\| *(\d+) *\|$", head.source)]
    assert not rows or (len(rows), sum(rows)) == (tasks, points), f"a row of the first table of solutions/{stem}"


def counted(text: str) -> list[tuple[str, int, int | None]]:
    """Exercise, tasks and points of each "[…](../exercises/…) has 7 tasks and 20 points" in a chapter's text."""
    number = {name.lower(): value for value, name in enumerate(NUMBERS, 1)}
    one = rf"(\d+|{'|'.join(number)})"
    found = re.findall(
        rf"\]\(\.\./exercises/(\w+)/[^)]*\)[^,.\n]*?\b{one} tasks?\b(?: and {one} points)?", text, re.IGNORECASE
    )
    value = {"": None, **number}
    return [
        (stem, *(int(said) if said.isdigit() else value[said.lower()] for said in counts)) for stem, *counts in found
    ]


def test_numbers_of_tasks_and_points_are_read_in_digits_and_words():
    link = "[it](../exercises/02_a/02_a.ipynb)"
    assert counted(f"{link} has 7 tasks and 20 points, from") == [("02_a", 7, 20)]
    assert counted(f"The {link} has eight tasks: one. {link} is the capstone: ten tasks") == [
        ("02_a", 8, None), ("02_a", 10, None)
    ]  # fmt: skip
    assert counted(f"{link} lets you mend a score, and choose recipes for five tasks") == []


@pytest.mark.parametrize("stem", WRITTEN)
def test_the_chapter_counts_tasks_and_points_of_the_exercise_as_the_syllabus_does(stem):
    wrong = []
    for cell in read(ROOT / "chapters" / f"{stem}.ipynb").cells:
        for name, tasks, points in counted(cell.source) if cell.cell_type == "markdown" else []:
            true = SYLLABUS[name]["tasks"], SYLLABUS[name]["points"]
            if (tasks, points or true[1]) != true:
                wrong.append(f"cell {cell.id} of chapters/{stem}: {name} has {true[0]} tasks and {true[1]} points")
    assert wrong == []


@pytest.mark.parametrize("stem", WRITTEN)
def test_exercise_gives_the_points_of_the_syllabus(stem):
    cells = solution_cells(stem).values()
    points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells)
    assert points == SYLLABUS[stem]["points"]


@pytest.mark.parametrize("stem", [stem for stem in WRITTEN if "02" <= stem < "13"])
def test_exercise_has_a_bug_hunt(stem):
    assert any(re.search(r"bug hunt", cell.source, re.IGNORECASE) for cell in solution_cells(stem).values())
