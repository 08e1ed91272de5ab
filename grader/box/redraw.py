"""The process that decodes students' pictures, so that the one which holds the gradebook never does.

It sees no file but the interpreter's and no network, and may use a gigabyte. Where there is no bubblewrap, and so no
student code is run either unless somebody insists, it is a process of its own all the same.
"""

import atexit
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from grader.box.bwrap import command
from grader.box.inside.wire import receive, send

SECONDS = 20  # for one picture, which takes a tenth of a second; for the start as well
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from inside import redraw; redraw.serve(int(sys.argv[2]))"


class Redrawer:
    """Draws pictures anew in another process, which is started for the first one and again if it dies."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.sock: socket.socket | None = None

    def redraw(self, content: bytes, most_pixels: int, most_bytes: int) -> tuple[int, int, bytes]:
        """How many pixels were decoded and bytes encoded, and the picture as PNG.

        Args:
            content: a PNG or JPEG file, or whatever else a student made.
            most_pixels: a larger picture is not decoded.
            most_bytes: a larger PNG is not made.

        Returns:
            No bytes of a picture if it cannot be had. One that the process died of has used up all pixels and bytes.
        """
        try:
            self._start()
            self.sock.settimeout(SECONDS)
            send(self.sock, {"pixels": most_pixels, "bytes": most_bytes}, [content])
            self.deadline = time.monotonic() + SECONDS
            told, pictures = receive(self._read, most_bytes + 1000)
            pixels, size = (max(int(told[what]), 0) for what in ("pixels", "bytes"))
            return min(pixels, most_pixels), min(size, most_bytes), b"".join(pictures)
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError):
            self.close()  # it was too slow, or says what it never should
            return most_pixels, most_bytes, b""

    def _start(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        for boxed in (True, False) if shutil.which("bwrap") and sys.platform == "linux" else (False,):
            self.close()
            self.sock, theirs = socket.socketpair()
            wrap, folder = (command(1 << 20)[0], "/opt/grader") if boxed else ([], str(Path(__file__).parent))
            program = [*wrap, sys.executable, "-s", "-P", "-c", PROGRAM, folder, str(theirs.fileno())]
            with theirs:
                self.process = subprocess.Popen(
                    program, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )  # fmt: skip
            self.deadline = time.monotonic() + SECONDS
            with contextlib.suppress(OSError, EOFError, ValueError):
                receive(self._read, 1000)
                return
        raise OSError("no process to decode pictures in")

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            self.sock.settimeout(max(self.deadline - time.monotonic(), 0.001))
            if not (part := self.sock.recv(min(size - len(data), 1 << 20))):
                raise EOFError
            data += part
        return bytes(data)

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.sock.close()
            self.process = None


ours = Redrawer()
atexit.register(ours.close)
