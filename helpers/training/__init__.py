"""Training: one loop that students can read and trust, and what makes it fast, safe and able to go on after a stop.

`loop` is the heart (chapter 07 builds it); the other modules hold what the loop need not show: the running means
(`history`), precision and accumulation (`recipe`), error messages (`explain`), the progress bar (`progress`), stopping
and checkpoints (`callbacks`), several processes (`team`) and the learning-rate range test (`lr_range`).
"""

from helpers.training.callbacks import Callback, Checkpoint, EarlyStopping
from helpers.training.history import History
from helpers.training.loop import evaluate, fit, predict, train_one_epoch
from helpers.training.lr_range import LearningRateCurve, learning_rate_range_test

__all__ = [
    "Callback", "Checkpoint", "EarlyStopping", "History", "LearningRateCurve", "evaluate", "fit",
    "learning_rate_range_test", "predict", "train_one_epoch",
]  # fmt: skip
