"""Tests that look as if they checked something: does the instructor hear of them?"""

import pytest

from grader.judge.checks_in_code import blunt
from grader.judge.names import parse
from grader.judge.prove import _escaped
from grader.tests.written import result_of, written

BLUNT = {
    "assert (inc(1) == 2, 'inc(1) should be 2')": "line 1 asserts a pair in brackets",
    "assert inc(1) == 2 or True": "line 1 asserts something that is always true",
    "assert inc(1) == 2 or 'wrong'": "line 1 asserts something that is always true",
    "x = 3\ninc(x) == 4": "line 2 compares and asserts nothing",
    "inc(1) == 2 and inc(2) == 3": "line 1 compares and asserts nothing",
    "not inc(1) == 3": "line 1 compares and asserts nothing",
    "for x in (1, 2):\n    inc(x) == x + 1": "line 2 compares and asserts nothing",
    "if inc:\n    pass\nelse:\n    inc(1) == 2": "line 4 compares and asserts nothing",
    "np.allclose(inc(1), 2)": "line 1 asks allclose() and asserts nothing",
    "all(inc(x) == x + 1 for x in (1, 2))": "line 1 asks all() and asserts nothing",
    "isinstance(inc(1), int)": "line 1 asks isinstance() and asserts nothing",
    "tc.assertTrue(inc(1), 2)": "line 1 compares nothing: what assertTrue gets second is a message",
    "tc.assertTrue(inc(1), -2)": "line 1 compares nothing",
    "tc.assertFalse(inc(1), [2])": "line 1 compares nothing",
    "def check():\n    inc(1) == 2\ncheck()": "line 2 compares and asserts nothing",
}
SHARP = [
    "assert inc(1) == 2", "assert inc(1) == 2, 'wrong'", "assert (inc(1) == 2), 'wrong'", "assert (inc(1) == 2)",
    "assert inc(1) or inc(2)", "assert inc(1) == 2 and True", "tc.assertTrue(inc(1) == 2, 'wrong')",
    "tc.assertTrue(inc(1) == 2, f'wrong {inc}')", "tc.assertTrue(inc(1) == 2, msg)", "tc.assertEqual(inc(1), 2)",
    "tc.assertTrue(inc(1) == 2)", "np.testing.assert_allclose(inc(1), 2)", "0.5 * (inc(1) == 2)", "inc(1)",
    "with pytest.raises(TypeError):\n    inc(1) < 'a'",
    "try:\n    inc(1) < 'a'\nexcept TypeError:\n    pass\nelse:\n    raise",
    "same = inc(1) == 2\nassert same", "print(inc(1) == 2)", "assert ()", "x = all([inc])\nassert x", "%time inc(1)",
]  # fmt: skip


@pytest.mark.parametrize("test", BLUNT)
def test_is_a_check_named_that_checks_nothing(test):
    assert blunt(parse(test)).startswith(BLUNT[test])
    assert "{" not in _escaped(blunt(parse(test)))


@pytest.mark.parametrize("test", SHARP)
def test_is_a_check_that_can_fail_left_alone(test):
    assert blunt(parse(test)) == ""


@pytest.mark.sandbox
@pytest.mark.timeout(180)
def test_does_the_instructor_hear_of_it(worker, tmp_path):
    answer = "def inc(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
    tests = [test for test in BLUNT if "np." not in test and "tc." not in test]
    course = written(tmp_path, ("answer", answer), *(("test", test) for test in tests), ("test", "assert inc(1) == 2"))
    right = result_of(worker, course, {0: "def inc(x):\n    return x + 1"})
    named = {finding.split("'")[1] for finding in right.findings}
    assert named == {f"g{number}" for number in range(1, len(tests) + 1)}
    assert {task.score for task in right.tasks} == {1}
