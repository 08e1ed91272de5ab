"""Messages between the grader and a process inside: a header, JSON, and blobs of bytes."""

import socket
import struct
from json import dumps, loads

_HEADER = struct.Struct(">QQ")


COURSE = "_course_"  # before a name: what it means to the course, whatever students made of it


def send(sock: socket.socket, message: dict, blobs: list[bytes] = ()) -> None:
    """Send one message: lengths, JSON, and the blobs one after the other."""
    text = dumps({**message, "sizes": [len(blob) for blob in blobs]}).encode()
    sock.sendall(_HEADER.pack(len(text), sum(map(len, blobs))) + text)
    for blob in blobs:
        sock.sendall(blob)


def receive(read: object, limit: int) -> tuple[dict, list[bytes]]:
    """Receive one message through ``read(n) -> n bytes``.

    Raises:
        ValueError: if it is longer than ``limit`` or malformed.
    """
    text_size, blob_size = _HEADER.unpack(read(_HEADER.size))
    if text_size + blob_size > limit:
        raise ValueError(f"a message of {text_size + blob_size} bytes is over the limit of {limit}")
    message = loads(read(text_size))
    data = read(blob_size)
    if not isinstance(message, dict) or not isinstance(sizes := message.get("sizes"), list):
        raise ValueError("a message must be an object with sizes")
    if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != blob_size:
        raise ValueError("the sizes of a message's blobs do not add up")
    blobs, start = [], 0
    for size in sizes:
        blobs.append(data[start : start + size])
        start += size
    return message, blobs
