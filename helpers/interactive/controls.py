"""Controls of an interactive: the values that each may take, live and on the static page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Control", "choice", "log_slider", "slider", "toggle"]


@dataclass(frozen=True)
class Control:
    """One control: its values in order, how each is written, and which of them the static page holds.

    Attributes:
        kind: ``"slider"``, ``"choice"`` or ``"toggle"``.
        values: every value that the live control offers.
        texts: each value as the reader sees it.
        start: index of the first value shown.
        kept: indices of the values that the static page has frames for, in order; ``start`` is among them.
        label: what the control is called; the name of the argument if empty.
        play: whether a button plays through the values.
    """

    kind: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]
    start: int
    kept: tuple[int, ...] = field(default=())
    label: str = ""
    play: bool = False


def slider(
    low: float,
    high: float,
    step: float = 1,
    value: float | None = None,
    *,
    label: str = "",
    frames: int | None = None,
    play: bool = False,
) -> Control:
    """A slider over ``low, low + step, ..., high``.

    Args:
        low: first value.
        high: last value (the last one at or below it that a step reaches).
        step: distance of neighbouring values. If ``low`` and ``step`` are integers, so are all values.
        value: where it stands at first; ``low`` if left out.
        label: its name for the reader, if the name of the argument does not do.
        frames: how many of the values the static page holds, evenly spread; all of them if left out.
        play: add a button that plays through the values.

    Raises:
        ValueError: if the range is empty, or ``value`` is not one of the values.
    """
    if not step > 0 or not high > low:
        raise ValueError(f"slider({low}, {high}, {step}): needs low < high and step > 0")
    count = math.floor((high - low) / step + 1e-9) + 1
    whole = isinstance(low, int) and isinstance(step, int)
    values = [low + i * step if whole else round(low + i * step, 10) for i in range(count)]
    return _make("slider", values, [f"{v:.6g}" for v in values], value, label, frames, play)


def log_slider(
    low: float,
    high: float,
    per_decade: int = 3,
    value: float | None = None,
    *,
    label: str = "",
    frames: int | None = None,
    play: bool = False,
) -> Control:
    """A slider whose values grow by a constant factor, ``per_decade`` of them to each power of ten.

    Values are rounded to two digits, so ``log_slider(0.001, 1)`` offers 0.001, 0.0022, 0.0046, 0.01 and so on. Where
    ``low`` is an int they are whole numbers: ``log_slider(1, 100, 2)`` offers 1, 3, 10, 32 and 100.

    Args:
        low: first value, above zero.
        high: last value.
        per_decade: how many steps multiply the value by ten.
        value: where it stands at first; ``low`` if left out.
        label: its name for the reader, if the name of the argument does not do.
        frames: how many of the values the static page holds, evenly spread; all of them if left out.
        play: add a button that plays through the values.

    Raises:
        ValueError: if the range is empty or not positive, or ``value`` is not one of the values.
    """
    if not 0 < low < high or per_decade < 1:
        raise ValueError(f"log_slider({low}, {high}, {per_decade}): needs 0 < low < high and per_decade >= 1")
    count = math.floor(math.log10(high / low) * per_decade + 1e-9) + 1
    values = [float(f"{low * 10 ** (i / per_decade):.2g}") for i in range(count)]
    if isinstance(low, int):
        values = list(dict.fromkeys(map(round, values)))
    return _make("slider", values, [f"{v:g}" for v in values], value, label, frames, play)


def choice(options: Sequence[Any] | Mapping[str, Any], value: Any = None, *, label: str = "") -> Control:
    """A menu of options: a list, or a mapping from what the reader sees to the value.

    Args:
        options: the values, or ``{text: value}``.
        value: the value chosen at first; the first one if left out.
        label: its name for the reader, if the name of the argument does not do.

    Raises:
        ValueError: if there are fewer than two options, or ``value`` is not one of them.
    """
    table = dict(options) if isinstance(options, Mapping) else {str(option): option for option in options}
    if len(table) < 2:
        raise ValueError(f"choice({options!r}): needs two or more options that read differently")
    return _make("choice", list(table.values()), list(table), value, label)


def toggle(value: bool = False, *, label: str = "") -> Control:
    """A checkbox.

    Args:
        value: whether it is ticked at first.
        label: its name for the reader, if the name of the argument does not do.
    """
    return _make("toggle", [False, True], ["off", "on"], bool(value), label)


def _make(kind, values, texts, value, label, frames=None, play=False) -> Control:
    value = values[0] if value is None else value
    start = next((i for i, one in enumerate(values) if one is value or _same(one, value)), None)
    if start is None:
        raise ValueError(f"{kind}: the value {value!r} is not on offer; take one of {', '.join(texts[:30])}")
    if frames is not None and not 2 <= frames <= len(values):
        raise ValueError(f"{kind}: frames={frames} must lie between 2 and {len(values)}, the number of values")
    kept = range(len(values))
    if frames is not None:
        spread = [round(i * (len(values) - 1) / (frames - 1)) for i in range(frames)]
        nearest = min(range(frames), key=lambda i: abs(spread[i] - start))
        spread[nearest] = start
        kept = sorted(set(spread))
    return Control(kind, tuple(values), tuple(texts), start, tuple(kept), label, play)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and bool(one == other)
