"""A Jupyter kernel in bubblewrap, for tools that want a kernel: unchanged nbgrader, nbclient, nbval.

``JUPYTER_DEFAULT_PROVISIONER_NAME=bwrap nbgrader autograde ...`` runs every kernel in a sandbox of its own. The
course's grader doesn't need it: its `helpers.staff.worker` is faster, because it imports torch only once.
"""

import os
import shutil
import tempfile
from typing import Any

from jupyter_client.provisioning import LocalProvisioner

from helpers.staff.sandbox import REMEDY, Cgroup, SandboxMissing, command

MEMORY, DISK, PROCESSES = 4 << 30, 512 << 20, 256


class BwrapProvisioner(LocalProvisioner):
    """Starts a kernel without network, without this machine's files, and with an empty writable working folder.

    Files next to the notebook can be read, notebooks can't. The five ZeroMQ channels are sockets in a private folder,
    interrupts are messages: a signal would hit bubblewrap.

    Raises:
        SandboxMissing: when a kernel is started and bubblewrap is missing.
    """

    _folder = ""
    _cgroup: Cgroup | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Move the connection file and the sockets into a private folder."""
        if shutil.which("bwrap") is None:
            raise SandboxMissing(f"bubblewrap (the program bwrap) is not here: {REMEDY}.")
        self._folder = self._folder or tempfile.mkdtemp(prefix="kernel-")
        self.parent.transport, self.parent.ip = "ipc", os.path.join(self._folder, "channel")
        self.parent.connection_file = os.path.join(self._folder, "kernel.json")
        self.kernel_spec.interrupt_mode = "message"
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start the kernel's command line inside bubblewrap."""
        folder = os.path.abspath(kwargs.get("cwd") or os.getcwd())
        mounts = ["--size", str(DISK), "--tmpfs", folder]
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if not entry.name.endswith(".ipynb") and (
                entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
            ):
                mounts += ["--ro-bind", entry.path, entry.path]
        mounts += ["--bind", self._folder, self._folder]
        for name in ("NBGRADER_EXECUTION", "NBGRADER_VALIDATING", "COURSE_SEED"):
            if value := (kwargs.get("env") or os.environ).get(name):
                mounts += ["--setenv", name, value]
        wrap, _ = command(DISK, mounts=mounts, folder=folder)
        limits = ["prlimit", f"--fsize={DISK}", "--nofile=1024:1024", "--core=0", "--"]
        kwargs |= {"env": {"PATH": os.environ.get("PATH", os.defpath)}, "cwd": "/"}
        info = await super().launch_kernel([*limits, *wrap, *cmd], **kwargs)
        self._cgroup = Cgroup()
        self._cgroup.add(self.pid)
        self._cgroup.limit(MEMORY, PROCESSES)
        return info

    async def cleanup(self, restart: bool = False) -> None:
        """Remove what the kernel left."""
        await super().cleanup(restart=restart)
        if self._cgroup is not None:
            self._cgroup.close()
            self._cgroup = None
        if not restart:
            shutil.rmtree(self._folder, ignore_errors=True)
