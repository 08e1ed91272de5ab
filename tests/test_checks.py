"""The checks of exercises: what passes, what fails, and what the student reads then."""

import contextlib
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from helpers.checks import (
    CheckError,
    by_hand,
    check_accuracy,
    check_between,
    check_close,
    check_equal,
    check_raises,
    check_secret,
    check_shape,
    check_true,
    check_type,
    digest_of,
    failure_of,
    fresh_generator,
    fresh_seed,
    gradient_of,
    guard,
    task,
    unchanged,
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
    (check_shape, 5, (2,), "got an int"),
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


def printed(capsys) -> str:
    """What was printed, in one line."""
    return " ".join(capsys.readouterr().out.split())


def test_does_run_all_go_on_after_a_failure(capsys):
    with task("2 softmax"):
        check_equal(1, 2, hint="try again")
    with task("3 entropy"):
        check_equal(2, 2)
    out, err = capsys.readouterr()
    assert err == ""
    first, second = out.splitlines()
    assert first == "✗ Task 2 softmax: expected 2, got 1. Hint: try again"
    assert second == "✓ Task 3 entropy: these checks pass; hidden tests decide about the rest."


def test_is_an_error_of_the_answer_told_with_its_line_and_the_call(capsys):
    answer = "def inner(z):\n    return z / 0\n\ndef answer(x, model, k=2, note=''):\n    return inner(x - 1)\n"
    code = compile(answer, "<ipython-input-1>", "exec")
    scope = {}
    exec(code, scope)
    with task("1 divide"):
        check_equal(scope["answer"](torch.tensor([1, 2]).sum().item(), nn.ReLU(), note="n" * 70), 1)
    assert "your code raised ZeroDivisionError, called with x=3, k=2: division by zero" in printed(capsys)
    with task("1 divide"):
        check_equal(scope["answer"]("n" * 70, None, [0] * 70, note="n" * 70), 1)
    assert "your code raised TypeError: unsupported operand" in printed(capsys)
    exec(compile("def answer(x):\n    raise ValueError", "<ipython-input-2>", "exec"), scope)
    with task("1 divide"):
        check_equal(scope["answer"](0), 1)
    assert printed(capsys) == "✗ Task 1 divide: your code raised ValueError, called with x=0."


def test_is_a_long_message_broken_between_words(capsys):
    with task("1 words"):
        check_equal(1, 2, hint="a batch-norm layer " * 9)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert max(map(len, lines)) <= 72
    assert " ".join(lines) == f"✗ Task 1 words: expected 2, got 1. Hint: {'a batch-norm layer ' * 9}".strip()


def run_cells(*sources: str, frame: str = "<module>") -> None:
    """Run cells one after the other, as a notebook does; the last one is a check."""
    scope: dict = {"task": task, "check_equal": check_equal}
    for number, source in enumerate(sources):
        with contextlib.suppress(NameError):
            exec(compile(source, f"<ipython-input-{number}>", "exec").replace(co_name=frame), scope)


@pytest.mark.parametrize(
    "frame", ["<module>", "<cell line: 1>"]
)  # as Python names a cell's frame, and as IPython 7 does
def test_is_a_line_of_the_check_never_called_the_students(frame, capsys):
    check = 'with task("1 size"):\n    check_equal(STACK["size"], 8)'
    run_cells("STACK = log(2)", check, frame=frame)
    said = printed(capsys)
    assert "the check found no `STACK`. Hint: give this name a value in a cell and run the cell" in said
    assert "your code" not in said
    run_cells("STACK = 8", check, frame=frame)
    assert "the check could not use your answer (TypeError: 'int' object is not subscriptable)" in printed(capsys)


@pytest.mark.parametrize("body", ["return wide - 1", "if x > 3:\n        rows = 1\n    return rows"])
def test_is_an_unknown_name_looked_for_in_the_answer(body, capsys):
    run_cells(f"def size(x):\n    {body}", 'with task("1 size"):\n    check_equal(size(2), 8)')
    said = printed(capsys)
    assert "no line above gives this name a value: is it misspelled, is a blank still open" in said
    assert "your code raised" in said


def test_is_the_source_of_a_none_explained(capsys):
    def unfinished():
        """Returns nothing yet."""

    with task("1 loss"):
        check_close(unfinished().mean(), 1.0)
    assert "None is what a function gives that is unfinished" in printed(capsys)


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


# --- a failed check is data


def hint_of(check, *args, **kwargs) -> str:
    with pytest.raises(CheckError) as caught:
        check(*args, **kwargs)
    return caught.value.hint


def test_are_the_parts_of_a_failure_kept_apart():
    with pytest.raises(CheckError) as caught:
        check_equal(3, 4, hint="add one")
    error = caught.value
    assert (error.expected, error.got, error.hint) == ("4", "3", "add one")
    assert str(error) == "expected 4, got 3. Hint: add one"
    again = pickle.loads(pickle.dumps(error))
    assert (again.expected, again.got, again.hint, str(again)) == ("4", "3", "add one", str(error))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (("", "", "h"), "h"),
        (("a", "", ""), "a."),
        (("", "b", "h"), "b. Hint: h"),
        (("a", "b", ""), "expected a, got b."),
    ],
)
def test_does_a_failure_read_as_a_sentence(parts, sentence):
    assert str(CheckError(*parts)) == sentence


