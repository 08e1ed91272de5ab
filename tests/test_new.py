"""Is a chapter that `python -m tools new` wrote green, but for the word TODO?"""

import re
import shutil
import tomllib

import pytest

from helpers import quiz
from tests.test_exercise_shape import faults
from tools import new
from tools.lint import lint
from tools.notebooks import ROOT, read


@pytest.fixture
def root(tmp_path):
    """A course with what `new` reads and three of its chapters."""
    for name in ("README.md", "glossary.md", "_config.yml", "tests/coverage/syllabus.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("chapters", "helpers/questions", "tests/mutants", "exercises/15_set_attention"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "exercises" / "15_set_attention" / "15_set_attention.ipynb").touch()
    for stem in ("00_orientation", "12_transfer_learning", "13_review"):
        shutil.copy(ROOT / "chapters" / f"{stem}.ipynb", tmp_path / "chapters")
    return tmp_path


def test_lint_finds_nothing_but_todos(root):
    paths = [path for path in new.make("15_set_attention", root) if path.suffix == ".ipynb"]
    assert len(paths) == 2
    messages = {finding.message for path in paths for finding in lint(path, root)}
    assert messages == {"'TODO': finish it or open an issue"}


def test_code_and_answers_run(root):
    new.make("15_set_attention", root)
    names: dict = {}
    for cell in read(root / "solutions" / "15_set_attention" / "15_set_attention.ipynb").cells:
        if cell.cell_type == "code" and cell.id not in ("bootstrap", "self-check"):
            exec(cell.source, names)
    exec((root / "tests" / "mutants" / "15_set_attention.py").read_text(), names)
    (answers,) = names["ANSWERS"]
    assert (len(answers.right), len(answers.wrong)) == (2, 4)


def test_exercise_has_the_shape_of_all_others(root):
    new.make("15_set_attention", root)
    assert list(faults(read(root / "solutions" / "15_set_attention" / "15_set_attention.ipynb"), 15)) == []


def test_questions_syllabus_glossary_and_table_are_well_formed(root):
    new.make("15_set_attention", root)
    (chapter,) = quiz.check_all(root / "helpers" / "questions")
    assert len(chapter.quiz) == 4
    syllabus = tomllib.loads((root / "tests" / "coverage" / "syllabus.toml").read_text())
    assert syllabus["15_set_attention"]["points"] == 2
    terms = re.findall(r"^(\S.*)\n  ", (root / "glossary.md").read_text().partition("{glossary}")[2], re.MULTILINE)
    assert "set attention" in terms
    assert terms == sorted(terms, key=str.casefold)
    rows = re.findall(r"^\| (\d+) \| \[", (root / "README.md").read_text(), re.MULTILINE)
    assert rows[-2:] == ["14", "15"]


@pytest.mark.parametrize(
    ("stem", "message"),
    [
        ("attention", "no name of a chapter"),
        ("15-attention", "no name"),
        ("\u0661\u0665_attention", "no name"),
        ("13_more", "13_review has this number"),
    ],
)
def test_a_name_that_is_wrong_or_taken_is_refused(root, stem, message):
    with pytest.raises(ValueError, match=message):
        new.make(stem, root)
    assert not list(root.glob("solutions/*"))
