"""``python -m tools.tables NAME``: measure a recorded comparison anew, with any seeds and budget."""

import argparse
import os
from pathlib import Path

import torch

from tools.tables import frame


def main(argv: list[str] | None = None) -> int:
    """Measure one table; return 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.tables", description=__doc__)
    parser.add_argument("name", help="table, such as depth_factorial")
    parser.add_argument("--seeds", type=int, nargs="+", help="seeds of the trainings (default: the recorded ones)")
    parser.add_argument("--budget", type=float, default=1.0, help="multiplies the epochs (default: 1)")
    parser.add_argument("--log", type=Path, help="file of finished rows, to go on after an interruption")
    parser.add_argument("--only", nargs="+", default=[], metavar="COLUMN=VALUE", help="only rows such as depth=20")
    parser.add_argument("--write", action="store_true", help="replace helpers/tables/NAME.json")
    options = parser.parse_args(argv)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    script = frame.load(options.name)
    if lacking := frame.missing(script):
        raise SystemExit(lacking)
    seeds = options.seeds or list(script.SEEDS)
    only = {column: value for column, _, value in (text.partition("=") for text in options.only)}
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


if __name__ == "__main__":
    raise SystemExit(main())
