"""Do the edits that chapters ask for, and see whether what comes out is what the chapter says: *executed try-its*.

``tests/try_its/NN_topic.toml`` holds one ``[[try_it]]`` per edit: ``id`` (of the Markdown cell that asks), ``edits``
(list of ``{cell, old, new}``; ``old`` occurs once in the cell), ``run_to`` (id of the last cell needed), ``append``
(code of a new cell after that one) and ``says`` (regular expressions that the output from the first edited cell on
must match). A chapter runs once; where an edit begins, the process forks, and the child goes on with the edited cells.
So all edits of a chapter cost the chapter once and, for each edit, the cells from it to ``run_to``.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from tools.order import load

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"id", "edits", "append", "run_to", "says"}
ENVIRONMENT = {"COURSE_FRAMES": "first", "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class TryIt:
    """An edit and what must come out; ``cells`` are the sources to run, from the first edited cell on."""

    id: str
    begin: int
    cells: list[str]
    says: list[str]


def read(stem: str, root: Path = ROOT) -> tuple[list[TryIt], list[str]]:
    """The edits of a chapter, and what is wrong with their data."""
    path = root / "tests" / "try_its" / f"{stem}.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("try_it", []) if path.exists() else []
    cells = load(root / "chapters" / f"{stem}.ipynb").cells
    position = {cell.id: i for i, cell in enumerate(cells)}
    tries, problems = [], []
    for entry in entries:
        found = list(_wrong(entry, cells, position))
        problems += [f"{path.name}, {entry.get('id')}: {problem}" for problem in found]
        if found:
            continue
        end, edits = position[entry["run_to"]], entry.get("edits", [])
        begin = min([position[edit["cell"]] for edit in edits], default=end)
        sources = {i: cells[i].source for i in range(begin, end + 1) if cells[i].cell_type == "code"}
        for edit in edits:
            sources[position[edit["cell"]]] = sources[position[edit["cell"]]].replace(edit["old"], edit["new"])
        appended = [entry["append"]] if entry.get("append") else []
        tries.append(TryIt(entry["id"], begin, [*sources.values(), *appended], entry["says"]))
    return tries, problems


def _wrong(entry: dict[str, Any], cells: list[NotebookNode], position: dict[str, int]) -> Iterator[str]:
    for key in sorted(entry.keys() - KEYS):
        yield f"`{key}` is not a known key; known are {', '.join(sorted(KEYS))}"
    if entry.get("id") not in position:
        yield "the chapter has no cell with this id"
    if not entry.get("says"):
        yield "`says` is empty; list what must come out"
    if not entry.get("edits") and not entry.get("append"):
        yield "nothing is changed; give `edits` or `append`"
    end = position.get(entry.get("run_to", ""))
    if end is None:
        yield f"`run_to` names no cell of the chapter: {entry.get('run_to')!r}"
    sources = {cell.id: cell.source for cell in cells}
    for edit in entry.get("edits", []):
        count = sources.get(edit.get("cell"), "").count(edit["old"])
        if count != 1:
            yield f"the text to change occurs {count} times in cell {edit.get('cell')}, not once: {edit['old']!r}"
        elif end is not None and position[edit["cell"]] > end:
            yield f"cell {edit['cell']} is changed but stands after `run_to`"


def run_chapter(stem: str, root: Path = ROOT, timeout: float = 900) -> tuple[list[str], float]:
    """Run all edits of a chapter in a process of their own: what went wrong, and the seconds it took."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "tools.try_its", "--here", stem, "--root", str(root)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=timeout, check=False
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return [f"{stem}: {(done.stderr or done.stdout)[-1500:]}"], time.perf_counter() - start
    return json.loads(lines[-1]), time.perf_counter() - start


def _run_here(stem: str, root: Path) -> list[str]:
    """Run the chapter in this process, and each edit in a fork of it."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    tries, problems = read(stem, root)
    shell = InteractiveShell.instance(colors="NoColor")
    os.chdir(root / "chapters")
    last = max((trial.begin for trial in tries), default=-1)
    for i, cell in enumerate(load(root / "chapters" / f"{stem}.ipynb").cells[: last + 1]):
        problems += [problem for trial in tries if trial.begin == i for problem in _fork(shell, trial, stem)]
        if cell.cell_type == "code" and i < last:
            with capture_output():
                result = shell.run_cell(cell.source)
            if not result.success and "raises-exception" not in cell.metadata.get("tags", []):
                return [*problems, f"{stem} cell {cell.id}: fails without any edit"]
    return problems


def _fork(shell: Any, trial: TryIt, stem: str) -> list[str]:
    """Run an edit in a child, which inherits all that the cells before have made."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:
            try:
                found = _judge(shell, trial)
            except BaseException as error:  # a child must never go on with the chapter
                found = [f"{type(error).__name__}: {error}"]
            json.dump(found, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found = json.loads(text) if text else ["the process died"]
    return [f"{stem} cell {trial.id}: {problem}" for problem in found]


def _judge(shell: Any, trial: TryIt) -> list[str]:
    from IPython.utils.capture import capture_output

    found, output = [], ""
    for source in trial.cells:
        with capture_output() as captured:
            result = shell.run_cell(source)
        output += captured.stdout + "".join(f"{shown.data.get('text/plain', '')}\n" for shown in captured.outputs)
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, AssertionError):
            found.append(f"the edit ends in a bare assertion; fold it and tag it `guard`: {source[:200]!r}")
    output = re.sub(r"(?m)^Out\[\d+\]: ?", "", ANSI.sub("", output))
    missing = [pattern for pattern in trial.says if not re.search(pattern, output)]
    if missing:
        found.append(f"does not print {missing}, but:\n{output[-1500:]}")
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``try-its``."""
    parser.add_argument("chapters", nargs="*", help="such as 06_sgd (default: all that have edits)")


def run(args: argparse.Namespace) -> int:
    """Run the edits of chapters; 1 if anything else comes out than the chapter says."""
    stems = [Path(name).stem for name in args.chapters]
    stems = stems or sorted(path.stem for path in (ROOT / "tests" / "try_its").glob("*.toml"))
    failed = False
    for stem in stems:
        problems, seconds = run_chapter(stem)
        print(f"{stem}: {len(read(stem)[0])} edits, {len(problems)} problems, {seconds:.0f} s", *problems, sep="\n  ")
        failed |= bool(problems)
    return int(failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the edits of one chapter in this process; print a JSON list.")
    parser.add_argument("--here", required=True)
    parser.add_argument("--root", type=Path, required=True)
    options = parser.parse_args()
    found = _run_here(options.here, options.root.resolve())
    print("\n" + json.dumps(found))
