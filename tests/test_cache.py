"""A cache that cannot be written, a disk that is full, a user without a home: does the course do without, or say so?"""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import data
from helpers.data import download, folders
from helpers.data.download import DownloadError, cache_folder, fetch

ROOT = Path(__file__).parents[1]


@pytest.fixture
def photographs(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pets [2024]" / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 256, (70, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets [2024]" / name / f"{i}.png")
    return tmp_path / "pets [2024]"


def everything(splits):
    return torch.cat([splits.train.images, splits.val.images, splits.test.images])


@pytest.mark.sandbox
@pytest.mark.parametrize("room", [40_000, 200_000, 280_000])
def test_a_disk_that_fills_up_while_decoding_costs_the_cache_and_not_the_kernel(photographs, room):
    # 24 photographs of 64 pixels are 295 KB: more than there is room for.
    code = (
        "from helpers import data; import os, sys; s = data.image_folder(sys.argv[1], 64); "
        "print(len(s.train), len(s.val), len(s.test), int(s.train.images.sum())); print(s.source); "
        "print([p for _, _, p in os.walk('/mnt')])"
    )
    done = subprocess.run(
        [
            "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--size", str(room), "--tmpfs", "/mnt",
            "--setenv", "XDG_CACHE_HOME", "/mnt", "--setenv", "PYTHONPATH", str(ROOT),
            sys.executable, "-c", code, str(photographs),
        ],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stderr)
    numbers, source, left = done.stdout.splitlines()
    splits = data.image_folder(photographs, 64, cache=False)
    assert numbers == f"14 5 5 {int(splits.train.images.sum())}"
    assert "decoded anew each time, since nothing can be kept in the cache (No space left on device)" in source
    assert ".npy" not in left, "the unfinished file is gone"
    assert ".part" not in left


def file_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))


def loop(tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "loop"))


def name_too_long(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("x" * 300)))


