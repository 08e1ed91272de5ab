"""Leave out of the student's half what nothing sent depends on."""

import ast
import re
from typing import Any

from grader.judge.names import SEND, SEND_CALL, defined, draws_by_name, loads, mutated, name_called, stored

_RANDOM = "<random numbers>"


def needed_later(cells: list, parsed: dict[str, list[ast.stmt]]) -> dict[str, set[str]]:
    """Per cell, the names that later trusted cells read before they define them."""
    needed, live = {}, set()
    for cell in reversed(cells):
        needed[cell.id] = set(live)
        if cell.kind not in ("answer", "manual"):
            live = live_before(parsed[cell.id], live)
    return needed


def live_before(statements: list[ast.stmt], live: set[str]) -> set[str]:
    """Names that are read by ``statements``, or later, before they are bound, given those that are read later."""
    for s in reversed(statements):
        if isinstance(s, ast.With):
            heads = set().union(*(loads(item.context_expr) for item in s.items))
            live = (live_before(s.body, live) - set().union(*(stored(item) for item in s.items))) | heads
        elif isinstance(s, (ast.For, ast.While, ast.If)):
            head, bound = (s.iter, stored(s.target)) if isinstance(s, ast.For) else (s.test, set())
            live = live | (live_before(s.body, set()) - bound) | live_before(s.orelse, set()) | loads(head)
        else:
            live = (live - _certain(s)) | loads(s)
    return live


def _certain(statement: ast.stmt) -> set[str]:
    """Names that a statement binds for certain without reading them."""
    if isinstance(statement, (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AugAssign)):
        return set()
    return defined([statement])


def _sends(statement: ast.AST) -> bool:
    return any(isinstance(n, ast.Name) and n.id in (SEND, SEND_CALL) for n in ast.walk(statement))


def slice_test(statements: list[ast.stmt], needed: set[str]) -> list[ast.stmt]:
    """The statements that what is sent, or a later cell, depends on."""
    generators = {
        name
        for s in statements
        for n in ast.walk(s)
        if isinstance(n, ast.Assign)
        and isinstance(n.value, ast.Call)
        and re.search("generator|rng|random", name_called(n.value), re.IGNORECASE)
        for name in stored(n)
    }
    return _keep(statements, set(needed), defined(statements), generators)[0]


def _draws(statement: ast.stmt) -> bool:
    """Does this draw from the shared random numbers? (Layers do when they are made.)"""
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    return any(
        draws_by_name(name_called(call)) and not any(k.arg in ("generator", "rng") for k in call.keywords)
        for call in calls
    )


def _seeds(statement: ast.stmt) -> bool:
    calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    return any(name_called(call) in ("manual_seed", "seed", "seed_everything") for call in calls)


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
            live |= set().union(*map(loads, heads or [s.test]))
            continue
        reads, draws = loads(s), _draws(s)
        keep = (
            any(getattr(part, "students", False) for part in ast.walk(s))
            or _sends(s)
            or bool(bound & live)
            or bool(mutated([part for part in ast.walk(s) if isinstance(part, ast.stmt)]) & live)
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
    if not isinstance(target, (ast.Tuple, ast.List)) or getattr(s, "students", False) or not stored(target) - live:
        return [s]
    value = s.value
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        pairs = list(zip(target.elts, value.elts, strict=True))
        if not any(isinstance(part, ast.Starred) for pair in pairs for part in pair):
            calls = (ast.Call, ast.Await, ast.NamedExpr)  # which may draw random numbers
            pairs = [(t, v) for t, v in pairs if stored(t) & live or any(isinstance(n, calls) for n in ast.walk(v))]
            new = [ast.Tuple([pair[side] for pair in pairs], (ast.Store(), ast.Load())[side]) for side in (0, 1)]
            s = ast.copy_location(ast.Assign([new[0]], new[1]), s)
    return [s, *_forget(stored(s.targets[0]) - live)]


def _narrow_loop(s: ast.For, body: list[ast.stmt], live: set[str]) -> dict[str, Any]:
    """Fields of a loop over rows without the columns that the oracle alone needs."""
    target, rows = columns(s.target, s.iter, live)
    return {"target": target, "iter": rows, "body": [*_forget(stored(target) - live), *body]}


def columns(target: ast.expr, rows: ast.expr, live: set[str]) -> tuple[ast.expr, ast.expr]:
    """``(x, want), [(1, 2), (3, 4)]`` or ``(x, want), zip(xs, wants)`` with nothing but the columns that are live."""
    if isinstance(rows, ast.Call) and getattr(rows.func, "id", "") == "zip" and not rows.keywords:
        lists = [rows.args]
    elif isinstance(rows, (ast.List, ast.Tuple)):
        lists = [getattr(row, "elts", []) for row in rows.elts]
    else:
        return target, rows
    width = len(target.elts) if isinstance(target, ast.Tuple) else 0
    kept = [i for i in range(width) if stored(target.elts[i]) & live]
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
