"""Does each edit that a chapter asks for give what the chapter says, and would we notice if it did not?"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import try_its
from tools.notebooks import ROOT

STEMS = sorted(path.stem for path in (ROOT / "tests" / "try_its").glob("*.toml"))


@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_every_edit_gives_what_the_chapter_says(stem):
    assert try_its.run_chapter(stem)[0] == []


@pytest.mark.parametrize("stem", STEMS)
def test_every_edit_fits_its_chapter(stem):
    assert try_its.read(stem)[1] == []


@pytest.fixture
def course(tmp_path):
    cells = [
        new_code_cell("x = 1\nseen = []", id="first"),
        new_code_cell("seen.append(x)\nprint('x is', x, seen)", id="second"),
        new_markdown_cell("**Try it.** Change x.", id="ask"),
        new_code_cell("assert x < 5\nx", id="third"),
    ]
    (tmp_path / "chapters").mkdir()
    (tmp_path / "tests" / "try_its").mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), tmp_path / "chapters" / "01_a.ipynb")
    return tmp_path


def write(course, *entries):
    (course / "tests" / "try_its" / "01_a.toml").write_text("\n".join(entries), encoding="utf-8")


def entry(old="x = 1", new="x = 2", run_to="second", says="x is 2", append="", id="ask"):
    return (
        f"[[try_it]]\nid = '{id}'\nedits = [{{ cell = 'first', old = '{old}', new = '{new}' }}]\n"
        f"run_to = '{run_to}'\nappend = '''{append}'''\nsays = ['{says}']\n"
    )


def test_edits_run_each_in_a_world_of_its_own(course):
    write(course, entry(), entry(new="x = 3", says=r"x is 3 \[3\]"), entry(says=r"^x is 2 .2.\n2", run_to="third"))
    assert try_its.run_chapter("01_a", course)[0] == []


def test_what_is_appended_runs_last_and_is_heard(course):
    write(course, entry(append="print(10 * x)", says=r"\b20\b"))
    assert try_its.run_chapter("01_a", course)[0] == []


def test_another_output_is_told(course):
    write(course, entry(says="x is 7"))
    (problem,) = try_its.run_chapter("01_a", course)[0]
    assert "cell ask: does not print ['x is 7'], but:\nx is 2 [2]" in problem


def test_a_bare_assertion_is_told(course):
    write(course, entry(new="x = 9", run_to="third", says="x is 9"))
    (problem,) = try_its.run_chapter("01_a", course)[0]
    assert "ends in a bare assertion" in problem


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (entry(old="y = 1"), "occurs 0 times in cell first"),
        (entry(run_to="nowhere"), "`run_to` names no cell"),
        (entry(id="nowhere"), "no cell with this id"),
        (entry() + "note = 1\n", "`note` is not a known key"),
        ("[[try_it]]\nid = 'ask'\nrun_to = 'third'\nsays = ['1']\n", "nothing is changed"),
    ],
)
def test_data_that_does_not_fit_is_told(course, bad, message):
    write(course, bad)
    tries, problems = try_its.read("01_a", course)
    assert tries == []
    assert any(message in problem for problem in problems)
