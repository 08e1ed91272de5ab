"""Who runs student code: processes on this machine, or a Dask cluster. Imports little, because each process does.

A pool takes submissions as they come, keeps no more of them than it has hands, and yields each with its results.
"""

import contextlib
import ctypes
import itertools
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, Protocol

from grader.model import Job, Result

MAX_RESULT = 256 * 2**20  # bytes of a worker's answer


GRACE = 90  # seconds beyond a submission's own limits before its worker process is given up


class GradingError(Exception):
    """Grading cannot go on; the message says why and how to mend it. What was graded is kept."""


class NoSandbox(GradingError):
    """Student code cannot be locked in on this machine."""


class Work(Protocol):
    """What a pool needs to know of a submission."""

    student: str
    jobs: list[Job]


def _die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, however the parent dies."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Let a child be deaf to Ctrl-C from its first moment, not only once it has imported `_serve`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: connection.Connection, factory: Callable[[], Any], parent: int) -> None:
    """A worker process: jobs come in, results go out as JSON, until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _die_with_parent()
    if os.getppid() != parent:
        return

    def send(kind: str, content: Any) -> None:
        pipe.send_bytes(json.dumps([kind, content]).encode())

    try:
        with factory() as worker:
            send("ready", None)
            while True:
                jobs = pipe.recv()
                try:
                    send("results", [worker.run_job(job).to_dict() for job in jobs])
                except (OSError, EOFError):
                    raise
                except Exception as error:
                    send("error", f"{type(error).__name__}: {error}")
                    return  # whatever state the worker is in, a fresh one is cheaper than a wrong grade
    except (EOFError, OSError, KeyboardInterrupt):
        return
    except Exception as error:
        with contextlib.suppress(OSError):
            send("no-sandbox" if type(error).__name__ == "SandboxMissing" else "broken", str(error))


def _results(jobs: list[Job], answer: Any) -> list[Result]:
    """A worker's answer, checked against what it was asked.

    Raises:
        ValueError: if it is no answer to these jobs.
    """
    if not isinstance(answer, list) or len(answer) != len(jobs):
        raise ValueError("the worker answered with another number of results")
    results = [Result.from_dict(one) for one in answer]
    for job, result in zip(jobs, results, strict=True):
        wanted = {cell.grade_id: cell.points for cell in job.cells if cell.kind == "test"}
        if {task.grade_id: task.max_score for task in result.tasks} != wanted:
            raise ValueError("the worker answered for other tasks")
        if (result.student, result.assignment) != (job.student, job.assignment):
            raise ValueError("the worker answered for another student")
    return results


@dataclass
class _Hand:
    """A worker process, its pipe, and what it is doing."""

    process: Any
    pipe: connection.Connection
    work: Work | None = None
    ready: bool = False
    deadline: float = float("inf")


class LocalPool:
    """Worker processes on this machine, each with its own warm sandbox; one that dies is replaced.

    Args:
        factory: makes a `Worker`; must be picklable.
        jobs: how many processes.
        stopping: set to end early; what is running then is given up.
    """

    def __init__(self, factory: Callable[[], Any], jobs: int, stopping: threading.Event | None = None):
        self.factory, self.jobs = factory, jobs
        self.stopping = stopping or threading.Event()
        self.context = multiprocessing.get_context("spawn")
        self.hands: list[_Hand] = []
        self.false_starts = 0

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Work, list[Result] | str]]:
        """Grade submissions as they come; yields each with its results, or with a sentence about what failed.

        Raises:
            NoSandbox: if student code cannot be locked in.
            GradingError: if no worker process can be started.
        """
        waiting: deque[Work] = deque()
        retried: set[str] = set()
        work = iter(work)
        try:
            while not self.stopping.is_set():
                # one more than there are hands, so that none is idle while a result is being stored
                while len(waiting) + sum(hand.work is not None for hand in self.hands) <= self.jobs:
                    if (submission := next(work, None)) is None:
                        break
                    waiting.append(submission)
                self._hand_out(waiting)
                if not any(hand.work for hand in self.hands):
                    return
                for hand, answer in self._answers():
                    submission, hand.work = hand.work, None
                    outcome = self._read(submission, answer)
                    if isinstance(outcome, str):
                        self._drop(hand)
                        if submission.student not in retried:
                            retried.add(submission.student)
                            waiting.append(submission)
                            continue
                    self._hand_out(waiting)
                    retried.discard(submission.student)
                    yield submission, outcome
        finally:
            self.close()

    def warm(self, count: int) -> None:
        """Start hands for ``count`` submissions that are about to come."""
        while len(self.hands) < min(count, self.jobs):
            self._start()

    def _hand_out(self, waiting: deque[Work]) -> None:
        """Give what waits to idle hands; new ones are started while there are fewer than allowed."""
        while waiting:
            hand = next((hand for hand in self.hands if hand.work is None), None)
            if hand is None and len(self.hands) >= self.jobs:
                return
            self._give(hand or self._start(), waiting.popleft())

    def _start(self) -> _Hand:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=_serve, args=(theirs, self.factory, os.getpid()), daemon=True)
        with _deaf_children():
            process.start()
        theirs.close()
        hand = _Hand(process, ours)
        self.hands.append(hand)
        return hand

    def _give(self, hand: _Hand, submission: Work) -> None:
        hand.work = submission
        seconds = sum(3 * job.limits.submission_seconds for job in submission.jobs)  # two runs and the verdict
        hand.deadline = time.monotonic() + seconds + GRACE
        with contextlib.suppress(OSError):  # a dead process is noticed by its sentinel
            hand.pipe.send(submission.jobs)

    def _answers(self) -> Iterator[tuple[_Hand, Any]]:
        """What has come from working hands within half a second: an answer, or None from one that died or hangs."""
        busy = [hand for hand in self.hands if hand.work is not None]
        found = connection.wait([item for hand in busy for item in (hand.pipe, hand.process.sentinel)], timeout=0.5)
        for hand in busy:
            if hand.pipe in found:
                try:
                    kind, content = json.loads(hand.pipe.recv_bytes(MAX_RESULT))
                except (EOFError, OSError, ValueError):
                    yield hand, "The worker process died."
                    continue
                if kind == "ready":
                    hand.ready = True
                elif kind == "no-sandbox":
                    raise NoSandbox(content)
                elif kind == "broken":
                    raise GradingError(f"A worker cannot start: {content}")
                else:
                    yield hand, content
            elif hand.process.sentinel in found:
                self.false_starts += not hand.ready
                if self.false_starts >= 3:
                    raise GradingError("Worker processes die while they start: run `python -m grader doctor`.")
                yield hand, "The worker process died."
            elif time.monotonic() > hand.deadline:
                yield hand, "The worker process did not answer in time."

    @staticmethod
    def _read(submission: Work, answer: Any) -> list[Result] | str:
        if isinstance(answer, str):
            return answer
        try:
            return _results(submission.jobs, answer)
        except ValueError as error:
            return f"The worker's answer is not valid: {error}."

    def _drop(self, hand: _Hand) -> None:
        self.hands.remove(hand)
        hand.pipe.close()
        hand.process.kill()
        hand.process.join(10)

    def close(self) -> None:
        """End every worker process."""
        for hand in self.hands:
            hand.pipe.close()
            if hand.work is not None or not hand.ready:
                hand.process.terminate()
        end = time.monotonic() + 10
        for hand in self.hands:
            hand.process.join(max(end - time.monotonic(), 0.1))
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join(5)
        self.hands.clear()


_here = threading.local()


def _grade_remotely(factory: Callable[[], Any], jobs: list[Job]) -> list[dict]:
    """Runs on a Dask worker: one warm sandbox per thread, kept between tasks."""
    if getattr(_here, "worker", None) is None:
        _here.worker = factory().__enter__()
    try:
        return [_here.worker.run_job(job).to_dict() for job in jobs]
    except Exception:
        worker, _here.worker = _here.worker, None
        with contextlib.suppress(Exception):
            worker.__exit__(*sys.exc_info())
        raise


class DaskPool:
    """The same work on a Dask cluster, whose workers need this package and bubblewrap.

    Args:
        factory: makes a `Worker`; must be picklable.
        address: of the scheduler.
        stopping: set to end early.
        timeout: seconds to wait for the scheduler.
    """

    def __init__(
        self,
        factory: Callable[[], Any],
        address: str,
        stopping: threading.Event | None = None,
        timeout: float = 15,
    ):
        self.factory, self.address, self.timeout = factory, address, timeout
        self.stopping = stopping or threading.Event()

    def warm(self, count: int) -> None:
        """Nothing to do: a cluster is warm or not."""

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Work, list[Result] | str]]:
        """Like `LocalPool.run`.

        Raises:
            GradingError: if there is no cluster at the address, or it has no workers.
        """
        try:
            from distributed import Client, as_completed
        except ImportError as error:
            raise GradingError("Dask is not installed: run `pip install distributed`.") from error
        try:
            client = Client(self.address, timeout=self.timeout)
        except (OSError, ValueError, TimeoutError) as error:
            raise GradingError(f"There is no Dask scheduler at {self.address}: {error}") from error
        with client:
            threads = sum(client.nthreads().values())
            if not threads:
                raise GradingError(f"The Dask cluster at {self.address} has no workers.")
            work, running, retried = iter(work), {}, set()
            done = as_completed(raise_errors=False)

            def submit(submission: Work) -> None:
                future = client.submit(_grade_remotely, self.factory, submission.jobs, pure=False, retries=0)
                running[future] = submission
                done.add(future)

            for submission in itertools.islice(work, 2 * threads):
                submit(submission)
            for future in done if running else ():
                if self.stopping.is_set():
                    client.cancel(list(running))
                    return
                submission = running.pop(future)
                if future.status == "finished":
                    outcome = LocalPool._read(submission, future.result())
                else:
                    error = future.exception()
                    if type(error).__name__ == "SandboxMissing":
                        raise NoSandbox(str(error))
                    outcome = f"{type(error).__name__}: {error}"
                future.release()
                if isinstance(outcome, str) and submission.student not in retried:
                    retried.add(submission.student)
                    submit(submission)
                    continue
                yield submission, outcome
                if (following := next(work, None)) is not None:
                    submit(following)
