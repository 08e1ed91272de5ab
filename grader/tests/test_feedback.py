"""Feedback pages: what a student reads is right, and harmless."""

import html
import re
from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell

from grader.__main__ import main
from grader.gradebook.store import Store
from grader.grading import grade
from grader.model import TaskStatus
from grader.pages import feedback, outputs
from grader.pages.pictures import Room
from grader.tests.in_process import Here
from grader.tests.outputs import seconds
from grader.tests.records import record
from grader.tests.submissions import answer, copy_course, hand_in, solved

CODE = [" \n", "\xa0\n", "a?", "1.{a!r:!r.a", "%(a)`", '"""', "(", "import a,"]


MARKDOWN = ["- a\n\n", "*_**__", "- a\n> b\n", "[a]: x\n> ", "[", "<", "`a", "|a", "&"]


@pytest.mark.parametrize(("kind", "text"), [("code", one) for one in CODE] + [("markdown", one) for one in MARKDOWN])
def test_a_page_takes_no_longer_than_a_little(kind, text):
    """Five million characters, in cells as large as are rendered: 20 kB of blank lines took pygments eight seconds."""
    cell = {"cell_type": kind, "source": text * (feedback.MAX_RENDERED // len(text)), "outputs": []}
    room = Room()
    assert seconds(lambda: [feedback._cell(cell, room) for _ in range(500)]) < 3


def test_markdown_that_ends_its_parser_is_shown_as_it_was_written():
    """Each quote in a list in a quote went a level deeper, and the error ended the grading of the whole class."""
    source = "- a\n> b\n" * 300
    shown = feedback._cell({"cell_type": "markdown", "source": source}, Room())
    assert (shown["html"], shown["text"]) == (None, source)


def test_code_and_markdown_beyond_the_room_are_only_escaped():
    code = {"cell_type": "code", "source": "x = 1 < 2", "outputs": []}
    text = {"cell_type": "markdown", "source": "**x** < 2"}
    room = Room(code=10, markdown=10)
    first, second = ([feedback._cell(code, room), feedback._cell(text, room)] for _ in range(2))
    assert "<span" in first[0]["html"]
    assert "<strong>" in first[1]["html"]
    assert [one["html"] for one in second] == [None, None]


@pytest.fixture
def graded(tmp_path):
    """A course in which Ada made one mistake."""
    course = copy_course(tmp_path / "kitchen")
    assignment = course.assignment("week1")
    notebooks = {name: solved(source) for name, source in assignment.notebooks.items()}
    wrong = 'def mean_weight(weights):\n    raise ValueError("<script>alert(1)</script>")'
    answer(notebooks["quantities"], "mean-weight")["source"] = wrong
    hand_in(course.folder("submitted", "ada", "week1"), notebooks)
    grade(course, assignment, Here())
    return course, assignment


def test_a_page_says_what_was_expected_what_came_and_where_to_look(graded):
    course, assignment = graded
    message = "expected 3.5, got <b>4</b>. Hint: divide by the number of weights."
    shown = page_with(assignment, message, ("3.5", "<b>4</b>", "divide by the number of weights."))
    assert (
        "<dl><dt>Expected</dt><dd>3.5</dd><dt>Got</dt><dd>&lt;b&gt;4&lt;/b&gt;</dd>"
        "<dt>Hint</dt><dd>divide by the number of weights.</dd></dl>"
    ) in shown
    page = (course.folder("feedback", "ada", "week1") / "quantities.html").read_text()
    assert "5 of 8 points" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def page_with(assignment, message: str, parts: tuple[str, ...]) -> str:
    """The page of a notebook in which one task failed with a message."""
    made = record(assignment)
    place = next(n for n, task in enumerate(made.tasks) if task.notebook == "quantities")
    made.tasks[place] = replace(made.tasks[place], score=0.0, status=TaskStatus.FAILED, message=message, parts=parts)
    return feedback.page(assignment, "quantities", made, {}, 0.0, None)


def pages(course, student="ada") -> dict[str, str]:
    return {path.stem: path.read_text() for path in course.folder("feedback", student, "week1").glob("*.html")}


def test_each_page_has_the_status_and_the_notes_of_its_own_notebook(graded):
    course, assignment = graded
    shown = pages(course)
    assert "5 of 8 points</strong> · graded</p>" in shown["quantities"]
    assert "2 of 4 points</strong> · graded; a written answer waits for a human" in shown["words"]
    folder = course.folder("submitted", "ada", "week1")
    (folder / "quantities.ipynb").rename(folder / "quantities (1).ipynb")
    (folder / "words.ipynb").unlink()
    grade(course, assignment, Here())
    shown = pages(course)
    assert "should have been called quantities.ipynb" in shown["quantities"]
    assert "should have been called" not in shown["words"]
    assert "0 of 4 points</strong> · nothing was handed in</p>" in shown["words"]
    assert all("words.ipynb was not handed in." in page for page in shown.values())


def test_feedback_for_somebody_without_a_grade_is_a_wrong_call(graded, capsys):
    course, _ = graded
    there = ["--course", str(course.root)]
    assert main(["feedback", "week1", "--student", "nobodyhere", "ada", *there]) == 2
    assert "There is no graded submission of nobodyhere." in capsys.readouterr().err
    assert main(["feedback", "week1", "--student", "ada", *there]) == 0
    assert capsys.readouterr().out.startswith("1 submissions have new feedback")


def test_each_page_takes_off_the_points_of_its_own_notebook(graded):
    course, assignment = graded
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    with Store(course, assignment) as store:
        store.gradebook.update_or_create_assignment("week1", duedate="2030-01-01 00:00:00 UTC")
    (course.folder("submitted", "ada", "week1") / "timestamp.txt").write_text("2030-01-02 00:00:00 UTC")
    grade(type(course)(course.root), assignment, Here())
    shown = pages(course)
    assert "5 points are taken off because it came late: 0 points are left." in shown["quantities"]
    assert "2 points are taken off because it came late: 0 points are left." in shown["words"]


@pytest.mark.parametrize(
    ("parts", "rows"),
    [
        (("1", "2", ""), ["1", "2"]),
        (("1", "2.5", "a, got b. Hint: c."), ["1", "2.5", "a, got b. Hint: c."]),
        (("", "", "look again"), ["look again"]),
        ((), []),
    ],
)
def test_a_message_is_a_list_where_its_parts_are_told_apart(graded, parts, rows):
    message = "expected 7, got 8. Hint: as in a sentence."
    shown = page_with(graded[1], message, parts)
    assert re.findall("<dd>(.*?)</dd>", shown) == rows
    assert (f"<pre>{message}</pre>" in shown) == (not rows)


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "{{ 7 * 7 }}", "{% raw %}"]
)
def test_nothing_that_a_page_shows_is_markup(graded, value):
    _, assignment = graded
    made = record(assignment, student=value)
    made.notes.append({"code": "x", "instructor": value, "student": value})
    made.tasks = [replace(task, message=value, parts=(value, value, value)) for task in made.tasks]
    scores = {(task.notebook, task.grade_id): {"comment": value, "score": 1.0} for task in made.tasks}
    texts = [
        {"output_type": "stream", "name": "stdout", "text": value},
        {"output_type": "error", "ename": value, "evalue": value, "traceback": []},
        {"output_type": "display_data", "data": {"text/plain": value}},
    ]
    long = {"cell_type": "raw", "source": value + " " * feedback.MAX_RENDERED}
    cells = [
        {"cell_type": "code", "source": f"'{value}", "outputs": texts},
        {"cell_type": "raw", "source": value},
        long,
    ]
    shown = feedback.page(assignment, "quantities", made, scores, 1.0, {"cells": cells})
    assert value in html.unescape(shown)
    assert not re.search("<(script|img)", shown)
    assert "49" not in shown