def device(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self")


def no_home(tmp_path, monkeypatch):
    """HOME and the list of users say nothing, and there is no folder for temporary files."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(download.tempfile, "gettempdir", lambda: "/proc/self")


def over_quota(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(*args):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "posix_fallocate", refuse)


HOMES = [file_in_the_way, loop, name_too_long, device, no_home]


@pytest.mark.parametrize("spoil", [*HOMES, over_quota])
def test_photographs_need_no_cache(photographs, tmp_path, monkeypatch, spoil):
    expected = everything(data.image_folder(photographs, 16, cache=False))
    spoil(tmp_path, monkeypatch)
    splits = data.image_folder(photographs, 16)
    assert torch.equal(everything(splits), expected)
    assert "nothing can be kept in the cache" in splits.source


@pytest.mark.parametrize("spoil", HOMES)
def test_what_was_promised_a_fallback_falls_back(tmp_path, monkeypatch, spoil):
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    spoil(tmp_path, monkeypatch)
    assert data.fashion_mnist().source.startswith("digits")
    assert "instead of Oxford-IIIT Pet" in data.pets(16).source


@pytest.mark.parametrize("spoil", HOMES)
def test_a_folder_that_cannot_be_written_is_not_blamed_on_a_server(tmp_path, monkeypatch, spoil):
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    monkeypatch.setattr(download, "_download", lambda url, path, label: path.write_bytes(b"content"))
    spoil(tmp_path, monkeypatch)
    with pytest.raises(DownloadError, match="cannot be written") as error:
        fetch(["https://server.invalid/file"], cache_folder() / "file")
    assert "server.invalid" not in str(error.value)
    assert "XDG_CACHE_HOME" in str(error.value)


def test_a_disk_that_is_full_ends_a_download_and_asks_no_other_server(tmp_path, monkeypatch):
    asked = []

    def fill(url, path, label):
        asked.append(url)
        with open("/dev/full", "wb") as file:
            file.write(bytes(10**6))

    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    monkeypatch.setattr(download, "_download", fill)
    with pytest.raises(DownloadError, match="cannot be written .No space left on device.; free some space"):
        fetch(["https://a.invalid/file", "https://b.invalid/file"], tmp_path / "file")
    assert len(asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_home_without_a_name_gives_a_folder_among_the_temporary_ones(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache_folder().parent == Path(download.tempfile.gettempdir())
    assert str(os.getuid()) in cache_folder().name


def truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda npy: truncate(npy),
        lambda npy: npy.write_bytes(b""),
        lambda npy: npy.with_suffix(".json").unlink(),
        lambda npy: npy.with_suffix(".json").write_text("{"),
        lambda npy: np.save(npy, np.zeros((24, 3, 8, 8), np.uint8)),
        lambda npy: np.save(npy, np.load(npy).astype(np.float32)),
        lambda npy: npy.with_suffix(".json").write_text("[]"),
        lambda npy: npy.with_suffix(".json").write_text("null"),
        lambda npy: npy.with_suffix(".json").write_text('{"no row": "broken"}'),
        lambda npy: npy.with_suffix(".json").write_text('{"24": "there are 24, from 0"}'),
    ],
)
def test_a_damaged_cache_is_decoded_anew(photographs, tmp_path, monkeypatch, spoil):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = everything(data.image_folder(photographs, 16)).clone()
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    spoil(kept)
    assert torch.equal(everything(data.image_folder(photographs, 16)), first)
    assert torch.equal(everything(data.image_folder(photographs, 16)), first)


def test_another_seed_keeps_what_the_first_one_decoded_and_changed_photographs_clear_it_away(
    photographs, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    decoded = []
    read = folders.read_photograph
    monkeypatch.setattr(folders, "read_photograph", lambda *args, **how: decoded.append(args) or read(*args, **how))
    for seed in (0, 1, 0, 1):
        data.image_folder(photographs, 16, seed=seed)
    assert len(decoded) == 48
    for seed in range(2, 9):
        data.image_folder(photographs, 16, seed=seed)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == folders.ORDERS
    shutil.copy(photographs / "cat" / "0.png", photographs / "cat" / "new.png")
    data.image_folder(photographs, 16)
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1


@pytest.mark.parametrize("settings", [{"shorter": 20}, {"bicubic": True}, {"shorter": 20, "bicubic": True}])
def test_another_way_of_decoding_is_not_cleared_away_with_the_plain_one(photographs, tmp_path, monkeypatch, settings):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data.image_folder(photographs, 16, **settings)
    data.image_folder(photographs, 16)
    monkeypatch.setattr(folders, "read_photograph", lambda *args, **how: pytest.fail("decoded again"))
    data.image_folder(photographs, 16, **settings)


def test_a_file_with_other_content_of_the_same_size_and_time_is_decoded_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for label, shade in (("cat", 10), ("dog", 200)):
        (tmp_path / "set" / label).mkdir(parents=True)
        for i in range(3):
            path = tmp_path / "set" / label / f"{i}.bmp"
            Image.new("RGB", (9, 9), (shade + i,) * 3).save(path)
            os.utime(path, (0, 0))  # as archives do that are packed the same each time
    first = sorted(everything(data.image_folder(tmp_path / "set", 8)).float().mean((1, 2, 3)).tolist())
    assert first == [10, 11, 12, 200, 201, 202]
    cat, dog = tmp_path / "set/cat/0.bmp", tmp_path / "set/dog/0.bmp"
    for source, target in ((cat, "away"), (dog, cat), (tmp_path / "away", dog)):
        os.rename(source, tmp_path / target)
    splits = data.image_folder(tmp_path / "set", 8)
    shades = {}
    for part in (splits.train, splits.val, splits.test):
        for image, target in zip(part.images, part.targets.tolist(), strict=True):
            shades.setdefault(splits.classes[target], set()).add(int(image.float().mean()))
    assert shades == {"cat": {200, 11, 12}, "dog": {10, 201, 202}}


def test_an_old_cache_that_cannot_be_removed_costs_nothing(photographs, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data.image_folder(photographs, 16)
    unlink = Path.unlink

    def refuse(path, missing_ok=False):
        if path.suffix == ".npy":  # Windows keeps what is mapped
            raise PermissionError(13, "The process cannot access the file")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    shutil.copy(photographs / "cat" / "0.png", photographs / "cat" / "new.png")
    assert "nothing can be kept" not in data.image_folder(photographs, 16).source


def test_the_setting_that_names_the_place_is_the_one_to_change(tmp_path, monkeypatch):
    def fill(url, path, label):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download, "_download", fill)
    monkeypatch.delenv("COURSE_OFFLINE", raising=False)
    for name in ("COURSE_DATA", "TORCH_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
        with pytest.raises(DownloadError, match=f"or set {name} to a folder that can be written"):
            fetch(["https://server.invalid/file"], tmp_path / name / "part" / "file")
    with pytest.raises(DownloadError, match="or set XDG_CACHE_HOME to"):
        fetch(["https://server.invalid/file"], tmp_path / "elsewhere" / "file")


def test_a_cache_named_as_in_a_shell_lies_in_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "~/big disk")
    assert cache_folder() == tmp_path / "big disk" / download.NAME
