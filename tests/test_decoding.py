"""One way from a picture to pixels: does every door give a network what its training photographs gave it?"""

import io
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data
from helpers.interactive.upload import answer_to

RNG = np.random.default_rng(5)
GREY = np.tile(np.linspace(0, 255, 48), (40, 1))


def file_of(image, form="PNG", **settings):
    stream = io.BytesIO()
    image.save(stream, form, **settings)
    return stream.getvalue()


def colours(*size):
    return RNG.integers(0, 256, size, dtype=np.uint8)


def turned(orientation, form):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return file_of(Image.fromarray(colours(30, 50, 3)), form, exif=exif)


FILES = {
    "jpeg, large": lambda: file_of(Image.fromarray(colours(20, 30, 3)).resize((1200, 800)), "JPEG"),
    "jpeg on its side": lambda: turned(6, "JPEG"),
    "webp upside down": lambda: turned(3, "WEBP"),
    "16-bit grey": lambda: file_of(Image.fromarray((GREY * 257).astype(np.uint16))),
    "16-bit tiff": lambda: file_of(Image.fromarray((GREY * 257).astype(np.uint16)), "TIFF"),
    "cut-out": lambda: file_of(Image.fromarray(colours(32, 32, 4))),
    "grey and alpha": lambda: file_of(Image.fromarray(colours(32, 40, 2), "LA")),
    "palette with a clear colour": lambda: file_of(Image.fromarray(GREY.astype(np.uint8)).convert("P"), transparency=0),
    "rgb with a clear colour": lambda: file_of(Image.fromarray(colours(9, 9, 3)), transparency=(1, 2, 3)),
    "cmyk": lambda: file_of(Image.fromarray(colours(32, 32, 4), "CMYK"), "JPEG"),
    "float tiff": lambda: file_of(Image.fromarray((GREY / 255).astype(np.float32)), "TIFF"),
    "gif": lambda: file_of(Image.fromarray(colours(32, 32)), "GIF"),
    "one bit": lambda: file_of(Image.fromarray(GREY > 100)),
}


@pytest.mark.parametrize("kind", FILES)
def test_folder_path_bytes_and_upload_button_give_the_same_pixels(kind, tmp_path):
    content = FILES[kind]()
    for name, body in ("cat", content), ("dog", file_of(Image.new("RGB", (9, 9)))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "0.img").write_bytes(body)
    splits = data.image_folder(tmp_path / "photos", 24, fractions=(0, 0), cache=False)
    in_folder = splits.train.images[splits.train.targets == 0][0]
    uploaded = []
    answer_to(lambda pixels: uploaded.append(pixels) or "", "a", content, partial(data.read_photograph, size=24))
    path = tmp_path / "photos" / "cat" / "0.img"
    doors = (path, str(path), content, io.BytesIO(content))
    for pixels in (uploaded[0], *(data.read_photograph(door, 24) for door in doors)):
        assert pixels.dtype == torch.uint8
        assert torch.equal(pixels, in_folder)


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind != "jpeg, large"])
def test_an_opened_picture_and_the_image_that_the_button_hands_over_give_them_too(kind):
    content, seen = FILES[kind](), []
    answer_to(lambda image: seen.append(image) or "", "a", content)
    assert seen[0].mode == "RGB"
    expected = data.read_photograph(content, 24)
    assert torch.equal(data.read_photograph(Image.open(io.BytesIO(content)), 24), expected)
    assert torch.equal(data.read_photograph(seen[0], 24), expected)
    assert torch.equal(data.read_photograph(np.array(seen[0]), 24), expected)
    assert torch.equal(data.read_photograph(torch.from_numpy(np.array(seen[0])).permute(2, 0, 1), 24), expected)


def test_a_large_jpeg_decoded_small_is_what_it_would_be_decoded_whole():
    smooth = Image.fromarray(colours(6, 9, 3)).resize((900, 600), Image.Resampling.BICUBIC)
    content = file_of(smooth, "JPEG", quality=95)
    small, whole = (data.read_photograph(s, 48).int() for s in (content, Image.open(io.BytesIO(content))))
    assert (small - whole).abs().float().mean() < 4


