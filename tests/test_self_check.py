"""The self-check: all checks on the student's own answers, and a worked answer after a try."""

import json
import re
import shutil

import nbformat
import pytest

from helpers import checks, self_checking
from helpers.__main__ import main
from tests.mutants import Answers
from tools import answers
from tools.assignments import assignments
from tools.mutants import load_answers
from tools.notebooks import ROOT, read
from tools.release import differences, release

NAME = "02_tensors"


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def notebook(name: str = NAME, **replaced: str) -> list[str]:
    """The code cells of an exercise, without the bootstrap; some answer cells replaced."""
    cells = read(ROOT / "exercises" / name / f"{name}.ipynb").cells
    skipped = {"bootstrap", *answers.CELLS}
    code = [cell for cell in cells if cell.cell_type == "code" and cell.id not in skipped]
    return [replaced.get(cell.id.replace("-", "_"), cell.source) for cell in code]


def outcomes(sources: list[str], name: str = NAME) -> dict[str, self_checking.Outcome]:
    """What the self-check says after these cells have run."""
    namespace: dict = {"__name__": "__main__"}
    for number, source in enumerate(sources):
        exec(compile(source, f"<ipython-input-{number}>", "exec"), namespace)
    before = set(namespace)
    found = {outcome.task["slug"]: outcome for outcome in self_checking.check(name, namespace, sources)}
    assert set(namespace) == before, "the tests leave names behind"
    return found


def answers_to(task: str, name: str = NAME) -> Answers:
    return next(one for one in load_answers(name) if one.task == task)


def solution(task: str, name: str = NAME) -> str:
    return next(entry["answer"] for entry in self_checking.load(name)["tasks"] if entry["slug"] == task)


def test_is_the_data_what_the_solutions_say():
    assert [f"{path}: {reason}" for path, reason in differences() if "answers" in path.parts] == []
    assert self_checking.exercises() == assignments()


@pytest.mark.parametrize("name", assignments())
def test_does_every_exercise_end_in_its_self_check(name):
    cell = read(ROOT / "exercises" / name / f"{name}.ipynb").cells[-1]
    assert cell.source == f'from helpers import checks\n\nchecks.self_check("{name}")'


