"""The self-check: all checks on the student's own answers, and a worked answer after a try."""

import ast
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from helpers import checks, self_checking
from helpers.__main__ import main
from tests.mutants import Answers
from tools import answers
from tools.assignments import assignments
from tools.book.theme import answers as answers_on_pages
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


def test_is_a_half_wrong_notebook_told_what_to_mend(capsys, monkeypatch):
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
    assert found["add-bias"].failure.got.startswith("your code raised RuntimeError, called with t=")
    text = self_checking.as_text(list(found.values()), NAME)
    assert text.startswith("1 of 7 tasks pass all of their checks.")
    assert max(map(len, text.splitlines())) <= 88
    monkeypatch.setenv("COLUMNS", "50")
    narrow = self_checking.as_text(list(found.values()), NAME)
    assert max(map(len, narrow.splitlines()[:-1])) <= 50
    assert narrow.split() == text.split(), "a line is broken between words"
    assert "✗ 6. In place, or not (2 points, 5 minutes): not yet" in text
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


def test_is_an_answer_tried_below_a_cell_magic_when_the_stub_ran_first():
    namespace: dict = {"__name__": "__main__"}
    for source in [*notebook(), solution("add-bias")]:
        exec(source, namespace)
    for magic, status in (("%%time", "passed"), ("%%bash", "untried")):
        body = solution("add-bias") if status == "passed" else "ls | wc -l"
        cell = TransformerManager().transform_cell(f"{magic}\n{body}")  # as the kernel remembers it
        found = {one.task["slug"]: one for one in self_checking.check(NAME, namespace, [*notebook(), cell])}
        assert found["add-bias"].status == status


def test_does_an_answer_that_is_no_python_end_only_its_own_task():
    found = outcomes([*notebook(), "def describe(t):\n    import sys\n    sys.exit()"])
    assert "SystemExit" in str(found["describe"].failure)
    assert found["accuracy"].status == "untried"


def test_is_a_cell_that_is_no_python_told_so_and_not_called_untried():
    smart = "STACK = {\u201csize\u201d: 8, \u201creceptive_field\u201d: 23}"
    comma = "TRUE_CLASS = [0,25, 0,99]\nCAT_LOSSES = [1,3863, 0,0101]"
    cells = [
        *notebook("13_review"),
        smart,
        comma,
        "PARAMETERS = [1216, 32, 4640 \u2212 32, 64, 330]",
        "CURES = {'A': 2",
    ]
    namespace = {"STACK": None, "CAT_LOSSES": None, "PARAMETERS": None, "CURES": None, "HEADS": None}
    found = {one.task["slug"]: one for one in self_checking.check("13_review", namespace, cells)}
    assert {slug: one.status for slug, one in found.items()} == {
        "cat": "failed", "stack": "failed", "parameters": "failed", "loops": "failed", "heads": "untried",
    }  # fmt: skip
    assert "in the line `STACK = {\u201csize" in found["stack"].failure.got
    assert "quotation mark" in found["stack"].failure.hint
    assert "in the line `CAT_LOSSES = [1,3863" in found["cat"].failure.got
    assert "decimal point" in found["cat"].failure.hint
    assert "minus" in found["parameters"].failure.hint
    assert "Python cannot read" in found["loops"].failure.hint
    mended = [*cells, solution("stack", "13_review")]
    namespace |= {"STACK": {"size": 8, "receptive_field": 23}}
    again = {one.task["slug"]: one for one in self_checking.check("13_review", namespace, mended)}
    assert "no Python" not in str(again["stack"].failure)
    assert "no Python" in str(again["cat"].failure)


@pytest.mark.parametrize("name", assignments())
def test_is_every_task_of_a_fresh_exercise_untried_as_ipython_keeps_its_cells(name):
    """IPython takes dots at the start of a cell's second line for a prompt, and cuts them off."""
    cells = [TransformerManager().transform_cell(source) for source in notebook(name)]
    namespace = dict.fromkeys(n for task in self_checking.load(name)["tasks"] for n in defined(task["stub"]))
    found = self_checking.check(name, namespace, cells)
    assert {one.task["slug"]: one.status for one in found if one.status != "untried"} == {}


