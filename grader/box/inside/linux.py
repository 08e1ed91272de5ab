"""Namespaces, capabilities, seccomp and resource limits, by the system's own calls."""

import ctypes.util
import os
import platform
import resource
import struct

NEW_NAMESPACES = 0x00020000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000  # mount, ipc, user, pid, network


_MS_NOSUID, _MS_NODEV, _MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE, _MS_NOEXEC = (
    2, 4, 1, 32, 4096, 16384, 1 << 18, 8,
)  # fmt: skip


PR_SET_PDEATHSIG, PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38


SCRATCH = "/student"


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


libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    result = libc.mount(
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
    _check(libc.unshare(NEW_NAMESPACES), "unshare")
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
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _check(libc.capset(header, data), "capset")
    _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
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
    _check(libc.prctl(_PR_SET_SECCOMP, 2, head, 0, 0), "seccomp")


def set_limits(limits: dict, bounded: bool) -> None:
    """Resource limits of this process and all it starts.

    Args:
        limits: fields of `grader.model.Limits`.
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
