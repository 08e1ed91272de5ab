"""The command line: sentences with a remedy in place of tracebacks, on every terminal."""

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from grader import commandline


def run_with(monkeypatch, work, capsys) -> tuple[int, str]:
    """Exit status and error text of a command that does this."""
    module = SimpleNamespace(add_arguments=lambda parser: None, run=lambda args: work())
    monkeypatch.setattr(commandline.importlib, "import_module", lambda name: module)
    status = commandline.main("python -m x", "Tries.", {"try": ("x.try", "tries")}, ["try"])
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda path: (path / "nowhere.csv").read_text(), "nowhere.csv: No such file or directory. Correct the name"),
        (lambda path: path.read_text(), "Is a directory. Name a file in that folder"),
        (lambda path: os.scandir(path / "file"), "Not a directory. Name a folder"),
        (lambda path: (path / "file" / "below").mkdir(), "Not a directory. Name a folder"),
        (lambda path: (path / "no" / "below").mkdir(), "below: No such file or directory."),
        (lambda path: (path / "\u72d7").read_text(), "\u72d7: "),
        (lambda path: os.stat(path / "nowhere"), "nowhere: No such file or directory. Correct the name"),
        (lambda path: (path / ("x" * 300)).touch(), "File name too long. Take a shorter name"),
        (lambda path: (path / "loop").read_text(), "loop: Too many levels of symbolic links. Mend the link"),
        (lambda path: (path / "file").mkdir(), "file: File exists. Name a folder"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_with_a_remedy(monkeypatch, capsys, tmp_path, work, words):
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    status, said = run_with(monkeypatch, lambda: work(tmp_path), capsys)
    assert (status, said.count("\n")) == (2, 1)
    assert words in said


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_so_is_a_place_that_cannot_be_written(monkeypatch, capsys, number):
    def work():
        raise OSError(number, os.strerror(number), "/there/x.html")

    status, said = run_with(monkeypatch, work, capsys)
    assert status == 2
    assert said.startswith(f"/there/x.html: {os.strerror(number)}. ")


def test_a_fault_of_our_own_keeps_its_traceback(monkeypatch, capsys):
    with pytest.raises(OSError, match="without a file"):
        run_with(monkeypatch, lambda: (_ for _ in ()).throw(OSError("without a file")), capsys)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", "utf-8"])
def test_a_terminal_that_lacks_a_letter_ends_no_command_after_its_work(encoding):
    code = (
        "from types import SimpleNamespace as S; from grader import commandline as c; import sys\n"
        "say = lambda args: print('\u72d7 \u0639\u0644\u064a \u201e\u00e9\u201c \U0001f600') or print('\u72d7', "
        "file=sys.stderr) or 0\n"
        "c.importlib = S(import_module=lambda name: S(add_arguments=lambda parser: None, run=say))\n"
        "sys.exit(c.main('x', 'x', {'try': ('x', 'x')}, ['try']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, check=False
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    shown = "\u72d7" if encoding == "utf-8" else "\\u72d7"
    assert shown in done.stdout.decode(encoding)
