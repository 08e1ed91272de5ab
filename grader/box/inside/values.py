"""Values as data, and back: what a student's object becomes on its way to the verdict.

A type of value is one line of the table `FORMS`, both directions beside each other. (msgspec would check the fields of
nodes, but what takes the lines here, objects stripped of a student's classes and arrays as blobs, it leaves to hooks.)
"""

import collections
import copy
import datetime
import decimal
import fractions
import functools
import itertools
import math
import os
import pathlib
import sys
import types
from collections.abc import Callable, Iterable
from typing import NamedTuple

from .packages import find, kind

MOST_ITEMS = 10_000  # of an iterator that is read


HOLDERS = ("list", "tuple", "set", "frozenset", "deque", "iterator", "view", "objects")  # nodes whose v are nodes


class TooMuch(Exception):
    """A value is too large or too deep to be sent."""


class Encoder:
    """Turns values into JSON nodes and blobs; what is not plain data becomes an *opaque* node: its class names only.

    Args:
        limit: bytes for all values together.
        strict: an iterator, which can be read once only, is no plain data.
    """

    def __init__(self, limit: int, strict: bool = False) -> None:
        self.left, self.nodes, self.depth, self.blobs, self.strict = limit, 200_000, 0, [], strict

    def blob(self, data: bytes) -> int:
        self._spend(len(data))
        self.blobs.append(data)
        return len(self.blobs) - 1

    def _spend(self, size: int) -> None:
        self.left -= size
        self.nodes -= 1
        if self.left < 0 or self.nodes < 0:
            raise TooMuch("your answer is too large to be checked")

    def encode(self, value: object) -> object:
        """The node of ``value``.

        Raises:
            TooMuch: over the limits of size, number or depth (60).
        """
        if self.depth > 60:
            raise TooMuch("your answer is nested too deeply to be checked")
        self._spend(8)
        if value is None or value is True or value is False:
            return value
        self.depth += 1
        try:
            for form in _forms_of(type(value)):  # not `value.__class__`, which may lie
                if (node := form.there(self, value)) is not None:
                    return {"t": form.tag, **node}
        finally:
            self.depth -= 1

    def items(self, items: Iterable) -> list:
        """The nodes of all items."""
        return [self.encode(item) for item in items]


class Decoder:
    """Turns nodes back into values, made of plain types only.

    Args:
        blobs: the bytes that nodes refer to.
    """

    def __init__(self, blobs: list[bytes]) -> None:
        self.blobs = blobs

    def decode(self, node: object) -> object:
        """The value of a node from `Encoder.encode`, or of anything a hostile process made up.

        Raises:
            Exception: of any kind if the node is malformed.
        """
        if node is None or node is True or node is False:
            return node
        return _BACK[node["t"]](self, node)

    def items(self, nodes: list) -> list:
        """The values of all nodes."""
        return [self.decode(node) for node in nodes]

    def keys(self, nodes: list) -> list:
        """Nodes that become keys: integers that collide take the square of their number."""
        if len(nodes) > 10_000:
            raise ValueError("more than 10,000 keys")
        return nodes


def decode(node: object, blobs: list[bytes], pristine: object = None) -> object:
    """The value of a node, made of plain types only.

    Args:
        node: from `Encoder.encode`, or anything a hostile process made up.
        blobs: the bytes that nodes refer to.
        pristine: the course's own copy of this object; a module's state is loaded into a copy of it.

    Raises:
        Exception: of any kind if the node is malformed.
    """
    decoder = Decoder(blobs)
    if isinstance(pristine, kind("torch.nn.Module")) and isinstance(node, dict) and "state" in node:
        module = copy.deepcopy(pristine)
        module.load_state_dict(decoder.decode(node["state"]))
        return module.train(node["training"])
    return decoder.decode(node)


class Form(NamedTuple):
    """How values of one type travel.

    Attributes:
        tag: the name of the form in a node.
        of: the type or types, or the path of one in a package that may be missing.
        there: makes a node's fields of a value, or None where this value is no plain data of this form.
        back: makes the value of a node, whatever is in it.
        exact: instances of subclasses are no plain data.
    """

    tag: str
    of: type | tuple[type, ...] | str
    there: Callable[[Encoder, object], dict | None]
    back: Callable[[Decoder, dict], object]
    exact: bool = False

    def fits(self, of: type) -> bool:
        """May a value of this type travel so?"""
        known = kind(self.of) if isinstance(self.of, str) else self.of
        return of in known if self.exact else issubclass(of, known)


