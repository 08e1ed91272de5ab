"""Values travel as data, and messages about hidden tests repeat nothing that student code worded."""

import collections
import datetime
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.box.inside import tell
from grader.box.inside.values import Encoder, Opaque, TooMuch, decode
from grader.judge.evidence import Verdict
from grader.judge.messages import message, secretive, visible
from grader.judge.verdict import tripwires
from grader.model import AnswerCell, Job


def travel(value, pristine=None):
    encoder = Encoder(1 << 20)
    return decode(encoder.encode(value), encoder.blobs, pristine)


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**70), 1.5, math.inf, 2 - 1j, "grün\ud800", b"\0", ..., [1, [2.0, "x"]], (1,), {1, 2},
     frozenset({3}), {"a": [1], 2: None}, range(3, 9, 2), torch.float16, torch.device("cpu"), torch.Size([2, 3]),
     np.dtype("int8"), int,
     torch.Tensor, np.float32(2.5), np.int64(3), np.bool_(True), datetime.date(2020, 1, 2), datetime.time(3, 4),
     datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.UTC), datetime.timedelta(1, -2, 3),
     collections.deque([1, "a"], 3), Path("a/b"), collections.Counter("aab"),
     collections.defaultdict(int, a=1), {1: 2}.keys(), {1: 2}.items()],
    ids=str,
)  # fmt: skip
def test_plain_values_arrive_unchanged(value):
    came = travel(value)
    assert type(came) is type(value)
    assert came == value


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64, torch.uint8]
)
def test_tensors_arrive_unchanged(dtype):
    for tensor in (torch.ones(2, 3).to(dtype).T, torch.tensor(1).to(dtype), torch.empty(0, 4).to(dtype)):
        came = travel(tensor)
        assert came.dtype == dtype
        assert torch.equal(came, tensor)
    assert travel(torch.nn.Parameter(torch.ones(2))).requires_grad
    array = np.arange(6.0).reshape(2, 3).T
    assert np.array_equal(travel(array), array)
    assert travel(np.array(["a", "bc"])).tolist() == ["a", "bc"]


def test_iterators_arrive_as_what_they_give_once():
    for made in (map(abs, [-1, 2]), (x for x in (1, 2)), iter([1, 2]), filter(None, [1, 0, 2])):
        assert list(travel(made)) == [1, 2]
    assert isinstance(travel(itertools.count()), Opaque)
    assert isinstance(travel(iter(range(10**6))), Opaque)
    assert list(travel({"a": 3}.values())) == [3]
    assert travel(collections.defaultdict(list))["new"] == []
    assert travel(np.array([[1, "a"], [None, 2.5]], dtype=object)).tolist() == [[1, "a"], [None, 2.5]]


class AlwaysRight(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class Everything:
    def __getattr__(self, name):
        return lambda *args, **kwargs: True


class Liar(torch.Tensor):
    pass


def test_objects_lose_their_tricks():
    assert travel(AlwaysRight(2.0)) != 3.0
    assert type(travel(torch.ones(2).as_subclass(Liar))) is torch.Tensor
    came = travel(Everything())
    assert isinstance(came, Opaque)
    with pytest.raises(AttributeError):
        came.shape  # noqa: B018
    model = travel(torch.nn.Linear(2, 1))
    assert isinstance(model, torch.nn.Module)
    with pytest.raises(TypeError):
        model(torch.ones(2))


def test_a_trained_model_of_the_course_is_rebuilt():
    ours, trained = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    came = travel(trained.eval(), ours)
    assert torch.equal(came.weight, trained.weight)
    assert not came.training
    assert not torch.equal(ours.weight, trained.weight)


@pytest.mark.parametrize(
    "node",
    [5, "x", [], {}, {"t": "tensor", "d": "load", "s": [1], "b": 0},
     {"t": "tensor", "d": "float32", "s": [-9], "b": 0, "g": 0}, {"t": "array", "v": {"d": "O", "s": [1], "b": 0}},
     {"t": "str", "b": 7}, {"t": "range", "v": [0, 1, 0]},
     {"t": "opaque"}, {"t": "class", "mro": [["os", "system"]]}, {"t": "dtype", "v": "save"}],
    ids=str,
)  # fmt: skip
def test_made_up_records_are_refused(node):
    blobs = [bytes(8)]
    try:
        came = decode(node, blobs)
    except Exception:
        return
    assert isinstance(came, type)  # a class nobody knows is a class without anything


def test_the_size_of_data_is_bounded():
    deep = []
    for _ in range(100):
        deep = [deep]
    for value in (torch.zeros(1 << 18), deep, "x" * (2 << 20), list(range(200_000))):
        with pytest.raises(TooMuch):
            travel(value)
    assert isinstance(travel(range(10**12)), Opaque)


def test_long_texts_are_withheld():
    text = "with task('2'): logits = torch.randn(5, 7)\n"
    assert text[:20] not in tell.withhold(f"expected 'a', got {text!r}. Hint: h", [text])
    cut = tell.withhold(f"expected 'a', got {text[:29]}..., Hint: h", [text])
    assert cut == "expected 'a', got [a long text]..., Hint: h"


def test_messages():
    cell = AnswerCell("t", "code", "t", "test", "### BEGIN HIDDEN TESTS\nassert x\n### END HIDDEN TESTS")
    job = Job("a", "s", None, [cell])
    raised = Verdict("failed", "raised", "ValueError", "the whole test", "return 1 / 0")

    def said(verdict: Verdict, lines: list[str] = (), secret: bool = True) -> str:
        return message(verdict, job, cell, secret, lines)

    shown = said(raised, ["return 1 / 0"], secret=False)
    assert shown == "Your code raised ValueError in the line `return 1 / 0`: the whole test."
    assert said(raised, ["return 1 / 0"]) == "Your code raised ValueError in the line `return 1 / 0`."
    assert said(raised) == "Your code raised ValueError."
    assert said(Verdict("timeout")) == "Your code ran longer than 60 seconds."
    assert said(Verdict("failed", "check", "CheckError", "expected 1, got 2.")) == "expected 1, got 2."
    assert said(Verdict("failed", "check", "AssertionError", "")) == "A hidden test of this task failed."
    assert said(Verdict("passed")) == ""


def test_after_a_hidden_test_student_code_may_know_it():
    visible, hidden = "assert x", "### BEGIN HIDDEN TESTS\nassert x\n### END HIDDEN TESTS"
    cells = [AnswerCell(str(n), "code", str(n), "test", text) for n, text in enumerate([visible, hidden, visible])]
    assert secretive(Job("a", "s", None, cells)) == {"1", "2"}
    assert secretive(Job("a", "s", None, cells[:1])) == set()


def test_hidden_parts_are_cut_out():
    source = "a = 1\n### BEGIN HIDDEN TESTS\nassert a\n### END HIDDEN TESTS\nb = 2"
    assert visible(source, "BEGIN HIDDEN TESTS", "END HIDDEN TESTS") == "a = 1\nb = 2"


def test_tripwires_fail_here():
    for wire in tripwires():
        with pytest.raises((AssertionError, ValueError)):
            exec(wire, {})
