"""The maintainers' commands on what people really give them: is nothing lost, and is every refusal a sentence?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from grader import commandline
from tools.__main__ import main
from tools.lint import lint
from tools.notebooks import NotebookError, canonical, dumps, read
from tools.text import to_text

ROOT = Path(__file__).parents[1]
PICTURE = {"x.png": {"image/png": "iVBORw0KGgo="}}


def notebook(tmp_path, *cells, name="n.ipynb", **fields):
    """A notebook as JSON, whatever its cells are."""
    form = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | fields
    (tmp_path / name).write_text(json.dumps(form), encoding="utf-8")
    return tmp_path / name


def markdown(source="![x](attachment:x.png)", **fields):
    return {"cell_type": "markdown", "id": "a", "metadata": {}, "source": source} | fields


def code(source="x = 1", **fields):
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    } | fields


# ------------------------------------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize(
    "pictures", [PICTURE, PICTURE | {"y z.jpg": {"image/jpeg": "/9j/"}}, {"a.svg": {"image/svg+xml": "<svg/>"}}]
)
@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_pasted_pictures_survive_fix(tmp_path, pictures, kind, capsys):
    path = notebook(tmp_path, markdown(attachments=pictures, cell_type=kind))
    assert main(["fix", str(path)]) == 0
    assert read(path).cells[0].attachments == pictures
    before = path.read_text()
    assert main(["fix", str(path)]) == 0
    assert path.read_text() == before


def test_check_asks_to_save_a_pasted_picture_in_images(tmp_path):
    path = notebook(tmp_path, markdown(attachments=PICTURE))
    assert any("pasted picture x.png; save it in images/" in str(finding) for finding in lint(path, ROOT))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (markdown(attachments=PICTURE), "pasted picture, which has no text form; save it in images/"),
        (markdown(cell_type="raw"), "is raw, which has no text form"),
    ],
)
def test_what_has_no_text_form_is_refused(tmp_path, cell, message, capsys):
    path = notebook(tmp_path, cell)
    assert main(["to-text", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert path.name in said.err


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"slideshow": {"slide_type": "slide"}}}, {"metadata": {"my-notes": "ask Ada"}},
        {"metadata": {"title": "x"}}, {"comment": "written by hand"},
    ],
)  # fmt: skip
def test_what_the_form_does_not_keep_is_refused_and_named(tmp_path, fields, capsys):
    path = notebook(tmp_path, markdown("x", **fields))
    before = path.read_bytes()
    assert main(["fix", str(path)]) == 2
    name = next(iter(fields.get("metadata", fields)))
    assert f"holds '{name}', which the canonical form does not keep; remove it" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("key", ["title", "authors", "date"])
def test_notebook_metadata_that_a_person_wrote_is_refused_and_named(tmp_path, key, capsys):
    path = notebook(tmp_path, markdown("x"), metadata={key: "Ada"})
    assert main(["fix", str(path)]) == 2
    assert f"the notebook holds '{key}'" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["collapsed", "ExecuteTime", "executionInfo", "papermill", "vscode", "id"])
def test_what_programs_leave_is_cleared_away(tmp_path, key):
    path = notebook(tmp_path, code(metadata={key: 1}), metadata={"widgets": {}, "colab": {}})
    assert main(["fix", str(path)]) == 0
    assert read(path).cells[0].metadata == {}


def test_what_a_raw_cell_is_for_survives(tmp_path):
    path = notebook(tmp_path, markdown("<b>", cell_type="raw", metadata={"format": "text/html"}))
    assert canonical(read(path)).cells[0].metadata == {"format": "text/html"}


# ------------------------------------------------------------------------------------------- odd notebooks


GRADED = {"grade": True, "solution": False, "points": 1, "schema_version": 3, "locked": True, "task": False}
ODD = {
    "no source": (code(None), "has no text as its source"),
    "number as source": (code(3), "has no text as its source"),
    "half a character": (code("x = '\ud83d'"), "half a character"),
    "half a character in an output": (code(metadata={"tags": ["\udc00"]}), "half a character"),
    "nbgrader is a list": (code(metadata={"nbgrader": [1]}), "nbgrader metadata that is no dictionary"),
    "no grade_id": (code(metadata={"nbgrader": GRADED}), 'nbgrader metadata without "grade_id"'),
    "empty grade_id": (code(metadata={"nbgrader": GRADED | {"grade_id": ""}}), 'without "grade_id"'),
    "points are a word": (code(metadata={"nbgrader": GRADED | {"grade_id": "a", "points": "2"}}), "has '2' points"),
    "points are null": (code(metadata={"nbgrader": GRADED | {"grade_id": "a", "points": None}}), "has None points"),
    "tags are a word": (code(metadata={"tags": "hide-input"}), "tags that are no list of words"),
    "tags hold numbers": (code(metadata={"tags": [1]}), "tags that are no list of words"),
    "metadata is a list": (code(metadata=[]), "metadata that is no dictionary"),
    "unknown kind": (code(cell_type="heading"), "neither markdown, code nor raw"),
    "id is a number": (code(id=3), "has an id that is no text"),
    "id is a list": (code(id=["a"]), "has an id that is no text"),
    "mystnb is a word": (code(metadata={"mystnb": "x"}), "mystnb metadata that is no dictionary"),
    "image is a word": (code(metadata={"mystnb": {"image": "x"}}), "mystnb metadata that is no dictionary"),
    "caption is a number": (code(metadata={"mystnb": {"figure": {"caption": 3}}}), "whose values are no text"),
    "points are endless": (
        code(metadata={"nbgrader": GRADED | {"grade_id": "a", "points": float("inf")}}),
        "has inf points",
    ),
    "points are NaN": (
        code(metadata={"nbgrader": GRADED | {"grade_id": "a", "points": float("nan")}}),
        "has nan points",
    ),
}


@pytest.mark.parametrize("command", ["check", "fix", "to-text"])
@pytest.mark.parametrize("kind", ODD)
def test_an_odd_notebook_gets_a_sentence_and_stays_as_it_is(tmp_path, command, kind, capsys):
    cell, message = ODD[kind]
    path = notebook(tmp_path, markdown("x", id="b"), cell)
    before = path.read_bytes()
    assert main([command, str(path)]) == 2
    said = capsys.readouterr()
    assert "cell 2 " in said.out + said.err
    assert message in said.out + said.err
    assert path.name in said.out + said.err
    assert path.read_bytes() == before


def folder(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    return tmp_path / "folder.ipynb", "folder"


def missing(tmp_path):
    return tmp_path / "nowhere.ipynb", "there is no such file"


def latin(tmp_path):
    (tmp_path / "l.ipynb").write_bytes(json.dumps({"cells": []}).encode() + b"\xe4")
    return tmp_path / "l.ipynb", "not a notebook"


def empty(tmp_path):
    (tmp_path / "e.ipynb").touch()
    return tmp_path / "e.ipynb", "not a notebook"


def a_list(tmp_path):
    (tmp_path / "a.ipynb").write_text("[1, 2]")
    return tmp_path / "a.ipynb", "not a notebook"


def format_3(tmp_path):
    return notebook(tmp_path, nbformat=3, nbformat_minor=0, worksheets=[]), "only nbformat 4 is read"


def name_too_long(tmp_path):
    return tmp_path / ("x" * 300 + ".ipynb"), "File name too long"


def loop(tmp_path):
    (tmp_path / "loop.ipynb").symlink_to("loop.ipynb")
    return tmp_path / "loop.ipynb", "Too many levels of symbolic links"


def kernel_is_a_word(tmp_path):
    return notebook(tmp_path, metadata={"kernelspec": "python3"}), "kernelspec is no dictionary"


def language_is_nothing(tmp_path):
    return notebook(tmp_path, metadata={"language_info": None}), "language_info is no dictionary"


@pytest.mark.parametrize("command", ["check", "fix", "to-text", "time"])
@pytest.mark.parametrize("make", [name_too_long, loop, kernel_is_a_word, language_is_nothing, empty, a_list])
def test_so_does_what_cannot_be_a_notebook(tmp_path, command, make, capsys):
    path, message = make(tmp_path)
    assert main([command, str(path)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "fix", "run"])
def test_an_empty_name_is_not_the_folder_where_somebody_is(tmp_path, command, monkeypatch, capsys):
    path = notebook(tmp_path, markdown("x", id="A"))
    before = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    assert main([command, ""]) == 2
    assert "a name is empty" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_notebooks_of_other_programs_in_hidden_folders_stay_as_they_are(tmp_path):
    for place in (".venv/lib", "_build/html", "chapters/.ipynb_checkpoints"):
        (tmp_path / place).mkdir(parents=True)
        notebook(tmp_path / place, markdown("x", id="A"))
    path = notebook(tmp_path / "chapters", markdown("x", id="A"))
    assert main(["fix", str(tmp_path)]) == 0
    changed = [one for one in tmp_path.rglob("*.ipynb") if json.loads(one.read_text())["cells"][0]["id"] != "A"]
    assert changed == [path]


@pytest.mark.parametrize(
    "line",
    ["mystnb: [1]", 'mystnb: "x"', "mystnb: 3", "nbgrader: test a nan", "nbgrader: test a -3", "nbgrader: test a inf"],
)
def test_a_line_of_the_text_form_that_cannot_be_meant_gets_a_sentence(tmp_path, line, capsys):
    (tmp_path / "t.txt").write_text(f"%% id=a\n%| {line}\nx = 1\n")
    assert main(["from-text", str(tmp_path / "t.txt"), str(tmp_path / "n.ipynb")]) == 2
    assert "t.txt:2: " in capsys.readouterr().err
    assert not (tmp_path / "n.ipynb").exists()


def test_a_task_that_is_not_there_is_named(capsys):
    assert main(["mutants", "02_tensors", "--task", "nonesuch"]) == 2
    assert "no task ['nonesuch'] in 02_tensors; there are describe" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "fix", "to-text"])
@pytest.mark.parametrize("make", [folder, missing, latin, empty, a_list, format_3])
def test_what_is_no_notebook_gets_a_sentence(tmp_path, command, make, capsys):
    path, message = make(tmp_path)
    assert main([command, str(path)]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert path.name in said.err
    assert ";" in said.err, "a remedy follows the cause"
    assert said.err.count("\n") == 1, said.err


@pytest.mark.parametrize("command", ["check", "fix"])
def test_a_folder_stands_for_the_notebooks_in_it(tmp_path, command, capsys):
    notebook(tmp_path, code(), name="a.ipynb")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "a.ipynb").write_text("{")
    assert main([command, str(tmp_path)]) == (command == "check"), "a notebook without a bootstrap cell is not clean"
    assert "a.ipynb" in capsys.readouterr().out


def test_to_text_asks_for_a_notebook_where_it_gets_a_folder(tmp_path, capsys):
    notebook(tmp_path, code())
    assert main(["to-text", str(tmp_path)]) == 2
    assert "this is a folder; name" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "fix", "to-text"])
def test_without_the_extras_a_command_says_what_to_install(command):
    code = "import sys; sys.modules['yaml'] = None; from tools.__main__ import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, command, "chapters/02_tensors.ipynb"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("This command needs the package yaml, which is not installed: `make setup`")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = notebook(tmp_path, code())
    plain = dumps(canonical(read(path)))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert main(["fix", str(path)]) == 0
    assert path.read_bytes() == plain.encode()


def test_a_text_form_in_another_encoding_gets_a_sentence(tmp_path, capsys):
    (tmp_path / "t.txt").write_bytes("%% [md] id=a\nä\n".encode("latin-1"))
    assert main(["from-text", str(tmp_path / "t.txt"), str(tmp_path / "n.ipynb")]) == 2
    assert "is not in UTF-8; save it as UTF-8" in capsys.readouterr().err


def test_a_notebook_that_is_not_there_is_noticed_before_an_environment_is_made(tmp_path, capsys):
    assert main(["colab-test", str(tmp_path / "nope.ipynb")]) == 1
    assert "nope.ipynb: there is no such file" in capsys.readouterr().err


def test_reading_refuses_with_its_own_error(tmp_path):
    for cell, _ in ODD.values():
        with pytest.raises(NotebookError, match="cell 1"):
            read(notebook(tmp_path, cell))


def test_text_keeps_whole_tags(tmp_path):
    path = notebook(tmp_path, code(metadata={"tags": ["hide-input", "remove-cell"]}))
    assert to_text(nbformat.from_dict(read(path))).startswith("%% id=a tags=hide-input,remove-cell\n")


# ------------------------------------------------------------------------------------------- the command line


COMMAND = """
import sys
sys.modules["speaks"] = type(sys)("speaks")
sys.modules["speaks"].add_arguments = lambda parser: None
sys.modules["speaks"].run = lambda args: print("done: 狗 علي é") or 0
from grader.commandline import main
sys.exit(main("x", "y", {"speak": ("speaks", "speak")}, ["speak"]))
"""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_a_terminal_that_lacks_a_letter_does_not_end_a_command(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", COMMAND], env=environment, capture_output=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert b"done: " in done.stdout
    if encoding == "ascii":
        assert rb"\u72d7" in done.stdout


@pytest.mark.parametrize("package", ["nbgrader", "yaml", "jupyter_cache", "mistune.plugins"])
def test_a_package_that_is_missing_is_named_with_the_remedy(package, monkeypatch, capsys):
    def lack(name):
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    monkeypatch.setattr(commandline.importlib, "import_module", lack)
    assert main(["check"]) == 2
    assert (
        f"needs the package {package}, which is not installed: `make setup`, or pip install" in capsys.readouterr().err
    )


def test_a_fault_of_our_own_is_not_called_a_missing_package(monkeypatch):
    def lack(name):
        raise ModuleNotFoundError("No module named 'tools.lnt'", name="tools.lnt")

    monkeypatch.setattr(commandline.importlib, "import_module", lack)
    with pytest.raises(ModuleNotFoundError):
        main(["check"])


def test_a_folder_that_was_deleted_gets_a_sentence(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})\n"
        + COMMAND
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "The folder that you are in was deleted: change to one that is there.\n"


@pytest.mark.parametrize("command", ["fix", "from-text"])
def test_a_disk_that_is_full_leaves_the_notebook_that_was_there(tmp_path, command, monkeypatch, capsys):
    path = notebook(tmp_path, markdown("x"), markdown("y", id="B"))
    (tmp_path / "t.txt").write_text("%% [md] id=a\nother\n")
    before = path.read_bytes()

    def fill(file, text, encoding=None):
        with open(file, "w") as opened:
            opened.write(text[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fill)
    assert main([command, *([str(tmp_path / "t.txt")] if command == "from-text" else []), str(path)]) == 2
    assert f"{path}: No space left on device. Make room on the disk" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["n.ipynb", "t.txt"]


def test_a_link_to_a_notebook_stays_one(tmp_path):
    path = notebook(tmp_path, markdown("x"), markdown("y", id="B"))
    (tmp_path / "link.ipynb").symlink_to(path)
    assert main(["fix", str(tmp_path / "link.ipynb")]) == 0
    assert (tmp_path / "link.ipynb").is_symlink()
    assert read(path).cells[1].id == "cell"


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--jobs", "0"], ["run", "--jobs", "-1"], ["run", "--jobs", "two"], ["run", "--timeout", "0"],
        ["run", "--timeout", "nan"], ["run", "--timeout", "-5"], ["book", "--jobs", "0"], ["slides", "--jobs", "0"],
        ["colab-test", "--jobs", "0"], ["mutants", "02_tensors", "--jobs", "0"],
        ["mutants", "02_tensors", "--limit", "inf"], ["mutants", "02_tensors", "--repeat", "0"],
    ],
)  # fmt: skip
def test_a_number_that_would_wait_for_ever_or_do_nothing_is_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"argument {words[-2]}: " in capsys.readouterr().err
