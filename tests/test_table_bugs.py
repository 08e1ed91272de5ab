"""The table of the twelve runs of chapter 07: each fault looks as the chapter says, and a run can be made again."""

import math

import pytest
import torch

from helpers.tables import load_table
from tools.tables.bugs import BUGS, run

ROWS = {row["bug"]: row for row in load_table("bugs")["rows"]}


def test_every_letter_has_its_fault():
    assert {row["run"]: row["bug"] for row in load_table("bugs")["rows"]} == BUGS


@pytest.mark.parametrize("letter", ["B", "D", "L"])
def test_a_run_can_be_made_again(letter):
    again = run(letter, epochs=2)
    recorded = ROWS[BUGS[letter]]
    assert torch.allclose(torch.tensor(again["loss"]), torch.tensor(recorded["loss"][:34]), atol=0.02)
    assert abs(again["val_loss"][-1] - recorded["val_loss"][1]) < 0.05


def test_the_first_loss_tells_unscaled_pixels_from_the_others():
    starts = {bug: row["loss"][0] for bug, row in ROWS.items()}
    assert starts.pop("pixels not divided by 255") > 10
    assert max(abs(start - math.log(10)) for start in starts.values()) < 0.2


def test_only_the_healthy_run_and_the_noisy_measurement_learn_well():
    good = {bug for bug, row in ROWS.items() if row["val_accuracy"][-1] > 0.93 and row["loss"][-1] < 0.3}
    assert {"healthy"} <= good <= {"healthy", "evaluated without eval()"}
