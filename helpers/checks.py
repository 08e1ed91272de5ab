"""Checks for exercises: what was expected, what came, and where to look.

Every ``check_*`` function takes the student's value first and what the course expects after it, never the other way
round: the grader evaluates the first argument in the student's process and everything else outside it. A check that
fails raises `CheckError`, which holds the parts of its sentence as data. Inside ``with task("name"):`` a failing check
is printed in a live notebook, so that "run all" goes on, and raised while grading.

``hints`` is a table from a typical wrong value (or a question about the value) to the sentence that answers it. What
the table does not know, and many exercises share, is recognised here: axes in another order, a parameter that did not
change, a missing ``super().__init__()``. A recognised mistake replaces the general ``hint``.
"""

import hashlib
import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import permutations
from types import FrameType
from typing import Any, NoReturn

import numpy as np
import torch

from helpers.comparing import copied, difference, equal, kind_of, shape_mistake, shown, to_array, together
from helpers.mistakes import explain
from helpers.runtime import is_autograding

__all__ = [
    "CheckError", "by_hand", "check_accuracy", "check_between", "check_close", "check_equal", "check_raises",
    "check_secret", "check_shape", "check_true", "check_type", "fresh_generator", "fresh_seed", "gradient_of",
    "guard", "self_check", "task", "unchanged",
]  # fmt: skip

_SHORT = (int, float, str, list, tuple, np.ndarray, torch.Tensor)
Hints = Mapping[Any, str] | Iterable[tuple[Any, str]]


class CheckError(AssertionError):
    """An answer is not what was expected.

    Attributes:
        expected: what the check wanted, such as ``shape (2, 3)``; empty if the hint says it all.
        got: what came instead; empty where nothing came.
        hint: one sentence about the mistake that was made; may be empty.
    """

    def __init__(self, expected: str = "", got: str = "", hint: str = ""):
        self.expected, self.got, self.hint = expected, got, hint
        said = f"expected {expected}, got {got}" if expected and got else expected or got
        sentence = f"{said.rstrip('.')}." if said else ""
        super().__init__(f"{sentence} Hint: {hint}" if sentence and hint else sentence or hint)

    def __reduce__(self) -> tuple[type["CheckError"], tuple[str, str, str]]:
        return type(self), (self.expected, self.got, self.hint)


@contextmanager
def task(name: str) -> Iterator[None]:
    """Run the checks of one task: print the first failure in a live notebook, raise it while grading.

    Args:
        name: the task as the student knows it, such as ``"2 matmul_loops"``.

    Raises:
        Exception: whatever the checks raised, but only while grading or in a self-check.
    """
    if is_autograding():
        yield
        return
    from helpers import self_checking

    try:
        yield
    except Exception as error:
        if self_checking.running():
            raise
        said = f"✗ Task {name}: {failure_of(error)}"
        print(textwrap.fill(said, 72, break_long_words=False, break_on_hyphens=False))
    else:
        if not self_checking.running():
            print(f"✓ Task {name}: {self_checking.tick(name)}")


@contextmanager
def guard() -> Iterator[None]:
    """Hold what a chapter says against what its cells computed, without stopping a reader who experiments.

    The statements inside are assertions about numbers that the text quotes. Where one fails, the notebook says so on
    stderr and goes on; the tools that build and test the course fail on anything on stderr.
    """
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.line for frame in reversed(frames) if frame.filename != __file__ and frame.line), "")
        claim = f" ({line.removeprefix('assert ')})" if line.startswith("assert ") else ""
        print(
            f"You changed a cell above, or your processor rounds in another way: the chapter's text no longer fits "
            f"what it computes here{claim}. That is fine: go on, or undo your change and run the section again.",
            file=sys.stderr,
        )


