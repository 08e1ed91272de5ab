"""(c) What `import helpers` adds to `import torch`, and the memory of a run."""

import statistics
import subprocess
import sys

from benchmarks import Table

CLASSROOM = "helpers.runtime, helpers.data, helpers.training, helpers.models, helpers.metrics"
# Times are taken within one process, after torch: between processes they differ by more than what is measured.
IMPORTS = {
    "import torch": "torch",
    "+ helpers": "helpers",
    "+ the classroom without plotting": CLASSROOM,
    "+ plotting": "helpers.plotting",
    "+ matplotlib, for comparison": "matplotlib.pyplot",
}
TIME = """
import time
for names in {names}:
    start = time.process_time()
    exec("import " + names)
    print(time.process_time() - start)
"""
DATA = """
import torch
from torch import nn
torch.manual_seed(0)
X, y = torch.randint(256, (60_000, 1, 28, 28), dtype=torch.uint8), torch.randint(10, (60_000,))
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
"""
FIT = """
from helpers.data import make_loader
from helpers.training import fit
fit(model, make_loader(X, y, shuffle=True), epochs=1)
"""
TUTORIAL = """
from torch.utils.data import DataLoader, TensorDataset
optimizer, loss_fn = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
for images, targets in DataLoader(TensorDataset(X.float() / 255, y), batch_size=64, shuffle=True):
    optimizer.zero_grad()
    loss_fn(model(images), targets).backward()
    optimizer.step()
"""
MEMORY = {
    "torch alone": "import torch",
    "data and model": DATA,
    "one epoch by fit": DATA + FIT,
    "one epoch of a loop over float images": DATA + TUTORIAL,
}
PEAK = """
import resource, sys
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def run(quick: bool) -> Table:
    """CPU seconds of each import, and peak memory of each small program."""
    rounds = 3 if quick else 9
    seconds = [_numbers(TIME.format(names=list(IMPORTS.values()))) for _ in range(rounds)]
    rows = []
    for i, name in enumerate(IMPORTS):
        times = [run[i] for run in seconds]
        rows.append((name, f"{statistics.median(times):.3f}", f"{min(times):.3f}", ""))
    for name, code in MEMORY.items():
        (peak,) = _numbers(code + PEAK)
        rows.append((name, "", "", f"{peak / 2**20:.0f}"))
    return Table(
        "Imports and memory",
        ("", "CPU s, median", "fastest", "peak MB"),
        rows,
        [f"{rounds} processes. Target: helpers and the classroom add at most 0.100 s."],
    )


def _numbers(code: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]
