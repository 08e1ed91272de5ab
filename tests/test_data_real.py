"""Downloads from a server on this machine, damaged files, and folders of photographs as students have them."""

import gzip
import hashlib
import http.server
import io
import json
import os
import struct
import threading
import time
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data
from helpers.data import download, folders, real
from helpers.data.download import DownloadError, fetch

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """One path, one misfortune."""

    def do_GET(self):
        self.server.asked.append(self.path)
        what = self.path.rpartition("/")[2]
        files = self.server.files
        if what not in files and what not in ("good", "html", "cut", "short", "swapped", "slow"):
            self.send_error(404)
            return
        body = files.get(what, {"short": CONTENT[:-1], "swapped": CONTENT[::-1]}.get(what, CONTENT))
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if what == "html" else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if what == "slow":
            time.sleep(3)
        self.wfile.write(body[: len(body) // 2] if what == "cut" else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    monkeypatch.setattr(download.urllib.request, "getproxies", dict)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.files = [], {}
        server.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def homes(tmp_path, monkeypatch):
    """An empty cache, no COURSE_DATA, and no network: a test that wants one asks for the server."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("COURSE_OFFLINE", "1")


def test_a_file_arrives_whole_and_is_not_fetched_twice(server, tmp_path):
    path = tmp_path / "new" / "file.bin"
    for _ in range(2):
        assert fetch([server.url + "good"], path, size=len(CONTENT), md5=MD5, sha256=SHA[:8]) == path
    assert path.read_bytes() == CONTENT
    assert server.asked == ["/good"]
    assert [f.name for f in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ("nothing", "answered 404"),
        ("html", "sent a web page"),
        ("short", "sent 10,239 bytes where 10,240 were expected"),
        ("swapped", "md5 sum is wrong"),
        ("cut", r"broke off after 5,120 of 10,240|did not answer"),
        ("slow", "did not answer"),
    ],
)
def test_a_wrong_answer_is_named_and_leaves_nothing_behind(server, tmp_path, monkeypatch, what, cause):
    monkeypatch.setattr(download, "PATIENCE", 1)
    path = tmp_path / "file.bin"
    with pytest.raises(DownloadError, match=cause) as error:
        fetch([server.url + what], path, size=len(CONTENT), md5=MD5)
    assert str(path) in str(error.value)
    assert list(tmp_path.glob("file*")) == []
    # A clean restart.
    assert fetch([server.url + "good"], path, size=len(CONTENT), md5=MD5).read_bytes() == CONTENT


@pytest.mark.parametrize("what", ["nothing", "html", "short", "swapped", "cut"])
def test_the_second_mirror_helps(server, tmp_path, what):
    path = fetch([server.url + what, server.url + "good"], tmp_path / "file.bin", size=len(CONTENT), sha256=SHA)
    assert path.read_bytes() == CONTENT
    assert server.asked == [f"/{what}", "/good"]


def test_an_empty_file_counts_as_absent(server, tmp_path):
    path = tmp_path / "file.bin"
    path.touch()
    assert fetch([server.url + "good"], path).read_bytes() == CONTENT


def test_a_killed_download_leaves_no_file_and_its_rest_is_cleared_away(tmp_path):
    path = tmp_path / "file.bin"
    if (child := os.fork()) == 0:
        with download.arriving(path) as temporary:
            temporary.write_bytes(b"half")
            os._exit(9)
    os.waitpid(child, 0)
    assert not path.exists()
    (left,) = tmp_path.glob("file.bin.*.part")
    os.utime(left, (0, 0))
    with download.arriving(path) as temporary:
        temporary.write_bytes(b"whole")
    assert [f.name for f in tmp_path.glob("file*")] == ["file.bin"]
    assert path.read_bytes() == b"whole"


def test_offline_never_touches_the_network(server, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(DownloadError, match="COURSE_OFFLINE forbids"):
        fetch([server.url + "good"], tmp_path / "file.bin")
    monkeypatch.setattr(real, "FASHION_MIRRORS", (server.url,))
    assert "instead of Fashion-MNIST" in data.fashion_mnist().source
    assert server.asked == []


def test_no_network_is_noticed_within_seconds(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_OFFLINE")
    monkeypatch.setattr(download.urllib.request, "getproxies", dict)
    monkeypatch.setattr(download.socket, "create_connection", lambda *args, **kwargs: threading.Event().wait())
    start = time.perf_counter()
    with pytest.raises(DownloadError, match="did not answer"):
        fetch(["https://a.invalid/file", "https://b.invalid/file"], tmp_path / "file")
    assert time.perf_counter() - start < 8


# ------------------------------------------------------------------------------------------- Fashion-MNIST


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def fashion_files(n_train=60, n_test=20):
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        contents[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        contents[f"{part}-labels-idx1-ubyte"] = idx((np.arange(n) % 10).astype(np.uint8))
    return contents


@pytest.fixture
def fashion_folder(tmp_path, monkeypatch):
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in fashion_files().items():
        (raw / name).write_bytes(content)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return raw


def test_fashion_mnist_is_read_as_torchvision_reads_it(fashion_folder):
    from torchvision.datasets import FashionMNIST

    splits = data.fashion_mnist(fallback=False)
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [55, 5, 20]
    theirs = FashionMNIST(fashion_folder.parent.parent, train=False)
    assert torch.equal(splits.test.images[:, 0], theirs.data)
    assert torch.equal(splits.test.targets, theirs.targets)
    assert [name.lower() for name in theirs.classes] == [name.lower() for name in splits.classes]
    train = FashionMNIST(fashion_folder.parent.parent, train=True).data
    ours = torch.cat([splits.train.images, splits.val.images])[:, 0]
    assert sorted(ours.flatten(1).tolist()) == sorted(train.flatten(1).tolist())
    assert "real" in splits.source


def test_fashion_mnist_comes_from_the_network_and_then_from_the_cache(server, tmp_path, monkeypatch):
    files = {f"{name}.gz": gzip.compress(content) for name, content in fashion_files().items()}
    server.files.update(files)
    known = {n[:-3]: (len(content), hashlib.md5(content).hexdigest()) for n, content in files.items()}
    monkeypatch.setattr(real, "FASHION_FILES", known)
    monkeypatch.setattr(real, "FASHION_MIRRORS", (server.url + "missing/not-", server.url))
    first = data.fashion_mnist(fallback=False)
    assert len(server.asked) == 8
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert torch.equal(data.fashion_mnist(fallback=False).train.images, first.train.images)


def test_empty_files_count_as_absent(fashion_folder):
    for path in list(fashion_folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.write_bytes(b"")
    assert len(data.fashion_mnist(fallback=False).test) == 20
    for path in fashion_folder.glob("*.gz"):
        path.write_bytes(b"")
    splits = data.fashion_mnist()
    assert splits.source.startswith("digits")
    assert "instead of Fashion-MNIST" in splits.source
    assert splits.test.source == splits.source
    with pytest.raises(DownloadError, match="COURSE_OFFLINE"):
        data.fashion_mnist(fallback=False)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("train-images-idx3-ubyte", lambda c: c[:-5], "47,035 bytes of data, but 47,040 belong"),
        ("train-images-idx3-ubyte", lambda c: c + b"x", "47,041 bytes of data, but 47,040 belong"),
        ("train-labels-idx1-ubyte", lambda c: c[:6], "ends inside its header"),
        ("t10k-images-idx3-ubyte", lambda c: b"\x89PNG\r\n" + c, "not an IDX file"),
        ("t10k-labels-idx1-ubyte", lambda c: b"<html>404</html>", "not an IDX file"),
        ("t10k-labels-idx1-ubyte", lambda c: c[:-1] + b"\x0b", "labels from 0 to 9"),
        ("t10k-labels-idx1-ubyte", lambda c: idx(np.zeros(19, dtype=np.uint8)), "one label each"),
    ],
)
def test_a_damaged_file_is_named_with_cause_and_remedy(fashion_folder, name, change, message):
    path = fashion_folder / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message) as error:
        data.fashion_mnist()
    assert name in str(error.value)
    assert "copy" in str(error.value)


def test_a_truncated_gzip_file_is_named(fashion_folder):
    path = fashion_folder / "train-images-idx3-ubyte"
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes())[:-100])
    path.unlink()
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.gz is damaged"):
        data.fashion_mnist()


def test_half_a_data_set_is_not_topped_up(fashion_folder):
    (fashion_folder / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="lacks train-labels-idx1-ubyte"):
        data.fashion_mnist()


@pytest.mark.parametrize(("make", "cause"), [(False, "is not a folder"), (True, "is empty")])
@pytest.mark.parametrize("load", [data.fashion_mnist, data.pets])
def test_a_wrong_course_data_is_refused(tmp_path, monkeypatch, make, cause, load):
    folder = tmp_path / "nowhere"
    if make:
        folder.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(folder))
    with pytest.raises(FileNotFoundError, match=f"{cause}; correct it, or unset"):
        load()


# ------------------------------------------------------------------------------------------- photographs


def photo(color, size=(60, 40), mode="RGB"):
    return Image.new(mode, size, color)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    rng = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for i in range(10):
            photo(tuple(rng.integers(0, 256, 3))).save(root / name / f"{i}.png")
    return root


def pixels(splits):
    """The colour in the middle of every image by class, sorted."""
    parts = (splits.train, splits.val, splits.test)
    return sorted((int(t), *x[:, 8, 8].tolist()) for part in parts for x, t in zip(*part, strict=True))


def expected(root):
    return sorted(
        (label, *Image.open(path).convert("RGB").getpixel((30, 20)))
        for label, name in enumerate(("cat", "dog"))
        for path in (root / name).glob("*.png")
    )


def test_class_folders_are_split_in_three(folder):
    splits = data.image_folder(folder, 16)
    assert splits.train.images.shape == (12, 3, 16, 16)
    assert (len(splits.val), len(splits.test)) == (4, 4)
    assert all(torch.bincount(p.targets).tolist() == [len(p) // 2] * 2 for p in (splits.train, splits.val, splits.test))
    assert splits.classes == ("cat", "dog")
    assert pixels(splits) == expected(folder)
    assert splits.skipped == ()


def test_train_and_test_folders_are_kept_apart(folder, tmp_path):
    root = tmp_path / "parted"
    root.mkdir()
    (folder).rename(root / "train")
    (root / "test" / "dog").mkdir(parents=True)
    photo((1, 2, 3)).save(root / "test" / "dog" / "only.png")
    splits = data.image_folder(root, 16)
    assert (len(splits.train), len(splits.val), len(splits.test)) == (16, 4, 1)
    assert splits.test.images[0, :, 8, 8].tolist() == [1, 2, 3]
    assert splits.test.targets.tolist() == [1]


def test_kaggles_flat_layout(folder, tmp_path):
    root = tmp_path / "flat" / "train"
    root.mkdir(parents=True)
    for name in ("cat", "dog"):
        for path in (folder / name).glob("*.png"):
            path.rename(root / f"{name}.{path.name}")
    (tmp_path / "flat" / "test1").mkdir()
    photo(0).save(tmp_path / "flat" / "test1" / "1.png")
    one, other = data.image_folder(root, 16), data.image_folder(root.parent, 16)
    assert one.classes == other.classes == ("cat", "dog")
    assert pixels(one) == pixels(other)
    assert len(one.train) + len(one.val) + len(one.test) == 20


def test_odd_files_come_out_right_or_are_skipped_and_reported(tmp_path):
    root = tmp_path / "odd"
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        photo((9, 9, 9)).save(root / name / "plain.png")
    cat = root / "cat"
    photo((0, 255, 255, 0), mode="CMYK").save(cat / "cmyk.jpg", quality=95)
    photo(77, mode="L").save(cat / "grey.jpg")
    Image.fromarray(np.full((40, 60), 300 * 100, dtype=np.uint16)).save(cat / "sixteen.png")
    palette = photo((200, 10, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    palette.save(cat / "palette.gif")
    photo((50, 60, 70, 0), mode="RGBA").save(cat / "clear.png")
    photo((50, 60, 70, 255), mode="RGBA").save(cat / "solid.png")
    (cat / "note.jpg").write_text("my cat")
    (cat / "zero.jpg").touch()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80, 3), dtype=np.uint8)).save(cat / "cut.jpg")
    (cat / "cut.jpg").write_bytes((cat / "cut.jpg").read_bytes()[:900])
    (cat / ".hidden").write_text("x")
    splits = data.image_folder(root, 16, fractions=(0, 0))
    assert [line.split(": ")[0] for line in splits.skipped] == ["cat/cut.jpg", "cat/note.jpg", "cat/zero.jpg"]
    assert "not an image" in splits.skipped[1]
    assert "empty" in splits.skipped[2]
    assert "truncated" in splits.skipped[0]
    assert "3 unreadable left out" in splits.source
    files = sorted(f.name for f in cat.iterdir() if f.name not in ("cut.jpg", "note.jpg", "zero.jpg", ".hidden"))
    colors = dict(zip(files, splits.train.images[splits.train.targets == 0][:, :, 8, 8].tolist(), strict=True))
    wanted = {
        "cmyk.jpg": [255, 0, 0], "grey.jpg": [77] * 3, "sixteen.png": [117] * 3, "palette.gif": [200, 10, 30],
        "clear.png": [255] * 3, "solid.png": [50, 60, 70], "plain.png": [9] * 3,
    }  # fmt: skip
    for name, color in wanted.items():
        assert np.allclose(colors[name], color, atol=4), (name, colors[name])


ODD_FILES = {
    "notes.txt": (lambda path: path.write_text("my cats"), None, "not an image"),
    "zero.jpg": (lambda path: path.touch(), None, "the file is empty"),
    "text.jpg": (lambda path: path.write_text("my cats"), None, "not an image"),
    "cmyk.jpg": (lambda path: photo((0, 255, 255, 0), mode="CMYK").save(path, quality=95), [255, 0, 0], ""),
    "grey.jpg": (lambda path: photo(77, mode="L").save(path, quality=95), [77] * 3, ""),
    "deep.png": (lambda path: photo(300 * 100, mode="I;16").save(path), [117] * 3, ""),
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_one_odd_file_costs_at_most_itself(folder, name):
    """Does each kind of odd file alone come out right, or with a sentence of its own, and are the others kept?"""
    write, color, cause = ODD_FILES[name]
    write(folder / "cat" / name)
    splits = data.image_folder(folder, 16)
    assert splits.skipped == ((f"cat/{name}: {cause}",) if cause else ())
    assert splits.source == "photographs in photos" + (" (1 unreadable left out)" if cause else "")
    found = pixels(splits)
    others = sorted(
        (label, *Image.open(folder / kind / f"{i}.png").getpixel((30, 20)))
        for label, kind in enumerate(("cat", "dog"))
        for i in range(10)
    )
    if color:
        odd = min(
            (row for row in found if row not in others), key=lambda row: np.abs(np.subtract(row[1:], color)).sum()
        )
        assert np.allclose(odd, [0, *color], atol=4)
        found.remove(odd)
    assert found == others


def test_a_text_file_beside_the_class_folders_is_no_class(folder):
    (folder / "readme.txt").write_text("from my phone")
    splits = data.image_folder(folder, 16)
    assert (splits.classes, splits.skipped) == (("cat", "dog"), ())


def test_unequal_classes_are_kept_counted_and_stratified(folder):
    for i in range(2, 10):
        (folder / "dog" / f"{i}.png").unlink()
    photo((1, 2, 3)).save(folder / "dog" / "10.png")
    splits = data.image_folder(folder, 16, fractions=(0.3, 0.3))
    assert splits.source == "photographs in photos; unequal classes: 10 cat, 3 dog"
    assert [torch.bincount(part.targets).tolist() for part in (splits.train, splits.val, splits.test)] == [
        [4, 1], [3, 1], [3, 1],
    ]  # fmt: skip
    assert "unequal classes: 10 cat, 3 dog" in data.image_folder(folder, 16).source
    (folder / "cat" / "0.png").write_text("gone")
    source = data.image_folder(folder, 16).source
    assert source.startswith("photographs in photos (1 unreadable left out);")
    assert source.endswith("; unequal classes: 9 cat, 3 dog")


def test_nearly_equal_classes_are_not_worth_a_sentence(folder):
    for i in (0, 1):
        (folder / "dog" / f"{i}.png").unlink()
    assert data.image_folder(folder, 16).source == "photographs in photos"


def test_a_photograph_lies_upright_and_is_cut_in_the_middle(tmp_path):
    from torchvision.transforms import v2

    rng = np.random.default_rng(3)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 18, 3), dtype=np.uint8)).resize(
        (180, 120), Image.Resampling.BICUBIC
    )
    smooth.save(tmp_path / "a.png")
    reference = np.asarray(v2.Compose([v2.Resize(32), v2.CenterCrop(32)])(smooth)).transpose(2, 0, 1)
    assert np.abs(folders.read_photograph(tmp_path / "a.png", 32).int().numpy() - reference).max() <= 1
    smooth.save(tmp_path / "a.jpg", quality=95)
    assert np.abs(folders.read_photograph(tmp_path / "a.jpg", 32).int().numpy() - reference).mean() < 4
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    smooth.save(tmp_path / "b.png", exif=exif)
    turned = np.asarray(v2.Compose([v2.Resize(32), v2.CenterCrop(32)])(smooth.rotate(-90, expand=True))).transpose(
        2, 0, 1
    )
    assert np.abs(folders.read_photograph(tmp_path / "b.png", 32).int().numpy() - turned).max() <= 1


def test_decoding_happens_once_until_a_file_changes(folder, monkeypatch):
    calls = []
    decode = folders.read_photograph
    monkeypatch.setattr(folders, "read_photograph", lambda *args, **how: calls.append(args) or decode(*args, **how))
    first = data.image_folder(folder, 16)
    assert len(calls) == 20
    again = data.image_folder(folder, 16)
    assert len(calls) == 20
    assert torch.equal(first.train.images, again.train.images)
    photo((250, 0, 250)).save(folder / "cat" / "3.png")
    os.utime(folder / "cat" / "3.png", (1, 1))
    assert (0, 250, 0, 250) in pixels(data.image_folder(folder, 16))
    (folder / "dog" / "4.png").unlink()
    assert pixels(data.image_folder(folder, 16)) == expected(folder)
    assert len(list((download.cache_folder() / "photographs").iterdir())) == 2  # the newest array and its notes
    calls.clear()
    assert pixels(data.image_folder(folder, 16, cache=False)) == expected(folder)
    assert len(calls) == 19


def test_skipped_files_are_remembered_by_the_cache(folder):
    (folder / "cat" / "0.png").write_text("gone")
    first, again = data.image_folder(folder, 16), data.image_folder(folder, 16)
    assert first.skipped == again.skipped != ()
    assert torch.equal(first.test.images, again.test.images)
    (folder / "cat" / "0.png").unlink()
    assert pixels(again) == expected(folder)


def test_writing_into_the_images_does_not_reach_the_cache(folder):
    data.image_folder(folder, 16).train.images.zero_()
    assert pixels(data.image_folder(folder, 16)) == expected(folder)


def test_interrupted_decoding_starts_anew(folder, monkeypatch):
    decode = folders.read_photograph

    def interrupt(path, **settings):
        if path.name == "5.png":
            raise KeyboardInterrupt
        return decode(path, **settings)

    monkeypatch.setattr(folders, "read_photograph", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.image_folder(folder, 16)
    assert list((download.cache_folder() / "photographs").iterdir()) == []
    monkeypatch.setattr(folders, "read_photograph", decode)
    assert pixels(data.image_folder(folder, 16)) == expected(folder)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda p: None, FileNotFoundError, "is not a folder"),
        (lambda p: p.mkdir(), FileNotFoundError, "holds no photographs"),
        (lambda p: (p / "cat").mkdir(parents=True), FileNotFoundError, "holds no photographs"),
        (
            lambda p: [(p / "cat").mkdir(parents=True), photo(0).save(p / "cat" / "1.png")],
            ValueError,
            "only the class 'cat'",
        ),
        (
            lambda p: [
                *((p / name).mkdir(parents=True) for name in ("cat", "dog")),
                photo(0).save(p / "cat" / "1.png"),
                (p / "dog" / "1.jpg").touch(),
            ],
            ValueError,
            "no photograph of the class 'dog' can be read for training: the file is empty",
        ),
    ],
)
def test_a_folder_without_a_data_set_is_refused(tmp_path, build, error, message):
    build(tmp_path / "set")
    with pytest.raises(error, match=message):
        data.image_folder(tmp_path / "set", 16, fractions=(0, 0))


@pytest.mark.parametrize("settings", [{"size": 0}, {"size": 1.5}, {"fractions": (0.6, 0.5)}, {"fractions": (0.2,)}])
def test_wrong_settings_are_refused(folder, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        data.image_folder(folder, **settings)


# ------------------------------------------------------------------------------------------- Oxford-IIIT Pet


@pytest.fixture
def pet_folder(tmp_path, monkeypatch):
    base = tmp_path / "data" / "oxford-iiit-pet"
    (base / "images").mkdir(parents=True)
    (base / "annotations").mkdir()
    rng = np.random.default_rng(2)
    for part, n in (("trainval", 20), ("test", 6)):
        lines = []
        for i in range(n):
            name, breed, species = (f"Birman_{part}{i}", 1, 1) if i % 2 else (f"beagle_{part}{i}", 2, 2)
            color = (200, int(rng.integers(256)), 0) if species == 1 else (0, int(rng.integers(256)), 200)
            photo(color).save(base / "images" / f"{name}.jpg", quality=95)
            lines.append(f"{name} {breed} {species} {i}")
        (base / "annotations" / f"{part}.txt").write_text(
            "#Image CLASS-ID SPECIES BREED ID\n" * (part == "test") + "\n".join(lines)
        )
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    return base


def test_pets_are_read_as_cats_and_dogs(pet_folder):
    splits = data.pets(32, fallback=False)
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [16, 4, 6]
    assert splits.classes == ("cat", "dog")
    for part in (splits.train, splits.val, splits.test):
        red_not_blue = part.images[:, 0, 16, 16] > part.images[:, 2, 16, 16]
        assert torch.equal(part.targets == 0, red_not_blue)
    assert "real" in splits.source


def test_pets_agree_with_torchvision(pet_folder):
    from torchvision.datasets import OxfordIIITPet

    (pet_folder / "annotations" / "test.txt").write_text(
        "\n".join((pet_folder / "annotations" / "test.txt").read_text().splitlines()[1:])
    )
    theirs = OxfordIIITPet(pet_folder.parent, "test", target_types="binary-category")
    assert data.pets(32).test.targets.tolist() == [theirs[i][1] for i in range(len(theirs))]


def test_pets_fall_back_to_drawn_ones_and_say_so(monkeypatch):
    splits = data.pets(32)
    assert "drawn" in splits.source
    assert "instead of Oxford-IIIT Pet" in splits.source
    assert splits.train.images.shape[1:] == (3, 32, 32)
    with pytest.raises(DownloadError, match="COURSE_OFFLINE"):
        data.pets(fallback=False)
    monkeypatch.delenv("COURSE_OFFLINE")
    with pytest.raises(DownloadError, match="download=True"):
        data.pets(fallback=False)


def test_pets_are_downloaded_and_unpacked(server, pet_folder, tmp_path, monkeypatch):
    import tarfile

    sums = {}
    for part in ("images", "annotations"):
        with tarfile.open(tmp_path / f"{part}.tar.gz", "w:gz") as tar:
            tar.add(pet_folder / part, part)
        server.files[f"{part}.tar.gz"] = (tmp_path / f"{part}.tar.gz").read_bytes()
        sums[part] = hashlib.md5(server.files[f"{part}.tar.gz"]).hexdigest()
    monkeypatch.setattr(real, "PETS_FILES", sums)
    monkeypatch.setattr(real, "PETS_MIRRORS", (server.url,))
    here = data.pets(32, fallback=False)
    monkeypatch.delenv("COURSE_DATA")
    fetched = data.pets(32, download=True, fallback=False)
    assert torch.equal(fetched.train.images, here.train.images)


@pytest.mark.parametrize(("name", "content"), [("trainval.txt", None), ("test.txt", "<html>"), ("test.txt", "")])
def test_a_damaged_pet_list_is_named(pet_folder, name, content):
    path = pet_folder / "annotations" / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises((FileNotFoundError, ValueError), match=f"{name}.*fetch the data set again"):
        data.pets(32)


# ------------------------------------------------------------------------------------------- cats and dogs


@pytest.fixture
def zipped(server, tmp_path, monkeypatch):
    """An archive as the published one is laid out, with a program and a README that nobody asked for."""
    path = tmp_path / "published.zip"
    with zipfile.ZipFile(path, "w") as stored:
        stored.writestr("cats_and_dogs_filtered/vectorize.py", "print('run me')")
        for part, n in (("train", 10), ("validation", 3)):
            for label, colour in (("cats", (200, 90, 10)), ("dogs", (10, 90, 200))):
                for i in range(n):
                    stream = io.BytesIO()
                    photo(colour).save(stream, "JPEG")
                    stored.writestr(f"cats_and_dogs_filtered/{part}/{label}/{label[:3]}.{i}.jpg", stream.getvalue())
    content = path.read_bytes()
    server.files["cats.zip"] = content
    monkeypatch.setattr(real, "CATS_VS_DOGS", (server.url + "cats.zip", len(content)))
    return content


def test_are_photographs_fetched_once_and_only_if_asked_for(server, zipped):
    with pytest.raises(DownloadError, match=r"download=True fetches some \(69 MB\). Twenty of your own"):
        data.cats_vs_dogs(32)
    assert server.asked == []
    splits = data.cats_vs_dogs(32, download=True)
    assert [len(part) for part in (splits.train, splits.val, splits.test)] == [16, 4, 6]
    assert splits.classes == ("cats", "dogs")
    red = splits.test.images[:, 0].float().mean((1, 2)) > splits.test.images[:, 2].float().mean((1, 2))
    assert torch.equal(red, splits.test.targets == 0)
    again = data.cats_vs_dogs(32)
    assert torch.equal(again.train.images, splits.train.images)
    assert server.asked == ["/cats.zip"]
    kept = download.cache_folder() / "cats_and_dogs_filtered"
    assert not list(kept.rglob("*.py"))
    assert not list(kept.parent.glob("*.part"))


def test_is_a_damaged_archive_refused_and_nothing_left_of_it(server, zipped):
    middle = zipped.index(b"JFIF") + 200
    server.files["cats.zip"] = (
        zipped[:middle] + bytes(b ^ 255 for b in zipped[middle : middle + 8]) + zipped[middle + 8 :]
    )
    with pytest.raises(ValueError, match="cats_and_dogs_filtered.zip is damaged .* fetch it again"):
        data.cats_vs_dogs(32, download=True)
    assert not (download.cache_folder() / "cats_and_dogs_filtered").exists()


def test_is_a_folder_of_ones_own_found_first(folder, zipped, server, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(folder.parent))
    folder.rename(folder.parent / "cats_vs_dogs")
    splits = data.cats_vs_dogs(16, shorter=20, bicubic=True)
    assert "cats_vs_dogs" in splits.source
    assert splits.train.images.shape[1:] == (3, 16, 16)
    assert server.asked == []


def test_without_network_a_sentence_says_what_else_to_do():
    with pytest.raises(DownloadError, match="COURSE_OFFLINE forbids the network.*label_photographs"):
        data.cats_vs_dogs(32, download=True)


@pytest.mark.parametrize("found", [True, False])
def test_cats_and_dogs_takes_photographs_where_there_are_some_and_drawings_else(found, folder, monkeypatch):
    if found:
        monkeypatch.setenv("COURSE_DATA", str(folder.parent))
        folder.rename(folder.parent / "cats_vs_dogs")
    train, test = data.cats_and_dogs(4, size=32)
    assert ("photographs" in train.source, "photographs" in test.source) == (found, found)
    for part in (train, test):
        assert 2 <= len(part) <= 4
        assert int(part.targets.sum()) * 2 == len(part)
        assert part.images.shape[1:] == (3, 32, 32)
    seen = {image.numpy().tobytes() for image in train.images}
    assert not any(image.numpy().tobytes() in seen for image in test.images)


def middle_colours(images):
    """The label and the colour in the middle of each image."""
    pairs = zip(images.images, images.targets, strict=True)
    return {(int(target), *image[:, 8, 8].tolist()) for image, target in pairs}


def test_does_each_of_cats_and_dogs_keep_its_own_label(folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(folder.parent))
    folder.rename(folder.parent / "cats_vs_dogs")
    train, test = data.cats_and_dogs(6, size=16)
    in_files = set(expected(folder.parent / "cats_vs_dogs"))
    assert middle_colours(train) | middle_colours(test) <= in_files
    assert middle_colours(train) & middle_colours(test) == set()
    assert (len(train), len(test)) == (6, 4)  # a fifth of 20 files are for the test


def test_are_half_of_cats_and_dogs_cats_where_the_folder_has_mostly_dogs(folder, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(folder.parent))
    folder.rename(folder.parent / "cats_vs_dogs")
    for i in range(10, 40):
        photo((i, 5 * i, 200)).save(folder.parent / "cats_vs_dogs" / "dog" / f"{i}.png")
    train, test = data.cats_and_dogs(100, size=16)
    assert train.targets.bincount().tolist() == [6, 6]
    assert test.targets.bincount().tolist() == [2, 2]


@pytest.mark.parametrize(("count", "of_each"), [(2, 1), (5, 2), (8, 4)])
def test_are_drawn_cats_and_dogs_even_where_the_number_is_odd(count, of_each):
    for part in data.cats_and_dogs(count, size=32):
        assert part.targets.bincount().tolist() == [of_each, of_each]


def test_is_one_image_refused_where_a_cat_and_a_dog_are_wanted():
    with pytest.raises(ValueError, match="at least 2, a cat and a dog"):
        data.cats_and_dogs(1, size=16)


def test_notes_of_the_cache_are_plain_json(folder):
    data.image_folder(folder, 16)
    (notes,) = (download.cache_folder() / "photographs").glob("*.json")
    assert json.loads(notes.read_text()) == {}
