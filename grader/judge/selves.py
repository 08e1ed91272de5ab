"""Is ``self`` in student code always an object of a class of their own? Then its parts concern nobody else.

A method may be called with anything in the place of ``self``: ``A.patch(numpy)`` would put a function of the student's
in the place of one with which a test judges. That needs the class itself, not one of its objects, and the method taken
from it. So ``self`` is believed where neither is to be had.
"""

import ast
from collections.abc import Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_FIRST = ("self", "cls")
_OF_A_PROPERTY = {"property", "cached_property", "setter", "getter", "deleter"}
_DECORATORS = {*_OF_A_PROPERTY, "classmethod", "abstractmethod", "override", "no_grad", "inference_mode"}
_CLASS_DECORATORS = {"dataclass", "total_ordering", "final", "unique"}
_HARMLESS = {"isinstance", "issubclass", "super", "print", "repr", "str"}  # what may be told of a class
_LEADING_BACK = {"fset", "fget", "fdel", "func", "mro"}  # from an object or a property to a class or a function


def own_names(nodes: list[ast.AST]) -> set[str]:
    """Names of student code whose parts it may set: its own classes, and ``self`` and ``cls`` where they are sure."""
    bound: dict[str, list[ast.AST]] = {}
    for name, node in _bindings(nodes):
        bound.setdefault(name, []).append(node)
    made = {name for name, by in bound.items() if all(isinstance(one, ast.ClassDef) for one in by)}
    kinds = [node for node in nodes if isinstance(node, ast.ClassDef)]
    sure = _Sure(nodes, bound, made, kinds)
    made -= {kind.name for kind in kinds if not set(map(_name, kind.decorator_list)) <= _CLASS_DECORATORS}
    return made | (set(_FIRST) if sure.first_arguments() and sure.methods() else set())


class _Sure:
    """Looks for ways on which something else than an object of a class could become ``self``.

    Args:
        nodes: all of student code.
        bound: for each name what gives it a meaning.
        made: names that only stand for classes that are made here.
        kinds: these classes.
    """

    def __init__(self, nodes: list[ast.AST], bound: dict[str, list], made: set[str], kinds: list[ast.ClassDef]) -> None:
        self.nodes, self.bound, self.made, self.kinds = nodes, bound, made, kinds
        self.functions = [one for kind in kinds for one in kind.body if isinstance(one, _FUNCTIONS)]
        self.names = {kind.name for kind in kinds} | {"cls"}  # what may stand for a class
        of_classes = (one for one in self.functions if "classmethod" in map(_name, one.decorator_list))
        self.unbound = {id(node) for one in of_classes for node in ast.walk(one)}  # where super() is of a class
        dataclasses = any(_name(one) == "dataclass" for kind in kinds for one in kind.decorator_list)
        self.setting = {"__init__"} if dataclasses else set()  # names of methods that set parts of their first argument

    def first_arguments(self) -> bool:
        """Is ``self`` nothing but the first argument of a method, and ``cls`` that of a class method?"""
        allowed = set()
        for function in self.functions:
            decorators = set(map(_name, function.decorator_list))
            wanted = "cls" if "classmethod" in decorators else "self"
            first = (function.args.posonlyargs + function.args.args)[:1]
            if first and first[0].arg in _FIRST:
                if first[0].arg != wanted:
                    return False
                allowed.add(id(first[0]))
            if not _sets(function):
                continue
            if not decorators <= _DECORATORS:
                return False
            if not decorators & {*_OF_A_PROPERTY, "classmethod"}:
                self.setting.add(function.name)
        return all(id(node) in allowed for name in _FIRST for node in self.bound.get(name, ()))

    def methods(self) -> bool:
        """Is no method that sets parts of ``self`` taken from a class?"""
        if any(isinstance(n, ast.Attribute) and n.attr in _LEADING_BACK for n in self.nodes) or self.in_a_class_body():
            return False
        found = [n for n in self.nodes if isinstance(n, ast.Attribute) and n.attr in self.setting]
        bases = {id(node.value) for node in found}
        to_self = {id(n.func) for n in self.nodes if isinstance(n, ast.Call) and n.args and _is_self(n.args[0])}
        unknown = [node for node in found if id(node) not in to_self and not self.is_object(node.value)]
        named = any(_last(node.value) in self.names or _name(node.value) == "super" for node in unknown)
        return not named and not ((unknown or self.by_text()) and self.class_escapes(bases))

    def is_object(self, node: ast.expr) -> bool:
        """Is this surely an object and no class?"""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            of_self = not node.args or (len(node.args) == 2 and _is_self(node.args[1]))
            bound = node.func.id == "super" and of_self and id(node) not in self.unbound
            return bound or node.func.id in self.made
        return _is_self(node)

    def by_text(self) -> bool:
        """Is a method asked for by its name as a text, or by a pattern?"""
        texts = {n.value for n in self.nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        patterns = {name for n in self.nodes if isinstance(n, ast.MatchClass) for name in n.kwd_attrs}
        return bool(self.setting & (patterns | texts))

    def in_a_class_body(self) -> bool:
        """Is a method used in the body of its class, but for a property that is made of it?"""
        inner = [n for kind in self.kinds for s in kind.body if not isinstance(s, _FUNCTIONS) for n in ast.walk(s)]
        plain = {id(a) for n in inner if isinstance(n, ast.Call) and _name(n.func) == "property" for a in n.args}
        names = {function.name for function in self.functions}
        return any(isinstance(n, ast.Name) and n.id in names and id(n) not in plain for n in inner)

    def class_escapes(self, bases: set[int]) -> bool:
        """Is one of the classes a value somewhere, so that it may have another name?"""
        fine = set(bases)
        for kind in self.kinds:
            fine |= {id(base) for base in kind.bases}
            if kind.keywords or not set(map(_name, kind.decorator_list)) <= _CLASS_DECORATORS:
                return True
        for node in self.nodes:
            if isinstance(node, ast.Call):
                fine |= {id(node.func)} | ({id(one) for one in node.args} if _name(node.func) in _HARMLESS else set())
            elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
                fine |= set(map(id, ast.walk(node.annotation)))
            elif isinstance(node, _FUNCTIONS) and node.returns is not None:
                fine |= set(map(id, ast.walk(node.returns)))
            elif isinstance(node, ast.Attribute):
                fine.add(id(node.value))
            elif isinstance(node, ast.Compare):
                fine |= {id(one) for one in (node.left, *node.comparators)}
        loads = (n for n in self.nodes if isinstance(getattr(n, "ctx", None), ast.Load) and id(n) not in fine)
        types = [n for n in self.nodes if isinstance(n, ast.Call) and _name(n.func) == "type"]
        asked = any(id(node) in bases or id(node) not in fine for node in types)
        return asked or any(_last(node) in (*self.names, "type") for node in loads)


def _bindings(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Each name that code binds, and where."""
    for node in nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, node
        elif isinstance(node, ast.arg):
            yield node.arg, node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name.split(".")[0], node) for alias in node.names)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.MatchAs, ast.MatchStar, ast.ExceptHandler)):
            yield node.name or "", node
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest, node
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from ((name, node) for name in node.names)


def _sets(function: ast.AST) -> bool:
    """Does a method set a part of ``self`` or ``cls``?"""
    stores = (n for n in ast.walk(function) if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load))
    return any(isinstance(node.value, ast.Name) and node.value.id in _FIRST for node in stores)


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _last(node: ast.AST) -> str:
    """The name in ``name`` and ``anything.name``; else ""."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _name(node: ast.AST) -> str:
    """The last name of a decorator or function, called or not."""
    return _last(node.func if isinstance(node, ast.Call) else node)
