"""Test cells are split so that nothing that decides enters the student's process."""

import re
from dataclasses import replace

import pytest

from grader.box.inside.wire import COURSE
from grader.judge.plan import lint, plan_notebook
from grader.judge.split import Split
from grader.model import AnswerCell

SETUP = "import numpy as np\nimport torch\nfrom torch import nn\nfrom helpers.checks import *"
ANSWER = "def softmax(x):\n    return x.softmax(-1)\ndef train(model, x, y): ...\nclass Net(nn.Module): ...\nvalue = 3"


def cells(*tests: str, setup: str = SETUP, answer: str = ANSWER) -> list[AnswerCell]:
    """A notebook with one set-up cell, one answer and ``tests``."""
    made = [
        AnswerCell("setup", "code", None, "setup", setup),
        AnswerCell("answer", "code", "answer", "answer", "", 0, answer),
    ]
    return made + [AnswerCell(f"t{n}", "code", f"t{n}", "test", test, 1) for n, test in enumerate(tests)]


def split(test: str, **options) -> Split:
    """Both halves of one test cell, with names as they stand in the cell."""
    result = plan_notebook(cells(test), **options).splits["t0"]
    assert isinstance(result, Split), result
    shown = {half: re.sub(rf"(?<=\w)__t\b|\b{COURSE}", "", getattr(result, half)) for half in ("stimulus", "oracle")}
    return replace(result, **shown)


def test_expected_values_stay_outside():
    halves = split(
        "with task('2'):\n"
        "    g = fresh_generator()\n"
        "    x = torch.randn(5, 7, generator=g)\n"
        "    before = x.clone()\n"
        "    expected = x.softmax(1)\n"
        "    result = softmax(x)\n"
        "    check_close(result, expected, hint='which dimension?')\n"
        "    check_equal(x, before, hint='do not change the input')\n"
    )
    assert halves.stimulus.splitlines() == [
        "g = fresh_generator()",
        "x = torch.randn(5, 7, generator=g)",
        "__enter__()",
        "result = softmax(x)",
        "__leave__()",
        "__send__(0, lambda: result)",
        "__send__(1, lambda: x)",
    ]
    assert "check_close(__take__(0), expected, hint='which dimension?')" in halves.oracle
    assert "softmax(x)" not in halves.oracle


def test_only_the_smallest_part_that_needs_the_student_is_sent():
    halves = split(
        "x = torch.ones(3)\ncheck_true(torch.allclose(softmax(x) * 2, x) and (softmax(x) >= 0).all(), hint='h')"
    )
    assert halves.stimulus.count("lambda: softmax(x)") == 2
    assert "allclose" not in halves.stimulus
    assert ">=" not in halves.stimulus


def test_larger_parts_on_demand():
    source = "net = Net()\ncheck_equal(sum(p.numel() for p in net.children()), 3)"
    halves = split(source)
    assert "lambda: [p.numel() for p in net.children()]" in halves.stimulus  # a generator can't be sent
    assert "lambda: sum(" in split(source, whole={"t0": set(halves.parents[0])}).stimulus
    assert "lambda: sum(" in split(source, flat=["t0"]).stimulus
    assert "lambda: sum(" in split(source, chains=True).stimulus


def test_intermediate_values_are_computed_outside():
    halves = split(
        "x = torch.ones(3)\nsecret = x / 3\nerror = (softmax(x) - secret).abs().max()\ncheck_between(error, 0, 1e-6)"
    )
    assert "secret" not in halves.stimulus
    assert "error = (__take__(0) - secret).abs().max()" in halves.oracle


def test_randomness_stays_in_step():
    halves = split(
        "g = fresh_generator()\nx = torch.randn(2, generator=g)\nnoise = torch.randn(2, generator=g)\n"
        "y = torch.randn(2, generator=g)\ncheck_close(softmax(y), y.softmax(0) + 0 * noise)"
    )
    assert "noise = " in halves.stimulus  # y comes after it from the same generator
    seeded = split(
        "torch.manual_seed(3)\nw = torch.randn(2)\ntorch.manual_seed(4)\ny = torch.randn(2)\ncheck_equal(softmax(y), w)"
    )
    assert "w = " not in seeded.stimulus


def test_loops_run_on_both_sides():
    halves = split(
        "for n in range(3):\n    x = torch.ones(n)\n    wanted = x / n\n    check_close(softmax(x), wanted)\n"
        "[check_equal(softmax(m), m) for m in (1, 2)]"
    )
    assert "for n in range(3):" in halves.stimulus
    assert "for n in range(3):" in halves.oracle
    assert "wanted" not in halves.stimulus
    assert "for m in (1, 2):" in halves.oracle


