"""How long is long enough: doubling the epochs until validation gains no more, and what the last quarter changed."""

from collections.abc import Callable, Iterable, Sequence

from helpers import training
from helpers.training.callbacks import Run

__all__ = ["GAIN", "LastQuarter", "settle"]

GAIN = 0.005  # half a percentage point of validation accuracy: what twice the epochs must bring to be taken


class LastQuarter:
    """A callback of `training.fit` that evaluates once on the way, when three quarters of the epochs are done.

    Args:
        epochs: of the whole training.
        val_loader: validation batches.
    """

    def __init__(self, epochs: int, val_loader: Iterable):
        self.at, self.val_loader = max(1, 3 * epochs // 4), val_loader
        self.before: dict[str, float] = {}

    def __call__(self, run: Run) -> None:
        """After each epoch: evaluate if this is the one."""
        if run.epoch == self.at:
            self.before = training.evaluate(run.model, self.val_loader)

    def changes(self, end: dict[str, float]) -> dict[str, float]:
        """How validation accuracy and loss changed since then, given those at the end."""
        return {
            "late_gain": end["accuracy"] - self.before["accuracy"],
            "late_loss": end["loss"] - self.before["loss"],
        }


def settle(
    score: Callable[[float, int], float], rates: Sequence[float], epochs: int, doublings: int = 3
) -> tuple[float, int, bool]:
    """Rate and epochs of one contender, both chosen on validation.

    Every rate is tried with ``epochs``. The best one is then tried with twice as many epochs, and again, until that
    gains less than `GAIN`.

    Args:
        score: the validation accuracy that a rate and a number of epochs give.
        rates: to try.
        epochs: to begin with.
        doublings: at most so many.

    Returns:
        The rate, the number of epochs before the first doubling that gained too little, and whether there was one.
    """
    tried = {rate: score(rate, epochs) for rate in rates}
    rate = max(tried, key=lambda rate: tried[rate])
    best = tried[rate]
    for _ in range(doublings):
        more = score(rate, 2 * epochs)
        if more < best + GAIN:
            return rate, epochs, True
        epochs, best = 2 * epochs, more
    return rate, epochs, False