def defined(source: str) -> set[str]:
    return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def test_does_an_answer_that_never_ends_leave_word_of_it():
    stops = "def describe(t):\n    raise KeyboardInterrupt"  # what Ctrl-C and the button of the notebook do
    namespace: dict = {}
    exec(notebook()[0] + "\n" + stops, namespace)
    found = list(self_checking.check(NAME, namespace, [stops]))
    assert {one.status for one in found} == {"stopped"}
    assert "still running" in str(found[0].failure)
    assert "never ends" in str(found[0].failure)
    assert [one.failure for one in found[1:]] == [None] * 6
    assert "never ends" in self_checking.as_html(found)


def test_is_the_page_safe_and_readable_without_colour():
    found = outcomes(notebook(describe="def describe(t):\n    return {'<script>alert(1)</script>': 1}"))
    page = self_checking.as_html(list(found.values()))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    labels, rows = re.findall("<dt style=.(.*?)>", page), re.findall("<dd style=.(.*?)>", page)
    assert len(rows) == len(labels) > 0
    for style in rows:  # JupyterLab floats them and makes them 80 % wide: below their labels in a narrow window
        assert "float:none" in style
        assert "width:auto" in style
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
    assert "✓ 1. Read the labels (2 points, 5 minutes, two blanks): passes all" in capsys.readouterr().out
    assert main(["self-check", str(copy), "--answer", "1"]) == 0
    assert "numel" in capsys.readouterr().out
    assert main(["self-check", str(copy), "--answer", "2"]) == 1
    assert "Try this task first" in capsys.readouterr().err
    assert main(["self-check", "99_nothing"]) == 2
    assert "no exercise '99_nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["02_tensors (1).ipynb", "Copy of exercise.ipynb"])
