"""Further folders as people have them: classes called like parts, several sets, copies, photographs lying about."""

import shutil

import pytest
import torch
from PIL import Image

from helpers import data
from helpers.data.layout import find_photographs
from tests.test_layouts import JPG, counts, notes, photographs, touch


@pytest.mark.parametrize("names", [("valid", "invalid"), ("test", "control"), ("dev", "prod"), ("validation", "fraud")])
def test_may_a_class_be_called_like_a_part_beside_the_only_other_one(tmp_path, names):
    for name in names:
        photographs(tmp_path / name)
    assert counts(tmp_path) == {"train": {name: 3 for name in sorted(names)}}
    assert f"{names[0]} is taken for a class" in notes(tmp_path)


def test_is_an_unlabelled_part_beside_several_classes_no_class(tmp_path):
    for name in ("cat", "dog", "test"):
        photographs(tmp_path / name)
    assert counts(tmp_path) == {"train": {"cat": 3, "dog": 3}}
    assert "test was not used: it does not say its classes" in notes(tmp_path)


@pytest.mark.parametrize("sets", [("amazon", "dslr", "webcam"), ("fold1", "fold2"), ("v1", "v2")])
@pytest.mark.parametrize("parts", [("train", "test"), ("train", "val", "test")])
def test_are_several_sets_with_parts_of_their_own_refused_instead_of_taken_for_classes(tmp_path, sets, parts):
    for one in sets:
        for part in parts:
            for label in ("cat", "dog"):
                photographs(tmp_path / one / part / label)
    with pytest.raises(
        ValueError, match="has parts of its own with the classes cat, dog; give the folder of one, such"
    ):
        find_photographs(tmp_path)
    assert counts(tmp_path / sets[0])["train"] == {"cat": 3, "dog": 3}


def test_may_parts_in_classes_hold_folders_that_differ(tmp_path):
    for place in ("cat/train/2023", "cat/train/2024", "cat/test/2024", "dog/train/2023", "dog/test/2025"):
        photographs(tmp_path / place)
    assert counts(tmp_path) == {"train": {"cat": 6, "dog": 3}, "test": {"cat": 3, "dog": 3}}


@pytest.mark.parametrize("copy", ["test/cat/9.jpg", "val/dog/9.jpg", "train/cat/9.jpg", "train/dog/9.jpg"])
def test_is_a_copy_of_a_photograph_named(tmp_path, copy):
    for place in ("train/cat", "train/dog", "val/dog", "test/cat"):
        photographs(tmp_path / place)
    before = counts(tmp_path)
    assert "copies" not in notes(tmp_path)
    shutil.copy(tmp_path / "train/cat/0.jpg", tmp_path / copy)
    assert "copies of photographs: 1, as " in notes(tmp_path)
    after = counts(tmp_path)
    assert sum(map(sum, (part.values() for part in after.values()))) == 13, "it is said, and left to the person"
    assert sum(map(sum, (part.values() for part in before.values()))) == 12


@pytest.mark.parametrize("other", [b"", b"another", JPG[0] + b"same length, not the same"])
def test_is_what_is_no_copy_not_called_one(tmp_path, other):
    for label in ("cat", "dog"):
        photographs(tmp_path / label)
        (tmp_path / label / "8.jpg").write_bytes(JPG[0] + b"same length, not the sam" + label[:1].encode())
        (tmp_path / label / "notes.txt").write_text("the same words")
        (tmp_path / label / "empty.jpg").touch()
    (tmp_path / "cat" / "9.jpg").write_bytes(other)
    (tmp_path / "cat" / "lost.jpg").symlink_to("/nowhere.jpg")
    assert "copies" not in notes(tmp_path)


@pytest.mark.parametrize("shares", [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
def test_are_shares_in_float32_shares_although_their_sum_is_a_little_more_than_1(shares):
    rounded = torch.tensor(shares).tolist()
    parts = data.split_indices(torch.arange(100) % 3, rounded)
    assert [len(part) for part in parts] == [round(100 * share) for share in shares]


@pytest.mark.parametrize("place", [".", "PetImages", "PetImages/train"])
def test_are_photographs_that_lie_beside_the_folders_named(tmp_path, place):
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            photographs(tmp_path / "PetImages" / part / ("deep" if part == "train" else ".") / label)
    assert notes(tmp_path) == ""
    photographs(tmp_path / place, 2, "preview{}.png")
    assert counts(tmp_path) == {part: {"cat": 3, "dog": 3} for part in ("train", "test")}
    name = (tmp_path / place).name
    assert f"2 photographs beside the folders in {name} were not used" in notes(tmp_path)


@pytest.mark.parametrize("file", ["train.zip", "data/images.tar.gz", "a.7z", "b.RAR"])
def test_is_an_archive_that_was_not_unpacked_named(tmp_path, file):
    touch(tmp_path / file)
    with pytest.raises(FileNotFoundError, match=f"holds no photographs; unpack .*{file}, and put them into a folder"):
        find_photographs(tmp_path)


def test_are_two_training_sets_beside_a_test_set_named(tmp_path):
    for place in ("train_small", "train_full", "test"):
        for label in ("cat", "dog"):
            photographs(tmp_path / place / label)
    assert "each of train_full, train_small holds cat, dog: if these are the classes" in notes(tmp_path)


@pytest.mark.parametrize("path", [".", "../pets", "./"])
def test_is_a_folder_called_by_its_name_however_it_is_reached(tmp_path, monkeypatch, path):
    for shade, label in enumerate(("cat", "dog")):
        photographs(tmp_path / "pets" / label, 0)
        for i in range(10):
            Image.new("RGB", (9, 9), (i, shade, 0)).save(tmp_path / "pets" / label / f"{i}.png")
    monkeypatch.chdir(tmp_path / "pets")
    assert data.image_folder(path, 8, cache=False).source == "photographs in pets"