def self_check(name: str = "") -> None:
    """Run all checks of an exercise, hidden ones too, on your own answers in this notebook; show answers on request.

    Args:
        name: the exercise, such as ``"02_tensors"``; if it is left out, the one whose visible tests ran last.

    Raises:
        ValueError: if there is no such exercise, or its checks came without this copy of the course.
    """
    if is_autograding():
        return  # the grader decides, elsewhere
    from helpers import self_checking

    self_checking.show(name)


# --- why a check failed


def failure_of(error: BaseException) -> CheckError:
    """Why a check failed, as data: the check's own words, or what the student's code raised and in which line."""
    if isinstance(error, CheckError):
        return error
    trace = error.__traceback__
    steps = zip(traceback.extract_tb(trace), (frame for frame, _ in traceback.walk_tb(trace)), strict=False)
    cells = [(step, frame) for step, frame in steps if re.search(r"ipykernel|ipython-input|^<", step.filename)]
    tests = {step.filename for step, _ in cells if step.name.startswith(("<module>", "<cell line"))}  # as in IPython 7
    own = [(step, frame) for step, frame in cells if step.filename not in tests]
    kind, words = type(error).__name__, re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip().rstrip(".")
    hint = explain(kind, words)
    words = words if len(words) <= 300 else words[:300].rsplit(" ", 1)[0] + " ..."
    if cells and not own and type(error) is NameError and error.name:
        hint = "give this name a value in a cell and run the cell; if it ended in an error, mend the error first"
        return CheckError(got=f"the check found no `{error.name}`", hint=hint)
    if cells and not own:
        return CheckError(got=f"the check could not use your answer ({f'{kind}: {words}'.rstrip(': ')})", hint=hint)
    line = f" in the line `{own[-1][0].line.strip()}`" if own and own[-1][0].line else ""
    said = f": {words}" if words else ""
    return CheckError(got=f"your code raised {kind}{line}{_given(own[0][1]) if own else ''}{said}", hint=hint)


def _given(frame: FrameType) -> str:
    """For which arguments, those that are short to say, the student's code was called: ``, called with size=5``."""
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    values = {name: frame.f_locals.get(name) for name in names}
    said = [f"{name}={shown(value)}" for name, value in values.items() if isinstance(value, _SHORT)]
    short = [one for one in said if len(one) < 60]
    return f", called with {', '.join(short)}" if short else ""


# --- what tests are made of


def fresh_seed() -> int:
    """A seed for the inputs of a hidden test: new in every run, unless the grader fixes it in ``COURSE_SEED``."""
    fixed = os.environ.get("COURSE_SEED")
    return int(fixed) if fixed else int.from_bytes(os.urandom(4), "little")


def fresh_generator(offset: int = 0) -> torch.Generator:
    """A torch generator seeded with `fresh_seed`, so that hidden tests draw inputs that nobody has seen.

    Args:
        offset: added to the seed, so that several draws of one test differ.
    """
    return torch.Generator().manual_seed(fresh_seed() + offset)


class _Refuse(torch.overrides.TorchFunctionMode):
    """While it is active, some of torch's functions and methods raise."""

    def __init__(self, names: Iterable[str], hint: str):
        super().__init__()
        self.names, self.hint = {name.strip("_") for name in names}, hint

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "").strip("_")
        if name in self.names:
            raise CheckError("an answer by hand", f"a call of torch's {name}, which is not allowed here", self.hint)
        return function(*args, **(kwargs or {}))


def by_hand(function: Callable[..., Any], forbid: Iterable[str], hint: str = "") -> Callable[..., Any]:
    """The same function, which fails when it calls one of torch's ready-made ones.

    Args:
        function: the student's.
        forbid: names as in ``torch.matmul``, ``Tensor.matmul`` or ``F.softmax``, without underscores around them.
        hint: what to use instead.
    """
    names = tuple(forbid)

    def watched(*args: Any, **kwargs: Any) -> Any:
        with _Refuse(names, hint):
            return function(*args, **kwargs)

    return watched


