"""A sample of the table of chapter 08, measured anew."""

import pytest

from helpers.tables import load_table
from tools.tables import noisy_digits


def test_sixty_of_300_labels_are_wrong_and_differ_between_seeds():
    images, targets = noisy_digits.noisy_digits(0)
    assert images.shape == (300, 1, 8, 8)
    assert not targets.equal(noisy_digits.noisy_digits(1)[1])


def test_the_table_has_every_setting_for_every_seed():
    table = load_table("noisy_digits")
    seeds = noisy_digits.SEEDS
    for setting, values in {
        "width": noisy_digits.WIDTHS,
        "dropout": noisy_digits.DROPOUTS,
        "decay": noisy_digits.DECAYS,
    }.items():
        assert [(row[setting], row["seed"]) for row in table[setting]] == [(v, s) for v in values for s in seeds]
    assert [len(run["val_loss"]) for run in table["plain"]] == [noisy_digits.EPOCHS] * len(seeds)


@pytest.mark.slow
@pytest.mark.parametrize("setting", [{"width": 16, "epochs": 100}, {"dropout": 0.5}, {"decay": 3.0}])
def test_a_row_comes_out_again(setting):
    name = next(iter(setting))
    kept = next(row for row in load_table("noisy_digits")[name] if row[name] == setting[name] and row["seed"] == 1)
    again = noisy_digits.row(1, **setting)
    assert again["train"] == pytest.approx(kept["train"], abs=0.05)
    assert again["val"] == pytest.approx(kept["val"], abs=0.05)


@pytest.mark.slow
def test_the_plain_curve_comes_out_again():
    kept, again = load_table("noisy_digits")["plain"][1], noisy_digits.curve(1)
    assert again["val_loss"][:30] == pytest.approx(kept["val_loss"][:30], abs=0.05)
