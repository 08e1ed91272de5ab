"""The plan of a whole notebook: which test is split how, and what a lint says of it."""

import ast
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.box.inside.wire import COURSE
from grader.judge.checks_in_code import has_verdict, mark_score
from grader.judge.inline import inline, own_names, with_new_names
from grader.judge.names import ALWAYS, Key, defined, loads, mutated, parse, stored
from grader.judge.slice import live_before, needed_later, slice_test
from grader.judge.split import Split, Splitter, Unsplittable, text_of
from grader.judge.trust import each_import

# of Python's own names those that mean the same wherever they are called
_BUILTINS = {
    "abs", "all", "any", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate", "filter",
    "float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass",
    "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow", "range", "repr", "reversed", "round",
    "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip",
}  # fmt: skip


# packages whose functions give the same wherever they are called
_PURE = {
    "collections", "copy", "functools", "itertools", "json", "math", "numpy", "operator", "pandas", "re", "scipy",
    "sklearn", "statistics", "torch",
}  # fmt: skip


@dataclass
class Plan:
    """How all cells of a notebook are run.

    Attributes:
        oracle_setup: per id of a setup cell, what runs of it without student code.
        splits: per id of a test cell its halves, or the reason why it can't be split.
        owners: per id of a student cell, the names that it defines.
        uses: per id of a test cell, the student's names that it needs.
        reads: per id of a test cell, the names of Python and of set-up cells that its half beside student code reads.
        course: per id of a set-up cell, the names that it defines, under which the tests find them again.
        renamed: per id of a test cell, other names of what it binds for itself, and as they stand in the cell.
        exports: ids of test cells that define what later cells read.
        idle: ids of test cells that decide nothing.
        modules: the course's own modules that its cells import, each with its names and whether student code may have
            them: functions and constants, but nothing that keeps what tests compare with.
        imports: the statements with which they import anything, one for each name.
        trusts: per id of a test cell, the names of set-up cells that it reads, also through their functions.
        hollow: per id of a test cell, the slots at which the own answer gives an empty array, or a class.
    """

    oracle_setup: dict[str, str] = field(default_factory=dict)
    splits: dict[str, Split | str] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)
    uses: dict[str, set[str]] = field(default_factory=dict)
    reads: dict[str, set[str]] = field(default_factory=dict)
    course: dict[str, set[str]] = field(default_factory=dict)
    renamed: dict[str, dict[str, str]] = field(default_factory=dict)
    exports: set[str] = field(default_factory=set)
    idle: set[str] = field(default_factory=set)
    modules: dict[str, dict[str, bool]] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    trusts: dict[str, set[str]] = field(default_factory=dict)
    hollow: dict[str, set[str]] = field(default_factory=dict)


