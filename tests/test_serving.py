"""From the file to the probability: training, a path, an upload and a picture in memory must end in the same number."""

import io
import zlib
from struct import pack

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data, imagenet, models
from helpers.training import predict
from tests.test_decoding import FILES, file_of


@pytest.fixture(scope="module")
def net():
    return models.backbone("efficientnet_lite0", fallback=False)


@pytest.mark.parametrize("kind", [*FILES, "photograph, turned by its camera"])
def test_a_file_gets_the_same_probabilities_in_training_and_in_use(kind, tmp_path, net):
    if kind in FILES:
        content = FILES[kind]()
    else:
        exif = Image.Exif()
        exif[0x0112] = 6
        content = file_of(
            Image.fromarray(data.photograph("chelsea").numpy()).rotate(90, expand=True), "JPEG", exif=exif
        )
    for name, body in ("cat", content), ("dog", file_of(Image.new("RGB", (9, 9)))):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "0.img").write_bytes(body)
    train = data.image_folder(tmp_path / "photos", fractions=(0, 0), cache=False, **net.view).train
    loader = data.make_loader(*train, normalize=net.normalize)
    expected = predict(net, loader)[int((train.targets == 1)[0])].softmax(0)
    doors = [tmp_path / "photos" / "cat" / "0.img", content, io.BytesIO(content)]
    if kind != "jpeg, large":  # a file is decoded at half its size, a picture that somebody opened is whole already
        doors.append(Image.open(io.BytesIO(content)))
    for source in doors:
        assert torch.allclose(models.logits_of(net, source).softmax(0), expected, atol=1e-5)


def test_the_pixels_are_those_of_torchvisions_transforms(net):
    from torchvision.transforms import v2

    image = Image.fromarray(data.photograph("chelsea").numpy())
    by_hand = v2.Compose(
        [
            v2.Resize(256, interpolation=v2.InterpolationMode.BICUBIC),
            v2.CenterCrop(224),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    with torch.no_grad():
        expected = net(by_hand(image)[None])[0].softmax(0)
    for width, height in ((451, 300), (333, 500), (300, 301), (257, 999)):
        odd = image.resize((width, height))
        theirs = v2.Compose(by_hand.transforms[:2])(odd)
        ours = data.read_photograph(odd, **net.view).permute(1, 2, 0).numpy()
        assert np.array_equal(ours, np.asarray(theirs)), (width, height)
    got = models.logits_of(net, image).softmax(0)
    assert (got - expected).abs().max() < 1e-4
    assert net.classes[got.argmax()] in ("tabby", "tiger cat", "Egyptian cat")


def test_the_cat_is_a_cat_and_things_are_neither(net):
    assert imagenet.name_animal(net, data.photograph("chelsea").numpy()).label == "cat"
    for thing in ("coffee", "rocket", "camera"):
        said = imagenet.name_animal(net, data.photograph(thing).numpy())
        assert said.label == "neither"
        assert str(said).startswith("this looks like neither a cat nor a dog; perhaps ")


def test_every_way_to_hand_over_chelsea_gives_the_same_cat(net, tmp_path):
    """The bundled photograph as it comes, by channels first, as PIL picture, as a file, its name and its bytes."""
    tensor = data.photograph("chelsea")
    image = Image.fromarray(tensor.numpy())
    image.save(tmp_path / "chelsea.png")
    ways = [tensor, tensor.permute(2, 0, 1), tensor.numpy(), tensor.permute(2, 0, 1).numpy(), image]
    ways += [tmp_path / "chelsea.png", str(tmp_path / "chelsea.png"), (tmp_path / "chelsea.png").read_bytes()]
    said = [imagenet.name_animal(net, way) for way in ways]
    assert said[0].label == "cat"
    assert all(other == said[0] for other in said)


def test_a_network_that_does_not_say_what_it_wants_is_refused(net):
    with pytest.raises(ValueError, match="take one from models.backbone, or set its `view`"):
        imagenet.name_animal(torch.nn.Linear(3, 1000), data.photograph("chelsea"))


def test_a_tiny_and_an_animated_picture_are_answered_with_a_remark(net):
    assert "only 1 x 1 pixels, so there was little to see" in str(
        imagenet.name_animal(net, file_of(Image.new("RGB", (1, 1), "red")))
    )
    frames = [Image.fromarray(np.full((64, 64), shade, np.uint8)) for shade in (10, 200, 90)]
    gif = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    said = imagenet.name_animal(net, gif)
    assert said.remark == "only the first of its 3 pictures was looked at"
    assert said.top == imagenet.name_animal(net, file_of(frames[0], "GIF")).top


def png_that_claims(width, height):
    """A few bytes that call themselves a picture of any size."""

    def chunk(kind, body):
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"not a picture", "is not a picture that can be read; save it as JPEG or PNG"),
        (b"", "is not a picture that can be read"),
        (png_that_claims(30000, 30000), "has more than 178 million pixels; scale it down"),
    ],
)
def test_what_cannot_be_looked_at_gets_a_sentence(net, content, sentence):
    with pytest.raises(ValueError, match=sentence):
        imagenet.name_animal(net, content)


def test_a_network_with_another_head_is_refused(net):
    with pytest.raises(ValueError, match="whose head was replaced"):
        imagenet.name_animal(models.backbone("animals"), data.photograph("chelsea").numpy())