def test_models_of_the_course_are_synchronised():
    halves = split(
        "torch.manual_seed(0)\nmodel = nn.Linear(2, 1)\nx, y = torch.randn(9, 2), torch.ones(9)\ntrain(model, x, y)\n"
        "check_between(((model(x) > 0) == y).float().mean(), 0.9, 1)"
    )
    assert "__take__(0, model, [model, x, y])(__take__(1, x, [model, x, y]))" in halves.oracle
    assert "mean" not in halves.stimulus


def test_spies_are_read_from_the_student():
    halves = split(
        "seen = []\nspy = nn.Identity()\nhandle = spy.register_forward_hook(lambda m, a, o: seen.append(1))\n"
        "train(spy, 1, 2)\ncheck_equal(seen, [1])"
    )
    assert "register_forward_hook" in halves.stimulus
    assert "check_equal(__take__(0), [1])" in halves.oracle


@pytest.mark.parametrize(
    ("test", "oracle"),
    [
        ("assert softmax(1) == [1, 2], 'no'", "assert __take__(0) == [1, 2], 'no'"),
        ("assert abs(softmax(2) - np.exp(0)) < 1e-6", "assert abs(__take__(0) - np.exp(0)) < 1e-06"),
        ("np.testing.assert_allclose(softmax(2), [3])", "np.testing.assert_allclose(__take__(0), [3])"),
        ("assert value == 3", "assert __take__(0) == 3"),
        ("if softmax(3) != 5:\n    raise ValueError('no')", "if __take__(0) != 5:\n    raise ValueError('no')"),
        (
            "try:\n    softmax(0)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('did not raise')",
            "try:\n    __take__(0)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('did not raise')",
        ),
        (
            "with np.testing.assert_raises(ValueError):\n    softmax(-1)",
            "with np.testing.assert_raises(ValueError):\n    __take__(0)",
        ),
        (
            "check_raises(lambda: softmax('a'), TypeError, match='x')",
            "check_raises(__replay__(0), TypeError, match='x')",
        ),
        ("np.testing.assert_raises(ValueError, softmax, -1)", "np.testing.assert_raises(ValueError, __replay__(0))"),
        ("for p in softmax(3):\n    assert p >= 0", "for p in __take__(0):\n    assert p >= 0"),
        ("def test_it():\n    y = softmax(1)\n    assert y == 2\n\ntest_it()", "assert __take__(0) == 2"),
        (
            "def verify(f, x, *, y=3):\n    assert f(x) == y\nfor x in (1, 2):\n    verify(softmax, x, y=x)",
            "for x in (1, 2):\n    x__1 = x\n    y__1 = x\n    assert __take__(0) == y__1",
        ),
        (
            "old = softmax\ndel softmax\ntry:\n    value(1)\nexcept NameError:\n    pass\nelse:\n    raise OSError\n"
            "finally:\n    softmax = old",
            "try:\n    __take__(0)\nexcept NameError:\n    pass\nelse:\n    raise OSError",
        ),
        ("def good(f):\n    return f(1) == 2\nassert good(softmax)", "assert __take__(0) == 2"),
        (
            "k = 0\nfor i in range(4):\n    if softmax(i) == i:\n        k += 1\nassert k == 4",
            "k = 0\nfor i in range(4):\n    if __take__(0) == i:\n        k += 1\nassert k == 4",
        ),
        (
            "bad = []\nfor i in range(4):\n    if softmax(i) != i:\n        bad.append(i)\nassert not bad",
            "bad = []\nfor i in range(4):\n    if __take__(0) != i:\n        bad.append(i)\nassert not bad",
        ),
        (
            "ok = True\nfor i in range(4):\n    ok = ok and softmax(i) == i\nassert ok",
            "ok = True\nfor i in range(4):\n    ok = ok and __take__(0) == i\nassert ok",
        ),
        (
            "res = [softmax(i) == i for i in range(3)]\nassert all(res)",
            "res = [__take__(0) == i for i in range(3)]\nassert all(res)",
        ),
        (
            "def err(f):\n    return max(abs(f(x) - np.sin(x)) for x in (1, 2))\nassert err(softmax) < 1e-9",
            "assert max([abs(__take__(0) - np.sin(x)) for x in (1, 2)]) < 1e-09",
        ),
        (
            "x = np.ones(3)\nnp.testing.assert_allclose(softmax(x), x * 2)",
            "x = np.ones(3)\nnp.testing.assert_allclose(__take__(0), x * 2)",
        ),
        ("x = np.ones(3)\ny = softmax(x)\nassert not np.shares_memory(x, y)", "x = np.ones(3)\nassert not __take__(0)"),
    ],
)
def test_other_courses(test, oracle):
    assert split(test).oracle == oracle


