"""Are the recorded comparisons complete, readable, and what their scripts measure?"""

import importlib
import inspect
import json
import math
import statistics
from pathlib import Path

import pytest
import torch
from scipy import stats
from torch import nn

from helpers import data, tables
from helpers.runtime import seed_everything
from helpers.tables import interval, load_table
from tools.tables import __main__ as command
from tools.tables import frame, stack

ROOT = Path(__file__).parents[1]
FEW_SEEDS = {
    "photographs_scratch": "a seed of all rows takes seventeen minutes of a processor core",
}


@pytest.fixture(params=frame.known())
def script(request):
    """The script of one table."""
    return importlib.import_module(f"tools.tables.{request.param}")


def name_of(script) -> str:
    return script.__name__.rpartition(".")[2]


def test_is_every_cell_recorded_once_with_every_seed(script):
    table = load_table(name_of(script))
    wanted = [frame.key(cell, script.FACTORS) for cell in script.cells()]
    assert sorted(frame.key(row, script.FACTORS) for row in table["rows"]) == sorted(wanted)
    assert all(row["seeds"] == table["seeds"] for row in table["rows"])
    assert len(table["seeds"]) >= (3 if name_of(script) in FEW_SEEDS else 5)
    assert {"software", "threads", "budget", "cpu_seconds", "settings", "about"} <= set(table)


def test_are_means_and_intervals_those_of_the_values(script):
    for row in load_table(name_of(script))["rows"]:
        for column in [name for name, value in row.items() if isinstance(value, list) and name != "seeds"]:
            values = row[column]
            half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
            assert row[f"{column}_mean"] == pytest.approx(statistics.fmean(values), abs=1e-3)
            assert row[f"{column}_interval"] == pytest.approx(half, abs=2e-3)


@pytest.mark.slow
def test_does_a_sample_come_out_again(script):
    if lacking := frame.missing(script):
        pytest.skip(lacking)
    seed = script.SEEDS[0]
    recorded = tables.rows(name_of(script), **script.SAMPLE)[0]
    again = script.measure(script.SAMPLE, [seed], 1.0)
    for column, values in again.items():
        if isinstance(values, list):
            assert values[0] == pytest.approx(recorded[column][0], abs=script.MARGIN), column


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("skip", [False, True])
def test_does_a_stack_train_as_its_members_would_alone(norm, skip):
    seeds, digits = [3, 8], data.digits()
    images, targets = digits.train.images[:130], digits.train.targets[:130]
    together = stack.Stack(seeds, [64, 16, 16, 10], norm=norm, skip=skip)
    everything = stack.members(images, 2), targets.expand(2, -1)
    found = stack.train(together, everything, everything, seeds, epochs=3, patience=9, batch_size=50, lr=0.01)
    for member, seed in enumerate(seeds):
        alone = Alone(seed, norm, skip)
        optimizer = torch.optim.Adam(alone.parameters(), lr=0.01)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(3):
            alone.train()
            for index in torch.randperm(130, generator=generator).split(50):
                loss = nn.functional.cross_entropy(alone(images[index].flatten(1) / 255), targets[index])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        for layer, weight in zip(alone.linear, together.weights, strict=True):
            assert torch.allclose(layer.weight, weight[member].T, atol=1e-4)
        if norm != "batch":  # behind it a bias has no gradient but rounding noise, which Adam enlarges
            right = (alone.eval()(images.flatten(1) / 255).argmax(1) == targets).float().mean()
            assert right.item() == pytest.approx(found["train"][member], abs=0.016)


def test_does_a_stack_keep_the_running_averages_of_batch_norm():
    together, x = stack.Stack([3, 8], [64, 16, 16, 10], norm="batch"), torch.rand(2, 40, 64)
    alone = Alone(8, "batch", False)
    for network, batch in ((together, x), (alone, x[1])):
        network.train()
        for _ in range(3):
            network(batch)
        network.eval()
    assert torch.allclose(together(x)[1], alone(x[1]), atol=1e-5)


class Alone(nn.Module):
    """One member, written with torch's own layers."""

    def __init__(self, seed: int, norm: str, skip: bool):
        super().__init__()
        seed_everything(seed)
        self.linear = nn.ModuleList([nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)])
        kinds = {
            "none": nn.Identity,
            "batch": lambda: nn.BatchNorm1d(16, affine=False),
            "layer": lambda: nn.LayerNorm(16, elementwise_affine=False),
        }
        self.norms = nn.ModuleList([kinds[norm](), kinds[norm]()])
        self.skip = skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = torch.relu(self.norms[0](self.linear[0](x)))
        second = torch.relu(self.norms[1](self.linear[1](first)))
        return self.linear[2](first + second if self.skip else second)


@pytest.mark.parametrize(
    ("curve", "is_flat"),
    [([0.1] * 4, True), ([0.1, 0.5, 0.6, 0.7], False), ([0.7, 0.703, 0.704, 0.6], True), ([0.9], False)],
)
def test_when_is_a_curve_flat(curve, is_flat):
    assert stack.flat(curve, patience=2) is is_flat


def test_is_the_interval_that_of_student():
    generator = torch.Generator().manual_seed(0)
    for n in (2, 5, 17, 40):
        values = torch.rand(n, generator=generator).tolist()
        low, high = stats.t.interval(0.95, n - 1, loc=statistics.fmean(values), scale=stats.sem(values))
        mean, half = interval(values)
        assert (mean - half, mean + half) == pytest.approx((low, high), abs=0.01)
    assert math.isnan(interval([0.5])[1])


