"""The rules that every notebook of the course keeps; ``check`` prints what breaks them.

A rule is a function of a `Linted` that yields pairs (cell id, message with remedy). Nothing here runs a notebook.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from grader.judge import plan
from grader.judge.names import name_called
from grader.model import AnswerCell
from tools.assignments import assignments
from tools.mutants import find_tasks, nbgrader_is_test
from tools.notebooks import (
    CELL_METADATA,
    FOLDED,
    ROOT,
    NotebookError,
    bootstrap_source,
    canonical,
    dumps,
    find_notebooks,
    folded,
    nbgrader_kind,
    read,
    readable,
    without_title,
)
from tools.release import differences

TAGS = {
    "guard", "hide-cell", "hide-input", "hide-output", "raises-exception", "remove-cell", "remove-input",
    "remove-output",
}  # fmt: skip
# An answer with its docstring, or a test with its oracle, may be longer; so may a drawing that is folded.
MAX_LINES = {"chapters": 20, "solutions": 50, "folded": 60}
DRAWING = re.compile(r"(plot|show|draw)_\w+|imshow|matshow|scatter|subplots|figure|hist|barh?|contourf?")
NOT_DRAWING = re.compile(r"show_(quiz|questions|versions)|draw_\w*(sample|batch|index)\w*")
BANNED = {
    r"\bTODO\b|\bFIXME\b": "finish it or open an issue",
    r"\bthe (lecture |seed )?deck\b|\b(this|next|previous|last) slide\b|\bslide (\d+|deck)\b|\bon (the )?slides?\b": (
        "write for a reader who has only this page"
    ),
    r"(?<![\w.:/<>~*)\]}])/(?!usr/|dev/|etc/|proc/|content/)[a-z]\w*/[\w./-]+": (
        "a path of one machine; use a relative path or a setting"
    ),
}
STDERR = {
    "tqdm": "tqdm writes to stderr; use `training.fit`'s progress",
    "trange": "tqdm writes to stderr; use `training.fit`'s progress",
    "warn": "a warning goes to stderr; print it or raise",
}
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Finding:
    """One broken rule."""

    path: Path
    cell: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}{' cell ' + self.cell if self.cell else ''}: {self.message}"


@dataclass
class Linted:
    """A notebook under the lint: its path (relative to the course), its kind and its cells."""

    path: Path
    text: str
    notebook: NotebookNode
    root: Path

    @property
    def kind(self) -> str:
        """``chapters``, ``solutions`` or ``exercises``."""
        return next((part for part in self.path.parts if part in ("solutions", "exercises")), "chapters")

    @property
    def code(self) -> list[NotebookNode]:
        """The code cells."""
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """The syntax tree of every code cell that is Python once magics are translated, by cell id."""
        trees = {}
        for cell in self.code:
            try:
                trees[cell.get("id", "")] = ast.parse(TransformerManager().transform_cell(cell.source))
            except SyntaxError:
                continue
        return trees


def form(page: Linted) -> Found:
    """Canonical form, with the usual deviations named one by one."""
    seen: set[str] = set()
    named = False
    for number, cell in enumerate(page.notebook.cells, start=1):
        identifier = cell.get("id")
        where = identifier or f"number {number}"
        messages = []
        if cell.get("outputs"):
            messages.append("stored outputs; run `python -m tools fix`")
        if cell.get("execution_count") is not None:
            messages.append("a stored execution count; run `python -m tools fix`")
        if not identifier:
            messages.append("no id; run `python -m tools fix`")
        elif identifier in seen:
            messages.append("this id occurs twice; rename one, so that links and coverage stay true")
        elif not readable(identifier):
            messages.append("the id is no readable slug; rename it (lower-case words joined by hyphens)")
        allowed = (*CELL_METADATA, *(("deletable", "editable") if page.kind == "exercises" else ()))
        allowed += tuple(FOLDED) if folded(cell) else ()
        for key in sorted(set(cell.metadata) - set(allowed)):
            messages.append(f"metadata {key!r} does not belong into git; run `python -m tools fix`")
        seen.add(identifier)
        named = named or bool(messages)
        for message in messages:
            yield where, message
    for key in sorted(set(page.notebook.metadata) - {"kernelspec", "language_info"}):
        named = True
        yield "", f"notebook metadata {key!r} does not belong into git; run `python -m tools fix`"
    named = named or page.kind == "exercises" or any(bootstrap(page))
    if not named and page.text != dumps(canonical(page.notebook, page.root)):
        yield "", "not in canonical form; run `python -m tools fix`"


def bootstrap(page: Linted) -> Found:
    """The first code cell makes a lone notebook run."""
    if not page.code or page.code[0].get("id") != "bootstrap":
        yield "bootstrap", "the first code cell must be the bootstrap; add a code cell with this id and run `fix`"
    for cell in page.code:
        if cell.get("id") == "bootstrap" and cell.source != bootstrap_source(page.root):
            yield "bootstrap", "changed by hand; set `repository` in _config.yml and run `python -m tools fix`"


def tags(page: Linted) -> Found:
    """Known tags only; an exercise hides no error behind a tag."""
    for cell in page.notebook.cells:
        for tag in cell.metadata.get("tags", []):
            if tag not in TAGS:
                yield cell.id, f"unknown tag {tag!r}; use one of {', '.join(sorted(TAGS))}"
            elif tag == "raises-exception" and page.kind != "chapters":
                yield cell.id, "the tag raises-exception hides errors from the grader; catch the error in the cell"


def guards(page: Linted) -> Found:
    """A cell that holds the prose to its numbers goes on when a reader changed a cell above it."""
    for cell in page.code:
        if "guard" not in cell.metadata.get("tags", []):
            continue
        body = page.trees[cell.id].body if cell.get("id") in page.trees else []
        alone = body[0] if len(body) == 1 and isinstance(body[0], ast.With) else None
        if not alone or [ast.unparse(item.context_expr) for item in alone.items] != ["checks.guard()"]:
            yield cell.id, "a guard is one block `with checks.guard():` and nothing else; put all its lines into it"
        if not folded(cell):
            yield cell.id, "a guard is of no interest to readers; add the tag hide-input"


def syntax(page: Linted) -> Found:
    """Code cells are Python."""
    for cell in page.code:
        if cell.get("id", "") not in page.trees and "raises-exception" not in cell.metadata.get("tags", []):
            yield cell.id, "a syntax error; mend it"


def figures(page: Linted) -> Found:
    """A cell that draws says so in words: alt text and caption."""
    for cell in page.code:
        mystnb = cell.metadata.get("mystnb", {})
        tree = page.trees.get(cell.get("id", ""))
        if tree is None or "nbgrader" in cell.metadata or not any(map(_draws, _calls(tree))):
            continue
        if not mystnb.get("image", {}).get("alt"):
            yield cell.id, "draws without alt text; add `%| alt: ...` (mystnb.image.alt): what to conclude"
        if not mystnb.get("figure", {}).get("caption") and page.kind == "chapters":
            yield cell.id, "draws without a caption; add `%| caption: ...` (mystnb.figure.caption)"


def length(page: Linted) -> Found:
    """Short code cells."""
    for cell in page.code:
        lines = sum(1 for line in without_title(cell.source).split("\n") if line.strip())
        folded = {"hide-input", "hide-cell", "remove-input"} & set(cell.metadata.get("tags", []))
        limit = MAX_LINES["solutions" if "nbgrader" in cell.metadata else "folded" if folded else "chapters"]
        if lines > limit:
            yield cell.id, f"{lines} lines of code; split it, at most {limit}"


def stderr(page: Linted) -> Found:
    """Nothing that writes to stderr."""
    for cell in page.code:
        tree = page.trees.get(cell.get("id", ""))
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and name_called(node) in STDERR:
                yield cell.id, STDERR[name_called(node)]
            elif isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.stderr":
                yield cell.id, "uses sys.stderr; print to stdout"


def headings(page: Linted) -> Found:
    """One title, and no level left out."""
    level = 0
    for cell in page.notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = re.sub(r"^(```|~~~|:::).*?^\1", "", cell.source, flags=re.DOTALL | re.MULTILINE)
        for marks in re.findall(r"^(#{1,6}) ", text, re.MULTILINE):
            if level == 0 and len(marks) != 1:
                yield cell.id, "the first heading must be the title, with one `#`"
            elif level and len(marks) == 1:
                yield cell.id, "a second title; use `##`"
            elif level and len(marks) > level + 1:
                yield cell.id, f"a heading of level {len(marks)} below level {level}; leave no level out"
            level = len(marks)
    if level == 0:
        yield "", "no title; begin with a markdown cell `# ...`"


def words(page: Linted) -> Found:
    """Words and paths that have no place in the course."""
    for cell in page.notebook.cells:
        for pattern, remedy in BANNED.items():
            found = re.search(pattern, cell.source)
            if found:
                yield cell.get("id", ""), f"{found.group(0).strip()!r}: {remedy}"


def links(page: Linted) -> Found:
    """Relative links and ``{doc}`` roles lead somewhere; what else the book can refer to, its build checks."""
    folder = (page.root / page.path).parent
    for cell in page.notebook.cells:
        if cell.cell_type != "markdown":
            continue
        pages = re.findall(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`", cell.source)
        text = re.sub(r"```.*?```|`[^`\n]*`", "", cell.source, flags=re.DOTALL)
        targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
        there = [folder / target for target in targets]
        there += [page.root / name[1:] if name.startswith("/") else folder / name for name in pages]
        for name, path in zip(targets + pages, there, strict=True):
            if not any(path.with_name(path.name + suffix).exists() for suffix in ("", ".ipynb", ".md")):
                yield cell.id, f"the cross-reference {name!r} leads nowhere; give a path relative to this notebook"


def leaks(page: Linted) -> Found:
    """A release shows no solution and no hidden test."""
    if page.kind != "exercises":
        return
    for cell in page.notebook.cells:
        found = re.search(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)", cell.source)
        if found:
            yield cell.get("id", ""), f"solution text left in a release ({found.group(0)!r}); run `make exercises`"


def markers(page: Linted) -> Found:
    """Solutions are marked, so that the release takes them out."""
    if page.kind != "solutions":
        return
    for cell in page.notebook.cells:
        kind = nbgrader_kind(cell.metadata["nbgrader"]) if "nbgrader" in cell.metadata else ""
        if kind == "solution" and cell.cell_type == "code" and "### BEGIN SOLUTION" not in cell.source:
            yield cell.id, "an answer cell without `### BEGIN SOLUTION` / `### END SOLUTION`; mark the solution"
        if "### BEGIN SOLUTION" in cell.source and kind != "solution":
            yield cell.id, "a solution in a cell that is no answer cell; add `%| nbgrader: solution ID`"
        if "### BEGIN HIDDEN TESTS" in cell.source and kind != "test":
            yield cell.id, "a hidden test in a cell that is no test; add `%| nbgrader: test ID POINTS`"
        for name in ("SOLUTION", "HIDDEN TESTS"):
            if cell.source.count(f"### BEGIN {name}") != cell.source.count(f"### END {name}"):
                yield cell.id, f"`### BEGIN {name}` and `### END {name}` do not pair; add the missing one"


def last_expression(page: Linted) -> Found:
    """nbgrader takes the value of a test cell's last expression as its score."""
    for cell in page.code:
        tree = page.trees.get(cell.get("id", ""))
        if nbgrader_is_test(cell) and tree and tree.body and isinstance(tree.body[-1], ast.Expr):
            yield cell.id, "a test cell ends with an expression, which becomes the score; assign it or use `with task`"