def gradient_of(function: Callable[..., torch.Tensor], at: torch.Tensor) -> torch.Tensor:
    """The slope of ``function`` at a point, by autograd: a tensor of the shape of ``at``.

    Args:
        function: takes a tensor like ``at`` and gives one number, a tensor of one element.
        at: the point; it stays as it is.

    Raises:
        CheckError: if the result is no single number, or no gradient flows back from it.
    """
    leaf = at.detach().clone().requires_grad_()
    result = function(leaf)
    if not isinstance(result, torch.Tensor):
        _fail("a tensor, so that gradients can flow", kind_of(result), "no `.item()` and no `float(...)` on the way")
    if result.numel() != 1:
        _fail("one number", f"shape {tuple(result.shape)}", "the gradient is taken of a scalar")
    cut = "stay in tensors: `.item()`, `.detach()`, `.numpy()`, `torch.tensor(...)` and `no_grad` cut the way back"
    if not result.requires_grad:
        _fail("a result that gradients can flow through", "one that is cut off from its input", cut)
    result.reshape(()).backward()
    if leaf.grad is None:
        _fail("a gradient", "None: no way leads from the result back to this input", cut)
    return leaf.grad.detach()


class _Before:
    """A copy of what a function was given; see `unchanged`."""

    def __init__(self, value: Any):
        self.value = copied(value)


def unchanged(value: Any) -> Any:
    """A copy to compare with afterwards: a check against it asks whether the student's code left the value alone.

    Use it as ``kept = unchanged(batch)``, call the student's function, and then ``check_equal(batch, kept)``.

    Args:
        value: a tensor, an array, or lists, tuples and dicts of them, such as a ``state_dict()``.
    """
    return _Before(value)


# --- the checks


def check_type(actual: Any, expected: type | tuple[type, ...], hint: str = "", *, hints: Hints = ()) -> None:
    """Check that ``actual`` is an instance of ``expected``; a key of ``hints`` may be a type."""
    _refuse_missing(actual, hint, hints)
    if not isinstance(actual, expected):
        kinds = expected if isinstance(expected, tuple) else (expected,)
        said = _known(hints, actual, lambda value, key: isinstance(key, type) and isinstance(value, key))
        _fail(" or ".join(kind.__name__ for kind in kinds), kind_of(actual), said or hint)


def check_shape(actual: Any, expected: tuple[int, ...], hint: str = "", *, hints: Hints = ()) -> None:
    """Check the shape of a tensor or array; keys of ``hints`` are shapes."""
    _refuse_missing(actual, hint, hints)
    if not hasattr(actual, "shape"):
        _fail(f"a tensor of shape {tuple(expected)}", kind_of(actual), hint)
    got, wanted = tuple(actual.shape), tuple(expected)
    if got != wanted:
        said = _known(hints, got, lambda value, key: value == key)
        _fail(f"shape {wanted}", f"shape {got}", said or together(shape_mistake(got, wanted), hint))


def check_equal(actual: Any, expected: Any, hint: str = "", *, before: Any = None, hints: Hints = ()) -> None:
    """Check exact equality of numbers, strings, containers, tensors or arrays (shape and values, not dtype).

    Args:
        actual: the student's value.
        expected: an equal value, or what `unchanged` gave.
        hint: where to look.
        before: the value that was to be changed, as it was: an ``actual`` that still equals it has not changed.
        hints: sentences by wrong value, or by a question that takes the value.
    """
    if isinstance(expected, _Before):
        if not equal(actual, expected.value):
            _changed(actual, expected.value, hint)
        return
    _refuse_missing(actual, hint, hints, unless=expected)
    if not equal(actual, expected):
        said = _recognise(actual, expected, before, hint, hints, equal)
        _fail(*difference(actual, expected, 0.0, 0.0), said)


