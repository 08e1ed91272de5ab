"""Canonical form, lint and execution: each test plants one sin and looks for the sentence about it."""

import argparse
import json
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.notebooks import HERE, NAME, make_course
from tools.book.execute import execute_all
from tools.check import run_fix
from tools.lint import lint, lint_course
from tools.notebooks import (
    ROOT,
    NotebookError,
    bootstrap_source,
    canonical,
    dumps,
    find_notebooks,
    nbgrader_metadata,
    read,
    slug,
    write,
)
from tools.release import generate
from tools.text import from_text


@pytest.fixture(scope="module")
def clean_course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture
def course(clean_course, tmp_path):
    return shutil.copytree(clean_course, tmp_path / "course")


def chapter(course: Path) -> Path:
    return course / "chapters" / f"{NAME}.ipynb"


def solution(course: Path) -> Path:
    return course / "solutions" / NAME / f"{NAME}.ipynb"


def change(path: Path, cell_id: str, **fields) -> None:
    """Edit one cell in the JSON of a notebook, as a careless hand would, and keep the rest of the form."""
    notebook = read(path)
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    cell.update(nbformat.from_dict(fields))
    write(notebook, path)


def said(findings) -> str:
    return "\n".join(map(str, findings))


def test_the_notebooks_of_the_course_are_clean():
    assert said(lint_course([])) == ""


def test_a_clean_course_has_no_findings(course):
    assert said(lint_course([], course)) == ""


def test_canonical_is_idempotent_and_drops_what_a_session_leaves(course):
    before = chapter(course).read_text()
    notebook = read(chapter(course))
    for number, cell in enumerate(notebook.cells):
        cell.metadata["collapsed"] = True
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
    notebook.metadata["widgets"] = {"state": 1}
    notebook.metadata["language_info"]["version"] = "3.11.7"
    assert dumps(canonical(notebook)) == before
    assert dumps(canonical(canonical(notebook))) == before


def cells_of(*cells):
    notebook = canonical(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T", id="t"), *cells]))
    assert dumps(canonical(notebook)) == dumps(notebook)
    return {cell.id: cell for cell in notebook.cells}


@pytest.mark.parametrize("tag", ["hide-input", "hide-cell"])
@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("x = 1", "# @title Draw the batches"),
        ("#@title Mine: 2 x 2\nx = 1", "# @title Mine: 2 x 2"),
        ("# @title\nx = 1", "# @title Draw the batches"),
    ],
)
def test_what_the_page_folds_is_folded_in_jupyterlab_and_colab(tag, source, title):
    cell = nbformat.v4.new_code_cell(source, id="draw-the-batches", metadata={"tags": [tag]})
    folded = cells_of(cell)["draw-the-batches"]
    assert folded.source == f"{title}\nx = 1"
    assert folded.metadata == {"tags": [tag], "cellView": "form", "jupyter": {"source_hidden": True}}
    del folded.metadata["tags"]
    assert cells_of(folded)["draw-the-batches"] == nbformat.v4.new_code_cell("x = 1", id="draw-the-batches")


def test_a_title_keeps_the_blank_lines_of_the_formatter_and_a_magic_its_first_line():
    hidden = {"tags": ["hide-input"]}
    cells = cells_of(
        nbformat.v4.new_code_cell("%%capture\nx = 1", id="magic", metadata=hidden),
        nbformat.v4.new_code_cell("# @title A function\n\n\ndef f():\n    pass", id="function", metadata=hidden),
    )
    assert cells["magic"].source == "%%capture\nx = 1"
    assert cells["function"].source == "# @title A function\n\n\ndef f():\n    pass"


