"""The sandbox holds, whoever runs this; the trials of ``doctor`` notice where it doesn't."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.box import bwrap, processes, sandbox
from grader.box.bwrap import SandboxMissing
from grader.box.sandbox import Sandbox
from grader.commands import doctor
from grader.commands.doctor import PROPERTIES, Trial
from grader.model import Limits

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(120)]
ALONE = (doctor.memory, doctor.memory_of_children, doctor.processes)


@pytest.fixture(scope="module", autouse=True)
def marked():
    os.environ[doctor.MARK] = "1"
    yield
    del os.environ[doctor.MARK]


@pytest.fixture(scope="module")
def trial(marked):
    with Sandbox() as box:
        yield Trial(box)


@pytest.mark.parametrize("check", PROPERTIES, ids=lambda check: check.__name__)
def test_property(trial, check):
    assert check(trial) == ""


def test_the_watchdog_alone_is_enough():
    with Sandbox(cgroups=False) as box:
        assert box.cgroup is None
        for check in ALONE:
            assert check(Trial(box)) == "", check.__name__


def test_the_trials_notice_what_is_missing():
    with Sandbox(sandbox=False) as box:
        bare = Trial(box)
        for check in (doctor.network, doctor.host_files, doctor.environment_is_empty, doctor.grader_itself):
            assert check(bare) != "", check.__name__


def test_nested_namespaces_refused():
    """Where only bubblewrap itself may make namespaces, each run gets a bubblewrap of its own."""
    with Sandbox(preload=["torch", "IPython"]) as box:
        box.nested = False
        assert doctor.predecessor(Trial(box)) == ""


def test_a_template_that_dies_is_replaced(trial):
    trial.sandbox.process.kill()
    trial.sandbox.process.wait()
    assert trial.run("print(1)") == "1"


def test_nothing_is_left_outside():
    with Sandbox(preload=["torch", "IPython"]) as box:
        folder, process, group = box.folder, box.process, box.cgroup.folder
        box.spawn(0, Limits())
        inside = processes.descendants(process.pid)
        assert len(inside) >= 4
    assert not os.path.exists(folder)
    assert group is None or not group.exists()
    assert not any(
        os.path.exists(f"/proc/{pid}") and b"inside.template" in doctor._bytes(Path(f"/proc/{pid}/cmdline"))
        for pid in inside
    )


def test_everything_dies_with_the_grader():
    code = (
        "import os, signal\nfrom grader.box.sandbox import *\nfrom grader.model import Limits\n"
        "box = Sandbox(preload=['torch', 'IPython']); box.start(); box.spawn(0, Limits())\n"
        "print(*descendants(box.process.pid), flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pids = done.stdout.split()
    assert len(pids) >= 4, done.stderr
    for _ in range(50):
        left = [pid for pid in pids if b"inside.template" in doctor._bytes(Path(f"/proc/{pid}/cmdline"))]
        if not left:
            break
        subprocess.run(["sleep", "0.1"])
    assert not left


def test_without_bubblewrap_it_refuses(monkeypatch, capsys):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(SandboxMissing, match="apt install bubblewrap"), Sandbox():
        pass
    assert doctor.run(argparse.Namespace()) == 3
    assert "refuses" in capsys.readouterr().out


def test_a_broken_bubblewrap_is_named(monkeypatch, tmp_path):
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxMissing, match="No permissions"), Sandbox():
        pass


def test_a_hole_fails_the_doctor(monkeypatch, capsys):
    def leak(trial):
        """no leak"""
        return "sees it"

    monkeypatch.setattr(doctor, "PROPERTIES", (leak,))
    assert doctor.run(argparse.Namespace()) == 3
    assert "FAIL  no leak: sees it" in capsys.readouterr().out


def test_the_course_is_mounted_and_the_grader_is_not(monkeypatch):
    assert (bwrap.course_package() / "checks.py").is_file()
    monkeypatch.setattr(bwrap, "interpreter_paths", lambda: ["/opt/venv"])  # wherever this checkout lies
    args, places = bwrap.command(1 << 20)
    assert "--unshare-all" in args
    assert places == ["/tmp", "/dev/shm"]


def test_hidden_tests_of_the_self_check_are_covered(monkeypatch, tmp_path):
    """Wherever the course's package can be reached inside, its folder of answers is empty there."""
    package = tmp_path / "site-packages" / "helpers"
    (package / "answers").mkdir(parents=True)
    monkeypatch.setattr(bwrap, "course_package", lambda: package)
    monkeypatch.setattr(bwrap, "interpreter_paths", lambda: [str(package.parent)])
    args, _ = bwrap.command(1 << 20)
    for place in (str(package / "answers"), "/opt/course/helpers/answers"):
        covered = [number for number, word in enumerate(args) if word == place and args[number - 1] == "--tmpfs"]
        shown = max(number for number, word in enumerate(args) if word in place and args[number - 2] == "--ro-bind")
        assert covered, place
        assert covered[-1] > shown, place


def test_an_interpreter_in_tmp_stays_visible(monkeypatch, tmp_path):
    monkeypatch.setattr(bwrap, "interpreter_paths", lambda: ["/tmp/venv"])
    assert bwrap.command(1 << 20)[1] == ["/dev/shm"]
