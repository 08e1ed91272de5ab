"""Values as data, and back: what a student's object becomes on its way to the verdict."""

import builtins
import collections
import copy
import datetime
import decimal
import fractions
import itertools
import math
import os
import pathlib
import sys
import types

from .packages import find, kind

MOST_ITEMS = 10_000  # of an iterator that is read


_ITERATORS = (types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())))


HOLDERS = ("list", "tuple", "set", "frozenset", "deque", "iterator", "view", "objects")  # nodes whose v are nodes


_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))


_MOMENTS = {kind.__name__: kind for kind in (datetime.date, datetime.datetime, datetime.time)}


_DEFAULTS = (int, float, str, list, dict, set, tuple)  # of a defaultdict that can be made again


class TooMuch(Exception):
    """A value is too large or too deep to be sent."""


class Encoder:
    """Turns values into JSON nodes and blobs; what is not plain data becomes an *opaque* node: its class names only.

    Args:
        limit: bytes for all values together.
        strict: an iterator, which can be read once only, is no plain data.
    """

    def __init__(self, limit: int, strict: bool = False) -> None:
        self.left, self.nodes, self.blobs, self.strict = limit, 200_000, [], strict

    def blob(self, data: bytes) -> int:
        self._spend(len(data))
        self.blobs.append(data)
        return len(self.blobs) - 1

    def _spend(self, size: int) -> None:
        self.left -= size
        self.nodes -= 1
        if self.left < 0 or self.nodes < 0:
            raise TooMuch("your answer is too large to be checked")

    def encode(self, value: object, depth: int = 0) -> object:
        """The node of ``value``.

        Raises:
            TooMuch: over the limits of size, number or depth (60).
        """
        if depth > 60:
            raise TooMuch("your answer is nested too deeply to be checked")
        self._spend(8)
        if value is None or value is True or value is False:
            return value
        if value is Ellipsis:
            return {"t": "..."}
        if isinstance(value, kind("numpy.generic")):
            return {"t": "scalar", "v": self._array(find("numpy").asarray(value))}
        if isinstance(value, int):
            return {"t": "int", "v": hex(int(value))} if value.bit_length() < 10_000 else _opaque(value)
        if isinstance(value, float):
            return {"t": "float", "v": float(value).hex()}
        if isinstance(value, fractions.Fraction) and max(map(int.bit_length, value.as_integer_ratio())) < 10_000:
            return {"t": "fraction", "v": [hex(part) for part in value.as_integer_ratio()]}
        if isinstance(value, decimal.Decimal) and len(text := str(value)) < 1000:
            return {"t": "decimal", "v": text}
        if type(value) in _MOMENTS.values():
            return {"t": "moment", "c": type(value).__name__, "v": value.isoformat()}
        if type(value) is datetime.timedelta:
            return {"t": "duration", "v": [value.days, value.seconds, value.microseconds]}
        if type(value) in (pathlib.PosixPath, pathlib.PurePosixPath):
            return {"t": "path", "b": self.blob(str(value).encode("utf-8", "surrogateescape"))}
        if type(value) is collections.deque:
            return {"t": "deque", "m": value.maxlen, "v": self._items(value, depth)}
        if isinstance(value, complex):
            return {"t": "complex", "v": [value.real.hex(), value.imag.hex()]}
        if isinstance(value, str):
            text = str.__str__(value).encode("utf-8", "surrogatepass")
            return {"t": "str", "b": self.blob(text)}
        if isinstance(value, (bytes, bytearray)):
            return {"t": "bytes", "b": self.blob(bytes(value))}
        if isinstance(value, kind("torch.Tensor")):
            return self._tensor(value)
        if isinstance(value, kind("numpy.ndarray")):
            return (
                {"t": "array", "v": self._array(find("numpy").asarray(value))}
                if value.dtype.kind in "biufcUS"
                else {"t": "objects", "s": list(value.shape), "v": self._items(value.reshape(-1).tolist(), depth)}
                if value.dtype.kind == "O" and value.size <= MOST_ITEMS
                else _opaque(value)
            )
        if isinstance(value, _ITERATORS) and not self.strict:  # read to its end, as a test would
            items = list(itertools.islice(value, MOST_ITEMS + 1))
            return {"t": "iterator", "v": self._items(items, depth)} if len(items) <= MOST_ITEMS else _opaque(value)
        if type(value) in _VIEWS:
            return {"t": "view", "c": type(value).__name__, "v": self._items(value, depth)}
        if isinstance(value, kind("torch.Size")):
            return {"t": "size", "v": [int(n) for n in value]}
        for plain in (list, tuple, set, frozenset):
            if isinstance(value, plain):
                return {"t": plain.__name__, "v": self._items(plain.__iter__(value), depth)}
        if isinstance(value, dict):
            pairs = [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in dict.items(value)]
            made = "Counter" if type(value) is collections.Counter else None
            if type(value) is collections.defaultdict and value.default_factory in _DEFAULTS:
                made = value.default_factory.__name__
            return {"t": "dict", "v": pairs, "c": made}
        if isinstance(value, range):
            return (
                {"t": "range", "v": [value.start, value.stop, value.step]} if len(value) < 1_000_000 else _opaque(value)
            )
        if isinstance(value, kind("torch.dtype")):
            return {"t": "dtype", "v": str(value).removeprefix("torch.")}
        if isinstance(value, kind("torch.device")):
            return {"t": "device", "v": str(value)}
        if isinstance(value, kind("numpy.dtype")):
            return {"t": "npdtype", "v": value.str} if value.kind in "biufcUS" else _opaque(value)
        if isinstance(value, type):
            return {"t": "class", "mro": mro_names(value)}
        if isinstance(value, kind("torch.nn.Module")):
            state = self.encode(dict(value.state_dict()), depth + 1)
            return {**_opaque(value), "state": state, "training": bool(value.training)}
        return _opaque(value)

    def _items(self, items: object, depth: int) -> list:
        return [self.encode(item, depth + 1) for item in items]

    def _array(self, array: object) -> dict:
        return {"d": array.dtype.str, "s": list(array.shape), "b": self.blob(array.tobytes())}

    def _tensor(self, tensor: object) -> dict:
        torch = find("torch")
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type == "meta":
            return _opaque(tensor)
        flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
        node = {"t": "tensor", "d": str(tensor.dtype).removeprefix("torch."), "s": list(tensor.shape)}
        return {**node, "b": self.blob(data), "g": bool(tensor.requires_grad)}


