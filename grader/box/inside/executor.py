"""Runs the cells of one notebook, of either half."""

import builtins
import contextlib
import importlib
import os
import signal
import socket
import sys
import traceback
import zlib
from json import dumps

from .oracle import Oracle
from .shell import CellTimeout, Outputs, Stream, make_shell, ring, seed_all
from .values import Encoder, is_opaque, mro_names
from .wire import COURSE, receive, send
from .worlds import Worlds


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
        self.shell = template_shell or make_shell()
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
        """Write the assignment's support files into the working folder; its own modules stand above the grader's."""
        if "helpers" in message.get("own", ()) and course_path in sys.path:
            sys.path.remove(course_path)
            for name in [name for name in sys.modules if name.partition(".")[0] == "helpers"]:
                del sys.modules[name]
        for name, data in zip(message["names"], blobs, strict=True):
            with contextlib.suppress(OSError):  # a file that cannot be written is missed by those that read it
                os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
                with open(name, "wb") as file:
                    file.write(data)
        return {}, []

    def do_imports(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Import modules from the working folder, so that later imports find these."""
        for name in message["names"]:
            with contextlib.suppress(BaseException):  # the cell that imports it will tell
                importlib.import_module(name)
        seed_all(self.settings["seed"])
        return {}, []

    def do_modules(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Which packages of the sandbox this run imported that the template lacks (asked of the reference only)."""
        here = os.getcwd()
        new = [
            name
            for name, module in sys.modules.items()
            if name not in template_modules
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
                if not is_opaque(value.get("value")):
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
        sys.stdout = Stream("stdout", lambda item: shell.outputs.add(item))
        sys.stderr = Stream("stderr", lambda item: shell.outputs.add(item))
        try:
            signal.signal(signal.SIGALRM, ring)
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
        return {"mro": mro_names(type(error)), "text": text, "line": own[-1][:200] if own else ""}

    def do_oracle(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """Run the trusted half of a test cell on the records that the student's half left."""
        seed_all(self.settings["seed"] + zlib.crc32(message["id"].encode()))
        oracle = Oracle(message["source"], message["secret"], message["stopped"], blobs)
        return oracle.judge(self.shell.user_ns), []


template_shell = None  # the template's; its children use the fork of it


template_modules: set[str] = set()


course_path = ""  # where the template found the course's package
