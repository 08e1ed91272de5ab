"""Are the networks of the table of chapters 07 and 09 those that its script builds, and are they compared fairly?"""

import pytest

from helpers.tables import load_table, rows
from tools.tables import fashion


@pytest.mark.parametrize("name", sorted(fashion.RATES))
def test_does_the_network_have_the_recorded_number_of_parameters(name):
    parameters = sum(parameter.numel() for parameter in fashion.build(name).parameters())
    assert {row["parameters"] for row in rows("fashion", model=name)} == {parameters}


def test_did_each_network_get_as_many_tries_and_one_of_its_own_rates():
    assert len({len(rates) for rates in fashion.RATES.values()}) == 1
    assert all(row["rate"] in fashion.RATES[row["model"]] for row in load_table("fashion")["rows"])
