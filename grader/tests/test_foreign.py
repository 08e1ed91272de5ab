"""Courses that nobody here wrote: where their answers stand, how their tests reach them, what they bring along."""

import json
import re
import sys
from pathlib import Path

import pytest

from grader.box import sandbox
from grader.box.bwrap import SandboxMissing, course_package
from grader.course import Course, CourseError
from grader.grading import grade
from grader.run import Worker
from grader.tests.written import copy_with, result_of, written

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

INC = "def inc(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
RIGHT, WRONG = "def inc(x):\n    return x + 1", "def inc(x):\n    return 7"
ANYWHERE = "c.ClearSolutions.enforce_metadata = False\nc.ClearHiddenTests.enforce_metadata = False\n"


class Pool:
    """Grades in this process with one worker."""

    def __init__(self, worker):
        self.worker = worker

    def warm(self, count):
        """Nothing to start."""

    def run(self, work):
        for submission in work:
            yield submission, [self.worker.run_job(job) for job in submission.jobs]


def points(worker: Worker, course: Course, changes: dict[int, str], own: str = "") -> list[float]:
    """The scores of one submission."""
    return [task.score for task in result_of(worker, course, changes, own).tasks]


PLAIN_ANSWERS = {
    "a value": ("### BEGIN SOLUTION\nanswer = 25.53\nprint('It is', answer)\n### END SOLUTION", "answer = 25.53",
                "answer = 3", "assert answer == 25.53"),
    "a function": ("### BEGIN SOLUTION\ndef inc(x):\n    return x + 1\nprint(24.53 + 1)\n### END SOLUTION",
                RIGHT + "  # 25.53", WRONG, "assert inc(3) == 4"),
    "a part of a set-up cell": ("start = 5\n### BEGIN SOLUTION\nend = start + 20.53\nprint(end)\n### END SOLUTION",
                "start = 5\nend = 25.53", "start = 5\nend = 4", "assert end == 25.53"),
    "a class": ("class Sum:\n    ### BEGIN SOLUTION\n    value = 25.53\n    ### END SOLUTION\n    pass",
                "class Sum:\n    value = 25.53", "class Sum:\n    value = 1", "assert Sum.value == 25.53"),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN_ANSWERS)
def test_is_a_solution_in_an_ordinary_cell_an_answer_that_nobody_else_is_given(worker, tmp_path, name):
    text, right, wrong, test = PLAIN_ANSWERS[name]
    hidden = f"### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"
    course = written(tmp_path, ("markdown", "# A"), ("plain", text), ("test", hidden), config=ANYWHERE)
    for student, changes in (("right", {1: right}), ("untouched", {}), ("wrong", {1: wrong})):
        folder = course.folder("submitted", student, "a")
        folder.mkdir(parents=True)
        (folder / "a.ipynb").write_bytes(copy_with(course, changes))
    outcome = grade(course, course.assignment("a"), Pool(worker), progress=False)
    assert (list(outcome.findings), outcome.failures) == ([], {})
    records = json.loads((course.grades / "a" / "report.json").read_text())["submissions"]
    assert {one["student"]: one["score"] for one in records} == {"right": 1, "untouched": 0, "wrong": 0}
    pages = [*tmp_path.glob("feedback/*/*/*"), *tmp_path.glob("autograded/*/*/*")]
    assert {page.parts[-3] for page in pages if "25.53" in page.read_text()} == {"right"}
    assert {page.parts[-3] for page in pages} == {"right", "untouched", "wrong"}


def test_is_a_solution_in_ordinary_text_kept_to_the_instructor(tmp_path):
    text = "The capital is\n### BEGIN SOLUTION\nParis\n### END SOLUTION"
    course = written(tmp_path, ("markdown", text), ("answer", INC), ("test", "assert inc(1) == 2"), config=ANYWHERE)
    cell = course.assignment("a").notebooks["a"].cells[0]
    assert (cell.kind, "Paris" in cell.released) == ("answer", False)


def test_does_a_set_up_cell_with_a_hidden_test_stay_the_course_s_own(tmp_path):
    text = "limit = 3\n### BEGIN HIDDEN TESTS\nlimit = 5\n### END HIDDEN TESTS"
    course = written(tmp_path, ("plain", text), ("answer", INC), ("test", "assert inc(1) == 2"), config=ANYWHERE)
    assert [cell.kind for cell in course.assignment("a").notebooks["a"].cells] == ["setup", "answer", "test"]