def test_is_an_error_of_the_answer_data_too():
    try:
        nn.Linear(2, 3)(torch.zeros(4, 5))
    except RuntimeError as error:
        failure = failure_of(error)
    assert failure.got.startswith("your code raised RuntimeError")
    assert "inner sizes" in failure.hint


# --- the hint answers the mistake that was made

W = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


def test_does_the_table_of_a_task_come_first():
    table = {4: "you added", "4": "a text"}
    assert hint_of(check_equal, 4, 5, hint="general", hints=table) == "you added"
    assert hint_of(check_equal, "4", 5, hint="general", hints=table) == "a text"
    assert hint_of(check_equal, 6, 5, hint="general", hints=table) == "general"
    questions = [(lambda x: x.isnan().any(), "nan comes from 0 / 0"), (2 * W, "twice"), (lambda x: x[9] > 0, "never")]
    assert hint_of(check_close, W / 0 * 0, W, hint="general", hints=questions) == "nan comes from 0 / 0"
    assert hint_of(check_close, 2.00001 * W, W, hint="general", hints=questions) == "twice"
    assert hint_of(check_close, W + 1, W, hint="general", hints=questions) == "general"
    assert hint_of(check_shape, W, (4,), hint="general", hints={(2, 2): "flatten"}) == "flatten"
    assert hint_of(check_type, 1.0, int, hint="general", hints={float: "count"}) == "count"
    assert hint_of(check_between, 2, 0, 1, hint="general", hints={2: "in percent"}) == "in percent"
    assert hint_of(check_close, None, W, hint="general", hints={None: "no gradient arrived"}) == "no gradient arrived"


def test_are_shared_mistakes_recognised():
    assert "transposed" in hint_of(check_close, W.T, W, hint="general")
    cat = torch.arange(24.0).reshape(2, 3, 4)
    assert "reshape" in hint_of(check_close, cat.reshape(4, 3, 2), cat.permute(2, 1, 0), hint="general")
    assert "axes exchanged" in hint_of(check_close, W.repeat(2, 1, 1).mT, W.repeat(2, 1, 1), hint="general")
    assert "binds a new name" in hint_of(check_close, W.clone(), W - 1, hint="general", before=W)
    assert "binds a new name" in hint_of(check_close, W.clone(), W - 1, hint="general", before=unchanged(W))
    assert "broadcasting" in hint_of(check_shape, torch.zeros(5, 5), (5,), hint="general")
    right = "the sizes are right, but axes of size 1"  # and no word about sizes, which the task's hint is about
    for kept in ((1, 3, 4), (1, 1, 3, 4)):
        assert hint_of(check_shape, torch.zeros(kept), (3, 4), hint="no padding: one row less").startswith(right)
        assert "padding" not in hint_of(
            check_close, torch.zeros(kept), torch.ones(3, 4), hint="no padding: one row less"
        )
    for other in ((1, 1, 4, 5), (3, 4, 1), (3, 2, 4), (4,), (12,), (3,)):
        assert hint_of(check_shape, torch.zeros(other), (3, 4), hint="general") == "general"


def test_is_a_pair_of_values_and_places_named():
    pair = W.max(dim=1)
    for check in (lambda: check_close(pair, W[:, 0]), lambda: check_equal(pair, W), lambda: check_shape(pair, (2,))):
        with pytest.raises(CheckError, match=r"got a pair of `\.values` and `\.indices`"):
            check()


def test_is_nothing_blamed_that_is_right():
    """A wrong value that fits no known mistake gets the task's own hint, even where it is near one."""
    for wrong in (W + 1, W.flip(0), W.flip(1), W.roll(1), torch.zeros(2, 2), torch.full((2, 2), float("nan"))):
        assert hint_of(check_close, wrong, W, hint="general", before=W - 1) == "general"
    assert hint_of(check_close, torch.tensor([2.0, 1.0]), torch.tensor([1.0, 2.0]), hint="general") == "general"


