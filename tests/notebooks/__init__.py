"""A tiny course for tests of the tools: one chapter, one exercise, right in every way until a test plants a sin."""

import shutil
from pathlib import Path

from tools.notebooks import ROOT, write
from tools.release import release
from tools.text import from_text

HERE = Path(__file__).parent
NAME = "01_sums"


def make_course(root: Path) -> Path:
    """Build the tiny course in an empty folder and return the folder."""
    for name in ("_config.yml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, root)
    (root / "_toc.yml").write_text(
        f"root: README\nchapters:\n- file: chapters/{NAME}\n  sections:\n  - file: exercises/{NAME}/{NAME}\n"
    )
    for source, target in {
        "chapter.md": f"chapters/{NAME}.ipynb",
        "solution.md": f"solutions/{NAME}/{NAME}.ipynb",
    }.items():
        write(from_text((HERE / source).read_text(encoding="utf-8"), source), root / target)
    release(NAME, root)
    return root
