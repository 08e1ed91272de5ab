"""What runs inside the sandbox: one template process that imports everything, and a forked child per run.

The host never interprets what student code produced. It sends cells and gets back outputs and *records*: what the tests
asked for, as data. It hands the records unread to another child, which runs no student code and decides.
This file is started as a script with nothing but the standard library and the course's packages around it.
"""

import base64
import builtins
import collections
import contextlib
import copy
import ctypes
import ctypes.util
import datetime
import decimal
import fractions
import gc
import importlib
import io
import itertools
import math
import os
import pathlib
import platform
import random
import re
import resource
import signal
import socket
import struct
import sys
import time
import traceback
import types
import zlib
from json import dumps, loads  # by name: student code that patches the json module only hurts itself

_HEADER = struct.Struct(">QQ")
NEW_NAMESPACES = 0x00020000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000  # mount, ipc, user, pid, network
_MS_NOSUID, _MS_NODEV, _MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE, _MS_NOEXEC = (
    2, 4, 1, 32, 4096, 16384, 1 << 18, 8,
)  # fmt: skip
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
SCRATCH = "/student"
COURSE = "_course_"  # before a name: what it means to the course, whatever students made of it

# name: (x86_64, aarch64): new namespaces and mounts, other processes' memory, the kernel's keyrings and programs, and
# memory that neither RLIMIT_AS nor the size of the scratch folder bounds.
FORBIDDEN_CALLS = {
    "ptrace": (101, 117), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "quotactl": (179, 60), "syslog": (103, 116),
    "fanotify_init": (300, 262), "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "msgget": (68, 186), "semget": (64, 190),
}  # fmt: skip


def send(sock: socket.socket, message: dict, blobs: list[bytes] = ()) -> None:
    """Send one message: lengths, JSON, and the blobs one after the other."""
    text = dumps({**message, "sizes": [len(blob) for blob in blobs]}).encode()
    sock.sendall(_HEADER.pack(len(text), sum(map(len, blobs))) + text)
    for blob in blobs:
        sock.sendall(blob)


def receive(read: object, limit: int) -> tuple[dict, list[bytes]]:
    """Receive one message through ``read(n) -> n bytes``.

    Raises:
        ValueError: if it is longer than ``limit`` or malformed.
    """
    text_size, blob_size = _HEADER.unpack(read(_HEADER.size))
    if text_size + blob_size > limit:
        raise ValueError(f"a message of {text_size + blob_size} bytes is over the limit of {limit}")
    message = loads(read(text_size))
    data = read(blob_size)
    if not isinstance(message, dict) or not isinstance(sizes := message.get("sizes"), list):
        raise ValueError("a message must be an object with sizes")
    if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != blob_size:
        raise ValueError("the sizes of a message's blobs do not add up")
    blobs, start = [], 0
    for size in sizes:
        blobs.append(data[start : start + size])
        start += size
    return message, blobs


# --- values as data: JSON and raw tensors, never pickle ---------------------------------------------------------------