class WithoutInit(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(2, 2)


class WithoutInitAndLayers(nn.Module):
    def __init__(self):
        self.size = 3

    def forward(self, x):
        return x


MISTAKES = [
    (WithoutInit, "super"),
    (lambda: WithoutInitAndLayers()(1), "super"),
    (lambda: setattr(nn.Linear(2, 2), "weight", torch.zeros(2, 2)), "no_grad"),
    (lambda: nn.Sequential(nn.ReLU), "brackets"),
    (lambda: torch.zeros(2).sum().backward(), "detach"),
    (lambda: torch.zeros(2, requires_grad=True).add_(1), "no_grad"),
    (lambda: torch.zeros(3) + torch.zeros(4), "from the right"),
    (lambda: torch.arange(3).mean(), "float"),
    (lambda: tuple(3.0), "`(x,)`"),
    (lambda: W - W.max(dim=1, keepdim=True), ".values"),
    (lambda: torch.exp(W.max(dim=1)), ".values"),
    (lambda: W.max(dim=1).exp(), ".values"),
    (lambda: torch.ones(4, 5) @ torch.ones(5, 7, 3), "`x @ W.mT`"),
    (lambda: np.exp(torch.zeros(2, requires_grad=True)), "`torch.exp` for `np.exp`"),
    (lambda: bool(torch.zeros(2) > 0), "several truth values"),
    (lambda: None + 1, "return"),
    (lambda: compile("x = 3 \u2212 1", "", "exec"), "minus"),
    (lambda: compile("x = {\u201cA\u201d: 1}", "", "exec"), "quotation mark"),
    (lambda: compile("x = [1,3863, 0,0101]", "", "exec"), "decimal point"),
]


@pytest.mark.parametrize(("mistake", "said"), MISTAKES)
def test_is_an_error_message_explained(mistake, said):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        mistake()
    assert said in failure_of(caught.value).hint


def test_is_unsafe_advice_contradicted(tmp_path):
    torch.save(nn.Linear(1, 1), tmp_path / "model.pt")
    with pytest.raises(pickle.UnpicklingError) as caught:
        torch.load(tmp_path / "model.pt", weights_only=True)
    assert "do not follow the advice" in failure_of(caught.value).hint


# --- what tests are made of


def test_is_the_ready_made_function_refused():
    def softmax(x):
        return x.exp() / x.exp().sum()

    watched = by_hand(softmax, forbid=["softmax"], hint="use exp and sum")
    check_close(watched(W), softmax(W))
    for short in (lambda x: x.softmax(0), lambda x: torch.softmax(x, 0), lambda x: nn.functional.softmax(x, 0)):
        with pytest.raises(CheckError, match="softmax, which is not allowed here. Hint: use exp and sum"):
            by_hand(short, forbid=["softmax"], hint="use exp and sum")(W)


def test_is_an_input_that_changed_noticed():
    batch, state = W.clone(), {"w": W.clone()}
    kept, kept_state = unchanged(batch), unchanged(state)
    check_equal(batch, kept)
    check_close(batch, kept)
    batch += 1
    state["w"][0, 0] = 9
    assert "copy" in hint_of(check_equal, batch, kept)
    with pytest.raises(CheckError, match="to stay as it was, got .*9.* after the call"):
        check_equal(state, kept_state)


def test_is_a_gradient_taken_or_its_absence_explained():
    at = torch.tensor([1.0, 2.0])
    check_close(gradient_of(lambda x: (x**2).sum(), at=at), torch.tensor([2.0, 4.0]))
    assert at.grad is None
    assert not at.requires_grad
    for cut in (lambda x: (x**2).sum().item(), lambda x: (x.detach() ** 2).sum(), lambda x: torch.ones(())):
        assert ".item()" in hint_of(gradient_of, cut, at=at)
    other = torch.ones((), requires_grad=True)
    assert "cut the way back" in hint_of(gradient_of, lambda x: other * 2, at=at)
    assert "scalar" in hint_of(gradient_of, lambda x: x**2, at=at)


def test_can_an_answer_be_checked_without_being_shown():
    digest = digest_of(["B", "C"])
    check_secret(["B", "C"], digest, hint="look again")
    check_secret(("B", "C"), digest, hint="look again")
    with pytest.raises(CheckError) as caught:
        check_secret(["B"], digest, hint="look again", hints=[(lambda lines: len(lines) < 2, "there are two")])
    assert str(caught.value) == "expected another answer, got ['B']. Hint: there are two"


def test_does_the_first_difference_show():
    with pytest.raises(CheckError, match=r"expected 0 at index \(4, 3\), got 1 \(1 of 20 values differ\)"):
        check_equal(torch.eye(5, 4) * 0 + (torch.arange(20).reshape(5, 4) == 19), torch.zeros(5, 4))
    with pytest.raises(CheckError, match="expected 'cpu' under 'device', got 'meta'"):
        check_equal({"device": "meta", "n": 1}, {"device": "cpu", "n": 1})


def test_does_a_guard_tell_a_reader_what_no_longer_fits_and_go_on(capsys):
    with guard():
        accuracy = 0.5
        assert accuracy > 0.9
    said = capsys.readouterr().err
    assert "You changed a cell above" in said
    assert "(accuracy > 0.9)" in said
    with guard():
        raise ZeroDivisionError
    assert "You changed a cell above" in capsys.readouterr().err


def test_is_a_guard_silent_while_the_text_is_true(capsys):
    with guard():
        assert 1 + 1 == 2
    assert capsys.readouterr() == ("", "")
