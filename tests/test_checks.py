"""The checks of exercises: what passes, what fails, and what the student reads then."""

import numpy as np
import pytest
import torch

from helpers.checks import (
    CheckError,
    check_accuracy,
    check_between,
    check_close,
    check_equal,
    check_raises,
    check_shape,
    check_true,
    check_type,
    fresh_generator,
    fresh_seed,
    task,
)


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("COURSE_SEED", raising=False)


def divide(number):
    return number / 0


NAN = float("nan")
PASSING = [
    (check_type, 1, int),
    (check_type, 1.0, (int, float)),
    (check_shape, torch.zeros(2, 3), (2, 3)),
    (check_shape, np.zeros(()), ()),
    (check_equal, [1, "a", (2.5,)], [1, "a", (2.5,)]),
    (check_equal, torch.tensor([1, 2]), torch.tensor([1, 2])),
    (check_equal, {"a": torch.ones(2)}, {"a": np.ones(2)}),
    (check_equal, None, None),
    (check_equal, True, 1),
    (check_close, 1.00001, 1.0),
    (check_close, [1.0, 2.0], [1.0, 2.0]),
    (check_close, torch.ones(2, requires_grad=True), torch.ones(2)),
    (check_close, torch.ones(2, dtype=torch.bfloat16), torch.ones(2)),
    (check_close, torch.tensor([NAN, 1.0]), torch.tensor([NAN, 1.0])),
    (check_close, [torch.ones(2), torch.zeros(3)], [torch.ones(2), torch.zeros(3)]),
    (check_close, torch.empty(0), torch.empty(0)),
]


@pytest.mark.parametrize(("check", "actual", "expected"), PASSING)
def test_does_a_right_answer_pass(check, actual, expected):
    assert check(actual, expected) is None


FAILING = [
    (check_type, "1", int, "expected int, got a str"),
    (check_type, None, int, "not written yet, or a `return` is missing"),
    (check_type, ..., int, "not written yet"),
    (check_type, "1", (int, float), "expected int or float"),
    (check_shape, torch.zeros(3, 2), (2, 3), r"expected shape \(2, 3\), got shape \(3, 2\)"),
    (check_shape, 5, (2,), "got a int"),
    (check_equal, [1, 2], [1, 3], r"expected \[1, 3\], got \[1, 2\]"),
    (check_equal, [1], [1, 2], "expected"),
    (check_equal, torch.ones(3), torch.ones(2), "expected"),
    (check_equal, {"a": 1}, {"b": 1}, "expected"),
    (check_equal, None, 1, "got None"),
    (check_close, 1.1, 1.0, "expected 1, got 1.1"),
    (check_close, torch.ones(2, 1), torch.ones(2), r"expected shape \(2,\), got shape \(2, 1\)"),
    (check_close, torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0]), r"expected 2 at index \(1,\), got 3 \(1 of 2"),
    (check_close, torch.tensor([NAN]), torch.tensor([1.0]), "expected"),
    (check_close, torch.tensor([1.0]), torch.tensor([NAN]), "expected"),
    (check_close, "one", 1.0, "got a str"),
    (check_close, [torch.ones(2)], [torch.ones(2), torch.ones(2)], "expected 2 values"),
    (check_close, [torch.ones(2), torch.zeros(2)], [torch.ones(2), torch.ones(2)], "value number 2"),
    (check_close, float("inf"), 1.0, "got inf"),
]


@pytest.mark.parametrize(("check", "actual", "expected", "message"), FAILING)
def test_does_a_wrong_answer_fail_and_say_why(check, actual, expected, message):
    with pytest.raises(CheckError, match=message) as caught:
        check(actual, expected, hint="look at the axes")
    assert "look at the axes" in str(caught.value)


def test_is_a_number_in_its_range():
    check_between(0.5, 0.0, 1.0)
    check_between(torch.tensor([1.0]), 0.0, 1.0)
    for wrong in (1.5, NAN, [1, 2], "x", None):
        with pytest.raises(CheckError):
            check_between(wrong, 0.0, 1.0)


def test_is_accuracy_counted():
    targets = torch.tensor([0, 1, 1, 0])
    check_accuracy([0, 1, 1, 1], targets, 0.75)
    with pytest.raises(CheckError, match="at least 80.0%, got 75.0%"):
        check_accuracy([0, 1, 1, 1], targets, 0.8)
    with pytest.raises(CheckError, match="at most 90.0%, got 100.0%"):
        check_accuracy(targets, targets, 0.5, at_most=0.9)
    with pytest.raises(CheckError, match=r"shape \(4,\), got shape \(4, 1\)"):
        check_accuracy(targets[:, None], targets, 0.5)


def test_is_a_condition_checked_with_its_hint():
    check_true(torch.tensor(True), "unused")
    with pytest.raises(CheckError, match="^the input was changed$"):
        check_true(False, "the input was changed")


def test_is_an_expected_error_checked():
    check_raises(lambda: divide(1), ZeroDivisionError, match="division")
    with pytest.raises(CheckError, match="expected a ValueError, got a ZeroDivisionError"):
        check_raises(lambda: divide(1), ValueError)
    with pytest.raises(CheckError, match="got no error but the value 3"):
        check_raises(lambda: 3, ValueError)
    with pytest.raises(CheckError, match="whose message contains 'shape'"):
        check_raises(lambda: divide(1), ZeroDivisionError, match="shape")


def test_does_run_all_go_on_after_a_failure(capsys):
    with task("2 softmax"):
        check_equal(1, 2, hint="try again")
    with task("3 entropy"):
        check_equal(2, 2)
    out, err = capsys.readouterr()
    assert err == ""
    first, second = out.splitlines()
    assert first.startswith("✗ Task 2 softmax: expected 2, got 1. Hint: try again")
    assert second == "✓ Task 3 entropy: these checks pass."


def test_is_an_error_of_the_answer_told_with_its_line(capsys):
    code = compile("def answer(x):\n    return x / 0\n", "<ipython-input-1>", "exec")
    scope = {}
    exec(code, scope)
    with task("1 divide"):
        check_equal(scope["answer"](1), 1)
    assert "your code raised ZeroDivisionError" in capsys.readouterr().out


def test_is_the_source_of_a_none_explained(capsys):
    def unfinished():
        """Returns nothing yet."""

    with task("1 loss"):
        check_close(unfinished().mean(), 1.0)
    assert "None is what a function gives that is unfinished" in capsys.readouterr().out


def test_does_grading_raise_and_print_nothing(capsys, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(CheckError), task("2 softmax"):
        check_equal(1, 2)
    with task("3 entropy"):
        check_equal(2, 2)
    assert capsys.readouterr() == ("", "")


def test_are_hidden_inputs_new_unless_fixed(monkeypatch):
    assert fresh_seed() != fresh_seed()
    monkeypatch.setenv("COURSE_SEED", "11")
    assert fresh_seed() == 11
    draws = [torch.rand(3, generator=fresh_generator(offset)) for offset in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_is_a_long_value_shortened():
    with pytest.raises(CheckError) as caught:
        check_equal("x" * 1000, "y")
    assert len(str(caught.value)) < 300
