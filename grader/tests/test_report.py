"""Reports: a spreadsheet reads no formula in them, a script no hidden text; what is wrong with the source leads."""

import csv
import json
from types import SimpleNamespace

import pytest

from grader.commands.overrides import read_overrides
from grader.course import CourseError
from grader.gradebook.store import Store
from grader.grading import grade
from grader.pages import report
from grader.tests.in_process import Here
from grader.tests.submissions import copy_course, hand_in, solved


@pytest.fixture
def graded(tmp_path):
    """A course and its assignment, handed in by someone with an odd name and odd files."""
    course = copy_course(tmp_path / "kitchen")
    assignment = course.assignment("week1")
    folder = course.folder("submitted", "x;=1+1;y", "week1")
    hand_in(folder, {name: solved(source) for name, source in assignment.notebooks.items()})
    (folder / "quantities.ipynb").rename(folder / "quantities\u202e (1).ipynb")
    grade(course, assignment, Here())
    return course, assignment


def written(graded, failures=None, **options) -> SimpleNamespace:
    """The text of each report, written again."""
    course, assignment = graded
    with Store(course, assignment) as store:
        folder = report.write(course, assignment, store, None, failures or {}, **options).parent
    texts = {path.suffix[1:]: path.read_text(encoding="utf-8") for path in folder.glob("*.*")}
    return SimpleNamespace(csv=texts["csv"], html=texts["html"], data=json.loads(texts["json"]), json=texts["json"])


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("|x", "'|x"), ("\t=1", "'=1"), ("\r=1", "'=1"),
        ("\u200b=1", "'=1"), ("＝1", "'＝1"), ("＋1", "'＋1"), ("－1", "'－1"), ("＠x", "'＠x"), ("﹦1", "'﹦1"),
        ("x=1", "x=1"), ("", ""), (None, ""), (2.0, 2), (0.1 + 0.2, 0.3), (-1.5, -1.5),
    ],
)  # fmt: skip
def test_a_cell_is_a_number_or_text_that_is_no_formula(text, cell):
    assert report.spreadsheet_cell(text) == cell


def test_all_text_in_the_table_is_quoted_and_numbers_are_not(graded):
    """With semicolons between columns, as in much of Europe, an unquoted x;=1+1;y is three cells, one a formula."""
    line = written(graded).csv.splitlines()[1]
    assert line.startswith('"x;=1+1;y","","","manual",10,12,0,')


def test_students_and_points_of_the_table_can_be_entered_as_overrides(graded, tmp_path):
    row = next(csv.DictReader(written(graded).csv.splitlines()))
    path = tmp_path / "overrides.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerows([["student", "task", "score"], [row["student"], "t", float(row["score"])]])
    tasks = {"t": ("quantities", "mean-weight-test", 10.0)}
    assert read_overrides(path, tasks, {"x;=1+1;y"}) == [("x;=1+1;y", "quantities", "mean-weight-test", 10.0, None)]


@pytest.mark.parametrize("text", [" lead", "lead", "trail ", "trail", "two  spaces", "two spaces", "'=1+1", "=1+1"])
def test_overrides_find_a_student_as_the_folder_or_the_table_is_written(tmp_path, text):
    path = tmp_path / "overrides.csv"
    path.write_text(f"student,task,score\n{text},t,1\n")
    students = {" lead", "trail ", "two  spaces", "=1+1"}
    ((student, *_),) = read_overrides(path, {"t": ("words", "why", 2.0)}, students)
    assert student in students
    assert student.split() == text.lstrip("'").split()


def test_overrides_do_not_guess_between_two_students(tmp_path):
    path, tasks = tmp_path / "overrides.csv", {"t": ("words", "why", 2.0)}
    path.write_text("student,task,score\nada,t,1\n")
    with pytest.raises(CourseError, match="line 2: 'ada' may be ' ada' or 'ada'"):
        read_overrides(path, tasks, {" ada", "ada"})
    path.write_text("student,task,score\n ada,t,1\n")
    assert read_overrides(path, tasks, {" ada", "ada"})[0][0] == " ada"


def test_a_word_without_an_end_cannot_push_columns_off_the_page(graded):
    """Checked by eye in Chromium: without the class, 600 letters Z made the page as wide as they are."""
    page = written(graded).html
    assert page.count("<table") == page.count('<table class="report">') == 3
    assert "table.report td { overflow-wrap: anywhere; }" in page


def test_no_report_holds_what_cannot_be_seen(graded):
    reports = written(graded, {"bob\udcff\u202e": "a reason \udcff\u2066"}, findings=["\u200bone \udc80"])
    for text in (reports.csv, reports.html, reports.json):
        assert not set("\u202e\u2066\u200b") & set(text)
    assert "\\ud" not in reports.json
    assert reports.data["submissions"][-1]["student"] == "bob"
    assert any("quantities (1).ipynb" in note for note in reports.data["submissions"][0]["notes"])


def test_what_is_wrong_with_the_assignment_itself_leads_the_report(graded):
    plain = written(graded)
    assert plain.data["findings"] == []
    assert "About the assignment itself" not in plain.html
    finding = "the reference solution fails the test 'x': <b>"
    reports = written(graded, findings=[finding, finding])
    assert reports.data["findings"] == [finding]
    assert "<li>the reference solution fails the test &#39;x&#39;: &lt;b&gt;</li>" in reports.html
    assert reports.html.index("About the assignment itself") < reports.html.index("What needs eyes")
