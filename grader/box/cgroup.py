"""Control groups, which bound the memory and the processes of a whole sandbox."""

import contextlib
import os
import time
from pathlib import Path

REMEDY = "start it with `systemd-run --user --scope -p Delegate=yes`"


class Cgroup:
    """A control group of version 2 for one sandbox, where this process may make one.

    Args:
        home: where the system shows its control groups.
        mine: the file that says in which of them this process is.

    Attributes:
        folder: of the group, or None if none can be had.
        why: why none can be had, with the remedy; "" if there is one.
    """

    def __init__(self, home: Path = Path("/sys/fs/cgroup"), mine: Path = Path("/proc/self/cgroup")) -> None:
        self.folder: Path | None = None
        self.why = ""
        try:
            groups = mine.read_text().splitlines()
            place = next((line.removeprefix("0::") for line in groups if line.startswith("0::")), None)
            if place is None or not (home / "cgroup.controllers").is_file():
                self.why = f"this machine has none of version 2 at {home}"
                return
            parent = Path(f"{home}{place}")
            _sweep(parent)
            folder = parent / f"grader-{os.getpid()}-{id(self):x}"
            folder.mkdir(exist_ok=True)
        except OSError:
            self.why = f"this process may make none here: {REMEDY}"
            return
        if all(os.access(folder / knob, os.W_OK) for knob in ("memory.max", "pids.max")):
            self.folder = folder
        else:
            self.why = f"memory and processes are not delegated to this process: {REMEDY}"
            folder.rmdir()

    def add(self, pid: int) -> None:
        """Move a process, and so all that it starts, into the group."""
        if self.folder:
            try:
                (self.folder / "cgroup.procs").write_text(str(pid))
            except OSError as error:
                self.close()
                self.why = f"a process cannot be moved into a group ({error.strerror})"

    def limit(self, memory: int, processes: int) -> None:
        """Allow this many bytes and this many processes and threads beyond what the group uses now."""
        for what, more in (("memory", memory), ("pids", processes)):
            with contextlib.suppress(OSError, ValueError):
                used = int(self._read(f"{what}.current"))
                (self.folder / f"{what}.max").write_text(str(used + more))

    def oom_kills(self) -> int:
        """How many processes of the group the kernel has killed for want of memory."""
        with contextlib.suppress(OSError):
            lines = self._read("memory.events").splitlines()
            return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text() if self.folder else ""

    def close(self) -> None:
        """Remove the group once its processes are gone."""
        for _ in range(20 if self.folder else 0):
            try:
                self.folder.rmdir()
                break
            except OSError:
                time.sleep(0.05)
        self.folder = None


def _sweep(parent: Path) -> None:
    """Remove the groups of graders that were killed."""
    for folder in parent.glob("grader-*-*"):
        if not os.path.exists(f"/proc/{folder.name.split('-')[1]}"):
            with contextlib.suppress(OSError):
                folder.rmdir()
