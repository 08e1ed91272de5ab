"""Split test cells: what the student's process must compute, and what decides, outside it.

A test cell becomes two programs. The *stimulus* runs where the student's code runs: it holds the statements that need
names of the student's and what those depend on, and sends the values that the checks ask for. The *oracle* runs in a
process without student code: it holds everything else, expected values above all, and takes the values that were sent.

Which expressions are sent? The smallest ones that need the student's code: of
``check_true(torch.allclose(softmax(x), y))`` only ``softmax(x)`` leaves the sandbox, so neither a patched ``allclose``
nor an object that equals everything helps a forger. Where such a value turns out to be no plain data in the
instructor's own solution (a model, say), the enclosing expression is sent instead; `grader.worker` finds out by
running it.
"""

import ast
import builtins
import copy
import importlib
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from grader.inside import COURSE

SEND, SEND_CALL, TAKE, REPLAY = "__send__", "__send_call__", "__take__", "__replay__"
ENTER, LEAVE, SCORE = "__enter__", "__leave__", "__score__"
# Contexts that only mean something where the verdict is.
_VERDICT_CONTEXTS = {"task", "raises", "assert_raises", "assertRaises", "assertRaisesRegex", "warns", "subTest"}
# of Python's own names those that mean the same wherever they are called
_BUILTINS = {
    "abs", "all", "any", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate", "filter",
    "float", "format", "frozenset", "getattr", "hasattr", "hash", "hex", "id", "int", "isinstance", "issubclass",
    "iter", "len", "list", "map", "max", "min", "next", "oct", "ord", "pow", "range", "repr", "reversed", "round",
    "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip",
}  # fmt: skip
_ALWAYS = set(dir(builtins)) | {"get_ipython", "display", "__name__", "__builtins__"}

_RANDOM = "<random numbers>"
_TESTING = "(test|grade|verify|validate|expect)"  # how functions that judge are called
# A clock read where the student's code does not run would not tell how long it ran.
_CLOCKS = re.compile(r"(time|perf_counter|process_time|monotonic|thread_time|default_timer)(_ns)?")

Key = tuple[int, int, int, int]


class Unsplittable(Exception):
    """The verdict of this cell can't be taken outside; the message says why and where."""


@dataclass
class Split:
    """A test cell in two halves.

    Attributes:
        stimulus: runs beside the student's code.
        oracle: runs without it.
        parents: for each slot, the places of the enclosing expressions that could be sent instead, inner ones first.
        assigned: for each slot of an assignment, the place of what is assigned.
        local: some verdict of the cell is taken in the student's process all the same, for this reason.
        beside: something is compared in the student's process, for this reason; it is sent as true or false.
    """

    stimulus: str
    oracle: str
    parents: dict[int, list[Key]] = field(default_factory=dict)
    assigned: dict[int, Key] = field(default_factory=dict)
    local: str = ""
    beside: str = ""

    def larger(self, slot: int, level: int) -> Key | None:
        """What to send instead of a slot whose value is plain data ``level`` expressions further out (-1: nowhere)."""
        return self.parents[slot][level - 1] if level > 0 else self.assigned.get(slot)


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
    hollow: dict[str, set[str]] = field(default_factory=dict)


