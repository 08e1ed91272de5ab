"""The table of depths can be made again: two of its rows, within what another processor may change."""

import pytest

from helpers.tables import load_table
from tools.tables import depth


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "layers"), [("plain", 20), ("skip", 20)])
def test_a_row_is_what_its_script_measures(kind, layers):
    rows = load_table("depth")["rows"]
    row = next(r for r in rows if (r["kind"], r["depth"], r["seed"]) == (kind, layers, 0))
    again = depth.train(0, layers, kind)
    assert abs(again["val"] - row["val"]) < 0.08
    assert abs(again["train"] - row["train"]) < 0.08


def test_every_kind_depth_and_seed_has_a_row():
    rows = load_table("depth")["rows"]
    expected = {(kind, layers) for kind in depth.KINDS for layers in depth.DEPTHS}
    expected |= {("sigmoid, plain", 8), ("sigmoid, batch norm", 8)}
    assert {(r["kind"], r["depth"], r["seed"]) for r in rows} == {(*pair, s) for pair in expected for s in depth.SEEDS}
