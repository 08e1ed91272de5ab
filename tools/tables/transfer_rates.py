"""Which learning rate for a new head and for a borrowed body, from a random head and from a probe (chapter 12).

The settings are compared as they are, so nothing is tuned; each trains as long as in ``transfer_fair``, with flips and
crops. ``random probe`` is a probe on a body that was never trained.
"""

from collections.abc import Sequence

import torch
from torch import nn

from helpers import models
from helpers.runtime import seed_everything
from tools.tables.transfer_fair import EPOCHS, TEST_SEED, VAL_SEED, features, fit, linear_probe, part, right

SEEDS = (0, 1, 2, 3, 4)
LABELS = (20,)
# method: does the head start as a probe, and the rates of head and body
RATES = {
    "0.01 for all": (False, 1e-2, 1e-2),
    "0.001 for all": (False, 1e-3, 1e-3),
    "0.01, body 0.001": (False, 1e-2, 1e-3),
    "probe, then 0.01": (True, 1e-2, 1e-2),
    "probe, then 0.001": (True, 1e-3, 1e-3),
}
FACTORS = ("labels", "method")
SETTINGS = {
    "network": "SmallCNN; pretrained on 4,000 other drawn animals, but for the random probe",
    "test_images": 1000,
    "val_images": 1000,
    "optimizer": "Adam, one cycle",
    "batch_size": 32,
    "augmentation": "flip and crop",
    "epochs": {labels: EPOCHS["fine-tuned"][labels] for labels in LABELS},
}
SAMPLE = {"labels": 20, "method": "probe"}
MARGIN = 0.02


def cells():
    """Few labels, where the rates matter, and many."""
    for labels in LABELS:
        for method in ("random probe", "probe", *RATES):
            yield {"labels": labels, "method": method}


def trained(method: str, labels: int, seed: int, budget: float) -> tuple[nn.Module, tuple]:
    """A network, and the statistics of its pictures."""
    images, targets = part(seed, labels)
    seed_everything(seed)
    pretrained = models.pretrained_animals()
    stats = pretrained.normalize
    net = models.SmallCNN(2) if method == "random probe" else models.replace_head(pretrained, 2)
    probe_first, head_rate, body_rate = RATES.get(method, (True, 0.0, 0.0))
    if probe_first:
        net.head = linear_probe(features(net, images, stats), targets)
    if method in RATES:
        head = list(net.head.parameters())
        body = [weights for name, weights in net.named_parameters() if not name.startswith("head.")]
        groups = [{"params": head, "lr": head_rate}, {"params": body, "lr": body_rate}]
        epochs = round(EPOCHS["fine-tuned"][labels] * budget)
        fit(net, labels, seed, torch.optim.Adam(groups, fused=True), stats, epochs)
    return net, stats


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on training, validation and test pictures, one value per draw of the labelled pictures."""
    labels = cell["labels"]
    found: dict[str, list[float]] = {"train": [], "val": [], "test": []}
    for seed in seeds:
        net, stats = trained(cell["method"], labels, seed, budget)
        for name, where in {"train": (seed, labels), "val": (VAL_SEED, 1000), "test": (TEST_SEED, 1000)}.items():
            found[name].append(right(net, *part(*where), stats))
    return found
