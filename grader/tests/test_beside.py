"""Beside a test that cannot be split only common code is believed."""
# ruff: noqa: E501 (hostile code, one attack per line)

import time

import pytest

from grader.judge.trust import names_bound, unusual
from grader.model import AnswerCell
from grader.run import _quick
from grader.tests.jobs import RIGHT, plain, scores

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

INSIDE = "if square([1, 2]) is not None:\n    assert len(square([1, 2])) == 2\nelse:\n    raise AssertionError"


@pytest.mark.parametrize(
    "answer",
    [
        "class L(list):\n    def __len__(self):\n        return 2\ndef square(x):\n    return L()",
        "def square(x):\n    return In[-1]",
        "import sys\nvars(sys.modules['__main__'])['len'] = lambda x: 2\ndef square(x):\n    return 1",
        "import IPython\nip = getattr(IPython, 'get_' + 'ipython')()\ndef square(x):\n    return 1",
        "L = type('L', (list,), {'__len__': lambda s: 2})\ndef square(x):\n    return L()",
        "'''\n%matplotlib '''; vars()['len'] = lambda x: 2; '''\n'''\ndef square(x):\n    return 1",
        "%time vars()['len'] = lambda x: 2\ndef square(x):\n    return 1",
        "def take():\n    global len\n    len = lambda x: 2\ntake()\ndef square(x):\n    return 1",
        "vars()['len'] = lambda x: 2; %time )(\ndef square(x):\n    return 1",
        "!echo {vars().update(len=lambda x: 2)}\ndef square(x):\n    return 1",
    ],
)
def test_beside_a_test_that_cannot_be_split_only_common_code_is_believed(worker, answer):
    reference = "def square(x):\n    return [a * a for a in x]"
    result = worker.run_job(plain(INSIDE, "assert square([1, 3]) == [1, 9]", answer=answer, reference=reference))
    assert result.tasks[0].score == 0
    assert result.tasks[1].status in ("failed", "crashed")  # flagged alone, the other test is decided outside
    honest = worker.run_job(plain(INSIDE, "assert square([1, 3]) == [1, 9]", answer=reference, reference=reference))
    assert (scores(honest), honest.status) == ([2, 2], "graded")


@pytest.mark.parametrize(
    "habit",
    ["%time square([1])", "%%timeit -n 3\nsquare([1])", "!echo hello", "%matplotlib inline", "square?", "%pip list",
     "from __future__ import annotations", "if __name__ == '__main__':\n    pass",
     "def add(x):\n    sum = 0\n    for one in x:\n        sum += one\n    return sum"],
)  # fmt: skip
def test_magics_that_students_use_are_common_code(worker, habit):
    reference = "def square(x):\n    return [a * a for a in x]"
    job = plain(INSIDE, answer=reference, reference=reference)
    job.cells.insert(-1, AnswerCell("own", "code", None, "extra", habit))
    assert (scores(worker.run_job(job)), worker.run_job(job).flags) == ([2], [])


COLOURS = "import enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 2"


@pytest.mark.parametrize(
    ("answer", "points", "status"),
    [
        ("def paint(x):\n    return Colour(x)", 2, "graded"),
        ("def paint(x):\n    return 'red'", 0, "graded"),
        ("class Any:\n    def __eq__(self, other):\n        return True\ndef paint(x):\n    return Any()", 0, "flagged"),
        ("E = type('E', (), {'_' + '_eq__': lambda s, o: True})\ndef paint(x):\n    return E()", 0, "flagged"),
        ("from operator import methodcaller as m\ndef paint(x):\n    return Colour(x)", 0, "flagged"),
        ("class E:\n    def __eq__(self, o):\n        return True\ndef paint(x):\n    return E()\n"
         "import time\ntime.sleep(300)", 0, "flagged"),
    ],
)  # fmt: skip
def test_what_is_compared_beside_student_code_is_believed_of_common_code_only(worker, answer, points, status):
    job = plain("assert paint(1) == Colour.RED", answer=answer, reference="def paint(x):\n    return Colour(x)")
    job.cells.insert(0, AnswerCell("setup", "code", None, "setup", COLOURS))
    result = worker.run_job(job)
    assert (scores(result), result.status) == ([points], status)
    assert "compares what the student's code gives" in result.findings[0]


@pytest.mark.parametrize(
    ("answer", "points", "status"),
    [
        ("def grow(x):\n    return x + np.ones(3)", 2, "graded"),
        ("def grow(x):\n    return np.zeros((0, 3))", 0, "flagged"),
        ("def grow(x):\n    return torch.zeros(0, 3)", 0, "flagged"),
        ("def grow(x):\n    return np.zeros(3)", 0, "graded"),
    ],
)
def test_an_empty_answer_passes_no_comparison(worker, answer, points, status):
    head = "import numpy as np\nimport torch\n"
    test = f"{head}assert np.allclose(grow(np.zeros(3)), [1, 1, 1])"
    result = worker.run_job(plain(test, answer=head + answer, reference=f"{head}def grow(x):\n    return x + 1"))
    assert (scores(result), result.status, result.findings) == ([points], status, [])


def test_an_answer_that_should_be_empty_may_be(worker):
    positive = "import numpy as np\ndef positive(x):\n    return x[x > 0]"
    test = "import numpy as np\nassert positive(np.array([-1.0])).shape == (0,)"
    assert scores(worker.run_job(plain(test, answer=positive, reference=positive))) == [2]


def test_what_the_own_answer_does_is_common(worker):
    vector = "class Vector:\n    def __init__(self, x):\n        self.x = x\n    def __add__(self, o):\n        return Vector({})"
    test = "if Vector(1) is not None:\n    assert (Vector(1) + Vector(2)).x == 3\nelse:\n    raise AssertionError"
    job = plain(test, answer=vector.format("o.x + self.x"), reference=vector.format("self.x + o.x"))
    assert (scores(worker.run_job(job)), worker.run_job(job).status) == ([2], "graded")


@pytest.mark.parametrize(
    "text",
    [
        "!ls\n" * 40_000,
        "%time 1\n" * 20_000,
        "f" + "()" * 900,
        "x = a" + ".a" * 900,
        "get_ipython" + "().a" * 900,
        "(" * 100_000,
    ],
    ids=["shell", "magics", "calls", "attributes", "shells", "brackets"],
)
def test_code_that_is_made_to_be_hard_to_read_costs_the_grader_no_time(text):
    job = plain("assert square(3) == 9", answer=RIGHT)
    job.cells.append(AnswerCell("own", "code", None, "extra", text))
    begin = time.process_time()
    unusual(job, set())
    names_bound(job)
    _quick(text)
    assert time.process_time() - begin < 5