def test_visible_checks_are_folded_under_the_name_of_their_task_and_hidden_ones_are_not():
    checks = 'with task("2 halve"):\n    check_equal(halve(4), 2)'
    hidden = f"### BEGIN HIDDEN TESTS\n{checks}\n### END HIDDEN TESTS"
    cells = cells_of(
        *(
            nbformat.v4.new_code_cell(source, id=name, metadata={"nbgrader": nbgrader_metadata("test", name, 1)})
            for name, source in {"halve-visible": checks, "halve-hidden": hidden}.items()
        )
    )
    visible = cells["halve-visible"]
    assert visible.source == f"# @title Check task 2: halve\n{checks}"
    assert (visible.metadata.tags, visible.metadata.cellView) == (["hide-input"], "form")
    assert visible.metadata.jupyter == {"source_hidden": True}
    assert cells["halve-hidden"].source == hidden
    assert set(cells["halve-hidden"].metadata) == {"nbgrader"}
    assert cells_of(*list(cells.values())[1:]) == cells


def test_other_cells_that_nbgrader_knows_are_not_folded():
    data = {"grade": False, "grade_id": "a", "locked": True, "schema_version": 3, "solution": False, "task": False}
    metadata = {"tags": ["hide-input"], "nbgrader": data, "mystnb": {"figure": {"caption": "C."}}}
    assert set(cells_of(nbformat.v4.new_code_cell("x", id="a", metadata=metadata))) == {"t", "a"}
    assert cells_of(nbformat.v4.new_code_cell("# @title x", id="a", metadata=metadata))["a"].source == "# @title x"


def test_a_caption_stands_below_its_figure_and_follows_it():
    figure = nbformat.v4.new_code_cell("draw()", id="plot", metadata={"mystnb": {"figure": {"caption": "One *line*."}}})
    cells = cells_of(figure, nbformat.v4.new_markdown_cell("Next.", id="next"))
    assert list(cells) == ["t", "plot", "plot-caption", "next"]
    assert cells["plot-caption"].source == "**Figure.** One *line*."
    assert cells["plot-caption"].metadata.tags == ["remove-cell"]
    cells["plot"].metadata.mystnb.figure.caption = "Two lines."
    assert cells_of(*list(cells.values())[1:])["plot-caption"].source == "**Figure.** Two lines."
    del cells["plot"].metadata["mystnb"]
    assert list(cells_of(*list(cells.values())[1:])) == ["t", "plot", "next"]


def test_the_command_fix_changes_nothing_the_second_time(course, capsys):
    change(chapter(course), "line", metadata={"tags": ["hide-input"]})
    assert "not in canonical form" in said(lint(chapter(course), course))
    for words in (f"fixed {chapter(course)}", ""):
        assert run_fix(argparse.Namespace(files=[str(chapter(course))])) == 0
        assert capsys.readouterr().out.strip() == words
    assert "canonical" not in said(lint(chapter(course), course))


@pytest.mark.parametrize(
    ("source", "tags", "message"),
    [
        ("with checks.guard():\n    assert True\n    assert 1", ["guard", "hide-input"], ""),
        ("# @title Hold\nwith checks.guard():\n    assert True", ["guard", "hide-input"], ""),
        ("assert True", ["guard", "hide-input"], "a guard is one block `with checks.guard():`"),
        ("x = 1\nwith checks.guard():\n    assert x", ["guard", "hide-input"], "a guard is one block"),
        ("with open('x'):\n    pass", ["guard", "hide-input"], "a guard is one block"),
        ("with checks.guard():\n    assert True", ["guard"], "add the tag hide-input"),
    ],
)
def test_a_guard_is_one_folded_block(course, source, tags, message):
    notebook = read(chapter(course))
    notebook.cells.append(nbformat.v4.new_code_cell(source, id="hold", metadata={"tags": tags}))
    write(canonical(notebook, course), chapter(course))
    found = said(lint(chapter(course), course))
    assert message in found
    assert bool(found) == bool(message)


def test_canonical_completes_nbgrader_metadata():
    notebook = from_text("%% id=a\n%| nbgrader: test a 2\nx = 1")
    notebook.cells[0].metadata.nbgrader = {"grade": True, "grade_id": "a", "points": 2, "locked": False}
    assert canonical(notebook).cells[0].metadata.nbgrader == {
        "grade": True, "grade_id": "a", "locked": True, "points": 2,
        "schema_version": 3, "solution": False, "task": False,
    }  # fmt: skip


