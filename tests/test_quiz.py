"""Quizzes: the schema and its errors, light Markdown, what is shown. Browsers: test_widgets_browser."""

import csv
import re

import pytest

from helpers import quiz

RIGHT = """
[[question]]
id = "Q03"
question = "What is a tensor?"
answer = "An array that knows its `device`."

[[quiz]]
id = "tensors-dtype"
type = "choice"
question = "Which dtype has `torch.tensor([1, 2])`?"
[[quiz.option]]
text = "int64"
correct = true
explanation = "Python's integers become int64."
[[quiz.option]]
text = "float32"
explanation = "Only with a decimal point."

[[quiz]]
id = "tensors-views"
type = "choices"
question = "Which share memory?"
[[quiz.option]]
text = "view"
correct = true
explanation = "It looks at the same numbers."
[[quiz.option]]
text = "transpose"
correct = true
explanation = "It only changes the strides."
[[quiz.option]]
text = "clone"
explanation = "It copies."

[[quiz]]
id = "tensors-loss"
type = "number"
question = "What is $-\\\\ln 0.73$?"
answer = 0.3147
tolerance = 0.001
explanation = "The natural logarithm."
[[quiz.wrong]]
value = 0.1367
explanation = "That is the logarithm to base 10."
"""

PREDICT = """
[[predict]]
id = "tensors-guess"
question = "What does `1 / 2` give?"
options = ["0", "0.5", "an error"]
answer = "0.5"
reveal = "Python divides truly: 1 / 2 is 0.5."
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "02_tensors.toml").write_text(RIGHT, encoding="utf-8")
    return tmp_path


def shown(monkeypatch, call, *args):
    out = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: out.append(data))
    call(*args)
    return out[0]["text/html"]


def test_load(folder):
    chapter = quiz.load("02_tensors", folder)
    assert [question.id for question in chapter.questions] == ["Q03"]
    assert [(item.id, item.type, len(item.options)) for item in chapter.quiz] == [
        ("tensors-dtype", "choice", 2),
        ("tensors-views", "choices", 3),
        ("tensors-loss", "number", 2),
    ]
    assert chapter.quiz[2].tolerance == 0.001


def test_files_of_the_course_keep_to_the_schema():
    for chapter in quiz.check_all():
        assert chapter.questions or chapter.quiz


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("correct = true\nexplanation = \"Python's", "explanation = \"Python's", "tensors-dtype: no option is marked"),
        ('explanation = "Only with a decimal point."', "", "tensors-dtype: option 2: `explanation` is missing"),
        ('type = "choices"', 'type = "choice"', "tensors-views: 2 options are correct, but the type is choice"),
        ('type = "number"', 'type = "guess"', "tensors-loss: the type 'guess' is unknown"),
        ('id = "tensors-views"', 'id = "tensors-dtype"', "tensors-dtype: the id occurs twice"),
        ('id = "tensors-views"', "", "quiz number 2: `id` is missing"),
        ('id = "tensors-views"', 'id = "Views!"', "Views!: the id must be a slug"),
        ("answer = 0.3147", 'answer = "much"', "tensors-loss: `answer` must be a number"),
        ("value = 0.1367", "value = 0.315", "tensors-loss: wrong 1: the value 0.315 is within the tolerance"),
        ("tolerance = 0.001", "tolerance = -1", "tensors-loss: `tolerance` must not be negative"),
        ('text = "float32"', 'text = "int64"', "tensors-dtype: two options have the same text"),
        ('text = "float32"', 'txt = "float32"', "tensors-dtype: option 2: `txt` is not a known key"),
        ('answer = "An array that knows its `device`."', "", "Q03: `answer` is missing"),
        ("[[question]]", "[[questions]]", "`questions` is not a known key"),
        (
            "explanation = \"Python's",
            "explanation = \"$\\times$ Python's",
            "option 1: `explanation`: a backslash became",
        ),
        ('id = "Q03"', "id = Q03", "not valid TOML"),
    ],
)
def test_errors_name_file_and_item(folder, old, new, message):
    assert old in RIGHT
    (folder / "02_tensors.toml").write_text(RIGHT.replace(old, new), encoding="utf-8")
    with pytest.raises(quiz.QuizError) as error:
        quiz.load("02_tensors", folder)
    assert message in str(error.value)
    assert all(line.startswith("02_tensors.toml") for line in str(error.value).splitlines())


def test_unknown_chapter_lists_those_there_are(folder):
    with pytest.raises(quiz.QuizError, match=r"there is no such file of questions; there are: 02_tensors"):
        quiz.load("03_nothing", folder)


def test_ids_are_unique_over_all_files(folder):
    (folder / "03_more.toml").write_text(RIGHT, encoding="utf-8")
    with pytest.raises(quiz.QuizError, match=r"03_more.toml, tensors-loss: 02_tensors.toml has the same id"):
        quiz.check_all(folder)


def test_all_problems_are_told_at_once(folder):
    broken = RIGHT.replace("answer = 0.3147", "").replace('type = "choices"', 'type = "x"')
    (folder / "02_tensors.toml").write_text(broken, encoding="utf-8")
    with pytest.raises(quiz.QuizError) as error:
        quiz.check_all(folder)
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a **b** *c* `d*e*f`", "<p>a <strong>b</strong> <em>c</em> <code>d*e*f</code></p>"),
        ("2 * 3 * 4 and a*b*c", "<p>2 * 3 * 4 and a*b*c</p>"),
        ("one\ntwo\n\nthree", "<p>one two</p><p>three</p>"),
        ("They are:\n- one\n- two", "<p>They are:</p><ul><li>one</li><li>two</li></ul>"),
        ("- one\n  goes on\n- two", "<ul><li>one goes on</li><li>two</li></ul>"),
        ("<b>x</b> & `<i>`", "<p>&lt;b&gt;x&lt;/b&gt; &amp; <code>&lt;i&gt;</code></p>"),
    ],
)
def test_light_markdown(text, expected):
    assert quiz.to_html(text) == expected


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("a_1 < b", "<i>a</i><sub>1</sub> &lt; <i>b</i>"),
        ("10^{-5}", "10<sup>−5</sup>"),
        (r"-\ln 0.25 = 1.386", "−ln 0.25 = 1.386"),
        (r"\partial y_i / \partial x_j", "∂ <i>y</i><sub><i>i</i></sub> / ∂ <i>x</i><sub><i>j</i></sub>"),
        (r"(R/\gamma)^2", "(<i>R</i>/&gamma;)<sup>2</sup>"),
        (r"\frac{n + 1}{2}", "(<i>n</i> + 1)/2"),
        (r"2 \cdot ReLU(x)", "2 · ReLU(<i>x</i>)"),
    ],
)
def test_short_formulas_need_no_mathematics_library(tex, expected):
    assert expected in quiz.to_html(f"so ${tex}$ holds")


@pytest.mark.parametrize("tex", [r"\oint x", "x_{1", "x}", "x^"])
def test_formula_that_cannot_be_shown_is_named(folder, tex):
    text = RIGHT.replace("What is a tensor?", f"What is ${tex}$?".replace("\\", "\\\\"))
    (folder / "02_tensors.toml").write_text(text, encoding="utf-8")
    with pytest.raises(quiz.QuizError, match="02_tensors.*formula"):
        quiz.load("02_tensors", folder)


def test_text_of_the_author_is_inert(folder):
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    text = RIGHT.replace("It copies.", attack).replace("What is a tensor?", attack).replace('"clone"', f'"{attack}"')
    (folder / "02_tensors.toml").write_text(text, encoding="utf-8")
    chapter = quiz.load("02_tensors", folder)
    page = quiz.quiz_html(chapter) + quiz.questions_html(chapter) + quiz.self_test_html([chapter])
    assert "<script>alert" not in page
    assert "<img" not in page


def test_every_option_is_explained_without_a_script(folder):
    page = quiz.quiz_html(quiz.load("02_tensors", folder))
    before_script = page[: page.index("<script")]
    assert before_script.count("<details") == 3
    for words in ["become int64", "decimal point", "the strides", "It copies", "natural logarithm", "to base 10"]:
        assert words in before_script


def test_page_needs_nothing_from_outside(folder):
    page = quiz.quiz_html(quiz.load("02_tensors", folder))
    assert not re.search(r"https?://|src=|@import|url\(", page)


def test_shown_in_a_notebook(monkeypatch):
    stems = sorted(path.stem for path in quiz.FOLDER.glob("*.toml"))
    if not stems:
        pytest.skip("no chapter has questions yet")
    assert 'class="cq-item"' in shown(monkeypatch, quiz.show_quiz, stems[0]) or not quiz.load(stems[0]).quiz
    assert "cq" in shown(monkeypatch, quiz.show_questions, stems[0])
    assert 'class="cq-draw"' in shown(monkeypatch, quiz.self_test)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('answer = "0.5"', 'answer = "5"', "`answer` must be the text of one of the options"),
        ('["0", "0.5", "an error"]', '["0.5"]', "`options` must list two or more different texts"),
        ('["0", "0.5", "an error"]', '["0.5", "0.5"]', "`options` must list two or more different texts"),
        ("reveal", "tells", "`tells` is not a known key"),
        ('id = "tensors-guess"', 'id = "tensors-loss"', "the id occurs twice"),
    ],
)
def test_errors_of_predictions_are_named(folder, old, new, message):
    assert old in PREDICT
    (folder / "02_tensors.toml").write_text(RIGHT + PREDICT.replace(old, new), encoding="utf-8")
    with pytest.raises(quiz.QuizError, match=re.escape(message)):
        quiz.load("02_tensors", folder)


def test_a_prediction_can_be_read_without_a_script(folder):
    (folder / "02_tensors.toml").write_text(RIGHT + PREDICT, encoding="utf-8")
    (prediction,) = quiz.load("02_tensors", folder).predictions
    page = quiz.predict_html(prediction)
    before_script = page[: page.index("<script")]
    assert "<details" in before_script
    assert "Python divides truly" in before_script
    assert before_script.count('type="radio"') == 3
    assert before_script.count('data-correct="true"') == 1


def test_an_unknown_prediction_lists_those_there_are():
    with pytest.raises(quiz.QuizError, match="there is no prediction 'nothing'; there are: "):
        quiz.predict("nothing")


def test_options_stand_in_any_place_but_always_in_the_same():
    first, second = (quiz.check_all() for _ in range(2))
    items = [item for chapter in first for item in chapter.quiz if item.type == "choice" and len(item.options) == 4]
    right = [[option.correct for option in item.options].index(True) for item in items]
    assert [c.quiz for c in first] == [c.quiz for c in second]
    assert all(right.count(place) > len(items) / 10 for place in range(4))


def test_the_right_option_is_not_betrayed_by_its_length():
    """Who knows nothing picks the longest; with four options that should be right in a quarter of the items."""
    excess = {}
    for item in [item for chapter in quiz.check_all() for item in chapter.quiz if item.type == "choice"]:
        right = [len(option.text) for option in item.options if option.correct]
        wrong = [len(option.text) for option in item.options if not option.correct]
        if len(right) == 1:
            excess[item.id] = right[0] / max(wrong)
    assert {item: ratio for item, ratio in excess.items() if ratio > 1.35} == {}
    assert sum(ratio > 1 for ratio in excess.values()) <= 0.35 * len(excess)


def test_before_asks_one_two_and_four_chapters_back():
    chapters = quiz.check_all()
    stems = [chapter.stem for chapter in chapters]
    asked = {stem: quiz.earlier(stem, chapters) for stem in stems}
    assert asked[stems[0]] == []
    for at, stem in enumerate(stems[1:], start=1):
        assert len({item.id for _, item in asked[stem]}) == 3
        assert all(source < stem for source, _ in asked[stem])
        if at >= 4:
            assert [source for source, _ in asked[stem]] == [stems[at - 1], stems[at - 2], stems[at - 4]]
    later = [item.id for stem in stems[4:] for _, item in asked[stem]]
    assert len(set(later)) == len(later)


def test_before_names_chapters_there_are():
    with pytest.raises(quiz.QuizError, match="there is no chapter '99_nothing'"):
        quiz.before("99_nothing")


def test_anki_reads_what_is_exported(folder, tmp_path):
    assert quiz.export_anki(tmp_path / "deck.txt", folder) == 4
    lines = (tmp_path / "deck.txt").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["#separator:tab", "#html:true", "#tags column:3"]
    rows = list(csv.reader(lines[3:], delimiter="\t"))
    assert [(len(row), row[2]) for row in rows] == [(3, "02_tensors")] * 4
    asked, told, _ = rows[0]
    assert asked.startswith("<p>Which dtype has")
    assert "float32" in asked
    assert "int64" in told
    assert "float32" not in told
