"""The upload button: what each version of ipywidgets hands over, and files that are not pictures."""

import datetime
import io
from unittest import mock

import pytest
from PIL import Image

from helpers.interactive import upload
from helpers.interactive.upload import answer_to, uploaded


def jpeg(mode: str = "RGB", orientation: int = 1) -> bytes:
    image, stream, exif = Image.new(mode, (40, 20)), io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    image.save(stream, "JPEG", exif=exif)
    return stream.getvalue()


def size(image) -> str:
    return f"{image.mode} {image.size[0]}x{image.size[1]}"


def test_values_of_ipywidgets_7_and_8_are_read_alike():
    old = {"a.jpg": {"metadata": {"name": "a.jpg"}, "content": b"123"}}
    new = ({"name": "a.jpg", "type": "image/jpeg", "size": 3, "content": memoryview(b"123")},)
    assert uploaded(old) == uploaded(new) == [("a.jpg", b"123")]
    assert uploaded({}) == uploaded(()) == []


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_photograph_arrives_in_rgb(mode):
    assert "RGB 40x20" in answer_to(size, "a.jpg", jpeg(mode))


def test_a_photograph_taken_sideways_is_turned_upright():
    assert "RGB 20x40" in answer_to(size, "a.jpg", jpeg(orientation=6))


@pytest.mark.parametrize("content", [b"", b"no picture", jpeg()[:60]])
def test_what_is_no_picture_gets_a_sentence(content):
    assert "&lt;b&gt;.txt is not a picture that can be read" in answer_to(size, "<b>.txt", content)


def test_an_answer_that_fails_is_shown_and_not_lost():
    assert "a.jpg: ZeroDivisionError: division by zero" in answer_to(lambda image: 1 / 0, "a.jpg", jpeg())


def test_the_button_answers_live_and_leaves_a_note_on_the_page():
    import ipywidgets

    made = {kind: getattr(ipywidgets, kind)() for kind in ("FileUpload", "HTML")}
    shown = []
    with (
        mock.patch("ipywidgets.FileUpload", return_value=made["FileUpload"]),
        mock.patch("ipywidgets.HTML", return_value=made["HTML"]),
        mock.patch("IPython.display.display", lambda data, raw: shown.append(data)),
    ):
        upload(size, note="In a notebook a button is here.")
    assert "In a notebook a button is here." in shown[0]["text/html"]
    assert "model_id" in shown[0]["application/vnd.jupyter.widget-view+json"]
    last = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    file = {"name": "a.jpg", "type": "image/jpeg", "size": 9, "content": memoryview(jpeg()), "last_modified": last}
    made["FileUpload"].value = (file,)
    assert "RGB 40x20" in made["HTML"].value


def test_a_picture_that_breaks_off_or_is_too_large_is_not_called_another_format():
    whole = io.BytesIO()
    Image.effect_noise((300, 300), 99).save(whole, "PNG")
    assert "a.png is not a picture that can be read: " in answer_to(size, "a.png", whole.getvalue()[:-2000])
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    said = answer_to(size, "a.png", bomb.getvalue())
    assert "a.png has more than 178 million pixels; scale it down and try again" in said
    assert "save it as" not in said


def test_what_an_answer_keeps_stays_as_large_as_it_was():
    kept, stream = [], io.BytesIO()
    Image.new("RGB", (800, 600)).save(stream, "JPEG")
    answer_to(lambda image: kept.append(image) or "", "a.jpg", stream.getvalue())
    assert kept[0].size == (800, 600)
