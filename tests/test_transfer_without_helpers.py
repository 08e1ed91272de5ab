"""Does the file to copy to work (chapter 12, section 9) do what the course's helpers do?"""

import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

from helpers import data, models, training

FILE = Path(__file__).parents[1] / "chapters" / "transfer_without_helpers.py"


@pytest.fixture(scope="module")
def alone():
    spec = importlib.util.spec_from_file_location("transfer_without_helpers", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn cats and dogs as JPEGs of two shapes, one of them lying on its side as phones store it."""
    base = tmp_path_factory.mktemp("photographs")
    for part, seed in (("train", 0), ("val", 1)):
        drawn = data.drawn_animals(8, size=224, seed=seed)
        larger = F.interpolate(drawn.images.float(), (300, 300), mode="bilinear").round().to(torch.uint8)
        for i, (image, target) in enumerate(zip(larger, drawn.targets, strict=True)):
            place = base / part / drawn.classes[target]
            place.mkdir(parents=True, exist_ok=True)
            cut = image[:, :260] if i % 2 else image
            picture = Image.fromarray(cut.permute(1, 2, 0).numpy())
            exif = Image.Exif()
            if i == 3:
                exif[274] = 6
            picture.save(place / f"{i}.jpg", quality=95, exif=exif)
    return base


@pytest.fixture
def model(alone):
    torch.manual_seed(0)
    net = alone.make_model(2, weights=None)
    net.normalize = data.IMAGENET
    net.view = {"size": 224, "shorter": 256}
    return net


def test_does_it_import_nothing_of_the_course():
    assert "helpers" not in FILE.read_text().replace("transfer_without_helpers", "")


def test_does_it_see_the_pixels_that_the_helpers_see(alone, folder):
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in data.IMAGENET)
    for file in sorted(folder.rglob("*.jpg")):
        ours = data.read_photograph(file, size=224, shorter=256) / 255
        theirs = alone.PLAIN(alone.open_photograph(file)) * std + mean
        assert (ours - theirs).abs().mean() < 0.01, file.name


def test_does_its_loop_take_the_steps_of_fit(alone, folder, model):
    photographs = ImageFolder(folder / "train", alone.PLAIN, loader=alone.open_photograph)
    loader = DataLoader(photographs, batch_size=4)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    alone.train(model, loader, epochs=2, lr=0.01)
    ours = model.fc.weight.detach().clone()
    assert not torch.equal(ours, start["fc.weight"])
    for name, value in model.state_dict().items():
        assert name.startswith("fc.") or torch.equal(value, start[name]), f"{name} of the frozen body moved"

    model.load_state_dict(start)
    head = model.fc
    models.freeze(model)
    head.requires_grad_(True)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    training.fit(model, loader, epochs=2, optimizer=optimizer, progress=False)
    assert torch.allclose(ours, model.fc.weight, atol=1e-5)


def test_does_it_predict_what_the_helpers_predict(alone, folder, model):
    file = sorted((folder / "val").rglob("*.jpg"))[0]
    label, probability = alone.predict(model, ["cat", "dog"], file)
    theirs = models.logits_of(model, file).softmax(0)
    assert label == ["cat", "dog"][theirs.argmax()]
    assert probability == pytest.approx(theirs.max().item(), abs=0.01)


def test_does_the_whole_file_run_from_folder_to_answer(alone, folder, tmp_path, monkeypatch, capsys):
    make = alone.make_model
    monkeypatch.setattr(alone, "make_model", lambda classes: make(classes, weights=None))
    monkeypatch.chdir(tmp_path)
    alone.main(folder)
    said = capsys.readouterr().out
    assert "epoch 5: loss" in said
    assert "validation:" in said
    kept = torch.load(tmp_path / "classifier.pt", weights_only=True)
    assert kept["classes"] == ["cat", "dog"]
    again = make(2, weights=None)
    again.load_state_dict(kept["weights"])
