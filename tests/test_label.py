"""Making a set of one's own: do pressed buttons become a folder that the course can read?"""

import datetime

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from helpers import data
from helpers.interactive import label
from tests.test_decoding import file_of

RNG = np.random.default_rng(0)
NOW = datetime.datetime(2026, 1, 1)


def photograph(shade):
    return file_of(Image.fromarray(RNG.integers(shade, shade + 40, (20, 30, 3), dtype=np.uint8)))


@pytest.fixture
def panel(monkeypatch, tmp_path):
    """The parts of the panel: chooser, picture, buttons by name, words."""
    boxes = []
    make = ipywidgets.VBox
    monkeypatch.setattr(ipywidgets, "VBox", lambda children: boxes.append(children) or make(children))
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: None)
    label.label_photographs(tmp_path / "mine")
    ((chooser, picture, row, said),) = boxes
    return chooser, picture, {button.description: button for button in row.children}, said


def test_do_presses_make_a_folder_that_can_be_read(panel, tmp_path):
    chooser, picture, buttons, said = panel
    assert all(button.disabled for button in buttons.values())
    contents = [photograph(0), photograph(200), photograph(100), photograph(10), photograph(210)]
    chooser.value = tuple(
        {"name": f"{i}.png", "type": "image/png", "size": len(c), "content": c, "last_modified": NOW}
        for i, c in enumerate(contents)
    )
    for i, name in enumerate(["cat", "dog", "leave out", "cat", "dog"]):
        assert picture.value == contents[i]
        assert said.value.startswith(f"{i}.png: what is it?")
        buttons[name].click()
    assert said.value.endswith("holds 2 cat, 2 dog.")
    splits = data.image_folder(tmp_path / "mine", 16, fractions=(0, 0), cache=False)
    assert splits.train.targets.tolist() == [0, 0, 1, 1]
    assert splits.train.images[:2].float().mean() < 60 < 190 < splits.train.images[2:].float().mean()


def test_is_a_file_that_is_no_picture_refused(tmp_path):
    with pytest.raises(ValueError, match="not a picture that can be read"):
        label.save_labelled(tmp_path, "cat", b"words")
    assert not list(tmp_path.rglob("*.img"))


def test_one_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least two classes"):
        label.label_photographs(tmp_path, ["cat"])
