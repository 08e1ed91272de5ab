"""What the kernel says of processes: descendants, memory, threads."""

import contextlib
import os
from pathlib import Path


def is_alive(pid: int) -> bool:
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


def anonymous_memory(pid: int) -> int:
    """Bytes of a process's memory that are in no file, counting shared ones fully."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
    return 0


def proportional_memory(pid: int) -> int:
    """Bytes of a process's memory that are in no file, each shared page divided among its users."""
    total = 0
    with contextlib.suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                total += int(line.split()[1]) << 10
    return total


def count_threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0
