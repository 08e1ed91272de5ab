"""Checks for exercises: what was expected, what came, and where to look.

Every ``check_*`` function takes the student's value first and what the course expects after it, never the other way
round: the grader evaluates the first argument in the student's process and everything else outside it. A check that
fails raises `CheckError`. Inside ``with task("name"):`` a failing check is printed in a live notebook, so that
"run all" goes on, and raised while grading.
"""

import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from helpers.runtime import is_autograding

__all__ = [
    "CheckError",
    "check_accuracy",
    "check_between",
    "check_close",
    "check_equal",
    "check_raises",
    "check_shape",
    "check_true",
    "check_type",
    "fresh_generator",
    "fresh_seed",
    "task",
]


class CheckError(AssertionError):
    """An answer is not what was expected; the message says what was, what came, and gives a hint."""


@contextmanager
def task(name: str) -> Iterator[None]:
    """Run the checks of one task: print the first failure in a live notebook, raise it while grading.

    Args:
        name: the task as the student knows it, such as ``"2 matmul_loops"``.

    Raises:
        Exception: whatever the checks raised, but only while grading.
    """
    try:
        yield
    except Exception as error:
        if is_autograding():
            raise
        print(f"✗ Task {name}: {describe_failure(error)}")
    else:
        if not is_autograding():
            print(f"✓ Task {name}: these checks pass.")