def test_random_ids_are_replaced_and_readable_ones_kept():
    notebook = from_text("%% [md] id=title\n# One two\n\n%% id=kept\n1")
    notebook.cells.append(nbformat.v4.new_code_cell("2", id="0a1b2c3d"))
    notebook.cells.append(nbformat.v4.new_code_cell("3", id="kept"))
    assert [cell.id for cell in canonical(notebook).cells] == ["title", "kept", "one-two", "one-two-2"]


@pytest.mark.parametrize(("text", "expected"), [("The chain rule!", "the-chain-rule"), ("x_1 & y", "x-1-y"), ("", "")])
def test_slug(text, expected):
    assert slug(text) == expected


def test_bootstrap_names_the_one_setting_and_honours_another_package(tmp_path):
    setting = "repository: {url: https://example.org/me/fork.git, branch: main, release: v2}\n"
    (tmp_path / "_config.yml").write_text(setting)
    assert 'package = "git+https://example.org/me/fork@v2"' in bootstrap_source(tmp_path)
    (tmp_path / "_config.yml").write_text(setting.replace(", release: v2", ""))
    assert 'package = "git+https://example.org/me/fork@main"' in bootstrap_source(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "no such file"), ("{", "not a notebook"), ('{"a": 1}', "not a notebook")]
)
def test_unreadable_notebooks_are_named(tmp_path, text, reason):
    path = tmp_path / "x.ipynb"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NotebookError, match=f"x.ipynb: .*{reason}"):
        read(path)


@pytest.mark.parametrize(
    ("cell", "fields", "message"),
    [
        ("line", {"outputs": [nbformat.v4.new_output("stream", text="hi")]}, "cell line: stored outputs"),
        ("line", {"execution_count": 3}, "cell line: a stored execution count"),
        ("line", {"id": "title"}, "cell title: this id occurs twice"),
        ("line", {"id": "1a2b3c4d"}, "cell 1a2b3c4d: the id is no readable slug"),
        ("line", {"metadata": {"collapsed": True}}, "cell line: metadata 'collapsed'"),
        ("line", {"metadata": {"tags": ["hide-inputs"]}}, "cell line: unknown tag 'hide-inputs'"),
        ("line", {"metadata": {}}, "cell line: draws without alt text"),
        ("line", {"metadata": {"mystnb": {"image": {"alt": "a"}}}}, "cell line: draws without a caption"),
        ("bootstrap", {"source": "import helpers"}, "cell bootstrap: changed by hand"),
        ("bootstrap", {"id": "start"}, "cell bootstrap: the first code cell must be"),
        ("refusal", {"source": "x = 1\n" * 21}, "cell refusal: 21 lines of code"),
        ("line", {"source": "x ="}, "cell line: a syntax error"),
        ("line", {"source": "import sys\nprint(1, file=sys.stderr)"}, "cell line: uses sys.stderr"),
        ("line", {"source": "for i in tqdm(x): pass"}, "cell line: tqdm writes to stderr"),
        ("line", {"source": "warnings.warn('x')"}, "cell line: a warning goes to stderr"),
        ("title", {"source": "## Sums"}, "cell title: the first heading must be the title"),
        ("lines", {"source": "# Lines"}, "cell lines: a second title"),
        ("lines", {"source": "### Lines"}, "cell lines: a heading of level 3 below level 1"),
        ("lines", {"source": "As the deck says"}, "cell lines: 'the deck'"),
        ("lines", {"source": "See slide 12."}, "cell lines: 'slide 12'"),
        ("lines", {"source": "See [x](02_gone.ipynb#part)."}, "cell lines: the cross-reference '02_gone.ipynb' leads"),
        ("lines", {"source": "See {doc}`the <../gone>`."}, "cell lines: the cross-reference '../gone' leads nowhere"),
        ("lines", {"source": "TODO write"}, "cell lines: 'TODO'"),
        ("lines", {"source": "open('/somewhere/else/x')"}, "cell lines: '/somewhere/else/x'"),
    ],
)
def test_lint_names_file_cell_and_remedy(course, cell, fields, message):
    change(chapter(course), cell, **fields)
    assert f"chapters/{NAME}.ipynb {message}" in said(lint(chapter(course), course))


