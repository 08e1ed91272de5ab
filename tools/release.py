"""Make ``exercises/`` from ``solutions/``: ``release`` is ``nbgrader generate_assignment`` without a gradebook.

Beside each exercise it writes ``helpers/answers/NAME.json``, the hidden tests and worked answers of the self-check.
``--graded`` leaves out both these and the cells that call the self-check.
"""

import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from tools.assignments import assignments, course_config, say_unknown
from tools.notebooks import ROOT


def generate(name: str, folder: Path, root: Path = ROOT, *, graded: bool = False) -> Path:
    """Write the release of one assignment to ``folder/NAME/`` and return the notebook's path.

    Args:
        name: the assignment, such as ``02_tensors``.
        folder: takes the place of ``exercises/``.
        root: the course's folder.
        graded: leave out the cells of the self-check.

    Raises:
        RuntimeError: with nbgrader's own words if it refuses.
    """
    config = course_config(root)
    config.CourseDirectory.assignment_id = name
    config.SaveCells.enabled = False
    config.GenerateAssignment.no_database = True
    config.GenerateAssignment.force = True
    words: list[str] = []
    log = logging.Logger("release", logging.ERROR)
    log.addHandler(_Collect(words))
    with tempfile.TemporaryDirectory() as course:
        # nbgrader writes inside its root only, so it gets a root of its own
        shutil.copytree(root / "solutions" / name, Path(course, "solutions", name), ignore=shutil.ignore_patterns(".*"))
        config.CourseDirectory.root = str(Path(course).resolve())
        try:
            coursedir = CourseDirectory(config=config, log=log)
            GenerateAssignment(coursedir=coursedir, config=config, log=log).start()
        except NbGraderException as error:
            reason = next((word for word in words if "Traceback" in word), str(error)).strip().splitlines()[-1]
            raise RuntimeError(f"solutions/{name}: nbgrader cannot release it: {reason}") from None
        if graded:
            from tools import answers

            answers.without_self_check(Path(course, "exercises", name, f"{name}.ipynb"))
        shutil.copytree(Path(course, "exercises", name), folder / name, dirs_exist_ok=True)
    return folder / name / f"{name}.ipynb"


def release(name: str, root: Path = ROOT, *, graded: bool = False) -> Path:
    """Write one exercise and what its self-check needs, and return the notebook's path.

    Args:
        name: the assignment, such as ``02_tensors``.
        root: the course's folder.
        graded: leave out the cells of the self-check, its hidden tests and the worked answers.

    Raises:
        RuntimeError: with nbgrader's own words if it refuses.
    """
    from tools import answers

    path = generate(name, root / "exercises", root, graded=graded)
    data = root / answers.FOLDER / f"{name}.json"
    if graded:
        data.unlink(missing_ok=True)
    else:
        data.parent.mkdir(parents=True, exist_ok=True)
        data.write_text(answers.text(name, root), encoding="utf-8")
    return path


def differences(names: list[str] | None = None, root: Path = ROOT, *, graded: bool = False) -> list[tuple[Path, str]]:
    """Where exercises and self-checks are not what a fresh release would make: path (relative to root) and reason."""
    from tools import answers

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names or assignments(root):
            data = root / answers.FOLDER / f"{name}.json"
            wanted = None if graded else answers.text(name, root)
            if wanted != (data.read_text(encoding="utf-8") if data.exists() else None):
                reason = "belongs to no graded release" if graded else "is no fresh self-check"
                found.append((data.relative_to(root), reason))
            try:
                generate(name, Path(folder), root, graded=graded)
            except RuntimeError as error:
                found.append((Path("solutions", name, f"{name}.ipynb"), str(error)))
        for fresh in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            relative = Path("exercises") / fresh.relative_to(folder)
            stored = root / relative
            if not stored.exists():
                found.append((relative, "missing"))
            elif stored.read_bytes() != fresh.read_bytes():
                found.append((relative, f"differs from a fresh release{_first_difference(stored, fresh)}"))
    if not names:
        known = set(assignments(root))
        for stored in sorted((root / "exercises").glob("*/*.ipynb")):
            if stored.parent.name not in known:
                found.append((stored.relative_to(root), "has no solution that it could be released from"))
        for data in sorted((root / answers.FOLDER).glob("*.json")):
            if data.stem not in known:
                found.append((data.relative_to(root), "belongs to no exercise"))
    return found


class _Collect(logging.Handler):
    def __init__(self, words: list[str]):
        super().__init__()
        self.words = words

    def emit(self, record: logging.LogRecord) -> None:
        self.words.append(record.getMessage())


def _first_difference(stored: Path, fresh: Path) -> str:
    from tools.notebooks import NotebookError, read

    if stored.suffix != ".ipynb":
        return ""
    try:
        one, other = read(stored).cells, read(fresh).cells
    except NotebookError:
        return " (it is no notebook)"
    cell = next((a for a, b in zip(one, other, strict=False) if a != b), None)
    if cell is not None:
        return f" at cell {cell.get('id')}"
    return f" ({len(one)} cells instead of {len(other)})" if len(one) != len(other) else ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``release``."""
    parser.add_argument("names", nargs="*", help="assignments such as 02_tensors (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where exercises/ is not fresh")
    parser.add_argument(
        "--graded", action="store_true", help="for a class that is graded: no self-check, no worked answers"
    )


def run(args: argparse.Namespace) -> int:
    """Release assignments, or check that ``exercises/`` is what a release would make."""
    if unknown := say_unknown(args.names):
        print(unknown, file=sys.stderr)
        return 2
    if args.check:
        found = differences(args.names, ROOT, graded=args.graded)
        for path, reason in found:
            print(f"{path}: {reason}; edit solutions/ and run `python -m tools release`", file=sys.stderr)
        return int(bool(found))
    for name in args.names or assignments(ROOT):
        try:
            print(f"released {release(name, ROOT, graded=args.graded).relative_to(ROOT)}")
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    return 0