def check_close(
    actual: Any,
    expected: Any,
    hint: str = "",
    *,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    before: Any = None,
    hints: Hints = (),
) -> None:
    """Check that numbers, tensors, arrays, or sequences of them are equal up to ``atol + rtol * |expected|``.

    NaN is close to NaN only. Shapes must agree: nothing is broadcast.

    Args:
        actual: the student's value.
        expected: a close value, or what `unchanged` gave.
        hint: where to look.
        rtol: relative tolerance.
        atol: absolute tolerance.
        before: the value that was to be changed, as it was: an ``actual`` that still equals it has not changed.
        hints: sentences by wrong value (compared as closely), or by a question that takes the value.
    """
    if isinstance(expected, _Before):
        return check_equal(actual, expected, hint)
    _refuse_missing(actual, hint, hints)
    if isinstance(expected, (list, tuple)) and not all(isinstance(item, (int, float)) for item in expected):
        if not isinstance(actual, (list, tuple)) or len(actual) != len(expected):
            _fail(f"{len(expected)} values", shown(actual), hint)
        for position, (one, other) in enumerate(zip(actual, expected, strict=True)):
            where = f"this is value number {position + 1}. {hint}".strip()
            check_close(one, other, where, rtol=rtol, atol=atol, hints=hints)
        return None

    def close(one: Any, other: Any) -> bool:
        first, second = to_array(one), to_array(other)
        if first is None or second is None or first.shape != second.shape:
            return False
        return bool(np.allclose(first, second, rtol=rtol, atol=atol, equal_nan=True))

    if not close(actual, expected):
        said = _recognise(actual, expected, before, hint, hints, close)
        _fail(*difference(actual, expected, rtol, atol), said)
    return None


def check_between(actual: Any, low: float, high: float, hint: str = "", *, hints: Hints = ()) -> None:
    """Check that a number lies in ``[low, high]``; NaN never does."""
    _refuse_missing(actual, hint, hints)
    value = to_array(actual)
    if value is None or value.size != 1:
        _fail(f"one number from {low:g} to {high:g}", shown(actual), hint)
    number = float(value.reshape(()))
    if not low <= number <= high:
        said = _known(hints, number, lambda one, key: isinstance(key, (int, float)) and abs(one - key) < 1e-6)
        _fail(f"a number from {low:g} to {high:g}", f"{number:.6g}", said or hint)


def check_accuracy(actual: Any, targets: Any, at_least: float, hint: str = "", *, at_most: float = 1.0) -> None:
    """Check how many predictions are right, and say it in a live notebook.

    Args:
        actual: predicted class indices ``(N,)``.
        targets: true class indices ``(N,)``.
        at_least: smallest accuracy that passes, from 0 to 1.
        hint: where to look if it is missed.
        at_most: largest accuracy that passes, for answers that are too good to be true.
    """
    _refuse_missing(actual, hint)
    predictions, wanted = to_array(actual), to_array(targets)
    if wanted is None:
        raise TypeError("targets must be numbers")
    if predictions is None or predictions.shape != wanted.shape:
        came = kind_of(actual) if predictions is None else f"shape {predictions.shape}"
        _fail(f"{wanted.size} predicted classes, shape {wanted.shape}", came, hint)
    accuracy = float((predictions == wanted).mean())
    if accuracy < at_least:
        _fail(f"an accuracy of at least {at_least:.1%}", f"{accuracy:.1%}", hint)
    if accuracy > at_most:
        _fail(f"an accuracy of at most {at_most:.1%}", f"{accuracy:.1%}", hint)
    if not is_autograding():
        print(f"{accuracy:.1%} of the predictions are right")


def check_true(actual: Any, hint: str) -> None:
    """Check a condition that the student's code must fulfil; the hint says which."""
    if not bool(actual):
        raise CheckError(hint=hint)


