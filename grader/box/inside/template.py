"""What runs inside the sandbox: one template process that imports everything, and a forked child per run.

The host never interprets what student code produced. It sends cells and gets back outputs and *records*: what the tests
asked for, as data. It hands the records unread to another child, which runs no student code and decides.
Around it is nothing but the standard library and the course's packages.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import time
from json import dumps, loads

from . import executor
from .executor import Executor, template_modules
from .linux import PR_SET_DUMPABLE, PR_SET_PDEATHSIG, drop_privileges, enter_namespaces, libc, set_limits
from .shell import make_shell

# The folder of this package is known to Python only while it is imported: afterwards students may have an `inside.py`.
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from inside.template import main; del sys.path[0]; "
    "[sys.modules.pop(name) for name in list(sys.modules) if name.partition('.')[0] == 'inside']; main()"
)
_dying: list[int] = []  # keepers of children that were killed and not waited for


def spawn(connection: int, settings: dict) -> tuple[int, int]:
    """Fork a child into its own namespaces; return the ids of its keeper and of its namespace's first process.

    Raises:
        RuntimeError: if the namespaces can't be made.
    """
    tell, told = os.pipe()
    keeper = os.fork()
    if keeper:
        os.close(told)
        with os.fdopen(tell) as file:
            answer = file.read()
        if not answer.isdigit():
            os.waitpid(keeper, 0)
            raise RuntimeError(answer or "the child died while it was made")
        return keeper, int(answer)
    try:
        os.close(tell)
        _control.close()
        if settings["nested"]:
            enter_namespaces(settings["limits"]["disk"], settings["places"])
        else:
            os.setsid()
        first = os.fork()
        if first:
            os.write(told, str(first).encode())
            os.close(told)
            os.close(connection)
            os._exit(_exit_code(os.waitpid(first, 0)[1]))
        os.close(told)
        _run_first(connection, settings)
    except BaseException as error:
        os.write(told, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(9)


def _run_first(connection: int, settings: dict) -> None:
    """The first process of the namespace: reap, and take everything along when the run ends."""
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if settings["sandbox"]:
        drop_privileges()
    student = os.fork()
    if student:
        if sys.platform == "linux":
            libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        os.close(connection)
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == student:
                os._exit(_exit_code(status))
    _be_student(connection, settings)


def _be_student(connection: int, settings: dict) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, connection)
    os.closerange(connection + 1, 4096)
    sock = socket.socket(fileno=connection)
    if not settings["sandbox"]:
        os.environ.update(HOME=settings["workdir"], TMPDIR=settings["workdir"])
    work = settings["workdir"]
    os.makedirs(work, exist_ok=True)
    os.chdir(work)
    sys.path.insert(1, work)
    os.environ.update(settings["env"])
    set_limits(settings["limits"], settings["sandbox"])
    with contextlib.suppress(OSError):
        Executor(sock, settings).serve()
    os._exit(0)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def serve(control: socket.socket) -> None:
    """The template: import packages, make children, kill them. One child at a time; never runs a submission itself."""
    child: tuple[int, int] | None = None
    while True:
        data, fds, *_ = socket.recv_fds(control, 1 << 16, 1)
        if not data:
            os._exit(0)
        request = loads(data)
        try:
            if request["op"] == "preload":
                answer = {"failed": preload(request["modules"])}
            elif request["op"] == "spawn":
                _dying[:] = [keeper for keeper in _dying if not os.waitpid(keeper, os.WNOHANG)[0]]
                child = spawn(fds[0], request["settings"])
                os.close(fds[0])
                answer = {}
            else:
                answer = {"exit": kill(child, request["patience"], request["wait"]) if child else 0}
                child = None
        except Exception as error:
            for fd in fds:
                os.close(fd)
            answer = {"error": f"{type(error).__name__}: {error}"}
        control.sendall(dumps(answer).encode())


def kill(child: tuple[int, int], patience: int, wait: bool) -> int:
    """Kill a child with its whole namespace, and return the exit code it had or got; 0 if nobody waits for it.

    No process of a killed namespace runs again, but taking it down takes longer than most cells.
    """
    keeper, first = child
    if not wait:
        with contextlib.suppress(ProcessLookupError):
            os.kill(first, signal.SIGKILL)
        _dying.append(keeper)
        return 0
    for _ in range(patience):  # a child that is ending by itself tells more by its own exit code
        if os.waitid(os.P_PID, keeper, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.kill(first, signal.SIGKILL)
    code = _exit_code(os.waitpid(keeper, 0)[1])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(keeper, signal.SIGKILL)  # outside a sandbox there is no namespace that takes the rest along
    return code


def preload(modules: list[str]) -> list[str]:
    """Import ``modules`` once for all children; return those that failed."""
    failed = []
    gc.disable()  # imports make little garbage and many objects: looking through them takes a seventh of the time
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            failed.append(name)
    gc.enable()
    template_modules.update(sys.modules)
    gc.collect()
    gc.freeze()
    return failed


def main() -> None:
    """Entry point: `PROGRAM` with the arguments ``FOLDER CONTROL_FD COURSE_PATH MODULE...``."""
    global _control
    _control = socket.socket(fileno=int(sys.argv[2]))
    sys.path.insert(0, sys.argv[3])
    executor.course_path = sys.argv[3]
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    modules = sys.argv[4:]
    sys.argv = ["grader"]
    failed = preload(modules)
    shell = executor.template_shell = make_shell()
    warm = Executor(_control, {"limits": {"output": 1 << 20, "data": 1 << 20}, "show": True, "seed": 0})
    warm.run("import torch\n1 / 0", 60)
    shell.reset(new_session=True)
    shell.cells_run = 0
    template_modules.update(sys.modules)
    gc.collect()
    gc.freeze()
    _control.sendall(dumps({"failed": failed}).encode())
    serve(_control)


_control: socket.socket
