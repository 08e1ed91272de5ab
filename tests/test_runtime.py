"""Where am I running: device, seeds, Colab, grading."""

import random

import numpy as np
import pytest
import torch

from helpers.runtime import get_device, is_autograding, seed_everything


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, False, "cuda"), (True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_is_the_best_device_chosen(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert get_device().type == expected
    assert get_device("cpu").type == "cpu"


def test_is_a_device_that_is_not_there_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device 'cuda' is not available here; use cpu"):
        get_device("cuda")


def test_does_a_seed_fix_all_three_generators():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    assert seed_everything(7) == 7
    first = draw()
    seed_everything(7)
    assert draw() == first
    seed_everything(2**40)
    assert draw() != first


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("autograde", True), ("validate", True)])
def test_is_grading_noticed(monkeypatch, value, expected):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    if value is not None:
        monkeypatch.setenv("NBGRADER_EXECUTION", value)
    assert is_autograding() is expected
