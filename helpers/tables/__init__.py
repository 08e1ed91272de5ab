"""Measurements that take longer than a chapter may: small JSON files, each with the script that made it.

``python -m tools.tables NAME`` measures ``helpers/tables/NAME.json`` anew; a slow test re-creates a sample of it.
"""

import json
import math
from collections.abc import Iterable, Sequence
from importlib.resources import files

__all__ = ["grid", "interval", "load_table", "percent", "rows", "show"]

# Student's t: 97.5 % quantile by degrees of freedom; from 30 on the normal one is near enough.
T = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
     2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045)  # fmt: skip


def load_table(name: str) -> dict:
    """The table ``helpers/tables/NAME.json``: what its script measured, with the settings it used.

    Raises:
        ValueError: if there is no such table; the message lists those that there are.
    """
    folder = files(__package__)
    file = folder / f"{name}.json"
    if not file.is_file():
        known = sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".json"))
        raise ValueError(f"there is no table {name!r}; the course has {known}")
    return json.loads(file.read_text())


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean of a measurement over seeds, and half of the 95 % interval of that mean (Student's t; NaN for one value)."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, math.nan
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    t = T[len(values) - 2] if len(values) - 2 < len(T) else 1.96
    return mean, t * deviation / math.sqrt(len(values))


def rows(name: str, part: str = "rows", /, **where) -> list[dict]:
    """The rows of a table (or of one ``part`` of it) whose columns have the values in ``where``.

    Raises:
        KeyError: if no row has them; the message lists the values of each column asked for.
    """
    all_rows = load_table(name)[part]
    found = [row for row in all_rows if all(row.get(column) == value for column, value in where.items())]
    if not found:
        known = {column: sorted({str(row.get(column)) for row in all_rows}) for column in where}
        raise KeyError(f"table {name!r} has no row with {where}; it has {known}")
    return found


def percent(row: dict, measure: str = "test") -> str:
    """A row's mean as text, ``"92.5 ± 0.8 %"``: the interval is half of the 95 % interval of the mean over seeds."""
    values = row[measure]
    mean, half = interval(values if isinstance(values, list) else [values])
    return f"{100 * mean:.1f} %" if math.isnan(half) else f"{100 * mean:.1f} ± {100 * half:.1f} %"


def show(
    table_rows: Iterable[dict], factors: Sequence[str], measures: Sequence[str] = ("test",), width: int = 88
) -> None:
    """Print rows as a table: the factors as they are, each measure as mean ± interval in percent.

    Raises:
        ValueError: if a line would be longer than ``width``.
    """
    lines = [[*factors, *measures]]
    lines += [[str(row[f]) for f in factors] + [percent(row, m) for m in measures] for row in table_rows]
    _print_columns(lines, len(factors), width)


def grid(table_rows: Iterable[dict], down: str, across: str, measure: str = "test", width: int = 88) -> None:
    """Print a measure's means in percent: a line for each value of ``down``, a column for each of ``across``.

    Raises:
        ValueError: if a line would be longer than ``width``.
    """
    means = {(row[down], row[across]): interval(row[measure])[0] for row in table_rows}
    columns = list(dict.fromkeys(column for _, column in means))
    lines = [[f"{measure} in %, by {across}", *map(str, columns)]]
    for name in dict.fromkeys(line for line, _ in means):
        cells = [means.get((name, column)) for column in columns]
        lines.append([str(name), *("" if cell is None else f"{cell:.1%}"[:-1] for cell in cells)])
    _print_columns(lines, 1, width)


def _print_columns(lines: list[list[str]], texts: int, width: int) -> None:
    """Print a table whose first columns are texts, on the left, and whose others are numbers, on the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        raise ValueError(f"these columns need {sum(widths) + 2 * (len(widths) - 1)} characters: leave one out")
    for line in lines:
        left = [text.ljust(w) for text, w in zip(line[:texts], widths, strict=False)]
        right = [text.rjust(w) for text, w in zip(line[texts:], widths[texts:], strict=True)]
        print("  ".join(left + right).rstrip())
