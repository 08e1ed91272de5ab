"""A class of 2 %: eights among digits, plain loss or `pos_weight`, threshold 0.5 or chosen on validation (chapter 10).

400 training images with 8 eights. The threshold is the one with the largest F1 on validation images, in which positives
count as at the true prevalence of 2 %; so do all precisions. AP and AUC do not depend on a threshold.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score

from helpers import data
from tools.tables.stack import Stack, members

SEEDS = tuple(range(10))
PREVALENCE = 0.02
FACTORS = ("epochs", "pos_weight")
SETTINGS = {
    "images": 400,
    "eights": 8,
    "width": 32,
    "optimizer": "Adam, 3e-3",
    "batch_size": 64,
    "prevalence": PREVALENCE,
}
SAMPLE = {"epochs": 100, "pos_weight": 1.0}
MARGIN = 0.1


def cells():
    """Short and long training, with and without the weight."""
    for epochs in (20, 100, 300):
        for weight in (1.0, 49.0):
            yield {"epochs": epochs, "pos_weight": weight}


def rare_eights(seed: int, positives: int = 8, total: int = 400) -> tuple[torch.Tensor, torch.Tensor]:
    """Training images ``(total, 1, 8, 8)`` and whether each is an eight."""
    images, targets = data.digits().train
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    eights, others = order[targets[order] == 8], order[targets[order] != 8]
    rows = torch.cat([eights[:positives], others[: total - positives]])
    return images[rows], (targets[rows] == 8).float()


def rates(scores: np.ndarray, truth: np.ndarray, threshold: float) -> tuple[float, float]:
    """Recall and false-positive rate."""
    alarm = scores > threshold
    return alarm[truth].mean(), alarm[~truth].mean()


def precision(recall: float, false: float) -> float:
    """At the true prevalence; 1 where there is no alarm."""
    right, wrong = PREVALENCE * recall, (1 - PREVALENCE) * false
    return right / (right + wrong) if right + wrong else 1.0


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """Largest F1 at the true prevalence, halfway between two scores."""
    order = np.unique(scores)
    tried = np.concatenate([[order[0] - 1], (order[1:] + order[:-1]) / 2])

    def f1(threshold: float) -> float:
        recall, false = rates(scores, truth, threshold)
        p = precision(recall, false)
        return 2 * p * recall / (p + recall) if p + recall else 0.0

    return max(tried, key=f1)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Ranking (AP at the true prevalence, AUC), and recall and precision at both thresholds."""
    own = [rare_eights(seed) for seed in seeds]
    images = torch.stack([members(images, 1)[0] for images, _ in own])
    targets = torch.stack([target for _, target in own])
    stack = Stack(seeds, [64, 32, 1])
    optimizer = torch.optim.Adam(stack.parameters(), lr=3e-3, fused=True)
    orders = [torch.Generator().manual_seed(seed) for seed in seeds]
    rows, weight = torch.arange(len(seeds))[:, None], torch.tensor(cell["pos_weight"])
    for _ in range(round(cell["epochs"] * budget)):
        order = torch.stack([torch.randperm(400, generator=g) for g in orders])
        for index in order.split(64, dim=1):
            logits = stack(images[rows, index])[..., 0]
            loss = F.binary_cross_entropy_with_logits(logits, targets[rows, index], pos_weight=weight, reduction="sum")
            optimizer.zero_grad()
            (loss / index.shape[1]).backward()
            optimizer.step()
    digits, found = data.digits(), []
    with torch.no_grad():
        val, test = (stack(members(part.images, len(seeds)))[..., 0].numpy() for part in (digits.val, digits.test))
    val_truth, truth = (part.targets.numpy() == 8 for part in (digits.val, digits.test))
    share = truth.mean()
    weights = np.where(truth, PREVALENCE / share, (1 - PREVALENCE) / (1 - share))
    for v, t in zip(val, test, strict=True):
        half = rates(t, truth, 0.0)
        moved = rates(t, truth, best_threshold(v, val_truth))
        found.append({
            "ap": average_precision_score(truth, t, sample_weight=weights),
            "auc": roc_auc_score(truth, t),
            "recall_half": half[0],
            "precision_half": precision(*half),
            "recall_moved": moved[0],
            "precision_moved": precision(*moved),
        })  # fmt: skip
    return {name: [float(row[name]) for row in found] for name in found[0]}
