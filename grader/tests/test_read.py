"""Reading: a notebook of any encoding and version, or a sentence about what it is instead."""

import dataclasses
import json
import time

import pytest

from grader.model import Refused
from grader.notebook.read import read_notebook
from grader.notebook.rebuild import rebuild
from grader.tests.submissions import (
    answer,
    encode,
    rebuilt,
    released,
    solution,
    solved,
)


@pytest.mark.parametrize(
    ("encoding", "code"),
    [("utf-8", None)] + [(name, "encoding") for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")],
)
def test_every_encoding_is_read_and_reported(source, encoding, code):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "  # crème"
    cells, notes = rebuilt(source, json.dumps(notebook, ensure_ascii=False).encode(encoding))
    assert "crème" in cells["scale"].source
    assert notes == ([code] if code else [])


def test_version_3_is_upgraded(source):
    old = []
    for cell in solved(source)["cells"]:
        text = cell.pop("source")
        old.append(cell | ({"input": text, "language": "python"} if cell["cell_type"] == "code" else {"source": text}))
    content = encode({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": old}]})
    cells, notes = rebuilt(source, content)
    assert notes == ["upgraded"]
    assert all(cell.attempted for cell in cells.values() if cell.kind == "answer")


@pytest.mark.parametrize("version", [5, 99, "4", None, [4]])
def test_a_wrong_version_is_read_anyway(source, version):
    notebook = solved(source) | {"nbformat": version}
    cells, notes = rebuilt(source, notebook)
    assert notes == ["wrong-version"]
    assert cells["scale"].attempted
    (note,) = read_notebook(encode(notebook))[1]
    assert "None" not in note.instructor
    assert ("as a number" in note.student) == (type(version) is not int)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"PK\x03\x04 not a notebook", "an archive or an Office document, not a Jupyter notebook"),
        (b"<html>log in first</html>", "a web page, not a Jupyter notebook"),
        (b"<!DOCTYPE html>\n<p>", "a web page"),
        (b"%PDF-1.5\n\xff\xfe123", "a PDF"),
        (b"# mine\ndef scale(recipe, factor):\n    return 1\n", "a Python script"),
        (b'{"cells": [\n<<<<<<< HEAD\n  1,\n=======\n  2,\n>>>>>>> b\n]}', "conflict markers of git"),
        (b"<<<<<<< HEAD\n{\n=======\n{}\n>>>>>>> b\n", "conflict markers of git"),
        (b"hello", "not a Jupyter notebook"),
        (bytes(4096), "empty"),
        (b"[1, 2]", "no cells"),
        (b'{"cells": 5}', "no cells"),
        (b'{"cells": []}', "no cells"),
        (b'{"cells": [1, null, "x"]}', "no cells"),
        (b'{"cells": ' + b"[" * 100_000, "nested"),
        (b'{"cells": ' + b"[" * 50 + b"]" * 50, "cut off"),
        (b'{"cells": [' + b"{}," * 3000 + b"{}]}", "cells"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "cut off or damaged"),
        (b"[" + b"[]," * 2_000_000 + b"[]]", "too many parts"),
        (b'{"x": "' + b'\\"' * 3_000_000, "MB of text"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_refused_quickly_with_two_sentences(content, words):
    begin = time.process_time()
    with pytest.raises(Refused) as caught:
        read_notebook(content)
    assert time.process_time() - begin < 10
    assert words in caught.value.instructor
    assert caught.value.student.endswith(".")
    for sentence in (caught.value.instructor, caught.value.student):
        assert "Expecting" not in sentence


@pytest.mark.parametrize("junk", [bytes(512), b"\r\n\x1a", "\u200b\n".encode(), "\xa0".encode()])
def test_padding_after_the_json_is_stripped_with_a_note(source, junk):
    cells, notes = rebuilt(source, encode(solved(source)) + junk)
    assert cells["scale"].attempted
    assert notes == (["padded"] if junk.strip() and junk.decode().strip() else [])


def test_a_cell_that_is_cut_is_reported(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "\n# " + "a" * 200_000
    cells, notes = read_notebook(encode(notebook))
    assert max(len(cell.source) for cell in cells) == 200_000
    assert [note.code for note in notes] == ["broken-cells"]
    assert "1 cell has more than 200000 characters" in notes[0].instructor


def test_a_truncated_notebook_is_refused(source):
    content = encode(solved(source))
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(Refused, match="cut off"):
            read_notebook(content[: int(len(content) * share)])


def test_outputs_are_dropped_before_they_cost_anything(source):
    notebook = solved(source)
    noise = {"output_type": "stream", "name": "stdout", "text": 'x"\\[{' * 1_000_000}
    answer(notebook, "scale")["outputs"] = [noise, {"deep": json.loads("[" * 500 + "]" * 500)}]
    notebook["cells"][0]["attachments"] = {"a.png": {"image/png": "A" * 10_000_000}}
    begin = time.process_time()
    cells, notes = rebuilt(source, notebook)
    assert time.process_time() - begin < 5
    assert notes == []
    assert cells["scale"].source == solution(next(c.source for c in source.cells if c.id == "scale"))


def test_the_word_outputs_in_a_text_or_with_a_null_does_no_harm(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += '\nx = {"outputs": [1, 2]}  # "outputs": ['
    notebook["cells"][1]["outputs"] = None
    cells, notes = rebuilt(source, notebook)
    assert '"outputs": [1, 2]' in cells["scale"].source
    assert notes == []


@pytest.mark.parametrize(
    "state", [{"state": {"a": "x" * 6_000_000}}, {str(n): {"a": ["b"] * 30} for n in range(20_000)}]
)
def test_the_state_of_widgets_is_dropped_as_outputs_are(source, state):
    notebook = solved(source)
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    cells, notes = rebuilt(source, notebook)
    assert (cells["scale"].attempted, notes) == (True, [])


def test_control_characters_in_strings_do_no_harm(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "\n# TAB BELL"
    content = encode(notebook).replace(b"TAB", b"\t").replace(b"BELL", b"\x07")
    cells, notes = rebuilt(source, content)
    assert cells["scale"].source.endswith("# \t \x07")
    assert notes == []


PASTED = "![photo.png](data:image/png;base64," + "iVBOR/w0+KGg" * 30_000 + "==)"


ATTACHED = "![photo.png](attachment:photo.png)"


def with_picture(cell: dict, text: str, size: int = 10) -> dict:
    attachments = {"photo.png": {"image/png": "A" * size}}
    return cell | {"source": text} | ({"attachments": attachments} if "attachment:" in text else {})


@pytest.mark.parametrize("picture", [PASTED, ATTACHED, PASTED * 20, f'<img src="{PASTED[13:-1]}">'])
@pytest.mark.parametrize("place", ["answer", "own cell"])
def test_a_pasted_picture_is_taken_out_and_pointed_out(assignment, picture, place):
    source = assignment.notebooks["words"]
    notebook = solved(source)
    text = f"See here: {picture} and this."
    cell = answer(notebook, "why") if place == "answer" else {"cell_type": "markdown", "id": "own", "metadata": {}}
    spot = notebook["cells"].index(cell) if place == "answer" else len(notebook["cells"])
    notebook["cells"][spot : spot + 1] = [with_picture(cell, text)]
    made, notes = rebuild(source, read_notebook(encode(notebook))[0])
    (shown,) = [cell.source for cell in made if cell.source.startswith("See here: ")]
    assert shown.endswith(" and this.")
    assert "base64" not in shown
    assert ("picture left out" in shown) == (picture != ATTACHED)
    assert [note.code for note in notes] == ["picture"]
    for sentence in (notes[0].instructor, notes[0].student):
        assert ("answer why" in sentence) == (place == "answer")
        assert "not shown here" in sentence


@pytest.mark.parametrize("text", ["no picture", "see attachment: none", "[a](https://x.org/a.png)", PASTED, ATTACHED])
def test_a_picture_of_the_course_is_none_of_the_students(assignment, text):
    source = assignment.notebooks["words"]
    cells = tuple(
        dataclasses.replace(cell, source=text, released=text) if cell.cell_type == "markdown" else cell
        for cell in source.cells
    )
    source = dataclasses.replace(source, cells=cells)
    notebook = released(source)
    notebook["cells"] = [with_picture(c, c["source"]) if c["cell_type"] == "markdown" else c for c in notebook["cells"]]
    cells, notes = rebuilt(source, notebook)
    assert (cells["why"].attempted, notes) == (False, [])
    answer(notebook, "why")["source"] += " Because."
    cells, notes = rebuilt(source, notebook)
    assert (cells["why"].attempted, notes) == (True, [])


def test_a_picture_in_code_stays_what_it_is(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] += "\nx = 'data:image/png;base64,AAAA'"
    cells, notes = rebuilt(source, notebook)
    assert (cells["scale"].source[-27:], notes) == ("'data:image/png;base64,AAAA'"[-27:], [])
    answer(notebook, "scale")["source"] += f"\ny = '{'data:image/png;base64,' + 'A' * (6 << 20)}'"
    with pytest.raises(Refused, match="MB of text"):
        read_notebook(encode(notebook))


@pytest.mark.parametrize(
    "text",
    ["data:image/" * 300_000, "data:image/a;base64," * 200_000, "data:image/;;;;" * 200_000, "(" + " " * 4_000_000]
    + ["(attachment:" * 300_000, "![" * 2_000_000, "data:image/png;base64," + "A" * 40_000_000],
)  # fmt: skip
def test_looking_for_pictures_takes_no_time(text):
    cell = {"cell_type": "markdown", "metadata": {}, "source": text, "attachments": {}}
    begin = time.process_time()
    cells, _ = read_notebook(encode({"nbformat": 4, "cells": [cell]}))
    assert time.process_time() - begin < 5
    assert len(cells[0].source) <= 200_000


def test_too_much_text_is_refused(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] = "#" * (6 << 20)
    with pytest.raises(Refused, match="MB of text"):
        read_notebook(encode(notebook))


def test_lone_surrogates_and_carriage_returns_are_mended(source):
    notebook = solved(source)
    answer(notebook, "scale")["source"] = "x = 1\r\ny = '\udcff'"
    cells, _ = rebuilt(source, notebook)
    assert cells["scale"].source == "x = 1\ny = '?'"
