"""Split test cells: what the student's process must compute, and what decides, outside it.

A test cell becomes two programs. The *stimulus* runs where the student's code runs: it holds the statements that need
names of the student's and what those depend on, and sends the values that the checks ask for. The *oracle* runs in a
process without student code: it holds everything else, expected values above all, and takes the values that were sent.

Which expressions are sent? The smallest ones that need the student's code: of
``check_true(torch.allclose(softmax(x), y))`` only ``softmax(x)`` leaves the sandbox, so neither a patched ``allclose``
nor an object that equals everything helps a forger. Where such a value turns out to be no plain data in the
instructor's own solution (a model, say), the enclosing expression is sent instead; `grader.run` finds out by
running it.
"""

import ast
import re
from dataclasses import dataclass, field

from grader.judge.checks_in_code import TESTING, VERDICT_CONTEXTS, as_assignment, has_verdict, is_verdict, judged
from grader.judge.names import (
    ALWAYS,
    ENTER,
    LEAVE,
    REPLAY,
    SCORE,
    SEND,
    SEND_CALL,
    TAKE,
    Key,
    aliased,
    captured,
    defined,
    is_identity,
    loads,
    mutated,
    name_called,
    name_node,
    names_written,
    reaches,
    reads_clock,
    root_of,
    stored,
    walk_here,
)
from grader.judge.slice import columns


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


def text_of(statements: list[ast.stmt]) -> str:
    return ast.unparse(ast.fix_missing_locations(ast.Module(statements, [])))


def _key(node: ast.expr) -> Key:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


