"""Facts about names in Python code: what it defines, reads, changes."""

import ast
import builtins
import contextlib
import importlib
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator

SEND, SEND_CALL, TAKE, REPLAY = "__send__", "__send_call__", "__take__", "__replay__"


ENTER, LEAVE, SCORE = "__enter__", "__leave__", "__score__"


ALWAYS = set(dir(builtins)) | {"get_ipython", "display", "__name__", "__builtins__"}


# A clock read where the student's code does not run would not tell how long it ran.
_CLOCKS = re.compile(r"(time|perf_counter|process_time|monotonic|thread_time|default_timer)(_ns)?")


Key = tuple[int, int, int, int]


def parse(source: str) -> list[ast.stmt]:
    """The statements of a cell, IPython's magics turned into calls.

    Raises:
        SyntaxError: if it is no Python.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    statements = ast.parse(TransformerManager().transform_cell(source)).body
    if statements and _ends_quietly(source):
        statements[-1].quiet = True
    return statements


def _ends_quietly(source: str) -> bool:
    """Does a cell end in a semicolon, so that its last value is not shown?"""
    if ";" not in source:
        return False
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT, tokenize.INDENT)
    last = ""
    with contextlib.suppress(tokenize.TokenError, SyntaxError, IndentationError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            last = last if token.type in skipped else token.string
    return last == ";"


def ends_in_value(source: str) -> bool:
    """Is the last statement of a cell an expression, whose value the cell would show?

    Raises:
        SyntaxError: if it is no Python.
    """
    statements = parse(source)
    return bool(statements) and isinstance(statements[-1], ast.Expr) and not hasattr(statements[-1], "quiet")


def definitions(source: str) -> dict[str, ast.stmt]:
    """Imports, functions, classes and assignments of a cell by their texts; none if it is more than plain Python."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    try:
        with warnings.catch_warnings(action="ignore"):
            return {ast.unparse(s): s for s in ast.parse(source).body if isinstance(s, kinds)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}


def loads(node: ast.AST) -> set[str]:
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
                inner = inner | stored(part.target)
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


def stored(node: ast.AST) -> set[str]:
    """Names that an expression or target binds outside itself."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, (ast.Store, ast.Del)) else set()
    if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        return {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}
    return set().union(*map(stored, ast.iter_child_nodes(node)))


def defined(statements: Iterable[ast.stmt], trusted: bool = True) -> set[str]:
    """Names that statements bind in their own scope.

    Args:
        statements: what binds them.
        trusted: import here what they import all of. What students name is never imported: it could be any program.
    """
    names: set[str] = set()
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                names |= (
                    _star(statement, trusted) if alias.name == "*" else {(alias.asname or alias.name).split(".")[0]}
                )
        else:
            for part in ast.iter_child_nodes(statement):
                if isinstance(part, ast.stmt):
                    names |= defined([part], trusted)
                elif isinstance(part, ast.ExceptHandler):
                    names |= defined(part.body, trusted)
                else:
                    names |= stored(part)
    return names


def _star(statement: ast.ImportFrom, trusted: bool) -> set[str]:
    module = sys.modules.get(statement.module or "")
    if module is None and trusted:
        with contextlib.suppress(Exception):
            module = importlib.import_module(statement.module or "")
    if module is None:
        return set()
    return set(getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")])


def aliased(node: ast.AST | None) -> set[str]:
    """Names of objects that the value of an expression is, holds, or is a view of."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            views = r"items|values|get|view|reshape|detach|numpy|squeeze|unsqueeze|transpose|permute|t|flatten|ravel"
            found = aliased(node.func.value) if re.fullmatch(views, node.func.attr) else set()
        else:
            found = set()
        holders = r"zip|enumerate|iter|reversed|list|tuple|dict|sorted|map|filter|as_tensor|asarray|from_numpy"
        return found.union(*map(aliased, node.args)) if re.fullmatch(holders, name_called(node)) else found
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return set().union(*(aliased(g.iter) for g in node.generators)) if aliased(node.elt) else set()
    if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.NamedExpr)):
        return aliased(node.value)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.IfExp, ast.BoolOp)):
        return set().union(*map(aliased, ast.iter_child_nodes(node)))
    return set()


def is_identity(node: ast.Compare) -> bool:
    """Does this compare where things are in memory?"""
    calls = [name_called(part) if isinstance(part, ast.Call) else "" for part in (node.left, *node.comparators)]
    return all(re.fullmatch(r"data_ptr|id", name) for name in calls)


def root_of(node: ast.AST) -> str:
    """The name at the bottom of ``a.b[0].c``, or ""."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def walk_here(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run when ``node`` does: not the bodies of functions."""
    yield node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        for part in ast.iter_child_nodes(node):
            yield from walk_here(part)


