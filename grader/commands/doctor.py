"""``python -m grader doctor``: what this machine can do, and whether its sandbox holds.

Each property is tried by a piece of student code in a real sandbox, bounded so that a hole in it would harm nothing.
"""

import argparse
import dataclasses
import importlib.metadata
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from grader.box.bwrap import REMEDY, SandboxMissing
from grader.box.sandbox import Child, ChildDied, Sandbox
from grader.model import Limits

MARK = "GRADER_DOCTOR"  # an environment variable that must not arrive inside


# Small enough to be harmless where a limit fails to bind.
TRIAL = Limits(cell_seconds=2, submission_seconds=30, cpu_seconds=20, memory=400 << 20, processes=40, disk=32 << 20,
               output=20_000)  # fmt: skip


PATIENT = dataclasses.replace(TRIAL, cell_seconds=20)


class Trial:
    """Runs pieces of student code, each in a fresh child, and says what became of them.

    Args:
        sandbox: a running sandbox.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def run(self, *sources: str, limits: Limits = TRIAL) -> str:
        """What the last of ``sources`` printed or raised; ``"died: REASON"`` if the child did not survive."""
        with self.sandbox.spawn(0, limits) as child:
            text = ""
            for source in sources:
                try:
                    text = self._cell(child, source, limits)
                except ChildDied as death:
                    return f"died: {death.reason}"
            return text

    @staticmethod
    def _cell(child: Child, source: str, limits: Limits) -> str:
        request = {"op": "cell", "kind": "extra", "id": "trial", "source": source, "seconds": limits.cell_seconds}
        reply = child.request(request, seconds=limits.cell_seconds + 3)[0]
        if reply["timeout"]:
            return "timeout"
        return "".join(o.get("text") or f"{o.get('ename')}: {o.get('evalue')}" for o in reply["outputs"]).strip()


def network(trial: Trial) -> str:
    """no network"""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        said = trial.run(
            f"import socket\nfor address in [('127.0.0.1', {server.getsockname()[1]}), ('192.0.2.1', 80)]:\n"
            "    try:\n        socket.create_connection(address, 1)\n        print('reached', address)\n"
            "    except OSError as error:\n        pass"
        )
    return said


def host_files(trial: Trial) -> str:
    """no files of this machine"""
    with tempfile.NamedTemporaryFile(mode="w", dir=Path.home() if os.access(Path.home(), os.W_OK) else None) as secret:
        secret.write("secret")
        secret.flush()
        places = [secret.name, "/etc/shadow", "/etc/passwd", str(Path(__file__).resolve()), "/sys/fs/cgroup"]
        return trial.run(f"import os\nfor p in {places!r}:\n    if os.path.exists(p): print('sees', p)")


def environment_is_empty(trial: Trial) -> str:
    """no environment of this machine"""
    return trial.run(f"""
import glob, os
if {MARK!r} in os.environ:
    print("sees the environment")
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        if {MARK!r} in open(path, "rb").read().decode(errors="replace"):
            print("sees", path)
    except OSError:
        pass
""")


def read_only(trial: Trial) -> str:
    """system, interpreter and course are read-only"""
    return trial.run(
        "import os, sys\nfrom importlib.util import find_spec\n"
        "found = [find_spec(name) for name in ('torch', 'nbgrader', 'helpers')]\n"
        "places = ['/usr', '/', '/opt', '/dev', '/etc', sys.prefix, sys.base_prefix,"
        " *(os.path.dirname(one.origin) for one in found if one)]\n"
        "for p in places:\n    try:\n        open(os.path.join(p, 'written'), 'w'); print('can write', p)\n"
        "    except OSError: pass"
    )


def grader_itself(trial: Trial) -> str:
    """no grader inside"""
    # Where pip put it beside the student's packages, an empty folder covers it: a namespace with nothing in it.
    return trial.run(
        """
import os
try:
    import grader
except ImportError:
    pass
else:
    if getattr(grader, "__file__", None) or any(os.listdir(place) for place in grader.__path__):
        print("imports it")
"""
    )


def privileges(trial: Trial) -> str:
    """no privileges, no new namespaces, no other process's memory"""
    return trial.run(
        """
import ctypes, os, re
libc = ctypes.CDLL(None)
status = open("/proc/self/status").read()
for name in ("CapEff", "CapPrm", "CapBnd"):
    if int(re.search(name + r":\\s*(\\w+)", status)[1], 16):
        print("has", name)
if os.getuid() == 0:
    print("is root")
if libc.unshare(0x10000000) == 0:
    print("makes a user namespace")
if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
    print("mounts")
if libc.memfd_create(b"x", 0) >= 0:
    print("makes files in unbounded memory")
if not NESTED:
    others = ()  # what runs beside this code is thrown away with it
else:
    others = {name for name in os.listdir("/proc") if name.isdigit()} - {os.readlink("/proc/self")}
    if not others:
        print("nothing to try")
for pid in others:
    for name in ("mem", "environ", "oom_score_adj"):
        try:
            open(f"/proc/{pid}/{name}", "rb" if name == "environ" else "rb+").close()
            print("opens", pid, name)
        except OSError:
            pass
""".replace("NESTED", str(trial.sandbox.nested))
    )


def memory(trial: Trial) -> str:
    """a memory bomb is stopped"""
    said = trial.run(
        """
blocks = []
for _ in range(40):
    block = bytearray(50 << 20)
    block[::4096] = b"x" * len(block[::4096])
    blocks.append(block)
print("got", len(blocks) * 50, "MB")
""",
        limits=PATIENT,
    )
    return "" if said.startswith("MemoryError") or said == "died: memory" else said