def test_what_a_student_wrote_is_clean_and_bounded_in_the_graded_notebook(tmp_path):
    course = copy_course(tmp_path / "kitchen")
    assignment = course.assignment("week1")
    notebooks = {name: solved(source) for name, source in assignment.notebooks.items()}
    answer(notebooks["quantities"], "mean-weight")["source"] += "  # \u202egood\u200b"
    notebooks["quantities"]["cells"] += [new_code_cell("x = '" + "x" * 150_000 + "'") for _ in range(30)]
    hand_in(course.folder("submitted", "ada", "week1"), notebooks)
    grade(course, assignment, Here())
    text = (course.folder("autograded", "ada", "week1") / "quantities.ipynb").read_text(encoding="utf-8")
    assert "# good" in text
    assert not set("\u202e\u200b") & set(text)
    assert len(text) < 1_500_000


def test_no_hidden_test_and_no_solution_is_in_anything_a_student_gets(graded):
    course, assignment = graded
    hidden = outputs.hidden_lines(assignment)
    assert any("original_recipe" in line for line in hidden)
    for step in ("feedback", "autograded"):
        for path in course.folder(step, "ada", "week1").iterdir():
            text = path.read_text()
            assert not [line for line in hidden if line in text], path
            assert "return sum(weights)" not in text


def test_a_message_that_quotes_a_hidden_test_loses_the_line(graded):
    _, assignment = graded
    hidden = outputs.hidden_lines(assignment)
    text = "line 3\n    assert scale({}, 5) == {}\nAssertionError"
    assert "scale({}, 5)" not in outputs.without_hidden(text, hidden)
    assert outputs.without_hidden("AssertionError: 1 != 2", hidden) == "AssertionError: 1 != 2"


def test_stock_nbgrader_and_formgrader_can_read_the_graded_notebook(graded):
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    course, _ = graded
    for path in course.folder("autograded", "ada", "week1").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
