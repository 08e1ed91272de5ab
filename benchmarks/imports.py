"""(c) What `import helpers` adds to `import torch`, and the memory of a run."""

import statistics
import subprocess
import sys

from benchmarks import Table

CLASSROOM = "helpers.runtime, helpers.data, helpers.training, helpers.models, helpers.metrics"
SNIPPETS = {
    "torch": "import torch, numpy",
    "torch, helpers": "import torch, numpy, helpers",
    "torch, the classroom": f"import torch, numpy, {CLASSROOM}",
    "torch, the classroom, plotting": f"import torch, numpy, {CLASSROOM}, helpers.plotting",
}
DATA = """
import torch
from torch import nn
torch.manual_seed(0)
X, y = torch.randint(256, (60_000, 1, 28, 28), dtype=torch.uint8), torch.randint(10, (60_000,))
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
"""
MEMORY = {
    "data and model": DATA,
    "one epoch by fit": DATA
    + "from helpers.data import make_loader\nfrom helpers.training import fit\n"
    + "fit(model, make_loader(X, y, shuffle=True), epochs=1)\n",
    "one epoch of the tutorial loop": DATA
    + """
from torch.utils.data import DataLoader, TensorDataset
optimizer, loss_fn = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
for images, targets in DataLoader(TensorDataset(X.float() / 255, y), batch_size=64, shuffle=True):
    optimizer.zero_grad()
    loss_fn(model(images), targets).backward()
    optimizer.step()
""",
}
FOOT = """
import resource, sys
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def run(quick: bool) -> Table:
    """CPU seconds of each set of imports, and peak memory of each small program."""
    rounds = 3 if quick else 9
    results = {name: [] for name in (*SNIPPETS, *MEMORY)}
    for turn in range(rounds):
        for name, code in SNIPPETS.items() if turn else (SNIPPETS | MEMORY).items():
            done = subprocess.run([sys.executable, "-c", code + FOOT], capture_output=True, text=True, check=True)
            results[name].append(tuple(map(float, done.stdout.split())))
    base = [seconds for seconds, _ in results["torch"]]
    rows = []
    for name in SNIPPETS:
        seconds = [seconds for seconds, _ in results[name]]
        # other programs only ever add to the time, so the smallest is the best guess of what an import costs
        more = f"{min(seconds) - min(base):+.3f}"
        peak = statistics.median(peak for _, peak in results[name]) / 2**20
        rows.append((f"import {name}", f"{statistics.median(seconds):.2f}", more, f"{peak:.0f}"))
    for name in MEMORY:
        ((seconds, peak),) = results[name]
        rows.append((name, f"{seconds:.2f}", "", f"{peak / 2**20:.0f}"))
    return Table(
        "Imports and memory",
        ("", "CPU s", "more than torch", "peak MB"),
        rows,
        [f"Median of {rounds} alternating runs; 'more' compares the fastest of each. Target: at most +0.100."],
    )
