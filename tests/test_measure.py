"""Does a chapter that kept to a rule still keep to it, and does each rule find the fault that it is there for?"""

import tomllib

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import measure, minutes, order
from tools.__main__ import main as tools_main

LISTED = [(rule, stem) for rule, stems in measure.listed().items() for stem in stems]


@pytest.mark.parametrize(("rule", "stem"), LISTED)
def test_listed_chapters_do_not_fall_back(rule, stem):
    assert measure.measure(rule, stem) == []


def test_the_list_names_rules_and_chapters_that_there_are():
    lists = measure.listed()
    assert set(lists) == set(measure.RULES)
    assert all(set(stems) <= set(measure.stems()) and sorted(set(stems)) == stems for stems in lists.values())
    assert tomllib.loads(measure.dumps(lists)) == lists


def code(source, id="cell", tags=()):
    return new_code_cell(source, id=id, metadata={"tags": list(tags)})


def text(source, id="text"):
    return new_markdown_cell(source, id=id)


def page(*cells):
    return new_notebook(cells=list(cells))


def found(rule, *cells, **options):
    return [message for _, message in measure.RULES[rule](page(*cells), **options)]


def test_width_counts_columns():
    assert found("width", code("x" * 88)) == []
    assert "89 columns" in found("width", code("x" * 89))[0]


def test_wide_outputs_are_found_in_text_only():
    cell = code("print(1)")
    cell.outputs = [
        nbformat.v4.new_output("stream", text="y" * 90 + "\n"),
        nbformat.v4.new_output("display_data", {"text/html": "h" * 200, "text/plain": "p" * 200}),
    ]
    assert [message[:27] for _, message in measure.wide_outputs(page(cell))] == ["prints a line of 90 columns"]


@pytest.mark.parametrize(
    "bad", ["assert x", "assert all(\n    x\n    for x in y\n)", "ax.plot(x)", "explore(\n  'W', f\n)"]
)
def test_plumbing_counts_lines_in_sight(bad):
    lines = "\n".join("x = 1" for _ in range(20))
    assert found("plumbing", code(lines)) == []
    assert found("plumbing", code(f"{lines}\n{bad}\n{bad}", id="bad"))
    assert found("plumbing", code(f"{lines}\n{bad}\n{bad}", tags=["hide-input", "guard"])) == []
    assert measure.plumbing_lines(code(bad))[0] == len(bad.splitlines())


def test_a_helper_that_draws_in_one_line_is_no_plumbing():
    assert measure.plumbing_lines(code("plotting.show_images(images)\nloss.backward()")) == (0, 2)


HEAD = "- **Time:** about 1 minutes.\n- **You need:** nothing.\n- **After this chapter you can**\n  1. read."
TITLE = f"# Title\n\n**A promise.**\n\n{HEAD}"
PARTS = [
    text(TITLE, "title"),
    code("try: import helpers\nexcept ModuleNotFoundError: pass", "bootstrap"),
    code('quiz.before("06_sgd")', "before"),
    text("## 1. Which way is down?", "section"),
    text("## What to take away\n\n- this", "summary"),
    text("### The road to cats and dogs", "road"),
    code('quiz.show_quiz("06_sgd")', "quiz"),
    code('quiz.show_questions("06_sgd")', "questions"),
    text("## Exercise and further reading\n\n[it](../exercises/06_sgd/06_sgd.ipynb)", "exercise"),
]


def test_the_right_shape_has_no_finding():
    assert found("shape", *PARTS, stem="06_sgd") == []


@pytest.mark.parametrize("missing", range(1, len(PARTS)))
def test_a_missing_part_is_named(missing):
    assert found("shape", *PARTS[:missing], *PARTS[missing + 1 :], stem="06_sgd")


def test_parts_out_of_order_are_named():
    swapped = [*PARTS[:6], PARTS[7], PARTS[6], PARTS[8]]
    assert found("shape", *swapped, stem="06_sgd") == [
        "the part 'questions' stands before 'quiz'; it must come after it"
    ]


def test_questions_from_before_belong_to_this_chapter():
    assert found("shape", *PARTS, stem="07_training")


@pytest.mark.parametrize("quarrel", ["You will often read that", "It is often printed", "Some texts say", "books say"])
def test_quarrels_are_found(quarrel):
    assert found("quarrel", text(f"A sentence. {quarrel} x."))
    assert found("quarrel", text("Print it often, and read the text.")) == []


