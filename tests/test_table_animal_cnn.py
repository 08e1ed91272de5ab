"""Does the table of chapter 09 hold what the chapter builds on?"""

from helpers.tables import rows
from tools.tables import animal_cnn


def test_are_the_families_far_apart_when_all_are_trained_until_flat():
    best = {name: max(rows("animal_cnn", model=name)[0]["val"]) for name in ("linear", "MLP")}
    assert max(best.values()) < 0.7
    assert min(value for row in rows("animal_cnn", model="CNN") for value in row["val"]) > 0.85


def test_did_each_network_get_one_of_its_own_rates():
    for row in rows("animal_cnn", length="until flat"):
        assert row["rate"] in animal_cnn.RATES[row["model"]]
        assert row["epochs"] >= animal_cnn.START
