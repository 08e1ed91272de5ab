"""What the tables on real photographs claim, and a sample of them made anew where the photographs are."""

import os
from pathlib import Path
from statistics import mean

import pytest

from helpers.tables import load_table
from tools.tables import photographs as script
from tools.tables import photographs_scratch as scratch

HERE = Path(os.environ.get("COURSE_DATA", "nowhere")) / "cats_vs_dogs"
needs_photographs = pytest.mark.skipif(not HERE.is_dir(), reason="put cats_vs_dogs into COURSE_DATA")


@pytest.fixture(scope="module")
def table():
    return load_table("photographs")


def by_labels(table, method):
    return {row["labels"]: row["accuracy"] for row in table["by_labels"] if row["method"] == method}


def test_is_it_said_what_was_measured_and_is_nothing_of_the_photographs_in_it(table):
    assert (table["training_photographs"], table["test_photographs"]) == (2000, 500)
    assert "EfficientNet-Lite0" in table["backbone"]
    assert "torch" in table["versions"]
    assert len(str(table)) < 40_000  # accuracies and counts, no weights


def test_do_imagenets_classes_tell_cats_from_dogs_without_a_label(table):
    plain, corrected = table["no_labels"]
    assert plain["accuracy"] >= 0.9
    assert plain["wrong_cats"] > 20 * max(plain["wrong_dogs"], 1), "118 kinds of dog outvote 5 kinds of cat"
    assert corrected["accuracy"] >= 0.96


def test_what_do_labels_buy(table):
    probe, offset = by_labels(table, "linear probe"), by_labels(table, "one learned offset")
    assert {len(scores) for scores in probe.values()} == {20}
    assert mean(probe[50]) >= 0.975
    assert mean(probe[500]) >= 0.985
    assert mean(offset[4]) > mean(probe[4]) + 0.03, "one number needs fewer labels than 1,281"
    assert mean(probe[500]) > mean(offset[500])
    careless = by_labels(table, "linear probe, standardised")
    assert mean(careless[10]) < mean(probe[10]) - 0.05, "ten photographs are too few to standardise by"
    assert abs(mean(careless[500]) - mean(probe[500])) < 0.005


def test_are_the_wrong_labels_among_the_largest_losses(table):
    (row,) = table["planted_errors"]
    assert mean(row["among_the_largest"]) >= 0.85 * row["planted"]


def test_does_the_rule_turn_away_strangers_and_keep_cats_and_dogs(table):
    from helpers.imagenet import NEITHER

    for row in table["rejection"]:
        share = row["turned_away"][row["least_share"].index(NEITHER)]
        assert share <= 0.01 if row["pictures"].startswith("cats and dogs") else share >= 0.95


def test_does_the_page_answer_as_pytorch_does(table):
    (row,) = table["page"]
    assert row["photographs"] == table["test_photographs"]
    assert 0 < row["largest_difference"] < 1e-2
    assert row["other_answers"] == 0


def test_does_the_table_from_scratch_say_what_the_next_doubling_would_bring():
    rows = {(row["network"], row["labels"]): row for row in load_table("photographs_scratch")["rows"]}
    assert {key: row["updates"] for key, row in rows.items()} == scratch.UPDATES
    assert max(row["next_doubling"] for row in rows.values()) < 0.02, "twice the updates gain no more than luck may"
    means = [row["test_mean"] for row in rows.values() if row["network"] == scratch.CNN]
    assert means == sorted(means), "more photographs must not hurt"


@pytest.mark.slow
@needs_photographs
def test_a_sample_of_the_table_can_be_made_again(table):
    """Machines sum in another order, which moves a photograph or two across the border."""
    for made, kept in zip(script.no_labels(), table["no_labels"], strict=True):
        assert made["accuracy"] == pytest.approx(kept["accuracy"], abs=0.005)
    for method in ("one learned offset", "linear probe", "linear probe, standardised", "nearest neighbour"):
        for labels in (10, 100):
            made = script.few_labels(method, labels, 0)
            assert made == pytest.approx(by_labels(table, method)[labels][0], abs=0.01), (method, labels)
    (made,) = script.planted_errors([0, 1])
    kept = table["planted_errors"][0]["among_the_largest"]
    assert max(abs(a - b) for a, b in zip(made["among_the_largest"], kept, strict=False)) <= 1
