"""A notebook file without its outputs, read in pieces: of two hundred megabytes of figures nothing stays in memory."""

import codecs
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader.model import Refused

MAX_KEPT = 50 * 2**20  # bytes without outputs, of which pictures that were pasted into texts may be the most


MAX_DEPTH = 60  # nested brackets; an ordinary notebook has about 8


MAX_TOKENS = 1_000_000  # brackets and strings; an ordinary notebook has some thousands


MAX_DROPPED = 2_000_000  # brackets in outputs that hold more than three levels, or are not in pairs


_FOREIGN = 2**20  # bytes kept of a file that is no JSON: enough to say what it is


_DROPPED = (b"outputs", b"attachments", b"widgets")


_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


# Possessive quantifiers make time linear in the length of a hostile text.
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_PLAIN = rb'[^][{}"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_BELOW = _PLAIN
for _ in range(3):
    _BELOW = rb"%b|\[(?:%b)*+\]|\{(?:%b)*+\}" % (_PLAIN, _BELOW, _BELOW)
_SHALLOW = re.compile(rb"(?:%b)*+" % _BELOW, re.DOTALL)  # dropped in one go: texts, numbers, containers of three levels
_TOKEN = re.compile(rb'["{}\[\]:]')
_SIGN = re.compile(rb"[!-~]")
_CONFLICT = re.compile(rb"^[ \t]*+<{7} ", re.MULTILINE)


@dataclass(frozen=True)
class Lean:
    """A file whose outputs are gone, in an encoding that writes brackets and quotes as ASCII does."""

    content: bytes
    encoding: str  # as a byte-order mark says, or ""
    sha256: str  # of the whole file
    conflict: bool  # did what was dropped hold conflict markers of git?


def lean(pieces: Iterable[bytes]) -> Lean:
    """A notebook file without what its ``outputs``, ``attachments`` and ``widgets`` hold, before anything is parsed.

    Args:
        pieces: the bytes of the file, in order.

    Raises:
        Refused: if too much is left, or if it has more brackets than any notebook.
    """
    digest, scanner = hashlib.sha256(), _Scanner()
    encoding, text = _decoded(_hashed(pieces, digest))
    for piece in text:
        scanner.feed(piece)
    return Lean(scanner.end(), encoding, digest.hexdigest(), scanner.conflict)


def _hashed(pieces: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _decoded(pieces: Iterator[bytes]) -> tuple[str, Iterator[bytes]]:
    """The encoding that the first bytes tell, and the file without a mark, in UTF-8 if it was in UTF-16 or UTF-32."""
    first = b""
    while len(first) < 4 and (piece := next(pieces, b"")):
        first += piece
    name = next((name for mark, name in _MARKS.items() if first.startswith(mark)), "")
    if first[:2] in (b"{\0", b"\0{"):
        name = "utf-16-le" if first[:1] == b"{" else "utf-16-be"
    pieces = itertools.chain([first], pieces)
    if not name:
        return "", pieces
    if name == "utf-8-sig":
        return name, itertools.chain([first[3:]], itertools.islice(pieces, 1, None))
    decoder = codecs.getincrementaldecoder(name)("replace")
    return name, (decoder.decode(piece).encode() for piece in pieces)


class _Scanner:
    """Walks through JSON as it comes and keeps what is not dropped; of anything else it keeps the beginning."""

    def __init__(self) -> None:
        self.conflict = False
        self._kept: list[bytes] = []
        self._size = 0
        self._json: bool | None = None  # not known while there is nothing but padding
        self._rest = b""  # half an escape, which the next piece completes
        self._string = False
        self._text = b""  # the beginning of the last string, which may be a key
        self._next = False  # is the next value to be dropped?
        self._depth = 0
        self._drop: int | None = None  # the depth of the container that is being dropped
        self._tokens = self._dropped = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the file."""
        if self._json is None and (sign := _SIGN.search(piece)):
            self._json = sign[0] in (b"{", b"[")
        if not self._json:
            self._keep(piece[: _FOREIGN - self._size] if self._json is False else piece)
            return
        data, self._rest = self._rest + piece, b""
        begin = at = 0
        while at < len(data):
            if self._string:
                at = self._read_string(data, at)
                data = data[: len(data) - len(self._rest)]
            elif self._drop is None:
                at = self._read(data, begin, at)
                begin = at if self._drop is not None else begin
            else:
                at = self._skip(data, at)
                begin = at
        if self._drop is None:
            self._keep(data[begin:])

    def end(self) -> bytes:
        """What was kept of the whole file."""
        if self._drop is None:
            self._keep(self._rest)
        return b"".join(self._kept)

    def _keep(self, part: bytes) -> None:
        self._kept.append(part)
        self._size += len(part)
        if self._size > MAX_KEPT:
            raise Refused(
                f"Without its outputs the notebook still has more than {MAX_KEPT >> 20} MB.",
                "Your notebook holds far too much text: take out what you pasted, and hand it in again.",
            )

    def _read_string(self, data: bytes, at: int) -> int:
        """Go to the end of a string, or of the piece."""
        end = _INSIDE.match(data, at).end()
        if self._drop is None and len(self._text) < 20:
            self._text += data[at : min(end, at + 20)]
        self._rest = data[end:] if data[end : end + 1] == b"\\" else b""
        self._string = end == len(data) or bool(self._rest)
        return end if self._string else end + 1

    def _read(self, data: bytes, begin: int, at: int) -> int:
        """Go past the next bracket, colon or quotation mark of what is kept."""
        if (token := _TOKEN.search(data, at)) is None:
            return len(data)
        sign, at = token[0], token.start()
        if sign == b":":
            self._next, self._text = self._text in _DROPPED, b""
            return at + 1
        self._tokens += 1
        self._text = b""
        if self._tokens > MAX_TOKENS:
            raise _damaged("has too many parts")
        if sign == b'"':
            self._string = True
        else:
            self._depth += 1 if sign in b"{[" else -1
            if self._depth > MAX_DEPTH:
                raise _damaged("is nested too deeply")
            if self._next and sign in b"{[":
                self._keep(data[begin:at] + (b"{}" if sign == b"{" else b"[]"))
                self._drop = self._depth
        self._next = False  # the value was dropped, or is a string, a number or null
        return at + 1

    def _skip(self, data: bytes, at: int) -> int:
        """Go past the next bracket or quotation mark of what is dropped that is worth a look."""
        end = _SHALLOW.match(data, at).end()
        self.conflict = self.conflict or (b"<<<<<<< " in data[at:end] and bool(_CONFLICT.search(data, at, end)))
        if end == len(data):
            return end
        self._dropped += 1
        if self._dropped > MAX_DROPPED:
            raise _damaged("has too many parts")
        sign = data[end : end + 1]
        if sign == b'"':
            self._string = True
        elif sign in b"{[":
            self._depth += 1
        else:
            self._drop = None if self._drop == self._depth else self._drop
            self._depth -= 1
        return end + 1


def _damaged(how: str) -> Refused:
    return Refused(f"The JSON {how}.", "Your file is damaged: download the notebook again.")
