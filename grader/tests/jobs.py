"""Jobs for one worker: a notebook with two tasks, and one of another course."""
# ruff: noqa: E501 (whole cells in one line)

from pathlib import Path

from grader.model import AnswerCell, Job, Limits, Result

SETUP = "import numpy as np\nimport torch\nfrom helpers.checks import *"


SOFTMAX = "def softmax(x):\n    if not isinstance(x, torch.Tensor):\n        raise TypeError('a tensor, please')\n    return x.softmax(-1)"


MEAN = "def mean(x):\n    return sum(x) / len(x)"


TESTS = {
    "softmax-visible": "with task('softmax'):\n    check_close(softmax(torch.zeros(1, 2)), torch.full((1, 2), 0.5), hint='sum')",
    "softmax-hidden": """# Hidden tests run here when you submit.
### BEGIN HIDDEN TESTS
with task("softmax"):
    SECRET_NAME = torch.randn(5, 7, generator=fresh_generator())
    before = SECRET_NAME.clone()
    expected = SECRET_NAME.softmax(dim=1)
    check_close(softmax(SECRET_NAME), expected, hint="look at the dimension")
    check_equal(SECRET_NAME, before, hint="do not change the input")
    check_true((softmax(SECRET_NAME) >= 0).all() and torch.allclose(softmax(SECRET_NAME), expected), hint="positive")
    check_raises(lambda: softmax("a"), TypeError, match="tensor", hint="check the type")
### END HIDDEN TESTS""",
    "mean-plain": "assert mean([1, 2, 6]) == 3\nassert abs(mean([0.5, 1]) - 0.75) < 1e-9\n"
    "try:\n    mean([])\nexcept ZeroDivisionError:\n    pass\nelse:\n    raise AssertionError('an empty list has no mean')",
}


MOCK = "if mean([1]) == 1:\n    assert mean([4]) == 4\nelse:\n    raise AssertionError"


QUICK = Limits(cell_seconds=2, submission_seconds=60, memory=400 << 20, processes=40, disk=32 << 20)


def job(softmax=SOFTMAX, mean=MEAN, *, tests=TESTS, extra="", limits=QUICK, **fields) -> Job:
    """A notebook with two tasks: one of ours, one of another course."""
    made = [AnswerCell("setup", "code", None, "setup", SETUP)]
    for name, text, reference in (("softmax", softmax, SOFTMAX), ("mean", mean, MEAN)):
        made.append(AnswerCell(name, "code", name, "answer", text, 0, reference, attempted="# your code" not in text))
        if extra:
            made.append(AnswerCell(f"extra-{name}", "code", None, "extra", extra))
        made += [AnswerCell(id, "code", id, "test", source, 2) for id, source in tests.items() if id.startswith(name)]
        extra = ""
    return Job("demo", "ada", Path("demo.ipynb"), made, limits=limits, **{"seed": 7, **fields})


def scores(result: Result) -> list[float]:
    return [task.score for task in result.tasks]


def plain(*tests: str, answer: str, reference: str = "def square(x):\n    return x * x", **fields) -> Job:
    """A notebook of another course with one task, without our checks."""
    cells = [AnswerCell("square", "code", "square", "answer", answer, 0, reference)]
    cells += [AnswerCell(f"t{n}", "code", f"t{n}", "test", source, 2) for n, source in enumerate(tests)]
    return Job("demo", "ada", Path("demo.ipynb"), cells, limits=QUICK, **{"seed": 7, **fields})


RIGHT = "def square(x):\n    return x * x"


SECRET = "### BEGIN HIDDEN TESTS\nunguessable = 7 + 0\n{}\n### END HIDDEN TESTS"
