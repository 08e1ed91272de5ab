"""A sample of the table of chapters 07 and 09, measured anew."""

import os

import pytest

from helpers.tables import load_table
from tools.tables import fashion

ROWS = load_table("fashion")["rows"]


def test_the_table_has_every_model_and_size_for_every_seed():
    found = [(row["model"], row["train"], row["seed"]) for row in ROWS]
    assert sorted(found) == sorted(fashion.CELLS)


@pytest.mark.parametrize("name", sorted({name for name, *_ in fashion.CELLS}))
def test_does_the_network_have_the_recorded_number_of_parameters(name):
    parameters = sum(parameter.numel() for parameter in fashion.build(name).parameters())
    assert {row["parameters"] for row in ROWS if row["model"] == name} == {parameters}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["softmax regression", "MLP 128-64"])
def test_a_row_comes_out_again(name):
    if "COURSE_DATA" not in os.environ:
        pytest.skip("Fashion-MNIST is needed: set COURSE_DATA to a folder that holds FashionMNIST/raw")
    kept = next(row for row in ROWS if row["model"] == name and row["train"] == 6000 and row["seed"] == 1)
    again = fashion.measure(name, 6000, 1)
    for column in ("train_accuracy", "val_accuracy", "test_accuracy"):
        assert again[column] == pytest.approx(kept[column], abs=0.015), column
