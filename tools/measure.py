"""What a chapter must keep to, measured: a function per rule, which yields pairs (cell id, what is wrong).

A chapter that keeps to a rule is listed in ``tests/ratchets.toml`` and may not fall back; ``python -m tools measure``
prints the state of all, and ``--write`` adds to the list what complies by now.
"""

import argparse
import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from tools import order
from tools.minutes import time

ROOT = Path(__file__).resolve().parents[1]
RATCHETS = Path("tests", "ratchets.toml")
COLUMNS = 88
SHARE = 0.08  # of visible lines that may be assertions or plumbing
OUT_OF_SIGHT = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
DRAWING = {"plt", "fig", "figure", "ax", "axes", "left", "right"}
FOLD = re.compile(r"<details>\s*<summary>What happens, and why</summary>\n\n(.+?)\n\n</details>", re.DOTALL)
QUARRELS = re.compile(
    r"you (?:will|may|can) often (?:read|see|find)|you often (?:read|see)|some (?:texts|books|authors|sources)|"
    r"(?:is|are) often (?:printed|written|said|given)|books? (?:say|write|print|call)|many (?:texts|books|tutorials)|"
    r"often see it printed|is printed",
    re.IGNORECASE,
)
# name of the part, how to find it: in a markdown cell's text, or in a code cell's source
PARTS: tuple[tuple[str, str, str], ...] = (
    ("title", "markdown", r"\A# "),
    ("promise", "markdown", r"\A# [^\n]+\n\n[*_]{1,2}[^*_]"),
    ("time", "markdown", r"(?m)^- \*\*Time:\*\* "),
    ("needs", "markdown", r"(?m)^- \*\*You need:\*\* "),
    ("objectives", "markdown", r"(?m)^- \*\*After this chapter you can\*\*\n  1\. "),
    ("set-up", "code", r"(?s)\A.*ModuleNotFoundError"),
    ("sections", "markdown", r"(?m)^## 1\. "),
    ("summary", "markdown", r"(?m)^## What to take away"),
    ("road", "markdown", r"(?m)^##+ The (?:road|ladder)"),
    ("quiz", "code", r"show_quiz\("),
    ("questions", "code", r"show_questions\("),
    ("exercise", "markdown", r"\]\(\.\./exercises/"),
    ("further reading", "markdown", r"(?m)^## Exercise and further reading"),
)
Found = Iterator[tuple[str, str]]


def visible(cell: NotebookNode) -> bool:
    """Does the reader see this cell's source without unfolding it?"""
    return not OUT_OF_SIGHT & set(cell.metadata.get("tags", []))


def width(notebook: NotebookNode, **_: object) -> Found:
    """Code of at most 88 columns (the bootstrap, which the tools write, excepted)."""
    for cell in notebook.cells:
        if cell.cell_type != "code" or cell.id == "bootstrap":
            continue
        wide = [line for line in cell.source.splitlines() if len(line) > COLUMNS]
        if wide:
            yield cell.id, f"a line of {len(wide[0])} columns, at most {COLUMNS}: {wide[0].strip()[:50]}..."


