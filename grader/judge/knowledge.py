"""What is known of names while a test is split: which depend on student code, which it may have had in hand."""

import ast
import re
from typing import Self

from grader.judge.names import (
    ALWAYS,
    Key,
    aliased,
    draws_by_name,
    is_identity,
    loads,
    name_called,
    reaches,
    reads_clock,
    root_of,
    stored,
    walk_here,
)


class Knowledge:
    """Which names depend on student code, and what the student's half of a test sends.

    Args:
        known: names that have a meaning.
        tainted: those of them that depend on student code.
    """

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
        self.packages: dict[str, str] = {}  # names that answers only import, and what: the oracle may import it itself
        self.own: set[str] = set()  # those of them that it does import
        self.parents: dict[int, list[Key]] = {}
        self.assigned: dict[int, Key] = {}
        self.local = self.beside = ""

    def copy(self) -> Self:
        """Another walker who knows what this one knows about names, and has sent nothing yet."""
        other = type(self)(set(self.known), set(self.tainted))
        other.whole, other.flat, other.chains, other.bold = self.whole, self.flat, self.chains, self.bold
        other.modules, other.brought, other.packages = self.modules, dict(self.brought), self.packages
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

    def of_package(self, node: ast.AST) -> bool:
        """Is this a function of a package that an answer imports, and the same whoever imports it?"""
        name, path = root_of(node), node
        while isinstance(path, ast.Attribute):
            if draws_by_name(path.attr) or path.attr in ("random", "seed", "manual_seed"):
                return False
            path = path.value
        return node is not path and isinstance(path, ast.Name) and name in self.packages and name in self.tainted

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

    def uses_exposed(self, node: ast.expr) -> bool:
        """Is this about the course's own objects that student code may have changed, and nothing else of theirs?"""
        self.together = loads(node) & self.exposed
        return not self.is_tainted(node) and bool(self.together)

    def wants(self, node: ast.AST, exposed: bool) -> bool:
        return self.is_remote(node) or (exposed and bool(loads(node) & self.exposed))
