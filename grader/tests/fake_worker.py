"""A worker without a sandbox, for tests of everything around it: runs harmless cells in this very process."""

import contextlib
import io
import os
import time

from grader.model import Job, Result, TaskResult, TaskStatus


class FakeWorker:
    """Grades with ``exec``. ``# CRASH`` in an answer ends the process, ``# SLEEP`` waits, ``# LIE`` gives 400 points.

    ``# CRASH ONCE path`` crashes only while the path does not exist.
    """

    def __init__(self, *_: object, **__: object):
        pass

    def __enter__(self) -> "FakeWorker":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run_job(self, job: Job) -> Result:
        """Run the cells in order, each test in the same namespace."""
        space: dict = {}
        tasks, outputs = [], {}
        for cell in job.cells:
            if cell.cell_type != "code":
                continue
            _obey(cell.source)
            said, error = io.StringIO(), None
            with contextlib.redirect_stdout(said):
                try:
                    exec(cell.source, space)
                except Exception as caught:
                    error = caught
            outputs[cell.id] = [{"output_type": "stream", "name": "stdout", "text": said.getvalue()}]
            if cell.kind == "test":
                points = 400.0 if "# LIE" in "".join(c.source for c in job.cells) else cell.points
                message = f"{type(error).__name__}: {error}" if error else ""
                status = TaskStatus.FAILED if error else TaskStatus.PASSED
                tasks.append(TaskResult(cell.grade_id, 0.0 if error else points, points, status, message))
        return Result(job.student, job.assignment, tasks, outputs, seconds={"show": 0.1, "run": 0.2, "total": 0.3})


class Missing:
    """A worker on a machine without bubblewrap."""

    def __enter__(self) -> "Missing":
        raise SandboxMissing("bubblewrap is not installed: run `apt install bubblewrap`.")

    def __exit__(self, *error: object) -> None:
        pass


class SandboxMissing(Exception):
    """Has the name of the real one, by which the pool knows it."""


def _obey(source: str) -> None:
    for line in source.splitlines():
        if line.startswith("# CRASH ONCE "):
            path = line.removeprefix("# CRASH ONCE ")
            if not os.path.exists(path):
                open(path, "w").close()
                os._exit(9)
        elif line == "# CRASH":
            os._exit(9)
        elif line == "# SLEEP":
            time.sleep(0.3)
