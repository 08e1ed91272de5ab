"""Feedback: what a student reads is right, and what student code printed cannot hurt whoever reads it."""

import base64
import io
import json
import random
import re
import struct
import time
import zlib

import pytest
from nbformat.v4 import new_code_cell
from PIL import Image

from grader.__main__ import main
from grader.gradebook.store import Store
from grader.grading import grade
from grader.pages import feedback, outputs, pictures
from grader.pages.clean import clean_html, clean_markdown, clean_text
from grader.pages.outputs import clean_outputs
from grader.pages.pictures import Room, clean_image
from grader.tests.submissions import answer, copy_course, hand_in, solved
from grader.tests.test_grading import Here


def picture(size=(3, 2), kind="PNG", mode="RGB", **options) -> str:
    content = io.BytesIO()
    Image.new(mode, size).save(content, kind, **options)
    return base64.b64encode(content.getvalue()).decode()


def noise(size) -> str:
    """A picture that no encoder makes smaller."""
    content = io.BytesIO()
    Image.frombytes("RGB", size, random.Random(0).randbytes(3 * size[0] * size[1])).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def shown(**data) -> dict:
    return {"output_type": "display_data", "data": {key.replace("_", "/"): value for key, value in data.items()}}


def seconds(function, *args) -> float:
    begin = time.process_time()  # other processes must not make a test of speed fail
    function(*args)
    return time.process_time() - begin


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
    assert "[... 49003 characters left out ...]" in text


@pytest.mark.parametrize(
    "hidden",
    ["\u00ad", "\u061c", "\u180e", "\u200b", "\u200e", "\u2028", "\u2029", "\u2060", "\u2064", "\u2067", "\u3164",
     "\ufeff", "\ufff9", "\U000e0041", "\udc80"],
)  # fmt: skip
def test_what_nobody_can_see_is_left_out(hidden):
    for clean in (clean_text, clean_html, clean_markdown):
        assert clean(f"sco{hidden}re") == "score"


def test_joiners_and_emoji_stay():
    for text in ("👩\u200d🔬 ❤\ufe0f", "می\u200cخواهم", "naïve Ångström", "n\u0303ia\u0323\u0302"):
        assert clean_text(text) == text


@pytest.mark.parametrize("mark", ["\u0301", "\u0489", "\U000e0100", "\U0001e8d0", "\u0301\u200d"])
def test_a_heap_of_marks_becomes_a_small_one(mark):
    assert len(clean_text(f"e{mark * 3000}f")) == 10


@pytest.mark.parametrize("text", ["\u200b", "e\u0301", "\U0001f600", "\x1b[", "\x1b]", "\U000e0100", "\r", "漢"])
def test_cleaning_takes_time_in_proportion_at_most(text):
    assert seconds(clean_text, text * (5_000_000 // len(text))) < 0.5


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


def test_attributes_that_hold_text_are_left_out():
    assert clean_html("<p title='x' lang='y'>z</p>") == "<p>z</p>"
    assert clean_html("<td title='x' colspan=2>") == ""
    assert feedback._cell({"cell_type": "markdown", "source": "[x](/y 'z')"}, Room()) == "<p>x</p>\n"


BOMBS = [
    "<p>" + "".join(f"<b id={i}>" for i in range(1000)) + "</p>" + "<p>x" * 10_000,
    "<p>" + "<b>" * 10 + "<div>x</div>" * 4000,
    "".join(f"<b id={i}><object></b></object>" for i in range(1000)) + "<p>x" * 8000,
    *(
        text * (59_000 // len(text))
        for text in ("<div>", "<b>", "<li><ul>", "<table>x<p>", "<table><tr><td><i>", "<i></b>")
    ),
    "</title" * 4000 + "x" * 30_000,
    "<style>" * 8000,
    "&" * 59_000,
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_html_that_would_explode_does_not(bomb):
    """Parsers open formatting elements anew in each paragraph: 19 kB became 17 MB and took seven seconds."""
    assert seconds(clean_html, bomb) < 0.5
    assert len(clean_html(bomb)) < 4 * len(bomb) + 4000
    outputs = clean_outputs([shown(text_html=bomb, text_plain="in its place")] * 100)
    assert len(json.dumps(outputs)) < 2_000_000
    assert outputs[0]["data"]["text/plain"] == "in its place"


def test_tags_left_open_are_closed():
    assert clean_html("<ul><li>a<li><b>b</ul>c") == "<ul><li>a</li><li><b>b</b></li></ul>c"
    assert clean_html("1 < 2 <!-- no <b> --><style>p{}</style>&lt;") == "1 &lt; 2 &lt;"


def test_the_largest_table_that_pandas_shows_survives():
    row = "".join(f"      <td>{i / 7:.6f}</td>\n" for i in range(20))
    rows = "".join(f"    <tr>\n      <th>{i}</th>\n{row}    </tr>\n" for i in range(60))
    head = "<div>\n<style scoped>\n  .dataframe tbody tr th { vertical-align: top; }\n</style>\n"
    table = f'{head}<table border="1" class="dataframe">\n  <tbody>\n{rows}  </tbody>\n</table>\n</div>'
    clean = clean_outputs([shown(text_html=table)])[0]["data"]["text/html"]
    assert (clean.count("<td>"), clean.count("<tr>"), "left out" in clean, "vertical" in clean) == (
        1200,
        60,
        False,
        False,
    )


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


def test_what_separates_signs_of_markdown_is_put_in_after_cleaning():
    assert clean_markdown("<\u2060b>") == "<\u2060b>"
    assert clean_markdown(clean_markdown("[x](y) &amp; \\href")) == clean_markdown("[x](y) &amp; \\href")
    cell = {"cell_type": "markdown", "source": clean_markdown("a <b> & [x](y)")}
    assert feedback._cell(cell, Room()) == "<p>a &lt;b&gt; &amp; x</p>\n"


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


def test_a_figure_comes_through_unchanged_in_size():
    """Forty of them and more do: what a notebook of figures needs is well below what a page holds."""
    from matplotlib.figure import Figure

    figure = Figure((10, 8))
    for place in range(4):
        figure.add_subplot(2, 2, place + 1).plot(range(20))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    encoded = base64.b64encode(content.getvalue()).decode()
    room = Room()
    clean = [clean_image(encoded, room) for _ in range(20)]
    assert None not in clean
    assert Image.open(io.BytesIO(base64.b64decode(clean[0]))).size == (1000, 800)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def scans(extra: int) -> bytes:
    """A progressive JPEG of nine million pixels whose last scan is there so many times more."""
    content = base64.b64decode(picture((3000, 3000), "JPEG", "L", progressive=True))
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * extra + b"\xff\xd9"


SMALL = {kind: base64.b64decode(picture(kind=kind)) for kind in ("PNG", "JPEG")}
TROUBLE = {
    "scans": scans(1000),
    "profiles": SMALL["PNG"][:33]
    + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**20 - 99))) * 2800
    + SMALL["PNG"][33:],
    "chunks": SMALL["PNG"][:33] + chunk(b"abCd", b"") * 250_000 + SMALL["PNG"][33:],
    "segments": SMALL["JPEG"][:2] + b"\xff\xfe\0\2" * 750_000 + SMALL["JPEG"][2:],
    "filling": SMALL["JPEG"][:2] + b"\xff" * 3_000_000 + SMALL["JPEG"][2:],
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_picture_made_to_take_long_is_not_decoded(name):
    """The first took 19 seconds, and 200 kB of the kind more than a minute; the second took six."""
    encoded = base64.b64encode(TROUBLE[name]).decode()
    assert seconds(clean_image, encoded) < 0.5
    assert clean_image(encoded) is None


def test_a_picture_loses_what_it_does_not_need():
    parts = chunk(b"tEXt", b"k\0secret") + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(99)))
    png = SMALL["PNG"][:33] + parts + SMALL["PNG"][33:]
    jpeg = SMALL["JPEG"][:2] + b"\xff\xe1\0\x0eExif\0\0secret" + SMALL["JPEG"][2:]
    for content, kind in ((png, "PNG"), (jpeg, "JPEG")):
        assert b"secret" not in pictures._bare(content)
        assert clean_image(base64.b64encode(content).decode()) == clean_image(picture(kind=kind))
    assert clean_image(picture((30, 20), "JPEG", progressive=True)) is not None