def parse(source: str) -> list[ast.stmt]:
    """The statements of a cell, IPython's magics turned into calls.

    Raises:
        SyntaxError: if it is no Python.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    return ast.parse(TransformerManager().transform_cell(source)).body


def definitions(source: str) -> dict[str, ast.stmt]:
    """Imports, functions, classes and assignments of a cell by their texts; none if it is more than plain Python."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    try:
        with warnings.catch_warnings(action="ignore"):
            return {ast.unparse(s): s for s in ast.parse(source).body if isinstance(s, kinds)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def plan_notebook(
    cells: Iterable,
    whole: dict[str, set[Key]] | None = None,
    flat: Iterable[str] = (),
    unsliced: Iterable[str] = (),
    timid: Iterable[str] = (),
    chains: bool = False,
) -> Plan:
    """Plan the run of a notebook.

    Args:
        cells: of `grader.worker.AnswerCell`. Only ``reference`` of student cells counts, never what a student
            wrote, so that every submission gets the same plan.
        whole: per id of a test cell, expressions that must be sent as a whole.
        flat: ids of test cells of which the checks' arguments are sent as a whole.
        unsliced: ids of test cells whose stimulus keeps what only the oracle seems to need.
        timid: ids of test cells that are taken as they stand: no function put in the place of its call, no loop that
            counts run on both sides.
        chains: send enclosing expressions too, to find out which of them are plain data.
    """
    cells = [cell for cell in cells if cell.cell_type == "code" and cell.kind != "extra"]
    plan, parsed = Plan(), {}
    for cell in cells:
        student = cell.kind in ("answer", "manual")
        try:
            parsed[cell.id] = parse(cell.reference if student else cell.source)
        except SyntaxError as error:
            parsed[cell.id] = []
            if cell.kind == "test":
                plan.splits[cell.id] = f"it is no valid Python ({error.msg})"
        if student:
            plan.owners[cell.id] = defined(parsed[cell.id]) | _mutated(parsed[cell.id])
    students = set().union(*plan.owners.values())
    bold = _inline(cells, parsed, students)
    bold |= {cell.id: parsed[cell.id] for cell in cells if cell.id in timid}
    needed, before = _needed_later(cells, bold), _Splitter(set(_ALWAYS), set())
    answers = [s for cell in cells if cell.id in plan.owners for s in parsed[cell.id]]
    theirs = students.union(*map(_loads, answers))  # what answers define, and what they find around them
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
            plan.oracle_setup[cell.id] = _text(oracle)
            assigned = [part for part in parsed[cell.id] if isinstance(part, ast.Assign)]
            work.data |= set().union(*(_stored(s) for s in assigned if not isinstance(s.value, ast.Constant)))
            plan.course[cell.id] = defined(parsed[cell.id]) - rebound
        elif cell.id not in plan.splits:
            names = {node.id for s in parsed[cell.id] for node in ast.walk(s) if isinstance(node, ast.Name)}
            plan.uses[cell.id] = names & students
            if defined(parsed[cell.id]) & needed[cell.id]:
                plan.exports.add(cell.id)
            _mark_score(parsed[cell.id])
            if not any(map(_has_verdict, parsed[cell.id])):
                plan.idle.add(cell.id)
            for body in (parsed[cell.id],) if cell.id in timid else (bold[cell.id], parsed[cell.id]):
                work = before.copy()
                work.whole, work.flat, work.chains = (whole or {}).get(cell.id, set()), cell.id in flat, chains
                work.bold = body is not parsed[cell.id]
                others = _own_names(body, theirs | needed[cell.id]) if work.bold else {}
                plan.renamed[cell.id] = {new: old for old, new in others.items()}
                body = _renamed(body, others)
                try:
                    stimulus, oracle = work.statements(body, verdicts=True)
                    kept = stimulus if cell.id in unsliced else _slice(stimulus, needed[cell.id])
                    plan.reads[cell.id] = _live_before(kept, set()) & before.known
                    if work.bold:
                        trusted = _BUILTINS.union(*plan.course.values()) - rebound
                        kept = _renamed(kept, {name: COURSE + name for name in trusted & plan.reads[cell.id]})
                        plan.reads[cell.id] -= trusted
                    plan.splits[cell.id] = Split(
                        _text(kept), _text(oracle), work.parents, work.assigned, work.local, work.beside
                    )
                    break
                except Unsplittable as reason:
                    plan.splits[cell.id] = str(reason)
                    work.tainted |= defined(parsed[cell.id])
        work.known |= defined(parsed[cell.id])
        before = work
    return plan


def _text(statements: list[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(statements, [])))


def _key(node: ast.expr) -> Key:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _loads(node: ast.AST) -> set[str]:
    """Names that a piece of code reads from outside itself."""
    names: set[str] = set()

    def visit(n: ast.AST, bound: set[str]) -> None:
        if isinstance(n, ast.Name):
            if n.id not in bound and not isinstance(n.ctx, ast.Store):
                names.add(n.id)
        elif isinstance(n, (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = n.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            outside = [*arguments.defaults, *arguments.kw_defaults, *(a.annotation for a in every if a)]
            inner = bound | {a.arg for a in every if a}
            if isinstance(n, ast.Lambda):
                body = [n.body]
            else:
                outside += [*n.decorator_list, n.returns]
                body, inner = n.body, inner | defined(n.body) | {n.name}
            visit_all(outside, bound)
            visit_all(body, inner)
        elif isinstance(n, ast.ClassDef):
            visit_all([*n.decorator_list, *n.bases, *n.keywords], bound)
            visit_all(n.body, bound | defined(n.body) | {n.name})
        elif isinstance(n, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            inner = bound
            for part in n.generators:
                visit(part.iter, inner)
                inner = inner | _stored(part.target)
                visit_all(part.ifs, inner)
            visit_all([n.key, n.value] if isinstance(n, ast.DictComp) else [n.elt], inner)
        elif isinstance(n, ast.ExceptHandler):
            visit_all([n.type, *n.body], bound | {n.name})
        else:
            if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name) and n.target.id not in bound:
                names.add(n.target.id)
            visit_all(ast.iter_child_nodes(n), bound)

    def visit_all(nodes: Iterable[ast.AST | None], bound: set[str]) -> None:
        for part in nodes:
            if part is not None:
                visit(part, bound)

    visit(node, set())
    return names


def _stored(node: ast.AST) -> set[str]:
    """Names that an expression or target binds outside itself."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, (ast.Store, ast.Del)) else set()
    if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        return {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
    return set().union(*map(_stored, ast.iter_child_nodes(node)))


def defined(statements: Iterable[ast.stmt]) -> set[str]:
    """Names that statements bind in their own scope."""
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                names |= _star(statement) if alias.name == "*" else {(alias.asname or alias.name).split(".")[0]}
        else:
            for part in ast.iter_child_nodes(statement):
                if isinstance(part, ast.stmt):
                    names |= defined([part])
                elif isinstance(part, ast.ExceptHandler):
                    names |= defined(part.body)
                else:
                    names |= _stored(part)
    return names


def _star(statement: ast.ImportFrom) -> set[str]:
    try:
        module = importlib.import_module(statement.module or "")
    except Exception:
        return set()
    return set(getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")])


def _aliased(node: ast.AST | None) -> set[str]:
    """Names of objects that the value of an expression is, holds, or is a view of."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            views = r"items|values|get|view|reshape|detach|numpy|squeeze|unsqueeze|transpose|permute|t|flatten|ravel"
            found = _aliased(node.func.value) if re.fullmatch(views, node.func.attr) else set()
        else:
            found = set()
        holders = r"zip|enumerate|iter|reversed|list|tuple|dict|sorted|map|filter|as_tensor|asarray|from_numpy"
        return found.union(*map(_aliased, node.args)) if re.fullmatch(holders, _called(node)) else found
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return set().union(*(_aliased(g.iter) for g in node.generators)) if _aliased(node.elt) else set()
    if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.NamedExpr)):
        return _aliased(node.value)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.IfExp, ast.BoolOp)):
        return set().union(*map(_aliased, ast.iter_child_nodes(node)))
    return set()


def _is_identity(node: ast.Compare) -> bool:
    """Does this compare where things are in memory?"""
    calls = [_called(part) if isinstance(part, ast.Call) else "" for part in (node.left, *node.comparators)]
    return all(re.fullmatch(r"data_ptr|id", name) for name in calls)


def _root(node: ast.AST) -> str:
    """The name at the bottom of ``a.b[0].c``, or ""."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _walk_here(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run when ``node`` does: not the bodies of functions."""
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        for part in ast.iter_child_nodes(node):
            yield from _walk_here(part)


def _reads_clock(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and _CLOCKS.fullmatch(_called(n)) for n in _walk_here(node))


def _captured(statement: ast.stmt) -> set[str]:
    """Names of outer objects that functions inside a statement change when they are called, such as a spy's list."""
    names: set[str] = set()
    for function in ast.walk(statement):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        for node in ast.walk(function):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
                names.add(_root(node))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                changing = r"append|extend|insert|add|update|pop|remove|clear|set\w*|put|write|increment"
                names |= {_root(node.func)} if re.fullmatch(changing, node.func.attr) else set()
            elif isinstance(node, (ast.Nonlocal, ast.Global)):
                names |= set(node.names)
    return names & _loads(statement)


def _mutated(statements: Iterable[ast.stmt]) -> set[str]:
    """Names of objects that statements may change in place: assigned parts, and what bare calls get."""
    names: set[str] = set()
    imported = {name for s in statements if isinstance(s, (ast.Import, ast.ImportFrom)) for name in defined([s])}
    for statement in statements:
        for node in _walk_here(statement):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
                names.add(_root(node))
            elif isinstance(node, ast.Call) and re.fullmatch(r"[^_].*_", _called(node)):  # torch's "in place"
                names.add(_root(node.func.value) if isinstance(node.func, ast.Attribute) else "")
            elif isinstance(node, ast.For):  # what is done to the parts of a thing is done to the thing
                changed = set().union(*map(_written, node.body)) | {
                    n.target.id
                    for n in ast.walk(node)
                    if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
                }
                names |= _loads(node.iter) if changed & _stored(node.target) else set()
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            if isinstance(call.func, ast.Attribute):
                names.add(_root(call.func))
            if _root(call.func) not in ("print", "display", "get_ipython"):
                names |= {_root(a) for a in [*call.args, *(k.value for k in call.keywords)]}
    return names - imported - {""} - _ALWAYS


def _written(statement: ast.stmt) -> set[str]:
    """Names of objects that a statement writes the student's values into."""
    names: set[str] = set()
    for node in _walk_here(statement):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(_root(node))
        elif isinstance(node, ast.Expr) and isinstance(getattr(node.value, "func", None), ast.Attribute):
            names.add(_root(node.value.func))
    return names - {""} - _ALWAYS


