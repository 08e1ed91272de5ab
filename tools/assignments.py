"""The assignments of this course, and the settings that nbgrader gets."""

from collections.abc import Iterable
from pathlib import Path

from traitlets.config import Config, PyFileConfigLoader

from tools.notebooks import ROOT


def course_config(root: Path = ROOT) -> Config:
    """The settings in ``nbgrader_config.py``, with `root` as the course's folder."""
    config = PyFileConfigLoader("nbgrader_config.py", str(root)).load_config()
    config.CourseDirectory.root = str(root.resolve())
    return config


def assignments(root: Path = ROOT) -> list[str]:
    """The stems of all assignments, such as ``02_tensors``."""
    return sorted(path.parent.name for path in (root / "solutions").glob("*/*.ipynb") if path.stem == path.parent.name)


def say_unknown(names: Iterable[str], root: Path = ROOT) -> str:
    """A sentence about the current folder if it is another course, or about the first unknown name; else empty."""
    here = Path.cwd().resolve()
    if (here / "nbgrader_config.py").is_file() and here not in (root.resolve(), Path(__file__).resolve().parents[1]):
        return (
            f"`release` and `mutants` work only in the course that they came with, {root}: here, run "
            "`nbgrader generate_assignment NAME`."
        )
    unknown = sorted(set(names) - set(assignments(root)))
    return f"no assignment {unknown[0]}; there are {', '.join(assignments(root))}" if unknown else ""
