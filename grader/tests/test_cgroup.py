"""Control groups of version 2, on a file system that behaves as the kernel's does."""

import os
import shutil
from pathlib import Path

import pytest

from grader.box.cgroup import Cgroup

KNOBS = {
    "cgroup.procs": "", "memory.current": "1000\n", "memory.max": "max\n", "pids.current": "3\n", "pids.max": "max\n",
    "memory.events": "low 0\noom 2\noom_kill 1\n",
}  # fmt: skip


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """Knobs appear in a folder that is made, and a folder goes though they are in it."""
    knobs = dict(KNOBS)

    def mkdir(self, exist_ok=False):
        os.makedirs(self, exist_ok=exist_ok)
        for name, text in knobs.items():
            (self / name).write_text(text)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "rmdir", shutil.rmtree)
    (tmp_path / "user.slice").mkdir()
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    (tmp_path / "mine").write_text("0::/user.slice\n")
    return knobs


def test_is_a_group_made_limited_and_removed(kernel, tmp_path):
    group = Cgroup(tmp_path, tmp_path / "mine")
    assert (group.why, group.folder.parent) == ("", tmp_path / "user.slice")
    group.add(123)
    group.limit(memory=500, processes=7)
    text = {name: (group.folder / name).read_text() for name in KNOBS}
    assert (text["cgroup.procs"], text["memory.max"], text["pids.max"]) == ("123", "1500", "10")
    assert group.oom_kills() == 1
    folder = group.folder
    group.close()
    assert (group.folder, folder.exists()) == (None, False)
    assert group.oom_kills() == 0
    group.limit(1, 1)
    group.add(1)


def test_are_groups_of_graders_that_were_killed_swept_away(kernel, tmp_path):
    left = tmp_path / "user.slice" / "grader-999999999-1"
    left.mkdir()
    Cgroup(tmp_path, tmp_path / "mine").close()
    assert not left.exists()


def test_is_version_1_left_alone(kernel, tmp_path):
    (tmp_path / "mine").write_text("9:memory:/user.slice\n8:pids:/user.slice\n")
    group = Cgroup(tmp_path, tmp_path / "mine")
    assert (group.folder, group.why) == (None, f"this machine has none of version 2 at {tmp_path}")


def test_is_the_remedy_said_where_nothing_is_delegated(kernel, tmp_path):
    del kernel["pids.max"]
    group = Cgroup(tmp_path, tmp_path / "mine")
    assert group.folder is None
    assert "not delegated to this process: start it with `systemd-run" in group.why
    assert not [path for path in (tmp_path / "user.slice").iterdir() if path.is_dir()]


def test_can_a_group_that_takes_no_process_be_done_without(kernel, tmp_path, monkeypatch):
    group = Cgroup(tmp_path, tmp_path / "mine")
    os.chmod(group.folder, 0o700)
    monkeypatch.setattr(Path, "write_text", lambda self, text: (_ for _ in ()).throw(OSError(1, "Not permitted")))
    group.add(1)
    assert (group.folder, "Not permitted" in group.why) == (None, True)


def test_is_a_system_without_the_file_no_fault(tmp_path):
    assert Cgroup(tmp_path, tmp_path / "nowhere").folder is None
