"""Runs the cells of one notebook, of either half."""

import builtins
import contextlib
import importlib
import io
import os
import re
import signal
import socket
import sys
import traceback
import zlib
from json import dumps, loads

from .packages import kind
from .shell import CellTimeout, Outputs, Stream, make_shell, ring, seed_all
from .tell import MOST_TOLD, Malformed, Stopped, amount_told, known_error, like, withhold
from .values import Encoder, decode, hollowness, is_opaque, mro_names, nameless, number_of, strings_of
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
                raise Stopped
            node = queue.pop(0)
            if "error" in node:
                texts.append(str(node["error"]["text"]))
                raise like(node["error"])
            try:
                given = nameless(node["value"]) if secret else node["value"]
                value = decode(given, blobs[1:], pristine)
            except Exception as error:
                raise Malformed(f"{type(error).__name__}: {error}") from None
            if hollow := hollowness(value):
                reply["hollow"].setdefault(slot, hollow)
            texts.extend(blobs[1 + b].decode("utf-8", "replace") for b in strings_of(node["value"]))
            told.append(amount_told(node["value"], blobs[1:]))
            # A model that the student trained is judged with the course's own data, not with what became of them.
            module = kind("torch.nn.Module")
            if not isinstance(pristine, module) and any(isinstance(other, module) for other in together):
                return pristine
            return value

        def replay(slot: int) -> object:
            return lambda: take(slot)

        def score(value: object) -> None:
            if (number := number_of(value)) is not None:
                reply["score"] = number

        namespace = self.shell.user_ns
        reply = {"status": "passed", "hollow": {}}
        namespace.update(__take__=take, __replay__=replay, __score__=score)
        stdout = io.StringIO()
        try:
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stdout):
                exec(compile(source, "<oracle>", "exec"), namespace)
                if end is not None:
                    raise Stopped
        except Stopped:
            if end is None:
                reply = {"status": "failed", "kind": "malformed", "text": "the test did not run to its end"}
            elif "timeout" in end:
                reply = {"status": "timeout"}
            else:
                reply = {"status": "failed", "kind": "raised", **known_error(end["error"])}
        except Malformed as error:
            reply = {"status": "failed", "kind": "malformed", "text": f"what your code gave is no plain data ({error})"}
        except BaseException as error:
            if raised := getattr(error, "told", None):
                reply = {"status": "failed", "kind": "raised", **known_error(raised)}
            else:
                reply = {"status": "failed", "kind": "check", "type": type(error).__name__, "text": str(error)[:4000]}
            reply["detail"] = traceback.format_exc()[-8000:]
        if secret and reply.get("kind") == "check":
            text = withhold(reply["text"], texts)
            if max(told, default=0) > MOST_TOLD:
                text = re.sub(r"(?s), got .*?(?=\. Hint: |\.?$)", ", got something else", text)
            reply["text"] = text
        return {"hollow": {}, **reply, "levels": list(levels.items())}, []


template_shell = None  # the template's; its children use the fork of it


template_modules: set[str] = set()


course_path = ""  # where the template found the course's package
