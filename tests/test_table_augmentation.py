"""The table of chapter 10: its rows, and one of them measured again."""

import pytest

from helpers.tables import load_table
from tools.tables.augmentation import SEEDS, VARIANTS, measure


def test_every_variant_was_measured_with_every_seed():
    rows = load_table("augmentation")["rows"]
    assert [(row["variant"], row["seed"]) for row in rows] == [
        (name, seed) for name in VARIANTS for seed in range(SEEDS)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["none", "flip + crop"])
def test_a_row_can_be_measured_again(variant):
    table = next(r for r in load_table("augmentation")["rows"] if (r["variant"], r["seed"]) == (variant, 0))
    row = measure(variant, 0)
    assert abs(row["test_accuracy"] - table["test_accuracy"]) < 0.04
    assert abs(row["train_accuracy"] - table["train_accuracy"]) < 0.06
