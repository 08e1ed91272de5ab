"""Exercises are fair: under stock nbgrader, and answer by answer."""

import ast
import os
import shutil
import sys
import tomllib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.mutants import Answers
from tests.notebooks import NAME, make_course
from tools.__main__ import main
from tools.assignments import assignments, course_config
from tools.book.execute import execute_all
from tools.mutants import HEAD, Earned, find_tasks, load_answers, table, try_answers, untouched, with_results
from tools.notebooks import ROOT, read

FLOORS = tomllib.loads((ROOT / "tests" / "mutants" / "floors.toml").read_text(encoding="utf-8"))

# an exercise that was not released yet is a finding of test_release.py
NAMES = [name for name in assignments() if (ROOT / "exercises" / name / f"{name}.ipynb").exists()]


def grade_with_nbgrader(names: list[str], course: Path) -> dict[str, dict[str, list[tuple[str, float | None, float]]]]:
    """Run nbgrader's own converters on the solution and on the untouched release of each assignment.

    Returns, by assignment and student ("solved", "untouched"): grade id, automatic score, points of each graded cell.
    """
    from nbgrader.api import Gradebook
    from nbgrader.converters import Autograde, GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    os.environ["OMP_NUM_THREADS"] = "1"
    scores: dict[str, dict[str, list]] = {}
    for name in names:
        notebook = f"{name}.ipynb"
        shutil.copytree(ROOT / "solutions" / name, course / "solutions" / name)
        for student, source in {"solved": "solutions", "untouched": "exercises"}.items():
            shutil.copytree(ROOT / source / name, course / "submitted" / student / name)
        config = course_config(ROOT)
        config.CourseDirectory.update(root=str(course), assignment_id=name, notebook_id=Path(notebook).stem)
        for converter in (GenerateAssignment, Autograde):
            converter(coursedir=CourseDirectory(config=config), config=config).start()
        with Gradebook(CourseDirectory(config=config).db_url) as gradebook:
            scores[name] = {
                student: [
                    (one.cell.name, one.auto_score, one.max_score)
                    for one in gradebook.find_submission_notebook(name, name, student).grades
                ]
                for student in ("solved", "untouched")
            }
    return scores


