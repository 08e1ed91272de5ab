"""What names mean to students and to tests, and what is told of a test."""
# ruff: noqa: E501 (hostile code, one attack per line)

import re

import pytest

from grader.model import AnswerCell, Result
from grader.tests.jobs import RIGHT, SECRET, plain, scores

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]


def test_expected_values_are_no_names_beside_student_code(worker):
    for test in (
        "for x, want in [(3, 9), (4, 16)]:\n    assert square(x) == want",
        "for x, want in zip([3, 4], [9, 16]):\n    assert square(x) == want",
        "for n, (x, want) in enumerate([(3, 9)]):\n    assert square(x) == want",
        "x, want = 3, 9\nassert square(x) == want",
        "assert all(square(x) == want for x, want in [(3, 9)])",
    ):
        thief = plain(test, answer="def square(x):\n    return want")
        assert scores(worker.run_job(thief)) == [0], test
        assert scores(worker.run_job(plain(test, answer=RIGHT))) == [2], test


def test_the_instructor_hears_of_tests_that_cannot_be_passed_or_decide_nothing(worker):
    result = worker.run_job(
        plain("assert square(3) == 10", "square(3)\nx = 1", "import nowhere\nassert square(3) == 9", answer=RIGHT)
    )
    wrong, idle, missing = result.findings
    assert "the reference solution fails the test 't0'" in wrong
    assert "the test 't1' decides nothing" in idle
    assert "the reference solution fails the test 't2'" in missing
    assert "nowhere" in missing
    assert Result.from_dict(result.to_dict()) == result


@pytest.mark.parametrize(
    ("habit", "test"),
    [
        ("max = 7", "assert square(max(2, 3)) == 9"),
        ("data = 7", "assert square(data.size) == 9"),
        ("np = list = None", "x = np.array(list([3]))\nassert square(x)[0] == 9"),
        ("def g(x):\n    return x * x\ndef square(x):\n    return g(x)", "g = 3\nassert square(g) == 9"),
        ("c = 1\ndef square(x):\n    return c * x * x", "for c in (2, 3):\n    assert square(c) == c ** 2"),
        ("def g(x):\n    return x * x\ndef square(x):\n    return g(x)", "def g(f):\n    assert f(3) == 9\ng(square)"),
    ],
)
def test_names_of_students_and_of_tests_do_not_meet(worker, habit, test):
    job = plain(test, "assert square(4) == 16", answer=RIGHT)
    job.cells.insert(0, AnswerCell("setup", "code", None, "setup", "import numpy as np\ndata = np.zeros(3)"))
    job.cells.insert(2, AnswerCell("own", "code", None, "extra", habit))
    result = worker.run_job(job)
    assert (scores(result), result.findings) == ([2, 2], [])


@pytest.mark.parametrize(
    ("before", "first", "points"),
    [
        ("", "n = 3\nassert square(n) == 9", 2),
        ("n = 4\n", "n = 3\nassert square(n) == 9", 0),
        ("", "m = 3\nassert square(m) == 9", 0),
        ("", SECRET.format("n = 3\nassert square(n) == 9"), 0),
    ],
)
def test_student_code_finds_what_a_visible_test_bound(worker, before, first, points):
    job = plain(first, answer=before + RIGHT)
    triple = "limit = n\ndef triple(x):\n    return limit * x"
    job.cells.append(AnswerCell("triple", "code", "triple", "answer", triple, 0, "def triple(x):\n    return 3 * x"))
    job.cells.append(AnswerCell("t1", "code", "t1", "test", "assert triple(5) == 15", 2))
    assert scores(worker.run_job(job)) == [2, points]


def test_a_name_that_two_tests_share_is_named_if_the_student_took_it(worker):
    job = plain("n = 3\nassert square(n) == 9", "assert square(n) == 9", answer=RIGHT)
    job.cells.insert(2, AnswerCell("own", "code", None, "extra", "n = 5"))
    result = worker.run_job(job)
    assert scores(result) == [2, 0]
    assert result.tasks[1].message.endswith("gives `n` another meaning, which this test uses: take another name.")


def test_a_name_that_a_test_gives_the_answer_on_purpose_reaches_it(worker):
    reference = "def square(x):\n    return rate * x * x"
    assert scores(worker.run_job(plain("rate = 2\nassert square(3) == 18", answer=reference, reference=reference))) == [
        2
    ]


def test_an_answer_that_cannot_be_compiled_is_told_where(worker):
    result = worker.run_job(plain("assert square(3) == 9", answer="def square(x)\n    return x * x"))
    assert result.tasks[0].message.startswith("The cell with your answer stopped with SyntaxError: expected ':'")
    assert "line 1" in result.tasks[0].message


