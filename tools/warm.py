"""Warm kernels: IPython kernels forked from a server that has already imported the course's packages.

Importing torch, torchvision and matplotlib takes longer than the cells of most chapters. Inside ``with kernels():``
every Jupyter client of this process and of its children (nbclient, nbval, jupyter-cache, jupyter-book, nbgrader) gets
its Python kernels from one such server, through the kernel provisioner `WarmProvisioner`. Nothing is installed for it:
this process is told of the provisioner, and children find it on PYTHONPATH. On anything but Linux the block changes
nothing, and the plain kernels serve.

A forked kernel shares memory pages with the server, not state: it has its own random streams, environment, folder and
process group. It isolates nothing else; student code belongs in `grader.box`.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

ADDRESS = "COURSE_WARM_KERNELS"  # environment variable: path of the server's socket
NAME = "course-warm"  # of the provisioner
MODULES = (
    "ipykernel.kernelapp",
    "ipywidgets",
    "matplotlib.pyplot",
    "skimage.data",
    "sklearn.datasets",
    "sklearn.linear_model",
    "torch",
    "torch._dynamo",  # the first optimizer imports it, and that alone takes 1.4 s
    "torchvision.models",
    "torchvision.transforms.v2",
    "tqdm.auto",
)
INLINE = "module://matplotlib_inline.backend_inline"
NUMBER = struct.Struct("!i")  # what the server tells a client: first the pid, at the end the exit status


def available() -> bool:
    """Whether this machine can serve warm kernels: Linux with pid file descriptors."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


@contextlib.contextmanager
def kernels(modules: Sequence[str] = MODULES) -> Iterator[None]:
    """Serve warm kernels to every Jupyter client of this process and of its children.

    The server imports `modules` while the caller goes on; the first kernel waits for it. Inside another such block, or
    where the machine cannot fork kernels, the block changes nothing.
    """
    if ADDRESS in os.environ or not available():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="warm-") as folder, contextlib.ExitStack() as after:
        address = str(Path(folder, "socket"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(address)
            listener.listen(64)
            server = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    __file__,
                    str(listener.fileno()),
                    *modules,
                ],  # -P: don't import from its folder
                stdin=subprocess.PIPE,  # closes when this process dies, however it dies
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C in the terminal is for the client, which interrupts its kernels itself
                env=os.environ | {"MPLBACKEND": INLINE},
            )
        after.callback(server.wait)
        after.callback(server.stdin.close)
        after.callback(server.terminate)
        factory = KernelProvisionerFactory.instance()
        after.callback(setattr, factory, "default_provisioner_name", factory.default_provisioner_name)
        after.callback(factory.provisioners.pop, NAME)
        factory.default_provisioner_name = NAME  # for this process; the environment is for its children
        factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:{WarmProvisioner.__name__}", factory.GROUP_NAME)
        package = _package(Path(folder))
        sys.path.append(package)  # a child that multiprocessing spawns takes this path over, not PYTHONPATH
        after.callback(sys.path.remove, package)
        paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        settings = {ADDRESS: address, "PYTHONPATH": paths, factory.default_provisioner_name_env: NAME}
        after.enter_context(_environment(settings))
        yield


def _package(folder: Path) -> str:
    """Write what an installed package with this provisioner would look like, and return its folder."""
    shutil.copy(__file__, folder / "course_warm_kernels.py")
    metadata = folder / "course_warm_kernels-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: course-warm-kernels\nVersion: 0\n")
    entry = f"{NAME} = course_warm_kernels:{WarmProvisioner.__name__}"
    (metadata / "entry_points.txt").write_text(f"[{KernelProvisionerFactory.GROUP_NAME}]\n{entry}\n")
    return str(folder)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class WarmProvisioner(LocalProvisioner):
    """Launches this interpreter's IPython kernels by asking the server for a fork, and all other kernels as usual."""

    async def launch_kernel(self, cmd: list[str], **kwargs):
        """Launch the kernel of command `cmd` and return its connection information."""
        address = os.environ.get(ADDRESS)
        if address is None or cmd[1:3] != ["-m", "ipykernel_launcher"] or not _is_this_python(cmd[0]):
            return await super().launch_kernel(cmd, **kwargs)
        self.cwd = str(kwargs.get("cwd") or Path.cwd())
        self.process = ForkedKernel(address, cmd[3:], kwargs.get("env", os.environ), self.cwd)
        self.pid = self.process.pid
        return self.connection_info


def _is_this_python(command: str) -> bool:
    return command == "python" or Path(command).parent == Path(sys.executable).parent