MOST_ITEMS = 10_000  # of an iterator that is read
_ITERATORS = (types.GeneratorType, map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())))
_HOLDERS = ("list", "tuple", "set", "frozenset", "deque", "iterator", "view", "objects")  # nodes whose v are nodes
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
        import numpy as np
        import torch

        if depth > 60:
            raise TooMuch("your answer is nested too deeply to be checked")
        self._spend(8)
        if value is None or value is True or value is False:
            return value
        if value is Ellipsis:
            return {"t": "..."}
        if isinstance(value, np.generic):
            return {"t": "scalar", "v": self._array(np.asarray(value))}
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
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, np.ndarray):
            return (
                {"t": "array", "v": self._array(np.asarray(value))}
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
        if isinstance(value, torch.Size):
            return {"t": "size", "v": [int(n) for n in value]}
        for kind in (list, tuple, set, frozenset):
            if isinstance(value, kind):
                return {"t": kind.__name__, "v": self._items(kind.__iter__(value), depth)}
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
        if isinstance(value, torch.dtype):
            return {"t": "dtype", "v": str(value).removeprefix("torch.")}
        if isinstance(value, torch.device):
            return {"t": "device", "v": str(value)}
        if isinstance(value, np.dtype):
            return {"t": "npdtype", "v": value.str} if value.kind in "biufcUS" else _opaque(value)
        if isinstance(value, type):
            return {"t": "class", "mro": _mro(value)}
        if isinstance(value, torch.nn.Module):
            state = self.encode(dict(value.state_dict()), depth + 1)
            return {**_opaque(value), "state": state, "training": bool(value.training)}
        return _opaque(value)

    def _items(self, items: object, depth: int) -> list:
        return [self.encode(item, depth + 1) for item in items]

    def _array(self, array: object) -> dict:
        return {"d": array.dtype.str, "s": list(array.shape), "b": self.blob(array.tobytes())}

    def _tensor(self, tensor: object) -> dict:
        import torch

        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type == "meta":
            return _opaque(tensor)
        flat = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
        node = {"t": "tensor", "d": str(tensor.dtype).removeprefix("torch."), "s": list(tensor.shape)}
        return {**node, "b": self.blob(data), "g": bool(tensor.requires_grad)}


def _mro(kind: type) -> list[list[str]]:
    return [[str(k.__module__)[:200], str(k.__qualname__)[:200]] for k in kind.__mro__[:50]]


def _opaque(value: object) -> dict:
    return {"t": "opaque", "mro": _mro(type(value)), "callable": callable(value)}


class Opaque:
    """Stands for a student's object that is no plain data: only its known base classes can be asked about."""

    def __repr__(self) -> str:
        return f"a {type(self).__name__}"


def _trusted_class(mro: list) -> type:
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
    import numpy as np
    import torch

    if node is None or node is True or node is False:
        return node
    kind, value = node["t"], node.get("v")
    if kind == "...":
        return ...
    if kind == "int":
        return int(value, 16)
    if kind == "float":
        return float.fromhex(value)
    if kind == "complex":
        return complex(float.fromhex(value[0]), float.fromhex(value[1]))
    if kind == "str":
        return blobs[node["b"]].decode("utf-8", "surrogatepass")
    if kind == "bytes":
        return bytes(blobs[node["b"]])
    if kind in ("array", "scalar"):
        dtype = np.dtype(str(value["d"]))
        if dtype.kind not in "biufcUS":
            raise ValueError("an array of objects")
        array = np.frombuffer(bytearray(blobs[value["b"]]), dtype).reshape(value["s"])
        return array[()] if kind == "scalar" else array
    if kind == "tensor":
        dtype = _torch_dtype(node["d"])
        data = bytearray(blobs[node["b"]])
        tensor = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
        tensor = tensor.reshape(node["s"])
        return tensor.requires_grad_() if node["g"] and tensor.is_floating_point() else tensor
    if kind == "size":
        return torch.Size(value)
    if kind in ("set", "frozenset", "dict", "view") and len(value) > 10_000:
        raise ValueError("more than 10,000 keys")  # integers that collide take the square of their number
    if kind in ("list", "tuple", "set", "frozenset"):
        return getattr(builtins, kind)([decode(item, blobs) for item in value])
    if kind == "deque":
        return collections.deque((decode(item, blobs) for item in value), node["m"])
    if kind == "moment":
        return _MOMENTS[node["c"]].fromisoformat(value)
    if kind == "duration":
        return datetime.timedelta(*map(int, value))
    if kind == "path":
        return pathlib.Path(os.fsdecode(blobs[node["b"]]))
    if kind == "dict":
        pairs = {decode(k, blobs): decode(v, blobs) for k, v in value}
        if node.get("c") == "Counter":
            return collections.Counter(pairs)
        default = {k.__name__: k for k in _DEFAULTS}.get(node.get("c"))
        return pairs if default is None else collections.defaultdict(default, pairs)
    if kind == "iterator":
        return iter([decode(item, blobs) for item in value])
    if kind == "view":
        items = [decode(item, blobs) for item in value]
        if node["c"] == "dict_values":
            return dict(enumerate(items)).values()
        return dict(items).items() if node["c"] == "dict_items" else dict.fromkeys(items).keys()
    if kind == "objects":
        array = np.empty(math.prod(node["s"]), object)
        array[:] = [decode(item, blobs) for item in value]
        return array.reshape(node["s"])
    if kind == "range":
        return range(*value)
    if kind == "dtype":
        return _torch_dtype(value)
    if kind == "npdtype":
        if (dtype := np.dtype(str(value))).kind not in "biufcUS":
            raise ValueError("a dtype of objects")
        return dtype
    if kind == "device":
        return torch.device(value)
    if kind == "fraction":
        return fractions.Fraction(*(int(part, 16) for part in value))
    if kind == "decimal":
        return decimal.Decimal(str(value))
    name = str(node["mro"][0][1]).rpartition(".")[2][:40]
    if kind == "class":
        found = _trusted_class(node["mro"])
        return found if found.__name__ == name else type(name if name.isidentifier() else "object", (), {})
    if "state" in node and isinstance(pristine, torch.nn.Module):
        module = copy.deepcopy(pristine)
        module.load_state_dict(decode(node["state"], blobs))
        return module.train(node["training"])
    base = _trusted_class(node["mro"])
    body = {"__class__": property(lambda self: base)}
    if node["callable"]:
        body["__call__"] = lambda self, *args, **kwargs: _refuse_call(name)
    return type(name if name.isidentifier() else base.__name__, (Opaque,), body)()


def _torch_dtype(name: str) -> object:
    import torch

    if not isinstance(dtype := vars(torch).get(name), torch.dtype):
        raise ValueError(f"{name} is no dtype")
    return dtype


def _refuse_call(name: str) -> None:
    raise TypeError(f"a {name} cannot be called here")


# --- running cells ----------------------------------------------------------------------------------------------------


class CellTimeout(BaseException):
    """The cell ran into its time limit. Not an Exception, so that ``except Exception`` doesn't catch it."""


class _Stream(io.TextIOBase):
    encoding = "utf-8"

    def __init__(self, name: str, add: object) -> None:
        self.name, self._add = name, add

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._add({"output_type": "stream", "name": self.name, "text": text})
        return len(text)


class Outputs:
    """The nbformat outputs of one cell, up to ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self.items, self.left = [], limit

    def add(self, item: dict) -> None:
        size = len(item["text"]) if item["output_type"] == "stream" else len(dumps(item, default=repr)) + 100
        if self.left < 0:
            return
        if self.left < size:
            self.left = -1
            note = "\n[The rest of this cell's output was too long and has been left out.]\n"
            text = item["text"][:1000] + note if item["output_type"] == "stream" else note
            self.items.append({"output_type": "stream", "name": "stderr", "text": text})
            return
        self.left -= size
        last = self.items[-1] if self.items else {}
        if item["output_type"] == "stream" == last.get("output_type") and item["name"] == last["name"]:
            last.setdefault("parts", [last["text"]]).append(item["text"])
        else:
            self.items.append(item)

    def clear(self) -> None:
        self.items = []

    def finished(self) -> list[dict]:
        for item in self.items:
            if parts := item.pop("parts", None):
                item["text"] = "".join(parts)
        return self.items


def make_shell() -> object:
    """An IPython shell without history, kernel or terminal; outputs go to ``shell.outputs``."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    def texts(data: dict) -> dict:
        return {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in data.items()}

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            pass

        def write_format_data(self, format_dict: dict, md_dict: dict | None = None) -> None:
            self.shell.outputs.add({
                "output_type": "execute_result", "data": texts(format_dict), "metadata": md_dict or {},
                "execution_count": self.shell.cells_run,
            })  # fmt: skip

    class Publisher(DisplayPublisher):
        def publish(self, data: dict, metadata: dict | None = None, **kwargs: object) -> None:
            item = {"output_type": "display_data", "data": texts(data), "metadata": metadata or {}}
            self.shell.outputs.add(item)

        def clear_output(self, wait: bool = False) -> None:
            self.shell.outputs.clear()

    class Shell(InteractiveShell):
        outputs = Outputs(1 << 20)
        cells_run = 0
        brief = False
        system = InteractiveShell.system_piped

        def enable_gui(self, gui: str | None = None) -> None:
            pass

        def showtraceback(self, *args: object, **kwargs: object) -> None:
            etype, evalue, trace = sys.exc_info()
            if self.brief:  # formatting a traceback takes longer than most tests
                self._showtraceback(etype, evalue, [])
            elif len(list(traceback.walk_tb(trace))) > 40:  # endless recursion, which IPython formats for seconds
                text = traceback.format_exception(etype, evalue, trace, limit=-5)
                self._showtraceback(etype, evalue, ["".join(text)])
            else:
                super().showtraceback(*args, **kwargs)

        def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
            item = {"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": list(stb)}
            self.outputs.add(item)

    config = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}})
    shell = Shell.instance(config=config, displayhook_class=Hook, display_pub_class=Publisher)
    shell.display_pub.shell = shell
    with contextlib.suppress(ImportError):
        from matplotlib_inline.backend_inline import configure_inline_support

        configure_inline_support(shell, os.environ["MPLBACKEND"])
    return shell


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Worlds:
    """Keeps what student code does to global state away from the trusted statements around it, and the other way round.

    The oracle runs the trusted statements of a test without the student's code. It must draw the same random numbers,
    in the same default type, as the student's half does. So student code has random numbers, a default type and a
    gradient mode of its own; it sees those of the trusted code again as soon as that has changed them, by a seed say.
    """

    def __init__(self) -> None:
        import numpy as np
        import torch

        same = lambda state: state  # noqa: E731
        # How to read a part of the state, to write it, and to compare it; all by name, like json.
        self._parts = [
            (random.getstate, random.setstate, same),
            (np.random.get_state, np.random.set_state, lambda state: (state[1].tobytes(), *state[2:])),
            (torch.get_rng_state, torch.set_rng_state, lambda state: state.numpy().tobytes()),
            (torch.get_default_dtype, torch.set_default_dtype, same),
            (torch.is_grad_enabled, torch._C._set_grad_enabled, same),
        ]
        self.inside = False
        self._trusted = self._students = self._read()

    def _read(self) -> list:
        return [read() for read, _, _ in self._parts]

    def enter(self) -> None:
        """Student code runs from here on."""
        if self.inside:
            return
        now = self._read()
        for (_, write, key), before, trusted, students in zip(
            self._parts, self._trusted, now, self._students, strict=True
        ):
            if key(before) == key(trusted):
                write(students)
        self._trusted, self.inside = now, True

    def leave(self) -> None:
        """Trusted code runs again."""
        if not self.inside:
            return
        self._students, self.inside = self._read(), False
        for (_, write, _), state in zip(self._parts, self._trusted, strict=True):
            write(state)


