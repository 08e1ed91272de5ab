"""Files that are written whole or not at all."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path


class StoreError(Exception):
    """The gradebook or the disk cannot be used; the message says why and how to go on. Nothing is lost."""


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, and return only when it would survive a power cut.

    Raises:
        StoreError: naming the path and the remedy, if it cannot be written.
    """
    # the same name for every attempt: one that was killed leaves nothing that the next does not overwrite
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content.encode("utf-8", "replace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise unwritable(path, error) from error
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        with contextlib.suppress(OSError):
            os.fsync(handle)
        os.close(handle)


def check_folder(folder: Path) -> None:
    """See that files can be written to a folder, which need not be there yet; leaves nothing behind.

    Raises:
        StoreError: naming the folder and the remedy, if they cannot.
    """
    there = next((path for path in [folder, *folder.parents] if os.path.lexists(path)), folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(path: Path, error: OSError) -> StoreError:
    file = next((one for one in [*reversed(path.parents), path] if os.path.lexists(one) and not one.is_dir()), None)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "make room"
    elif file is not None and file != path:
        remedy = f"{file} is not a folder; move it away or name another folder"
    elif path.is_dir() and isinstance(error, IsADirectoryError):
        remedy = "it is a folder; move it away"
    elif isinstance(error, (NotADirectoryError, FileExistsError)):
        remedy = "it is not a folder; move it away or name another folder"
    else:
        remedy = "let this user write there or name another folder"
    return StoreError(f"{path} cannot be written ({error.strerror}): {remedy}, then run the same again.")
