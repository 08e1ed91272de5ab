"""Pictures are decoded in a process of their own, which may die of them, and can see nothing."""

import base64
import contextlib
import io
import os
import signal
import socket
import subprocess
import sys

import pytest
from PIL import Image

from grader.box import redraw
from grader.box.inside import wire
from grader.box.processes import descendants
from grader.pages.pictures import Room, clean_image

ASK = (1000, 10_000)  # pixels and bytes that may be used


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def ours(monkeypatch):
    made = redraw.Redrawer()
    monkeypatch.setattr(redraw, "ours", made)
    yield made
    made.close()


def test_does_the_process_with_the_gradebook_load_no_decoder():
    picture = base64.b64encode(png()).decode()
    code = "import sys; from grader.pages.pictures import clean_image; "
    code += "assert clean_image(sys.argv[1]); print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, picture], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.sandbox
def test_does_it_run_in_bubblewrap(ours):
    assert ours.redraw(png(), *ASK)[2]
    assert ours.process.args[0] == "bwrap"


def test_does_it_run_without_bubblewrap_too(ours, monkeypatch):
    monkeypatch.setattr(redraw.shutil, "which", lambda name: None)
    pixels, size, picture = ours.redraw(png(), *ASK)
    assert (pixels, size) == (600, len(picture))
    assert Image.open(io.BytesIO(picture)).getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("ask", [(599, 10_000), (600, 20)])
def test_is_a_picture_over_a_limit_not_made(ours, ask):
    assert ours.redraw(png(), *ask)[2] == b""


def test_does_a_decoder_that_dies_cost_one_picture_only(ours, monkeypatch):
    crash = "import os; from inside import redraw; draw = redraw.redraw; "
    crash += "redraw.redraw = lambda content, *most: os.abort() if content == b'bad' else draw(content, *most); "
    monkeypatch.setattr(redraw, "PROGRAM", redraw.PROGRAM.replace("from inside import redraw; ", crash))
    assert ours.redraw(b"bad", *ASK) == (*ASK, b"")
    process = ours.process
    assert ours.redraw(png(), *ASK)[2]
    assert ours.process is process, "the next one came from the same process"


def test_is_a_process_that_says_nothing_replaced(ours, monkeypatch):
    assert ours.redraw(png(), *ASK)[2]
    monkeypatch.setattr(redraw, "SECONDS", 0.3)
    for pid in (ours.process.pid, *descendants(ours.process.pid)):
        with contextlib.suppress(ProcessLookupError):  # the child that drew the first picture is just ending
            os.kill(pid, signal.SIGSTOP)
    room = Room()
    assert clean_image(base64.b64encode(png()).decode(), room) is None
    assert room.pixels == 0, "such a picture has used up the room of its page"
    monkeypatch.setattr(redraw, "SECONDS", 20)
    assert ours.redraw(png(), *ASK)[2]


@pytest.mark.parametrize("told", [{}, {"pixels": "x", "bytes": 1}, {"pixels": None, "bytes": []}])
def test_is_a_process_that_talks_nonsense_ended(ours, told):
    assert ours.redraw(png(), *ASK)[2]
    real = ours.sock  # stays open: without it the process would end, and be replaced
    ours.sock, theirs = socket.socketpair()
    with real, theirs:
        wire.send(theirs, told, [b"<script>"])
        assert ours.redraw(png(), *ASK) == (*ASK, b"")
    assert ours.process is None


def test_is_nobody_given_room_by_a_process_that_lies(ours):
    assert ours.redraw(png(), *ASK)[2]
    real = ours.sock  # stays open: without it the process would end, and be replaced
    ours.sock, theirs = socket.socketpair()
    with real, theirs:
        wire.send(theirs, {"pixels": -(10**9), "bytes": 10**9})
        assert ours.redraw(png(), *ASK) == (0, ASK[1], b"")
