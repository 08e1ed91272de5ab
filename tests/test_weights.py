"""The shipped weights: intact, small, as good as their card says, and what the script makes."""

import hashlib
import json
from importlib.resources import files

import pytest
import torch

from helpers.data import drawn_animals, make_loader
from helpers.models import SmallCNN, count_parameters, pretrained_animals
from tools import train_weights as train

FOLDER = files("helpers.weights")
CARD = json.loads((FOLDER / "animals.json").read_text())


def test_the_file_is_small_and_its_checksum_is_right():
    content = (FOLDER / "animals.safetensors").read_bytes()
    assert len(content) < 1_000_000
    assert hashlib.sha256(content).hexdigest() == CARD["sha256"]


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    import helpers.weights as weights

    for name in ("animals.json", "animals.safetensors"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    assert weights.load_animals()
    content = bytearray((tmp_path / "animals.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "animals.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="damaged; install the course again"):
        weights.load_animals()


def test_the_network_is_ready_for_transfer():
    net = pretrained_animals()
    assert not net.training
    assert net.classes == train.CLASSES
    assert len(net.classes) >= 10
    assert not {"cat", "dog"} & set(net.classes)
    assert 24_000 < count_parameters(net) < 25_000
    mean, std = net.normalize
    assert len(mean) == len(std) == 3


def test_it_is_as_good_as_its_card_says():
    assert train.accuracy(pretrained_animals(), CARD["normalize"]) == pytest.approx(CARD["accuracy"], abs=0.01)
    assert CARD["accuracy"] > 0.75
    for ours, carded in zip(train.normalization(), pretrained_animals().normalize, strict=True):
        assert ours == pytest.approx(carded, abs=1e-3)


def test_wrong_normalisation_ruins_it():
    net = pretrained_animals()
    images, targets = drawn_animals(600, net.classes, seed=77)
    with torch.no_grad():
        right, wrong = (
            sum(int((net(x).argmax(1) == y).sum()) for x, y in make_loader(images, targets, 200, normalize=stats)) / 600
            for stats in (net.normalize, ((0.0,) * 3, (1 / 255,) * 3))
        )
    assert wrong < right - 0.2


def test_the_script_begins_as_it_did_when_it_made_the_file():
    _, losses = train.train(epochs=1)
    assert losses[0] == pytest.approx(CARD["losses"][0], abs=0.05)


@pytest.mark.slow
def test_the_script_makes_the_file_to_tolerance():
    model, losses = train.train()
    assert losses[-1] == pytest.approx(CARD["losses"][-1], abs=0.08)
    assert train.accuracy(model, CARD["normalize"]) == pytest.approx(CARD["accuracy"], abs=0.03)
    images = drawn_animals(600, train.CLASSES, seed=78).images
    with torch.no_grad():
        loader = make_loader(images, torch.zeros(600), 200, normalize=train.normalization())
        ours, theirs = (
            torch.cat([net.eval()(x).argmax(1) for x, _ in loader]) for net in (model, pretrained_animals())
        )
    assert float((ours == theirs).float().mean()) > 0.8


def test_chance_is_what_an_untrained_network_gets():
    torch.manual_seed(0)
    assert train.accuracy(SmallCNN(len(train.CLASSES)), CARD["normalize"]) < 0.2
