"""Formula mode: plain Python functions of the controls, translated to JavaScript so that the page can compute them.

The functions are written once, in Python. What the page runs is made from their syntax tree, and a browser test
compares both at random settings. A formula returns a drawing for `helpers.interactive.plot.plot`.

What may be used:

- numbers, strings, lists, tuples, dictionaries; arithmetic, comparisons, ``and or not``, conditional expressions
- ``if``, ``for``, ``while``, list comprehensions, slices, ``math``, and ``append join replace``, ``get`` with a default
- ``range len min max abs sum round enumerate zip list sorted any all float int str``
- f-strings whose numbers have a format, such as ``{lr:g}`` or ``{loss:.2f}``
- other functions and constants of the notebook that keep to the same rules

No numpy, no lambda, no keyword arguments in calls. Mind that an empty list counts as true on the page: compare ``len``.
"""

import ast
import inspect
import json
import math
import re
import textwrap
import types
from collections.abc import Callable
from typing import Any

from helpers.interactive.assets import asset

__all__ = ["FormulaError", "to_javascript"]


class FormulaError(ValueError):
    """A formula uses something that the page cannot compute; the message names it."""


MATH = {name: f"Math.{name}" for name in ["exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "hypot", "pow"]}
MATH |= {name: f"Math.{name}" for name in ["sin", "cos", "tan", "asin", "acos", "atan", "atan2"]}
MATH |= {name: f"Math.{name}" for name in ["sinh", "cosh", "tanh", "floor", "ceil", "trunc"]}
MATH |= {"fabs": "Math.abs", "pi": "Math.PI", "e": "Math.E", "inf": "Infinity", "nan": "NaN", "erf": "$erf"}
MATH |= {"isfinite": "Number.isFinite", "isnan": "Number.isNaN"}
BUILTINS = {"range": "$range", "min": "$min", "max": "$max", "sum": "$sum", "sorted": "$sorted", "zip": "$zip"}
BUILTINS |= {"enumerate": "$enumerate", "round": "$round", "abs": "Math.abs", "list": "$list", "float": "Number"}
BUILTINS |= {"int": "Math.trunc", "str": "String"}
# words of JavaScript that are names in Python
RESERVED = set(
    """arguments case catch const debugger default delete do enum eval export extends false function implements
    instanceof interface let new null package private protected public static super switch this throw true typeof
    undefined var void""".split()  # noqa: SIM905
)
METHODS = {"append": "push", "replace": "replaceAll"}
OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
COMPARISONS = {ast.Eq: "===", ast.NotEq: "!==", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
COMPARISONS |= {ast.Is: "===", ast.IsNot: "!=="}


def to_javascript(*functions: Callable[..., Any]) -> str:
    """JavaScript that defines the functions, under their own names, with all that they use.

    Raises:
        FormulaError: if a function uses something outside the subset, naming the function, the line and the thing.
    """
    program = _Program()
    for function in functions:
        program.add(function)
    code = "\n".join(program.parts)
    helpers = _helpers()
    used: set[str] = set()
    found = {name for name in helpers if name in code}
    while found - used:
        used |= found
        found = {name for name in helpers for user in used if name in helpers[user]}
    return "\n".join([*(text for name, text in helpers.items() if name in used), code])


def _helpers() -> dict[str, str]:
    text = asset(__package__, "formula.js")
    return {part.split(" ", 1)[0]: f"const {part.strip()}" for part in re.split(r"^const (?=\$)", text, flags=re.M)[1:]}


class _Program:
    """The functions and constants translated so far, each once."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.known: dict[str, Any] = {}

    def add(self, function: Callable[..., Any]) -> None:
        name = function.__name__
        if self.known.setdefault(name, function) is not function:
            raise FormulaError(f"{name}: two different things of this name are used; rename one")
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        except (OSError, TypeError, SyntaxError):
            tree = None
        if not isinstance(tree, ast.FunctionDef) or tree.decorator_list:
            raise FormulaError(f"{name}: a formula must be a plain `def`, so that its source can be read")
        writer = _Writer(tree)
        # Not inspect.getclosurevars alone: before Python 3.12 it misses what only a comprehension uses.
        scope = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
        for key in dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)):
            if key in scope and key not in writer.local and scope[key] is not math:
                self.need(name, key, scope[key])
        self.parts.append(writer.write())

    def need(self, user: str, key: str, value: Any) -> None:
        if isinstance(value, types.FunctionType):
            if key != value.__name__:
                raise FormulaError(f"{user}: {key} is a second name of {value.__name__}; use the first")
            if self.known.get(key) is not value:
                self.add(value)
            return
        if key in self.known:
            if self.known[key] is not value:
                raise FormulaError(f"{user}: two different things are called {key}; rename one")
            return
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise FormulaError(
                f"{user}: the page cannot compute with `{key}` ({type(value).__name__}); use math, numbers and lists"
            ) from None
        self.known[key] = value
        self.parts.append(f"const {key} = {_safe(text)};")


class _Writer:
    """Writes one function as JavaScript."""

    def __init__(self, tree: ast.FunctionDef) -> None:
        self.tree = tree
        self.parameters = [argument.arg for argument in [*tree.args.args, *tree.args.kwonlyargs]]
        self.assigned = {
            name.id
            for node in ast.walk(tree)
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.For))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        } - set(self.parameters)
        stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        self.local = {*self.parameters, *(node.id for node in stored)}
        if tree.args.vararg or tree.args.kwarg:
            self.refuse(tree, "`*` parameters")
        for name in sorted(self.local & RESERVED):
            self.refuse(tree, f"the name `{name}`, a word of JavaScript,")

    def refuse(self, node: ast.AST, what: str | None = None):
        line = getattr(node, "lineno", 1)
        raise FormulaError(
            f"{self.tree.name}, line {line}: {what or f'`{ast.unparse(node)}`'} is outside what the page can compute"
        )

    def write(self) -> str:
        defaults = dict(zip(reversed(self.tree.args.args), reversed(self.tree.args.defaults), strict=False))
        defaults |= {a: d for a, d in zip(self.tree.args.kwonlyargs, self.tree.args.kw_defaults, strict=True) if d}
        head = ", ".join(
            a.arg + (f" = {self.value(defaults[a])}" if a in defaults else "")
            for a in [*self.tree.args.args, *self.tree.args.kwonlyargs]
        )
        declare = f"let {', '.join(sorted(self.assigned))};\n" if self.assigned else ""
        return f"const {self.tree.name} = ({head}) => {{\n{declare}{self.block(self.tree.body)}}};"

    def block(self, body: list[ast.stmt]) -> str:
        return "".join(self.statement(node) for node in body)

    def statement(self, node: ast.stmt) -> str:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return ""
            case ast.Expr(value=value):
                return f"{self.value(value)};\n"
            case ast.Return(value=value):
                return f"return {self.value(value) if value else 'null'};\n"
            case ast.Assign(targets=[target], value=value):
                return f"{self.target(target)} = {self.value(value)};\n"
            case ast.AugAssign(target=target, op=op, value=value):
                return f"{self.target(target)} = {self.binary(target, op, value, node)};\n"
            case ast.If(test=test, body=body, orelse=other):
                rest = f" else {{\n{self.block(other)}}}" if other else ""
                return f"if ({self.value(test)}) {{\n{self.block(body)}}}{rest}\n"
            case ast.For(target=target, iter=things, body=body, orelse=[]):
                return f"for ({self.target(target)} of {self.value(things)}) {{\n{self.block(body)}}}\n"
            case ast.While(test=test, body=body, orelse=[]):
                return f"while ({self.value(test)}) {{\n{self.block(body)}}}\n"
            case ast.Break():
                return "break;\n"
            case ast.Continue():
                return "continue;\n"
        return self.refuse(node)

    def target(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Tuple(elts=names):
                return f"[{', '.join(map(self.target, names))}]"
            case ast.Subscript(value=value, slice=key) if not isinstance(key, ast.Slice):
                return f"{self.value(value)}[{self.value(key)}]"
        return self.refuse(node)

    def value(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, (bool, int, float, str)):
                return _safe(json.dumps(value))
            case ast.Name(id=name):
                return name
            case ast.BinOp(left=left, op=op, right=right):
                return self.binary(left, op, right, node)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"(-{self.value(operand)})"
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"!({self.value(operand)})"
            case ast.BoolOp(op=op, values=values):
                return "(" + (" && " if isinstance(op, ast.And) else " || ").join(map(self.value, values)) + ")"
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self.compare(node, [left, *others], ops)
            case ast.IfExp(test=test, body=body, orelse=other):
                return f"({self.value(test)} ? {self.value(body)} : {self.value(other)})"
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return f"[{', '.join(map(self.value, items))}]"
            case ast.Dict(keys=keys, values=values) if None not in keys:
                return (
                    "({"
                    + ", ".join(f"[{self.value(k)}]: {self.value(v)}" for k, v in zip(keys, values, strict=True))
                    + "})"
                )
            case ast.Subscript(value=value, slice=ast.Slice(lower=low, upper=high, step=None)):
                ends = [self.value(low) if low else "0", *([self.value(high)] if high else [])]
                return f"{self.value(value)}.slice({', '.join(ends)})"
            case ast.Subscript(value=value, slice=key) if not isinstance(key, ast.Slice):
                return f"$at({self.value(value)}, {self.value(key)})"
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if name in MATH:
                return MATH[name]
            case ast.ListComp(elt=item, generators=loops) | ast.GeneratorExp(elt=item, generators=loops):
                return self.comprehension(item, loops)
            case ast.JoinedStr(values=parts):
                return "(" + " + ".join(['""', *map(self.formatted, parts)]) + ")"
            case ast.Call(func=function, args=arguments, keywords=[] | [ast.keyword(arg="strict")]):
                return self.call(node, function, arguments)
        return self.refuse(node)

    def binary(self, left: ast.expr, op: ast.operator, right: ast.expr, node: ast.AST) -> str:
        one, other = self.value(left), self.value(right)
        lists = isinstance(left, (ast.List, ast.ListComp)), isinstance(right, (ast.List, ast.ListComp))
        if isinstance(op, ast.Add) and not any(map(_is_plain, (left, right))):
            return f"$add({one}, {other})"
        if isinstance(op, ast.Mult) and any(lists):
            return f"$repeat({one}, {other})" if lists[0] else f"$repeat({other}, {one})"
        if isinstance(op, ast.Mod):
            return f"$mod({one}, {other})"
        if isinstance(op, ast.FloorDiv):
            return f"Math.floor({one} / {other})"
        if type(op) not in OPERATORS:
            self.refuse(node)
        return f"({one} {OPERATORS[type(op)]} {other})"

    def compare(self, node: ast.AST, values: list[ast.expr], ops: list[ast.cmpop]) -> str:
        pairs = []
        for left, op, right in zip(values, ops, values[1:], strict=False):
            if isinstance(op, (ast.In, ast.NotIn)) and isinstance(right, (ast.List, ast.Tuple)):
                pairs.append(
                    f"{'!' if isinstance(op, ast.NotIn) else ''}{self.value(right)}.includes({self.value(left)})"
                )
            elif type(op) in COMPARISONS:
                pairs.append(f"{self.value(left)} {COMPARISONS[type(op)]} {self.value(right)}")
            else:
                self.refuse(node)
        return "(" + " && ".join(pairs) + ")"

    def comprehension(self, item: ast.expr, loops: list[ast.comprehension]) -> str:
        loop, rest = loops[0], loops[1:]
        things, name = self.value(loop.iter), self.target(loop.target)
        for test in loop.ifs:
            things += f".filter(({name}) => {self.value(test)})"
        if rest:
            return f"{things}.flatMap(({name}) => {self.comprehension(item, rest)})"
        return f"{things}.map(({name}) => {self.value(item)})"

    def formatted(self, part: ast.expr) -> str:
        if isinstance(part, ast.Constant):
            return self.value(part)
        if part.conversion != -1:
            self.refuse(part, "a conversion such as !r")
        if part.format_spec is None:
            return f"String({self.value(part.value)})"
        spec = "".join(str(one.value) if isinstance(one, ast.Constant) else "{" for one in part.format_spec.values)
        found = re.fullmatch(r"(\+?)(?:\.(\d+))?([fge%d])", spec)
        if not found:
            self.refuse(part, f"the number format {spec!r} (use one like .2f, +.1f, g, .3g, e, d or .0%)")
        plus, digits, kind = found.groups()
        return f'$format({self.value(part.value)}, "{kind}", {digits or (0 if kind == "d" else 6)}, "{plus}")'

    def call(self, node: ast.AST, function: ast.expr, arguments: list[ast.expr]) -> str:
        values = [self.value(argument) for argument in arguments]
        match function:
            case ast.Name(id="len"):
                return f"{values[0]}.length"
            case ast.Name(id=("any" | "all") as name):
                return f"{values[0]}.{'some' if name == 'any' else 'every'}((x) => x)"
            case ast.Name(id=name):
                return f"{BUILTINS.get(name, name)}({', '.join(values)})"
            case ast.Attribute(value=ast.Name(id="math")):
                return f"{self.value(function)}({', '.join(values)})"
            case ast.Attribute(value=thing, attr="join"):
                return f"{values[0]}.join({self.value(thing)})"
            case ast.Attribute(value=thing, attr="get") if len(values) == 2:
                return f"$get({self.value(thing)}, {', '.join(values)})"
            case ast.Attribute(value=thing, attr=name) if name in METHODS:
                return f"{self.value(thing)}.{METHODS[name]}({', '.join(values)})"
        return self.refuse(node)


def _is_plain(node: ast.expr) -> bool:
    """Whether this is surely no list, so that `+` means the same on the page."""
    arithmetic = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div, ast.Pow))
    return isinstance(node, (ast.Constant, ast.JoinedStr)) or arithmetic


def _safe(text: str) -> str:
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")