class ForkedKernel:
    """A kernel of the server, with those methods of `subprocess.Popen` that a provisioner uses.

    Raises:
        RuntimeError: the server is gone.
    """

    stdin = stdout = stderr = None

    def __init__(self, address: str, argv: list[str], env: dict[str, str], cwd: str):
        self.returncode = None
        self._server = socket.socket(socket.AF_UNIX)
        try:
            self._server.connect(address)
            self._server.sendall(json.dumps({"argv": argv, "env": dict(env), "cwd": cwd}).encode() + b"\n")
            self.pid = NUMBER.unpack(self._server.recv(NUMBER.size))[0]
        except (OSError, struct.error) as error:
            self._server.close()
            raise RuntimeError("The server of warm kernels is gone: its own error is printed above.") from error

    def wait(self) -> int:
        """Wait for the end and return the exit status, negative for a signal."""
        if self.returncode is None:
            try:
                self.returncode = NUMBER.unpack(self._server.recv(NUMBER.size))[0]
            except (OSError, struct.error):
                self.returncode = -signal.SIGKILL  # a server that dies takes its kernels with it
            self._server.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit status, or None while the kernel runs."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._server, selectors.EVENT_READ)
                if selector.select(0):
                    self.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel and to the processes that it started."""
        if self.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self._server.sendall(bytes([number]))

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the kernel."""
        self.send_signal(signal.SIGKILL)


def serve(listener_fd: int, modules: Sequence[str]) -> None:
    """Import `modules`, then fork a kernel per connection until standard input closes or SIGTERM comes."""
    gc.disable()  # imports make little garbage and many objects: looking through them takes a seventh of the time
    for name in modules:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # a collection in a kernel would otherwise write to, and so copy, every shared page
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    listener = socket.socket(fileno=listener_fd)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        try:
            while True:
                for key, _ in selector.select():
                    if key.fileobj is listener:
                        _start(listener, selector)
                    elif isinstance(key.data, Kernel):
                        key.data.attend(key.fileobj, selector)
                    else:
                        return
        finally:
            for key in list(selector.get_map().values()):
                if isinstance(key.data, Kernel):
                    key.data.signal(signal.SIGKILL)
            os._exit(0)  # taking the packages down again takes time, and some complain


def _start(listener: socket.socket, selector: selectors.BaseSelector) -> None:
    connection, _ = listener.accept()
    with connection.makefile("rb") as stream:
        line = stream.readline()
    if not line:  # a client that changed its mind
        connection.close()
        return
    pid = os.fork()
    if pid == 0:
        for key in list(selector.get_map().values()):
            os.close(key.fd)
        os.open(os.devnull, os.O_RDONLY)  # takes the number of standard input, which was just closed
        connection.close()
        selector.close()
        _become_kernel(**json.loads(line))
    Kernel(pid, connection, selector)


class Kernel:
    """The server's side of one kernel: its process and the connection to its client."""

    def __init__(self, pid: int, connection: socket.socket, selector: selectors.BaseSelector):
        self.pid, self.connection, self.pidfd = pid, connection, os.pidfd_open(pid)
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)  # here and in the child, because nobody knows who runs first
        for source in (connection, self.pidfd):
            selector.register(source, selectors.EVENT_READ, self)
        connection.sendall(NUMBER.pack(pid))

    def signal(self, number: int) -> None:
        """Signal the kernel and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def attend(self, source: socket.socket | int, selector: selectors.BaseSelector) -> None:
        """Pass on a signal from the client, or the end of the process to the client."""
        if source is self.connection:
            try:
                message = self.connection.recv(1)
            except OSError:
                message = b""
            self.signal(message[0] if message else signal.SIGKILL)
            if not message:  # the client is gone; the pidfd tells when the kernel is
                with contextlib.suppress(KeyError):
                    selector.unregister(self.connection)
            return
        self.signal(signal.SIGKILL)  # workers that it left behind; its own pid is ours until it is waited for
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with contextlib.suppress(OSError):
            self.connection.sendall(NUMBER.pack(status))
        for source in (self.connection, self.pidfd):
            with contextlib.suppress(KeyError):
                selector.unregister(source)
        os.close(self.pidfd)
        self.connection.close()


def _become_kernel(argv: list[str], env: dict[str, str], cwd: str) -> None:
    """Turn a fork of the server into the kernel that ``python -m ipykernel_launcher`` would be; never returns."""
    status = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(env, JPY_PARENT_PID=str(os.getppid()))  # ipykernel ends when this process does
        os.chdir(cwd)
        paths = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
        sys.path[:0] = [path for path in paths if path not in sys.path]
        sys.argv = ["ipykernel_launcher", *argv]
        _freshen(env)
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(argv=argv)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # handlers and objects of the server are not this process's to tear down


def _freshen(env: dict[str, str]) -> None:
    """Renew what packages settled when the server imported them: random streams, threads, backend."""
    if "random" in sys.modules:
        sys.modules["random"].seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
        if env.get("OMP_NUM_THREADS", "").isdecimal():
            sys.modules["torch"].set_num_threads(int(env["OMP_NUM_THREADS"]))
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].rcParams["backend"] = env.get("MPLBACKEND", INLINE)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