def test_every_picture_that_is_tried_uses_up_room():
    for encoded in ("x", picture((3000, 3000)), noise((1000, 1000)), base64.b64encode(TROUBLE["scans"]).decode()):
        room = Room()
        assert seconds(lambda encoded=encoded, room=room: [clean_image(encoded, room) for _ in range(99)]) < 4
        assert min(room.images, room.bytes) <= 0
    room = Room()
    kept = clean_outputs([shown(image_png=picture((3000, 3000)))] * 40, room)
    assert sum("image/png" in one["data"] for one in kept) == 2, "eighteen million pixels of twenty"
    kept = clean_outputs([shown(image_png=noise((900, 900)))] * 40)
    assert 1 <= sum("image/png" in one["data"] for one in kept) <= 5


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
    pictures = [shown(image_png=picture())] * 90
    assert len(json.dumps(clean_outputs(flood))) < 2 * Room().text
    room = Room(text=1000, images=3)
    assert sum("image/png" in one.get("data", {}) for one in clean_outputs(pictures, room)) == 3


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "text": "\u200b" * 200_000},
        {"output_type": "stream", "text": "\x1b[" * 100_000},
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x"] * 100_000},
        {"output_type": "display_data", "data": {str(number): "x" for number in range(100_000)}},
    ],
)
def test_outputs_of_which_nothing_is_shown_use_up_room_as_well(output):
    room = Room()
    assert seconds(lambda: [clean_outputs([output] * 100, room) for _ in range(300)]) < 2
    assert min(room.text, room.outputs) <= 0


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
    assert feedback._cell({"cell_type": "markdown", "source": source}, Room()).startswith("<pre>- a\n&gt; b")


def test_code_and_markdown_beyond_the_room_are_only_escaped():
    code = {"cell_type": "code", "source": "x = 1 < 2", "outputs": []}
    text = {"cell_type": "markdown", "source": "**x** < 2"}
    room = Room(code=10, markdown=10)
    first, second = ([feedback._cell(code, room), feedback._cell(text, room)] for _ in range(2))
    assert "<span" in first[0]
    assert "<strong>" in first[1]
    assert second == ['<pre class="code">x = 1 &lt; 2</pre>', "<pre>**x** &lt; 2</pre>"]


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
    ("message", "rows"),
    [
        ("expected 1, got 2.", ["1", "2"]),
        ("expected 1, got 2.5. Hint: a, got b. Hint: c.", ["1", "2.5", "a, got b. Hint: c."]),
        ("expected 1, got 2", None),
        ("got 2.", None),
        ("expected 1.", None),
    ],
)
def test_a_message_is_a_list_only_if_it_has_its_form(message, rows):
    shown = feedback._message(message)
    assert re.findall("<dd>(.*?)</dd>", shown) == (rows or [])
    assert rows or shown == f"<pre>{message}</pre>"


def test_a_message_of_many_parts_is_read_fast():
    assert seconds(feedback._message, "expected " + ", got " * 330 + "." * 1900 + "!") < 0.02


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
