"""Execute notebooks: ``run`` fails on errors, on anything on stderr, on empty figures and on missing alt text."""

import argparse
import asyncio
import base64
import contextlib
import io
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from grader.commandline import count, seconds
from tools import warm
from tools.notebooks import NotebookError, find_notebooks, read, write

# One thread per kernel: two threads on shared cores are up to eight times slower.
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
# Sums are rounded in another order than on a processor with AVX-512: what the text says must hold on both.
OTHER_CPU = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
MARKED_LINE = re.compile(r"-+> *\d+ ")
OBJECT = re.compile(r"<matplotlib\.|<Axes|<Figure| at 0x[0-9a-f]{6,}>|^\[?Text\(")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# Runs before the notebook: an axes that nothing was drawn into is reported on stderr before the figure is shown.
WATCH_FIGURES = """\
def _report_empty_axes():
    import sys
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        for axes in pyplot.figure(number).axes:
            if axes.axison and not (axes.has_data() or axes.texts or axes.tables or axes.artists or axes.child_axes):
                print("empty figure: nothing is drawn into one of its axes", file=sys.stderr)

get_ipython().events.register("post_execute", _report_empty_axes)
"""


@dataclass
class Executed:
    """What came of one notebook."""

    path: Path
    seconds: float  # that its cells took
    problems: list[str] = field(default_factory=list)


def inspect_outputs(notebook: NotebookNode) -> list[str]:
    """What is wrong with the outputs of an executed notebook, one line each, beginning with the cell's id."""
    problems = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        expected_error = "raises-exception" in cell.metadata.get("tags", [])
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        for output in cell.outputs:
            if output.output_type == "error" and not expected_error:
                trace = [line for line in ANSI.sub("", "\n".join(output.traceback)).splitlines() if line.strip()]
                marked = [line.strip() for line in trace if MARKED_LINE.match(line)]
                what = "\n    ".join([f"{output.ename}: {output.evalue}".strip(), *marked[:3]])
                problems.append(f"cell {cell.id}: raises {what}")
            elif output.output_type == "stream" and output.name == "stderr":
                text = "\n    ".join(output.text.strip().splitlines()[:3])
                problems.append(f"cell {cell.id}: writes to stderr, mend the cause: {text}")
            elif output.output_type in ("display_data", "execute_result") and "text/html" not in output.data:
                if OBJECT.search(output.data.get("text/plain", "")) and output.output_type == "execute_result":
                    problems.append(f"cell {cell.id}: prints the repr of an object; end with `;` or assign")
                png = output.data.get("image/png")
                if png is None and "image/svg+xml" not in output.data and "image/jpeg" not in output.data:
                    continue
                if not alt:
                    problems.append(
                        f"cell {cell.id}: a figure without alt text; add `mystnb.image.alt` to its metadata"
                    )
                if png and _is_blank(png):
                    problems.append(f"cell {cell.id}: an empty figure (all of one colour); draw something or drop it")
    return problems


async def execute_async(path: Path, *, save: Path | None = None, timeout: float = 600) -> Executed:
    """Execute one notebook in its folder and say what is wrong with it.

    Args:
        path: the notebook.
        save: where to keep it with its outputs.
        timeout: seconds that one cell may take.
    """
    path = Path(path)
    try:
        notebook = read(path)
    except NotebookError as error:
        return Executed(path, 0, [str(error)])
    if any("outputs" not in cell for cell in notebook.cells if cell.cell_type == "code"):
        return Executed(path, 0, ["a code cell lacks `outputs`; run `python -m tools fix`"])
    watch = nbformat.v4.new_code_cell(WATCH_FIGURES)
    executed = nbformat.from_dict(dict(notebook))
    executed.cells = [watch, *notebook.cells]
    client = NotebookClient(
        executed,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.resolve().parent)}},
        shutdown_kernel="immediate",
        record_timing=False,
        coalesce_streams=True,  # a busy machine sends one print in two pieces, and the page would show two lines
        extra_arguments=["--IPKernelApp.log_level=40"],  # or the kernel warns about TCP on our stderr
    )
    begun: list[tuple[str, float]] = []  # the clock starts at the first cell: waiting for a kernel is not the chapter's
    client.on_cell_execute = lambda cell, cell_index: begun.append((cell.id, time.perf_counter()))
    problems = []
    try:
        await client.async_execute(env=os.environ | THREADS)
    except CellExecutionError:
        pass  # the error is among the outputs, with its cell
    except CellTimeoutError:
        problems.append(f"cell {begun[-1][0]}: takes longer than {timeout:g} s")
    except DeadKernelError:
        problems.append(f"cell {begun[-1][0]}: the kernel died")
    executed.cells = executed.cells[1:]
    if save:
        write(executed, save)
    return Executed(path, time.perf_counter() - begun[0][1], problems + inspect_outputs(executed))


def execute_all(
    paths: list[Path],
    *,
    jobs: int = 1,
    report: Callable[[Executed], None] | None = None,
    save: Path | None = None,
    timeout=600,
) -> list[Executed]:
    """Execute notebooks, ``jobs`` at a time; ``report(result)`` is called as each one ends."""

    async def main() -> list[Executed]:
        gate = asyncio.Semaphore(jobs)

        async def one(path: Path) -> Executed:
            async with gate:
                result = await execute_async(path, save=save, timeout=timeout)
            if report:
                report(result)
            return result

        return await asyncio.gather(*map(one, paths))

    return asyncio.run(main())


def _is_blank(png: str) -> bool:
    from PIL import Image

    bands = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").getextrema()
    return all(low == high for low, high in bands)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``run``."""
    parser.add_argument("files", nargs="*", help="notebooks (default: all)")
    parser.add_argument("--jobs", type=count, default=1, help="notebooks at a time (default: 1)")
    parser.add_argument("--timeout", type=seconds, default=600, help="seconds per cell (default: 600)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the executed notebook (one notebook only)")
    parser.add_argument("--other-cpu", action="store_true", help="add up as a processor without AVX-512 does")


def run(args: argparse.Namespace) -> int:
    """Execute notebooks and return 1 if anything is wrong with one."""
    paths = find_notebooks(args.files)
    if args.save and len(paths) != 1:
        print("--save needs exactly one notebook", file=sys.stderr)
        return 2
    if args.other_cpu:
        os.environ.update(OTHER_CPU)

    def report(result: Executed) -> None:
        print(f"{result.path}: {'FAILED' if result.problems else 'ok'} in {result.seconds:.1f} s", flush=True)
        for problem in result.problems:
            print(f"  {result.path.name} {problem}", flush=True)

    # a server of warm kernels takes as long to start as two plain kernels
    with warm.kernels() if len(paths) > 2 else contextlib.nullcontext():
        results = execute_all(paths, jobs=args.jobs, report=report, save=args.save, timeout=args.timeout)
    return int(any(result.problems for result in results))
