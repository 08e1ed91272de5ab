"""Where in a test a verdict falls."""

import ast
import re

from grader.judge.names import loads, name_called, name_node, stored, walk_here

# Contexts that only mean something where the verdict is.
VERDICT_CONTEXTS = {"task", "raises", "assert_raises", "assertRaises", "assertRaisesRegex", "warns", "subTest"}


TESTING = "(test|grade|verify|validate|expect)"  # how functions that judge are called


# what asks a question, and is lost where nobody reads the answer
_ASKING = {
    "all", "allclose", "any", "array_equal", "array_equiv", "callable", "equal", "equals", "hasattr", "isclose",
    "isinstance", "issubclass",
}  # fmt: skip


def blunt(statements: list[ast.stmt]) -> str:
    """What looks like a check and is none, so that a wrong answer passes; "" if there is nothing like that."""
    for statement in statements:
        if isinstance(statement, (ast.Try, ast.With)):
            continue  # there a comparison may be made for its error
        if isinstance(statement, (ast.Assert, ast.Expr)) and (what := _blunt(statement)):
            return f"line {statement.lineno} {what}"
        parts = [*getattr(statement, "body", ()), *getattr(statement, "orelse", ())]
        if what := blunt([part for part in parts if isinstance(part, ast.stmt)]):
            return what
    return ""


def _blunt(statement: ast.Assert | ast.Expr) -> str:
    if isinstance(statement, ast.Assert):
        test = statement.test
        ways = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else [test]
        if isinstance(test, ast.Tuple) and test.elts:
            return "asserts a pair in brackets, which is always true: take the brackets away"
        sure = len(ways) > 1 and any(isinstance(way, ast.Constant) and way.value for way in ways)
        return "asserts something that is always true" if sure else ""
    value = statement.value
    if isinstance(value, (ast.Compare, ast.BoolOp)) or (
        isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    ):
        return "compares and asserts nothing: write assert before it"
    if not isinstance(value, ast.Call):
        return ""
    if (name := name_called(value)) in _ASKING:
        return f"asks {name}() and asserts nothing: write assert before it"
    if name not in ("assertTrue", "assertFalse") or len(value.args) < 2:
        return ""
    said = value.args[1]
    words = isinstance(said, ast.Constant) and isinstance(said.value, (str, type(None)))
    values = (ast.Constant, ast.UnaryOp, ast.List, ast.Tuple, ast.Dict, ast.Set)
    return f"compares nothing: what {name} gets second is a message" if isinstance(said, values) and not words else ""


def mark_score(statements: list[ast.stmt]) -> None:
    """Mark the number that a test ends in, nbgrader's partial credit, and all that it is counted from."""
    last = statements[-1] if statements else None
    if (
        not isinstance(last, ast.Expr)
        or hasattr(last, "quiet")
        or is_verdict(last)
        or isinstance(last.value, (ast.Constant, ast.ListComp))
    ):
        return
    void = rf"print|display|run_line_magic|run_cell_magic|system|close|show|{TESTING}.*"
    if isinstance(last.value, ast.Call) and re.fullmatch(void, name_called(last.value)):
        return
    last.scores, names = True, loads(last.value)
    for _ in range(3):  # what is counted may be added to something else
        for part in (n for s in statements for n in walk_here(s)):
            if isinstance(part, (ast.Assign, ast.AugAssign)) and stored(part) & names:
                part.counts = True
                names |= loads(part.value)
            elif isinstance(part, ast.Expr) and _appended(part) in names - {""}:
                part.counts = True


def _appended(statement: ast.Expr) -> str:
    """The name of a list to which a statement appends one value, or ""."""
    call = statement.value
    one = isinstance(call, ast.Call) and len(call.args) == 1 and not call.keywords
    if one and isinstance(call.func, ast.Attribute) and call.func.attr == "append":
        return call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    return ""


def as_assignment(s: ast.stmt) -> ast.stmt:
    """``points += x`` and ``points.append(x)`` as assignments, whose values can be sent in parts."""
    if isinstance(s, ast.AugAssign) and isinstance(s.target, ast.Name):
        name, operator, value = s.target.id, s.op, s.value
    elif isinstance(s, ast.Expr) and (name := _appended(s)):
        operator, value = ast.Add(), ast.copy_location(ast.List([s.value.args[0]], ast.Load()), s)
    else:
        return s
    total = ast.copy_location(ast.BinOp(ast.copy_location(name_node(name), s), operator, value), s)
    return ast.copy_location(ast.Assign([ast.copy_location(ast.Name(name, ast.Store()), s)], total), s)


def is_verdict(statement: ast.stmt) -> bool:
    """Is this an ``assert``, a bare call of a check, or the number of points that a test ends in?"""
    if isinstance(statement, ast.Assert) or getattr(statement, "scores", False):
        return True
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return False
    function = statement.value.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name.startswith(("check_", "assert", "eq_", "ok_"))


def has_verdict(node: ast.AST) -> bool:
    return any(
        isinstance(n, ast.Raise)
        or getattr(n, "counts", False)
        or (isinstance(n, (ast.Expr, ast.Assert)) and is_verdict(n))
        for n in ast.walk(node)
    )


def judged(statements: list[ast.stmt]) -> set[str]:
    """Names that checks are about, directly or through other names."""
    nodes = [n for s in statements for n in ast.walk(s)]
    names = set().union(*(loads(n) for n in nodes if isinstance(n, (ast.Expr, ast.Assert)) and is_verdict(n)))
    assignments = [n for n in nodes if isinstance(n, ast.Assign)]
    for assignment in reversed(assignments):
        if stored(assignment) & names:
            names |= loads(assignment.value)
    return names


def mark_counts(statements: list[ast.stmt]) -> None:
    """Mark what loops and conditions count or collect for a check after them, so that it is counted outside."""
    mark_score(statements)
    names = judged(statements)
    for statement in statements:
        if not isinstance(statement, (ast.For, ast.If)) or has_verdict(statement):
            continue
        for part in walk_here(statement):
            changed = stored(part) if isinstance(part, (ast.Assign, ast.AugAssign)) else set()
            if isinstance(part, ast.Expr):
                changed = {_appended(part)} - {""}
            if changed & names:
                part.counts = True