def memory_of_children(trial: Trial) -> str:
    """a memory bomb in many processes is stopped"""
    said = trial.run(
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(200 << 20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(15)
        os._exit(0)
time.sleep(10)
print("got 1600 MB")
""",
        limits=PATIENT,
    )
    return "" if said in ("died: memory", "died: crashed") or "MemoryError" in said else said


def processes(trial: Trial) -> str:
    """a fork bomb is stopped"""
    said = trial.run(
        """
import os, time
started = 0
try:
    for _ in range(150):
        if os.fork() == 0:
            time.sleep(15)
            os._exit(0)
        started += 1
except OSError:
    pass
time.sleep(1)
if started > 60:
    print("started", started)
""",
        limits=PATIENT,
    )
    return said if said.startswith("started") else ""


def disk(trial: Trial) -> str:
    """a disk filler is stopped"""
    return trial.run("""
import os
total = 0
for place in (".", "/tmp", "/dev/shm"):
    for number in range(4):
        try:
            with open(os.path.join(place, f"filler{number}"), "wb") as file:
                for _ in range(12):
                    total += file.write(bytes(1 << 20))
        except OSError:
            pass
if total > 40 << 20:
    print("wrote", total >> 20, "MB")
""")


def output(trial: Trial) -> str:
    """an output flood is stopped"""
    said = trial.run("for _ in range(3000): print('x' * 100)")
    return f"kept {len(said)} characters" if len(said) > 25_000 else ""


def time_limit(trial: Trial) -> str:
    """an endless loop is interrupted, and what was defined before it stays"""
    said = trial.run("x = 5\nwhile True: pass", "print(x)")
    return "" if said == "5" else said


def deaf(trial: Trial) -> str:
    """code that ignores interrupts is killed"""
    said = trial.run("""
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""")
    return "" if said == "died: timeout" else said


def survivors(trial: Trial) -> str:
    """a daemon dies with its submission"""
    mark = f"mark-{time.time_ns()}"
    trial.run(
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)', '{mark}'],"
        " start_new_session=True)"
    )
    left = [p for p in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in _bytes(p)]
    return f"{len(left)} still running" if left else ""


def predecessor(trial: Trial) -> str:
    """no trace of the submission before"""
    code = "import os\nfor place in ('.', '/tmp', '/dev/shm', '/student'):\n    "
    trial.run(code + "open(os.path.join(place, 'note'), 'w').write('x')")
    return trial.run(code + "if os.path.exists(os.path.join(place, 'note')): print('sees', place)")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


PROPERTIES: tuple[Callable[[Trial], str], ...] = (
    network, host_files, environment_is_empty, read_only, grader_itself, privileges, memory, memory_of_children,
    processes, disk, output, time_limit, deaf, survivors, predecessor,
)  # fmt: skip


def examine(cgroups: bool = True) -> Iterator[tuple[str, str, float]]:
    """Try every property in a real sandbox.

    Args:
        cgroups: False proves that the watchdog alone is enough.

    Yields:
        Name of the property, what is wrong ("" if it holds), seconds.

    Raises:
        SandboxMissing: if no sandbox starts.
    """
    os.environ[MARK] = "1"
    with Sandbox(cgroups=cgroups) as sandbox:
        trial = Trial(sandbox)
        for check in PROPERTIES:
            start = time.monotonic()
            yield check.__doc__ or check.__name__, check(trial), time.monotonic() - start
        why = sandbox.cgroup.why if sandbox.cgroup else "not wanted"
        groups = f"no, {why}; the watchdog alone bounds memory and processes" if why else "yes"
        yield f"control groups of version 2: {groups}", "", 0.0
        yield f"a fork of one template per run: {'yes' if sandbox.nested else 'no: slower, each run its own'}", "", 0.0


def bubblewrap() -> str:
    """Which bubblewrap the sandbox takes, the first on PATH, and its version."""
    path = shutil.which("bwrap")
    if path is None:
        return "not installed"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return f"{done.stdout.removeprefix('bubblewrap').strip()} ({path})"


def machine() -> dict[str, str]:
    """The system, its interpreter and what a course may need, with versions."""
    packages = ("torch", "torchvision", "numpy", "matplotlib", "ipywidgets", "nbgrader", "jupyter-book")
    facts = {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_version()} ({sys.executable})",
        "processors": str(os.cpu_count()),
        "bubblewrap": bubblewrap(),
    }
    for package in packages:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """This command has no arguments."""


def run(args: argparse.Namespace) -> int:
    """Print facts and properties. Exit status 3 if the sandbox is missing or has a hole."""
    for name, value in machine().items():
        print(f"{name:14s}{value}")
    print()
    try:
        problems = 0
        for name, problem, seconds in examine():
            problems += bool(problem)
            print(
                f"{'FAIL' if problem else 'ok':6s}{name}{f': {problem}' if problem else ''}  ({seconds:.1f} s)",
                flush=True,
            )
    except SandboxMissing as error:
        print(f"FAIL  sandbox: {error}\nGrading refuses to run student code on this machine.")
        return 3
    if problems:
        print(f"\n{problems} properties do not hold, so grading would not be safe here. Each FAIL says what happened.")
        print(f"If bubblewrap is old or may not make namespaces: {REMEDY}.")
        return 3
    print("\nThe sandbox holds: submissions can be graded on this machine.")
    return 0