LEAK = """SEEN = []
def square(x):
    import sys, linecache
    frame = sys._getframe(1)
    while frame:
        text = "".join(linecache.getlines(frame.f_code.co_filename))
        if "sen" + "d__" in text:
            SEEN.append(text)
        frame = frame.f_back
    {end}
"""


@pytest.mark.parametrize(
    "end",
    [
        "raise ValueError(SEEN[0][:500].swapcase())",
        "return [SEEN[0][i:i + 7] for i in range(0, 70, 7)]",
        "return tuple(int.from_bytes(SEEN[0][i:i + 7].encode()) for i in range(0, 70, 7))",
        "return {SEEN[0][i:i + 7]: 1 for i in range(0, 70, 7)}",
        "return type('_' + ''.join(c if c.isalnum() else '_' for c in SEEN[0][:38]), (), {})()",
    ],
)
@pytest.mark.parametrize("visible", [False, True])
def test_a_message_tells_nothing_of_a_hidden_test_even_after_it(worker, end, visible):
    hidden = SECRET.format("assert square(unguessable) == 49")
    check = "from helpers.checks import *\ncheck_equal(square(3), 9)"
    tests = (hidden, check) if visible else (SECRET.format(f"square(unguessable)\n{check}"),)
    result = worker.run_job(plain(*tests, answer=LEAK.format(end=end)))
    assert set(scores(result)) == {0}
    told = result.tasks[-1].message
    assert told
    for piece in ("ungue", "UNGUE", "guessab", "_guess", str(int.from_bytes(b"unguess"))):
        assert piece not in told
    words = re.sub(r"(?s)expected 9|got \w+|got something else|Your code raised ValueError in the line.*", "", told)
    assert len(words) < 60  # beside an error's text, which is that of the show run


@pytest.mark.parametrize("context", ["with task('t'):\n    check_equal({}, 9)", "assert {} == 9"])
def test_a_visible_test_after_a_hidden_one_tells_the_error_of_the_show_run(worker, context):
    hidden = SECRET.format("assert square(unguessable) == 49")
    visible = "from helpers.checks import *\n" + context.format("square(3)")
    answer = "SEEN = []\ndef square(x):\n    SEEN.append(x)\n    raise ValueError(f'I gave up: {SEEN}')"
    result = worker.run_job(plain(hidden, visible, answer=answer))
    line = "Your code raised ValueError in the line `raise ValueError(f'I gave up: {SEEN}')`"
    assert [task.message for task in result.tasks] == [f"{line}.", f"{line}: I gave up: [3]."]


APART = (
    "class Miss(AssertionError):\n    def __init__(self, expected, got, hint):\n        super().__init__('missed')\n"
)
APART += "        self.expected, self.got, self.hint = expected, got, hint\n"


@pytest.mark.parametrize(
    ("setup", "test", "message", "parts"),
    [
        ("from helpers.checks import check_equal", "check_equal(square(3), 9, hint='times itself')",
         "expected 9, got 6. Hint: times itself", ["9", "6", "times itself"]),
        (APART, "if square(3) != 9:\n    raise Miss('nine', 'another', '')", "missed", ["nine", "another", ""]),
        ("", "assert square(3) == 9, 'expected 9, got less. Hint: none'", "expected 9, got less. Hint: none", []),
        ("class Odd(AssertionError):\n    expected = got = hint = 3", "if square(3) != 9:\n    raise Odd('odd')", "odd", []),
    ],
)  # fmt: skip
def test_do_the_parts_of_a_failed_check_travel_as_data(worker, setup, test, message, parts):
    job = plain(test, answer="def square(x):\n    return x + x")
    job.cells.insert(0, AnswerCell("setup", "code", None, "setup", setup))
    result = worker.run_job(job)
    (task,) = result.tasks
    assert task.status == "failed"
    if setup.startswith("class"):  # of another class than AssertionError the message is not the student's business
        assert message in task.message
    else:
        assert (task.message, task.parts) == (message, parts)
    assert Result.from_dict(result.to_dict()) == result


def test_do_parts_tell_nothing_of_a_hidden_test(worker):
    hidden = SECRET.format("check_equal(square(unguessable), 49, hint='square it')")
    job = plain(hidden, answer="def square(x):\n    return 'unguessable = ' + 'seven plus nothing at all' * 3")
    job.cells.insert(0, AnswerCell("setup", "code", None, "setup", "from helpers.checks import check_equal"))
    assert worker.run_job(job).tasks[0].parts == ["49", "something else", "square it"]