class Executor:
    """Runs cells in one shell and answers the host. The same code serves student runs and verdicts.

    Args:
        sock: connection to the host.
        settings: ``seed``, ``limits`` and ``show`` of this run.
    """

    def __init__(self, sock: socket.socket, settings: dict) -> None:
        self.sock, self.settings, self.limits = sock, settings, settings["limits"]
        self.student_lines: set[str] = set()
        self.lent: dict[str, object] = {}
        self.course = {COURSE + name: value for name, value in vars(builtins).items() if name.islower()}
        self.shell = _template_shell or make_shell()
        self.shell.brief = not settings["show"]
        if self.shell.brief:
            self.shell.display_formatter.active_types = ["text/plain"]
        seed_all(settings["seed"])
        self.worlds = Worlds()
        sys.setswitchinterval(2e-4)  # seconds: threads that a student left spinning must not starve the tests

    def serve(self) -> None:
        """Answer requests until the host hangs up."""
        while True:
            try:
                message, blobs = receive(self._read, 1 << 40)
            except EOFError:
                return
            send(self.sock, *getattr(self, "do_" + message.pop("op"))(message, blobs))

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self.sock.recv(min(size - len(data), 1 << 20))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def do_files(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Write the assignment's support files into the working folder."""
        for name, data in zip(message["names"], blobs, strict=True):
            with contextlib.suppress(OSError):  # a file that cannot be written is missed by those that read it
                os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
                with open(name, "wb") as file:
                    file.write(data)
        return {}, []

    def do_modules(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Which packages of the sandbox this run imported that the template lacks (asked of the reference only)."""
        here = os.getcwd()
        new = [
            name
            for name, module in sys.modules.items()
            if name not in _template_modules
            and isinstance(file := getattr(module, "__file__", None), str)
            and not file.startswith(here)
        ]
        return {"modules": new}, []

    def do_cell(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Run one cell. A test cell's values come back as blobs: the list of records first, then what it refers to."""
        if message["kind"] in ("answer", "extra", "manual"):
            self.student_lines.update(line.strip() for line in message["source"].splitlines())
        trusted = message["kind"] in ("setup", "test")
        (self.worlds.leave if trusted else self.worlds.enter)()
        if message["kind"] == "test":
            self.shell.user_ns.update(self.course)
            seed_all(self.settings["seed"] + zlib.crc32(message["id"].encode()))
        os.environ.update(message.get("env", {}))
        encoder = Encoder(self.limits["data"], message.get("strict", False))
        records: list[dict] = []

        def record(slot: int, *calls: object) -> None:
            """Send what the first of ``calls`` gives; the others enclose it and are tried while it is no data."""
            node, inside = {"slot": slot}, self.worlds.inside
            for level, call in enumerate(calls):
                self.worlds.enter()
                try:
                    value = {"value": encoder.encode(call())}
                except Exception as error:
                    value = {"error": self.describe(error)}
                finally:
                    if not inside:
                        self.worlds.leave()
                node = value | node
                if not _is_opaque(value.get("value")):
                    node["level"] = level
                    break
            records.append(node)

        def record_call(slot: int, function: object) -> None:
            record(slot, lambda: function()())

        self.shell.user_ns.update(
            __send__=record, __send_call__=record_call, __enter__=self.worlds.enter, __leave__=self.worlds.leave
        )
        # What has no history is not in the list of inputs, where student code could read it.
        outputs, error = self.run(message["source"], message["seconds"], history=message["kind"] != "test")
        self.worlds.leave()
        for name in message.get("course", ()):
            if name in self.shell.user_ns:
                self.course[COURSE + name] = self.shell.user_ns[name]
        self.lend(message.get("renamed", {}))
        ok, timeout = error is None, isinstance(error, CellTimeout)
        if not ok and not timeout:
            records.append({"slot": -1, "error": self.describe(error)})
        reply = {"id": message["id"], "ok": ok, "timeout": timeout, "outputs": outputs}
        return reply, [dumps(records).encode(), *encoder.blobs]

    def lend(self, renamed: dict[str, str]) -> None:
        """Let student code find what a test bound under the names that stand there, unless it has such names itself."""
        names = self.shell.user_ns
        for new, old in renamed.items():
            if new in names and (old not in names or names[old] is self.lent.get(old, names)):
                names[old] = self.lent[old] = names[new]

    def run(self, source: str, seconds: float, history: bool = True) -> tuple[list[dict], BaseException | None]:
        """Run ``source`` as a cell for at most ``seconds``; return its outputs and what it raised."""
        shell = self.shell
        shell.outputs = Outputs(self.limits["output"])
        shell.cells_run += 1
        old = sys.stdout, sys.stderr
        sys.stdout = _Stream("stdout", lambda item: shell.outputs.add(item))
        sys.stderr = _Stream("stderr", lambda item: shell.outputs.add(item))
        try:
            signal.signal(signal.SIGALRM, _ring)
            signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
            result = shell.run_cell(source, store_history=history)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as caught:
            error = caught
        finally:
            with contextlib.suppress(CellTimeout):
                signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout, sys.stderr = old
        return shell.outputs.finished(), error

    def describe(self, error: BaseException) -> dict:
        """An exception as data, with the last line of the student's own code that it passed through."""
        lines = [(frame.line or "").strip() for frame in traceback.extract_tb(error.__traceback__)]
        try:
            text = str(error)[:2000]
        except Exception:
            text = ""
        own = [line for line in lines if line and line in self.student_lines]
        return {"mro": _mro(type(error)), "text": text, "line": own[-1][:200] if own else ""}

    def do_oracle(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Run the trusted half of a test cell on the records that the student's half left."""
        import torch

        secret, source = message["secret"], message["source"]
        seed_all(self.settings["seed"] + zlib.crc32(message["id"].encode()))
        queues: dict[int, list] = {}
        end: dict | None = None
        levels: dict[int, int] = {}
        texts: list[str] = []
        told: list[int] = []
        try:
            if message["stopped"]:
                end = {"timeout": True}
            for node in loads(blobs[0]):
                if (slot := node["slot"]) == -1:
                    end = node
                    continue
                queues.setdefault(slot, []).append(node)
                # of all values, also of those that no check comes to; -1: nowhere plain data
                if level := int(node.get("level", -1 if "value" in node else 0)):
                    levels[slot] = max(level, levels.get(slot, -1))
        except Exception:
            text = "what your code sent back is no plain data"
            return {"status": "failed", "kind": "malformed", "text": text, "levels": []}, []

        def take(slot: int, pristine: object = None, together: list = ()) -> object:
            queue = queues.get(slot)
            if not queue:
                raise _Stopped
            node = queue.pop(0)
            if "error" in node:
                texts.append(str(node["error"]["text"]))
                raise _like(node["error"])
            try:
                given = _nameless(node["value"]) if secret else node["value"]
                value = decode(given, blobs[1:], pristine)
            except Exception as error:
                raise _Malformed(f"{type(error).__name__}: {error}") from None
            if hollow := _hollow(value):
                reply["hollow"].setdefault(slot, hollow)
            texts.extend(blobs[1 + b].decode("utf-8", "replace") for b in _strings(node["value"]))
            told.append(_told(node["value"], blobs[1:]))
            # A model that the student trained is judged with the course's own data, not with what became of them.
            module = torch.nn.Module
            if not isinstance(pristine, module) and any(isinstance(other, module) for other in together):
                return pristine
            return value

        def replay(slot: int) -> object:
            return lambda: take(slot)

        def score(value: object) -> None:
            if (number := _number(value)) is not None:
                reply["score"] = number

        namespace = self.shell.user_ns
        reply = {"status": "passed", "hollow": {}}
        namespace.update(__take__=take, __replay__=replay, __score__=score)
        stdout = io.StringIO()
        try:
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stdout):
                exec(compile(source, "<oracle>", "exec"), namespace)
                if end is not None:
                    raise _Stopped
        except _Stopped:
            if end is None:
                reply = {"status": "failed", "kind": "malformed", "text": "the test did not run to its end"}
            elif "timeout" in end:
                reply = {"status": "timeout"}
            else:
                reply = {"status": "failed", "kind": "raised", **_known(end["error"])}
        except _Malformed as error:
            reply = {"status": "failed", "kind": "malformed", "text": f"what your code gave is no plain data ({error})"}
        except BaseException as error:
            if raised := getattr(error, "told", None):
                reply = {"status": "failed", "kind": "raised", **_known(raised)}
            else:
                reply = {"status": "failed", "kind": "check", "type": type(error).__name__, "text": str(error)[:4000]}
            reply["detail"] = traceback.format_exc()[-8000:]
        if secret and reply.get("kind") == "check":
            text = withhold(reply["text"], texts)
            if max(told, default=0) > MOST_TOLD:
                text = re.sub(r"(?s), got .*?(?=\. Hint: |\.?$)", ", got something else", text)
            reply["text"] = text
        return {"hollow": {}, **reply, "levels": list(levels.items())}, []


MOST_TOLD = 40  # characters of a value that a message about a hidden test may repeat


def _number(value: object) -> float | None:
    """The number that a value is, also as an array or tensor of one element; None if it is none."""
    if hasattr(value, "shape"):
        count = value.numel() if hasattr(value, "numel") else value.size
        value = value.item() if count == 1 else None
    plain = isinstance(value, (int, float, fractions.Fraction, decimal.Decimal)) and not isinstance(value, bool)
    return float(value) if plain else None


def _hollow(value: object) -> str:
    """What makes a value pass checks that it does not meet: nothing in it that could be wrong; or ""."""
    if isinstance(value, type):
        return "a class"
    shape = getattr(value, "shape", None)
    return "an empty array" if isinstance(shape, tuple) and 0 in shape else ""


def _told(node: object, blobs: list[bytes]) -> int:
    """How many characters a student could hide in what a message shows of a value: letters, and digits of integers."""
    if not isinstance(node, dict):
        return 0
    kind, value = node["t"], node.get("v")
    if kind in ("str", "bytes"):
        return len(blobs[node["b"]])
    if kind in ("int", "fraction", "decimal"):
        return len(str(value)) - 2
    if kind in _HOLDERS:
        return sum(_told(item, blobs) for item in value)
    return sum(_told(part, blobs) for pair in value for part in pair) if kind == "dict" else 0


def _nameless(node: object) -> object:
    """A node without names of classes that the student chose."""
    if isinstance(node, dict) and "mro" in node:
        known = [kind for kind in node["mro"] if _trusted_class([kind]) is not object]
        return node | {"mro": known or [["builtins", "object"]]}
    if isinstance(node, dict) and isinstance(node.get("v"), list):
        return node | {"v": [[*map(_nameless, v)] if node["t"] == "dict" else _nameless(v) for v in node["v"]]}
    return node


def _is_opaque(node: object) -> bool:
    """Is this, or an item of it, no plain data?"""
    if not isinstance(node, dict):
        return False
    if node["t"] in (*_HOLDERS, "dict"):
        return any(_is_opaque(part) for item in node["v"] for part in (item if node["t"] == "dict" else [item]))
    return node["t"] == "opaque" or (node["t"] == "class" and node["mro"][0][0] == "__main__")


def _strings(node: object) -> list[int]:
    """The blobs of all strings in a (well-formed) node."""
    if not isinstance(node, dict):
        return []
    if node["t"] == "str":
        return [node["b"]]
    items = node.get("v") if node["t"] in (*_HOLDERS, "dict") else ()
    items = [part for pair in items for part in pair] if node["t"] == "dict" else items
    return [blob for item in items for blob in _strings(item)]


def withhold(message: str, texts: list[str]) -> str:
    """``message`` without the parts that repeat long texts of a student's, which could smuggle a hidden test out."""
    message = re.sub(r"\d{20,}", "[a long number]", message)
    shown = [text for text in texts if len(text) > 8 and text in message]
    if sum(map(len, shown)) > 60:  # many short pieces make a long text, too
        for text in shown:
            message = message.replace(text, "[a text]")
    for text in texts:
        for form in (text, repr(text)[1:-1]):
            while len(form) > 24 and (start := message.find(form[:24])) >= 0:
                end = start
                while end < len(message) and end - start < len(form) and message[end] == form[end - start]:
                    end += 1
                message = f"{message[:start]}[a long text]{message[end:]}"
    return message


class _Stopped(BaseException):
    """The student's half stopped before it came to this value."""


class _Malformed(BaseException):
    """A record is not what the encoder makes."""


def _like(told: dict) -> BaseException:
    """An exception of the nearest class that the course's packages know, which carries what the student's side said."""
    kind = _trusted_class(told["mro"])
    kind = kind if issubclass(kind, Exception) else Exception
    try:
        error = kind(str(told["text"]))
    except Exception:
        error = Exception(str(told["text"]))
    error.told = told
    return error


def _known(told: dict) -> dict:
    return {"type": _trusted_class(told["mro"]).__name__, "text": str(told["text"]), "line": str(told["line"])}


def _ring(number: int, frame: object) -> None:
    raise CellTimeout("the cell ran into its time limit")


# --- the template and its children ------------------------------------------------------------------------------------

_template_shell = None
_template_modules: set[str] = set()
_dying: list[int] = []  # keepers of children that were killed and not waited for
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    result = _libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), data and data.encode()
    )
    _check(result, f"mount {target}")


