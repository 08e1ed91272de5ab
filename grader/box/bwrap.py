"""The command line of bubblewrap, and what to do where there is none."""

import os
import sys
import sysconfig
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from grader.box.inside.linux import SCRATCH

REMEDY = (
    "install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`) on a Linux that lets it make user namespaces; "
    "on macOS and Windows grade in a Linux machine or container"
)


_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime",
           "/etc/fonts")  # fmt: skip


_WRITABLE = ("/tmp", "/dev/shm")


class SandboxMissing(RuntimeError):
    """There is no working sandbox on this machine; the message says how to get one."""


def course_package() -> Path | None:
    """The folder of the course's package `helpers`, which student code may import; None where there is none.

    Another course may have a `helpers.py` or a folder of that name where the grader is started: those are its own.
    """
    found = find_spec("helpers")
    folder = Path(found.origin).parent if found and found.origin else None
    ours = folder is not None and all((folder / name).is_file() for name in ("__init__.py", "checks.py", "runtime.py"))
    return folder if ours else None


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
    disk: int, extra_read_only: Iterable[Path] = (), *, mounts: Iterable[str] = (), folder: str = SCRATCH
) -> tuple[list[str], list[str]]:
    """The bubblewrap command line up to the program, and the folders besides `SCRATCH` that are writable in it.

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
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/bin:/bin", "HOME": SCRATCH, "USER": "student",
        "LANG": "C.UTF-8", "TMPDIR": "/tmp" if "/tmp" in places else SCRATCH, "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": f"{SCRATCH}/.ipython", "MPLCONFIGDIR": f"{SCRATCH}/.matplotlib",
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
    for place in (*places, SCRATCH):
        args += ["--size", str(disk), "--tmpfs", place]
    for path in binds:
        args += ["--ro-bind", path, path]
    ours = Path(__file__).parents[1]
    if any(ours.is_relative_to(path) for path in binds):
        args += ["--tmpfs", str(ours), "--remount-ro", str(ours)]
    if package := course_package():
        args += ["--ro-bind", str(package), "/opt/course/helpers"]
        answers = package / "answers"  # hidden tests and worked answers, for whoever checks their own work
        shown = [answers for path in binds if answers.is_relative_to(path)]
        for place in (Path("/opt/course/helpers/answers"), *shown) if answers.is_dir() else ():
            args += ["--tmpfs", str(place), "--remount-ro", str(place)]
    args += ["--ro-bind", str(Path(__file__).parent / "inside"), "/opt/grader/inside"]
    return [*args, *mounts, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", folder, "--"], places