def check_secret(actual: Any, digest: str, hint: str, *, hints: Hints = ()) -> None:
    """Check a short answer, such as the letters of faulty lines, that must not be readable in a visible test.

    Args:
        actual: a text, a number, or a list of them.
        digest: what `digest_of` gives for the right answer.
        hint: where to look; the expected value is not shown.
        hints: sentences by wrong value, or by a question that takes the value.
    """
    _refuse_missing(actual, hint, hints)
    if digest_of(actual) != digest:
        _fail("another answer", shown(actual), _known(hints, actual, equal) or hint)


def digest_of(answer: Any) -> str:
    """Twelve characters that stand for a short answer; lists and tuples count the same."""
    plain = list(answer) if isinstance(answer, (list, tuple)) else answer
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:12]


def check_raises(call: Callable[[], Any], expected: type[Exception], match: str = "", hint: str = "") -> None:
    """Check that ``call()`` raises ``expected`` and that the message matches the regular expression ``match``."""
    try:
        value = call()
    except expected as error:
        if match and not re.search(match, str(error)):
            _fail(f"a {expected.__name__} whose message contains {match!r}", f"the message {str(error)!r}", hint)
    except Exception as error:
        _fail(f"a {expected.__name__}", f"a {type(error).__name__}: {error}", hint)
    else:
        _fail(f"a {expected.__name__}", f"no error but the value {shown(value)}", hint)


# --- what the checks are made of


def _fail(expected: str, got: str, hint: str) -> NoReturn:
    raise CheckError(expected, got, hint)


def _refuse_missing(actual: Any, hint: str, hints: Hints = (), unless: Any = 0) -> None:
    if actual is ... or (actual is None and unless is not None):
        said = _known(hints, actual, lambda value, key: value is key)
        came = "None" if said else "None (not written yet, or a `return` is missing)"
        _fail("an answer", came, said or hint)


def _known(hints: Hints, actual: Any, same: Callable[[Any, Any], bool]) -> str:
    """The sentence of the first entry that fits the value: an equal value, or a question that answers yes."""
    for key, sentence in hints.items() if isinstance(hints, Mapping) else hints:
        question = callable(key) and not isinstance(key, type)
        try:
            if bool(key(actual)) if question else same(actual, key.value if isinstance(key, _Before) else key):
                return sentence
        except Exception:  # a question about tensors may get anything
            continue
    return ""


def _recognise(
    actual: Any, expected: Any, before: Any, hint: str, hints: Hints, same: Callable[[Any, Any], bool]
) -> str:
    """The hint for the mistake that was made: from the task's table, from a general rule, or the task's general one."""
    if said := _known(hints, actual, same):
        return said
    old = before.value if isinstance(before, _Before) else before
    if old is not None and equal(actual, old):
        return (
            "nothing has changed: `w = w - ...` only binds a new name inside your function; "
            "write into the value itself, as with `w -= ...` or `w[...] = ...`"
        )
    got, wanted = to_array(actual), to_array(expected)
    if got is None or wanted is None or not wanted.size:
        return hint
    if got.ndim == wanted.ndim == 2 and got.T.shape == wanted.shape and same(got.T.copy(), wanted):
        return "these are the right numbers, transposed: rows and columns have changed places"
    if got.shape != wanted.shape:
        return together(shape_mistake(got.shape, wanted.shape), hint)
    if wanted.ndim <= 4:
        for order in list(permutations(range(wanted.ndim)))[1:]:
            moved = wanted.transpose(order)
            if moved.shape == got.shape and same(got, moved):
                return "the right numbers with two axes exchanged: say axis by axis what each one is, then `permute`"
            if np.unique(wanted).size > 3 and same(got.ravel(), moved.ravel()):
                return (
                    "the right numbers in the wrong places: `permute` moves axes, "
                    "while `reshape` only cuts the same row of numbers anew"
                )
    return hint


def _changed(actual: Any, old: Any, hint: str) -> NoReturn:
    _, came = difference(actual, old, 0.0, 0.0)
    general = "work on a copy, or write `x = x + 1` where `x += 1` stands"
    _fail("what your code was given to stay as it was", f"{came} after the call", hint or general)
