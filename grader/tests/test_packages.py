"""Where the task is "import numpy as np", tests use the student's np: are they decided outside all the same?"""
# ruff: noqa: E501 (a case in one line)

from pathlib import Path

import pytest

from grader.judge.plan import plan_notebook
from grader.judge.split import Split
from grader.model import AnswerCell, Job
from grader.tests.jobs import QUICK, scores

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

IMPORTS = "import numpy as np\nimport math"
INC = "def inc(x):\n    return np.asarray(x) + 1"
TESTS = [
    "assert np.array([1, 2]).sum() == 3\nassert np.__name__ == 'numpy'",
    "np.testing.assert_allclose(inc([1, 2]), np.array([2, 3]))",
    "want = np.arange(2, 5)\nassert np.allclose(inc([1, 2, 3]), want)",
    "for n in range(3):\n    assert np.array_equal(inc(np.full(n + 1, n)), np.full(n + 1, n + 1))",
    "assert math.isclose(inc(math.floor(2.5)), 3)",
]


def job(imports: str = IMPORTS, inc: str = INC) -> Job:
    cells = [
        AnswerCell("imports", "code", "imports", "answer", imports, 0, IMPORTS),
        AnswerCell("inc", "code", "inc", "answer", inc, 0, INC),
    ]
    cells += [AnswerCell(f"t{n}", "code", f"t{n}", "test", test, 1) for n, test in enumerate(TESTS)]
    return Job("demo", "ada", Path("demo.ipynb"), cells, limits=QUICK, seed=7)


def test_is_every_such_test_decided_outside():
    plan = plan_notebook(job().cells)
    for split in plan.splits.values():
        assert isinstance(split, Split)
        assert (split.beside, split.local) == ("", "")


@pytest.mark.parametrize(
    ("answer", "pure"),
    [
        ("import matplotlib.pyplot as plt", False), ("import random", False), ("import torch", True), ("import numpy as np", True),
        ("import numpy as np\nnp = np or 3", False), ("import numpy as np\ndef np(): ...", False),
    ],
)  # fmt: skip
def test_does_the_oracle_import_only_what_gives_the_same_everywhere(answer, pure):
    name = answer.split("\n")[0].split()[-1]
    cells = [
        AnswerCell("imports", "code", "imports", "answer", "", 0, answer),
        AnswerCell("t0", "code", "t0", "test", f"assert {name}.equal(1, 1)", 1),
    ]
    assert plan_notebook(cells).splits["t0"].oracle.startswith("import") == pure


@pytest.mark.parametrize("name", ["np.random.rand(3)", "np.random.default_rng(0)", "np.seed(3)"])
def test_are_random_numbers_drawn_beside_the_answer_as_ever(name):
    cells = [
        AnswerCell("imports", "code", "imports", "answer", "", 0, IMPORTS),
        AnswerCell("t0", "code", "t0", "test", f"assert len({name}) == 3", 1),
    ]
    assert "import numpy" not in plan_notebook(cells).splits["t0"].oracle


LIAR = "class N:\n    __name__ = 'numpy'\n    array = asarray = arange = full = staticmethod(lambda *a: A())\n"
LIAR += "    allclose = array_equal = staticmethod(lambda *a: True)\n    class testing:\n"
LIAR += "        assert_allclose = staticmethod(lambda *a: None)\nclass A:\n    __eq__ = lambda s, o: True\n"
LIAR += "    sum = lambda s: 3\nnp = N\nimport math"


def test_does_a_right_answer_pass_and_a_forgotten_or_forged_import_not(worker):
    right = worker.run_job(job())
    assert (scores(right), right.findings, right.flags) == ([1] * 5, [], [])
    assert scores(worker.run_job(job(inc="def inc(x):\n    return np.asarray(x) + 2"))) == [1, 0, 0, 0, 0]
    assert scores(worker.run_job(job(imports="import math"))) == [0, 0, 0, 0, 0]
    assert scores(worker.run_job(job(imports="import numpy as np"))) == [1, 1, 1, 1, 0]
    assert scores(worker.run_job(job(imports="import math\nimport math as np"))) == [0, 0, 0, 0, 0]
    forged = worker.run_job(job(imports=LIAR, inc="def inc(x):\n    return A()"))
    assert scores(forged)[1:] == [0, 0, 0, 0]
