"""``python -m tools.tables NAME``: measure a recorded comparison anew, with any seeds and budget."""

import argparse
import os
from pathlib import Path

import torch

from helpers.tables import load_table
from tools.tables import frame, save_table


def parser() -> argparse.ArgumentParser:
    """What every table can be asked for."""
    asked = argparse.ArgumentParser(prog="python -m tools.tables", description=__doc__)
    asked.add_argument("name", help="table, such as depth_factorial")
    asked.add_argument("--seeds", type=int, nargs="+", help="seeds of the trainings (default: the recorded ones)")
    asked.add_argument("--budget", type=float, default=1.0, help="multiplies the epochs (default: 1)")
    asked.add_argument("--log", type=Path, help="file of finished rows, to go on after an interruption")
    asked.add_argument(
        "--only", nargs="+", default=[], metavar="COLUMN=VALUE", help="only rows such as depth=20, or part=by_labels"
    )
    asked.add_argument("--write", action="store_true", help="replace helpers/tables/NAME.json")
    return asked


def main(argv: list[str] | None = None) -> int:
    """Measure one table; return 0."""
    options = parser().parse_args(argv)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    script = frame.load(options.name)
    if lacking := frame.missing(script):
        raise SystemExit(lacking)
    seeds = options.seeds or list(script.SEEDS)
    only = {column: value for column, _, value in (text.partition("=") for text in options.only)}
    if hasattr(script, "PARTS"):
        return parts(options, script, seeds, only)
    rows = frame.measure(script, seeds, options.budget, options.log, only)
    if not rows:
        raise SystemExit(f"no row has {', '.join(options.only)}: its columns are {', '.join(script.FACTORS)}")
    if options.write and only:
        raise SystemExit("a table is written whole: leave out --only or --write")
    if options.write:
        print("wrote", frame.write(options.name, script, rows, seeds, options.budget).name)
    else:
        print(*frame.compare(options.name, script, rows), sep="\n")
    return 0


def parts(options: argparse.Namespace, script, seeds: list[int], only: dict[str, str]) -> int:
    """Measure a table in parts; a part that is not measured keeps its recorded rows."""
    if set(only) - {"part"} or only.get("part", next(iter(script.PARTS))) not in script.PARTS:
        raise SystemExit(
            f"no part is {', '.join(options.only)}: ask with --only part=NAME for {', '.join(script.PARTS)}"
        )
    for name in [only["part"]] if only else script.PARTS:
        rows = script.PARTS[name](seeds, options.budget)
        print(*frame.compare_parts(options.name, script, {name: rows}), sep="\n", flush=True)
        if options.write:
            try:
                recorded = load_table(options.name)
            except ValueError:  # the first part of a new table
                recorded = {}
            kept = {part: recorded[part] for part in script.PARTS if part in recorded}
            save_table(options.name, script.about() | kept | {name: rows})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
