"""Feedback: what a student reads is right, and what student code printed cannot hurt whoever reads it."""

import base64
import io
import json

import pytest
from PIL import Image

from helpers.staff import feedback
from helpers.staff.feedback import clean_html, clean_image, clean_markdown, clean_outputs, clean_text
from helpers.staff.grading import grade
from tests.submissions import answer, copy_course, hand_in, solved
from tests.test_grading import Here


def picture(size=(3, 2), kind="PNG", mode="RGB") -> str:
    content = io.BytesIO()
    Image.new(mode, size).save(content, kind)
    return base64.b64encode(content.getvalue()).decode()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2;0;0;0\x1b\\x", "x"),
        ("\x1b", ""),
        ("a\x00b\x08c\u202ed\ufeff", "abcd"),
        ("50 %\r100 %\r\n", "50 %\n100 %\n"),
        (["two ", "parts"], "two parts"),
        (None, "None"),
        ("\ud800", ""),
    ],
)
def test_text_loses_what_is_no_text(text, clean):
    assert clean_text(text) == clean


def test_long_text_is_cut_in_the_middle():
    text = clean_text("a" * 50_000 + "end", 1000)
    assert len(text) < 1100
    assert text.endswith("end")
    assert "left out" in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>x</script>",
        "<ScRiPt >x</sCrIpT>",
        "<img src=x onerror=x>",
        "<svg><script>x</script></svg>",
        "<a href='javascript:x'>y</a>",
        "<iframe srcdoc='x'></iframe>",
        "<style>*{}</style>",
        "<meta http-equiv=refresh>",
        "<math><mtext><img src=x onerror=x></mtext></math>",
        "<table background=//evil><tr onclick=x><td>1</td></tr></table>",
        "<noscript><p title='</noscript><img src=x onerror=x>'>",
        "<b style='background:url(//e)'>x</b>",
        "<x-y onfocus=x>",
        "<template><script>x</script></template>",
        "<form action=//e><input><button>",
        "<base href=//e>",
        "<link rel=x>",
    ],
)
def test_html_keeps_only_structure(text):
    clean = clean_html(text)
    for word in ("script", "on", "javascript", "style", "src", "href", "evil", "//e", "<img", "<svg", "<form", "<meta"):
        assert f"<{word}" not in clean
        assert f" {word}" not in clean


def test_an_honest_table_survives():
    table = "<table><thead><tr><th>x</th></tr></thead><tbody><tr><td colspan='2'>1 &lt; 2</td></tr></tbody></table>"
    assert clean_html(table) == table.replace("'2'", '"2"')


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x]( javascript:alert(1))",
        "[x]: javascript:alert(1)",
        "![x](//evil/t.png)",
        "<javascript:alert(1)>",
        "[x](&#106;avascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "$\\href{javascript:alert(1)}{x}$",
        "[x][y]\n\n[y]: data:text/html,<script>alert(1)</script>",
        "<!-- x --><b>",
    ],
)
def test_markdown_is_harmless_even_where_it_is_trusted(text):
    """Formgrader and stock feedback render it with nbconvert, which lets HTML and links of any kind through."""
    from nbconvert.filters import markdown2html

    page = markdown2html(clean_markdown(text)).lower()
    for word in ("<script", "<img", "<a ", "onerror=", 'href="', "<!--", "<b>", "src="):
        if word in ("onerror=", "src="):
            assert "<img" not in page
            continue
        assert word not in page
    assert "\\href" not in page


def test_ordinary_markdown_reads_as_before():
    text = "# Title\n\nThat $a < b$ and `x[0]` and **bold**.\n\n- one\n- two\n"
    assert clean_markdown(text) == text


def test_pictures_are_made_anew():
    for kind in ("PNG", "JPEG"):
        encoded = clean_image(picture(kind=kind))
        assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (3, 2)
    assert clean_image(picture(mode="RGBA")) is not None
    content = base64.b64decode(picture()) + b"<script>alert(1)</script>"
    assert b"script" not in base64.b64decode(clean_image(base64.b64encode(content).decode()))


@pytest.mark.parametrize(
    "encoded",
    ["", "x", "not base64!", 'x" onerror="alert(1)', 7, None, picture(kind="GIF"), picture((4000, 2)), picture()[:40]],
)
def test_what_is_no_picture_is_left_out(encoded):
    assert clean_image(encoded) is None


@pytest.mark.parametrize(
    "output",
    [
        None, 3, "x", {}, {"output_type": 7}, {"output_type": "stream"}, {"output_type": "error", "traceback": 5},
        {"output_type": "display_data", "data": []}, {"output_type": "display_data", "data": {"text/html": {"a": 1}}},
        {"output_type": "execute_result", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", 3: 4}},
        {"output_type": "stream", "name": ["x"], "text": {"a": 1}}, {"output_type": "update_display_data", "data": {}},
    ],
)  # fmt: skip
def test_odd_outputs_do_no_harm(output):
    for one in clean_outputs([output]):
        assert set(one.get("data", {})) <= {"text/plain", "text/html", "image/png"}
        json.dumps(one)


def test_a_page_has_room_for_so_much_and_no_more():
    flood = [{"output_type": "stream", "name": "stdout", "text": "x" * 10**6}] * 200
    pictures = [{"output_type": "display_data", "data": {"image/png": picture()}}] * 90
    assert len(json.dumps(clean_outputs(flood))) < 2 * feedback.MAX_PAGE
    room = {"text": 1000, "images": 3}
    shown = clean_outputs(pictures, room)
    assert sum("image/png" in one.get("data", {}) for one in shown) == 3


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
    message = "expected 3.5, got <b>4</b>. Hint: divide by the number of weights."
    assert feedback._message(message) == (
        "<dl><dt>Expected</dt><dd>3.5</dd><dt>Got</dt><dd>&lt;b&gt;4&lt;/b&gt;</dd>"
        "<dt>Hint</dt><dd>divide by the number of weights.</dd></dl>"
    )
    course, _ = graded
    page = (course.folder("feedback", "ada", "week1") / "quantities.html").read_text()
    assert "5 of 8 points" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_no_hidden_test_and_no_solution_is_in_anything_a_student_gets(graded):
    course, assignment = graded
    hidden = feedback.hidden_lines(assignment)
    assert any("original_recipe" in line for line in hidden)
    for step in ("feedback", "autograded"):
        for path in course.folder(step, "ada", "week1").iterdir():
            text = path.read_text()
            assert not [line for line in hidden if line in text], path
            assert "return sum(weights)" not in text


def test_a_message_that_quotes_a_hidden_test_loses_the_line(graded):
    _, assignment = graded
    hidden = feedback.hidden_lines(assignment)
    text = "line 3\n    assert scale({}, 5) == {}\nAssertionError"
    assert "scale({}, 5)" not in feedback.without_hidden(text, hidden)
    assert feedback.without_hidden("AssertionError: 1 != 2", hidden) == "AssertionError: 1 != 2"


def test_stock_nbgrader_and_formgrader_can_read_the_graded_notebook(graded):
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator

    course, _ = graded
    for path in course.folder("autograded", "ada", "week1").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
