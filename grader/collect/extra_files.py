"""Files that came beside the notebook, and the time stamp."""

import functools
import hashlib
import importlib.machinery
import sys
from pathlib import Path, PurePosixPath

from grader.collect.handed import MAX_EXTRA, Handed, Submission, add_note, content_of, is_notebook, listed
from grader.course import Assignment
from grader.model import Refused

_STANDARD = frozenset(name.lower() for name in sys.stdlib_module_names)


_IMPORTABLE = {".py", ".pyc", ".pyd", ".so"}


def data_files(
    handed: Handed, assignment: Assignment, digest: "hashlib._Hash", submission: Submission
) -> dict[str, bytes]:
    """The student's own files: those that hide no file of the course and no module, and that can be written."""
    files: dict[str, bytes] = {}
    there = set(assignment.files)
    folders = {str(parent) for name in there for parent in PurePosixPath(name).parents}
    modules = {_module(name).lower() for name in there if PurePosixPath(name).suffix in _IMPORTABLE} | {"helpers"}
    left_out: dict[str, list[str]] = {}
    room = MAX_EXTRA
    for entry in sorted(handed.entries, key=lambda one: one.path):
        path = PurePosixPath(entry.path)
        if entry.problem or is_notebook(entry.path) or entry.path in there or entry.path == "timestamp.txt":
            continue
        if "__pycache__" in path.parts:
            continue  # Python would believe it rather than the module itself
        parents = {str(parent) for parent in path.parents}
        module = _module(entry.path)
        if path.suffix.lower() in _IMPORTABLE and (module.lower() in modules or _is_installed(module)):
            reason = "a module of the course or of Python has that name"
        elif entry.path in folders or parents & there:
            reason = "a file would have to be a folder, too"
        elif len(entry.path) > 200 or max(len(part.encode()) for part in path.parts) > 255:
            reason = "the name is too long"
        elif entry.size > room:
            reason = f"own files may have {MAX_EXTRA >> 20} MB together"
        else:
            try:
                files[entry.path] = content_of(entry)
            except Refused:
                continue
            there.add(entry.path)
            folders |= parents
            room -= len(files[entry.path])
            digest.update(entry.path.encode() + b"\0" + hashlib.sha256(files[entry.path]).digest())
            continue
        left_out.setdefault(reason, []).append(entry.path)
    for reason, names in left_out.items():
        shown = f"{listed(names)[:1000]} ({reason})"
        add_note(submission, "file-left-out", f"Left out: {shown}.", f"Of your own files, this was left out: {shown}.")
    return files


def _module(path: str) -> str:
    """The top-level module that ``import`` would find at this path, if it can be imported at all."""
    return PurePosixPath(path).parts[0].split(".")[0]


@functools.cache
def _is_installed(module: str) -> bool:
    """Does Python have a module of this name? The folder that the grader was started in does not count."""
    if module.lower() in _STANDARD:
        return True
    places = [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]
    try:
        found = [importlib.machinery.PathFinder.find_spec(name, places) for name in (module, module.lower())]
    except Exception:  # whatever a broken package raises
        return True
    return any(found)