# --- forms that take more than a line -------------------------------------------------------------------------------


def _array_there(encoder: Encoder, array: object) -> dict | None:
    if array.dtype.kind not in "biufcUS":
        return None
    array = find("numpy").asarray(array)
    return {"v": {"d": array.dtype.str, "s": list(array.shape), "b": encoder.blob(array.tobytes())}}


def _array_back(decoder: Decoder, node: dict) -> object:
    value = node["v"]
    array = find("numpy").frombuffer(bytearray(decoder.blobs[value["b"]]), _numpy_dtype(value["d"]))
    return array.reshape(value["s"])


def _numpy_dtype(name: object) -> object:
    dtype = find("numpy").dtype(str(name))
    if dtype.kind not in "biufcUS":
        raise ValueError("a dtype of objects")
    return dtype


def _objects_there(encoder: Encoder, array: object) -> dict | None:
    if array.dtype.kind != "O" or array.size > MOST_ITEMS:
        return None
    return {"s": list(array.shape), "v": encoder.items(array.reshape(-1).tolist())}


def _objects_back(decoder: Decoder, node: dict) -> object:
    array = find("numpy").empty(math.prod(node["s"]), object)
    array[:] = decoder.items(node["v"])
    return array.reshape(node["s"])


def _tensor_there(encoder: Encoder, tensor: object) -> dict | None:
    torch = find("torch")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type == "meta":
        return None
    flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    node = {"d": str(tensor.dtype).removeprefix("torch."), "s": list(tensor.shape)}
    return {**node, "b": encoder.blob(data), "g": bool(tensor.requires_grad)}


def _tensor_back(decoder: Decoder, node: dict) -> object:
    torch, dtype, data = find("torch"), _torch_dtype(node["d"]), bytearray(decoder.blobs[node["b"]])
    tensor = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    tensor = tensor.reshape(node["s"])
    return tensor.requires_grad_() if node["g"] and tensor.is_floating_point() else tensor


def _torch_dtype(name: str) -> object:
    torch = find("torch")
    if not isinstance(dtype := vars(torch).get(name), torch.dtype):
        raise ValueError(f"{name} is no dtype")
    return dtype


def _iterator_there(encoder: Encoder, iterator: object) -> dict | None:
    if encoder.strict:
        return None
    items = list(itertools.islice(iterator, MOST_ITEMS + 1))  # read to its end, as a test would
    return {"v": encoder.items(items)} if len(items) <= MOST_ITEMS else None


def _view_back(decoder: Decoder, node: dict) -> object:
    items = decoder.items(decoder.keys(node["v"]))
    if node["c"] == "dict_values":
        return dict(enumerate(items)).values()
    return dict(items).items() if node["c"] == "dict_items" else dict.fromkeys(items).keys()


_MADE_BY = {one.__name__: one for one in (int, float, str, list, dict, set, tuple)}  # a defaultdict's missing values


def _dict_there(encoder: Encoder, value: dict) -> dict:
    made = "Counter" if type(value) is collections.Counter else None
    if type(value) is collections.defaultdict and value.default_factory in _MADE_BY.values():
        made = value.default_factory.__name__
    return {"v": [[encoder.encode(k), encoder.encode(v)] for k, v in dict.items(value)], "c": made}


def _dict_back(decoder: Decoder, node: dict) -> dict:
    pairs = {decoder.decode(k): decoder.decode(v) for k, v in decoder.keys(node["v"])}
    if (made := node.get("c")) == "Counter":
        return collections.Counter(pairs)
    return collections.defaultdict(_MADE_BY[made], pairs) if made in _MADE_BY else pairs


def _class_back(decoder: Decoder, node: dict) -> type:
    found, name = trusted_class(node["mro"]), _own_name(node)
    return found if found.__name__ == name else type(name if name.isidentifier() else "object", (), {})


def _module_there(encoder: Encoder, module: object) -> dict:
    state = encoder.encode(dict(module.state_dict()))
    return {**_opaque_there(encoder, module), "state": state, "training": bool(module.training)}


def _opaque_there(encoder: Encoder, value: object) -> dict:
    return {"mro": mro_names(type(value)), "callable": callable(value)}


def _opaque_back(decoder: Decoder, node: dict) -> "Opaque":
    name, base = _own_name(node), trusted_class(node["mro"])
    body = {"__class__": property(lambda self: base)}
    if node["callable"]:
        body["__call__"] = lambda self, *args, **kwargs: _refuse_call(name)
    return type(name if name.isidentifier() else base.__name__, (Opaque,), body)()


