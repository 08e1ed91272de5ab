"""Values of any kind compared, and told in a few words: what `checks` says was expected and what came."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

EXTRA_AXES = "the sizes are right, but axes of size 1 stand before them: take those off, as `result[0]` does with one"


def difference(actual: Any, expected: Any, rtol: float, atol: float) -> tuple[str, str]:
    """What was expected and what came, at the first place where they differ."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        if actual.keys() != expected.keys():
            return f"the keys {shown(sorted(map(str, expected)))}", f"the keys {shown(sorted(map(str, actual)))}"
        key = next((key for key in expected if not equal(actual[key], expected[key])), None)
        if key is not None:
            inner = difference(actual[key], expected[key], rtol, atol)
            return f"{inner[0]} under {key!r}", inner[1]
    numbers = isinstance(expected, (torch.Tensor, np.ndarray)) or isinstance(actual, (torch.Tensor, np.ndarray))
    if not numbers and rtol == atol == 0:
        return shown(expected), shown(actual)
    got, wanted = to_array(actual), to_array(expected)
    if got is None or wanted is None:
        return shown(expected), kind_of(actual) if isinstance(actual, str) or numbers else shown(actual)
    if got.shape != wanted.shape:
        return f"shape {wanted.shape}", f"shape {got.shape}"
    if got.size <= 1 or (rtol == atol == 0 and got.size <= 9 and _short(expected) and _short(actual)):
        return shown(expected), shown(actual)
    wrong = ~np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return shown(expected), shown(actual)
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    count = f"{int(wrong.sum())} of {wrong.size} values differ"
    return f"{wanted[where]:.6g} at index {where}", f"{got[where]:.6g} ({count})"


def copied(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: copied(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [copied(part) for part in value]
    return value


def to_array(value: Any) -> np.ndarray | None:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype in (torch.bfloat16, torch.float16) else value).numpy()
    try:
        array = np.asarray("no" if "return_types" in str(type(value)) else value)  # a pair is no array
        return array.astype(complex if np.iscomplexobj(array) else float)
    except (TypeError, ValueError):
        return None


def equal(actual: Any, expected: Any) -> bool:
    if isinstance(expected, (torch.Tensor, np.ndarray)) or isinstance(actual, (torch.Tensor, np.ndarray)):
        got, wanted = to_array(actual), to_array(expected)
        return got is not None and wanted is not None and got.shape == wanted.shape and bool((got == wanted).all())
    if isinstance(expected, dict):
        return (
            isinstance(actual, Mapping)
            and actual.keys() == expected.keys()
            and all(equal(actual[k], expected[k]) for k in expected)
        )
    if isinstance(expected, (list, tuple)):
        same_kind = isinstance(actual, (list, tuple)) and len(actual) == len(expected)
        return same_kind and all(map(equal, actual, expected))
    try:
        return bool(actual == expected)
    except Exception:
        return False


def kind_of(value: Any) -> str:
    name = "pair of `.values` and `.indices`" if "return_types" in str(type(value)) else type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


def _short(value: Any) -> bool:
    return isinstance(value, (torch.Tensor, np.ndarray)) and not shown(value).startswith("a ")


def shown(value: Any) -> str:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        count = value.numel() if isinstance(value, torch.Tensor) else value.size
        text = _plain(value.tolist()) if count < 80 and max(value.shape, default=0) < 80 else ""
        return text if 0 < len(text) < 80 else f"a {type(value).__name__} of shape {tuple(value.shape)}"
    text = _plain(value)
    return text if len(text) < 200 else text[:197] + "..."


def _plain(value: Any) -> str:
    """A value as text, floats with six digits."""
    if type(value) is float:
        return f"{value:.6g}"
    if type(value) is list:
        return f"[{', '.join(map(_plain, value))}]"
    return repr(value)


def together(general: str, hint: str) -> str:
    if general == EXTRA_AXES:  # the task's hint would look for the mistake among the sizes, which are right
        return general
    return f"{general}; {hint}" if general and hint else general or hint


def shape_mistake(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(wanted) == 1 and got in ((wanted[0], wanted[0]), (wanted[0], wanted[0], 1)) and wanted[0] > 1:
        return "each was paired with each: broadcasting stretches (N, 1) against (N,) to (N, N); give both one shape"
    if len(got) == len(wanted) > 1 and sorted(got) == sorted(wanted):
        return f"the right sizes in another order: axis by axis it should be {wanted}"
    if len(got) > len(wanted) > 0 and got == (1,) * (len(got) - len(wanted)) + wanted:
        return EXTRA_AXES
    return ""