def test_is_a_renamed_notebook_known_by_its_tasks(file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(self_checking, "_run_notebook", lambda sources: ({}, []))
    shutil.copy(ROOT / "exercises" / NAME / f"{NAME}.ipynb", tmp_path / file)
    assert main(["self-check", str(tmp_path / file)]) == 1
    said = capsys.readouterr().out
    assert "1. Read the labels (2 points, 5 minutes, two blanks): not tried yet" in said
    assert said.count("○") == 7


def test_is_a_chapter_not_taken_for_its_exercise(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT / "chapters")
    assert main(["self-check", NAME]) == 2
    assert f"{NAME}.ipynb: this notebook has no task of an exercise" in capsys.readouterr().err


def test_does_the_command_say_which_cell_or_task_it_is_at_and_which_cell_failed(tmp_path, capsys):
    cells = [nbformat.v4.new_code_cell(source) for source in ("STACK = 1 / 0", "CURES = {'A': 2", "print('HIDE')")]
    cells.append(nbformat.v4.new_code_cell('with task("2 size and receptive field"):\n    print("HIDE", 1 / 0)'))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    assert main(["self-check", str(tmp_path / "mine.ipynb")]) == 1
    out, err = capsys.readouterr()
    assert "code cell 1 ended in ZeroDivisionError: division by zero" in err
    assert "code cell 2 ended in SyntaxError" in err
    assert "running code cell 3 of 4 (Ctrl-C stops it) ..." in err
    assert "checking task 5 of 5" in err
    assert "HIDE" not in out + err
    assert "the check found no `STACK`" in out
    assert "no Python in the line `CURES = {'A': 2`" in out


@pytest.mark.parametrize("name", assignments())
def test_does_no_answer_need_a_name_that_only_a_visible_check_makes(name):
    """The command leaves the visible checks out when it runs a notebook, and runs them with the hidden ones."""
    solved = {task["slug"].replace("-", "_"): task["answer"] for task in self_checking.load(name)["tasks"]}
    cells = [ast.parse(TransformerManager().transform_cell(source)) for source in notebook(name, **solved)]
    checking = [cell for cell in cells if "with task(" in ast.unparse(cell)]
    assert len(checking) == len(solved)
    others = [cell for cell in cells if cell not in checking]
    made = {name for cell in checking for name in self_checking._bound(cell)}
    names = [node for cell in others for node in ast.walk(cell) if isinstance(node, ast.Name)]
    loaded = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for cell in others for node in ast.walk(cell) if isinstance(node, ast.arg)}
    own |= {
        node.name for cell in others for node in ast.walk(cell) if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert (made & loaded) - own == set()


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


@pytest.mark.parametrize("name", assignments())
def test_does_a_graded_release_promise_nothing_that_it_left_out(name, tmp_path):
    copy = shutil.copy(ROOT / "exercises" / name / f"{name}.ipynb", tmp_path)
    before = read(copy).cells
    answers.without_self_check(Path(copy))
    after = read(copy).cells
    text = "\n".join(cell.source for cell in after)
    assert not re.search(r"self.check|worked answer|last cell", text, re.IGNORECASE)
    first, graded = before[0].source, after[0].source
    assert all(line in first for line in graded.splitlines())
    assert len(first) - len(graded) < 160, "more is gone than that sentence"
    assert graded == graded.strip()
    assert "\n\n\n" not in graded


def test_are_reasons_read_from_the_solution():
    source = (
        "TABLE = None\n### BEGIN SOLUTION\nTABLE = 3\n### END SOLUTION\n\n\ndef f(x):\n    ### BEGIN SOLUTION\n"
        "    ### BEGIN REASONS\n    # Because\n    # of this.\n    #\n    # And that.\n    ### END REASONS\n"
        "    return x\n    ### END SOLUTION"
    )
    assert answers.parts(source) == ("TABLE = 3\n\n\ndef f(x):\n    return x", "Because\nof this.\n\nAnd that.")
    assert answers.defines(source) == ["TABLE", "f"]


def test_does_a_worked_answer_leave_out_what_a_bug_hunt_gave():
    source = (
        "@cache\ndef f(x):\n    return x  # A\n\n\ndef kept(x):\n    return x\n\n\n### BEGIN SOLUTION\n"
        "def f(x):\n    return -x  # mended\n\n\n### END SOLUTION"
    )
    worked = "def kept(x):\n    return x\n\n\ndef f(x):\n    return -x  # mended"
    assert answers.parts(source) == (worked, "")


@pytest.mark.parametrize("name", self_checking.exercises())
def test_does_a_worked_answer_define_each_name_once(name):
    for task in self_checking.load(name)["tasks"]:
        defined = re.findall(r"^(?:def|class) (\w+)", task["answer"], re.MULTILINE)
        assert len(defined) == len(set(defined)), f"task {task['slug']}: two versions of one name"


def test_are_checks_counted_once_each():
    source = "check_equal(1, 1)\nfor _ in range(9):\n    checks.check_close(1, 1)\nassert True\nf(check_true)"
    assert answers.count_checks(source) == 3


@pytest.mark.parametrize("graded", ["", "1"])
def test_does_the_page_of_an_exercise_hold_worked_answers_unless_the_class_is_graded(graded, monkeypatch):
    monkeypatch.setenv(answers_on_pages.GRADED, graded)
    read_for = []
    app = SimpleNamespace(env=SimpleNamespace(note_dependency=read_for.append))
    before = (ROOT / "exercises" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    source = [before]
    answers_on_pages.add(app, f"exercises/{NAME}/{NAME}", source)
    if graded:
        assert source == [before]
    else:
        *cells, last = json.loads(source[0])["cells"]
        assert cells == json.loads(before)["cells"]
        for task in self_checking.load(NAME)["tasks"]:
            assert f"{{dropdown}} {task['title']}" in last["source"]
            assert task["answer"] in last["source"]
    assert [Path(path).stem for path in read_for] == ([] if graded else [NAME])
