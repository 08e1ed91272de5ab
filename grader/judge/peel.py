"""Which part of an expression is sent: the smallest one that needs the student's process."""

import ast
import re
from collections.abc import Callable

from grader.judge.knowledge import Knowledge
from grader.judge.names import SEND, TAKE, Key, is_identity, loads, name_called, name_node, root_of, stored
from grader.judge.slice import columns


class Peeler(Knowledge):
    """Replaces what needs the student's process in expressions by what that sends."""

    def peel(self, node: ast.expr, outer: list[ast.expr], sends: list[ast.stmt], exposed: bool) -> ast.expr:
        """``node`` with the smallest parts that need the student's process replaced by what that sends."""
        if not self.wants(node, exposed):
            return node
        inside: list[tuple[str, int | None]] = []
        if not self.flat and key_of(node) not in self.whole:
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
            chain = [lambda_of(part) for part in (node, *(outer if self.chains else ()))]
            sends.append(statement_of(ast.Call(name_node(SEND), [slot_number(slot), *chain], [])))
            own = [node, ast.List([name_node(n) for n in sorted(self.together)], ast.Load())] if exposed else []
            own = own if isinstance(node, ast.Name) else []
            return ast.copy_location(ast.Call(name_node(TAKE), [slot_number(slot), *own], []), node)
        copy = type(node)(**{f: (list(v) if isinstance(v := getattr(node, f), list) else v) for f in node._fields})
        ast.copy_location(copy, node)
        for name, index in inside:
            part = getattr(copy, name) if index is None else getattr(copy, name)[index]
            if name == "func" and self.of_package(part):
                new = self.own_function(part, sends)
            elif isinstance(part, ast.keyword):
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

    def own_function(self, node: ast.expr, sends: list[ast.stmt]) -> ast.expr:
        """A function of a package for the oracle, which imports it itself, if student code has that package, too.

        ``np.allclose`` becomes ``{"numpy": np.allclose}[<what np is called beside student code>]``.
        """
        root = root_of(node)
        self.own.add(root)
        slot = self.slot([])
        name = ast.Attribute(name_node(root), "__name__", ast.Load())
        probe = ast.Subscript(ast.Tuple([node, name], ast.Load()), ast.Constant(1), ast.Load())
        sends.append(statement_of(ast.Call(name_node(SEND), [slot_number(slot), lambda_of(probe)], [])))
        taken = ast.Call(name_node(TAKE), [slot_number(slot)], [])
        ours = ast.Dict([ast.Constant(self.packages[root])], [node])
        return ast.copy_location(ast.Subscript(ours, taken, ast.Load()), node)

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
        sends.append(statement_of(ast.copy_location(ast.ListComp(calls, turns), node)))
        return ast.copy_location(ast.ListComp(element, node.generators), node)

    def parts(self, node: ast.expr, exposed: bool) -> list[tuple[str, int | None]]:
        """The parts of an expression that can be sent in its stead; none if it must be computed as a whole."""
        if isinstance(node, ast.Call):
            fields = self.parts_of_call(node, exposed)
        elif isinstance(node, ast.Subscript) and self.wants(node.slice, exposed):
            fields = []
        else:
            fields = next((find(node) for kind, find in _PARTS if isinstance(node, kind)), [])
        found = []
        for name, index in fields:
            part = getattr(node, name) if index is None else getattr(node, name)[index]
            if self.wants(part, exposed):
                found.append((name, index))
        return found

    def parts_of_call(self, node: ast.Call, exposed: bool) -> list[tuple[str, int | None]]:
        own = isinstance(node.func, ast.Name) and self.is_remote(node.func)
        if own or re.fullmatch(r"(may_)?shares?_memory", name_called(node)):  # what is sent shares no memory
            return []
        fields = [*_each("args", node), *_each("keywords", node)]
        if self.wants(node.func, exposed):
            if isinstance(node.func, ast.Attribute) and key_of(node.func) in self.whole:
                return []  # a bound method is no data, so the call is sent
            fields.insert(0, ("func", None))
        return fields

    def slot(self, outer: list[ast.expr]) -> int:
        self.parents[len(self.parents)] = [key_of(node) for node in outer]
        return len(self.parents) - 1


def _each(name: str, node: ast.expr) -> list[tuple[str, int | None]]:
    """All items of a field that are there: of a dictionary's keys, ``**other`` has none."""
    return [(name, number) for number, part in enumerate(getattr(node, name)) if part]


def _compared(node: ast.Compare) -> list[tuple[str, int | None]]:
    constants = all(isinstance(c, ast.Constant) for c in node.comparators)
    if is_identity(node) or (not constants and any(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops)):
        return []  # a copy is in other memory
    return [("left", None), *_each("comparators", node)]


_PARTS: list[tuple[type | tuple[type, ...], Callable[[ast.expr], list[tuple[str, int | None]]]]] = [
    (ast.Compare, _compared),
    (ast.BoolOp, lambda node: _each("values", node)),
    (ast.BinOp, lambda node: [("left", None), ("right", None)]),
    (ast.UnaryOp, lambda node: [("operand", None)]),
    ((ast.Tuple, ast.List, ast.Set), lambda node: _each("elts", node)),
    (ast.Dict, lambda node: [*_each("keys", node), *_each("values", node)]),
    ((ast.Attribute, ast.Subscript), lambda node: [("value", None)]),
]


def slot_number(number: int) -> ast.Constant:
    return ast.Constant(number)


_NO_ARGUMENTS = ast.arguments([], [], None, [], [], None, [])


def lambda_of(body: ast.expr) -> ast.Lambda:
    return ast.Lambda(_NO_ARGUMENTS, body)


def statement_of(value: ast.expr) -> ast.Expr:
    return ast.Expr(value)


def key_of(node: ast.expr) -> Key:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