@pytest.mark.parametrize(
    ("cell", "fields", "message"),
    [
        (
            "count-visible",
            {"source": "with task('2'):\n    pass\nCOUNT"},
            "cell count-visible: a test cell ends with an",
        ),
        ("count-visible", {"source": "x = 1"}, "cell count-visible: a test cell without `with task"),
        (
            "count-visible",
            {"source": "with task('2'):\n    def torch():\n        pass"},
            "cell count-visible: binds torch, which the notebook imports; choose",
        ),
        ("count", {"source": "COUNT = 3"}, "cell count: an answer cell without `### BEGIN SOLUTION`"),
        ("imports", {"source": "### BEGIN SOLUTION\n### END SOLUTION"}, "cell imports: a solution in a cell that"),
        ("count", {"source": "### BEGIN SOLUTION"}, "cell count: `### BEGIN SOLUTION` and `### END SOLUTION` do not"),
        ("count-card", {"source": "How many? (2 points)"}, "cell count-card: the card states 2 points, but"),
        ("count-card", {"source": "How many?"}, "cell count: the card above states no points"),
        ("imports", {"metadata": {"tags": ["raises-exception"]}}, "cell imports: the tag raises-exception hides"),
    ],
)
def test_lint_of_exercises(course, cell, fields, message):
    change(solution(course), cell, **fields)
    assert f"solutions/{NAME}/{NAME}.ipynb {message}" in said(lint(solution(course), course))


def test_plain_words_and_good_links_are_no_findings(course):
    linked = f"[a](#lines) [b](../solutions/{NAME}/{NAME}.ipynb#c) {{doc}}`{NAME}` `[i](j)` [c](https://x.org/y)."
    words = "The kernel slides over the image, and/or 1/2. <b>x</b> https://a.org/b/c"
    change(chapter(course), "lines", source=f"## Lines\n{linked}\n{words}")
    assert said(lint(chapter(course), course)) == ""


def test_a_hidden_test_that_the_grader_cannot_decide_outside_is_found(course):
    source = "### BEGIN HIDDEN TESTS\nwith total:\n    check_equal(COUNT, 3)\n### END HIDDEN TESTS"
    change(solution(course), "count-visible", source=source)
    assert "cell count-visible: this test " in said(lint(solution(course), course))


def test_other_json_is_not_canonical(course):
    chapter(course).write_text(json.dumps(json.loads(chapter(course).read_text()), indent=2))
    assert "not in canonical form" in said(lint(chapter(course), course))


def test_chapter_solution_exercise_and_contents_belong_together(course):
    (course / "_toc.yml").write_text("root: README\n")
    assert f"chapters/{NAME}.ipynb: not in _toc.yml" in said(lint_course([], course))
    assert f"exercises/{NAME}/{NAME}.ipynb: not in _toc.yml" in said(lint_course([], course))
    solution(course).unlink()
    assert f"solutions/{NAME}/{NAME}.ipynb: missing: a chapter needs" in said(lint_course([], course))


def test_edited_exercise_and_leaked_solution_are_found(course):
    exercise = course / "exercises" / NAME / f"{NAME}.ipynb"
    change(exercise, "count", source="### BEGIN SOLUTION\nCOUNT = 3\n### END SOLUTION")
    findings = said(lint_course([], course))
    assert "cell count: solution text left in a release" in findings
    assert "differs from a fresh release at cell count" in findings


