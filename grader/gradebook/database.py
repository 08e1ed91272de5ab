"""nbgrader's gradebook as a database: opened for one writer, waited for, its errors as sentences."""

import contextlib
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import Gradebook

from grader.course import Course, CourseError
from grader.gradebook import nbgrader_patches
from grader.gradebook.files import StoreError
from grader.gradebook.nbgrader_patches import schema
from grader.gradebook.sqlite import BUSY, QUIET, TRIES, explain, older_schemas

nbgrader_patches.apply()
_INDEXED = (("grade", "notebook_id"), ("comment", "notebook_id"), ("submitted_notebook", "assignment_id"))


class Database:
    """The gradebook of a course, open.

    Args:
        course: the course folder.
        own: tables of ours, which are made if they are not there.

    Raises:
        CourseError: if the configuration names no database that can be used here.
        StoreError: if the gradebook is locked, damaged, or of another version of nbgrader.
    """

    def __init__(self, course: Course, own: sa.MetaData):
        try:
            url = sa.engine.make_url(course.db_url)
            self._where = url.render_as_string()  # without the password
            self.patiently(lambda: self._open(url, course.directory.course_id, own))
        except (sa.exc.ArgumentError, ImportError) as error:
            raise CourseError(
                f"CourseDirectory.db_url in nbgrader_config.py names no database that can be used here ({error}): "
                "correct it, as in sqlite:////home/me/course/gradebook.db, or install the database's driver."
            ) from error

    def _open(self, url: sa.engine.URL, course_id: str, own: sa.MetaData) -> None:
        if url.get_backend_name() == "sqlite" and url.database:
            _prepare_sqlite(Path(url.database))
            url = url.update_query_dict({"timeout": str(BUSY)})
        self.gradebook = Gradebook(url.render_as_string(hide_password=False), course_id)
        own.create_all(self.gradebook.engine)
        # nbgrader looks rows up by columns without an index, so that each submission would read the whole class's.
        with self.gradebook.engine.begin() as connection:
            for table, column in _INDEXED:
                name = f"helpers_{table}_{column}"
                connection.execute(sa.text(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({column})"))

    @property
    def session(self) -> sa.orm.Session:
        """What queries go through."""
        return self.gradebook.db

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Undo what was begun, and say in a sentence what is wrong with the database."""
        try:
            yield
        except Exception as error:
            with contextlib.suppress(Exception):
                self.gradebook.db.rollback()  # nothing of a submission that failed may be committed with the next
            # nbgrader disguises the database's errors as InvalidEntry
            if not isinstance(error, (sa.exc.DatabaseError, sqlite3.Error, api.InvalidEntry)):
                raise
            raise StoreError(explain(self._where, getattr(error, "orig", None) or error)) from error

    def patiently(self, transaction: Callable[[], Any]) -> Any:
        """Do a transaction, again and again while another program holds the gradebook."""
        begin, told = time.monotonic(), False
        for attempt in range(TRIES):
            try:
                with self.errors():
                    return transaction()
            except StoreError as error:
                if attempt + 1 == TRIES or "locked" not in str(error):
                    raise
            if not told and time.monotonic() - begin > QUIET:
                told = True
                print(f"Waiting for the gradebook {self._where}, which another program holds ...", file=sys.stderr)
            time.sleep(min(0.2 * 2**attempt, 2))


def _prepare_sqlite(path: Path) -> None:
    known = schema()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY)) as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found = None
            if "alembic_version" in tables:
                found = next(iter(db.execute("SELECT version_num FROM alembic_version")), (None,))[0]
            if tables and found != known:
                older = found is None or found in older_schemas()
                remedy = "run `nbgrader db upgrade`, which keeps a copy" if older else "update nbgrader here"
                raise StoreError(
                    f"{path} was written by another version of nbgrader, {'an older' if older else 'a newer'} one "
                    f"(schema {found or 'unknown'}, here {known}): {remedy}."
                )
            db.execute("PRAGMA journal_mode=WAL")
    except (sqlite3.Error, OSError) as error:
        raise StoreError(explain(path, error)) from error