def _own_name(node: dict) -> str:
    return str(node["mro"][0][1]).rpartition(".")[2][:40]


def _refuse_call(name: str) -> None:
    raise TypeError(f"a {name} cannot be called here")


def mro_names(kind: type) -> list[list[str]]:
    return [[str(k.__module__)[:200], str(k.__qualname__)[:200]] for k in kind.__mro__[:50]]


class Opaque:
    """Stands for a student's object that is no plain data: only its known base classes can be asked about."""

    def __repr__(self) -> str:
        return f"a {type(self).__name__}"


def trusted_class(mro: list) -> type:
    """The first class of ``mro`` that an imported package of the course really has."""
    for module, name in mro:
        found = sys.modules.get(str(module)) if module != "__main__" else None
        for part in str(name).split("."):
            # No getattr: packages import more of themselves when they are asked for a name, and the student chose it.
            found = vars(found).get(part) if isinstance(found, (type, types.ModuleType)) else None
        if isinstance(found, type):
            return found
    return object


# --- the table ------------------------------------------------------------------------------------------------------

_MOMENTS = {one.__name__: one for one in (datetime.date, datetime.datetime, datetime.time)}
_ITERATORS = (types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())))
_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
_PATHS = (pathlib.PosixPath, pathlib.PurePosixPath)
_LONG = 10_000  # bits of an integer that is not sent


def _short(*numbers: int) -> bool:
    return max(map(int.bit_length, numbers)) < _LONG


# The first form that fits and takes a value counts: a scalar of NumPy may be a float, and a torch.Size is a tuple.
FORMS = (
    Form("...", types.EllipsisType, lambda e, v: {}, lambda d, n: ...),
    Form("scalar", "numpy.generic", _array_there, lambda d, n: _array_back(d, n)[()]),
    Form("int", int, lambda e, v: {"v": hex(int(v))} if _short(v) else None, lambda d, n: int(n["v"], 16)),
    Form("float", float, lambda e, v: {"v": float(v).hex()}, lambda d, n: float.fromhex(n["v"])),
    Form(
        "fraction",
        fractions.Fraction,
        lambda e, v: {"v": [hex(part) for part in v.as_integer_ratio()]} if _short(*v.as_integer_ratio()) else None,
        lambda d, n: fractions.Fraction(*(int(part, 16) for part in n["v"])),
    ),
    Form(
        "decimal",
        decimal.Decimal,
        lambda e, v: {"v": text} if len(text := str(v)) < 1000 else None,
        lambda d, n: decimal.Decimal(str(n["v"])),
    ),
    Form(
        "moment",
        tuple(_MOMENTS.values()),
        lambda e, v: {"c": type(v).__name__, "v": v.isoformat()},
        lambda d, n: _MOMENTS[n["c"]].fromisoformat(n["v"]),
        exact=True,
    ),
    Form(
        "duration",
        (datetime.timedelta,),
        lambda e, v: {"v": [v.days, v.seconds, v.microseconds]},
        lambda d, n: datetime.timedelta(*map(int, n["v"])),
        exact=True,
    ),
    Form(
        "path",
        _PATHS,
        lambda e, v: {"b": e.blob(str(v).encode("utf-8", "surrogateescape"))},
        lambda d, n: pathlib.Path(os.fsdecode(d.blobs[n["b"]])),
        exact=True,
    ),
    Form(
        "deque",
        (collections.deque,),
        lambda e, v: {"m": v.maxlen, "v": e.items(v)},
        lambda d, n: collections.deque(d.items(n["v"]), n["m"]),
        exact=True,
    ),
    Form(
        "complex",
        complex,
        lambda e, v: {"v": [v.real.hex(), v.imag.hex()]},
        lambda d, n: complex(float.fromhex(n["v"][0]), float.fromhex(n["v"][1])),
    ),
    Form(
        "str",
        str,
        lambda e, v: {"b": e.blob(str.__str__(v).encode("utf-8", "surrogatepass"))},
        lambda d, n: d.blobs[n["b"]].decode("utf-8", "surrogatepass"),
    ),
    Form("bytes", (bytes, bytearray), lambda e, v: {"b": e.blob(bytes(v))}, lambda d, n: bytes(d.blobs[n["b"]])),
    Form("tensor", "torch.Tensor", _tensor_there, _tensor_back),
    Form("array", "numpy.ndarray", _array_there, _array_back),
    Form("objects", "numpy.ndarray", _objects_there, _objects_back),
    Form("iterator", _ITERATORS, _iterator_there, lambda d, n: iter(d.items(n["v"]))),
    Form("view", _VIEWS, lambda e, v: {"c": type(v).__name__, "v": e.items(v)}, _view_back, exact=True),
    Form("size", "torch.Size", lambda e, v: {"v": [int(n) for n in v]}, lambda d, n: find("torch").Size(n["v"])),
    Form("list", list, lambda e, v: {"v": e.items(list.__iter__(v))}, lambda d, n: d.items(n["v"])),
    Form("tuple", tuple, lambda e, v: {"v": e.items(tuple.__iter__(v))}, lambda d, n: tuple(d.items(n["v"]))),
    Form("set", set, lambda e, v: {"v": e.items(set.__iter__(v))}, lambda d, n: set(d.items(d.keys(n["v"])))),
    Form(
        "frozenset",
        frozenset,
        lambda e, v: {"v": e.items(frozenset.__iter__(v))},
        lambda d, n: frozenset(d.items(d.keys(n["v"]))),
    ),
    Form("dict", dict, _dict_there, _dict_back),
    Form(
        "range",
        range,
        lambda e, v: {"v": [v.start, v.stop, v.step]} if len(v) < 1_000_000 else None,
        lambda d, n: range(*n["v"]),
    ),
    Form("dtype", "torch.dtype", lambda e, v: {"v": str(v).removeprefix("torch.")}, lambda d, n: _torch_dtype(n["v"])),
    Form("device", "torch.device", lambda e, v: {"v": str(v)}, lambda d, n: find("torch").device(n["v"])),
    Form(
        "npdtype",
        "numpy.dtype",
        lambda e, v: {"v": v.str} if v.kind in "biufcUS" else None,
        lambda d, n: _numpy_dtype(n["v"]),
    ),
    Form("class", type, lambda e, v: {"mro": mro_names(v)}, _class_back),
    Form("opaque", "torch.nn.Module", _module_there, _opaque_back),
    Form("opaque", object, _opaque_there, _opaque_back),  # what is no plain data: only what it is called
)
_BACK = {form.tag: form.back for form in FORMS}