class Splitter:
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
        self.modules: dict[str, set[str]] = {}  # of the course's own: the functions in them that judge nothing
        self.brought: dict[str, str] = {}  # names that come from them, and from which one
        self.imported: set[str] = set()
        self.parents: dict[int, list[Key]] = {}
        self.assigned: dict[int, Key] = {}
        self.local = self.beside = ""

    def copy(self) -> "Splitter":
        """Another walker who knows what this one knows about names, and has sent nothing yet."""
        other = Splitter(set(self.known), set(self.tainted))
        other.whole, other.flat, other.chains, other.bold = self.whole, self.flat, self.chains, self.bold
        other.modules, other.brought = self.modules, dict(self.brought)
        for name in ("exposed", "data", "judges", "imported"):
            setattr(other, name, set(getattr(self, name)))
        other.links = {name: set(others) for name, others in self.links.items()}
        return other

    def is_remote(self, node: ast.AST) -> bool:
        """Is the student's process needed to know the value of this code?"""
        return (
            reads_clock(node)
            or reaches(node)
            or any(
                (name in self.tainted and name not in self.derived) or name not in self.known for name in loads(node)
            )
        )

    def is_tainted(self, node: ast.AST) -> bool:
        """Does this code read a name that student code defines, or that nobody else does, or a clock?"""
        return (
            reads_clock(node)
            or reaches(node)
            or any(name in self.tainted or name not in self.known for name in loads(node))
        )

    def statements(self, body: list[ast.stmt], verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Both halves of a list of statements."""
        self.judged |= judged(body)
        stimulus: list[ast.stmt] = []
        oracle: list[ast.stmt] = []
        for statement in body:
            one, other = self.statement(statement, verdicts)
            stimulus += one
            oracle += other
        return stimulus, oracle

    def statement(self, s: ast.stmt, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Both halves of one statement."""
        self.tainted |= captured(s) - self.imported - ALWAYS
        if verdicts and getattr(s, "counts", False):
            s = as_assignment(s)
        elif verdicts and isinstance(s, ast.Expr) and isinstance(s.value, ast.ListComp):
            s = _loop(s.value)
        if verdicts and is_verdict(s):
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
            self.link(stored(s), s.value)
        names = defined([s])
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        if self.is_tainted(s):
            if verdicts and isinstance(s, functions) and has_verdict(s):
                raise Unsplittable(f"line {s.lineno} defines something that both uses the student's code and judges it")
            if verdicts and isinstance(s, ast.Expr) and isinstance(s.value, ast.Call):
                name = s.value.func.attr if isinstance(s.value.func, ast.Attribute) else root_of(s.value.func)
                if (module := self.judging_module(s.value)) and name not in self.modules[module]:
                    raise Unsplittable(
                        f"line {s.lineno}: {name}() of {module}.py judges the student's code inside its process"
                    )
                if name in self.judges or re.match(TESTING, name):
                    raise Unsplittable(f"line {s.lineno}: {name}() judges the student's code inside its process")
            self.known |= names
            if verdicts and isinstance(s, ast.Assign) and names & self.judged and not (mutated([s]) or captured(s)):
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
            if verdicts and not isinstance(s, functions) and (names | names_written(s)) & self.judged:
                self.note_comparison(s)
            self.tainted |= names | (names_written(s) - self.imported)
            self.derived -= names | names_written(s) | (mutated([s]) if isinstance(s, ast.Expr) else set())
            return ([s] if isinstance(s, functions) else _students(s)), []
        if names:
            self.tainted -= names
            self.derived -= names
            self.exposed -= names
            self.known |= names
        for name in names:
            self.brought.pop(name, None)
        if isinstance(s, (ast.Import, ast.ImportFrom)):
            self.imported |= names
            sources = [s.module or ""] * len(s.names) if isinstance(s, ast.ImportFrom) else [a.name for a in s.names]
            for alias, source in zip(s.names, sources, strict=True):
                if (module := source.split(".")[0]) in self.modules:
                    self.brought[(alias.asname or alias.name).split(".")[0]] = module
        if isinstance(s, functions):
            self.judges = self.judges | names if has_verdict(s) else self.judges - names
        return [s], [s]

    def judging_module(self, call: ast.Call) -> str:
        """The module of the course's own whose function is called, or ""."""
        return self.brought.get(root_of(call.func), "")

    def note_comparison(self, node: ast.AST) -> None:
        """Note that student values are compared where an object could lie about itself."""
        for part in walk_here(node):
            compares = isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not)
            if isinstance(part, ast.Compare):
                kinds = (ast.Is, ast.IsNot, ast.In, ast.NotIn)
                compares = not (is_identity(part) or all(isinstance(op, kinds) for op in part.ops))
            elif isinstance(part, ast.Call):
                compares = bool(re.fullmatch(r"all|any|allclose|isclose|array_equal|equal|equals", name_called(part)))
                compares = compares or bool(self.judging_module(part))
            if compares and self.is_tainted(part):
                self.beside = f"line {part.lineno} compares what the student's code gives inside its process"

    def link(self, targets: set[str], value: ast.expr) -> None:
        """Note that names may stand for the same object as ``value``, or for a part of it."""
        for name in targets:
            for other in self.links.pop(name, set()):
                self.links[other].discard(name)
        for name in targets:
            for other in aliased(value) - {name}:
                self.links.setdefault(name, set()).add(other)
                self.links.setdefault(other, set()).add(name)

    def expose(self, node: ast.AST) -> None:
        """Note objects of the course that student code gets in hand and may change."""
        given: set[str] = set()
        for part in ast.walk(node):
            if isinstance(part, (ast.For, ast.comprehension)):
                self.link(stored(part.target), part.iter)
            elif isinstance(part, ast.Call):
                given |= {n for a in [*part.args, *(k.value for k in part.keywords)] for n in loads(a)}
                if isinstance(part.func, ast.Attribute):
                    given |= loads(part.func)
                given |= self.data  # which a function can reach without being given it
        reached: set[str] = set()
        while given:
            reached |= given
            given = set().union(*(self.links.get(name, set()) for name in given)) - reached
        self.exposed |= reached & (self.known - ALWAYS - self.tainted - self.imported)

    def verdict(self, s: ast.stmt) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """A check: what must be computed by the student is sent, the rest stays with the oracle."""
        sends: list[ast.stmt] = []
        if isinstance(s, ast.Assert):
            test = self.peel(s.test, [], sends, self.uses_exposed(s.test))
            message = s.msg if s.msg is not None and not self.is_remote(s.msg) else None
            return sends, [ast.copy_location(ast.Assert(test, message), s)]
        if getattr(s, "scores", False):
            value = self.peel(s.value, [], sends, False)
            return sends, [ast.copy_location(_expr(ast.Call(name_node(SCORE), [value], [])), s)]
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
                    sends.append(_expr(ast.Call(name_node(SEND_CALL), [_slot(slot), _lambda(function)], [])))
                    arguments[first] = ast.Call(name_node(REPLAY), [_slot(slot)], [])
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
        self.together = loads(node) & self.exposed
        return not self.is_tainted(node) and bool(self.together)

    def wants(self, node: ast.AST, exposed: bool) -> bool:
        return self.is_remote(node) or (exposed and bool(loads(node) & self.exposed))

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
            sends.append(_expr(ast.Call(name_node(SEND), [_slot(slot), *chain], [])))
            own = [node, ast.List([name_node(n) for n in sorted(self.together)], ast.Load())] if exposed else []
            own = own if isinstance(node, ast.Name) else []
            return ast.copy_location(ast.Call(name_node(TAKE), [_slot(slot), *own], []), node)
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
        bound = set().union(*(stored(g.target) for g in node.generators))
        if self.is_tainted(node.generators[0].iter) or bound & self.tainted or any(g.is_async for g in node.generators):
            return None
        known, self.known = self.known, self.known | bound
        for g in node.generators:
            self.link(stored(g.target), g.iter)
        inner: list[ast.stmt] = []
        try:
            if any(self.is_tainted(part) for part in [*heads, *(g.iter for g in node.generators[1:])]):
                return None
            element = self.peel(node.elt, [], inner, False)
        finally:
            self.known = known
        calls = ast.copy_location(ast.Tuple([send.value for send in inner], ast.Load()), node)
        first, *others = node.generators
        live = loads(calls).union(*(loads(part) for g in node.generators for part in (*g.ifs, g.iter)))
        target, rows = columns(first.target, first.iter, live)
        turns = [ast.comprehension(target, rows, first.ifs, 0), *others]
        sends.append(_expr(ast.copy_location(ast.ListComp(calls, turns), node)))
        return ast.copy_location(ast.ListComp(element, node.generators), node)

    def parts(self, node: ast.expr, exposed: bool) -> list[tuple[str, int | None]]:
        """The parts of an expression that can be sent in its stead; none if it must be computed as a whole."""
        fields: list[tuple[str, int | None]] = []
        if isinstance(node, ast.Compare) and is_identity(node):
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
            if not own and not re.fullmatch(r"(may_)?shares?_memory", name_called(node)):  # nor does it share any
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
        judging = verdicts and bool(names & VERDICT_CONTEXTS)
        if any(self.is_tainted(head) for head in heads):
            if verdicts and has_verdict(s):
                raise Unsplittable(f"line {s.lineno}: a context of the student's encloses checks")
            return self.plain(s)
        given = set().union(*(stored(i.optional_vars) for i in s.items if i.optional_vars), set())
        self.known |= given
        if judging and names != {"task"}:
            stimulus, oracle = self.protected(s.body)
            return stimulus, [ast.copy_location(ast.With(s.items, oracle or [ast.Pass()]), s)]
        runs = any(map(self.is_tainted, s.body))
        stimulus, oracle = self.statements(s.body, verdicts)
        if judging:
            return stimulus, oracle
        if runs:  # redirect_stdout(text) writes what student code prints into what it is given
            written = given.union(*map(loads, heads)) & self.known - ALWAYS - self.imported
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
            elif is_verdict(s):
                one, other = self.verdict(s)
                stimulus += one
                oracle += other
            elif isinstance(s, (ast.Expr, ast.Assign)):
                self.expose(s)
                slot = self.slot([])
                stimulus.append(_expr(ast.Call(name_node(SEND), [_slot(slot), _lambda(s.value)], [])))
                value = ast.Call(name_node(TAKE), [_slot(slot)], [])
                if isinstance(s, ast.Assign):
                    names = stored(s)
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
        if not verdicts or not (has_verdict(s) or self.is_tainted(s)):
            return self.plain(s)
        others = [t for h in s.handlers for t in h.body] + s.orelse
        tidies = any(map(self.is_tainted, s.finalbody))
        if (
            any(self.is_tainted(t) for t in others)
            or any(h.type and self.is_tainted(h.type) for h in s.handlers)
            or (tidies and any(map(has_verdict, s.finalbody)))
        ):
            if has_verdict(s):
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
            if (names | names_written(s)) & self.judged:
                self.note_comparison(s)
            self.tainted |= names | (names_written(s) - self.imported)
            self.derived -= names | names_written(s)
            return _students(s), []
        self.tainted -= names if isinstance(s, ast.With) else set()
        return [s], [s]

    def branching(self, s: ast.stmt, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """Loops and conditions that contain checks run on both sides in step."""
        if not verdicts or not has_verdict(s):
            return self.plain(s)
        head = s.iter if isinstance(s, ast.For) else s.test
        if isinstance(s, ast.For) and self.is_tainted(head):
            return self.turns(s)
        if isinstance(s, ast.For):
            names = stored(s.target)
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
        names = stored(s.target)
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
    kept = [_expr(ast.Call(name_node(ENTER), [], [])), statement, _expr(ast.Call(name_node(LEAVE), [], []))]
    for part in kept:
        part.students = True
    return kept


_NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])


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
