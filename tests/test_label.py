"""Making a set of one's own: do pressed buttons become a folder that the course can read?"""

import datetime
import os

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


def choose(chooser, contents, names="{}.png"):
    chooser.value = tuple(
        {"name": names.format(i), "type": "image/png", "size": len(c), "content": c, "last_modified": NOW}
        for i, c in enumerate(contents)
    )


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
    choose(chooser, contents)
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


def test_does_a_photograph_wait_whose_folder_cannot_be_written(panel, tmp_path):
    chooser, picture, buttons, said = panel
    contents = [photograph(0), photograph(200)]
    choose(chooser, contents)
    (tmp_path / "mine").write_text("a file in the way")
    buttons["cat"].click()
    assert "0.png was not kept: [Errno" in said.value
    assert "0.png: what is it? (2 to go)" in said.value
    assert picture.value == contents[0]
    (tmp_path / "mine").unlink()
    for name in ("cat", "dog"):
        buttons[name].click()
    assert said.value.endswith("holds 1 cat, 1 dog.")


def test_is_a_disk_that_is_full_left_without_half_a_photograph(tmp_path, monkeypatch):
    def fill(path, content):
        with open(path, "wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(label.Path, "write_bytes", fill)
    with pytest.raises(OSError, match="No space left"):
        label.save_labelled(tmp_path, "cat", photograph(0))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_does_what_is_said_of_a_file_that_is_no_picture_stay_until_the_next_press(panel):
    chooser, _, buttons, said = panel
    choose(chooser, [b"words", photograph(0)])
    buttons["cat"].click()
    assert "0.png was not kept: " in said.value
    assert said.value.endswith("1.png: what is it? (1 to go)")
    buttons["cat"].click()
    assert "not kept" not in said.value


def test_do_photographs_still_wait_when_more_are_chosen(panel):
    chooser, _, buttons, said = panel
    choose(chooser, [photograph(0), photograph(50)], "old-{}.png")
    buttons["cat"].click()
    choose(chooser, [photograph(100)], "new-{}.png")
    asked = []
    for _ in range(2):
        asked.append(said.value.split(":")[0])
        buttons["dog"].click()
    assert asked == ["old-1.png", "new-0.png"]
    assert said.value.endswith("holds 1 cat, 2 dog.")


def test_is_a_folder_in_the_home_counted_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        ipywidgets, "VBox", lambda children, make=ipywidgets.VBox: parts.extend(children) or make(children)
    )
    monkeypatch.setattr("IPython.display.display", lambda *args, **kwargs: None)
    parts = []
    label.label_photographs(os.path.join("~", "mine"))
    chooser, _, row, said = parts
    choose(chooser, [photograph(0)])
    row.children[0].click()
    assert said.value.endswith("holds 1 cat, 0 dog.")
    assert len(list((tmp_path / "mine" / "cat").iterdir())) == 1
