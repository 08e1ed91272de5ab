"""One name changes the network of chapter 12: the same cells run with torchvision's networks, on few images."""

import os
from pathlib import Path

import pytest
import torch
import torchvision

from tools.notebooks import read

ROOT = Path(__file__).parents[1]
SMALLER = {
    "print(net.source.replace": 'net.view, net.size = {"size": 64}, 64\nprint(net.source.replace',
    "drawn_animals(500, size": "drawn_animals(100, size",
    "randperm(500": "randperm(100",
    "range(15)": "range(1)",
    "(64, 64), mode": "(32, 32), mode",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_the_same_cells_run_with_other_networks(name, tmp_path, monkeypatch, capsys):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.delenv("COURSE_DATA", raising=False)
    for variable, value in {"TORCH_HOME": str(tmp_path), "COURSE_OFFLINE": "1", "COURSE_FRAMES": "first"}.items():
        monkeypatch.setitem(os.environ, variable, value)
    torch.manual_seed(0)
    weights = torchvision.models.get_model_weights(name).DEFAULT
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    made = torchvision.models.get_model(name, weights=None).state_dict()
    torch.save(made, tmp_path / "hub" / "checkpoints" / weights.url.rpartition("/")[2])

    cells = read(ROOT / "chapters" / "12_transfer_learning.ipynb").cells
    sources = {cell.id: cell.source for cell in cells if cell.cell_type == "code" and cell.id != "bootstrap"}
    chosen = 'BACKBONE = "efficientnet_lite0"'
    assert chosen in sources["choices"]
    sources["choices"] = sources["choices"].replace(chosen, f"BACKBONE = {name!r}")
    for old, new in SMALLER.items():
        changed = {key: source.replace(old, new) for key, source in sources.items()}
        assert changed != sources, old
        sources = changed
    room = {"__name__": "__main__"}
    for key, source in sources.items():
        exec(compile(source, key, "exec"), room)
        plt.close("all")
    assert f"torchvision's {name}" in capsys.readouterr().out
    assert room["saved"]["backbone"] == name
    assert room["loaded"](torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape == (1, 3)
