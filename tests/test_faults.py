"""Plant each fault in a copy of the repository and see the gate bite, naming notebook and cell.

The rules one by one are tested in test_notebooks.py, the builder of the book in test_book.py.
"""

import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from tools import check, notebooks, release
from tools.__main__ import main
from tools.book.execute import OTHER_CPU
from tools.notebooks import ROOT, read, write

NAME = "02_tensors"
CHAPTER = Path("chapters", f"{NAME}.ipynb")
SOLUTION = Path("solutions", NAME, f"{NAME}.ipynb")
EXERCISE = Path("exercises", NAME, f"{NAME}.ipynb")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The files that git knows (or would add), and nothing else."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    copy = tmp_path_factory.mktemp("repository") / "course"
    for name in filter(None, names):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def copy(clean, tmp_path, monkeypatch):
    """A copy of the repository on which the commands work."""
    course = shutil.copytree(clean, tmp_path / "course")
    for module in (check, notebooks, release):
        monkeypatch.setattr(module, "ROOT", course)
    return course


def edit(path: Path, cell_id: str, change) -> None:
    """Change one cell of a notebook."""
    notebook = read(path)
    change(next(cell for cell in notebook.cells if cell.id == cell_id))
    write(notebook, path)


def first(path: Path, wanted) -> str:
    """The id of the first cell that `wanted` accepts."""
    return next(cell.id for cell in read(path).cells if wanted(cell))


def is_test(cell) -> bool:
    return cell.metadata.get("nbgrader", {}).get("points", 0) > 0


def store_output(course: Path) -> tuple[Path, str, str]:
    cell = first(course / CHAPTER, lambda cell: cell.cell_type == "code")
    edit(course / CHAPTER, cell, lambda cell: cell.outputs.append(nbformat.v4.new_output("stream", text="hi")))
    return CHAPTER, cell, "stored outputs"


def drop_alt_text(course: Path) -> tuple[Path, str, str]:
    cell = first(course / CHAPTER, lambda cell: "alt" in cell.metadata.get("mystnb", {}).get("image", {}))
    edit(course / CHAPTER, cell, lambda cell: cell.metadata.pop("mystnb"))
    return CHAPTER, cell, "without alt text"


def repeat_id(course: Path) -> tuple[Path, str, str]:
    one, other = [cell.id for cell in read(course / CHAPTER).cells][-2:]
    edit(course / CHAPTER, other, lambda cell: cell.update(id=one))
    return CHAPTER, one, "occurs twice"


def edit_exercise(course: Path) -> tuple[Path, str, str]:
    cell = first(course / EXERCISE, lambda cell: cell.cell_type == "markdown")
    edit(course / EXERCISE, cell, lambda cell: cell.update(source=cell.source + "\n\nA hint by hand."))
    return EXERCISE, cell, "differs from a fresh release"


def leave_solution(course: Path) -> tuple[Path, str, str]:
    cell = first(course / EXERCISE, lambda cell: cell.metadata.get("nbgrader", {}).get("solution"))
    source = next(one.source for one in read(course / SOLUTION).cells if one.id == cell)
    edit(course / EXERCISE, cell, lambda cell: cell.update(source=source))
    return EXERCISE, cell, "solution text left in a release"


def end_with_expression(course: Path) -> tuple[Path, str, str]:
    cell = first(course / SOLUTION, is_test)
    edit(course / SOLUTION, cell, lambda cell: cell.update(source=cell.source + "\n1 + 1"))
    return SOLUTION, cell, "ends with an expression"


def change_bootstrap(course: Path) -> tuple[Path, str, str]:
    edit(course / CHAPTER, "bootstrap", lambda cell: cell.update(source="import helpers"))
    return CHAPTER, "bootstrap", "changed by hand"


def break_reference(course: Path) -> tuple[Path, str, str]:
    cell = read(course / CHAPTER).cells[-1].id
    edit(course / CHAPTER, cell, lambda cell: cell.update(source=cell.source + "\n\nSee [this](99_gone.ipynb)."))
    return CHAPTER, cell, "leads nowhere"


def leave_contents(course: Path) -> tuple[Path, str, str]:
    contents = course / "_toc.yml"
    contents.write_text(contents.read_text().replace(f"chapters/{NAME}", "chapters/elsewhere"))
    return CHAPTER, "", "not in _toc.yml"


@pytest.mark.parametrize(
    "plant",
    [
        store_output, drop_alt_text, repeat_id, edit_exercise, leave_solution, end_with_expression, change_bootstrap,
        break_reference, leave_contents,
    ],
)  # fmt: skip
def test_check_refuses(plant, copy, capsys):
    main(["check", *(str(copy / path) for path in (CHAPTER, SOLUTION, EXERCISE))])
    before = capsys.readouterr().out.splitlines()
    path, cell, message = plant(copy)
    assert main(["check", str(copy / path)]) == 1
    lines = sorted(set(capsys.readouterr().out.splitlines()) - set(before))
    assert any(line.startswith(str(path)) and cell in line and message in line for line in lines), "\n".join(lines)


@pytest.mark.parametrize("plant", [edit_exercise, leave_solution])
def test_release_check_refuses(plant, copy, capsys):
    assert main(["release", "--check", NAME]) == 0
    path, cell, _ = plant(copy)
    assert main(["release", "--check", NAME]) == 1
    assert f"{path}: differs from a fresh release at cell {cell}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "message"),
    [("1 / 0", "raises ZeroDivisionError"), ("import warnings\nwarnings.warn('old')", "writes to stderr")],
)
def test_run_refuses(source, message, copy, capsys, warm_kernels):
    """The chapter is cut behind the planted cell, because the rest has nothing to do with it."""
    notebook = read(copy / CHAPTER)
    planted = nbformat.v4.new_code_cell(source, id="planted")
    position = next(number for number, cell in enumerate(notebook.cells) if cell.id == "bootstrap")
    notebook.cells[position + 1 :] = [planted]
    write(notebook, copy / CHAPTER)
    assert main(["run", str(copy / CHAPTER)]) == 1
    assert f"{CHAPTER.name} cell planted: {message}" in capsys.readouterr().out


def test_run_can_add_up_as_another_processor_does(tmp_path, monkeypatch):
    for name in OTHER_CPU:
        monkeypatch.setenv(name, "")  # what the command sets is forgotten after this test
        monkeypatch.delenv(name)
    asked = "import torch\nprint(torch.backends.cpu.get_cpu_capability())"
    path = tmp_path / "asks.ipynb"
    write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(asked, id="asked")]), path)
    assert main(["run", str(path), "--other-cpu", "--save", str(path)]) == 0
    assert "AVX512" not in read(path).cells[0].outputs[0].text
    assert os.environ["ATEN_CPU_CAPABILITY"] == "avx2"
