"""Pictures and other outputs of student code: made anew, and never more than a page has room for."""

import base64
import io
import json
import struct
import zlib

import pytest
from PIL import Image

from grader.pages import pictures
from grader.pages.outputs import clean_outputs
from grader.pages.pictures import Room, clean_image
from grader.tests.outputs import noise, picture, seconds, shown


def test_pictures_are_made_anew():
    for kind in ("PNG", "JPEG"):
        encoded = clean_image(picture(kind=kind))
        assert Image.open(io.BytesIO(base64.b64decode(encoded))).size == (3, 2)
    assert clean_image(picture(mode="RGBA")) is not None
    content = base64.b64decode(picture()) + b"<script>alert(1)</script>"
    assert b"script" not in base64.b64decode(clean_image(base64.b64encode(content).decode()))


@pytest.mark.parametrize(
    "encoded",
    ["", "x", "not base64!", 'x" onerror="alert(1)', 7, None, picture(kind="GIF"), picture((4000, 2)), picture()[:40]],
)
def test_what_is_no_picture_is_left_out(encoded):
    assert clean_image(encoded) is None


def test_a_figure_comes_through_unchanged_in_size():
    """Forty of them and more do: what a notebook of figures needs is well below what a page holds."""
    from matplotlib.figure import Figure

    figure = Figure((10, 8))
    for place in range(4):
        figure.add_subplot(2, 2, place + 1).plot(range(20))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    encoded = base64.b64encode(content.getvalue()).decode()
    room = Room()
    clean = [clean_image(encoded, room) for _ in range(20)]
    assert None not in clean
    assert Image.open(io.BytesIO(base64.b64decode(clean[0]))).size == (1000, 800)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def scans(extra: int) -> bytes:
    """A progressive JPEG of nine million pixels whose last scan is there so many times more."""
    content = base64.b64decode(picture((3000, 3000), "JPEG", "L", progressive=True))
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * extra + b"\xff\xd9"


SMALL = {kind: base64.b64decode(picture(kind=kind)) for kind in ("PNG", "JPEG")}


TROUBLE = {
    "scans": scans(1000),
    "profiles": SMALL["PNG"][:33]
    + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2**20 - 99))) * 2800
    + SMALL["PNG"][33:],
    "chunks": SMALL["PNG"][:33] + chunk(b"abCd", b"") * 250_000 + SMALL["PNG"][33:],
    "segments": SMALL["JPEG"][:2] + b"\xff\xfe\0\2" * 750_000 + SMALL["JPEG"][2:],
    "filling": SMALL["JPEG"][:2] + b"\xff" * 3_000_000 + SMALL["JPEG"][2:],
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_picture_made_to_take_long_is_not_decoded(name):
    """The first took 19 seconds, and 200 kB of the kind more than a minute; the second took six."""
    encoded = base64.b64encode(TROUBLE[name]).decode()
    assert seconds(clean_image, encoded) < 0.5
    assert clean_image(encoded) is None


def test_a_picture_loses_what_it_does_not_need():
    parts = chunk(b"tEXt", b"k\0secret") + chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(99)))
    png = SMALL["PNG"][:33] + parts + SMALL["PNG"][33:]
    jpeg = SMALL["JPEG"][:2] + b"\xff\xe1\0\x0eExif\0\0secret" + SMALL["JPEG"][2:]
    for content, kind in ((png, "PNG"), (jpeg, "JPEG")):
        assert b"secret" not in pictures._bare(content)
        assert clean_image(base64.b64encode(content).decode()) == clean_image(picture(kind=kind))
    assert clean_image(picture((30, 20), "JPEG", progressive=True)) is not None


def test_every_picture_that_is_tried_uses_up_room():
    for encoded in ("x", picture((3000, 3000)), noise((1000, 1000)), base64.b64encode(TROUBLE["scans"]).decode()):
        room = Room()
        assert seconds(lambda encoded=encoded, room=room: [clean_image(encoded, room) for _ in range(99)]) < 4
        assert min(room.images, room.bytes) <= 0
    room = Room()
    kept = clean_outputs([shown(image_png=picture((3000, 3000)))] * 40, room)
    assert sum("image/png" in one["data"] for one in kept) == 2, "eighteen million pixels of twenty"
    kept = clean_outputs([shown(image_png=noise((900, 900)))] * 40)
    assert 1 <= sum("image/png" in one["data"] for one in kept) <= 5


@pytest.mark.parametrize(
    "output",
    [
        None, 3, "x", {}, {"output_type": 7}, {"output_type": "stream"}, {"output_type": "error", "traceback": 5},
        {"output_type": "display_data", "data": []}, {"output_type": "display_data", "data": {"text/html": {"a": 1}}},
        {"output_type": "execute_result", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", 3: 4}},
        {"output_type": "stream", "name": ["x"], "text": {"a": 1}}, {"output_type": "update_display_data", "data": {}},
    ],
)  # fmt: skip
def test_odd_outputs_do_no_harm(output):
    for one in clean_outputs([output]):
        assert set(one.get("data", {})) <= {"text/plain", "text/html", "image/png"}
        json.dumps(one)


def test_a_page_has_room_for_so_much_and_no_more():
    flood = [{"output_type": "stream", "name": "stdout", "text": "x" * 10**6}] * 200
    pictures = [shown(image_png=picture())] * 90
    assert len(json.dumps(clean_outputs(flood))) < 2 * Room().text
    room = Room(text=1000, images=3)
    assert sum("image/png" in one.get("data", {}) for one in clean_outputs(pictures, room)) == 3


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "stream", "text": "\u200b" * 200_000},
        {"output_type": "stream", "text": "\x1b[" * 100_000},
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x"] * 100_000},
        {"output_type": "display_data", "data": {str(number): "x" for number in range(100_000)}},
    ],
)
def test_outputs_of_which_nothing_is_shown_use_up_room_as_well(output):
    room = Room()
    assert seconds(lambda: [clean_outputs([output] * 100, room) for _ in range(300)]) < 2
    assert min(room.text, room.outputs) <= 0
