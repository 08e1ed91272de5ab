"""The table of chapter 09: a row made anew."""

import pytest

from helpers.tables import load_table
from tools.tables.animal_cnn import measure


@pytest.mark.slow
def test_a_row_of_the_table_can_be_made_again():
    row = next(row for row in load_table("animal_cnn")["rows"] if row["model"] == "CNN" and row["epochs"] == 8)
    again = measure("CNN", 8, row["flip"], row["seed"])
    assert abs(again["test_accuracy"] - row["test_accuracy"]) < 0.03


def test_the_families_are_far_apart():
    rows = load_table("animal_cnn")["rows"]
    best = {name: max(row["test_accuracy"] for row in rows if row["model"] == name) for name in ("linear", "MLP")}
    assert max(best.values()) < 0.7
    assert min(row["test_accuracy"] for row in rows if row["model"] == "CNN") > 0.85
