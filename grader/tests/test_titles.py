"""People read what a task is called, never the id that a machine made up."""

import dataclasses

import pytest

from grader.grading import grade
from grader.pages.titles import readable, titles
from grader.tests.submissions import answer, hand_in, released, solved
from grader.tests.test_report import Here

IDS = ["cell-421c00edf62020d8", "cell-0f1e2d3c4b5a6978", "8f3c1ab2", "123e4567-e89b-12d3-a456-426614174000"]


def with_cells(source, *cells):
    """A source with a heading or a test for each pair of kind and text or id."""
    made = []
    for kind, text in cells:
        heading = kind == "markdown"
        cell = dataclasses.replace(source.cells[0], id=f"c{len(made)}", kind=kind, points=0.0 if heading else 1.0)
        kinds = {"cell_type": "markdown" if heading else "code", "grade_id": None if heading else text}
        made.append(dataclasses.replace(cell, source=text, released=text, **kinds))
    return dataclasses.replace(source, cells=tuple(made))


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Sheet 1\n\ntext\n\n## Task 5: *means* ##\n\nDo it.", "Task 5: means"),
        ("## The [mean](x.html) of `x`", "The mean of x"),
        ("<h3 class='a'>Task <b>2</b></h3>", "Task 2"),
        ("# Task 1\n\n```\n# no heading\n```", "Task 1"),
        ("### " + "long " * 30, "long " * 11 + "long…"),
        ("no heading here #5", "task 1"),
    ],
)
def test_a_made_up_id_is_called_as_the_heading_above(source, id, text, title):
    assert titles([with_cells(source, ("markdown", text), ("test", id))]) == {id: f"{title} (test)"}


def test_an_id_that_a_person_wrote_stays(source):
    ids = ["mean-test", "cell-5", "deadbeef", "20240131", "face", "task-421c00edf62020d8-b"]
    assert titles([with_cells(source, ("markdown", "# T"), *(("test", id) for id in ids))]) == {}
    assert readable(" ".join(ids), dict.fromkeys(ids, "no")) == " ".join(ids)


def test_tasks_below_one_heading_are_told_apart(source):
    cells = [("markdown", "# A"), *(("test", id) for id in IDS[:3]), ("markdown", "# B"), ("manual", IDS[3])]
    assert list(titles([with_cells(source, *cells)]).values()) == [
        "A (test)", "A (test 2)", "A (test 3)", "B (answer)",
    ]  # fmt: skip


def test_neither_feedback_nor_report_shows_such_an_id(course):
    folder = course.root / "master" / "week1"
    for path in folder.glob("*.ipynb"):
        text = path.read_text()
        for number, name in enumerate(["scale-test", "scale-hidden", "scale", "why"]):
            text = text.replace(f'"grade_id": "{name}"', f'"grade_id": "cell-421c00edf62020d{number}"')
        path.write_text(text)
    assignment = course.assignment("week1")
    notebooks = {name: solved(source) for name, source in assignment.notebooks.items()}
    answer(notebooks["quantities"], "cell-421c00edf62020d0")["source"] += "\npass"
    notebooks["quantities"]["cells"] = [
        cell for cell in notebooks["quantities"]["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") != "cell-421c00edf62020d2"
    ]  # fmt: skip
    hand_in(course.folder("submitted", "ada", "week1"), notebooks)
    hand_in(course.folder("submitted", "bob", "week1"), {n: released(s) for n, s in assignment.notebooks.items()})
    grade(course, assignment, Here())
    pages = [*course.folder("feedback", "ada", "week1").glob("*.html"), course.grades / "week1" / "report.html"]
    texts = [path.read_text() for path in pages]
    assert len(texts) == 3
    for text in texts:
        body = text.split("Your notebook, as it was run")[0]
        assert "421c00edf62020d" not in body
    assert "(test)" in texts[0] + texts[1]
    assert "421c00edf62020d0" in (course.grades / "week1" / "grades.csv").read_text(), "by which scores are entered"
