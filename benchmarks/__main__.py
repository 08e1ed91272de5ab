"""Run benchmarks: ``python -m benchmarks [NAME ...] [--quick]``; all of them without a name."""

import argparse
import importlib
import os
import pkgutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import benchmarks

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent / "_build" / "benchmarks"
MARK = "COURSE_BENCHMARK_RIVALS"


def main() -> int:
    """Run the benchmarks asked for, and return 1 if one of them fails."""
    names = [m.name for m in pkgutil.iter_modules([str(HERE)]) if not m.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="fewer data and rounds: to see that it runs")
    args = parser.parse_args()
    # one thread: a second one on a shared machine makes times depend on the neighbours
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    failed = 0
    for name in args.names or names:
        module = importlib.import_module(f"benchmarks.{name}")
        if getattr(module, "RIVALS", False) and MARK not in os.environ:
            command = [str(rivals_python()), "-m", "benchmarks", name, *(["--quick"] if args.quick else [])]
            failed |= subprocess.run(command, env=os.environ | {MARK: "1"}, cwd=HERE.parent).returncode != 0
            continue
        print(module.run(args.quick), flush=True)
    return int(failed)


def rivals_python() -> Path:
    """The interpreter of an environment with the rivals; made on first use, on top of this one."""
    python = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = ENVIRONMENT / "requirements.txt"
    wanted = (HERE / "requirements.txt").read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"Installing rivals into {ENVIRONMENT.relative_to(HERE.parent)} ...", file=sys.stderr, flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    site = next(ENVIRONMENT.rglob("site-packages"))
    # the course's own packages are seen but stay where they are: torch is large, and must be the same one
    (site / "course.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    fixed = ENVIRONMENT / "constraints.txt"
    from importlib.metadata import version

    fixed.write_text("".join(f"{name}=={version(name)}\n" for name in ("torch", "torchvision", "numpy")))
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for line in wanted.splitlines():
        words = line.split("#")[0].split()
        if words and subprocess.run([*pip, *words, "-c", str(fixed)]).returncode:
            print(f"{words[-1]} cannot be installed here", file=sys.stderr, flush=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


if __name__ == "__main__":
    sys.exit(main())