def shadows(page: Linted) -> Found:
    """A test must leave the imported names as they are: the tests after it, and the student's cells, use them too."""
    imported = {
        (name.asname or name.name).partition(".")[0]
        for cell in page.code
        if not nbgrader_is_test(cell) and (tree := page.trees.get(cell.get("id", "")))
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    for cell in page.code:
        tree = page.trees.get(cell.get("id", ""))
        if nbgrader_is_test(cell) and tree and (taken := sorted(imported & set(_bound(tree)))):
            yield cell.id, f"binds {', '.join(taken)}, which the notebook imports; choose another name"


def tasks(page: Linted) -> Found:
    """Test cells announce a task and can be split by the grader; cards state the points that tests give."""
    if page.kind != "solutions":
        return
    for cell in page.code:
        if nbgrader_is_test(cell) and "with task(" not in cell.source:
            yield cell.id, 'a test cell without `with task("..."):`; an untouched exercise would stop here'
    cells = page.notebook.cells
    for task in find_tasks(page.notebook):
        position = next(i for i, cell in enumerate(cells) if cell.id == task.answer.id)
        before = (cell for cell in reversed(cells[:position]) if cell.cell_type == "markdown")
        card = next(before, None)
        stated = re.findall(r"(\d+(?:\.\d+)?)\s+points?\b", card.source) if card else []
        if not stated:
            yield task.answer.id, f"the card above states no points; write `{task.points:g} points`"
        elif float(stated[0]) != task.points:
            yield card.id, f"the card states {stated[0]} points, but the tests give {task.points:g}"
    yield from plan.lint(map(_for_the_grader, cells)).findings


def pasted(page: Linted) -> Found:
    """Pictures pasted into a cell are invisible on the page, and no text form holds them."""
    for cell in page.notebook.cells:
        if cell.get("attachments"):
            names = ", ".join(sorted(cell.attachments))
            yield (
                cell.get("id", ""),
                f"holds the pasted picture {names}; save it in images/ and link it with its alt text",
            )


RULES: tuple[Callable[[Linted], Found], ...] = (
    form, bootstrap, tags, guards, syntax, figures, length, stderr, headings, words, links, leaks, markers,
    last_expression, shadows, tasks, pasted,
)  # fmt: skip


def lint(path: Path, root: Path = ROOT) -> list[Finding]:
    """All findings in one notebook."""
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    try:
        notebook = read(path)
        page = Linted(shown, path.read_text(encoding="utf-8"), notebook, root)
        return [Finding(shown, cell, message) for rule in RULES for cell, message in rule(page)]
    except NotebookError as error:
        return [Finding(shown, "", str(error).removeprefix(f"{path}: "))]


def lint_course(files: list[Path], root: Path = ROOT) -> list[Finding]:
    """All findings in the notebooks named, or in the course; their triples, _toc.yml and releases included."""
    paths = find_notebooks([str(file) for file in files], root)
    findings = [finding for path in paths for finding in lint(path, root)]
    stems = {path.stem for path in paths if path.is_relative_to(root)}
    contents = _contents(root)
    for stem in sorted(stems):
        triple = [
            Path("chapters", f"{stem}.ipynb"),
            Path("solutions", stem, f"{stem}.ipynb"),
            Path("exercises", stem, f"{stem}.ipynb"),
        ]
        for part in triple:
            if not (root / part).exists():
                findings.append(Finding(part, "", "missing: a chapter needs its solution and its exercise"))
        for part in (triple[0], triple[2]):
            if (root / part).exists() and str(part.with_suffix("").as_posix()) not in contents:
                findings.append(Finding(part, "", "not in _toc.yml; add it there"))
    names = [name for name in assignments(root) if name in stems]
    for path, reason in differences(names, root) if names else []:
        findings.append(Finding(path, "", f"{reason}; edit solutions/ and run `make exercises`"))
    return findings


def _contents(root: Path) -> set[str]:
    """The files that ``_toc.yml`` names, without suffix."""
    path = root / "_toc.yml"
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            found.update({str(node[key]).removesuffix(".ipynb") for key in ("file", "root") if key in node})
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                walk(child)

    walk(yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None)
    return found


def _for_the_grader(cell: NotebookNode) -> AnswerCell:
    """A cell of a solution as the grader sees it."""
    data = cell.metadata.get("nbgrader", {})
    kind = {"solution": "answer", "locked": "setup"}.get(nbgrader_kind(data), nbgrader_kind(data)) if data else "setup"
    reference = cell.source if kind in ("answer", "manual") else ""
    return AnswerCell(
        cell.id, cell.cell_type, data.get("grade_id"), kind, cell.source, data.get("points", 0), reference
    )


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that code binds where it stands, not inside functions, classes and comprehensions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield child.name
        elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif not isinstance(child, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            yield from _bound(child)


def _draws(call: ast.Call) -> bool:
    return bool(DRAWING.fullmatch(name_called(call))) and not NOT_DRAWING.fullmatch(name_called(call))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that happen when the cell runs: not those inside functions and classes that it defines."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Call):
            yield node
        yield from _calls(node)