@pytest.mark.parametrize(
    ("test", "reason"),
    [
        ("try:\n    softmax(1)\nexcept ValueError:\n    softmax(2)\nelse:\n    raise OSError", "try"),
        ("test_softmax(softmax)", "judges"),
        ("for p in softmax(3):\n    check_equal(softmax(p), 1)", "loop"),
        ("if value > 2:\n    check_equal(softmax(1), 2)", "condition"),
        ("def both(x):\n    assert softmax(x) == x\nfor judge in [both]:\n    judge(1)", "judges"),
        ("k = 0\nwhile softmax(k) > 2:\n    assert k < 5\n    k += 1", "loop"),
        ("def both(x):\n    if x > 1:\n        return\n    assert softmax(x) == x\nboth(1)", "judges"),
        ("x = (", "Python"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_says_why(test, reason):
    result = plan_notebook(cells(test)).splits["t0"]
    assert isinstance(result, str)
    assert reason in result


def test_names_of_tests_and_of_students_are_kept_apart():
    made = cells("for x in range(3):\n    check_equal(softmax(np.float32(x)), value)", answer=f"{ANSWER}\nx = 1")
    assert (
        plan_notebook(made).splits["t0"].stimulus.splitlines()[0] == "for x in _course_range(3):"
    )  # x is the student's
    made = cells("n = 3\ncheck_equal(softmax(np.ones(n)), 1)", "check_equal(softmax(n), 1)")
    assert plan_notebook(made).splits["t0"].stimulus.splitlines()[0] == "n = 3"  # a later test needs it
    halves = plan_notebook(cells("n = 3\ncheck_equal(softmax(np.ones(n)), n)")).splits["t0"]
    assert halves.stimulus == "n__t = 3\n__send__(0, lambda: softmax(_course_np.ones(n__t)))"
    assert halves.oracle == "n__t = 3\ncheck_equal(__take__(0), n__t)"


@pytest.mark.parametrize(
    "test",
    [
        "a = [1]\nb = a\nsoftmax(b)\nassert a == [1]",
        "a = [1]\nb = {'k': a}\nsoftmax(b)\nassert a == [1]",
        "a = [1]\nmore = (a, 2)\nsoftmax(*more)\nassert a == [1]",
        "a = [[1]]\nout = [softmax(row) for row in a]\nassert a == [[1]]",
        "a = [[1]]\nfor row in a:\n    softmax(row)\nassert a == [[1]]",
        "a = [1]\nfor given, want in [(a, 2)]:\n    assert softmax(given) == want\nassert a == [1]",
        "a = np.ones(2)\nsoftmax(torch.from_numpy(a))\nassert a.sum() == 2",
        "softmax(1)\nassert DATA == [1]",
    ],
)
def test_what_student_code_can_reach_is_looked_at_where_it_ran(test):
    made = cells(test, setup=f"{SETUP}\nDATA = [1]")
    halves = plan_notebook(made).splits["t0"]
    assert "__take__(" in halves.oracle.splitlines()[-1]


def test_what_student_code_never_had_is_not_taken_from_it():
    halves = split("a, b = [1], [1]\nsoftmax(a)\nassert a == b")
    assert halves.oracle.endswith("assert __take__(0, a, [a]) == b")


def test_the_plan_does_not_depend_on_what_a_student_wrote():
    one, other = cells("check_equal(softmax(1), 2)"), cells("check_equal(softmax(1), 2)")
    other[1] = AnswerCell("answer", "code", "answer", "answer", "torch = check_equal = None", 0, ANSWER)
    assert plan_notebook(one) == plan_notebook(other)


def test_setup_that_needs_student_code_stays_inside():
    made = cells("check_equal(twice(1), 2)\ncheck_equal(size, 3)")
    made.insert(2, AnswerCell("later", "code", None, "setup", "size = 3\ndef twice(x): return 2 * softmax(x)"))
    plan = plan_notebook(made)
    assert plan.oracle_setup["later"] == "size = 3"
    assert plan.splits["t0"].oracle == "check_equal(2 * __take__(0), 2)\ncheck_equal(size, 3)"


def test_lint_names_the_rest():
    hidden = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
    report = lint(
        cells(hidden.format("check_equal(softmax(1), 2)"), hidden.format("test_softmax(softmax)"), "assert value == 1")
    )
    assert (report.hidden, report.outside, report.share) == (2, 1, 0.5)
    assert report.findings[0][0] == "t1"
