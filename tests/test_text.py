"""Notebooks as text and back."""

import pytest

from tests.notebooks import HERE
from tools.notebooks import FOLDED, NotebookError, bootstrap_source, dumps, find_notebooks, read
from tools.text import from_text, to_text

ALL_SYNTAX = r"""%% [md] id=title
# Numbers

$x^2$, and a fence:

```
%%time is no cell
\%% neither is this
\%| nor this
```

%% id=plot tags=hide-input,remove-output
%| alt: a line: it rises
%| caption: What *we* saw, in $x^2$ ümläut
%| name: fig-line
%| mystnb: {"image": {"width": "80%"}}
%%time
plt.plot()

%% id=softmax
%| nbgrader: solution softmax
\\%% two backslashes stay two

%% id=softmax-visible
%| nbgrader: test softmax-visible 2.5
x = 1

%% [md] id=essay
%| nbgrader: manual essay 2
Why?

%% [md] id=fixed
%| nbgrader: locked fixed
Do not edit.
"""


@pytest.mark.parametrize("text", [ALL_SYNTAX, "%% id=empty\n\n\n%% [md] id=also-empty\n\n"])
def test_text_survives_the_round_trip(text):
    assert to_text(from_text(text)) == text


def test_notebook_survives_the_round_trip():
    for name in ("chapter.md", "solution.md"):
        notebook = from_text((HERE / name).read_text())
        assert dumps(from_text(to_text(notebook))) == dumps(notebook)


@pytest.mark.parametrize("path", find_notebooks([]), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_notebook_of_the_course_survives_the_round_trip(path):
    if "exercises" not in path.parts:
        assert dumps(from_text(to_text(read(path)))) == path.read_text(encoding="utf-8")


def test_metadata_arrives_where_the_book_and_nbgrader_look_for_it():
    cells = {cell.id: cell for cell in from_text(ALL_SYNTAX).cells}
    assert cells["plot"].metadata == {
        "tags": ["hide-input", "remove-output"],
        "mystnb": {
            "image": {"alt": "a line: it rises", "width": "80%"},
            "figure": {"caption": "What *we* saw, in $x^2$ ümläut", "name": "fig-line"},
        },
        **FOLDED,
    }
    assert cells["softmax-visible"].metadata.nbgrader == {
        "grade": True, "grade_id": "softmax-visible", "locked": True, "points": 2.5,
        "schema_version": 3, "solution": False, "task": False,
    }  # fmt: skip
    assert cells["softmax"].metadata.nbgrader.solution
    assert not cells["softmax"].metadata.nbgrader.grade
    assert cells["essay"].metadata.nbgrader == {
        "grade": True, "grade_id": "essay", "locked": False, "points": 2,
        "schema_version": 3, "solution": True, "task": False,
    }  # fmt: skip
    assert cells["fixed"].metadata.nbgrader.locked
    assert "%% neither is this" in cells["title"].source.split("\n")


def test_bootstrap_cell_is_written_whatever_the_text_says():
    assert from_text("%% id=bootstrap\nanything").cells[0].source == bootstrap_source()


def test_missing_ids_come_from_grade_id_or_heading():
    text = "%% [md]\n# The chain rule!\n\n%%\na\n\n%%\nb\n\n%%\n%| nbgrader: test chain_rule 1\nc"
    assert [cell.id for cell in from_text(text).cells] == [
        "the-chain-rule", "the-chain-rule-2", "the-chain-rule-3", "chain-rule",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.md: no cell"),
        ("hello\n%% id=a", "f.md:1: text before the first cell"),
        ("%% id=a\n\n%% ID=b", r"f.md:3: cannot read '%% ID=b'"),
        ("%% id=a\n1\n%% id=a", "f.md:3: the id 'a' is already in line 1"),
        ("%% id=Not_Slug", "f.md:1: the id 'Not_Slug' is no slug"),
        ("%% id=1a2b3c4d", "f.md:1: the id '1a2b3c4d' is no slug"),
        ("%% id=a\n%| alt", "f.md:2: cannot read"),
        ("%% id=a\n%| color: red", "f.md:2: unknown key 'color'"),
        ("%% id=a\nx = 1\n%| alt: late", "f.md:3: a line `%|` stands right below"),
        ("%% id=a\n%| mystnb: {", "f.md:2: `%| mystnb:` needs JSON"),
        ("%% id=a\n%| nbgrader: test a", "f.md:2: cannot read nbgrader"),
        ("%% id=a\n%| nbgrader: test a many", "f.md:2: cannot read nbgrader"),
        ("%% id=a\n%| nbgrader: exam a 1", "f.md:2: cannot read nbgrader"),
    ],
)
def test_errors_name_file_and_line(text, message):
    with pytest.raises(NotebookError) as error:
        from_text(text, "f.md")
    assert message in str(error.value)
