"""Do forked kernels serve unmodified Jupyter clients, and share nothing but time saved?"""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import nbclient
import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning import LocalProvisioner

from tools import warm

pytestmark = pytest.mark.skipif(not warm.available(), reason="warm kernels need Linux with pid file descriptors")


@pytest.fixture(scope="module", autouse=True)
def server():
    """One server for all tests here, with only what they look at."""
    with warm.kernels(["ipykernel.kernelapp", "numpy", "torch", "matplotlib.pyplot"]):
        yield


def run(*cells, **options):
    """Execute code cells in one kernel and return the text that each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3", shutdown_kernel="immediate", **options).execute()
    return ["".join(output.get("text", "") for output in cell.outputs).strip() for cell in notebook.cells]


@pytest.fixture
def kernel():
    """A running kernel and a client that waits for it."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=30)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def gone(pid, within=5):
    """Whether the process disappears, zombie included, within some seconds."""
    deadline = time.monotonic() + within
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def test_a_spawned_child_uses_the_same_kernels():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(run, "import sys; print('torch' in sys.modules)").result() == ["True"]


def test_torch_is_there_before_the_first_cell():
    assert run("import sys; print('torch' in sys.modules)") == ["True"]


def test_kernels_share_no_variables_modules_folders_or_environment(tmp_path):
    run("import torch, os; torch.mine = 1; os.environ['MINE'] = '1'; os.chdir('/')")
    (seen,) = run(
        "import torch, os; print(hasattr(torch, 'mine'), os.environ.get('MINE'), os.getcwd(), __name__)",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    assert seen == f"False None {tmp_path} __main__"


def test_kernels_draw_different_random_numbers_and_seeds_still_hold():
    draw = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1).item())"
    (first,), (second,) = run(draw), run(draw)
    assert all(a != b for a, b in zip(first.split(), second.split(), strict=True))
    seeded = "torch.manual_seed(3); print(torch.rand(1).item())"
    assert run(draw, seeded)[1] == run(draw, seeded)[1]


def test_the_environment_of_the_client_counts(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("COURSE_DATA", "elsewhere")
    (seen,) = run("import os, torch; print(os.environ['COURSE_DATA'], torch.get_num_threads())")
    assert seen == "elsewhere 2"


def test_figures_are_shown_as_in_a_plain_kernel():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")]
    )
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    assert [output.output_type for output in notebook.cells[0].outputs] == ["display_data"]
    assert "image/png" in notebook.cells[0].outputs[0].data


def test_workers_and_threads_work_after_the_fork(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    cell = """
import torch
from torch.utils.data import DataLoader
total = sum(batch.sum() for batch in DataLoader(torch.ones(64), batch_size=8, num_workers=2))
print(int(total), (torch.ones(600, 600) @ torch.ones(600, 600)).mean().item())
"""
    assert run(cell, timeout=60) == ["64 600.0"]


def test_an_error_is_the_students_and_names_the_cell():
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        run("1 / 0")


def test_a_cell_that_takes_too_long_is_interrupted():
    with pytest.raises(nbclient.exceptions.CellTimeoutError):
        run("while True: pass", timeout=1)


def test_an_interrupt_reaches_the_cell_and_the_kernel_lives_on(kernel):
    manager, client = kernel
    client.execute("import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    caught = True")
    time.sleep(0.5)
    manager.interrupt_kernel()
    reply = client.execute_interactive("assert caught", timeout=10, output_hook=lambda _: None)
    assert reply["content"]["status"] == "ok"


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "import ctypes; ctypes.string_at(0)"])
def test_a_kernel_that_dies_is_reported(end):
    with pytest.raises(nbclient.exceptions.DeadKernelError):
        run(f"import os\n{end}")


def test_a_killed_kernel_leaves_no_process_behind(kernel):
    manager, client = kernel
    pid = manager.provisioner.pid
    client.execute_interactive("import subprocess; child = subprocess.Popen(['sleep', '60'])", timeout=10)
    children = [child.pid for child in psutil.Process(pid).children()]
    assert children
    manager.shutdown_kernel(now=True)
    assert all(gone(process) for process in [pid, *children])


def test_exit_status_and_signals_arrive(tmp_path):
    kernels = [
        warm.ForkedKernel(os.environ[warm.ADDRESS], ["-f", f"{i}.json"], dict(os.environ), str(tmp_path))
        for i in range(2)
    ]
    kernels[0].kill()
    assert kernels[0].wait() == -signal.SIGKILL
    assert kernels[1].poll() is None
    kernels[1]._server.close()  # the client dies
    assert all(gone(kernel.pid) for kernel in kernels)


def test_children_of_the_process_are_served_too(tmp_path):
    """nbval in a subprocess, as an example of a client that nobody told about warm kernels."""
    cells = [nbformat.v4.new_code_cell("import sys, os\nassert 'torch' in sys.modules\nassert os.getppid() == SERVER")]
    cells[0].source = cells[0].source.replace("SERVER", str(server_pid()))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "seen.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "seen.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def server_pid():
    return int(run("import os; print(os.getppid())")[0])


def test_other_kernels_are_started_as_usual(monkeypatch):
    started = []

    async def launch(self, cmd, **kwargs):
        started.append(cmd)

    monkeypatch.setattr(LocalProvisioner, "launch_kernel", launch)
    import asyncio

    asyncio.run(warm.WarmProvisioner(kernel_spec=None).launch_kernel(["/elsewhere/bin/R", "-f", "k.json"]))
    assert started == [["/elsewhere/bin/R", "-f", "k.json"]]


def test_the_server_ends_with_its_owner():
    """Also when the owner is killed and can tidy nothing."""
    code = (
        "import os, signal\nfrom tools import warm\n"
        "with warm.kernels(['ipykernel.kernelapp']):\n"
        "    kernel = warm.ForkedKernel(os.environ[warm.ADDRESS], ['-f', 'k.json'], dict(os.environ), '/')\n"
        "    print(kernel.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {name: value for name, value in os.environ.items() if name != warm.ADDRESS}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert gone(int(done.stdout))


def test_the_environment_is_as_before_after_the_block():
    code = (
        "import os\nfrom tools import warm\nbefore = dict(os.environ)\n"
        "with warm.kernels([]):\n    assert os.environ[warm.ADDRESS] != before.get(warm.ADDRESS)\n"
        "assert dict(os.environ) == before"
    )
    env = {name: value for name, value in os.environ.items() if name != warm.ADDRESS}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=60)


def test_a_server_that_fails_is_named():
    with pytest.raises(RuntimeError, match="server of warm kernels is gone"):
        warm.ForkedKernel("/nowhere/socket", [], {}, "/")


def test_without_linux_the_block_changes_nothing(monkeypatch):
    monkeypatch.setattr(warm, "available", lambda: False)
    monkeypatch.delenv(warm.ADDRESS)
    with warm.kernels():
        assert warm.ADDRESS not in os.environ
