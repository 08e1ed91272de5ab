"""Put the bodies of a test's own functions where they are called, under names of their own."""

import ast
import copy

from grader.judge.checks_in_code import has_verdict, mark_counts
from grader.judge.names import defined, loads, parameters_of
from grader.judge.slice import live_before


def inline(cells: list, parsed: dict[str, list[ast.stmt]], students: set[str]) -> dict[str, list[ast.stmt]]:
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
            mark_counts(new[cell.id])
    names = {statement.name for statement in definitions}
    trusted = [s for cell in cells if cell.kind in ("setup", "test") for s in new[cell.id]]
    own = lambda s: isinstance(s, ast.FunctionDef) and s.name in names  # noqa: E731
    called = set().union(*(loads(s) for s in trusted if not own(s)))
    for cell in cells:
        if cell.kind == "test":  # a definition that nobody needs any more would take the expected values along
            new[cell.id] = [s for s in new[cell.id] if not own(s) or s.name in called]
    return new


def _can_be_inlined(function: ast.FunctionDef, students: set[str]) -> bool:
    """Can the function's body stand where it is called, and does it judge student code, its own or what it is given?"""
    arguments = function.args
    returned = _returned(function)
    if arguments.vararg or arguments.kwarg or function.decorator_list or not (returned or has_verdict(function)):
        return False
    inner = [n for s in function.body for n in ast.walk(s)]
    early = [n for n in inner if isinstance(n, ast.Return) and n is not function.body[-1]]
    scoped = (ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal, ast.FunctionDef, ast.ClassDef, ast.Await)
    if early or any(isinstance(n, scoped) for n in inner):
        return False
    parameters = parameters_of(function)
    called = {n.func.id for n in inner if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return bool(loads(function) & students or called & parameters)


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
        if function is not None and has_verdict(function) and depth < 5 and self.count < 200:
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
        if not simple or bound & set(given) or bound & set().union(*map(loads, given.values())):
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
        body = with_new_names([s for s in function.body if not isinstance(s, ast.Return)], new_names)
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
        node.body = self.without(parameters_of(node)).visit(node.body)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:  # noqa: N802
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        self.visit(node.args)
        return self.named(node, parameters_of(node))

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


def with_new_names(statements: list[ast.stmt], names: dict[str, str]) -> list[ast.stmt]:
    return [_Renamer(names).visit(copy.deepcopy(s)) for s in statements] if names else statements


def own_names(body: list[ast.stmt], others: set[str]) -> dict[str, str]:
    """Other names for what a test binds for itself, so that it hides no name of the student's.

    Args:
        body: the test.
        others: names that must stay as they are.
    """
    nodes = [n for s in body for n in ast.walk(s)]
    imported = {name for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom)) for name in defined([n])}
    if any(isinstance(n, (ast.Global, ast.Nonlocal)) for n in nodes):
        return {}
    return {name: f"{name}__t" for name in defined(body) - others - imported - live_before(body, set())}