def test_is_every_task_found_by_its_name():
    """Ticks look their counts up by the name of the task, so each name stands for one task of the course."""
    names = [task["name"] for name in assignments() for task in self_checking.load(name)["tasks"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", assignments())
def test_does_every_task_have_both_kinds_of_checks_and_an_answer(name):
    for task in self_checking.load(name)["tasks"]:
        assert task["visible"] > 0, task["slug"]
        assert task["hidden"] > 0, task["slug"]
        assert task["defines"], task["slug"]
        assert "### " not in "".join([task["answer"], task["reasons"], *task["tests"]]), task["slug"]


REASONED = ("01_neuron", "02_tensors", "05_losses", "06_sgd")


@pytest.mark.parametrize("name", REASONED)
def test_does_every_worked_answer_give_reasons(name):
    assert [task["slug"] for task in self_checking.load(name)["tasks"] if len(task["reasons"]) < 100] == []


def test_do_worked_answers_pass_all_checks():
    solved = {task["slug"].replace("-", "_"): task["answer"] for task in self_checking.load(NAME)["tasks"]}
    assert {outcome.status for outcome in outcomes(notebook(**solved)).values()} == {"passed"}


def test_is_a_half_wrong_notebook_told_what_to_mend(capsys):
    found = outcomes(
        notebook(
            describe=solution("describe"),
            to_batch=answers_to("to-batch").wrong["reshape"][0],
            add_bias=answers_to("add-bias").wrong["for two rows"][0],  # only a hidden test catches this one
        )
    )
    assert {slug: one.status for slug, one in found.items() if one.status != "untried"} == {
        "describe": "passed", "to-batch": "failed", "add-bias": "failed",
    }  # fmt: skip
    assert "`reshape` only cuts" in found["to-batch"].failure.hint
    assert found["add-bias"].failure.got.startswith("your code raised RuntimeError: The size of tensor")
    text = self_checking.as_text(list(found.values()), NAME)
    assert text.startswith("1 of 7 tasks pass all of their checks.")
    assert max(map(len, text.splitlines())) <= 88
    assert "✗ 6. In place, or not (2 points): not yet" in text
    assert capsys.readouterr().err == ""


def test_is_no_worked_answer_shown_before_a_try():
    found = outcomes(notebook(describe=solution("describe")))
    page = self_checking.as_html(list(found.values()))
    assert page.count("<details") == 1
    assert "numel" in page
    assert "torch.stack" not in page
    assert "tuple(A.shape)" not in page
    assert {one.status for slug, one in found.items() if slug != "describe"} == {"untried"}


def test_is_an_answer_still_tried_when_the_stub_ran_first():
    sources = [*notebook(), solution("add-bias")]
    assert outcomes(sources)["add-bias"].status == "passed"


def test_does_an_answer_that_is_no_python_end_only_its_own_task():
    found = outcomes([*notebook(), "def describe(t):\n    import sys\n    sys.exit()"])
    assert "SystemExit" in str(found["describe"].failure)
    assert found["accuracy"].status == "untried"


def test_is_the_page_safe_and_readable_without_colour():
    found = outcomes(notebook(describe="def describe(t):\n    return {'<script>alert(1)</script>': 1}"))
    page = self_checking.as_html(list(found.values()))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert 'aria-label="Self-check"' in page
    assert "not yet" in page


def test_does_a_tick_say_what_it_stands_for(capsys):
    with checks.task("2 matmul_loops"):
        pass
    task = next(task for task in self_checking.load(NAME)["tasks"] if task["slug"] == "matmul-loops")
    visible, hidden = task["visible"], task["hidden"]
    assert capsys.readouterr().out == (
        f"✓ Task 2 matmul_loops: {visible} of {visible + hidden} checks; the rest: run self-check\n"
    )


def test_is_the_call_silent_and_free_while_grading(monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    monkeypatch.setattr(self_checking, "show", lambda name: pytest.fail("it ran"))
    checks.self_check(NAME)
    assert capsys.readouterr() == ("", "")


def test_can_a_notebook_be_checked_from_the_command_line(tmp_path, capsys):
    copy = tmp_path / f"{NAME}.ipynb"
    notebook = nbformat.read(ROOT / "exercises" / NAME / f"{NAME}.ipynb", 4)
    for cell in notebook.cells:
        if cell.id == "describe":
            cell.source = solution("describe")
    nbformat.write(notebook, copy)
    assert main(["self-check", str(copy)]) == 1
    assert "✓ 1. Read the labels (2 points): passes all" in capsys.readouterr().out
    assert main(["self-check", str(copy), "--answer", "1"]) == 0
    assert "numel" in capsys.readouterr().out
    assert main(["self-check", str(copy), "--answer", "2"]) == 1
    assert "Try this task first" in capsys.readouterr().err
    assert main(["self-check", "99_nothing"]) == 2
    assert "no exercise '99_nothing'" in capsys.readouterr().err


def test_does_a_graded_release_leave_answers_out(tmp_path):
    course = tmp_path / "course"
    for part in ("solutions", "exercises"):
        shutil.copytree(ROOT / part / NAME, course / part / NAME)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    data = course / "helpers" / "answers" / f"{NAME}.json"
    release(NAME, course)
    assert json.loads(data.read_text()) == self_checking.load(NAME)
    assert differences([NAME], course) == []
    path = release(NAME, course, graded=True)
    assert not data.exists()
    assert not re.search("self.check", path.read_text())
    assert differences([NAME], course, graded=True) == []
    ids = [cell.id for cell in read(ROOT / "exercises" / NAME / f"{NAME}.ipynb").cells]
    assert [cell.id for cell in read(path).cells] == [one for one in ids if one not in answers.CELLS]


def test_are_reasons_read_from_the_solution():
    source = (
        "TABLE = None\n### BEGIN SOLUTION\nTABLE = 3\n### END SOLUTION\n\n\ndef f(x):\n    ### BEGIN SOLUTION\n"
        "    ### BEGIN REASONS\n    # Because\n    # of this.\n    #\n    # And that.\n    ### END REASONS\n"
        "    return x\n    ### END SOLUTION"
    )
    assert answers.parts(source) == ("TABLE = 3\n\n\ndef f(x):\n    return x", "Because\nof this.\n\nAnd that.")
    assert answers.defines(source) == ["TABLE", "f"]


def test_are_checks_counted_once_each():
    source = "check_equal(1, 1)\nfor _ in range(9):\n    checks.check_close(1, 1)\nassert True\nf(check_true)"
    assert answers.count_checks(source) == 3