def test_run_reports_each_problem_with_its_cell(tmp_path, warm_kernels):
    sins = {
        "raises": "def f():\n    return 1 / 0\nf()",
        "warns": "import warnings\nwarnings.warn('beware')",
        "no-alt": "import matplotlib.pyplot as plt\nlines = plt.plot([1, 2])",
        "empty": "import matplotlib.pyplot as plt\nfigure, ax = plt.subplots()",
        "blank": "import IPython.display\nimport PIL.Image\nIPython.display.display(PIL.Image.new('RGB', (9, 9)))",
        "repr": "import matplotlib.pyplot as plt\nplt.plot([1, 2])",
        "texts": "import matplotlib.pyplot as plt\nlines = plt.plot([1, 2])\nplt.gca().set(xlabel='step')",
        "fine": "import matplotlib.pyplot as plt\nlines = plt.plot([1, 2])\nprint('hi')",
    }
    paths = []
    for name, source in sins.items():
        alt = "" if name == "no-alt" else "\n%| alt: a line"
        paths.append(tmp_path / f"{name}.ipynb")
        write(from_text(f"%% id=early\nx = 1\n\n%% id={name}{alt}\n{source}"), paths[-1])
    results = {result.path.stem: "\n".join(result.problems) for result in execute_all(paths, jobs=2)}
    assert "cell raises: raises ZeroDivisionError: division by zero" in results["raises"]
    assert "return 1 / 0" in results["raises"]
    assert "cell warns: writes to stderr" in results["warns"]
    assert "cell no-alt: a figure without alt text" in results["no-alt"]
    assert "cell empty: writes to stderr" in results["empty"]
    assert "empty figure" in results["empty"]
    assert "cell blank: an empty figure (all of one colour)" in results["blank"]
    assert "cell repr: prints the repr of an object" in results["repr"]
    assert "cell texts: prints the repr of an object" in results["texts"]
    assert results["fine"] == ""


def test_run_reports_a_cell_that_takes_too_long_and_a_kernel_that_dies(tmp_path, warm_kernels):
    write(from_text("%% id=early\nx = 1\n\n%% id=slow\nimport time\ntime.sleep(60)"), tmp_path / "slow.ipynb")
    write(from_text("%% id=early\nx = 1\n\n%% id=dies\nimport os\nos._exit(1)"), tmp_path / "dies.ipynb")
    slow, dies = execute_all([tmp_path / "slow.ipynb", tmp_path / "dies.ipynb"], timeout=5)
    assert slow.problems == ["cell slow: takes longer than 5 s"]
    assert dies.problems == ["cell dies: the kernel died"]


def test_all_notebooks_are_found():
    found = find_notebooks([])
    assert all(path.is_relative_to(ROOT) for path in found)
    assert {path.parent.name for path in found if path.parent.parent == ROOT} <= {"chapters"}


def test_tiny_course_releases_itself_the_same_twice(course, tmp_path):
    one = generate(NAME, tmp_path / "again", course).read_bytes()
    assert one == (course / "exercises" / NAME / f"{NAME}.ipynb").read_bytes()
    assert b"SOLUTION" not in one
    assert b"HIDDEN" not in one
    assert (HERE / "solution.md").exists()


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}},
        {"language_info": {"name": "julia"}, "kernelspec": {"name": "julia-1.11", "display_name": "Julia"}},
    ],
)
def test_is_a_notebook_in_another_language_not_made_one_in_python(metadata):
    notebook = nbformat.from_dict({"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
    with pytest.raises(NotebookError, match=r"is in (R|julia), but this form is for Python"):
        canonical(notebook)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"kernelspec": {"name": "dl", "display_name": "my environment"}},
        {"kernelspec": {"name": "conda-env-dl-py", "display_name": "x", "language": "python"}, "language_info": {}},
        {"language_info": {"name": "ipython"}},
    ],
)
def test_is_a_notebook_of_anybodys_python_kernel_brought_into_form(metadata):
    notebook = nbformat.from_dict({"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})
    assert canonical(notebook).metadata.kernelspec.name == "python3"
