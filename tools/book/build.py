"""The book: execute what changed, build the site, and refuse a site that is not good enough.

A plain ``jupyter-book build`` exits with 0 when a cell raises. This one fails when a cell raises or writes to stderr,
when a figure is empty or has no alt text, when Sphinx warns, when a link leads nowhere, and when a page is too heavy.
"""

import argparse
import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn

from grader.commandline import count
from tools import warm
from tools.book import execute, site
from tools.book.theme.answers import GRADED
from tools.notebooks import ROOT, heading, read

PARTS = {  # caption in the table of contents: first and last chapter
    "The neuron": (0, 5),
    "Training": (6, 8),
    "Seeing": (9, 12),
    "Looking back": (13, 13),
    "Optional": (14, 99),
}
AFTER = {  # pages after the chapters
    "Reference": ("glossary", "bibliography"),
    "For instructors": ("docs/teaching", "grader/README", "docs/real-data"),
    "For maintainers": (
        "CONTRIBUTING",
        "docs/syllabus",
        "docs/claims",
        "docs/stumbles",
        "docs/faults",
        "docs/vocabulary",
        "docs/coming-from",
        "SECURITY",
    ),
}
PAGES = (
    "*.md",
    "docs/*.md",
    "grader/README.md",
    "references.bib",
    "_config.yml",
    "_toc.yml",
    "chapters/*.ipynb",
    "exercises/*/*.ipynb",
    "helpers/answers/*.json",
)

CELL_LINE = re.compile(r"^(\S+\.ipynb):(\d+): ", re.MULTILINE)


class BuildError(Exception):
    """The book cannot be built; every line of the message names a file and what to mend."""


def build(root: Path = ROOT, jobs: int = 2) -> Path:
    """Build the site and return its first page.

    Args:
        root: the folder with ``_config.yml`` and ``_toc.yml``.
        jobs: notebooks executed side by side.

    Raises:
        BuildError: if anything at all is not as it should be.
    """
    root = Path(root).resolve()
    if os.environ.get(
        "COURSE_DATA"
    ):  # kernels run in the folder of their notebook, so a relative path would mislead them
        os.environ["COURSE_DATA"] = str(Path(os.environ["COURSE_DATA"]).resolve())
    output, stamp = root / "_build" / "html", root / "_build" / "book.json"
    now = digests(root)
    before = json.loads(stamp.read_text()) if stamp.exists() and (output / "index.html").exists() else {}
    if before != now:
        stamp.unlink(missing_ok=True)
        check_toc(root)
        executed = execute_notebooks(root, now["kernels"], jobs)
        for path in executed:  # Sphinx looks at the notebook only, and would keep the page with the old outputs
            doctree = (root / "_build" / ".doctrees" / path.relative_to(root)).with_suffix(".doctree")
            doctree.unlink(missing_ok=True)
        render(root, fresh=before.get("site") != now["site"])
        add_classifier(output)
    else:
        print("nothing changed since the last build")
    problems = site.report(output)
    if problems:
        raise BuildError("\n".join(problems))
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(json.dumps(now))
    return output / "index.html"


def add_classifier(output: Path) -> None:
    """Put the network beside the pages that let their reader drop a photograph (10 MB, loaded when one was chosen)."""
    if not any(b'class="course-classifier"' in page.read_bytes() for page in output.rglob("*.html")):
        return
    from tools.classifier import export

    try:
        size = export(output / "_static" / "classifier")
    except FileNotFoundError as error:
        print(f"pages will say that the classifier is not there: {error}")
    else:
        print(f"the classifier for the page: {size / 1e6:.1f} MB")


def notebooks(root: Path) -> list[Path]:
    """The notebooks of the book: chapters and exercises."""
    return [*sorted(root.glob("chapters/*.ipynb")), *sorted(root.glob("exercises/*/*.ipynb"))]


def make_toc(root: Path) -> str:
    """The text of ``_toc.yml``: every chapter with its exercise below it."""
    parts = []
    for caption, (first, last) in PARTS.items():
        entries = []
        for path in sorted(root.glob("chapters/[0-9][0-9]_*.ipynb")):
            number = int(path.stem[:2])
            if not first <= number <= last:
                continue
            entry = {"file": f"chapters/{path.stem}", "title": f"{number}. {_title(path)}"}
            if (root / "exercises" / path.stem / path.name).exists():
                entry["sections"] = [{"file": f"exercises/{path.stem}/{path.stem}", "title": f"Exercise {number}"}]
            entries.append(entry)
        if entries:
            parts.append({"caption": caption, "chapters": entries})
    for caption, names in AFTER.items():
        if pages := [{"file": name} for name in names if (root / f"{name}.md").exists()]:
            parts.append({"caption": caption, "chapters": pages})
    first = "index" if (root / "index.md").exists() else "README"
    toc = {"format": "jb-book", "root": first, "parts": parts}
    head = "# Written by `python -m tools book --write-toc` from the notebooks and the parts in tools/book/build.py.\n"
    return head + yaml.safe_dump(toc, sort_keys=False, allow_unicode=True, width=120)


def _title(path: Path) -> str:
    return next(filter(None, map(heading, read(path).cells)), path.stem)


def check_toc(root: Path) -> None:
    """Raise `BuildError` for each notebook that ``_toc.yml`` does not list."""
    listed = set(re.findall(r"file: *(\S+)", (root / "_toc.yml").read_text(encoding="utf-8")))
    missing = [path for path in notebooks(root) if path.relative_to(root).with_suffix("").as_posix() not in listed]
    if missing:
        names = "\n".join(f"{path.relative_to(root)}: missing from _toc.yml" for path in missing)
        raise BuildError(f"{names}\nrun `python -m tools book --write-toc`")


