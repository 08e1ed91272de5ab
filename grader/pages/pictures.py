"""Pictures from strangers, drawn anew by a process of their own; here they are only counted and cut."""

import base64
from dataclasses import dataclass

from grader.box import redraw

MAX_IMAGE = 3 * 2**20  # bytes of one encoded picture


MAX_SCANS = 20  # of a JPEG; a progressive one has about ten, and each of them visits every pixel


MAX_PARTS = 1000  # chunks or segments of a picture


@dataclass
class Room:
    """What the page of one notebook may still show; its cells share it, and every attempt uses it up."""

    text: int = 400_000  # characters of outputs, pictures aside
    source: int = 1_000_000  # characters of what the student wrote
    outputs: int = 2_000
    images: int = 40
    pixels: int = 20_000_000
    bytes: int = 16 * 2**20  # of encoded pictures, read and written
    code: int = 30_000  # characters that are highlighted; the rest is shown plain
    markdown: int = 30_000  # characters that are rendered; the rest is shown as it was written


def clean_image(encoded: object, room: Room | None = None) -> str | None:
    """A picture in base64, decoded and encoded anew as PNG; None if it is none, is too large, or finds no room.

    Args:
        encoded: a PNG or JPEG file in base64.
        room: what the page may still show; even a picture that comes to nothing uses it up.
    """
    room = Room() if room is None else room
    encoded = "".join(map(str, encoded)) if isinstance(encoded, list) else encoded
    if (
        not isinstance(encoded, str)
        or len(encoded) > MAX_IMAGE * 4 // 3 + 4
        or min(room.images, room.bytes, room.pixels) <= 0
    ):
        return None
    room.images -= 1
    try:
        content = base64.b64decode(encoded)
        room.bytes -= len(content)
        bare = _bare(content)
    except Exception:  # bytes that were made to trouble whoever reads them
        return None
    pixels, size, picture = redraw.ours.redraw(bare, room.pixels, MAX_IMAGE)
    room.pixels -= pixels
    room.bytes -= size
    return base64.b64encode(picture).decode() if picture else None


def _bare(content: bytes) -> bytes:
    """The parts of a PNG or JPEG file that its pixels need: comments, profiles and thumbnails take time to read, too.

    Raises:
        ValueError: if it is neither, or has more parts or scans than an honest one.
    """
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        kept, at = [content[:8]], 8
        for _ in range(MAX_PARTS):
            kind, end = content[at + 4 : at + 8], at + 12 + int.from_bytes(content[at : at + 4])
            if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
                kept.append(content[at:end])
            if kind in (b"IEND", b""):
                return b"".join(kept)
            at = end
        raise ValueError("a PNG with too many chunks")
    if content[:2] != b"\xff\xd8" or content.count(b"\xff\xda") > MAX_SCANS:
        raise ValueError("no PNG or JPEG, or a JPEG with too many scans")
    kept, at = [content[:2]], 2
    for _ in range(MAX_PARTS):
        marker, end = content[at : at + 2], at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == b"\xff\xda":  # from here on there is nothing but scans and their tables
            return b"".join([*kept, content[at:]])
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] == 0xFF:
            break
        if not (0xE1 <= marker[1] <= 0xED or marker[1] in (0xEF, 0xFE)):  # APP0 and APP14 tell how colours are stored
            kept.append(content[at:end])
        at = end
    raise ValueError("no JPEG, or one with too many segments")