def plan_notebook(
    cells: Iterable,
    whole: dict[str, set[Key]] | None = None,
    flat: Iterable[str] = (),
    unsliced: Iterable[str] = (),
    timid: Iterable[str] = (),
    chains: bool = False,
    files: dict[str, bytes] | None = None,
) -> Plan:
    """Plan the run of a notebook.

    Args:
        cells: of `grader.model.AnswerCell`. Only ``reference`` of student cells counts, never what a student
            wrote, so that every submission gets the same plan.
        whole: per id of a test cell, expressions that must be sent as a whole.
        flat: ids of test cells of which the checks' arguments are sent as a whole.
        unsliced: ids of test cells whose stimulus keeps what only the oracle seems to need.
        timid: ids of test cells that are taken as they stand: no function put in the place of its call, no loop that
            counts run on both sides.
        chains: send enclosing expressions too, to find out which of them are plain data.
        files: of the course; functions of the modules among them may judge.
    """
    cells = [cell for cell in cells if cell.cell_type == "code" and cell.kind != "extra"]
    plan, parsed = Plan(), {}
    for cell in cells:
        student = cell.kind in ("answer", "manual")
        try:
            parsed[cell.id] = _spell_out(parse(cell.reference if student else cell.source), files or {})
        except SyntaxError as error:
            parsed[cell.id] = []
            if cell.kind == "test":
                plan.splits[cell.id] = f"it is no valid Python ({error.msg})"
        if student:
            plan.owners[cell.id] = defined(parsed[cell.id]) | mutated(parsed[cell.id])
    students = set().union(*plan.owners.values())
    bold = inline(cells, parsed, students)
    bold |= {cell.id: parsed[cell.id] for cell in cells if cell.id in timid}
    needed, before = needed_later(cells, bold), Splitter(set(ALWAYS), set())
    before.modules = own_modules(files or {})
    answers = [s for cell in cells if cell.id in plan.owners for s in parsed[cell.id]]
    packages = _packages(answers)
    theirs = students.union(*map(loads, answers))  # what answers define, and what they find around them
    rebound = students.union(*(defined(parsed[cell.id]) for cell in cells if cell.kind == "test"))
    for cell in cells:
        if cell.kind in ("answer", "manual"):
            before.tainted |= plan.owners[cell.id]
            before.known |= plan.owners[cell.id]
            continue
        work = before.copy()
        if cell.kind == "setup":
            try:
                stimulus, oracle = work.statements(parsed[cell.id], verdicts=False)
            except Unsplittable:
                oracle = []
            plan.oracle_setup[cell.id] = text_of(oracle)
            assigned = [part for part in parsed[cell.id] if isinstance(part, ast.Assign)]
            work.data |= set().union(*(stored(s) for s in assigned if not isinstance(s.value, ast.Constant)))
            plan.course[cell.id] = defined(parsed[cell.id]) - rebound
        elif cell.id not in plan.splits:
            names = {node.id for s in parsed[cell.id] for node in ast.walk(s) if isinstance(node, ast.Name)}
            plan.uses[cell.id] = names & students
            if defined(parsed[cell.id]) & needed[cell.id]:
                plan.exports.add(cell.id)
            mark_score(parsed[cell.id])
            if not any(map(has_verdict, parsed[cell.id])):
                plan.idle.add(cell.id)
            for body in (parsed[cell.id],) if cell.id in timid else (bold[cell.id], parsed[cell.id]):
                work = before.copy()
                work.whole, work.flat, work.chains = (whole or {}).get(cell.id, set()), cell.id in flat, chains
                work.bold = body is not parsed[cell.id]
                work.packages = {} if cell.id in timid else packages
                others = own_names(body, theirs | needed[cell.id]) if work.bold else {}
                plan.renamed[cell.id] = {new: old for old, new in others.items()}
                body = with_new_names(body, others)
                try:
                    stimulus, oracle = work.statements(body, verdicts=True)
                    kept = stimulus if cell.id in unsliced else slice_test(stimulus, needed[cell.id])
                    plan.reads[cell.id] = live_before(kept, set()) & before.known
                    if work.bold:
                        trusted = _BUILTINS.union(*plan.course.values()) - rebound
                        kept = with_new_names(kept, {name: COURSE + name for name in trusted & plan.reads[cell.id]})
                        plan.reads[cell.id] -= trusted
                    plan.splits[cell.id] = Split(
                        text_of(kept),
                        text_of([*_importing(work.own, packages), *oracle]),
                        work.parents,
                        work.assigned,
                        work.local,
                        work.beside,
                    )
                    break
                except Unsplittable as reason:
                    plan.splits[cell.id] = str(reason)
                    work.tainted |= defined(parsed[cell.id])
        work.known |= defined(parsed[cell.id])
        before = work
    _note_trust(plan, cells, parsed, files or {})
    return plan


def _note_trust(plan: Plan, cells: list, parsed: dict[str, list[ast.stmt]], files: dict[str, bytes]) -> None:
    """Note what a test beside student code believes: the course's modules, imports and set-up functions."""
    trusted = [cell for cell in cells if cell.kind in ("setup", "test")]
    wanted = _imported(parsed, trusted)
    plan.modules = {name: names for name, names in _contents(files).items() if name in wanted}
    found = [one for cell in trusted for s in _imports(parsed[cell.id]) for one in each_import(s)]
    plan.imports = {ast.unparse(one) for one in found}
    kinds = (ast.FunctionDef, ast.ClassDef)
    functions = {s.name: loads(s) for cell in trusted for s in parsed[cell.id] if isinstance(s, kinds)}
    course = set().union(*plan.course.values())
    for cell in trusted:
        if cell.kind == "test":
            plan.trusts[cell.id] = _closure(set().union(*map(loads, parsed[cell.id])), functions) & course


def _packages(answers: list[ast.stmt]) -> dict[str, str]:
    """Names that answers bind by an import of a package and by nothing else, and which package."""
    imports = [alias for s in _imports(answers) if isinstance(s, ast.Import) for alias in s.names]
    found = {alias.asname or alias.name: alias.name for alias in imports}
    others = defined(s for s in answers if not isinstance(s, ast.Import))
    return {name: module for name, module in found.items() if module.split(".")[0] in _PURE and name not in others}


def _importing(names: set[str], packages: dict[str, str]) -> list[ast.stmt]:
    aliases = [ast.alias(packages[name], None if name == packages[name] else name) for name in sorted(names)]
    return [ast.Import([alias]) for alias in aliases]