@pytest.fixture(scope="module")
def scores(warm_kernels, tmp_path_factory):
    """What stock nbgrader gives, all assignments in two processes."""
    folders = [tmp_path_factory.mktemp("course") for _ in range(2)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return {
            name: by_student
            for part in pool.map(grade_with_nbgrader, [NAMES[0::2], NAMES[1::2]], folders)
            for name, by_student in part.items()
        }


@pytest.fixture(scope="module")
def live(warm_kernels):
    """What a student sees who opens each exercise and runs all cells."""
    os.environ.pop("NBGRADER_EXECUTION", None)
    results = execute_all([ROOT / "exercises" / name / f"{name}.ipynb" for name in NAMES], jobs=2)
    return {result.path.stem: result.problems for result in results}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_solution_earns_full_marks_under_stock_nbgrader(name, scores):
    """A cell that only a person can grade has no automatic score."""
    lost = [grade for grade in scores[name]["solved"] if grade[1] is not None and grade[1] != grade[2]]
    assert lost == []
    assert any(score == points for _, score, points in scores[name]["solved"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_untouched_exercise_earns_nothing_under_stock_nbgrader(name, scores):
    assert [grade for grade in scores[name]["untouched"] if grade[1] != 0] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_untouched_exercise_runs_to_its_end(name, live):
    assert live[name] == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_each_answer_gets_what_it_deserves(name):
    """Solution, other right answers, wrong answers with their hints, stubs; other tasks are unfinished meanwhile."""
    verdicts = list(try_answers(name, load_answers(name), repeat=2))
    bad = [str(verdict) for verdict in verdicts if not verdict.ok]
    assert not bad, "\n".join([HEAD, *bad])
    caught = [verdict.caught for verdict in verdicts if verdict.expected == "wrong"]
    share = int(100 * caught.count("visible") / len(caught))
    floor = FLOORS["visible"][name]
    assert share >= floor, f"{table(verdicts)}\nthe visible tests catch {share} %, and {floor} % is the floor"


def test_the_visible_tests_of_the_course_hold_their_floor():
    """By wrong answers; what a visible test lets through, a hidden one catches."""
    assert FLOORS["visible"].keys() == set(assignments())
    counts = {name: sum(len(one.wrong) for one in load_answers(name)) for name in NAMES}
    share = sum(FLOORS["visible"][name] * count for name, count in counts.items()) / sum(counts.values())
    assert int(share) >= FLOORS["course"]


@pytest.mark.parametrize("name", NAMES)
def test_each_task_has_two_other_right_and_four_wrong_answers(name):
    answers = {one.task: one for one in load_answers(name)}
    for task in find_tasks(read(ROOT / "solutions" / name / f"{name}.ipynb")):
        assert task.slug in answers, f"tests/mutants/{name}.py has no answers to {task.slug}"
        assert len(answers[task.slug].right) >= 2, task.slug
        assert len(answers[task.slug].wrong) >= 4, task.slug


@pytest.mark.parametrize("name", NAMES)
def test_no_untouched_answer_prints_its_placeholder(name):
    """A notebook shows the value of a cell's last line: `Ellipsis`, where `...` stands there."""
    exercise = read(ROOT / "exercises" / name / f"{name}.ipynb")
    answers = [cell for cell in exercise.cells if cell.cell_type == "code" and cell.metadata.get("nbgrader")]
    assert answers
    printing = [cell.id for cell in answers if ast.unparse(ast.parse(cell.source).body[-1:]) == "..."]
    assert printing == []


# --- the grader of answers itself, on the tiny course


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("tiny"))


def test_verdicts_tell_right_from_wrong_slow_and_crashing(tiny):
    wrong = {
        "forgets the last": ("def total(numbers): return numbers[:-1].sum()", "every number counts|add all"),
        "constant": ("def total(numbers): return 3.0", "every number"),
        "wrong hint": ("def total(numbers): return 0.0", "nobody says this"),
        "endless": ("def total(numbers):\n    while True: pass", "takes longer than 3 s"),
        "ends the process": ("import os\ndef total(numbers): os._exit(0)", "CRASH"),
        "noisy": ("import sys\ndef total(x):\n    print('x', file=sys.stderr)\n    return x.sum()", "stderr: x"),
        "no Python": ("def total(", "SyntaxError"),
        "is right": ("def total(numbers): return numbers.sum()", "."),
    }
    right = {"loop": "def total(numbers): return sum(numbers)", "is wrong": "def total(numbers): return 3"}
    verdicts = {
        one.answer: one
        for one in try_answers(NAME, [Answers("total", right, wrong)], root=tiny, limit=3)
        if one.task == "total"
    }
    assert {name: verdict.ok for name, verdict in verdicts.items()} == {
        "solution": True, "untouched": True, "gives None": True, "gives 'nonsense'": True,
        "loop": True, "is wrong": False, "forgets the last": True, "constant": True, "wrong hint": False,
        "endless": True, "ends the process": True, "noisy": True, "no Python": True, "is right": False,
    }  # fmt: skip
    assert (verdicts["constant"].earned, verdicts["constant"].points) == (1, 3)
    assert "  NO  " in str(verdicts["is wrong"])
    assert str(verdicts["wrong hint"]).endswith("(wanted: nobody says this)")
    assert "wanted" not in str(verdicts["constant"])


@pytest.mark.parametrize(("wrong", "code"), [({}, 1), ({"c": ("3", ".")}, 0)])
def test_a_task_without_wrong_answers_is_named_and_fails(wrong, code, monkeypatch, capsys):
    verdict = Earned("describe", "solution", "right", 2, 2, [])
    monkeypatch.setattr("tools.mutants.load_answers", lambda name: [Answers("describe", {"a": "1"}, wrong)])
    monkeypatch.setattr("tools.mutants.try_answers", lambda *args, **options: iter([verdict]))
    assert main(["mutants", "02_tensors"]) == code
    said = "describe has no right or no wrong answers: add them to tests/mutants/02_tensors.py\n"
    assert capsys.readouterr().out.endswith(said) == bool(code)


def test_answers_to_an_unknown_task_are_refused(tiny):
    with pytest.raises(ValueError, match="no task 'sum'; there are total, count"):
        list(try_answers(NAME, [Answers("sum")], root=tiny))


def test_spoiled_answers_keep_constructors_and_imports():
    source = "import x\nA = 1\nclass Net(x.M):\n    def __init__(self):\n        y = 2\n    def forward(self): return 3"
    assert with_results(source, "None") == (
        "import x\nA = None\n\nclass Net(x.M):\n\n    def __init__(self):\n        y = 2\n\n"
        "    def forward(self):\n        return None"
    )


def test_untouched_is_what_the_release_shows(tiny):
    solution, exercise = (read(tiny / folder / NAME / f"{NAME}.ipynb") for folder in ("solutions", "exercises"))
    for one, other in zip(solution.cells, exercise.cells, strict=True):
        if one.metadata.get("nbgrader", {}).get("solution"):
            assert untouched(one.source) == other.source
