"""Control groups, which bound the memory and the processes of a whole sandbox."""

import contextlib
import os
import time
from pathlib import Path


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