FOLD = "<details><summary>What happens, and why</summary>\n\n{}\n\n</details>"


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "tests" / "try_its"
    folder.mkdir(parents=True)
    (folder / "06_sgd.toml").write_text('[[try_it]]\nid = "one"\nappend = "1"\nrun_to = "x"\nsays = ["1"]\n')
    return tmp_path


def test_an_answered_try_it_has_no_finding(root):
    answer = FOLD.format("It falls to `0.5. Yes.` now. It was 1.25 before.")
    assert found("try_its", text(f"Seen.\n\n**Try it.** What?\n\n{answer}", "one"), stem="06_sgd", root=root) == []


@pytest.mark.parametrize(
    ("cell", "id", "message"),
    [
        ("**Try it.** What?", "one", "no answer"),
        ("**Try it.** What?\n\n" + FOLD.format("One sentence."), "one", "has 1 sentences"),
        ("**Try it.** What?\n\n" + FOLD.format("One. Two."), "two", "its edit is not run"),
        ("No question.", "one", "answers a cell that is no"),
    ],
)
def test_try_its_without_answer_or_data_are_found(root, cell, id, message):
    assert any(message in line for line in found("try_its", text(cell, id), stem="06_sgd", root=root))


def test_the_time_model_adds_up():
    cells = [
        text("# Title\n\n- **Time:** 20 minutes.\n\n" + "word " * 294 + "\n\n**Try it.** " + FOLD.format("w " * 500)),
        code("\n".join("x = 1" for _ in range(10))),
        code("x\n" * 100, tags=["hide-input"]),
        code("explore(1)\nquiz.predict('a')\nquiz.before('06_sgd')", tags=["hide-input"]),
    ]
    words = 8 + 294  # of the title cell
    assert minutes.minutes(page(*cells)) == pytest.approx(words / 150 + 1 + 3 + 3 + 1 + 3)
    assert found("time", *cells) != []


@pytest.mark.parametrize(
    ("says", "code", "verdict"), [("6", 0, " ok\n"), ("60", 1, "states 60 minutes, but the model says 0; write that")]
)
def test_the_command_says_whether_the_time_stated_will_do(tmp_path, says, code, verdict, capsys):
    path = tmp_path / "06_sgd.ipynb"
    nbformat.write(page(text(f"# T\n\n- **Time:** about {says} minutes.\n\n" + "word " * 200)), path)
    assert tools_main(["time", str(path)]) == code
    assert verdict in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- **Time:** about 60 minutes to read; under a minute to run.", 60),
        ("- **Time:** about two hours in two sittings, 55 minutes to the end", 120),
        ("- **Time:** about an hour.", 60),
        ("no time", None),
    ],
)
def test_the_stated_time_is_read(line, expected):
    assert minutes.stated(page(text(f"# T\n\n{line}"))) == expected


def solution(source):
    return f"def f(x):\n    ### BEGIN SOLUTION\n    {source}\n    ### END SOLUTION"


@pytest.mark.parametrize(
    ("chapter", "answer", "expected"),
    [
        (code("torch.clamp(x)"), "return torch.clamp(x)", []),
        (text("`torch.clamp` bounds"), "return torch.clamp(x)", []),
        (text("torch.clamp bounds"), "return torch.clamp(x)", ["clamp"]),
        (code("torch.clamp(x)", tags=["hide-input"]), "return torch.clamp(x)", ["clamp"]),
        (code("y = 1"), "return x.clamp(0)", ["clamp"]),
        (code("y = 1"), "return x.items()", []),
        (code("y = 1"), "return metrics.accuracy(x)", ["accuracy"]),
    ],
)
def test_what_an_exercise_asks_for_was_shown(tmp_path, chapter, answer, expected):
    for folder, cells in (
        ("chapters", [chapter]),
        (
            "solutions/01_a",
            [code("import torch\nfrom helpers import metrics", "setup"), code(solution(answer), "task")],
        ),
    ):
        (tmp_path / folder).mkdir(parents=True)
        nbformat.write(page(*cells), tmp_path / folder / "01_a.ipynb")
    names = [name for name, task in order.untaught("01_a", tmp_path)]
    assert names == expected