FORGOTTEN = {  # a test beside student code, and an import that whoever forgot it must not find
    "numpy": ("import numpy as np", "def zeros(n):\n    return np.zeros(n)", "zeros(3).sum() == 0"),
    "torch": ("import torch", "def zeros(n):\n    return torch.zeros(n)", "zeros(3).sum() == 0"),
    "both": ("import numpy as np\nimport torch", "def zeros(n):\n    return torch.tensor(np.zeros(n))",
             "len(zeros(3)) == 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGOTTEN)
def test_does_a_forgotten_import_stay_forgotten_wherever_the_tripwires_fall(worker, tmp_path, name):
    imports, function, test = FORGOTTEN[name]
    module = imports.split()[-1]
    course = written(
        tmp_path, ("answer", f"### BEGIN SOLUTION\n{imports}\n### END SOLUTION"),
        ("test", f"from types import ModuleType\nassert type(globals()['{module}']) == ModuleType"),
        ("answer", f"### BEGIN SOLUTION\n{function}\n### END SOLUTION"), ("test", f"assert {test}"),
    )  # fmt: skip
    assert points(worker, course, {0: imports, 2: function}) == [1, 1]
    for _ in range(3):
        assert points(worker, course, {2: function}) == [0, 0]


LANGUAGES = {
    "R": {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}},
    "Julia": {"kernelspec": {"name": "julia-1.9", "display_name": "Julia 1.9"}},
    "C++": {"kernelspec": {"name": "xcpp17", "display_name": "C++17", "language": "C++17"}},
    "octave": {"language_info": {"name": "octave"}},
    "Java": {"kernelspec": {"name": "java", "display_name": "Java"}},
    "C#": {"kernelspec": {"name": ".net-csharp", "display_name": "C#"}},
    "conda's R": {"kernelspec": {"name": "conda-env-stats-r", "display_name": "R [conda env:stats]"}},
    "Ruby": {"kernelspec": {"name": "ruby-3.2", "display_name": "Ruby"}},
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_is_a_notebook_in_another_language_refused_with_what_to_do(tmp_path, name):
    course = written(tmp_path, ("answer", "inc <- 1"), ("test", "stopifnot(inc == 1)"), **LANGUAGES[name])
    with pytest.raises(CourseError, match=r"is a notebook in .* only Python .*nbgrader autograde a"):
        course.assignment("a")


@pytest.mark.parametrize(
    "kernel",
    [
        {},
        {"name": "python3", "language": "python"},
        {"name": "my-env"},
        {"name": "xpython"},
        {"name": "conda-env-r-py"},
        {"name": "py39"},
    ],
)
def test_is_any_python_kernel_taken(tmp_path, kernel):
    course = written(tmp_path, ("answer", INC), ("test", "assert inc(1) == 2"), kernelspec=kernel)
    assert course.assignment("a").max_score == 1


UNNAMED = {  # tests that get at the answer `inc` without naming it: set-up code and the test
    "doctest": ("import doctest", "assert doctest.testmod().failed == 0"),
    "sys.modules": ("import sys", "f = getattr(sys.modules['__main__'], 'inc', None)\nassert f is None or f(1) == 2"),
    "the shell": ("", "for name, value in list(get_ipython().user_ns.items()):\n"
                  "    if name == 'inc':\n        assert value(1) == 2"),
    "a function over globals()":
                 ("def look():\n    assert 'inc' not in globals() or globals()['inc'](1) == 2", "look()"),
    "eval": ("", "assert eval('in' + 'c')(1) == 2"),
    "an import of __main__": ("", "import __main__\nf = vars(__main__).get('inc')\nassert not f or f(1) == 2"),
    "a name that is put together":
                 ("import sys", "m = sys.modules['__' + 'main__']\nassert getattr(m, 'in' + 'c')(1) == 2"),
    "unittest": ("import unittest, io", "from unittest import *\nclass T(TestCase):\n    def test(self):\n"
                 "        self.assertEqual(globals()['inc'](1), 2)\n"
                 "suite = defaultTestLoader.loadTestsFromTestCase(T)\n"
                 "assert TextTestRunner(stream=io.StringIO()).run(suite).wasSuccessful()"),
}  # fmt: skip
DOC = 'def inc(x):\n    """\n    >>> inc(1)\n    2\n    """\n'
DOCTESTED = DOC + "    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"


@pytest.mark.parametrize("name", UNNAMED)
def test_does_a_test_that_names_no_answer_give_the_untouched_and_the_wrong_nothing(worker, tmp_path, name):
    setup, test = UNNAMED[name]
    course = written(tmp_path, ("locked", setup), ("answer", DOCTESTED), ("test", test))
    right = result_of(worker, course, {1: DOC + "    return x + 1"})
    assert ([task.score for task in right.tasks], right.status) == ([1], "graded")
    assert not any("reference" in finding and "fails" in finding for finding in right.findings)
    assert points(worker, course, {}) == [0]
    assert points(worker, course, {1: DOC + "    return 7"}) == [0]


FREE = {
    "nothing compared": "assert True",
    "the type of what is given": "assert callable(inc)",
    "a set-up value": "assert start == 3",
    "a failure that is caught": "try:\n    assert inc(1) == 2\nexcept NotImplementedError:\n    pass",
    "a part of the points": "0.5 if callable(inc) else 0",
}


@pytest.mark.parametrize("name", FREE)
def test_does_the_instructor_hear_of_a_test_that_an_untouched_submission_passes(worker, tmp_path, name):
    course = written(
        tmp_path, ("locked", "start = 3"), ("answer", INC), ("test", FREE[name]), ("test", "assert inc(1) == 2")
    )
    findings = result_of(worker, course, {1: RIGHT}).findings
    assert "an untouched submission passes the test 'g2'" in findings or any("decides nothing" in f for f in findings)
    assert not any("g3" in finding for finding in findings)


CHECKS = "def exercise_1_grading(f):\n    assert f(1) == 2, 'inc(1) should be 2'\n"
MODULES = {  # the course's files, and the test that judges with them
    "by name": ({"checks_1.py": CHECKS},
                "from checks_1 import exercise_1_grading\nexercise_1_grading(inc)\nprint('Well done')"),
    "of a module": ({"checks_1.py": CHECKS}, "import checks_1 as c\nc.exercise_1_grading(inc)"),
    "of a package": ({"checks_1/__init__.py": CHECKS}, "from checks_1 import *\nexercise_1_grading(inc)"),
    "true or false": ({"checks_1.py": "def exercise_1_grading(f):\n    return f(1) == 2"},
                      "import checks_1\nassert checks_1.exercise_1_grading(inc)"),
    "through another": ({"checks_1.py": "def same(a, b):\n    if a != b:\n        raise ValueError(a)\n"
                         "def exercise_1_grading(f):\n    same(f(1), 2)"},
                        "from checks_1 import exercise_1_grading as judge\njudge(inc)"),
    "marks": ({"checks_1.py": "def exercise_1_grading(f):\n    return 1 if f(1) == 2 else 0"},
              "from checks_1 import exercise_1_grading\nexercise_1_grading(inc)"),
}  # fmt: skip
FORGERIES = (
    "import checks_1\nchecks_1.exercise_1_grading = lambda f: 1",
    "import numpy as np\nnp.array(bytearray(b'def exercise_1_grading(f): return 1')).tofile('checks_1.py')",
    "def exercise_1_grading(f): return 1",
    "match (lambda f: 1):\n    case exercise_1_grading: judge = exercise_1_grading",
)


@pytest.mark.parametrize("name", MODULES)
def test_do_the_course_s_own_modules_judge_and_cannot_be_replaced_unseen(worker, tmp_path, name):
    files, test = MODULES[name]
    course = written(tmp_path, ("answer", INC), ("test", test), files=files)
    right = result_of(worker, course, {0: RIGHT})
    assert ([task.score for task in right.tasks], right.status) == ([1], "graded")
    assert not any("nothing" in finding for finding in right.findings)
    assert points(worker, course, {}) == [0]
    for forgery in ("", *FORGERIES[: 4 if name == "by name" else 1]):
        assert points(worker, course, {0: WRONG}, own=forgery) == [0], forgery


def test_is_a_set_up_check_that_student_code_replaces_seen(worker, tmp_path):
    setup = "def same(a, b):\n    return a == b\ndef grade_inc(f):\n    assert same(f(1), 2)"
    course = written(tmp_path, ("locked", setup), ("answer", INC), ("test", "grade_inc(inc)"))
    assert points(worker, course, {1: RIGHT}) == [1]
    for forgery in (
        "same = lambda a, b: True",
        "def grade_inc(f): ...",
        "def f():\n    global same\n    same = max\nf()",
    ):
        assert points(worker, course, {1: f"{WRONG}\n{forgery}"}) == [0], forgery


OWN = {  # a course's own module `helpers`, under the name that ours has
    "a file": ({"helpers.py": "base = 1"}, "from helpers import base"),
    "a package": ({"helpers/__init__.py": "base = 1"}, "import helpers\nbase = helpers.base"),
    "a part of a package": (
        {"helpers/__init__.py": "", "helpers/checks.py": "base = 1"},
        "from helpers.checks import *",
    ),
    "a file in a folder": (
        {"lib/helpers.py": "base = 1"},
        "import sys\nsys.path.insert(0, 'lib')\nfrom helpers import base",
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_is_a_course_s_own_helpers_imported_in_both_processes(worker, tmp_path, name):
    files, setup = OWN[name]
    answer = "def inc(x):\n    ### BEGIN SOLUTION\n    return x + base\n    ### END SOLUTION"
    test = "assert inc(1) == 2\n### BEGIN HIDDEN TESTS\nassert inc(5) == 5 + base\n### END HIDDEN TESTS"
    course = written(tmp_path, ("locked", setup), ("answer", answer), ("test", test), files=files)
    right = result_of(worker, course, {1: answer.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "")})
    assert ([task.score for task in right.tasks], right.findings) == ([1], [])
    assert points(worker, course, {1: WRONG}) == [0]


@pytest.mark.parametrize("file", ["helpers.py", "helpers/__init__.py", "helpers/checks.py"])
def test_is_nothing_of_a_course_folder_taken_for_our_own_package(tmp_path, monkeypatch, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    for name in {file, f"{file.rpartition('/')[0]}/__init__.py".lstrip("/")}:
        (tmp_path / name).write_text("base = 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "helpers", raising=False)  # another test may have imported ours
    assert course_package() is None


@pytest.mark.parametrize("where", ["locked", "test", "answer"])
def test_is_a_missing_package_named_with_what_to_do(worker, tmp_path, where):
    cells = {"locked": "", "answer": "def inc(x):\n    return x + 1", "test": "assert inc(1) == 2"}
    cells[where] = f"import no_such_package\n{cells[where]}"
    course = written(tmp_path, *cells.items())
    findings = " ".join(result_of(worker, course, {}).findings)
    assert re.search(r"No module named 'no_such_package' \(install no_such_package .*--again", findings)
    assert "output_type" not in findings


def test_does_grading_go_on_without_torch(tmp_path, monkeypatch):
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    program = sandbox.PROGRAM.replace("import sys;", f"import sys; sys.path.insert(0, {str(blocked)!r});")
    monkeypatch.setattr(sandbox, "PROGRAM", program)
    course = written(tmp_path / "course", ("locked", "import numpy as np"), ("answer", INC),
                     ("test", "assert (inc(np.arange(3)) == [1, 2, 3]).all()"), ("test", "import torch"))  # fmt: skip
    with Worker(tmp_path, extra_read_only=(blocked,)) as worker:
        result = result_of(worker, course, {1: RIGHT})
        assert [task.score for task in result.tasks] == [1, 0]
        assert "No module named 'torch' (install torch" in " ".join(result.findings)
        assert points(worker, course, {1: WRONG}) == [0, 0]


@pytest.mark.parametrize("name", ["numpy", "IPython", "traitlets"])
def test_is_a_package_that_the_sandbox_needs_named_instead_of_bubblewrap(monkeypatch, name):
    monkeypatch.setattr(sandbox, "PROGRAM", f"raise ModuleNotFoundError(\"No module named '{name}'\")")
    with pytest.raises(SandboxMissing, match=f"the package {name} is not installed .*pip install {name}"):
        Worker(Path()).__enter__()
