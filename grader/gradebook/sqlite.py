"""One writer at a time, and what is wrong with a database, in a sentence."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from grader.course import Course
from grader.gradebook.files import StoreError, unwritable
from grader.gradebook.nbgrader_patches import schemas

BUSY = 5  # seconds to wait for another program that holds the gradebook


TRIES = 30  # transactions, each of which may wait that long


QUIET = 4  # seconds of waiting that are not worth a word


@contextlib.contextmanager
def lock(course: Course) -> Iterator[None]:
    """Hold the course for one grader; the operating system lets go of it however that grader ends.

    Raises:
        StoreError: if another grader holds it, or the folder cannot be written.
    """
    path = course.grades / ".lock"
    try:
        course.grades.mkdir(parents=True, exist_ok=True)
        holder = FileLock(path, timeout=0.5).acquire()
    except Timeout as error:
        raise StoreError(f"Another grader is at work in {course.root}: wait until it has ended.") from error
    except OSError as error:
        if os.path.lexists(path):
            raise StoreError(
                f"{path} cannot be used as a lock ({error}): delete it, and let this user write to {course.grades}."
            ) from error
        raise unwritable(course.grades, error) from error
    with holder:
        yield


def older_schemas() -> set[str]:
    return {script.revision for script in schemas().walk_revisions()}


def explain(where: Path | str, error: BaseException) -> str:
    text = str(error)
    if isinstance(where, Path) and where.is_dir():
        return f"{where} is a folder: move it away, or let CourseDirectory.db_url name another file."
    if "readonly" in text or "unable to open" in text:
        return f"{where} cannot be written ({text}): let this user write the file and the folder it is in."
    if "locked" in text or "busy" in text:
        return f"{where} is locked by another program: close formgrader or the other grader, then run the same again."
    if "full" in text or getattr(error, "errno", None) == 28:
        return f"The disk is full, so {where} cannot be written: make room, then run the same again. Nothing is lost."
    if "not a database" in text or "malformed" in text:
        return f"{where} is damaged ({text}): put back a copy of it, or move it away to begin a new gradebook."
    return f"{where} cannot be used: {text}."
