"""Fetching files so that what lies in its place is always whole: verified after arrival, then renamed."""

import hashlib
import http.client
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from helpers.runtime import is_autograding

__all__ = ["DownloadError", "arriving", "cache_folder", "data_folder", "fetch", "is_offline"]

PATIENCE = 4  # seconds without a byte before a server counts as gone
NAME = "deep-learning-for-data-scientists"
STALE = 3600  # seconds after which the unfinished file of a run that was killed is thrown away


class DownloadError(OSError):
    """A file could not be fetched; the message names the file, the cause and the remedy."""


def is_offline() -> bool:
    """Does ``COURSE_OFFLINE=1`` forbid the network?"""
    return os.environ.get("COURSE_OFFLINE", "") not in ("", "0")


def cache_folder() -> Path:
    """Where the course keeps what it fetched or computed for this user; it may not be there, and not be writable.

    Someone without a home has it among the temporary files.
    """
    base = os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    if not base.startswith("~"):
        return Path(base) / NAME
    try:
        return Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    except FileNotFoundError:  # no folder for temporary files either
        return Path(os.sep) / NAME


def data_folder() -> Path:
    """Where real data is looked for: ``COURSE_DATA``, or the cache folder if that is not set.

    Raises:
        FileNotFoundError: if ``COURSE_DATA`` is set, but is no folder or has nothing in it.
    """
    setting = os.environ.get("COURSE_DATA")
    if not setting:
        return cache_folder()
    folder = Path(os.path.expanduser(setting))
    cause = "" if os.path.isdir(folder) else "is not a folder"
    try:
        cause = cause or ("" if any(folder.iterdir()) else "is empty")
    except OSError as error:
        cause = f"cannot be read ({error.strerror})"
    if cause:
        raise FileNotFoundError(f"COURSE_DATA is set to {setting}, which {cause}; correct it, or unset COURSE_DATA")
    return folder


@contextmanager
def arriving(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, moved into place when the block ends well and removed when it does not.

    So a file at ``path`` is complete, however its writer died.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f"{path.name}.*.part"):
        if time.time() - left.stat().st_mtime > STALE:
            left.unlink()
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def fetch(urls: Sequence[str], path: Path, size: int | None = None, md5: str = "", sha256: str = "") -> Path:
    """Download the first of several addresses that answers rightly, with a progress bar.

    Args:
        urls: the same file in several places, the best first.
        path: where it shall lie; if something lies there already, nothing is done.
        size: the right number of bytes.
        md5: the right MD5 sum, in hexadecimal digits.
        sha256: the right SHA-256 sum, or its first digits.

    Returns:
        ``path``.

    Raises:
        DownloadError: if no address gave the right file; whatever came instead is gone again.
    """
    path = Path(path)
    if os.path.isfile(path) and os.path.getsize(path):  # an empty file is what an interrupted download leaves behind
        return path
    if is_offline():
        raise DownloadError(f"{path} is not there and COURSE_OFFLINE forbids the network; unset it, or put it there")
    causes = []
    try:
        for url in urls:
            with suppress(_NoAnswer), arriving(path) as temporary:
                try:
                    _download(url, temporary, path.name)
                    _verify(temporary, size, {"md5": md5, "sha256": sha256})
                except DownloadError as error:
                    causes.append(f"{urlsplit(url).netloc} {error}")
                    raise _NoAnswer from error
            if path.exists():
                return path
    except OSError as error:  # of this machine: no other server can help
        places = {name: os.environ.get(name) for name in ("COURSE_DATA", "TORCH_HOME")}
        setting = next((name for name, place in places.items() if place and place in str(path)), "XDG_CACHE_HOME")
        raise DownloadError(
            f"{path} cannot be written ({error.strerror or error}); free some space there, or set {setting} to a "
            "folder that can be written"
        ) from error
    raise DownloadError(
        f"could not fetch {path.name}: {'; '.join(causes)}. Try again later, or download it yourself to {path}"
    )


class _NoAnswer(Exception):
    """A server did not give the file: try the next one."""


@contextmanager
def _asking() -> Iterator[None]:
    """What the network or the server does wrong, as a `DownloadError` that says so."""
    try:
        yield
    except urllib.error.HTTPError as error:
        raise DownloadError(f"answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(f"did not answer ({getattr(error, 'reason', error)})") from error


def _download(url: str, path: Path, label: str) -> None:
    from tqdm.auto import tqdm

    request = urllib.request.Request(url, headers={"User-Agent": NAME})
    with _asking():
        _knock(url)
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    with answer, open(path, "wb") as file:
        if answer.headers.get_content_type() == "text/html":
            raise DownloadError("sent a web page instead of the file")
        expected = int(answer.headers.get("Content-Length") or 0)
        # On stdout, because a notebook of the course leaves nothing on stderr.
        bar = tqdm(
            total=expected or None, desc=label, unit="B", unit_scale=True, leave=False, file=sys.stdout,
            disable=is_autograding() or expected < 2**20,
        )  # fmt: skip
        with bar:
            while chunk := _read(answer):
                file.write(chunk)
                bar.update(len(chunk))
    if path.stat().st_size < expected:
        raise DownloadError(f"broke off after {path.stat().st_size:,} of {expected:,} bytes")


def _read(answer) -> bytes:
    with _asking():
        return answer.read(2**18)


def _knock(url: str) -> None:
    """Find out quickly whether the server is there, because looking up a name without a network can take a minute."""
    parts = urlsplit(url)
    if parts.scheme in urllib.request.getproxies():
        return  # the proxy knows the way, and perhaps nobody else does
    result: list[OSError | None] = []

    def knock() -> None:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname, port), timeout=PATIENCE / 2).close()
            result.append(None)
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(PATIENCE / 2)
    if not result or result[0] is not None:
        raise result[0] if result else TimeoutError("timed out")


def _verify(path: Path, size: int | None, sums: dict[str, str]) -> None:
    came = path.stat().st_size
    if size is not None and came != size:
        raise DownloadError(f"sent {came:,} bytes where {size:,} were expected")
    for name, expected in sums.items():
        if expected:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, name).hexdigest()
            if not digest.startswith(expected):
                raise DownloadError(f"sent a file whose {name} sum is wrong")


@contextmanager
def unpacking(folder: Path, inner: str = "") -> Iterator[Path]:
    """A temporary folder beside ``folder``; it, or a folder in it, is moved there when the block ends well."""
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        os.replace(temporary / inner, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive into a folder that is there only when everything is in it."""
    import tarfile

    # The archives of the course hold one folder of the name they are unpacked to.
    with unpacking(folder, folder.name) as temporary, tarfile.open(archive) as tar:
        # Python 3.11.0 to 3.11.3 knows no filters; the archive's hash has been verified anyway.
        tar.extractall(temporary, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