def execute_notebooks(root: Path, key: str, jobs: int) -> list[Path]:
    """Fill the cache that Jupyter Book reads, and return the notebooks that had to run.

    Args:
        root: the folder of the book.
        key: stands for all that outputs depend on besides the notebook; another key empties the cache.
        jobs: notebooks executed side by side.

    Raises:
        BuildError: naming notebook and cell of each problem.
    """
    folder = root / "_build" / ".jupyter_cache"
    if not (folder / "key").exists() or (folder / "key").read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "key").write_text(key)
    cache, problems, missing = get_cache(folder), [], []
    for path in notebooks(root):
        try:
            _, merged = cache.merge_match_into_notebook(read(path), cell_meta=())
        except KeyError:
            missing.append(path)
            continue
        # Captions and alt text may be newer than the outputs, and the book would take both from the cache.
        cache.cache_notebook_bundle(CacheBundleIn(merged, str(path)), check_validity=False, overwrite=True)
        problems += [f"{path.relative_to(root)} {problem}" for problem in execute.inspect_outputs(merged)]

    async def run_all(scratch: Path) -> None:
        gate = asyncio.Semaphore(jobs)

        async def run_one(path: Path) -> None:
            saved = scratch / path.parent.name / path.name
            async with gate:
                result = await execute.execute_async(path, save=saved)
            print(f"{path.relative_to(root)}: {result.seconds:.1f} s", flush=True)
            problems.extend(f"{path.relative_to(root)} {problem}" for problem in result.problems)
            if not result.problems:
                notebook = read(saved)
                notebook.metadata.pop("widgets", None)  # the state of live widgets is of no use to a page, and large
                cache.cache_notebook_bundle(CacheBundleIn(notebook, str(path)), check_validity=False, overwrite=True)

        await asyncio.gather(*map(run_one, missing))

    if missing:
        with warm.kernels(), tempfile.TemporaryDirectory() as scratch:
            asyncio.run(run_all(Path(scratch)))
    if problems:
        raise BuildError("\n".join(problems))
    return missing


def render(root: Path, *, fresh: bool) -> None:
    """Let Jupyter Book write the pages; any warning is an error.

    Args:
        root: the folder of the book.
        fresh: write all pages. Otherwise Sphinx keeps pages that did not change, and with them the silence about them.
    """
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(root), "-q"]
    command += ["-n", "-W", "--keep-going", *(["--all"] if fresh else [])]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))  # for the theme, tools.book.theme
    done = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    messages = execute.ANSI.sub("", done.stderr).replace(f"{root}/", "")
    messages = CELL_LINE.sub(lambda match: _cell(root, match[1], int(match[2])) or match[0], messages)
    warnings = [line for line in messages.splitlines() if re.search(r"WARNING|ERROR|CRITICAL", line)]
    if done.returncode or warnings:
        raise BuildError("\n".join(warnings) or (done.stdout + done.stderr)[-3000:])


def _cell(root: Path, name: str, line: int) -> str:
    """What MyST-NB calls a line of a notebook, 10,000 times the cell's number plus the line in it, in plain words."""
    cells, number = read(root / name).cells, line // 10_000
    return f"{name} cell {cells[number - 1].id}: " if 0 < number <= len(cells) else ""


def digests(root: Path) -> dict[str, str]:
    """What the last build depended on: ``kernels`` for outputs, ``site`` for the look of all pages, and everything."""
    answers = ROOT / "helpers" / "answers"  # no output of an untouched exercise depends on them
    classroom = [path for path in (ROOT / "helpers").rglob("*") if path.is_file() and answers not in path.parents]
    variables = {name: os.environ.get(name, "") for name in ("COURSE_DATA", "COURSE_OFFLINE", "COURSE_FRAMES")}
    data = Path(variables["COURSE_DATA"]) if variables["COURSE_DATA"] else None
    sizes = [(str(path), path.stat().st_size) for path in sorted(data.rglob("*"))] if data else []
    kernels = _digest([*classroom, ROOT / "requirements.lock"], repr((variables, sizes, sys.version)))
    look = _digest([*Path(__file__).parent.rglob("*"), root / "_config.yml"], kernels + os.environ.get(GRADED, ""))
    pages = _digest([path for pattern in PAGES for path in root.glob(pattern)], look)
    return {"kernels": kernels, "site": look, "pages": pages}


def _digest(paths: Iterable[Path], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for path in sorted(paths):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"\0{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``book``."""
    parser.add_argument("--jobs", type=count, default=2, help="notebooks executed side by side (default: 2)")
    parser.add_argument("--graded", action="store_true", help="for a class that is graded: no worked answers")
    parser.add_argument("--write-toc", action="store_true", help="only write _toc.yml from the notebooks")


def run(args: argparse.Namespace) -> int:
    """Build the book; 1 if anything is wrong with it."""
    if args.write_toc:
        (ROOT / "_toc.yml").write_text(make_toc(ROOT), encoding="utf-8")
        return 0
    if args.graded:
        os.environ[GRADED] = "1"
    start = time.perf_counter()
    try:
        page = build(ROOT, args.jobs)
    except BuildError as error:
        print(f"{error}\nthe book has problems, see above", file=sys.stderr)
        return 1
    print(f"built in {time.perf_counter() - start:.1f} s: {page.relative_to(ROOT)}\nopen {page.as_uri()}")
    return 0
