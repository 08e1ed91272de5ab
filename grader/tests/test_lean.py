"""Notebooks whose outputs are large: graded, in bounded memory and time."""

import contextlib
import itertools
import json
import time
import tracemalloc

import pytest

from grader.model import Refused
from grader.notebook.lean import MAX_KEPT, lean
from grader.notebook.read import read_notebook
from grader.tests.submissions import about_what_came, answer, archive, encode, hand_in, solved, take, taken_from

FIGURE = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo+/" * 4_000_000}, "metadata": {}}
LINES = {"output_type": "stream", "name": "stdout", "text": [f"epoch {n}: loss 0.5\n" for n in range(1_500_000)]}
POINTS = {"output_type": "display_data", "data": {"application/x": [[n, n / 2, {}] for n in range(2_000_000)]}}
MANY = [{"output_type": "stream", "name": "stdout", "text": f"step {n} of '[{{"} for n in range(400_000)]


def cut(content: bytes, size: int):
    return (content[at : at + size] for at in range(0, len(content), size))


@pytest.mark.parametrize("outputs", [[FIGURE], [LINES], [POINTS], MANY], ids=["figure", "lines", "points", "many"])
def test_an_answer_beside_large_outputs_is_read_in_little_time_and_memory(source, outputs):
    notebook = solved(source)
    answer(notebook, "scale")["outputs"] = outputs
    content = encode(notebook)
    begin = time.process_time()
    small = lean(cut(content, 2**20))
    assert time.process_time() - begin < len(content) / 4e6, "a minute for the largest file"
    tracemalloc.start()
    assert lean(cut(content, 2**20)) == small
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20
    assert read_notebook(small) == read_notebook(encode(solved(source)))


@pytest.mark.parametrize("packed", [True, False])
def test_sixty_megabytes_of_figures_are_graded_from_a_folder_and_from_an_archive(
    course, assignment, source, tmp_path, packed
):
    """They were refused unread, although the answers were right."""
    notebook = solved(source)
    answer(notebook, "scale")["outputs"] = [FIGURE, FIGURE]
    assert len(encode(notebook)) > 100e6
    if packed:
        path = archive(tmp_path / "x.zip", {"ada/quantities.ipynb": encode(notebook)})
        _, taken = taken_from(course, assignment, path)["ada"]
    else:
        hand_in(course.folder("submitted", "ada", "week1"), {"quantities": notebook})
        taken = take(course, assignment)
    assert (taken.status, about_what_came(taken).notes) == ("graded", [])
    assert all(cell.attempted for cell in taken.jobs[0].cells if cell.kind == "answer")


def tricky(source) -> bytes:
    """A notebook with what may be mistaken for an end or a beginning of outputs."""
    notebook = solved(source)
    text = 'a"b\\"]}{[ \\\\ "outputs": [1] \u2028 \U0001f600 é'
    answer(notebook, "scale")["source"] += f"\n# {text}"
    answer(notebook, "scale")["outputs"] = [{"text": text, text: [1, [2, {"outputs": [3, "]"]}]]}, text, []]
    answer(notebook, "mean-weight")["outputs"] = None
    notebook["metadata"]["widgets"] = {"outputs": {"a": {"b": {"c": {"d": [text]}}}}}
    notebook["metadata"]['k"outputs'] = ["outputs", "attachments"]
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()


def without_outputs(value):
    """What should be left, found by the JSON parser of Python instead."""
    if isinstance(value, list):
        return [without_outputs(one) for one in value]
    if not isinstance(value, dict):
        return value
    drop = {key for key in ("outputs", "attachments", "widgets") if isinstance(value.get(key), (list, dict))}
    return {key: type(one)() if key in drop else without_outputs(one) for key, one in value.items()}


def test_it_does_not_matter_where_a_file_is_cut(source):
    content = tricky(source)
    whole = lean([content])
    assert json.loads(whole.content) == without_outputs(json.loads(content))
    for size in (1, 2, 3, 5, 17, 100, 1001):
        assert lean(cut(content, size)) == whole


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("size", [1, 3, 4, 1000])
def test_nor_does_the_encoding(source, encoding, size):
    content = tricky(source)
    found = lean(cut(content.decode().encode(encoding), size))
    assert (found.content, found.encoding) == (lean([content]).content, encoding)


def test_marks_of_a_conflict_inside_of_outputs_are_named(source):
    content = encode(solved(source)).replace(b'"outputs": []', b'"outputs": [\n<<<<<<< HEAD\n[\n=======\n]', 1)
    with pytest.raises(Refused, match="conflict markers"):
        read_notebook(content)


@pytest.mark.parametrize("part", [b"[", b'{"a":', b"[[[1,", b"{[1}]", b'[[[["x",', b'[["', b'"x', b"[]", b'"\\', b"}"])
@pytest.mark.parametrize("inside", [b'{"cells":[{"outputs":[', b'{"cells":['])
def test_a_file_made_to_take_long_takes_a_few_seconds(inside, part):
    pieces = itertools.chain([inside], itertools.repeat(part * (2**20 // len(part)), 20))
    begin = time.process_time()
    with contextlib.suppress(Refused):
        assert len(lean(pieces).content) <= MAX_KEPT
    assert time.process_time() - begin < 10