def enter_namespaces(disk: int, places: list[str]) -> None:
    """Leave the template's namespaces for fresh ones, with one fresh tmpfs of ``disk`` bytes on all writable places.

    Args:
        disk: bytes that can be written in all places together.
        places: folders besides `SCRATCH` that become writable, such as ``/tmp``.

    Raises:
        OSError: if the kernel refuses.
    """
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(NEW_NAMESPACES), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("tmpfs", SCRATCH, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={disk},nr_inodes=20000,mode=700")
    for number, place in enumerate(places):
        os.mkdir(f"{SCRATCH}/.{number}", 0o700)
        _mount(f"{SCRATCH}/.{number}", place, None, _MS_BIND)
    # Nothing of the template's own may be written through /proc (oom_score_adj, say).
    flags = _MS_BIND | _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    _mount("none", "/proc", None, flags)


def drop_privileges() -> None:
    """Give up every capability for good and forbid the system calls of `FORBIDDEN_CALLS`."""
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, data), "capset")
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    forbid_calls()


def forbid_calls() -> None:
    """Install a seccomp filter: `FORBIDDEN_CALLS` and new namespaces get EPERM, clone3 gets ENOSYS (as if old)."""
    machines = {"x86_64": (0, 0xC000003E, 56), "aarch64": (1, 0xC00000B7, 220)}
    if platform.machine() not in machines:
        return
    column, arch, clone = machines[platform.machine()]
    load, jump_if, jump_above, jump_bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, missing = 0x7FFF0000, 0x00050001, 0x00050000 | 38
    program = [(load, 0, 0, 4), (jump_if, 1, 0, arch), (give, 0, 0, refuse), (load, 0, 0, 0)]
    program += [(jump_above, 0, 1, 0x40000000), (give, 0, 0, refuse)]  # the x32 numbers
    for numbers in FORBIDDEN_CALLS.values():
        program += [(jump_if, 0, 1, numbers[column]), (give, 0, 0, refuse)]
    program += [(jump_if, 0, 1, 435), (give, 0, 0, missing)]
    program += [(jump_if, 0, 3, clone), (load, 0, 0, 16), (jump_bits, 0, 1, 0x7E020000), (give, 0, 0, refuse)]
    program += [(give, 0, 0, allow)]
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    head = struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer))
    _check(_libc.prctl(_PR_SET_SECCOMP, 2, head, 0, 0), "seccomp")


