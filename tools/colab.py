"""Run every notebook alone, in an empty folder, in an environment shaped like Google Colab's.

Colab differs from a fresh JupyterLab in what breaks courses: IPython 7, ipywidgets 7, no nbgrader and, for us, no
`helpers`. So each notebook is copied to an empty folder and run by a kernel of such an environment; its bootstrap cell
has to install the package, here from a wheel built from this checkout (``COURSE_PACKAGE``).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from grader.commandline import count

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "tests" / "colab" / "requirements.txt"
PYTHONS = ("3.13", "3.12", "3.11")  # Colab's own version first, else the newest that the course supports
TIMEOUT = 600  # seconds for one notebook, its installation included


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m tools colab-test``."""
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="notebooks to run (default: all chapters and exercises)"
    )
    parser.add_argument("--jobs", type=count, default=2, help="environments that work side by side (default 2)")


def run(args: argparse.Namespace) -> int:
    """Run the notebooks and return 0 if all of them reach their end."""
    notebooks = args.notebooks or sorted([*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb")])
    for notebook in notebooks:  # before an environment is made, which takes a minute
        if not notebook.is_file():
            print(f"{notebook}: there is no such file", file=sys.stderr)
            return 1
    if not REQUIREMENTS.is_file():
        print(f"{REQUIREMENTS} is missing: run this in a checkout of the course", file=sys.stderr)
        return 1
    version, python = find_python()
    print(f"{len(notebooks)} lone notebooks on Python {version} with {REQUIREMENTS.relative_to(ROOT)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        environments: SimpleQueue[Path] = SimpleQueue()
        for number in range(max(1, min(args.jobs, len(notebooks)))):
            environments.put(make_environment(python, ROOT / "_build" / f"colab-{version}-{number}"))

        def run_in_free_environment(notebook: Path) -> str:
            environment = environments.get()
            try:
                return run_alone(notebook, environment, wheel)
            finally:
                environments.put(environment)

        with ThreadPoolExecutor(environments.qsize()) as pool:
            problems = list(pool.map(run_in_free_environment, notebooks))
    failed = sum(map(bool, problems))
    print(f"{len(notebooks) - failed} passed, {failed} failed")
    return 1 if failed else 0


def find_python() -> tuple[str, str]:
    """The version and path of the Python nearest to Colab's on this machine."""
    siblings = Path(sys.base_prefix).parent  # where version managers keep one folder per version
    for version in PYTHONS:
        name = f"python{version}"
        for candidate in [shutil.which(name), *map(str, sorted(siblings.glob(f"*{version}*/bin/{name}")))]:
            if candidate and subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
                return version, candidate
    return f"{sys.version_info.major}.{sys.version_info.minor}", sys.executable


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into ``folder``."""
    source = folder / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "helpers", source / "helpers", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def make_environment(python: str, folder: Path) -> Path:
    """A virtual environment with Colab's versions; an existing one with the same list is used again."""
    stamp = folder / "requirements.txt"
    if stamp.exists() and stamp.read_text() == REQUIREMENTS.read_text():
        return folder
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--seed", "--python", python, str(folder)], check=True)
    install = [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder / "bin" / "python")]
    subprocess.run([*install, "-r", str(REQUIREMENTS)], check=True)
    argv = [str(folder / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernels" / "colab").mkdir(parents=True)
    spec = {"argv": argv, "display_name": "Colab-shaped", "language": "python"}
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(spec))
    stamp.write_text(REQUIREMENTS.read_text())
    return folder


def run_alone(notebook: Path, environment: Path, wheel: Path) -> str:
    """Run one notebook in an empty folder; return what went wrong, or an empty string."""
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    started = time.monotonic()
    python = environment / "bin" / "python"
    forget = [str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "deep-learning-for-data-scientists"]
    subprocess.run(forget, check=True, capture_output=True)
    problem = ""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(notebook, folder)
        specs = KernelSpecManager(kernel_dirs=[str(environment / "kernels")])
        manager = AsyncKernelManager(kernel_name="colab", kernel_spec_manager=specs, shutdown_wait_time=0)
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COURSE_DATA")}
        kept |= {
            "COURSE_PACKAGE": str(wheel),
            "COURSE_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # else Python 3.13 prints the debugger's warning on stderr
            "VIRTUAL_ENV": str(environment),
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": f"{folder}/.cache",
        }
        client = NotebookClient(
            nbformat.read(notebook, as_version=4), km=manager, timeout=TIMEOUT, shutdown_kernel="immediate"
        )
        try:
            client.execute(cwd=folder, env=kept)
        except (CellExecutionError, DeadKernelError, TimeoutError) as error:
            problem = str(error)
        finally:
            if manager.has_kernel:  # nbclient leaves a manager that it was given running
                manager.provisioner.process.kill()
                manager.provisioner.process.wait()
                manager.cleanup_connection_file()
    name = notebook.resolve().relative_to(ROOT)
    print(f"{'FAILED' if problem else 'passed'}  {name}  {time.monotonic() - started:.0f} s", flush=True)
    if problem:
        print(problem, flush=True)
    return problem
