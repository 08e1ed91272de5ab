"""The sandbox: bubblewrap around one warm template process, and a fork of it in fresh namespaces per run.

Bubblewrap is the wall that protects this machine; the nested namespaces keep runs apart from each other and from the
template. Limits hold whoever runs this: rlimits bound one process, a cgroup (where one can be had) and a watchdog
(always) bound the sandbox as a whole, root included.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grader import inside

REMEDY = (
    "install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`) on a Linux that lets it make user namespaces; "
    "on macOS and Windows grade in a Linux machine or container"
)
PRELOAD = ("torch", "numpy", "IPython", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "helpers.checks")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime",
           "/etc/fonts")  # fmt: skip
_WRITABLE = ("/tmp", "/dev/shm")
_TICK = 0.05


class SandboxMissing(RuntimeError):
    """There is no working sandbox on this machine; the message says how to get one."""


class ChildDied(Exception):
    """A run ended: ``reason`` is ``"timeout"``, ``"memory"``, ``"disk"``, ``"processes"`` or ``"crashed"``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def course_package() -> Path | None:
    """The folder of the course's package `helpers`, which student code may import; None where there is none."""
    found = find_spec("helpers")
    return Path(found.origin).parent if found and found.origin else None


def interpreter_paths() -> list[str]:
    """Folders that this interpreter and its packages need, without those inside another or inside the system."""
    real = Path(sys.executable).resolve().parent.parent
    wanted = {sys.prefix, sys.base_prefix, str(real), os.path.dirname(sysconfig.get_path("stdlib"))}
    wanted |= {entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")}
    kept: list[str] = []
    for path in sorted((p for p in wanted if os.path.isdir(p)), key=len):
        if not any(Path(path).is_relative_to(other) for other in ("/usr", *kept)) and path != "/":
            kept.append(path)
    return kept


def command(
    disk: int, extra_read_only: Iterable[Path] = (), *, mounts: Iterable[str] = (), folder: str = inside.SCRATCH
) -> tuple[list[str], list[str]]:
    """The bubblewrap command line up to the program, and the folders besides `inside.SCRATCH` that are writable in it.

    Args:
        disk: bytes of each writable folder.
        extra_read_only: more paths that can be read inside, at the same place.
        mounts: more of bubblewrap's options about files.
        folder: where the program starts.
    """
    binds = [*interpreter_paths(), *(os.path.abspath(p) for p in extra_read_only)]
    # A tmpfs over a folder that holds the interpreter would hide it.
    places = [place for place in _WRITABLE if not any(Path(b).is_relative_to(place) for b in binds)]
    env = {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin", "HOME": inside.SCRATCH, "USER": "student",
        "LANG": "C.UTF-8", "TMPDIR": "/tmp" if "/tmp" in places else inside.SCRATCH, "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": f"{inside.SCRATCH}/.ipython", "MPLCONFIGDIR": f"{inside.SCRATCH}/.matplotlib",
    }  # fmt: skip
    args = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    args += ["--hostname", "grader", "--uid", "1000", "--gid", "1000"]
    for name, value in env.items():
        args += ["--setenv", name, value]
    for path in _SYSTEM:
        if os.path.islink(path):
            args += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            args += ["--ro-bind", path, path]
    args += ["--proc", "/proc", "--dev", "/dev"]
    for place in (*places, inside.SCRATCH):
        args += ["--size", str(disk), "--tmpfs", place]
    for path in binds:
        args += ["--ro-bind", path, path]
    ours = Path(__file__).parent
    if any(ours.is_relative_to(path) for path in binds):
        args += ["--tmpfs", str(ours), "--remount-ro", str(ours)]
    if package := course_package():
        args += ["--ro-bind", str(package), "/opt/course/helpers"]
        answers = package / "answers"  # hidden tests and worked answers, for whoever checks their own work
        shown = [answers for path in binds if answers.is_relative_to(path)]
        for place in (Path("/opt/course/helpers/answers"), *shown) if answers.is_dir() else ():
            args += ["--tmpfs", str(place), "--remount-ro", str(place)]
    args += ["--ro-bind", inside.__file__, "/opt/grader/inside.py"]
    return [*args, *mounts, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", folder, "--"], places


class Cgroup:
    """A control group for one sandbox: version 2 if it is delegated to us, else version 1 where it can be written.

    Attributes:
        folders: folder of the group per controller, ``"memory"`` and ``"pids"``; empty if none can be had.
    """

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.version = 0
        try:
            groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
        except OSError:
            return
        for _, controllers, path in groups:
            for controller in ("memory", "pids"):
                if controllers == "":
                    self._make(controller, Path("/sys/fs/cgroup" + path), 2)
                elif controller in controllers.split(","):
                    self._make(controller, Path(f"/sys/fs/cgroup/{controllers}{path}"), 1)

    def _make(self, controller: str, parent: Path, version: int) -> None:
        _sweep(parent)
        folder = parent / f"grader-{os.getpid()}-{id(self):x}"
        knob = {"memory1": "memory.limit_in_bytes", "memory2": "memory.max"}.get(f"{controller}{version}", "pids.max")
        try:
            folder.mkdir(exist_ok=True)
            if (folder / knob).exists() and os.access(folder / knob, os.W_OK):
                self.folders[controller], self.version = folder, version
            elif folder not in self.folders.values():
                folder.rmdir()
        except OSError:
            return

    def add(self, pid: int) -> None:
        """Move a process, and so all that it starts, into the group."""
        for controller, folder in list(self.folders.items()):
            try:
                (folder / "cgroup.procs").write_text(str(pid))
            except OSError:
                del self.folders[controller]

    def limit(self, memory: int, processes: int) -> None:
        """Allow this many bytes and this many processes and threads beyond what the group uses now."""
        now = {"memory1": "memory.usage_in_bytes", "memory2": "memory.current"}
        top = {"memory1": "memory.limit_in_bytes", "memory2": "memory.max"}
        for controller, folder in self.folders.items():
            key = f"{controller}{self.version}"
            with contextlib.suppress(OSError, ValueError):
                used = int((folder / now.get(key, "pids.current")).read_text())
                (folder / top.get(key, "pids.max")).write_text(str(used + (memory if "memory" in key else processes)))

    def oom_kills(self) -> int:
        """How many processes of the group the kernel has killed for want of memory."""
        folder = self.folders.get("memory")
        with contextlib.suppress(OSError):
            text = (
                (folder / ("memory.events" if self.version == 2 else "memory.oom_control")).read_text()
                if folder
                else ""
            )
            return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill "))
        return 0

    def close(self) -> None:
        """Remove the group once its processes are gone."""
        for folder in self.folders.values():
            for _ in range(20):
                try:
                    folder.rmdir()
                    break
                except OSError:
                    time.sleep(0.05)
        self.folders = {}


def _sweep(parent: Path) -> None:
    """Remove the groups of graders that were killed."""
    for folder in parent.glob("grader-*-*"):
        if not os.path.exists(f"/proc/{folder.name.split('-')[1]}"):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _alive(pid: int) -> bool:
    """Is a process there that could still do something? A dead one may wait for its parent, or for init, for long."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def descendants(pid: int) -> list[int]:
    """All processes below ``pid``, whatever namespaces they are in."""
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{current}/task"):
                children = Path(f"/proc/{current}/task/{task}/children").read_text().split()
                found += map(int, children)
                queue += map(int, children)
    return found


def _anonymous(pid: int) -> int:
    """Bytes of a process's memory that are in no file, counting shared ones fully."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _proportional(pid: int) -> int:
    """Bytes of a process's memory that are in no file, each shared page divided among its users."""
    total = 0
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                total += int(line.split()[1]) << 10
    return total


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


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
        program = [sys.executable, "-s", "-P"]
        if self.sandbox:
            if sys.platform != "linux" or shutil.which("bwrap") is None:
                raise SandboxMissing(f"bubblewrap (the program bwrap) is not here: {REMEDY}.")
            wrap, self.places = command(1 << 30, self.extra_read_only)
            program = [*wrap, *program, "/opt/grader/inside.py", str(theirs.fileno()), "/opt/course"]
        else:
            self.places = []
            package = course_package()
            program += [inside.__file__, str(theirs.fileno()), str(package.parent if package else "/nowhere")]
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
                raise (SandboxMissing if self.sandbox else RuntimeError)(problem) from None
        self.base = set(descendants(self.process.pid)) | {self.process.pid}
        self.base_memory = max(map(_anonymous, self.base))

    def close(self) -> None:
        """Kill everything inside and remove what was made outside."""
        if self.process is not None:
            inside = descendants(self.process.pid)
            self.control.close()
            self.process.kill()
            self.process.wait()
            self.process = None
            deadline = time.monotonic() + 5
            while any(map(_alive, inside)) and time.monotonic() < deadline:
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
            self.base_memory = max(map(_anonymous, self.base))

    def spawn(self, seed: int, limits: Any, *, show: bool = False, env: dict[str, str] | None = None) -> "Child":
        """Fork a child for one run, starting the template again if it is gone.

        Args:
            seed: of Python, NumPy and torch in the child.
            limits: a `grader.worker.Limits`.
            show: whether figures are to be drawn.
            env: environment variables for the child.
        """
        for attempt in range(3):
            if self.process is None or self.process.poll() is not None or attempt:
                self.start()
            ours, theirs = socket.socketpair()
            workdir = f"{inside.SCRATCH}/work" if self.sandbox else tempfile.mkdtemp(dir=self.folder)
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
        memory = sum(max(0, _anonymous(pid) - self.base_memory) for pid in pids)
        return memory, sum(map(_threads, pids))

    def is_small(self) -> bool:
        """Is the running child one process of little memory, below its keeper and its namespace's first process?"""
        alone = len(set(descendants(self.process.pid)) - self.base) <= 3
        return alone and self.usage()[0] < 100 << 20

    def shared_usage(self) -> int:
        """Bytes of the running child, pages that its processes share counted once (slow)."""
        return sum(_proportional(pid) for pid in descendants(self.process.pid) if pid not in self.base)


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
            inside.send(self.sock, message, list(blobs))
            limit = self.limits.data + 8 * self.limits.output + (64 << 20)
            return inside.receive(lambda size: self._read(size, deadline), limit)
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
