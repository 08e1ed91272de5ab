"""What a training run remembers: the running means of an epoch and the history of a run."""

import math
from collections.abc import Callable
from operator import mul

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["History", "Meter"]

RISING = ("accuracy", "auc", "f1", "precision", "recall")  # measures of which more is better


class History(dict):
    """The numbers of a run: a dictionary of lists with one entry per epoch.

    Keys are ``train_loss``, ``train_accuracy``, ``val_loss``, ``val_accuracy`` and ``lr``; the validation keys are
    there only with a validation loader, the accuracies only for classification. Accuracies are shares from 0 to 1.

    Attributes:
        stopped: why the run ended before its last epoch, or an empty string.
    """

    stopped = ""

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.get("train_loss", ()))

    def record(self, **values: float) -> None:
        """Append the numbers of one epoch."""
        for key, value in values.items():
            self.setdefault(key, []).append(value)

    def best_epoch(self, key: str = "val_loss") -> int:
        """The epoch, counted from 1, with the smallest loss or the largest accuracy; NaN is worse than any number."""
        sign = -1 if any(word in key for word in RISING) else 1
        return min(range(len(self[key])), key=lambda at: (math.isnan(self[key][at]), sign * self[key][at])) + 1

    def line(self) -> str:
        """The last epoch as text, such as ``train_loss 0.412, val_loss 0.455``."""
        return ", ".join(f"{key} {values[-1]:.4g}" for key, values in self.items() if key != "lr" and values)

    def __repr__(self) -> str:
        return f"History({self.epochs} epochs: {self.line()})" if self.epochs else "History(no epoch finished)"


class Meter:
    """Means over samples, kept on the device, because reading a number makes the host wait for the device.

    A mean of batch means would be wrong whenever the last batch is short, so every batch counts by its size. Several
    steps are kept and counted together, which costs a tenth of counting them one by one. Losses are added in the order
    of the steps, so that a sum does not depend on how often somebody looked at it.

    Args:
        loss_fn: what the losses come from; it decides what a right answer is.
        watch: makes the error to raise for a loss that is not finite, from the losses of all steps; None lets it pass.
    """

    keep = 32  # steps counted together; what is kept are logits and targets, not inputs

    def __init__(self, loss_fn: Callable, watch: Callable[[list[float]], Exception] | None = None) -> None:
        self.loss_fn, self.watch = loss_fn, watch
        self.sizes: list[int] = []  # samples of each step
        self.step_losses: list[Tensor] = []  # each (steps,)
        self.hit_sums: list[Tensor] = []
        self.answers = 0
        self._start()

    def _start(self) -> None:
        self.losses: list[Tensor] = []
        self.logits: list[Tensor] = []
        self.targets: list[Tensor] = []

    def add(self, loss: Tensor, logits: Tensor, targets: Tensor) -> None:
        """Take in one step: mean loss (), logits (B, ...) and targets (B, ...)."""
        if len(self.losses) == self.keep:
            self.flush()
        self.sizes.append(targets.shape[0])
        self.losses.append(loss.detach())
        self.logits.append(logits.detach())
        self.targets.append(targets)

    def flush(self) -> None:
        """Count the steps kept so far."""
        if not self.losses:
            return
        self.step_losses.append(torch.stack(self.losses).float())
        hits = count_hits(torch.cat(self.logits), torch.cat(self.targets), self.loss_fn)
        if hits is not None:
            self.hit_sums.append(hits[0])
            self.answers += hits[1]
        self._start()

    def totals(self) -> tuple[float, ...]:
        """Sum of losses, samples, right answers, answers: the one place where the host waits for the device."""
        losses = self.all_losses()
        hits = sum(torch.stack(self.hit_sums).tolist()) if self.hit_sums else 0
        return sum(map(mul, losses, self.sizes)), sum(self.sizes), hits, self.answers

    def all_losses(self) -> list[float]:
        """The loss of every step so far; an error if one of them is not finite and there is a watch."""
        self.flush()
        losses = torch.cat(self.step_losses).tolist() if self.step_losses else []
        if self.watch and not all(map(math.isfinite, losses)):
            raise self.watch(losses)
        return losses


def means(totals: tuple[float, ...]) -> dict[str, float]:
    """Means of summed totals: ``loss`` per sample and, for classification, ``accuracy``."""
    loss, samples, hits, answers = totals
    if not samples:
        return {}
    return {"loss": loss / samples} | ({"accuracy": hits / answers} if answers else {})


def count_hits(logits: Tensor, targets: Tensor, loss_fn) -> tuple[Tensor, int] | None:
    """How many answers are right (NaN never is), and of how many; None where that has no meaning (regression)."""
    if is_binary(loss_fn):
        return (((logits > 0) == (targets > 0.5)) & ~logits.isnan()).sum(), targets.numel()
    if is_cross_entropy(loss_fn) and targets.is_floating_point():
        targets = targets.argmax(1)  # soft labels: the most probable class counts as the right one
    if targets.is_floating_point() or logits.ndim != targets.ndim + 1:
        return None
    return ((logits.argmax(1) == targets) & ~logits.isnan().any(1)).sum(), targets.numel()


def is_binary(loss_fn) -> bool:
    """Is this binary cross entropy on logits?"""
    return isinstance(loss_fn, nn.BCEWithLogitsLoss) or loss_fn is F.binary_cross_entropy_with_logits


def is_cross_entropy(loss_fn) -> bool:
    """Is this cross entropy over classes, on logits?"""
    return isinstance(loss_fn, nn.CrossEntropyLoss) or loss_fn is F.cross_entropy
