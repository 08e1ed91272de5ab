"""The table of small residual networks on drawn animals can be made again: one row of it."""

import pytest

from helpers.tables import load_table
from tools.tables import animal_resnet


@pytest.mark.slow
def test_one_row_can_be_made_again():
    row = next(r for r in load_table("animal_resnet")["rows"] if r["skip"] and r["seed"] == 0)
    assert abs(animal_resnet.train(0, skip=True)["test"] - row["test"]) < 0.03


def test_both_networks_have_every_seed():
    rows = load_table("animal_resnet")["rows"]
    assert {(r["skip"], r["seed"]) for r in rows} == {(skip, s) for skip in (True, False) for s in animal_resnet.SEEDS}
