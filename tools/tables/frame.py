"""The frame of every recorded comparison: seeds, budget, rows one after the other, means with intervals, a rerun.

A script is a module of this folder with

- ``SEEDS``: the seeds of the recorded table;
- ``FACTORS``: the columns that name a row;
- ``SETTINGS``: what all rows share, for the reader;
- ``cells()``: the rows to measure, as dictionaries of factors, the most valuable first;
- ``measure(cell, seeds, budget)``: the numbers of one row, a list with one value per seed for each measure;
- ``SAMPLE``, ``MARGIN``: a cell that a slow test measures again, and how far its values may differ on another machine;
- ``missing()``, only if it needs data that not every machine has: a sentence that says which, empty if all is there.

A table whose rows have several shapes has parts instead. Its script has, besides ``SEEDS`` and ``missing()``,

- ``PARTS``: for each part its name and a function of seeds and budget that returns its rows;
- ``KEYS``: for each part the columns that name a row;
- ``about()``: what stands above the parts.
"""

import importlib
import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from helpers.tables import interval, load_table
from tools.tables import save_table

__all__ = ["compare", "compare_parts", "in_parts", "known", "load", "measure", "missing", "write"]


def known() -> list[str]:
    """Names of the tables whose scripts follow the frame."""
    return scripts("\ndef cells(")


def in_parts() -> list[str]:
    """Names of the tables whose rows have several shapes."""
    return scripts("\nPARTS")


def scripts(line: str) -> list[str]:
    """Names of the scripts of this folder in which such a line begins."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if line in file.read_text("utf-8"))


def load(name: str):
    """The module that measures a table.

    Raises:
        SystemExit: if there is none; the message lists those there are.
    """
    names = sorted(known() + in_parts())
    if name not in names:
        raise SystemExit(f"there is no script for a table {name!r}; there are {', '.join(names)}")
    return importlib.import_module(f"tools.tables.{name}")


def missing(script) -> str:
    """The sentence that says which data a script lacks on this machine; empty if none."""
    return script.missing() if hasattr(script, "missing") else ""


def key(row: dict, factors: Sequence[str]) -> str:
    """A row's factors as one text, to find it again."""
    return json.dumps([row.get(factor) for factor in factors])


def summary(row: dict) -> dict:
    """Mean and interval of each list of numbers of a row, as ``NAME_mean`` and ``NAME_interval``."""
    found = {}
    for name, values in row.items():
        if name != "seeds" and isinstance(values, list) and values and all(isinstance(v, int | float) for v in values):
            mean, half = interval(values)
            found |= {f"{name}_mean": round(mean, 4), f"{name}_interval": round(half, 4)}
    return found


def measure(
    script, seeds: Sequence[int], budget: float, log: Path | None = None, only: dict | None = None
) -> list[dict]:
    """All rows of a script, each with its seconds; rows that ``log`` already has are taken from there.

    Args:
        script: a module as described above.
        seeds: of the trainings.
        budget: multiplies the number of epochs.
        log: a file with one row per line, so that an interrupted measurement can go on.
        only: factors and values that a row must have.
    """
    done = {}
    if log is not None and log.is_file():
        done = {key(row, script.FACTORS): row for row in map(json.loads, log.read_text().splitlines())}
    rows = []
    for cell in script.cells():
        if only and any(str(cell.get(name)) != str(value) for name, value in only.items()):
            continue
        row = done.get(key(cell, script.FACTORS))
        if row is None:
            start = time.process_time()
            numbers = script.measure(cell, seeds, budget)
            row = cell | {"seeds": list(seeds)} | {name: shorten(value) for name, value in numbers.items()}
            row |= summary(row) | {"seconds": round(time.process_time() - start, 1)}
            if log is not None:
                with log.open("a") as file:
                    file.write(json.dumps(row) + "\n")
            print(brief(row), flush=True)
        rows.append(row)
    return rows


def shorten(value):
    """Four digits behind the point are enough for an accuracy of a few hundred images."""
    if isinstance(value, float):
        return round(value, 4)
    return [shorten(v) for v in value] if isinstance(value, list) else value


def brief(row: dict) -> str:
    """A row on one line, without its lists of values."""
    return ", ".join(f"{name} {value}" for name, value in row.items() if not isinstance(value, list))


def write(name: str, script, rows: list[dict], seeds: Sequence[int], budget: float) -> Path:
    """Write the table with all that a rerun needs: seeds, budget, versions, threads and seconds."""
    about = {
        "about": (script.__doc__ or "").splitlines()[0],
        "script": f"tools/tables/{name}.py",
        "seeds": list(seeds),
        "budget": budget,
        "factors": list(script.FACTORS),
        "settings": script.SETTINGS,
        "software": {"python": platform.python_version(), "torch": torch.__version__},
        "threads": torch.get_num_threads(),
        "cpu_seconds": round(sum(row["seconds"] for row in rows), 1),
        "interval": "half of the 95 % interval of the mean over seeds (Student's t)",
    }
    return save_table(name, about | {"rows": rows})


def compare(name: str, script, rows: list[dict]) -> list[str]:
    """One line per row and measure of the recorded table: there, here, and whether the intervals meet."""
    try:
        recorded = {key(row, script.FACTORS): row for row in load_table(name)["rows"]}
    except ValueError:
        return [f"there is no recorded table {name} to compare with: --write makes it"]
    lines = []
    for row in rows:
        old = recorded.get(key(row, script.FACTORS))
        if old is None:
            continue
        for column in (c for c in row if c.endswith("_mean") and c in old):
            half = column.replace("_mean", "_interval")
            apart = abs(row[column] - old[column])
            meets = apart <= max(row[half], 0) + max(old[half], 0) or apart < 0.005
            factors = " ".join(str(row[factor]) for factor in script.FACTORS)
            lines.append(
                f"{factors}: {column[:-5]} {old[column]:.4g} recorded, {row[column]:.4g} here"
                f"{'' if meets else '   <- further apart than both intervals'}"
            )
    return lines


def compare_parts(name: str, script, parts: dict[str, list[dict]]) -> list[str]:
    """One line per row and measure of parts that were measured anew: the means recorded and here."""
    table, lines = load_table(name), []
    for part, rows in parts.items():
        recorded = means(table.get(part, []), script.KEYS[part])
        for (row, column), here in means(rows, script.KEYS[part]).items():
            if (row, column) in recorded:
                lines.append(f"{part} {row} {column}: {recorded[row, column]:.4g} recorded, {here:.4g} here")
    return lines


def means(rows: list[dict], keys: Sequence[str]) -> dict[tuple[str, str], float]:
    """Mean of each number, or list of numbers, over the rows that share their key."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        named = " ".join(str(row[column]) for column in keys)
        for column in (name for name in row if name not in (*keys, "seed")):
            values = row[column] if isinstance(row[column], list) else [row[column]]
            if values and all(isinstance(value, int | float) for value in values):
                found.setdefault((named, column), []).extend(values)
    return {where: sum(values) / len(values) for where, values in found.items()}