def _spell_out(statements: list[ast.stmt], files: dict[str, bytes]) -> list[ast.stmt]:
    """Statements with the names that ``from module import *`` brings from a module of the course's own."""
    for s in _imports(statements):
        if isinstance(s, ast.ImportFrom) and s.names[0].name == "*" and not s.level and s.module:
            path = s.module.replace(".", "/")
            content = files.get(f"{path}.py", files.get(f"{path}/__init__.py", b""))
            with contextlib.suppress(SyntaxError, ValueError, RecursionError):
                names = sorted(name for name in defined(ast.parse(content).body) if not name.startswith("_"))
                s.names = [ast.alias(name) for name in names] or s.names
    return statements


def _imports(statements: list[ast.stmt]) -> list[ast.stmt]:
    return [s for s in statements if isinstance(s, (ast.Import, ast.ImportFrom))]


def _imported(parsed: dict[str, list[ast.stmt]], cells: list) -> set[str]:
    """The modules that cells import at their top level."""
    found = [s for cell in cells for s in _imports(parsed[cell.id])]
    names = [[s.module or ""] if isinstance(s, ast.ImportFrom) else [alias.name for alias in s.names] for s in found]
    return {name.split(".")[0] for group in names for name in group}


def _closure(names: set[str], functions: dict[str, set[str]]) -> set[str]:
    """``names``, and what the functions among them read."""
    todo, found = set(names), set()
    while todo:
        found |= todo
        todo = set().union(*(functions.get(name, set()) for name in todo)) - found
    return found


def _contents(files: dict[str, bytes]) -> dict[str, dict[str, bool]]:
    """The names of the modules among the course's files, and whether each is a function or a constant."""
    modules: dict[str, dict[str, bool]] = {}
    for name, content in files.items():
        if not name.endswith(".py"):
            continue
        names = modules.setdefault(name.split("/")[0].removesuffix(".py"), {})
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            for s in ast.parse(content).body:
                constant = isinstance(s, ast.Assign) and isinstance(s.value, ast.Constant)
                names |= dict.fromkeys(defined([s]), constant or isinstance(s, ast.FunctionDef))
    return modules


def own_packages(files: dict[str, bytes]) -> list[str]:
    """Names under which the course's files may be imported; ``sys.path`` may lead into any of its folders."""
    return sorted({part.removesuffix(".py") for name in files if name.endswith(".py") for part in name.split("/")})


def own_modules(files: dict[str, bytes]) -> dict[str, set[str]]:
    """The modules among the course's files by name, each with its functions that cannot judge."""
    modules: dict[str, set[str]] = {}
    for name, content in files.items():
        if not name.endswith(".py"):
            continue
        module = modules.setdefault(name.split("/")[0].removesuffix(".py"), set())
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            functions = [s for s in ast.parse(content).body if isinstance(s, ast.FunctionDef)]
            judging = {s.name for s in functions if has_verdict(s)}
            for _ in functions:
                judging |= {s.name for s in functions if loads(s) & judging}
            module |= {s.name for s in functions} - judging
    return modules


@dataclass(frozen=True)
class Report:
    """How many hidden tests are decided outside the student's process, and what to know about the others.

    Attributes:
        hidden: number of hidden tests.
        outside: how many of them can be decided outside.
        findings: pairs of cell id and plain sentence.
    """

    hidden: int
    outside: int
    findings: list[tuple[str, str]]

    @property
    def share(self) -> float:
        """Share of hidden tests that are decided outside; 1 if there are none."""
        return self.outside / self.hidden if self.hidden else 1.0


def lint(cells: Iterable, hidden_begin: str = "BEGIN HIDDEN TESTS") -> Report:
    """Which hidden tests of a notebook can't be decided outside the student's process?

    Nothing is run. `grader.run.Worker.prepare` tells more: it proves each split on the reference solution.

    Args:
        cells: of `grader.model.AnswerCell`, references included.
        hidden_begin: line that opens a hidden test.
    """
    cells = list(cells)
    plan = plan_notebook(cells)
    hidden = [
        cell for cell in cells if cell.kind == "test" and cell.cell_type == "code" and hidden_begin in cell.source
    ]
    findings = []
    for cell in hidden:
        split = plan.splits[cell.id]
        if isinstance(split, str):
            findings.append((cell.id, f"this test is decided beside student code: {split}"))
        elif split.local or split.beside:
            findings.append((cell.id, f"this test can be forged in part: {split.local or split.beside}"))
    outside = sum(isinstance(plan.splits[cell.id], Split) for cell in hidden)
    return Report(len(hidden), outside, findings)