def reads_clock(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and _CLOCKS.fullmatch(name_called(n)) for n in walk_here(node))


_SHELL_NAMES = {"user_ns", "user_global_ns", "user_module", "ev", "ex", "run_cell", "all_ns_refs", "ns_table"}


_DOCTESTS = {"testmod", "testfile", "run_docstring_examples"}


def reaches(node: ast.AST) -> bool:
    """Does this code get at names that it does not name: ``globals()``, ``sys.modules``, doctest, the shell's names?"""
    nodes = list(ast.walk(node))
    asks = [n for n in nodes if isinstance(n, ast.Compare) and "__name__" in loads(n)]  # if __name__ == "__main__"
    harmless = {id(part) for n in asks for part in ast.walk(n)}
    for n in nodes:
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
            if n.func.id in ("globals", "locals", "vars", "dir") and not n.args:
                return True
            read = any(re.match("open|read", name_called(m)) for m in ast.walk(n) if isinstance(m, ast.Call))
            if n.func.id in ("eval", "exec") and not read:
                return True
        elif isinstance(n, ast.Attribute) and n.attr in _SHELL_NAMES:
            shell = isinstance(n.value, ast.Call) and name_called(n.value) == "get_ipython"
            if shell or n.attr.startswith("user_"):
                return True
        elif "__main__" in _modules(n) or (
            isinstance(n, ast.Constant) and n.value == "__main__" and id(n) not in harmless
        ):
            return True
        if isinstance(n, ast.Call) and name_called(n) in _DOCTESTS:
            return True
        if isinstance(n, (ast.Subscript, ast.Attribute)) and isinstance(n.value, ast.Attribute):
            modules = n.value.attr == "modules" and root_of(n.value) == "sys"
            if modules and isinstance(n, ast.Subscript) and not isinstance(n.slice, ast.Constant):
                return True
            if modules and isinstance(n, ast.Attribute) and n.attr in ("items", "values"):
                return True
    return False


def _modules(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def captured(statement: ast.stmt) -> set[str]:
    """Names of outer objects that functions inside a statement change when they are called, such as a spy's list."""
    names: set[str] = set()
    for function in ast.walk(statement):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        for node in ast.walk(function):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
                names.add(root_of(node))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                changing = r"append|extend|insert|add|update|pop|remove|clear|set\w*|put|write|increment"
                names |= {root_of(node.func)} if re.fullmatch(changing, node.func.attr) else set()
            elif isinstance(node, (ast.Nonlocal, ast.Global)):
                names |= set(node.names)
    return names & loads(statement)


def mutated(statements: Iterable[ast.stmt]) -> set[str]:
    """Names of objects that statements may change in place: assigned parts, and what bare calls get."""
    names: set[str] = set()
    imported = {name for s in statements if isinstance(s, (ast.Import, ast.ImportFrom)) for name in defined([s])}
    for statement in statements:
        for node in walk_here(statement):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
                names.add(root_of(node))
            elif isinstance(node, ast.Call) and re.fullmatch(r"[^_].*_", name_called(node)):  # torch's "in place"
                names.add(root_of(node.func.value) if isinstance(node.func, ast.Attribute) else "")
            elif isinstance(node, ast.For):  # what is done to the parts of a thing is done to the thing
                changed = set().union(*map(names_written, node.body)) | {
                    n.target.id
                    for n in ast.walk(node)
                    if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
                }
                names |= loads(node.iter) if changed & stored(node.target) else set()
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            if isinstance(call.func, ast.Attribute):
                names.add(root_of(call.func))
            if root_of(call.func) not in ("print", "display", "get_ipython"):
                names |= {root_of(a) for a in [*call.args, *(k.value for k in call.keywords)]}
    return names - imported - {""} - ALWAYS


def names_written(statement: ast.stmt) -> set[str]:
    """Names of objects that a statement writes the student's values into."""
    names: set[str] = set()
    for node in walk_here(statement):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(root_of(node))
        elif isinstance(node, ast.Expr) and isinstance(getattr(node.value, "func", None), ast.Attribute):
            names.add(root_of(node.value.func))
    return names - {""} - ALWAYS


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    a = function.args
    return {x.arg for x in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if x}


def draws_by_name(name: str) -> bool:
    """Does a function of this name draw random numbers? (Layers do when they are made.)"""
    pattern = r"rand|normal|uniform|shuffle|permut|choice|sample|bernoulli|multinomial|[A-Z]"
    return bool(re.match(pattern, name))


def name_node(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def name_called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