@pytest.mark.parametrize(
    ("image", "brightness"),
    [
        (Image.fromarray((GREY * 257).astype(np.uint16)), 127.5),
        (Image.fromarray(GREY.astype(np.float32)), 127.5),
        (Image.fromarray((GREY / 255).astype(np.float32)), 127.5),
        (Image.fromarray((GREY * 257).astype(np.int32)), 127.5),
        (Image.fromarray(np.rint(GREY).astype(np.int32)), 127.5),
        (Image.fromarray((GREY * 1e6).astype(np.float32)), 127.5),
        (Image.fromarray(np.full((9, 9), np.nan, np.float32)), 0),
        (Image.new("LA", (9, 9), (10, 0)), 255),
        (Image.new("RGBA", (9, 9), (10, 10, 10, 51)), 206),
        (Image.new("L", (9, 9), 77), 77),
    ],
)
def test_how_bright_is_a_picture_of_an_unusual_kind(image, brightness):
    assert float(data.read_photograph(image, min(image.size)).float().mean()) == pytest.approx(brightness, abs=1)


def test_the_margin_and_the_interpolation_are_those_of_torchvision():
    from torchvision.transforms import v2

    smooth = Image.fromarray(colours(12, 18, 3)).resize((180, 120), Image.Resampling.BICUBIC)
    for bicubic, kind in (True, v2.InterpolationMode.BICUBIC), (False, v2.InterpolationMode.BILINEAR):
        theirs = np.asarray(v2.Compose([v2.Resize(64, kind), v2.CenterCrop(56)])(smooth)).transpose(2, 0, 1)
        ours = data.read_photograph(smooth, 56, shorter=64, bicubic=bicubic)
        assert np.abs(ours.int().numpy() - theirs).max() <= 1


def test_a_folder_is_kept_once_for_each_way_of_decoding(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.fromarray(colours(90, 120, 3)).save(tmp_path / "photos" / name / "0.png")
    load = partial(data.image_folder, tmp_path / "photos", 32, (0, 0))
    for _ in range(2):
        for settings in {}, {"shorter": 40}, {"bicubic": True}:
            pixels = load(**settings).train.images[0]
            assert torch.equal(pixels, data.read_photograph(tmp_path / "photos" / "cat" / "0.png", 32, **settings))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_may_come_first_or_last_in_arrays_and_tensors(channels):
    last = colours(9, 12, 4)[:, :, :channels] if channels > 1 else colours(9, 12, 3)[:, :, :1]
    wanted = data.read_photograph(Image.fromarray(last.squeeze()), 9)
    first = np.ascontiguousarray(last.transpose(2, 0, 1))
    for pixels in (last, first, torch.from_numpy(last), torch.from_numpy(first)):
        assert torch.equal(data.read_photograph(pixels, 9), wanted), (type(pixels), pixels.shape)


def test_where_both_readings_fit_an_array_has_its_channels_last_and_a_tensor_first():
    both = colours(3, 9, 3)
    assert torch.equal(data.read_photograph(both, 3), data.read_photograph(Image.fromarray(both), 3))
    turned = Image.fromarray(both.transpose(1, 2, 0))
    assert torch.equal(data.read_photograph(torch.from_numpy(both), 3), data.read_photograph(turned, 3))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (b"no picture", ValueError, "not a picture that can be read; save it as JPEG or PNG"),
        (np.zeros((9, 9, 3)), TypeError, "pixels are float64; give uint8"),
        (torch.zeros(3, 9, 9), TypeError, "pixels are float32; give uint8"),
        (np.zeros((9, 9, 3)), TypeError, r"such as \(255 \* pixels\)"),
        (np.zeros((9, 9), np.int64), TypeError, "pixels are int64; give uint8 values from 0 to 255$"),
        (np.zeros((2, 9, 9), np.uint8), ValueError, r"1, 3 or 4 channels, not \(2, 9, 9\)"),
        (np.zeros((1, 9, 9, 3), np.uint8), ValueError, r"one picture at a time: the shape is \(1, 9, 9, 3\)"),
        (None, TypeError, "a NoneType is no picture; give a path"),
        ([[0, 255], [255, 0]], TypeError, "a list is no picture"),
        ("no-such-file.jpg", FileNotFoundError, "there is no file no-such-file.jpg"),
        ("chelsea", FileNotFoundError, r'did you mean data.photograph\("chelsea"\)'),
        (".", ValueError, "is a folder; give one picture, or read them all with data.image_folder"),
        ("https://example.org/cat.jpg", ValueError, "is an address; save the picture on this machine"),
        (file_of(Image.fromarray(colours(90, 90, 3)), "JPEG")[:700], OSError, "truncated"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(source, error, message):
    with pytest.raises(error, match=message):
        data.read_photograph(source, 8)


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 8.5}, {"size": 9, "shorter": 8}])
def test_sizes_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match="size must be a whole number from 1 to shorter"):
        data.read_photograph(Image.new("RGB", (9, 9)), **settings)
