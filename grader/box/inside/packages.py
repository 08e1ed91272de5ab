"""Packages that a course may use or not: where one is missing, nothing is an instance of its classes."""

import functools
import importlib
import types


@functools.cache
def find(name: str) -> types.ModuleType | None:
    """The package, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@functools.cache
def kind(path: str) -> type | tuple[()]:
    """A class such as ``"torch.nn.Module"`` for `isinstance`; no class at all where its package is missing."""
    name, *parts = path.split(".")
    found = find(name)
    if found is None:
        return ()
    for part in parts:
        found = getattr(found, part)
    return found