def test_can_a_table_be_measured_with_other_seeds_and_twice_the_budget(capsys):
    assert command.main(["clouds", "--seeds", "70", "71", "--budget", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("recorded" in line for line in lines) == 3 * len(load_table("clouds")["rows"])


EXEMPT = {"bugs": "a gallery of runs, no comparison"}


@pytest.mark.parametrize(
    "name", sorted({file.stem for file in (ROOT / "helpers" / "tables").glob("*.json")} - {*EXEMPT})
)
def test_takes_every_table_seeds_and_a_budget(name, monkeypatch):
    """The command hands both to the script of the table; what it measures, takes longer and is not asked here."""
    script, handed = importlib.import_module(f"tools.tables.{name}"), []
    if name in frame.known():
        assert inspect.signature(script.measure).bind({}, [7, 8], 2.0)
        cell = next(iter(script.cells()))
        monkeypatch.setattr(script, "cells", lambda: iter([cell]))
        monkeypatch.setattr(script, "measure", lambda cell, seeds, budget: handed.append((seeds, budget)) or {})
    else:
        part = next(iter(script.PARTS))
        assert set(script.PARTS) == set(script.KEYS)
        monkeypatch.setattr(script, "PARTS", {part: lambda seeds, budget: handed.append((seeds, budget)) or []})
    monkeypatch.setattr(script, "missing", lambda: "", raising=False)
    assert command.main([name, "--seeds", "7", "8", "--budget", "2"]) == 0
    assert handed == [([7, 8], 2.0)]


def test_is_a_part_of_a_table_measured_and_compared_alone(monkeypatch, capsys):
    rows = [{"dropout": 0.5, "seed": seed, "train": 1.0, "val": 0.25} for seed in (7, 8)]
    script = importlib.import_module("tools.tables.noisy_digits")
    monkeypatch.setattr(script, "PARTS", {"plain": None, "dropout": lambda seeds, budget: rows})
    assert command.main(["noisy_digits", "--only", "part=dropout", "--seeds", "7", "8"]) == 0
    recorded = [row["val"] for row in load_table("noisy_digits")["dropout"] if row["dropout"] == 0.5]
    line = f"dropout 0.5 val: {statistics.fmean(recorded):.4g} recorded, 0.25 here"
    assert line in capsys.readouterr().out.splitlines()
    with pytest.raises(SystemExit, match="part=NAME for plain, dropout"):
        command.main(["noisy_digits", "--only", "dropout=0.5"])


def test_does_an_interrupted_measurement_go_on(tmp_path, capsys):
    log = tmp_path / "rows.jsonl"
    command.main(["clouds", "--only", "averaged=True", "--log", str(log)])
    before = log.read_text()
    capsys.readouterr()
    command.main(["clouds", "--log", str(log)])
    assert log.read_text().startswith(before)
    assert capsys.readouterr().out.count("seconds") == 4


@pytest.mark.parametrize(
    "arguments", [["no_such"], ["clouds", "--only", "unit=tanh"], ["clouds", "--only", "unit=step", "--write"]]
)
def test_is_a_wrong_call_refused_with_its_reason(arguments):
    with pytest.raises(SystemExit, match="there are|no row has|leave out"):
        command.main(arguments)


def test_is_data_that_is_not_there_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match="no folder cats_vs_dogs"):
        command.main(["photographs_ladder"])


def test_do_rows_print_within_the_page(capsys):
    tables.show(tables.rows("clouds", averaged=False), ("unit", "rate"), ("low", "high"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= 88
    assert "±" in lines[1]


def test_is_a_row_that_is_not_there_refused():
    with pytest.raises(KeyError, match="sigmoid"):
        tables.rows("clouds", unit="tanh")
    with pytest.raises(ValueError, match="leave one out"):
        tables.show(tables.rows("clouds"), ("unit", "rate"), ("low", "high", "last"), width=20)


def test_a_grid_has_the_means_in_percent_and_leaves_missing_places_empty(capsys):
    measured = [
        {"method": "a", "labels": 10, "accuracy": [0.5, 0.7]},
        {"method": "a", "labels": 20, "accuracy": [0.9]},
        {"method": "b", "labels": 20, "accuracy": [1.0, 0.5]},
    ]
    tables.grid(measured, "method", "labels", "accuracy")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["accuracy", "in", "%,", "by", "labels", "10", "20"], ["a", "60.0", "90.0"], ["b", "75.0"]]
    with pytest.raises(ValueError, match="need"):
        tables.grid(measured, "method", "labels", "accuracy", width=20)


def test_has_a_part_of_a_table_its_own_rows():
    whole = json.loads((ROOT / "helpers" / "tables" / "photographs.json").read_text(encoding="utf-8"))
    for part in ("by_labels", "by_stage", "wrong_inputs"):
        assert tables.rows("photographs", part) == whole[part]
    hundred = [row for row in whole["by_labels"] if row["labels"] == 100]
    assert tables.rows("photographs", "by_labels", labels=100) == hundred != []
    with pytest.raises(KeyError, match="no row"):
        tables.rows("photographs", "by_labels", labels=101)


def test_is_a_single_number_shown_without_an_interval(capsys):
    tables.show([{"way": "once", "accuracy": 0.916}, {"way": "twice", "accuracy": [0.9, 0.8]}], ["way"], ["accuracy"])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    # Two seeds: the deviation of their mean is 0.05, and Student's t for one degree of freedom is 12.71.
    assert lines == [["way", "accuracy"], ["once", "91.6 %"], ["twice", "85.0 ± 63.5 %"]]