def mro_names(kind: type) -> list[list[str]]:
    return [[str(k.__module__)[:200], str(k.__qualname__)[:200]] for k in kind.__mro__[:50]]


def _opaque(value: object) -> dict:
    return {"t": "opaque", "mro": mro_names(type(value)), "callable": callable(value)}


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


def decode(node: object, blobs: list[bytes], pristine: object = None) -> object:
    """The value of a node, made of plain types only.

    Args:
        node: from `Encoder.encode`, or anything a hostile process made up.
        blobs: the bytes that nodes refer to.
        pristine: the course's own copy of this object; a module's state is loaded into a copy of it.

    Raises:
        Exception: of any kind if the node is malformed.
    """
    np, torch = find("numpy"), find("torch")
    if node is None or node is True or node is False:
        return node
    tag, value = node["t"], node.get("v")
    if tag == "...":
        return ...
    if tag == "int":
        return int(value, 16)
    if tag == "float":
        return float.fromhex(value)
    if tag == "complex":
        return complex(float.fromhex(value[0]), float.fromhex(value[1]))
    if tag == "str":
        return blobs[node["b"]].decode("utf-8", "surrogatepass")
    if tag == "bytes":
        return bytes(blobs[node["b"]])
    if tag in ("array", "scalar"):
        dtype = np.dtype(str(value["d"]))
        if dtype.kind not in "biufcUS":
            raise ValueError("an array of objects")
        array = np.frombuffer(bytearray(blobs[value["b"]]), dtype).reshape(value["s"])
        return array[()] if tag == "scalar" else array
    if tag == "tensor":
        dtype = _torch_dtype(node["d"])
        data = bytearray(blobs[node["b"]])
        tensor = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        tensor = tensor.reshape(node["s"])
        return tensor.requires_grad_() if node["g"] and tensor.is_floating_point() else tensor
    if tag == "size":
        return torch.Size(value)
    if tag in ("set", "frozenset", "dict", "view") and len(value) > 10_000:
        raise ValueError("more than 10,000 keys")  # integers that collide take the square of their number
    if tag in ("list", "tuple", "set", "frozenset"):
        return getattr(builtins, tag)([decode(item, blobs) for item in value])
    if tag == "deque":
        return collections.deque((decode(item, blobs) for item in value), node["m"])
    if tag == "moment":
        return _MOMENTS[node["c"]].fromisoformat(value)
    if tag == "duration":
        return datetime.timedelta(*map(int, value))
    if tag == "path":
        return pathlib.Path(os.fsdecode(blobs[node["b"]]))
    if tag == "dict":
        pairs = {decode(k, blobs): decode(v, blobs) for k, v in value}
        if node.get("c") == "Counter":
            return collections.Counter(pairs)
        default = {k.__name__: k for k in _DEFAULTS}.get(node.get("c"))
        return pairs if default is None else collections.defaultdict(default, pairs)
    if tag == "iterator":
        return iter([decode(item, blobs) for item in value])
    if tag == "view":
        items = [decode(item, blobs) for item in value]
        if node["c"] == "dict_values":
            return dict(enumerate(items)).values()
        return dict(items).items() if node["c"] == "dict_items" else dict.fromkeys(items).keys()
    if tag == "objects":
        array = np.empty(math.prod(node["s"]), object)
        array[:] = [decode(item, blobs) for item in value]
        return array.reshape(node["s"])
    if tag == "range":
        return range(*value)
    if tag == "dtype":
        return _torch_dtype(value)
    if tag == "npdtype":
        if (dtype := np.dtype(str(value))).kind not in "biufcUS":
            raise ValueError("a dtype of objects")
        return dtype
    if tag == "device":
        return torch.device(value)
    if tag == "fraction":
        return fractions.Fraction(*(int(part, 16) for part in value))
    if tag == "decimal":
        return decimal.Decimal(str(value))
    name = str(node["mro"][0][1]).rpartition(".")[2][:40]
    if tag == "class":
        found = trusted_class(node["mro"])
        return found if found.__name__ == name else type(name if name.isidentifier() else "object", (), {})
    if "state" in node and isinstance(pristine, kind("torch.nn.Module")):
        module = copy.deepcopy(pristine)
        module.load_state_dict(decode(node["state"], blobs))
        return module.train(node["training"])
    base = trusted_class(node["mro"])
    body = {"__class__": property(lambda self: base)}
    if node["callable"]:
        body["__call__"] = lambda self, *args, **kwargs: _refuse_call(name)
    return type(name if name.isidentifier() else base.__name__, (Opaque,), body)()


def _torch_dtype(name: str) -> object:
    torch = find("torch")
    if not isinstance(dtype := vars(torch).get(name), torch.dtype):
        raise ValueError(f"{name} is no dtype")
    return dtype


def _refuse_call(name: str) -> None:
    raise TypeError(f"a {name} cannot be called here")


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