def describe_failure(error: Exception) -> str:
    """One paragraph about why a check failed, naming the student's line where the answer itself raised."""
    if isinstance(error, CheckError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    here = [
        f for f in frames if "ipykernel" in f.filename or "<ipython-input" in f.filename or f.filename.startswith("<")
    ]
    line = f" in the line `{here[-1].line.strip()}`" if here and here[-1].line else ""
    empty = " None is what a function gives that is unfinished or has no `return`." if "NoneType" in str(error) else ""
    return f"your code raised {type(error).__name__}{line}: {str(error).rstrip('.')}.{empty}"


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


def check_type(actual: Any, expected: type | tuple[type, ...], hint: str = "") -> None:
    """Check that ``actual`` is an instance of ``expected``."""
    _refuse_missing(actual, hint)
    if not isinstance(actual, expected):
        kinds = expected if isinstance(expected, tuple) else (expected,)
        _fail(f"expected {' or '.join(kind.__name__ for kind in kinds)}", f"got {_kind(actual)}", hint)


def check_shape(actual: Any, expected: tuple[int, ...], hint: str = "") -> None:
    """Check the shape of a tensor or array."""
    _refuse_missing(actual, hint)
    if not hasattr(actual, "shape"):
        _fail(f"expected a tensor of shape {tuple(expected)}", f"got {_kind(actual)}", hint)
    if tuple(actual.shape) != tuple(expected):
        _fail(f"expected shape {tuple(expected)}", f"got shape {tuple(actual.shape)}", hint)


def check_equal(actual: Any, expected: Any, hint: str = "") -> None:
    """Check exact equality of numbers, strings, containers, tensors or arrays (shape and values, not dtype)."""
    _refuse_missing(actual, hint, unless=expected)
    if not _equal(actual, expected):
        _fail(f"expected {_show(expected)}", f"got {_show(actual)}", hint)


def check_close(actual: Any, expected: Any, hint: str = "", *, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Check that numbers, tensors, arrays, or sequences of them are equal up to ``atol + rtol * |expected|``.

    NaN is close to NaN only. Shapes must agree: nothing is broadcast.
    """
    _refuse_missing(actual, hint)
    if isinstance(expected, (list, tuple)) and not all(isinstance(item, (int, float)) for item in expected):
        if not isinstance(actual, (list, tuple)) or len(actual) != len(expected):
            _fail(f"expected {len(expected)} values", f"got {_show(actual)}", hint)
        for position, (one, other) in enumerate(zip(actual, expected, strict=True)):
            check_close(one, other, f"this is value number {position + 1}. {hint}".strip(), rtol=rtol, atol=atol)
        return
    got, wanted = _to_array(actual), _to_array(expected)
    if got is None:
        _fail(f"expected {_show(expected)}", f"got {_kind(actual)}", hint)
    if got.shape != wanted.shape:
        _fail(f"expected shape {wanted.shape}", f"got shape {got.shape}", hint)
    if not np.allclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True):
        if got.size == 1:
            _fail(f"expected {_show(expected)}", f"got {_show(actual)}", hint)
        wrong = ~np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True)
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        _fail(
            f"expected {wanted[where]:.6g} at index {where}",
            f"got {got[where]:.6g} ({int(wrong.sum())} of {wrong.size} values differ)",
            hint,
        )


def check_between(actual: Any, low: float, high: float, hint: str = "") -> None:
    """Check that a number lies in ``[low, high]``; NaN never does."""
    _refuse_missing(actual, hint)
    value = _to_array(actual)
    if value is None or value.size != 1:
        _fail(f"expected one number from {low:g} to {high:g}", f"got {_show(actual)}", hint)
    if not low <= float(value.reshape(())) <= high:
        _fail(f"expected a number from {low:g} to {high:g}", f"got {float(value.reshape(())):.6g}", hint)


def check_accuracy(actual: Any, targets: Any, at_least: float, hint: str = "", *, at_most: float = 1.0) -> None:
    """Check how many predictions are right.

    Args:
        actual: predicted class indices ``(N,)``.
        targets: true class indices ``(N,)``.
        at_least: smallest accuracy that passes, from 0 to 1.
        hint: where to look if it is missed.
        at_most: largest accuracy that passes, for answers that are too good to be true.
    """
    _refuse_missing(actual, hint)
    predictions, wanted = _to_array(actual), _to_array(targets)
    if predictions is None or predictions.shape != wanted.shape:
        came = _kind(actual) if predictions is None else f"shape {predictions.shape}"
        _fail(f"expected {wanted.size} predicted classes, shape {wanted.shape}", f"got {came}", hint)
    accuracy = float((predictions == wanted).mean())
    if accuracy < at_least:
        _fail(f"expected an accuracy of at least {at_least:.1%}", f"got {accuracy:.1%}", hint)
    if accuracy > at_most:
        _fail(f"expected an accuracy of at most {at_most:.1%}", f"got {accuracy:.1%}", hint)


def check_true(actual: Any, hint: str) -> None:
    """Check a condition that the student's code must fulfil; the hint says which."""
    if not bool(actual):
        raise CheckError(hint)


def check_raises(call: Callable[[], Any], expected: type[Exception], match: str = "", hint: str = "") -> None:
    """Check that ``call()`` raises ``expected`` and that the message matches the regular expression ``match``."""
    try:
        value = call()
    except expected as error:
        if match and not re.search(match, str(error)):
            _fail(
                f"expected a {expected.__name__} whose message contains {match!r}",
                f"got the message {str(error)!r}",
                hint,
            )
    except Exception as error:
        _fail(f"expected a {expected.__name__}", f"got a {type(error).__name__}: {error}", hint)
    else:
        _fail(f"expected a {expected.__name__}", f"got no error but the value {_show(value)}", hint)


def _fail(expected: str, got: str, hint: str) -> None:
    raise CheckError(f"{expected}, {got}." + (f" Hint: {hint}" if hint else ""))


def _refuse_missing(actual: Any, hint: str, unless: Any = 0) -> None:
    if (actual is None and unless is not None) or actual is ...:
        _fail("expected an answer", "got None (not written yet, or a `return` is missing)", hint)


def _to_array(value: Any) -> np.ndarray | None:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype in (torch.bfloat16, torch.float16) else value).numpy()
    try:
        array = np.asarray(value)
        return array.astype(complex if np.iscomplexobj(array) else float)
    except (TypeError, ValueError):
        return None


def _equal(actual: Any, expected: Any) -> bool:
    if isinstance(expected, (torch.Tensor, np.ndarray)) or isinstance(actual, (torch.Tensor, np.ndarray)):
        got, wanted = _to_array(actual), _to_array(expected)
        return got is not None and wanted is not None and got.shape == wanted.shape and bool((got == wanted).all())
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(_equal(actual[k], expected[k]) for k in expected)
        )
    if isinstance(expected, (list, tuple)):
        same_kind = isinstance(actual, (list, tuple)) and len(actual) == len(expected)
        return same_kind and all(map(_equal, actual, expected))
    try:
        return bool(actual == expected)
    except Exception:
        return False


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


def _show(value: Any) -> str:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        count = value.numel() if isinstance(value, torch.Tensor) else value.size
        text = " ".join(str(value.tolist()).split()) if count < 80 and max(value.shape, default=0) < 80 else ""
        return text if 0 < len(text) < 80 else f"a {type(value).__name__} of shape {tuple(value.shape)}"
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) < 200 else text[:197] + "..."
