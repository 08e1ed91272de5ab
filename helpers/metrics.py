"""Numbers that say how good predictions are, equal to scikit-learn's. Chapter 00 and chapter 05 build them.

Predictions come first and targets second everywhere, as in ``loss_fn(logits, targets)``. A ratio without cases, such as
the recall of a class that never occurs, is 0.
"""

import torch
from torch import Tensor

__all__ = ["accuracy", "auc", "confusion_matrix", "error_rate", "precision_recall_fbeta", "roc_curve"]


def accuracy(predictions: Tensor, targets: Tensor) -> float:
    """The share of right predictions.

    Args:
        predictions: class indices (N,), or logits or probabilities (N, K) whose largest entry is the prediction.
        targets: class indices, shape (N,).

    Raises:
        ValueError: if the shapes differ or there are no samples.
    """
    predictions, targets = _pair(predictions, targets)
    return int((predictions == targets).sum()) / len(targets)


def error_rate(predictions: Tensor, targets: Tensor) -> float:
    """The share of wrong predictions: one minus `accuracy`."""
    return 1.0 - accuracy(predictions, targets)


def confusion_matrix(predictions: Tensor, targets: Tensor, num_classes: int | None = None) -> Tensor:
    """How often each class was taken for each: entry (i, j) counts targets of class i that were predicted as j.

    Args:
        predictions: class indices (N,), or logits (N, K).
        targets: class indices, shape (N,).
        num_classes: K; by default the number of columns of the logits, or one more than the largest index.

    Returns:
        Counts as int64, shape (K, K).

    Raises:
        ValueError: if the shapes differ, there are no samples, or an index is out of range.
    """
    columns = torch.as_tensor(predictions).shape[1:]
    predictions, targets = (part.long() for part in _pair(predictions, targets))
    low, high = (int(f(torch.cat([predictions, targets]))) for f in (torch.min, torch.max))
    size = num_classes or (columns[0] if columns else high + 1)
    if low < 0 or high >= size:
        raise ValueError(f"class indices run from {low} to {high}, but {size} classes are 0 to {size - 1}")
    return torch.bincount(targets * size + predictions, minlength=size * size).reshape(size, size)


def precision_recall_fbeta(
    predictions: Tensor, targets: Tensor, beta: float = 1.0, num_classes: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Precision, recall and their weighted harmonic mean, for each class against the rest.

    Precision is the share of right answers among the samples predicted as the class; recall, among those of the class.
    F-beta is ``(1 + beta^2) P R / (beta^2 P + R)``: recall counts beta times as much as precision.

    Args:
        predictions: class indices (N,), or logits (N, K).
        targets: class indices, shape (N,).
        beta: positive; 1 gives the F1 score.
        num_classes: see `confusion_matrix`.

    Returns:
        Three float64 tensors of shape (K,); of two classes, entry 1 is that of the positive class.

    Raises:
        ValueError: if beta is not positive, or see `confusion_matrix`.
    """
    if not beta > 0:
        raise ValueError(f"beta is {beta}, but must be positive: 1 weighs precision and recall alike")
    counts = confusion_matrix(predictions, targets, num_classes).cpu().double()
    right = counts.diagonal()
    precision, recall = _ratio(right, counts.sum(0)), _ratio(right, counts.sum(1))
    return precision, recall, _ratio((1 + beta**2) * right, beta**2 * counts.sum(1) + counts.sum(0))


def roc_curve(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """False and true positive rate for every threshold, from none to all called positive.

    Args:
        scores: larger means more probably positive, shape (N,).
        targets: 1 for positive and 0 for negative, shape (N,).

    Returns:
        ``(false_positive_rate, true_positive_rate, thresholds)`` with one entry per distinct score and one before them,
        whose threshold is infinite; a sample is called positive if its score is at least the threshold.

    Raises:
        ValueError: if the shapes differ, a score is NaN, or one of the two classes is missing.
    """
    scores, targets = torch.as_tensor(scores).cpu().double(), torch.as_tensor(targets).cpu()
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise ValueError(f"need scores and targets of shape (N,), not {tuple(scores.shape)}, {tuple(targets.shape)}")
    if bool(torch.isnan(scores).any()):
        raise ValueError("some scores are NaN, which no threshold can divide: find out where they come from")
    positive = targets == 1
    if not bool((positive | (targets == 0)).all()) or bool(positive.all()) or not bool(positive.any()):
        raise ValueError(f"a ROC curve needs targets 0 and 1, both of them, but these are {targets.unique().tolist()}")
    scores, order = scores.sort(descending=True, stable=True)
    # of samples with one score, only the last gives a point: no threshold can tell them apart
    last = torch.cat([scores[1:] != scores[:-1], torch.tensor([True])])
    hits = positive[order].cumsum(0)[last].double()
    alarms = (~positive[order]).cumsum(0)[last].double()
    start = torch.zeros(1, dtype=torch.float64)
    thresholds = torch.cat([torch.tensor([float("inf")], dtype=torch.float64), scores[last]])
    return torch.cat([start, alarms / alarms[-1]]), torch.cat([start, hits / hits[-1]]), thresholds


def auc(x: Tensor, y: Tensor) -> float:
    """The area under a curve by the trapezoidal rule, such as ``auc(false_positive_rate, true_positive_rate)``.

    Args:
        x: positions in rising (or falling) order, shape (T,) with at least two.
        y: heights, shape (T,).

    Raises:
        ValueError: if the shapes differ, or x is not in order.
    """
    x, y = (torch.as_tensor(values).cpu().double() for values in (x, y))
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise ValueError(f"need x and y of the same shape (T,), T at least 2, not {tuple(x.shape)}, {tuple(y.shape)}")
    steps = x.diff()
    if not (bool((steps >= 0).all()) or bool((steps <= 0).all())):
        raise ValueError("x is neither rising nor falling: sort the points of the curve by x")
    return abs(torch.trapezoid(y, x).item())


def _pair(predictions, targets) -> tuple[Tensor, Tensor]:
    predictions, targets = torch.as_tensor(predictions), torch.as_tensor(targets)
    if bool(torch.isnan(predictions).any()):
        raise ValueError("some predictions are NaN, which is no class: find out where they come from")
    if predictions.ndim == 2 and predictions.shape[1] > 1 and targets.ndim == 1:
        predictions = predictions.argmax(1)
    if predictions.shape != targets.shape or targets.ndim != 1:
        raise ValueError(
            f"predictions have shape {tuple(predictions.shape)} and targets {tuple(targets.shape)}, "
            "but both must be (N,): flatten a column with .squeeze(1)"
        )
    if not len(targets):
        raise ValueError("there are no samples to measure: the data set or the selection is empty")
    return predictions, targets.to(predictions.device)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=torch.finfo(whole.dtype).tiny), torch.zeros_like(part))