def _mark_score(statements: list[ast.stmt]) -> None:
    """Mark the number that a test ends in, nbgrader's partial credit, and all that it is counted from."""
    last = statements[-1] if statements else None
    if not isinstance(last, ast.Expr) or _is_verdict(last) or isinstance(last.value, (ast.Constant, ast.ListComp)):
        return
    void = rf"print|display|run_line_magic|run_cell_magic|system|close|show|{_TESTING}.*"
    if isinstance(last.value, ast.Call) and re.fullmatch(void, _called(last.value)):
        return
    last.scores, names = True, _loads(last.value)
    for _ in range(3):  # what is counted may be added to something else
        for part in (n for s in statements for n in _walk_here(s)):
            if isinstance(part, (ast.Assign, ast.AugAssign)) and _stored(part) & names:
                part.counts = True
                names |= _loads(part.value)
            elif isinstance(part, ast.Expr) and _appended(part) in names - {""}:
                part.counts = True


def _appended(statement: ast.Expr) -> str:
    """The name of a list to which a statement appends one value, or ""."""
    call = statement.value
    one = isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords
    if one and isinstance(call.func, ast.Attribute) and call.func.attr == "append":
        return call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    return ""


def _as_assignment(s: ast.stmt) -> ast.stmt:
    """``points += x`` and ``points.append(x)`` as assignments, whose values can be sent in parts."""
    if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name):
        name, operator, value = s.target.id, s.op, s.value
    elif isinstance(s, ast.Expr) and (name := _appended(s)):
        operator, value = ast.Add(), ast.copy_location(ast.List([s.value.args[0]], ast.Load()), s)
    else:
        return s
    total = ast.copy_location(ast.BinOp(ast.copy_location(_name(name), s), operator, value), s)
    return ast.copy_location(ast.Assign([ast.copy_location(ast.Name(name, ast.Store()), s)], total), s)


def _is_verdict(statement: ast.stmt) -> bool:
    """Is this an ``assert``, a bare call of a check, or the number of points that a test ends in?"""
    if isinstance(statement, ast.Assert) or getattr(statement, "scores", False):
        return True
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    function = statement.value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.startswith(("check_", "assert", "eq_", "ok_"))


def _has_verdict(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Raise)
        or getattr(n, "counts", False)
        or (isinstance(n, (ast.Expr, ast.Assert)) and _is_verdict(n))
        for n in ast.walk(node)
    )


def _judged(statements: list[ast.stmt]) -> set[str]:
    """Names that checks are about, directly or through other names."""
    nodes = [n for s in statements for n in ast.walk(s)]
    names = set().union(*(_loads(n) for n in nodes if isinstance(n, (ast.Expr, ast.Assert)) and _is_verdict(n)))
    assignments = [n for n in nodes if isinstance(n, ast.Assign)]
    for assignment in reversed(assignments):
        if _stored(assignment) & names:
            names |= _loads(assignment.value)
    return names


# --- functions that call student code and judge it -------------------------------------------------------------------


def _inline(cells: list, parsed: dict[str, list[ast.stmt]], students: set[str]) -> dict[str, list[ast.stmt]]:
    """The cells with what a function does where it is called, if it calls and judges student code.

    Of ``def test_it(): assert answer(1) == 2`` and ``test_it()`` only the assertion is left, which can be split.
    """
    functions: dict[str, ast.FunctionDef] = {}
    definitions: list[ast.stmt] = []
    new = dict(parsed)
    for cell in cells:
        if cell.kind in ("answer", "manual"):
            continue
        for statement in parsed[cell.id]:
            for name in defined([statement]):
                functions.pop(name, None)
            if isinstance(statement, ast.FunctionDef) and _can_be_inlined(statement, students | functions.keys()):
                functions[statement.name] = statement
                definitions.append(statement)
        if cell.kind == "test":
            new[cell.id] = _Inliner(functions).block(copy.deepcopy(parsed[cell.id]))
            _mark_counts(new[cell.id])
    names = {statement.name for statement in definitions}
    trusted = [s for cell in cells if cell.kind in ("setup", "test") for s in new[cell.id]]
    own = lambda s: isinstance(s, ast.FunctionDef) and s.name in names  # noqa: E731
    called = set().union(*(_loads(s) for s in trusted if not own(s)))
    for cell in cells:
        if cell.kind == "test":  # a definition that nobody needs any more would take the expected values along
            new[cell.id] = [s for s in new[cell.id] if not own(s) or s.name in called]
    return new


def _mark_counts(statements: list[ast.stmt]) -> None:
    """Mark what loops and conditions count or collect for a check after them, so that it is counted outside."""
    _mark_score(statements)
    names = _judged(statements)
    for statement in statements:
        if not isinstance(statement, (ast.For, ast.If)) or _has_verdict(statement):
            continue
        for part in _walk_here(statement):
            changed = _stored(part) if isinstance(part, (ast.Assign, ast.AugAssign)) else set()
            if isinstance(part, ast.Expr):
                changed = {_appended(part)} - {""}
            if changed & names:
                part.counts = True