@functools.cache
def _forms_of(of: type) -> tuple[Form, ...]:
    return tuple(form for form in FORMS if form.fits(of))


# --- what is asked of values and nodes ------------------------------------------------------------------------------


def number_of(value: object) -> float | None:
    """The number that a value is, also as an array or tensor of one element; None if it is none."""
    if hasattr(value, "shape"):
        count = value.numel() if hasattr(value, "numel") else value.size
        value = value.item() if count == 1 else None
    plain = isinstance(value, (int, float, fractions.Fraction, decimal.Decimal)) and not isinstance(value, bool)
    return float(value) if plain else None


def hollowness(value: object) -> str:
    """What makes a value pass checks that it does not meet: nothing in it that could be wrong; or ""."""
    if isinstance(value, type):
        return "a class"
    shape = getattr(value, "shape", None)
    return "an empty array" if isinstance(shape, tuple) and 0 in shape else ""


def nameless(node: object) -> object:
    """A node without names of classes that the student chose."""
    if isinstance(node, dict) and "mro" in node:
        known = [kind for kind in node["mro"] if trusted_class([kind]) is not object]
        return node | {"mro": known or [["builtins", "object"]]}
    if isinstance(node, dict) and isinstance(node.get("v"), list):
        return node | {"v": [[*map(nameless, v)] if node["t"] == "dict" else nameless(v) for v in node["v"]]}
    return node


def is_opaque(node: object) -> bool:
    """Is this, or an item of it, no plain data?"""
    if not isinstance(node, dict):
        return False
    if node["t"] in (*HOLDERS, "dict"):
        return any(is_opaque(part) for item in node["v"] for part in (item if node["t"] == "dict" else [item]))
    return node["t"] == "opaque" or (node["t"] == "class" and node["mro"][0][0] == "__main__")


def strings_of(node: object) -> list[int]:
    """The blobs of all strings in a (well-formed) node."""
    if not isinstance(node, dict):
        return []
    if node["t"] == "str":
        return [node["b"]]
    items = node.get("v") if node["t"] in (*HOLDERS, "dict") else ()
    items = [part for pair in items for part in pair] if node["t"] == "dict" else items
    return [blob for item in items for blob in strings_of(item)]
