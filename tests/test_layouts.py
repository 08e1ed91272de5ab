"""Folders as people really have them: is every photograph used that was given, once, and said so where one is not?"""

import math
import os
import shutil
import unicodedata

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data
from helpers.data import layout
from helpers.data.layout import find_photographs

RNG = np.random.default_rng(7)
JPG = (b"\xff\xd8\xff\xe0\0\x10JFIF", ".jpg")


def photographs(folder, n=3, form="{}.jpg"):
    """Files that look like photographs; only `find_photographs` sees them."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        (folder / form.format(i)).write_bytes(JPG[0] + os.fsencode(folder / form.format(i)))


def touch(file, text="x"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def counts(path):
    """How many files of which class each part has."""
    found = find_photographs(path)
    parts = {}
    for part, pairs in found.parts.items():
        labels = [label for _, label in pairs]
        parts[part] = {label: labels.count(label) for label in sorted(set(labels))}
        assert len({os.fsencode(file) for file, _ in pairs}) == len(pairs), "no file counts twice"
    return parts


def notes(path):
    return "; ".join(find_photographs(path).notes)


# ------------------------------------------------------------------------------------------- parts that were given

NFD, NFC = (unicodedata.normalize(form, "Zürich") for form in ("NFD", "NFC"))


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Cat", "cat"),
        ("CAT", "Cat"),
        ("cat ", "cat"),
        (NFD, NFC),
        (NFC, NFD),
        (NFD.upper(), NFC),
        ("straße", "STRASSE"),
    ],
)
def test_names_that_differ_only_in_case_spaces_or_encoding_are_one_class(tmp_path, train, test):
    for part, name, n in (("train", train, 3), ("test", test, 2)):
        photographs(tmp_path / part / name, n)
        photographs(tmp_path / part / "dog", n)
    label = unicodedata.normalize("NFC", train).strip()
    assert counts(tmp_path) == {"train": {label: 3, "dog": 3}, "test": {label: 2, "dog": 2}}
    assert notes(tmp_path) == ""


@pytest.mark.parametrize("extra", ["unsorted", "New Folder", "horse"])
@pytest.mark.parametrize("part", ["val", "test"])
def test_one_folder_more_costs_that_folder_and_is_named(tmp_path, part, extra):
    for place in ("train", part):
        photographs(tmp_path / place / "cat")
        photographs(tmp_path / place / "dog")
    photographs(tmp_path / part / extra, 1)
    assert counts(tmp_path)[part] == {"cat": 3, "dog": 3}
    assert f"{extra} in {part} was not used: no such class in train" in notes(tmp_path)


@pytest.mark.parametrize("stray", ["results/run1.csv", "labels/0.txt", "notes.md", "logs/2024/events.log"])
def test_files_of_other_kinds_in_a_part_cost_nothing(tmp_path, stray):
    for part in ("train", "test"):
        photographs(tmp_path / part / "cat")
        photographs(tmp_path / part / "dog")
    touch(tmp_path / "test" / stray)
    assert counts(tmp_path)["test"] == {"cat": 3, "dog": 3}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training_set", "test_set"), ("seg_train", "seg_test"), ("Training", "Testing"), ("TRAIN", "TEST"),
        ("train_images", "test_images"), ("train-data", "test-data"), ("train2017", "test2017"),
        ("training_set/training_set", "test_set/test_set"), ("seg_train/seg_train", "seg_test/seg_test"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrapper", [".", "archive", "my data/v2"])
def test_parts_are_known_by_the_names_that_they_have_in_the_wild(tmp_path, train, test, wrapper):
    for part, n in ((train, 4), (test, 2)):
        photographs(tmp_path / wrapper / part / "cats", n)
        photographs(tmp_path / wrapper / part / "dogs", n)
    assert counts(tmp_path) == {"train": {"cats": 4, "dogs": 4}, "test": {"cats": 2, "dogs": 2}}


def test_two_validation_folders_are_both_used(tmp_path):
    for part, n in (("train", 4), ("val", 1), ("validation", 2)):
        photographs(tmp_path / part / "a", n)
        photographs(tmp_path / part / "b", n)
    assert counts(tmp_path)["val"] == {"a": 3, "b": 3}


def test_a_test_folder_beside_the_classes_is_the_test_part(tmp_path):
    for name in ("a", "b"):
        photographs(tmp_path / name, 4)
        photographs(tmp_path / "test" / name, 2)
    assert counts(tmp_path) == {"train": {"a": 4, "b": 4}, "test": {"a": 2, "b": 2}}


@pytest.mark.parametrize("place", ["test", "test1", "seg_test", "validation"])
def test_photographs_without_labels_are_not_used_and_that_is_said(tmp_path, place):
    photographs(tmp_path / "train" / "a")
    photographs(tmp_path / "train" / "b")
    photographs(tmp_path / place)
    assert set(counts(tmp_path)) == {"train"}
    assert f"{place} was not used: it does not say its classes" in notes(tmp_path)


def test_what_lies_beside_the_parts_is_named(tmp_path):
    for name in ("train/a", "train/b", "test/a", "test/b", "more"):
        photographs(tmp_path / name)
    assert "more was not used: it is none of the parts" in notes(tmp_path)


# ------------------------------------------------------------------------------------------- train that is no train


@pytest.mark.parametrize("others", [("bus",), ("car", "plane"), ("training", "bus")])
def test_a_class_may_be_called_train(tmp_path, others):
    for name in ("train", *others):
        photographs(tmp_path / name)
    assert counts(tmp_path) == {"train": {name: 3 for name in sorted(("train", *others))}}


@pytest.mark.parametrize("form", ["cat_{}.jpg", "IMG {}.jpg", "{}.jpg"])
def test_a_train_folder_without_labels_gets_a_remedy(tmp_path, form):
    photographs(tmp_path / "train", form=form)
    photographs(tmp_path / "test", form=form)
    with pytest.raises(FileNotFoundError, match="train holds 3 photographs, but nothing says their classes; put them"):
        find_photographs(tmp_path)


def test_an_empty_train_folder_beside_a_test_folder_is_named(tmp_path):
    (tmp_path / "train").mkdir()
    photographs(tmp_path / "test" / "cat")
    with pytest.raises(FileNotFoundError, match="train holds no photographs"):
        find_photographs(tmp_path)


def test_parts_without_training_are_refused(tmp_path):
    for name in ("test/cat", "test/dog", "val/cat"):
        photographs(tmp_path / name)
    with pytest.raises(ValueError, match="holds test and val, but no training part"):
        find_photographs(tmp_path)


# ------------------------------------------------------------------------------------------- hidden and system folders

LITTER = [
    ".ipynb_checkpoints", ".thumbnails", ".AppleDouble", ".git", "__MACOSX", "@eaDir", "@Recycle", "#recycle",
    "$RECYCLE.BIN", "lost+found", "System Volume Information", ".Trash-1000", "__pycache__",
]  # fmt: skip


@pytest.mark.parametrize("litter", LITTER)
@pytest.mark.parametrize("depth", [".", "cat", "cat/2024", "train", "train/cat/x/y"])
def test_hidden_and_system_folders_are_no_photographs_at_any_depth(tmp_path, litter, depth):
    root = tmp_path / "set"
    top = root / "train" if depth.startswith("train") else root
    photographs(top / "cat", 4)
    photographs(top / "dog", 4)
    before = counts(root)
    photographs(root / depth / litter, 2)
    photographs(root / depth / litter / "inner", 2)
    assert counts(root) == before
    assert notes(root) == ""


def test_copies_that_a_notebook_keeps_do_not_come_into_two_parts(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "set" / name / ".ipynb_checkpoints").mkdir(parents=True)
        for i in range(10):
            pixels = RNG.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "set" / name / f"{i}.png")
            copy = tmp_path / "set" / name / ".ipynb_checkpoints" / f"{i}-checkpoint.png"
            shutil.copy(tmp_path / "set" / name / f"{i}.png", copy)
    splits = data.image_folder(tmp_path / "set", 16, cache=False)
    parts = [{x.numpy().tobytes() for x in part.images} for part in (splits.train, splits.val, splits.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20


@pytest.mark.parametrize("link", ["cat/up", "cat/again", "loop"])
def test_a_link_within_the_folder_counts_nothing_twice_and_ends(tmp_path, link):
    photographs(tmp_path / "cat")
    photographs(tmp_path / "dog")
    target = {"cat/up": tmp_path, "cat/again": tmp_path / "dog", "loop": tmp_path / "loop"}[link]
    (tmp_path / link).symlink_to(target)
    assert {label: n for label, n in counts(tmp_path)["train"].items() if label != "loop"} == {"cat": 3, "dog": 3}


def test_classes_may_be_links_to_folders_elsewhere(tmp_path):
    for name in ("cat", "dog"):
        photographs(tmp_path / "store" / name)
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / name).symlink_to(tmp_path / "store" / name)
    assert counts(tmp_path / "set") == {"train": {"cat": 3, "dog": 3}}


# ------------------------------------------------------------------------------------------- wrappers and stray folders


@pytest.mark.parametrize("wrapper", ["PetImages", "a/b/c", "images", "cats and dogs"])
@pytest.mark.parametrize("beside", ["readme.txt", "docs/manual.pdf", "labels.csv", "empty"])
def test_a_folder_around_the_classes_is_seen_through_and_named(tmp_path, wrapper, beside):
    photographs(tmp_path / wrapper / "Cat")
    photographs(tmp_path / wrapper / "Dog")
    (tmp_path / "empty").mkdir() if beside == "empty" else touch(tmp_path / beside)
    assert counts(tmp_path) == {"train": {"Cat": 3, "Dog": 3}}
    assert find_photographs(tmp_path).folder == tmp_path / wrapper


def test_a_folder_around_the_flat_form_is_seen_through(tmp_path):
    photographs(tmp_path / "all", form="cat.{}.jpg")
    photographs(tmp_path / "all", form="dog.{}.jpg")
    assert counts(tmp_path) == {"train": {"cat": 3, "dog": 3}}


@pytest.mark.parametrize("stray", ["sample.submission.csv", "out/log.txt", "read.me.md", "data.v1.zip"])
def test_what_is_no_picture_makes_no_class(tmp_path, stray):
    photographs(tmp_path / "flat", form="cat.{}.jpg")
    photographs(tmp_path / "flat", form="dog.{}.jpg")
    touch(tmp_path / "flat" / stray)
    photographs(tmp_path / "deep" / "cat")
    photographs(tmp_path / "deep" / "dog")
    touch(tmp_path / "deep" / stray)
    for shape in ("flat", "deep"):
        assert counts(tmp_path / shape) == {"train": {"cat": 3, "dog": 3}}


@pytest.mark.parametrize("name", ["notes", "annotations", "models"])
def test_a_folder_without_pictures_beside_the_classes_is_named_and_left_out(tmp_path, name):
    photographs(tmp_path / "cat")
    photographs(tmp_path / "dog")
    touch(tmp_path / name / "inner" / "file.txt")
    assert counts(tmp_path) == {"train": {"cat": 3, "dog": 3}}
    assert f"{name} is no class: it holds no photographs" in notes(tmp_path)


def test_pictures_are_known_without_an_ending(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (9, 9)).save(tmp_path / name / "0001", "PNG")
    assert counts(tmp_path) == {"train": {"cat": 1, "dog": 1}}


@pytest.mark.parametrize("place", ["horse", "train/horse", "wrapper/horse"])
def test_an_empty_class_is_refused_by_name(tmp_path, place):
    top = (tmp_path / place).parent
    photographs(top / "cat")
    photographs(top / "dog")
    (tmp_path / place).mkdir()
    touch(tmp_path / place / ".DS_Store")
    with pytest.raises(ValueError, match="horse is empty; put photographs of this class into it, or remove it"):
        find_photographs(tmp_path)


@pytest.mark.parametrize("place", ["cat", "train/cat", "test/cat", "cat/2024"])
def test_a_folder_that_may_not_be_read_is_refused_by_name(tmp_path, monkeypatch, place):
    for name in ("cat", "dog") if place.startswith("cat") else ("train/cat", "train/dog", "test/cat", "test/dog"):
        photographs(tmp_path / name)
    (tmp_path / place).mkdir(exist_ok=True)
    scan = os.scandir

    def refuse(path):
        if os.fspath(path) == os.fspath(tmp_path / place):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(layout.os, "scandir", refuse)
    with pytest.raises(ValueError, match=f"{place} cannot be read .Permission denied.; allow reading it"):
        find_photographs(tmp_path)


def test_two_folders_of_one_class_are_one_class_and_that_is_said(tmp_path):
    for name in ("Cat", "cat", "dog"):
        photographs(tmp_path / name)
    assert counts(tmp_path) == {"train": {"Cat": 6, "dog": 3}}
    assert "Cat and cat are taken for one class" in notes(tmp_path)


def test_a_link_that_leads_nowhere_is_listed(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.new("RGB", (9, 9)).save(tmp_path / name / f"{i}.png")
    (tmp_path / "cat" / "9.jpg").symlink_to("/nowhere/9.jpg")
    assert data.image_folder(tmp_path, 8, cache=False).skipped == ("cat/9.jpg: the link leads nowhere",)


# ------------------------------------------------------------------------------------------- names of any bytes


@pytest.mark.parametrize("name", [b"K\xe4tzchen", b"\xff\xfe", b"a\nb", "狗".encode(), "e\u0301".encode()])
@pytest.mark.parametrize("where", ["file", "class", "folder"])
@pytest.mark.parametrize("cache", [True, False])
def test_names_of_any_bytes_are_read_and_can_be_printed(tmp_path, monkeypatch, name, where, cache):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for label in ("cat", "dog"):
        (tmp_path / "set" / label).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (9, 9), (i, i, i)).save(tmp_path / "set" / label / f"{i}.png")
    (tmp_path / "set" / "cat" / "bad.jpg").write_text("no picture")
    old = {"file": "set/cat/bad.jpg", "class": "set/cat", "folder": "set"}[where]
    new = os.path.join(os.path.dirname(os.fsencode(tmp_path / old)), name + b".jpg" * (where == "file"))
    os.rename(tmp_path / old, new)
    root = os.fsdecode(new) if where == "folder" else tmp_path / "set"
    for _ in range(2):
        splits = data.image_folder(root, 8, cache=cache)
        assert len(splits.train) + len(splits.val) + len(splits.test) == 8
        assert len(splits.skipped) == 1
        "".join((repr(splits), *splits.classes, *splits.skipped)).encode("utf-8")


# ------------------------------------------------------------------------------------------- shares


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.5, 0.5), (1 / 3,) * 3, (0.7, 0.1, 0.2), (0.9, 0.05, 0.05)])
@pytest.mark.parametrize("n", [3, 7, 12, 31, 64, 99, 1001])
def test_shares_that_add_up_to_one_leave_no_image_out(shares, n):
    parts = data.split_indices(torch.arange(n) % 3, shares)
    assert sorted(torch.cat(parts).tolist()) == list(range(n))
    assert all(len(part) for part in parts)
    if n > 50:
        assert all(abs(len(part) - share * n) < 1 for part, share in zip(parts, shares, strict=True))


@pytest.mark.parametrize(("shares", "total"), [((0.3, 0.3), 6), ((0.25,), 2), ((0.0, 0.5), 5), ((0.33, 0.33), 7)])
def test_shares_below_one_leave_the_rest(shares, total):
    assert sum(len(part) for part in data.split_indices(torch.zeros(10), shares)) == total


@pytest.mark.parametrize("shares", [torch.tensor([0.8, 0.2]), [torch.tensor(0.8), 0.2], ("0.8", "0.2"), [8, 2]])
def test_shares_may_be_numbers_of_any_type(shares):
    assert [len(part) for part in data.split_indices(torch.zeros(10), shares)] == [8, 2]


@pytest.mark.parametrize("fractions", [0.2, None, (), (0.2,), (0.2, "x"), {"val": 0.2, "test": 0.2}, (math.nan, 0.2)])
def test_fractions_that_are_no_two_shares_are_refused_by_name(tmp_path, fractions):
    with pytest.raises(ValueError, match="fractions must be two shares"):
        data.image_folder(tmp_path, 16, fractions=fractions)


@pytest.mark.parametrize(
    "sizes",
    [
        (6, 6), (11,), (12, 0), (5, -1), (0.6, 0.5), (0.334, 0.333, 0.334), (2.5, 2), (), 0.8, None,
        {"train": 0.8, "val": 0.2}, (math.inf, 0.1), (math.nan, 0.5), ("most", "rest"),
    ],
)  # fmt: skip
def test_more_images_than_there_are_cannot_be_asked_for(sizes):
    with pytest.raises(ValueError, match="cannot cut 10 images"):
        data.split_indices(torch.zeros(10), sizes)


@pytest.mark.parametrize(
    "n", [{"cat": 1, "dog": 1}, {"cat": 10, "dog": 1}, {"a": 1, "b": 2, "c": 1}, {"a": 40, "b": 1}]
)
def test_a_class_with_few_photographs_is_in_training(tmp_path, n):
    for label, count in n.items():
        (tmp_path / label).mkdir()
        for i in range(count):
            Image.new("RGB", (9, 9), (i, 0, 0)).save(tmp_path / label / f"{i}.png")
    for seed in range(4):
        splits = data.image_folder(tmp_path, 8, seed=seed, cache=False)
        assert sum(map(len, (splits.train, splits.val, splits.test))) == sum(n.values())
        assert set(splits.train.targets.tolist()) == set(range(len(n)))


# ------------------------------------------------------------------------------------------- further of the same kinds


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("trn", "vld", "tst"), ("x_train", "x_val", "x_test"), ("01_train", "02_eval", "03_holdout")],
)
@pytest.mark.parametrize("turned", [False, True])
def test_are_short_names_of_parts_known_around_the_classes_and_in_them(tmp_path, train, val, test, turned):
    for part, n in ((train, 4), (val, 2), (test, 3)):
        for label in ("cat", "dog"):
            photographs(tmp_path / label / part if turned else tmp_path / part / label, n, part + "{}.jpg")
    expected = {"train": 4, "val": 2, "test": 3}
    assert counts(tmp_path) == {part: {"cat": n, "dog": n} for part, n in expected.items()}
    assert notes(tmp_path) == ""


def test_is_a_class_called_test_beside_classes_with_folders_of_their_own_no_part(tmp_path):
    for place in ("cat/2023", "cat/2024", "dog/2024"):
        photographs(tmp_path / place)
    assert counts(tmp_path) == {"train": {"cat": 6, "dog": 3}}
    assert notes(tmp_path) == ""


@pytest.mark.parametrize("around", [("tr", "te"), ("images", "masks"), ("fold1", "fold2", "fold3")])
def test_are_folders_that_all_hold_the_same_folders_named(tmp_path, around):
    for one in around:
        for label in ("cat", "dog"):
            photographs(tmp_path / one / label)
    assert f"each of {', '.join(around)} holds cat, dog: if these are the classes" in notes(tmp_path).replace(
        "te, tr", "tr, te"
    )


@pytest.mark.parametrize("link", ["hard", "soft", "chain"])
@pytest.mark.parametrize("to", ["test/cat", "train/dog"])
def test_does_a_link_to_a_photograph_count_it_once(tmp_path, link, to):
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            photographs(tmp_path / part / label)
    before = counts(tmp_path)
    file, other = tmp_path / "train/cat/0.jpg", tmp_path / to / "9.jpg"
    if link == "hard":
        os.link(file, other)
    else:
        (tmp_path / "way.jpg").symlink_to(file)
        other.symlink_to(tmp_path / "way.jpg" if link == "chain" else file)
    assert counts(tmp_path) == before
    assert "1 of " in notes(tmp_path)
    assert "links to files that are there already" in notes(tmp_path)


def test_may_every_photograph_be_a_link_into_a_store_beside(tmp_path):
    for i in range(12):
        photographs(tmp_path / "store", 1, f"{i}.jpg")
        place = tmp_path / ("train" if i < 8 else "test") / ("cat" if i % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.jpg").symlink_to(tmp_path / "store" / f"{i}.jpg")
    assert counts(tmp_path) == {"train": {"cat": 4, "dog": 4}, "test": {"cat": 2, "dog": 2}}


@pytest.mark.parametrize("missing", ["nothing", "empty folder", "unreadable"])
@pytest.mark.parametrize("part", ["val", "test"])
def test_is_a_class_that_a_given_part_lacks_named(tmp_path, part, missing):
    for place in ("train/cat", "train/dog", f"{part}/cat"):
        (tmp_path / place).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (9, 9), (i, 0, 0)).save(tmp_path / place / f"{i}.png")
    if missing != "nothing":
        (tmp_path / part / "dog").mkdir()
    if missing == "unreadable":
        (tmp_path / part / "dog" / "0.jpg").touch()
    assert f"no photograph of dog in {part}" in data.image_folder(tmp_path, 8, cache=False).source


@pytest.mark.parametrize("shares", [(float("nan"), 0.2), (0.2, float("nan")), (0.5, 0.5), (float("inf"), 0)])
def test_are_shares_that_are_no_numbers_refused(tmp_path, shares):
    with pytest.raises(ValueError, match="two shares with a sum below 1"):
        data.image_folder(tmp_path, 8, shares)


def test_is_the_format_of_a_telephone_named_with_its_remedy(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(3):
            Image.new("RGB", (9, 9)).save(tmp_path / label / f"{i}.png")
    (tmp_path / "cat" / "9.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(50))
    (skipped,) = data.image_folder(tmp_path, 8, cache=False).skipped
    assert skipped == "cat/9.HEIC: this format cannot be read here; save it as JPEG or PNG"