def set_limits(limits: dict, bounded: bool) -> None:
    """Resource limits of this process and all it starts.

    Args:
        limits: fields of `grader.worker.Limits`.
        bounded: False outside a sandbox, where a limit on processes would count the user's others too.
    """
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    values = {
        "RLIMIT_AS": mapped + limits["memory"],
        "RLIMIT_FSIZE": limits["disk"],
        "RLIMIT_NOFILE": limits["open_files"],
        "RLIMIT_CPU": limits["cpu_seconds"],
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    if bounded:
        values["RLIMIT_NPROC"] = limits["processes"]
    for name, value in values.items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        value = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(number, (value, value))


def spawn(connection: int, settings: dict) -> tuple[int, int]:
    """Fork a child into its own namespaces; return the ids of its keeper and of its namespace's first process.

    Raises:
        RuntimeError: if the namespaces can't be made.
    """
    tell, told = os.pipe()
    keeper = os.fork()
    if keeper:
        os.close(told)
        with os.fdopen(tell) as file:
            answer = file.read()
        if not answer.isdigit():
            os.waitpid(keeper, 0)
            raise RuntimeError(answer or "the child died while it was made")
        return keeper, int(answer)
    try:
        os.close(tell)
        _control.close()
        if settings["nested"]:
            enter_namespaces(settings["limits"]["disk"], settings["places"])
        else:
            os.setsid()
        first = os.fork()
        if first:
            os.write(told, str(first).encode())
            os.close(told)
            os.close(connection)
            os._exit(_exit_code(os.waitpid(first, 0)[1]))
        os.close(told)
        _run_first(connection, settings)
    except BaseException as error:
        os.write(told, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(9)


def _run_first(connection: int, settings: dict) -> None:
    """The first process of the namespace: reap, and take everything along when the run ends."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if settings["sandbox"]:
        drop_privileges()
    student = os.fork()
    if student:
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        os.close(connection)
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == student:
                os._exit(_exit_code(status))
    _be_student(connection, settings)


def _be_student(connection: int, settings: dict) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, connection)
    os.closerange(connection + 1, 4096)
    sock = socket.socket(fileno=connection)
    if not settings["sandbox"]:
        os.environ.update(HOME=settings["workdir"], TMPDIR=settings["workdir"])
    work = settings["workdir"]
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    sys.path.insert(1, work)
    os.environ.update(settings["env"])
    set_limits(settings["limits"], settings["sandbox"])
    with contextlib.suppress(OSError):
        Executor(sock, settings).serve()
    os._exit(0)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def serve(control: socket.socket) -> None:
    """The template: import packages, make children, kill them. One child at a time; never runs a submission itself."""
    child: tuple[int, int] | None = None
    while True:
        data, fds, *_ = socket.recv_fds(control, 1 << 16, 1)
        if not data:
            os._exit(0)
        request = loads(data)
        try:
            if request["op"] == "preload":
                answer = {"failed": preload(request["modules"])}
            elif request["op"] == "spawn":
                _dying[:] = [keeper for keeper in _dying if not os.waitpid(keeper, os.WNOHANG)[0]]
                child = spawn(fds[0], request["settings"])
                os.close(fds[0])
                answer = {}
            else:
                answer = {"exit": kill(child, request["patience"], request["wait"]) if child else 0}
                child = None
        except Exception as error:
            for fd in fds:
                os.close(fd)
            answer = {"error": f"{type(error).__name__}: {error}"}
        control.sendall(dumps(answer).encode())


def kill(child: tuple[int, int], patience: int, wait: bool) -> int:
    """Kill a child with its whole namespace, and return the exit code it had or got; 0 if nobody waits for it.

    No process of a killed namespace runs again, but taking it down takes longer than most cells.
    """
    keeper, first = child
    if not wait:
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
        _dying.append(keeper)
        return 0
    for _ in range(patience):  # a child that is ending by itself tells more by its own exit code
        if os.waitid(os.P_PID, keeper, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.kill(first, signal.SIGKILL)
    code = _exit_code(os.waitpid(keeper, 0)[1])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(keeper, signal.SIGKILL)  # outside a sandbox there is no namespace that takes the rest along
    return code


def preload(modules: list[str]) -> list[str]:
    """Import ``modules`` once for all children; return those that failed."""
    failed = []
    gc.disable()  # imports make little garbage and many objects: looking through them takes a seventh of the time
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            failed.append(name)
    gc.enable()
    _template_modules.update(sys.modules)
    gc.collect()
    gc.freeze()
    return failed


def main() -> None:
    """Entry point: ``python inside.py CONTROL_FD COURSE_PATH MODULE...``."""
    global _template_shell, _control
    _control = socket.socket(fileno=int(sys.argv[1]))
    sys.path.insert(0, sys.argv[2])
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    modules = sys.argv[3:]
    sys.argv = ["grader"]
    failed = preload(modules)
    _template_shell = make_shell()
    warm = Executor(_control, {"limits": {"output": 1 << 20, "data": 1 << 20}, "show": True, "seed": 0})
    warm.run("import torch\n1 / 0", 60)
    _template_shell.reset(new_session=True)
    _template_shell.cells_run = 0
    _template_modules.update(sys.modules)
    gc.collect()
    gc.freeze()
    _control.sendall(dumps({"failed": failed}).encode())
    serve(_control)


_control: socket.socket
if __name__ == "__main__":
    main()
