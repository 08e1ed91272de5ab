"""The sandbox: bubblewrap around one warm template process, and a fork of it in fresh namespaces per run.

Bubblewrap is the wall that protects this machine; the nested namespaces keep runs apart from each other and from the
template. Limits hold whoever runs this: rlimits bound one process, a cgroup (where one can be had) and a watchdog
(always) bound the sandbox as a whole, root included.
"""

import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.box.bwrap import REMEDY, SandboxMissing, command, course_package
from grader.box.cgroup import Cgroup
from grader.box.inside.linux import SCRATCH
from grader.box.inside.template import PROGRAM
from grader.box.inside.wire import receive, send
from grader.box.processes import anonymous_memory, count_threads, descendants, is_alive, proportional_memory

PRELOAD = ("torch", "numpy", "IPython", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "helpers.checks")


_TICK = 0.05


class ChildDied(Exception):
    """A run ended: ``reason`` is ``"timeout"``, ``"memory"``, ``"disk"``, ``"processes"`` or ``"crashed"``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sandbox:
    """One template process in bubblewrap. A context manager; one child at a time.

    Args:
        extra_read_only: more paths that can be read inside.
        sandbox: False starts the template with nothing around it.
        cgroups: False does without control groups even where they can be had.
        preload: modules that the template imports.

    Raises:
        SandboxMissing: on entering, if bubblewrap is missing or fails.
    """

    def __init__(
        self,
        extra_read_only: Iterable[Path] = (),
        *,
        sandbox: bool = True,
        cgroups: bool = True,
        preload: Iterable[str] = PRELOAD,
    ) -> None:
        self.extra_read_only, self.sandbox, self.cgroups = tuple(extra_read_only), sandbox, cgroups
        self.modules = list(preload)
        self.nested = sandbox
        self.process: subprocess.Popen | None = None
        self.cgroup: Cgroup | None = None
        self.folder = ""

    def __enter__(self) -> "Sandbox":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the template, or start it again."""
        self.close()
        self.control, theirs = socket.socketpair()
        program = [sys.executable, "-s", "-P", "-c", PROGRAM]
        if self.sandbox:
            if sys.platform != "linux" or shutil.which("bwrap") is None:
                raise SandboxMissing(f"bubblewrap (the program bwrap) is not here: {REMEDY}.")
            wrap, self.places = command(1 << 30, self.extra_read_only)
            program = [*wrap, *program, "/opt/grader", str(theirs.fileno()), "/opt/course"]
        else:
            self.places = []
            package = course_package()
            program += [
                str(Path(__file__).parent),
                str(theirs.fileno()),
                str(package.parent if package else "/nowhere"),
            ]
        self.folder = tempfile.mkdtemp(prefix="grader-")
        with open(f"{self.folder}/log", "w+b") as log, open(os.devnull, "rb") as null:
            env = None if not self.sandbox else {"PATH": os.environ.get("PATH", os.defpath)}
            self.process = subprocess.Popen(
                [*program, *self.modules], pass_fds=[theirs.fileno()], stdin=null, stdout=log, stderr=log, env=env,
                cwd="/" if self.sandbox else self.folder,
            )  # fmt: skip
            theirs.close()
            if self.sandbox and self.cgroups:
                self.cgroup = Cgroup()
                self.cgroup.add(self.process.pid)
            try:
                self._answer(120)
            except (OSError, EOFError) as error:
                log.seek(0)
                text = log.read().decode(errors="replace").strip()[-2000:]
                self.close()
                problem = f"the sandbox does not start here ({text or error}): {REMEDY}."
                if missing := re.search(r"No module named '([\w.]+)'", text):
                    problem = (
                        f"the package {missing[1]} is not installed beside the grader: install it there, for example "
                        f"with `{sys.executable} -m pip install {missing[1]}`, and run the same again."
                    )
                raise (SandboxMissing if self.sandbox else RuntimeError)(problem) from None
        self.base = set(descendants(self.process.pid)) | {self.process.pid}
        self.base_memory = max(map(anonymous_memory, self.base))

    def close(self) -> None:
        """Kill everything inside and remove what was made outside."""
        if self.process is not None:
            inside = descendants(self.process.pid)
            self.control.close()
            self.process.kill()
            self.process.wait()
            self.process = None
            deadline = time.monotonic() + 5
            while any(map(is_alive, inside)) and time.monotonic() < deadline:
                time.sleep(0.01)
        if self.cgroup is not None:
            self.cgroup.close()
            self.cgroup = None
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = ""

    def _answer(self, seconds: float) -> dict[str, Any]:
        if not select.select([self.control], [], [], seconds)[0]:
            raise TimeoutError("no answer from the template")
        data = self.control.recv(1 << 20)
        try:
            return dict(json.loads(data))
        except (ValueError, TypeError):
            raise EOFError("the template ended") from None

    def ask(self, request: dict[str, Any], fds: Iterable[int] = (), seconds: float = 120) -> dict[str, Any]:
        """Send the template a request and return its answer.

        Raises:
            OSError, EOFError: if the template is gone or does not answer.
        """
        socket.send_fds(self.control, [json.dumps(request).encode()], list(fds))
        return self._answer(seconds)

    def preload(self, modules: Iterable[str]) -> None:
        """Import more of the sandbox's own packages into the template, for all later children."""
        new = [name for name in modules if name not in self.modules]
        if new:
            self.ask({"op": "preload", "modules": new[:2000]})
            self.modules += new
            self.base_memory = max(map(anonymous_memory, self.base))

    def spawn(self, seed: int, limits: Any, *, show: bool = False, env: dict[str, str] | None = None) -> "Child":
        """Fork a child for one run, starting the template again if it is gone.

        Args:
            seed: of Python, NumPy and torch in the child.
            limits: a `grader.model.Limits`.
            show: whether figures are to be drawn.
            env: environment variables for the child.
        """
        for attempt in range(3):
            if self.process is None or self.process.poll() is not None or attempt:
                self.start()
            ours, theirs = socket.socketpair()
            workdir = f"{SCRATCH}/work" if self.sandbox else tempfile.mkdtemp(dir=self.folder)
            settings = {
                "seed": seed, "show": show, "limits": asdict(limits), "env": env or {}, "places": self.places,
                "nested": self.nested, "sandbox": self.sandbox, "workdir": workdir,
            }  # fmt: skip
            try:
                if self.cgroup:
                    self.cgroup.limit(limits.memory + limits.disk, limits.processes + 2)
                answer = self.ask({"op": "spawn", "settings": settings}, [theirs.fileno()])
            except (OSError, EOFError) as error:
                answer = {"error": str(error)}
            finally:
                theirs.close()
            if "error" not in answer:
                return Child(self, ours, limits)
            ours.close()
            # Some systems let bubblewrap make namespaces but nobody inside it: then each run gets its own bubblewrap.
            self.nested = False
        raise SandboxMissing(f"no run can be started in the sandbox ({answer['error']}): {REMEDY}.")

    def usage(self) -> tuple[int, int]:
        """Bytes and processes (threads included) of the running child."""
        pids = [pid for pid in descendants(self.process.pid) if pid not in self.base]
        memory = sum(max(0, anonymous_memory(pid) - self.base_memory) for pid in pids)
        return memory, sum(map(count_threads, pids))

    def is_small(self) -> bool:
        """Is the running child one process of little memory, below its keeper and its namespace's first process?"""
        alone = len(set(descendants(self.process.pid)) - self.base) <= 3
        return alone and self.usage()[0] < 100 << 20

    def shared_usage(self) -> int:
        """Bytes of the running child, pages that its processes share counted once (slow)."""
        return sum(proportional_memory(pid) for pid in descendants(self.process.pid) if pid not in self.base)


