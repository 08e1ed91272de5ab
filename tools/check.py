"""``python -m tools check`` and ``fix``: lint notebooks and code, or bring them into canonical form."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from tools.lint import lint_course
from tools.notebooks import ROOT, NotebookError, canonical, dumps, find_notebooks, read, write_whole


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``check``."""
    parser.add_argument("files", nargs="*", help="notebooks (default: all, and the code)")


def run_check(args: argparse.Namespace) -> int:
    """Print every finding with file, cell and remedy; 1 if there is any, 2 if what is named is no notebook."""
    for path in find_notebooks(args.files) if args.files else ():
        read(path)
    findings = lint_course([Path(file).resolve() for file in args.files], ROOT)
    for finding in findings:
        print(finding)
    failed = bool(findings) | (not args.files and _ruff("check", "--quiet") | _ruff("format", "--check", "--quiet"))
    print(f"{len(findings)} findings" if findings else "notebooks are clean")
    return int(failed)


def _ruff(*command: str) -> bool:
    """Run ruff over the code, where it is installed (the extra ``dev``), and tell whether it complains."""
    if importlib.util.find_spec("ruff") is None:
        return False
    return subprocess.run([sys.executable, "-m", "ruff", *command, str(ROOT)], check=False).returncode != 0


def add_fix_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``fix``."""
    parser.add_argument("files", nargs="*", help="notebooks (default: all chapters and solutions, and the code)")


def run_fix(args: argparse.Namespace) -> int:
    """Rewrite notebooks in canonical form; exercises are left to ``release``."""
    for path in find_notebooks(args.files):
        if "exercises" in path.parts:
            continue
        try:
            new = dumps(canonical(read(path)))
        except NotebookError as error:
            raise error if str(path) in str(error) else NotebookError(f"{path}: {error}") from None
        if new.encode() != path.read_bytes():
            write_whole(path, new)
            print(f"fixed {path}")
    return 0 if args.files else int(_ruff("check", "--fix", "--quiet") | _ruff("format", "--quiet"))
