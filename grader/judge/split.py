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
    captured,
    defined,
    loads,
    mutated,
    name_node,
    names_written,
    root_of,
    stored,
)
from grader.judge.peel import Peeler, key_of, lambda_of, slot_number, statement_of


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


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Splitter(Peeler):
    """Walks through the cells in order and knows which names depend on student code."""

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
        return self.of_the_student(s, verdicts) if self.is_tainted(s) else self.of_the_course(s)

    def of_the_student(self, s: ast.stmt, verdicts: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """A plain statement that needs student code."""
        names = defined([s])
        if verdicts:
            self.refuse_judges(s)
        self.known |= names
        if verdicts and isinstance(s, ast.Assign) and names & self.judged and not (mutated([s]) or captured(s)):
            local = not self.is_remote(s)
            divisible = self.parts(s.value, False) or (self.bold and isinstance(s.value, ast.ListComp))
            if local or (not self.flat and key_of(s.value) not in self.whole and divisible):
                return self.on_both_sides(s)
        self.expose(s)
        if verdicts and not isinstance(s, _DEFINITIONS) and (names | names_written(s)) & self.judged:
            self.note_comparison(s)
        self.tainted |= names | (names_written(s) - self.imported)
        self.derived -= names | names_written(s) | (mutated([s]) if isinstance(s, ast.Expr) else set())
        return ([s] if isinstance(s, _DEFINITIONS) else _students(s)), []

    def refuse_judges(self, s: ast.stmt) -> None:
        """See that a statement does not judge student code where that runs.

        Raises:
            Unsplittable: if it does.
        """
        if isinstance(s, _DEFINITIONS) and has_verdict(s):
            raise Unsplittable(f"line {s.lineno} defines something that both uses the student's code and judges it")
        if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)):
            return
        name = s.value.func.attr if isinstance(s.value.func, ast.Attribute) else root_of(s.value.func)
        module = self.judging_module(s.value)
        if module and name not in self.modules[module]:
            raise Unsplittable(f"line {s.lineno}: {name}() of {module}.py judges the student's code inside its process")
        if name in self.judges or re.match(TESTING, name):
            raise Unsplittable(f"line {s.lineno}: {name}() judges the student's code inside its process")

    def on_both_sides(self, s: ast.Assign) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """An assignment that both sides make: the oracle from the parts that were sent."""
        sends: list[ast.stmt] = []
        first = len(self.parents)
        value = self.peel(s.value, [], sends, False)
        self.assigned |= dict.fromkeys(range(first, len(self.parents)), key_of(s.value))
        self.tainted |= defined([s])
        self.derived |= defined([s])
        return [*sends, s], [ast.copy_location(ast.Assign(s.targets, value), s)]

    def of_the_course(self, s: ast.stmt) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """A plain statement that needs no student code, so that its names belong to the course again."""
        names = defined([s])
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
        if isinstance(s, _DEFINITIONS):
            self.judges = self.judges | names if has_verdict(s) else self.judges - names
        return [s], [s]

    def verdict(self, s: ast.stmt) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """A check: what must be computed by the student is sent, the rest stays with the oracle."""
        sends: list[ast.stmt] = []
        if isinstance(s, ast.Assert):
            test = self.peel(s.test, [], sends, self.uses_exposed(s.test))
            message = s.msg if s.msg is not None and not self.is_remote(s.msg) else None
            return sends, [ast.copy_location(ast.Assert(test, message), s)]
        if getattr(s, "scores", False):
            value = self.peel(s.value, [], sends, False)
            return sends, [ast.copy_location(statement_of(ast.Call(name_node(SCORE), [value], [])), s)]
        call = s.value
        function_called = self.own_function(call.func, sends) if self.of_package(call.func) else call.func
        if function_called is call.func and self.is_tainted(call.func):
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
                    function = lambda_of(ast.Call(function, rest, keywords))
                    ast.copy_location(function, s)
                    ast.fix_missing_locations(function)
                    arguments, keywords = arguments[: first + 1], []
                if self.is_tainted(function):
                    self.expose(function)
                    slot = self.slot([])
                    sends.append(
                        statement_of(ast.Call(name_node(SEND_CALL), [slot_number(slot), lambda_of(function)], []))
                    )
                    arguments[first] = ast.Call(name_node(REPLAY), [slot_number(slot)], [])
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
        return sends, [ast.copy_location(ast.Expr(ast.Call(function_called, arguments, keywords)), s)]

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
                stimulus.append(statement_of(ast.Call(name_node(SEND), [slot_number(slot), lambda_of(s.value)], [])))
                value = ast.Call(name_node(TAKE), [slot_number(slot)], [])
                if isinstance(s, ast.Assign):
                    names = stored(s)
                    self.tainted -= names
                    self.known |= names
                    oracle.append(ast.copy_location(ast.Assign(s.targets, value), s))
                else:
                    oracle.append(statement_of(value))
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
    kept = [
        statement_of(ast.Call(name_node(ENTER), [], [])),
        statement,
        statement_of(ast.Call(name_node(LEAVE), [], [])),
    ]
    for part in kept:
        part.students = True
    return kept


def _loop(comprehension: ast.ListComp) -> ast.stmt:
    """``[check(x) for x in xs if c]`` as a loop."""
    body: list[ast.stmt] = [ast.copy_location(ast.Expr(comprehension.elt), comprehension)]
    for part in reversed(comprehension.generators):
        for condition in reversed(part.ifs):
            body = [ast.copy_location(ast.If(condition, body, []), comprehension)]
        body = [ast.copy_location(ast.For(part.target, part.iter, body, []), comprehension)]
    return ast.fix_missing_locations(body[0])