class Child:
    """One run: a process in fresh namespaces that answers requests until it is killed."""

    def __init__(self, sandbox: Sandbox, sock: socket.socket, limits: Any) -> None:
        self.sandbox, self.sock, self.limits = sandbox, sock, limits
        self.alive, self.code, self.watched = True, 0, time.monotonic()
        self.oom_kills = sandbox.cgroup.oom_kills() if sandbox.cgroup else 0

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill(calm=True)

    def request(
        self, message: dict[str, Any], blobs: list[bytes] = (), seconds: float = 60
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request and wait for the answer, watching memory and processes meanwhile.

        Raises:
            ChildDied: if there is no answer, or no well-formed one, or the child uses too much. It is killed then.
        """
        deadline = time.monotonic() + seconds
        reason = "crashed"
        try:
            self.sock.settimeout(max(seconds, 1))
            send(self.sock, message, list(blobs))
            limit = self.limits.data + 8 * self.limits.output + (64 << 20)
            return receive(lambda size: self._read(size, deadline), limit)
        except ChildDied as error:
            reason = error.reason
        except (OSError, ValueError, EOFError, RecursionError):
            pass
        if self.sandbox.cgroup and self.sandbox.cgroup.oom_kills() > self.oom_kills:
            reason = "memory"
        self.code = self.kill(patience=20 if reason == "crashed" else 0)
        raise ChildDied(reason)

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            if select.select([self.sock], [], [], _TICK)[0]:
                part = self.sock.recv(min(size - len(data), 1 << 20))
                if not part:
                    raise EOFError
                data += part
            now = time.monotonic()
            if self.sandbox.sandbox and now > self.watched + _TICK:  # also while an answer drips
                self._watch()
                self.watched = time.monotonic()
            if now > deadline:
                raise ChildDied("timeout")
        return bytes(data)

    def _watch(self) -> None:
        memory, processes = self.sandbox.usage()
        if processes > self.limits.processes + 2:
            raise ChildDied("processes")
        if memory > self.limits.memory and self.sandbox.shared_usage() > self.limits.memory:
            raise ChildDied("memory")

    def kill(self, patience: int = 0, calm: bool = False) -> int:
        """Kill the child with its whole namespace and return its exit code (0 if that was done before).

        Args:
            patience: hundredths of a second in which it may end by itself.
            calm: it has answered to the end; if it is small and left no process behind, nobody waits for its end.
        """
        if not self.alive:
            return 0
        self.alive = False
        self.sock.close()
        try:
            wait = not (calm and self.sandbox.nested and self.sandbox.is_small())
            code = self.sandbox.ask({"op": "kill", "patience": patience, "wait": wait}, seconds=30).get("exit", 1)
        except (OSError, EOFError):
            self.sandbox.start()
            return 1
        if self.sandbox.sandbox and not self.sandbox.nested:
            self.sandbox.start()
        return code
