"""Results on disk before they are in the gradebook, so that a run that is killed can be finished."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from grader.gradebook.files import write_file
from grader.gradebook.record import Record, readable


class Journal:
    """A folder with one file per submission that is graded and not yet stored and explained.

    Args:
        folder: where, which need not be there yet.
        assignment: the name of what is graded.
    """

    def __init__(self, folder: Path, assignment: str):
        self.folder, self.assignment = folder, assignment

    def keep(self, record: Record) -> Path:
        """Write a record to the journal, from which the next run can finish it."""
        name = hashlib.sha256(record.student.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        path = self.folder / f"{name}.json"
        write_file(path, record.to_json())
        return path

    def pending(self) -> Iterator[tuple[Path, Record]]:
        """Records that were kept but not finished; a file that is none is thrown away."""
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []:
            if path.is_dir():
                continue  # not ours
            try:
                record = readable(path.read_text(encoding="utf-8"))
            except (ValueError, OSError):
                record = None
            if record is None or record.assignment != self.assignment:
                path.unlink(missing_ok=True)
            else:
                yield path, record
        for path in self.folder.glob(".*.tmp") if self.folder.is_dir() else []:
            path.unlink(missing_ok=True)