def _can_be_inlined(function: ast.FunctionDef, students: set[str]) -> bool:
    """Can the function's body stand where it is called, and does it judge student code, its own or what it is given?"""
    arguments = function.args
    returned = _returned(function)
    if arguments.vararg or arguments.kwarg or function.decorator_list or not (returned or _has_verdict(function)):
        return False
    inner = [n for s in function.body for n in ast.walk(s)]
    early = [n for n in inner if isinstance(n, ast.Return) and n is not function.body[-1]]
    scoped = (ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal, ast.FunctionDef, ast.ClassDef, ast.Await)
    if early or any(isinstance(n, scoped) for n in inner):
        return False
    parameters = _parameters(function)
    called = {n.func.id for n in inner if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return bool(_loads(function) & students or called & parameters)


def _returned(function: ast.FunctionDef) -> ast.expr | None:
    """The expression that a function is a name for, if it is nothing else."""
    body = [s for s in function.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None


class _Inliner(ast.NodeTransformer):
    """Replaces calls of ``functions``: bare ones by the body, with names of its own, others by what is returned."""

    def __init__(self, functions: dict[str, ast.FunctionDef]) -> None:
        self.functions, self.count = functions, 0

    def block(self, statements: list[ast.stmt], depth: int = 0) -> list[ast.stmt]:
        return [new for s in statements for new in self.statement(s, depth)]

    def statement(self, s: ast.stmt, depth: int) -> list[ast.stmt]:
        call = s.value if isinstance(s, ast.Expr) else None
        function = self.functions.get(getattr(call.func, "id", "")) if isinstance(call, ast.Call) else None
        if function is not None and _has_verdict(function) and depth < 5 and self.count < 200:
            body = self.body(function, call)
            return [s] if body is None else self.block(body, depth + 1)
        if isinstance(s, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
            for name in ("body", "orelse", "finalbody"):
                if inner := getattr(s, name, None):
                    setattr(s, name, self.block(inner, depth))
        elif isinstance(s, (ast.FunctionDef, ast.ClassDef)):
            return [s]
        return [self.visit(s)]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:  # noqa: N802 (the name that ast asks for)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        self.generic_visit(node)
        function = self.functions.get(getattr(node.func, "id", ""))
        value = _returned(function) if function is not None else None
        given = self.arguments(function, node) if value is not None else None
        if given is None or self.count >= 200:
            return node
        bound = {n.id for n in ast.walk(value) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        bound |= {n.arg for n in ast.walk(value) if isinstance(n, ast.arg)}
        reads = [n.id for n in ast.walk(value) if isinstance(n, ast.Name)]
        simple = all(isinstance(a, (ast.Name, ast.Constant)) or reads.count(n) <= 1 for n, a in given.items())
        if not simple or bound & set(given) or bound & set().union(*map(_loads, given.values())):
            return node
        self.count += 1
        return self.visit(_Substituter(given).visit(copy.deepcopy(value)))

    def body(self, function: ast.FunctionDef, call: ast.Call) -> list[ast.stmt] | None:
        """The body with the parameters bound; None if the call does not fit."""
        if (given := self.arguments(function, call)) is None:
            return None
        self.count += 1
        imported = defined(n for n in function.body if isinstance(n, (ast.Import, ast.ImportFrom)))
        new_names = {n: f"{n}__{self.count}" for n in (given.keys() | defined(function.body)) - imported}
        body = _renamed([s for s in function.body if not isinstance(s, ast.Return)], new_names)
        binding = [ast.Assign([ast.Name(new_names[n], ast.Store())], value) for n, value in given.items()]
        return [ast.fix_missing_locations(ast.copy_location(s, call)) for s in binding] + body

    @staticmethod
    def arguments(function: ast.FunctionDef, call: ast.Call) -> dict[str, ast.expr] | None:
        """What each parameter is given, in their order; None if the call does not fit."""
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        if len(call.args) > len(names) or any(isinstance(a, ast.Starred) for a in call.args):
            return None
        given = dict(zip(names[len(names) - len(arguments.defaults) :], arguments.defaults, strict=True))
        given |= {a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d}
        given |= dict(zip(names, call.args, strict=False)) | {k.arg: k.value for k in call.keywords}
        names += [a.arg for a in arguments.kwonlyargs]
        return {name: given[name] for name in names} if set(given) == set(names) else None


class _Substituter(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, given: dict[str, ast.expr]) -> None:
        self.given = given

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        return copy.deepcopy(self.given.get(node.id, node))


class _Renamer(ast.NodeTransformer):
    """Gives names of a scope other names, wherever they are not hidden by those of an inner scope."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:  # noqa: N802
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:  # noqa: N802
        node.name = node.name and self.names.get(node.name, node.name)
        return self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:  # noqa: N802
        self.visit(node.args)
        node.body = self.without(_parameters(node)).visit(node.body)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:  # noqa: N802
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        self.visit(node.args)
        return self.named(node, _parameters(node))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:  # noqa: N802
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        node.bases = [self.visit(one) for one in node.bases]
        node.keywords = [self.visit(one) for one in node.keywords]
        return self.named(node, set())

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def named(self, node: ast.AST, own: set[str]) -> ast.AST:
        inner = self.without(own | defined(node.body))
        node.body = [inner.visit(s) for s in node.body]
        node.name = self.names.get(node.name, node.name)
        return node

    def without(self, names: set[str]) -> "_Renamer":
        return _Renamer({old: new for old, new in self.names.items() if old not in names})


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    a = function.args
    return {x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if x}


def _renamed(statements: list[ast.stmt], names: dict[str, str]) -> list[ast.stmt]:
    return [_Renamer(names).visit(copy.deepcopy(s)) for s in statements] if names else statements


def _own_names(body: list[ast.stmt], others: set[str]) -> dict[str, str]:
    """Other names for what a test binds for itself, so that it hides no name of the student's.

    Args:
        body: the test.
        others: names that must stay as they are.
    """
    nodes = [n for s in body for n in ast.walk(s)]
    imported = {name for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)) for name in defined([n])}
    if any(isinstance(n, (ast.Global, ast.Nonlocal)) for n in nodes):
        return {}
    return {name: f"{name}__t" for name in defined(body) - others - imported - _live_before(body, set())}


class _Splitter:
    """Walks through the cells in order and knows which names depend on student code."""

    def __init__(self, known: set[str], tainted: set[str]) -> None:
        self.known, self.tainted = known, tainted
        self.whole: set[Key] = set()
        self.flat = self.chains = self.bold = False
        self.exposed: set[str] = set()  # objects of the course that student code had in hand
        self.data: set[str] = set()  # what set-up cells assign
        self.links: dict[str, set[str]] = {}  # names through which the same object may be reached
        self.derived: set[str] = set()  # the student's process and the oracle each compute these
        self.judges: set[str] = set()
        self.judged: set[str] = set()
        self.imported: set[str] = set()
        self.parents: dict[int, list[Key]] = {}
        self.assigned: dict[int, Key] = {}
        self.local = self.beside = ""

    def copy(self) -> "_Splitter":
        """Another walker who knows what this one knows about names, and has sent nothing yet."""
        other = _Splitter(set(self.known), set(self.tainted))
        other.whole, other.flat, other.chains, other.bold = self.whole, self.flat, self.chains, self.bold
        for name in ("exposed", "data", "judges", "imported"):
            setattr(other, name, set(getattr(self, name)))
        other.links = {name: set(others) for name, others in self.links.items()}
        return other

    def is_remote(self, node: ast.AST) -> bool:
        """Is the student's process needed to know the value of this code?"""
        return _reads_clock(node) or any(
            (name in self.tainted and name not in self.derived) or name not in self.known for name in _loads(node)
        )

    def is_tainted(self, node: ast.AST) -> bool:
        """Does this code read a name that student code defines, or that nobody else does, or a clock?"""
        return _reads_clock(node) or any(name in self.tainted or name not in self.known for name in _loads(node))

    def statements(self, body: list[ast.stmt], verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Both halves of a list of statements."""
        self.judged |= _judged(body)
        stimulus: list[ast.stmt] = []
        oracle: list[ast.stmt] = []
        for statement in body:
            one, other = self.statement(statement, verdicts)
            stimulus += one
            oracle += other
        return stimulus, oracle

    def statement(self, s: ast.stmt, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Both halves of one statement."""
        self.tainted |= _captured(s) - self.imported - _ALWAYS
        if verdicts and getattr(s, "counts", False):
            s = _as_assignment(s)
        elif verdicts and isinstance(s, ast.Expr) and isinstance(s.value, ast.ListComp):
            s = _loop(s.value)
        if verdicts and _is_verdict(s):
            return self.verdict(s)
        if isinstance(s, (ast.With, ast.AsyncWith)):
            return self.with_(s, verdicts)
        if isinstance(s, (ast.For, ast.While, ast.If)):
            return self.branching(s, verdicts)
        if isinstance(s, ast.Try):
            return self.try_(s, verdicts)
        if verdicts and isinstance(s, ast.Raise):
            if self.is_tainted(s):
                raise Unsplittable(f"line {s.lineno} raises something that depends on the student's code")
            return [], [s]
        if isinstance(s, (ast.Assign, ast.AnnAssign)) and s.value:
            self.link(_stored(s), s.value)
        names = defined([s])
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        if self.is_tainted(s):
            if verdicts and isinstance(s, functions) and _has_verdict(s):
                raise Unsplittable(f"line {s.lineno} defines something that both uses the student's code and judges it")
            if verdicts and isinstance(s, ast.Expr) and isinstance(s.value, ast.Call):
                name = s.value.func.attr if isinstance(s.value.func, ast.Attribute) else _root(s.value.func)
                if name in self.judges or re.match(_TESTING, name):
                    raise Unsplittable(f"line {s.lineno}: {name}() judges the student's code inside its process")
            self.known |= names
            if verdicts and isinstance(s, ast.Assign) and names & self.judged and not (_mutated([s]) or _captured(s)):
                local = not self.is_remote(s)
                divisible = self.parts(s.value, False) or (self.bold and isinstance(s.value, ast.ListComp))
                if local or (not self.flat and _key(s.value) not in self.whole and divisible):
                    sends: list[ast.stmt] = []
                    first = len(self.parents)
                    value = self.peel(s.value, [], sends, False)
                    self.assigned |= dict.fromkeys(range(first, len(self.parents)), _key(s.value))
                    self.tainted |= names
                    self.derived |= names
                    return [*sends, s], [ast.copy_location(ast.Assign(s.targets, value), s)]
            self.expose(s)
            if verdicts and not isinstance(s, functions) and (names | _written(s)) & self.judged:
                self.note_comparison(s)
            self.tainted |= names | (_written(s) - self.imported)
            self.derived -= names | _written(s) | (_mutated([s]) if isinstance(s, ast.Expr) else set())
            return ([s] if isinstance(s, functions) else _students(s)), []
        if names:
            self.tainted -= names
            self.derived -= names
            self.exposed -= names
            self.known |= names
        if isinstance(s, (ast.Import, ast.ImportFrom)):
            self.imported |= names
        if isinstance(s, functions):
            self.judges = self.judges | names if _has_verdict(s) else self.judges - names
        return [s], [s]

    def note_comparison(self, node: ast.AST) -> None:
        """Note that student values are compared where an object could lie about itself."""
        for part in _walk_here(node):
            compares = isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not)
            if isinstance(part, ast.Compare):
                kinds = (ast.Is, ast.IsNot, ast.In, ast.NotIn)
                compares = not (_is_identity(part) or all(isinstance(op, kinds) for op in part.ops))
            elif isinstance(part, ast.Call):
                compares = bool(re.fullmatch(r"all|any|allclose|isclose|array_equal|equal|equals", _called(part)))
            if compares and self.is_tainted(part):
                self.beside = f"line {part.lineno} compares what the student's code gives inside its process"

    def link(self, targets: set[str], value: ast.expr) -> None:
        """Note that names may stand for the same object as ``value``, or for a part of it."""
        for name in targets:
            for other in self.links.pop(name, set()):
                self.links[other].discard(name)
        for name in targets:
            for other in _aliased(value) - {name}:
                self.links.setdefault(name, set()).add(other)
                self.links.setdefault(other, set()).add(name)

    def expose(self, node: ast.AST) -> None:
        """Note objects of the course that student code gets in hand and may change."""
        given: set[str] = set()
        for part in ast.walk(node):
            if isinstance(part, (ast.For, ast.comprehension)):
                self.link(_stored(part.target), part.iter)
            elif isinstance(part, ast.Call):
                given |= {n for a in [*part.args, *(k.value for k in part.keywords)] for n in _loads(a)}
                if isinstance(part.func, ast.Attribute):
                    given |= _loads(part.func)
                given |= self.data  # which a function can reach without being given it
        reached: set[str] = set()
        while given:
            reached |= given
            given = set().union(*(self.links.get(name, set()) for name in given)) - reached
        self.exposed |= reached & (self.known - _ALWAYS - self.tainted - self.imported)

    def verdict(self, s: ast.stmt) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """A check: what must be computed by the student is sent, the rest stays with the oracle."""
        sends: list[ast.stmt] = []
        if isinstance(s, ast.Assert):
            test = self.peel(s.test, [], sends, self.uses_exposed(s.test))
            message = s.msg if s.msg is not None and not self.is_remote(s.msg) else None
            return sends, [ast.copy_location(ast.Assert(test, message), s)]
        if getattr(s, "scores", False):
            value = self.peel(s.value, [], sends, False)
            return sends, [ast.copy_location(_expr(ast.Call(_name(SCORE), [value], [])), s)]
        call = s.value
        if self.is_tainted(call.func):
            raise Unsplittable(f"line {s.lineno} judges with {ast.unparse(call.func)}, which is the student's own")
        name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
        arguments, keywords = list(call.args), list(call.keywords)
        positions = [0] if name.startswith("check_") else list(range(len(arguments)))
        raising = name in ("check_raises", "assert_raises", "assertRaises")
        if raising:
            first = 0 if name == "check_raises" else 1
            if first < len(arguments):
                function, rest = arguments[first], arguments[first + 1 :] if name != "check_raises" else []
                if rest or keywords and name != "check_raises":
                    function = ast.Lambda(_NO_ARGUMENTS, ast.Call(function, rest, keywords))
                    ast.copy_location(function, s)
                    ast.fix_missing_locations(function)
                    arguments, keywords = arguments[: first + 1], []
                if self.is_tainted(function):
                    self.expose(function)
                    slot = self.slot([])
                    sends.append(_expr(ast.Call(_name(SEND_CALL), [_slot(slot), _lambda(function)], [])))
                    arguments[first] = ast.Call(_name(REPLAY), [_slot(slot)], [])
            positions = []
        # beside what student code gave, an expected value is computed from what student code never saw
        pristine = any(map(self.is_tainted, arguments))
        for position in range(len(arguments)):
            argument = arguments[position]
            if raising and isinstance(argument, ast.Call) and getattr(argument.func, "id", "") == REPLAY:
                continue
            exposed = position in positions and not pristine and self.uses_exposed(argument)
            if exposed or self.is_remote(argument):
                if name.startswith("check_") and position > 0:
                    self.local = f"line {s.lineno}: what is expected depends on the student's code"
                arguments[position] = self.peel(argument, [], sends, exposed)
        for keyword in keywords:
            if self.is_remote(keyword.value):
                keyword.value = self.peel(keyword.value, [], sends, False)
        return sends, [ast.copy_location(ast.Expr(ast.Call(call.func, arguments, keywords)), s)]

    def uses_exposed(self, node: ast.expr) -> bool:
        """Is this about the course's own objects that student code may have changed, and nothing else of theirs?"""
        self.together = _loads(node) & self.exposed
        return not self.is_tainted(node) and bool(self.together)

    def wants(self, node: ast.AST, exposed: bool) -> bool:
        return self.is_remote(node) or (exposed and bool(_loads(node) & self.exposed))

    def peel(self, node: ast.expr, outer: list[ast.expr], sends: list[ast.stmt], exposed: bool) -> ast.expr:
        """``node`` with the smallest parts that need the student's process replaced by what that sends."""
        if not self.wants(node, exposed):
            return node
        inside: list[tuple[str, int | None]] = []
        if not self.flat and _key(node) not in self.whole:
            turns = isinstance(node, (ast.ListComp, ast.GeneratorExp)) and not exposed
            if turns and (piecewise := self.comprehension(node, sends)) is not None:
                return piecewise
            inside = self.parts(node, exposed)
        if not inside:
            self.expose(node)
            self.note_comparison(node)
            slot = self.slot(outer)
            if isinstance(node, ast.GeneratorExp):
                node = ast.copy_location(ast.ListComp(node.elt, node.generators), node)
            chain = [_lambda(part) for part in (node, *(outer if self.chains else ()))]
            sends.append(_expr(ast.Call(_name(SEND), [_slot(slot), *chain], [])))
            own = [node, ast.List([_name(n) for n in sorted(self.together)], ast.Load())] if exposed else []
            own = own if isinstance(node, ast.Name) else []
            return ast.copy_location(ast.Call(_name(TAKE), [_slot(slot), *own], []), node)
        copy = type(node)(**{f: (list(v) if isinstance(v := getattr(node, f), list) else v) for f in node._fields})
        ast.copy_location(copy, node)
        for name, index in inside:
            part = getattr(copy, name) if index is None else getattr(copy, name)[index]
            if isinstance(part, ast.keyword):
                new = ast.keyword(part.arg, self.peel(part.value, [node, *outer], sends, exposed))
            elif isinstance(part, ast.Starred):
                new = ast.Starred(self.peel(part.value, [node, *outer], sends, exposed), part.ctx)
            else:
                new = self.peel(part, [node, *outer], sends, exposed)
            if index is None:
                setattr(copy, name, new)
            else:
                getattr(copy, name)[index] = new
        return copy

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp, sends: list[ast.stmt]) -> ast.expr | None:
        """Of ``f(x) == y for x, y in pairs`` each ``f(x)`` is sent; None if student code decides about the turns."""
        heads = [part for g in node.generators for part in (g.target, *g.ifs)]
        bound = set().union(*(_stored(g.target) for g in node.generators))
        if self.is_tainted(node.generators[0].iter) or bound & self.tainted or any(g.is_async for g in node.generators):
            return None
        known, self.known = self.known, self.known | bound
        for g in node.generators:
            self.link(_stored(g.target), g.iter)
        inner: list[ast.stmt] = []
        try:
            if any(self.is_tainted(part) for part in [*heads, *(g.iter for g in node.generators[1:])]):
                return None
            element = self.peel(node.elt, [], inner, False)
        finally:
            self.known = known
        calls = ast.copy_location(ast.Tuple([send.value for send in inner], ast.Load()), node)
        first, *others = node.generators
        live = _loads(calls).union(*(_loads(part) for g in node.generators for part in (*g.ifs, g.iter)))
        target, rows = _columns(first.target, first.iter, live)
        turns = [ast.comprehension(target, rows, first.ifs, 0), *others]
        sends.append(_expr(ast.copy_location(ast.ListComp(calls, turns), node)))
        return ast.copy_location(ast.ListComp(element, node.generators), node)

    def parts(self, node: ast.expr, exposed: bool) -> list[tuple[str, int | None]]:
        """The parts of an expression that can be sent in its stead; none if it must be computed as a whole."""
        fields: list[tuple[str, int | None]] = []
        if isinstance(node, ast.Compare) and _is_identity(node):
            pass  # a copy is in other memory
        elif isinstance(node, ast.Compare):
            constants = all(isinstance(c, ast.Constant) for c in node.comparators)
            if constants or not any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
                fields = [("left", None), *(("comparators", i) for i in range(len(node.comparators)))]
        elif isinstance(node, ast.BoolOp):
            fields = [("values", i) for i in range(len(node.values))]
        elif isinstance(node, ast.BinOp):
            fields = [("left", None), ("right", None)]
        elif isinstance(node, ast.UnaryOp):
            fields = [("operand", None)]
        elif isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            fields = [("elts", i) for i in range(len(node.elts))]
        elif isinstance(node, ast.Dict):
            fields = [("keys", i) for i, k in enumerate(node.keys) if k] + [
                ("values", i) for i in range(len(node.values))
            ]
        elif isinstance(node, ast.Attribute) or (
            isinstance(node, ast.Subscript) and not self.wants(node.slice, exposed)
        ):
            fields = [("value", None)]
        elif isinstance(node, ast.Call):
            own = isinstance(node.func, ast.Name) and self.is_remote(node.func)
            if not own and not re.fullmatch(r"(may_)?shares?_memory", _called(node)):  # nor does it share any
                fields = [("args", i) for i in range(len(node.args))] + [
                    ("keywords", i) for i in range(len(node.keywords))
                ]
                if self.wants(node.func, exposed):
                    fields.insert(0, ("func", None))
                    if isinstance(node.func, ast.Attribute) and _key(node.func) in self.whole:
                        return []  # a bound method is no data, so the call is sent
        found = []
        for name, index in fields:
            part = getattr(node, name) if index is None else getattr(node, name)[index]
            if self.wants(part, exposed):
                found.append((name, index))
        return found

    def slot(self, outer: list[ast.expr]) -> int:
        self.parents[len(self.parents)] = [_key(node) for node in outer]
        return len(self.parents) - 1

    def with_(self, s: ast.With, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """``with task(...)`` and ``with raises(...)`` belong to the oracle, other contexts to both sides."""
        heads = [item.context_expr for item in s.items]
        names = {h.func.attr if isinstance(h.func, ast.Attribute) else getattr(h.func, "id", "")
                 for h in heads if isinstance(h, ast.Call)}  # fmt: skip
        judging = verdicts and bool(names & _VERDICT_CONTEXTS)
        if any(self.is_tainted(head) for head in heads):
            if verdicts and _has_verdict(s):
                raise Unsplittable(f"line {s.lineno}: a context of the student's encloses checks")
            return self.plain(s)
        given = set().union(*(_stored(i.optional_vars) for i in s.items if i.optional_vars), set())
        self.known |= given
        if judging and names != {"task"}:
            stimulus, oracle = self.protected(s.body)
            return stimulus, [ast.copy_location(ast.With(s.items, oracle or [ast.Pass()]), s)]
        runs = any(map(self.is_tainted, s.body))
        stimulus, oracle = self.statements(s.body, verdicts)
        if judging:
            return stimulus, oracle
        if runs:  # redirect_stdout(text) writes what student code prints into what it is given
            written = given.union(*map(_loads, heads)) & self.known - _ALWAYS - self.imported
            self.tainted |= written
            self.derived -= written
        wrap = lambda body: [ast.copy_location(ast.With(s.items, body), s)] if body else []  # noqa: E731
        return wrap(stimulus), wrap(oracle)

    def protected(self, body: list[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Statements whose errors are what matters: calls of student code are sent one by one, errors included."""
        stimulus: list[ast.stmt] = []
        oracle: list[ast.stmt] = []
        for s in body:
            if not self.is_tainted(s):
                one, other = self.statement(s, True)
                stimulus += one if not isinstance(s, ast.Raise) else []
                oracle += other
            elif _is_verdict(s):
                one, other = self.verdict(s)
                stimulus += one
                oracle += other
            elif isinstance(s, (ast.Expr, ast.Assign)):
                self.expose(s)
                slot = self.slot([])
                stimulus.append(_expr(ast.Call(_name(SEND), [_slot(slot), _lambda(s.value)], [])))
                value = ast.Call(_name(TAKE), [_slot(slot)], [])
                if isinstance(s, ast.Assign):
                    names = _stored(s)
                    self.tainted -= names
                    self.known |= names
                    oracle.append(ast.copy_location(ast.Assign(s.targets, value), s))
                else:
                    oracle.append(_expr(value))
            else:
                raise Unsplittable(f"line {s.lineno}: an error is awaited in more than a call")
        return stimulus, oracle

    def try_(self, s: ast.Try, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """``try`` around a call of student code: the oracle sees the same error and handles it."""
        if not verdicts or not (_has_verdict(s) or self.is_tainted(s)):
            return self.plain(s)
        others = [t for h in s.handlers for t in h.body] + s.orelse
        tidies = any(map(self.is_tainted, s.finalbody))
        if (
            any(self.is_tainted(t) for t in others)
            or any(h.type and self.is_tainted(h.type) for h in s.handlers)
            or (tidies and any(map(_has_verdict, s.finalbody)))
        ):
            if _has_verdict(s):
                raise Unsplittable(f"line {s.lineno}: a try statement calls the student's code in several branches")
            return self.plain(s)
        stimulus, body = self.protected(s.body)
        self.known |= {h.name for h in s.handlers if h.name} | defined([s])
        last = s.finalbody
        if tidies:  # what puts student code back in order runs after its calls, whose errors were caught on the way
            after, last = self.statements(s.finalbody, verdicts)
            stimulus += after
        return stimulus, [ast.copy_location(ast.Try(body or [ast.Pass()], s.handlers, s.orelse, last), s)]

    def plain(self, s: ast.stmt) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """A compound statement that is on the student's side if any part of it needs student code."""
        names = defined([s])
        self.known |= names
        if self.is_tainted(s):
            self.expose(s)
            if (names | _written(s)) & self.judged:
                self.note_comparison(s)
            self.tainted |= names | (_written(s) - self.imported)
            self.derived -= names | _written(s)
            return _students(s), []
        self.tainted -= names if isinstance(s, ast.With) else set()
        return [s], [s]

    def branching(self, s: ast.stmt, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Loops and conditions that contain checks run on both sides in step."""
        if not verdicts or not _has_verdict(s):
            return self.plain(s)
        head = s.iter if isinstance(s, ast.For) else s.test
        if isinstance(s, ast.For) and self.is_tainted(head):
            return self.turns(s)
        if isinstance(s, ast.For):
            names = _stored(s.target)
            self.known |= names
            self.tainted -= names
            self.link(names, s.iter)
        if isinstance(s, (ast.For, ast.While)):  # what the end of a turn taints is tainted at the start of the next
            for _ in range(2):
                trial = self.copy()
                trial.derived, trial.judged = set(self.derived), set(self.judged)
                trial.statements(s.body, True)
                # What both sides know at the start of the first turn and at the end of a turn, they always know.
                counted = trial.derived & defined(s.body) - self.tainted
                self.tainted |= trial.tainted & defined(s.body)
                self.known |= trial.known
                self.exposed |= trial.exposed
                self.derived = (self.derived & trial.derived) | counted
        if self.is_tainted(head):
            if isinstance(s, ast.If):
                return self.condition(s)
            raise Unsplittable(f"line {s.lineno}: a loop over what the student's code gives calls it")
        before = set(self.tainted)
        stimulus, oracle = self.statements(s.body, True)
        after, self.tainted = self.tainted, before
        other_stimulus, other_oracle = self.statements(s.orelse, True)
        self.tainted |= after
        both = []
        for body, orelse in ((stimulus, other_stimulus), (oracle, other_oracle)):
            fields = {name: getattr(s, name) for name in s._fields} | {"body": body or [ast.Pass()], "orelse": orelse}
            both.append([ast.copy_location(type(s)(**fields), s)] if body or orelse else [])
        return both[0], both[1]

    def turns(self, s: ast.For) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """``for row in student_value: check(row)``: the oracle loops over what was sent, if no turn calls students."""
        names = _stored(s.target)
        sends: list[ast.stmt] = []
        items = self.peel(s.iter, [], sends, False)
        self.known |= names | defined(s.body)
        self.tainted -= names
        if any(map(self.is_tainted, s.body + s.orelse)):
            raise Unsplittable(f"line {s.lineno}: a loop over what the student's code gives calls it")
        return sends, [ast.copy_location(ast.For(s.target, items, s.body, s.orelse), s)]

    def condition(self, s: ast.If) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """``if student_value: raise ...``: the oracle decides, as long as no branch needs student code."""
        if any(self.is_tainted(t) for t in s.body + s.orelse):
            raise Unsplittable(f"line {s.lineno}: checks depend on a condition of the student's code")
        sends: list[ast.stmt] = []
        test = self.peel(s.test, [], sends, False)
        return sends, [ast.copy_location(ast.If(test, s.body, s.orelse), s)]


def _students(statement: ast.stmt) -> list[ast.stmt]:
    """A statement that runs student code, where that has global state of its own; kept whatever is needed of it."""
    kept = [_expr(ast.Call(_name(ENTER), [], [])), statement, _expr(ast.Call(_name(LEAVE), [], []))]
    for part in kept:
        part.students = True
    return kept


_NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _slot(number: int) -> ast.Constant:
    return ast.Constant(number)


def _lambda(body: ast.expr) -> ast.Lambda:
    return ast.Lambda(_NO_ARGUMENTS, body)


def _expr(value: ast.expr) -> ast.Expr:
    return ast.Expr(value)


def _loop(comprehension: ast.ListComp) -> ast.stmt:
    """``[check(x) for x in xs if c]`` as a loop."""
    body: list[ast.stmt] = [ast.copy_location(ast.Expr(comprehension.elt), comprehension)]
    for part in reversed(comprehension.generators):
        for condition in reversed(part.ifs):
            body = [ast.copy_location(ast.If(condition, body, []), comprehension)]
        body = [ast.copy_location(ast.For(part.target, part.iter, body, []), comprehension)]
    return ast.fix_missing_locations(body[0])


# --- slicing: nothing that only the oracle needs enters the student's process ----------------------------------------


def _needed_later(cells: list, parsed: dict[str, list[ast.stmt]]) -> dict[str, set[str]]:
    """Per cell, the names that later trusted cells read before they define them."""
    needed, live = {}, set()
    for cell in reversed(cells):
        needed[cell.id] = set(live)
        if cell.kind not in ("answer", "manual"):
            live = _live_before(parsed[cell.id], live)
    return needed


def _live_before(statements: list[ast.stmt], live: set[str]) -> set[str]:
    """Names that are read by ``statements``, or later, before they are bound, given those that are read later."""
    for s in reversed(statements):
        if isinstance(s, ast.With):
            heads = set().union(*(_loads(item.context_expr) for item in s.items))
            live = (_live_before(s.body, live) - set().union(*(_stored(item) for item in s.items))) | heads
        elif isinstance(s, (ast.For, ast.While, ast.If)):
            head, bound = (s.iter, _stored(s.target)) if isinstance(s, ast.For) else (s.test, set())
            live = live | (_live_before(s.body, set()) - bound) | _live_before(s.orelse, set()) | _loads(head)
        else:
            live = (live - _certain(s)) | _loads(s)
    return live


def _certain(statement: ast.stmt) -> set[str]:
    """Names that a statement binds for certain without reading them."""
    if isinstance(statement, (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AugAssign)):
        return set()
    return defined([statement])


def _sends(statement: ast.AST) -> bool:
    return any(isinstance(n, ast.Name) and n.id in (SEND, SEND_CALL) for n in ast.walk(statement))


def _slice(statements: list[ast.stmt], needed: set[str]) -> list[ast.stmt]:
    """The statements that what is sent, or a later cell, depends on."""
    generators = {
        name
        for s in statements
        for n in ast.walk(s)
        if isinstance(n, ast.Assign)
        and isinstance(n.value, ast.Call)
        and re.search("generator|rng|random", _called(n.value), re.IGNORECASE)
        for name in _stored(n)
    }
    return _keep(statements, set(needed), defined(statements), generators)[0]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _draws(statement: ast.stmt) -> bool:
    """Does this draw from the shared random numbers? (Layers do when they are made.)"""
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    return any(
        re.match(r"rand|normal|uniform|shuffle|permut|choice|sample|bernoulli|multinomial|[A-Z]", _called(call))
        and not any(k.arg in ("generator", "rng") for k in call.keywords)
        for call in calls
    )


def _seeds(statement: ast.stmt) -> bool:
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    return any(_called(call) in ("manual_seed", "seed", "seed_everything") for call in calls)


def _keep(
    statements: list[ast.stmt], live: set[str], local: set[str], generators: set[str]
) -> tuple[list[ast.stmt], set[str]]:
    kept: list[ast.stmt] = []
    for s in reversed(statements):
        bound = defined([s])
        if isinstance(s, (ast.For, ast.While, ast.If, ast.With)) and _sends(s):
            body, orelse = s.body, getattr(s, "orelse", [])
            for _ in range(2):
                new_body, inner = _keep(body, set(live), local, generators)
                new_else, other = _keep(orelse, set(live), local, generators)
                live = live | inner | other
            fields = {name: getattr(s, name) for name in s._fields} | {"body": new_body or [ast.Pass()]}
            if hasattr(s, "orelse"):
                fields["orelse"] = new_else
            if isinstance(s, ast.For):
                fields |= _narrow_loop(s, fields["body"], live)
            kept.append(ast.copy_location(type(s)(**fields), s))
            s = kept[-1]
            heads = [s.iter] if isinstance(s, ast.For) else [i.context_expr for i in getattr(s, "items", [])]
            live |= set().union(*map(_loads, heads or [s.test]))
            continue
        reads, draws = _loads(s), _draws(s)
        keep = (
            any(getattr(part, "students", False) for part in ast.walk(s))
            or _sends(s)
            or bool(bound & live)
            or bool(_mutated([part for part in ast.walk(s) if isinstance(part, ast.stmt)]) & live)
            or ((draws or _seeds(s)) and _RANDOM in live)
            or bool(reads & generators & live)
            or (isinstance(s, ast.Expr) and not (reads & local))
            or isinstance(s, (ast.Break, ast.Continue, ast.Global))
        )
        if keep:
            kept += _narrow(s, live)[::-1]
            live = (live - _certain(s)) | reads | ({_RANDOM} if draws else set())
            if _seeds(s):
                live.discard(_RANDOM)
    return kept[::-1], live


def _narrow(s: ast.stmt, live: set[str]) -> list[ast.stmt]:
    """Without the names that ``numbers, expected = ...`` binds for the oracle alone."""
    target = s.targets[0] if isinstance(s, ast.Assign) and len(s.targets) == 1 else None
    if not isinstance(target, (ast.Tuple, ast.List)) or getattr(s, "students", False) or not _stored(target) - live:
        return [s]
    value = s.value
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        pairs = list(zip(target.elts, value.elts, strict=True))
        if not any(isinstance(part, ast.Starred) for pair in pairs for part in pair):
            calls = (ast.Call, ast.Await, ast.NamedExpr)  # which may draw random numbers
            pairs = [(t, v) for t, v in pairs if _stored(t) & live or any(isinstance(n, calls) for n in ast.walk(v))]
            new = [ast.Tuple([pair[side] for pair in pairs], (ast.Store(), ast.Load())[side]) for side in (0, 1)]
            s = ast.copy_location(ast.Assign([new[0]], new[1]), s)
    return [s, *_forget(_stored(s.targets[0]) - live)]


def _narrow_loop(s: ast.For, body: list[ast.stmt], live: set[str]) -> dict[str, Any]:
    """Fields of a loop over rows without the columns that the oracle alone needs."""
    target, rows = _columns(s.target, s.iter, live)
    return {"target": target, "iter": rows, "body": [*_forget(_stored(target) - live), *body]}


def _columns(target: ast.expr, rows: ast.expr, live: set[str]) -> tuple[ast.expr, ast.expr]:
    """``(x, want), [(1, 2), (3, 4)]`` or ``(x, want), zip(xs, wants)`` with nothing but the columns that are live."""
    if isinstance(rows, ast.Call) and getattr(rows.func, "id", "") == "zip" and not rows.keywords:
        lists = [rows.args]
    elif isinstance(rows, (ast.List, ast.Tuple)):
        lists = [getattr(row, "elts", []) for row in rows.elts]
    else:
        return target, rows
    width = len(target.elts) if isinstance(target, ast.Tuple) else 0
    kept = [i for i in range(width) if _stored(target.elts[i]) & live]
    everything = [part for parts in [getattr(target, "elts", []), *lists] for part in parts]
    if not kept or {*map(len, lists)} != {width} or any(isinstance(part, ast.Starred) for part in everything):
        return target, rows
    target, *lists = (ast.Tuple([parts[i] for i in kept], type(ctx)()) for parts, ctx in [
        (target.elts, target.ctx), *((parts, ast.Load()) for parts in lists)
    ])  # fmt: skip
    new = ast.Call(rows.func, lists[0].elts, []) if isinstance(rows, ast.Call) else ast.List(lists, ast.Load())
    return target, ast.copy_location(new, rows)


def _forget(names: set[str]) -> list[ast.stmt]:
    return [ast.Delete([ast.Name(name, ast.Del()) for name in sorted(names)])] if names else []


# --- lint -------------------------------------------------------------------------------------------------------------


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

    Nothing is run. `grader.worker.Worker.prepare` tells more: it proves each split on the reference solution.

    Args:
        cells: of `grader.worker.AnswerCell`, references included.
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
