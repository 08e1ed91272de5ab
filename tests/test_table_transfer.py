"""A sample of the table of chapter 12 made anew: the same seeds must give the same accuracies, up to rounding noise."""

import pytest

from helpers.tables import load_table
from tools.tables.transfer import LABELS, METHODS, SEEDS, measure


def table() -> dict:
    return {(row["method"], row["labels"]): row["accuracy"] for row in load_table("transfer")["rows"]}


def test_the_table_is_complete():
    rows = table()
    assert set(rows) == {(method, n) for method in METHODS for n in LABELS}
    assert {len(values) for values in rows.values()} == {len(SEEDS)}
    assert len(SEEDS) >= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "labels", "margin"),
    [
        ("probe", 20, 0.02),
        ("probe", 100, 0.02),
        ("random probe", 100, 0.05),
        ("from scratch", 100, 0.08),
        ("fine-tuned, one rate", 20, 0.08),
        ("probe, then fine-tuned", 100, 0.03),
    ],
)
def test_a_sample_of_the_table_can_be_made_again(method, labels, margin):
    """Training differs a little between machines, which sum in another order; hence the margins."""
    assert abs(measure(method, labels, SEEDS[0]) - table()[method, labels][0]) <= margin