def wide_outputs(notebook: NotebookNode) -> Found:
    """Printed lines of an executed notebook that are wider than 88 columns."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.cell_type == "code" else []:
            text = output.get("text", "") if output.output_type == "stream" else ""
            if output.output_type in ("execute_result", "display_data") and "text/html" not in output.data:
                text = output.data.get("text/plain", "") if set(output.data) == {"text/plain"} else ""
            wide = [line for line in text.splitlines() if len(line) > COLUMNS]
            if wide:
                yield cell.id, f"prints a line of {len(wide[0])} columns, at most {COLUMNS}: {wide[0].strip()[:50]}..."


def plumbing_lines(cell: NotebookNode) -> tuple[int, int]:
    """How many lines of a code cell are assertions, drawing or widgets, and how many there are."""
    total = sum(1 for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#"))
    try:
        tree = ast.parse(TransformerManager().transform_cell(cell.source))
    except SyntaxError:
        return 0, total
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.stmt) and _draws(node)):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return min(len(lines), total), total


def _draws(node: ast.stmt) -> bool:
    """Is this one simple statement that calls matplotlib or makes a widget?"""
    if not isinstance(node, (ast.Expr, ast.Assign)) or not isinstance(node.value, ast.Call):
        return False
    function: ast.expr = node.value.func
    name = getattr(function, "id", getattr(function, "attr", ""))
    while isinstance(function, (ast.Attribute, ast.Subscript, ast.Call)):
        function = function.func if isinstance(function, ast.Call) else function.value
    return name in ("explore", "use_style") or (isinstance(function, ast.Name) and function.id in DRAWING)


def plumbing(notebook: NotebookNode, **_: object) -> Found:
    """At most 8 % of the visible code lines are assertions, drawing or widgets."""
    counts = {
        cell.id: plumbing_lines(cell)
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.id != "bootstrap" and visible(cell)
    }
    bad, total = (sum(pair[i] for pair in counts.values()) for i in (0, 1))
    if total and bad > SHARE * total:
        worst = sorted(counts, key=lambda id: -counts[id][0])[:5]
        yield (
            "",
            f"{bad} of {total} visible code lines ({bad / total:.0%}, at most {SHARE:.0%}) are assertions, drawing or "
            f"widgets; fold them (tags hide-input, guard); most of them in {', '.join(worst)}",
        )


def shape(notebook: NotebookNode, stem: str = "", **_: object) -> Found:
    """The parts of a chapter, in their order."""
    last, before = -1, ""
    position: dict[str, int] = {}
    for name, kind, pattern in PARTS:
        found = [
            i for i, cell in enumerate(notebook.cells) if cell.cell_type == kind and re.search(pattern, cell.source)
        ]
        if not found:
            yield "", f"the part {name!r} is missing; see PARTS in tools/measure.py for its form"
            continue
        position[name] = found[0]
        if found[0] < last:
            yield notebook.cells[found[0]].id, f"the part {name!r} stands before {before!r}; it must come after it"
        last, before = max(last, found[0]), name
    call = re.compile(rf"""before\(["']{stem}["']\)""")
    asked = [i for i, c in enumerate(notebook.cells) if c.cell_type == "code" and call.search(c.source)]
    if stem[:2] == "00":
        return
    if not asked:
        yield "", f'no three questions from before; add a folded cell `quiz.before("{stem}")` before the first section'
    elif not position.get("set-up", 0) < asked[0] < position.get("sections", len(notebook.cells)):
        yield notebook.cells[asked[0]].id, "the questions from before stand after the set-up and before the sections"


def quarrel(notebook: NotebookNode, **_: object) -> Found:
    """No quarrel with texts that the reader has not read."""
    for cell in notebook.cells:
        found = QUARRELS.search(cell.source) if cell.cell_type == "markdown" else None
        if found:
            yield cell.id, f"{found.group(0)!r}: correct the student, not other texts; say what is right"


def try_its(notebook: NotebookNode, stem: str = "", root: Path = ROOT) -> Found:
    """Each "Try it" is answered in a fold of two to four sentences, and its edit is data that a test runs."""
    path = root / "tests" / "try_its" / f"{stem}.toml"
    listed = (
        {entry["id"] for entry in tomllib.loads(path.read_text("utf-8")).get("try_it", [])} if path.exists() else set()
    )
    there = set()
    for cell in notebook.cells:
        if cell.cell_type != "markdown" or not re.search(r"(?m)^\*\*Try it\.\*\*", cell.source):
            continue
        there.add(cell.id)
        asked = cell.source[cell.source.index("**Try it.**") :]
        fold = FOLD.search(asked)
        if not fold:
            yield (
                cell.id,
                "no answer; end the cell with the fold `What happens, and why` (form: tools/measure.py, FOLD)",
            )
        elif not 2 <= sentences(fold.group(1)) <= 6:
            yield cell.id, f"the answer has {sentences(fold.group(1))} sentences; two to four, six at the very most"
        if cell.id not in listed:
            yield cell.id, f"its edit is not run; add an entry to tests/try_its/{stem}.toml"
    for id in sorted(listed - there):
        yield id, f"tests/try_its/{stem}.toml answers a cell that is no `**Try it.**`; rename or remove the entry"


def sentences(text: str) -> int:
    """The sentences of a Markdown text, without code, formulas and tables."""
    text = re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$|^\|.*$", "x", text, flags=re.DOTALL | re.MULTILINE)
    return len(re.findall(r"[.!?](?=[\s*)]|$)", text))


def taught(notebook: NotebookNode, stem: str = "", root: Path = ROOT) -> Found:
    """What the exercise asks for was shown before (see `tools.order`)."""
    for name, task in order.untaught(stem, root):
        yield task, f"the exercise asks for `{name}`, which no chapter up to here shows in sight; show it or give it"


RULES: dict[str, Callable[..., Found]] = {
    "width": width,
    "plumbing": plumbing,
    "shape": shape,
    "quarrel": quarrel,
    "try_its": try_its,
    "taught": taught,
    "time": time,
}


def stems(root: Path = ROOT) -> list[str]:
    """The chapters of the course, in order."""
    return sorted(path.stem for path in (root / "chapters").glob("*.ipynb"))


def measure(rule: str, stem: str, root: Path = ROOT) -> list[str]:
    """What breaks a rule in a chapter, one line each."""
    notebook = order.load(root / "chapters" / f"{stem}.ipynb")
    return [
        f"{stem}{' cell ' + cell if cell else ''}: {message}"
        for cell, message in RULES[rule](notebook, stem=stem, root=root)
    ]


def listed(root: Path = ROOT) -> dict[str, list[str]]:
    """The chapters that keep to each rule, as ``tests/ratchets.toml`` has them."""
    return tomllib.loads((root / RATCHETS).read_text(encoding="utf-8"))


def dumps(lists: dict[str, list[str]]) -> str:
    """The text of ``tests/ratchets.toml``."""
    head = (
        "# Chapters that keep to a rule of tools/measure.py. `python -m tools measure --write` adds; take none off.\n"
    )
    return head + "".join(
        f"\n{rule} = [\n" + "".join(f'    "{stem}",\n' for stem in sorted(lists.get(rule, []))) + "]\n"
        for rule in RULES
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``measure``."""
    parser.add_argument("chapters", nargs="*", help="such as 06_sgd (default: all)")
    parser.add_argument("--write", action="store_true", help="list what complies by now in tests/ratchets.toml")


def run(args: argparse.Namespace) -> int:
    """Print a table of chapters and rules; with chapters named, every finding. 1 if a listed chapter fell back."""
    chosen = [Path(name).stem for name in args.chapters] or stems()
    lists, back = listed(), 0
    print(f"{'findings':22}" + "".join(f"{rule:>10}" for rule in RULES))
    details = []
    for stem in chosen:
        found = {rule: measure(rule, stem) for rule in RULES}
        marks = {rule: "*" if stem in lists.get(rule, []) else " " for rule in RULES}
        print(f"{stem:22}" + "".join(f"{len(found[rule]):>9}{marks[rule]}" for rule in RULES))
        back += sum(bool(found[rule]) and marks[rule] == "*" for rule in RULES)
        details += [f"{rule}: {line}" for rule in RULES for line in found[rule]]
        for rule in RULES:
            if not found[rule] and stem not in lists.setdefault(rule, []):
                lists[rule].append(stem)
    print("* listed in tests/ratchets.toml: must stay at 0")
    if args.chapters:
        print("\n".join(details))
    if args.write:
        (ROOT / RATCHETS).write_text(dumps(lists), encoding="utf-8")
    return int(back > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.measure")
    add_arguments(parser)
    raise SystemExit(run(parser.parse_args()))
