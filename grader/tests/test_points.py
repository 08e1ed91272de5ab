"""A test that ends in a number gives that many points."""
# ruff: noqa: E501 (hostile code, one attack per line)

import pytest

from grader.tests.jobs import RIGHT, plain, scores

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]


@pytest.mark.parametrize(
    ("test", "points"),
    [
        ("score = 0\nif square(3) == 9:\n    score += 1\nif square(0) == 5:\n    score += 1\nscore", 1),
        ("points = []\nfor x, y in [(2, 4), (3, 6), (4, 16), (5, 1)]:\n    points.append(square(x) == y)\nsum(points) / 2", 1),
        ("got = 0\nfor x, y in [(2, 4), (3, 6)]:\n    try:\n        assert square(x) == y\n        got += 0.75\n"
         "    except AssertionError:\n        pass\ngot", 0.75),
        ("7 if square(2) == 4 else 0", 2),
        ("-1 if square(2) == 4 else 0", 0),
        ("square(2) * float('nan')", 0),
        ("square(2) == 5", 2),  # a truth value is no number for nbgrader either
        ("def total():\n    return 1.5 * (square(2) == 4)\ntotal()", 1.5),
    ],
)  # fmt: skip
def test_a_test_that_ends_in_a_number_gives_that_many_points(worker, test, points):
    assert scores(worker.run_job(plain(test, answer=RIGHT))) == [points]


def test_a_test_that_ends_in_a_number_gives_nothing_for_wrong_answers_or_objects_that_equal_all(worker):
    test = "score = 0\nfor x, y in [(2, 4), (3, 9)]:\n    score += square(x) == y\nscore"
    liar = "class L(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef square(x):\n    return L(1)"
    for wrong in ("def square(x):\n    return 7", liar, "pass"):
        assert scores(worker.run_job(plain(test, answer=wrong))) == [0]
    listed = plain("assert all(square(x) == y for x, y in [(2, 4), (3, 9)])", answer=liar)
    assert scores(worker.run_job(listed)) == [0]


@pytest.mark.parametrize(
    ("test", "answer", "points"),
    [
        ("a = np.arange(5)\n(square(a) == a * a).sum() * 0.4", "def square(x):\n    return 0 * x", 0.4),
        ("score = 2 * (square(3) == 9)\nscore", "def square(x):\n    return np.array([0])", 0),
        ("points = 0\npoints += 2 * (square(3) == 9)\npoints", "def square(x):\n    return np.array([0, 0])", 0),
        ("sum(square(i) == i * i for i in range(2, 4))", "def square(x):\n    return torch.tensor([0])", 0),
        ("def count(f):\n    return (f(2) == 4) + (f(3) == 9)\ncount(square)", RIGHT, 2),
    ],
)
def test_points_are_counted_whatever_kind_of_number_they_are(worker, test, answer, points):
    head = "import numpy as np\nimport torch\n"
    assert scores(worker.run_job(plain(head + test, answer=head + answer))) == [points]


@pytest.mark.parametrize("end", ["square(2) / 8;", "square(2) / 8 ;  # shown to nobody", "(square(2) /\n 8);\n\n"])
def test_is_a_last_number_that_ends_in_a_semicolon_no_number_of_points(worker, end):
    result = worker.run_job(plain(f"assert square(2) == 4\n{end}", answer=RIGHT))
    assert (scores(result), result.findings) == ([2], [])


def test_is_the_instructor_told_how_to_end_a_test_whose_number_is_no_points(worker):
    result = worker.run_job(plain("assert square(2) == 4\nsquare(2) / 8", answer=RIGHT))
    assert scores(result) == [0.5]
    assert result.findings == [
        "the reference solution gets 0.5 of 2 points in the test 't0', which ends in a number, and that counts as "
        "points: end it with a semicolon if it should not"
    ]
