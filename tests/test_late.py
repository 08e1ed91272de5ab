"""Is a budget doubled as long as that pays, and is it seen what the last quarter of a training changed?"""

import pytest
import torch
from torch import nn

from helpers import data, training
from tools.tables import late


def learner(rate: float, epochs: int) -> float:
    """An accuracy that rises with the epochs up to a ceiling of its rate."""
    return {0.1: 0.7, 0.3: 0.9}[rate] - 0.3 / epochs


def test_is_the_best_rate_taken_and_the_budget_doubled_as_long_as_that_pays():
    asked = []

    def score(rate: float, epochs: int) -> float:
        asked.append((rate, epochs))
        return learner(rate, epochs)

    assert late.settle(score, (0.1, 0.3), 5, doublings=9) == (0.3, 40, True)  # 80 would gain less than half a point
    assert asked == [(0.1, 5), (0.3, 5), (0.3, 10), (0.3, 20), (0.3, 40), (0.3, 80)]


def test_is_it_said_that_more_epochs_would_still_have_paid():
    assert late.settle(learner, (0.1, 0.3), 5, doublings=1) == (0.3, 10, False)


def test_is_a_contender_that_stands_still_settled_at_once():
    assert late.settle(lambda rate, epochs: 0.5, (0.1,), 8) == (0.1, 8, True)


@pytest.mark.parametrize(("epochs", "before"), [(8, 6), (5, 3), (1, 1)])
def test_is_the_last_quarter_what_changed_since_three_quarters(epochs, before):
    torch.manual_seed(0)
    images, targets = data.digits().train
    loader, val_loader = data.make_loader(images, targets), data.make_loader(*data.digits().val, batch_size=360)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    last = late.LastQuarter(epochs, val_loader)
    history = training.fit(model, loader, val_loader, epochs=epochs, device="cpu", progress=False, callbacks=[last])
    end = training.evaluate(model, val_loader)
    changes = last.changes(end)
    assert changes["late_gain"] == pytest.approx(history["val_accuracy"][-1] - history["val_accuracy"][before - 1])
    assert changes["late_loss"] == pytest.approx(history["val_loss"][-1] - history["val_loss"][before - 1], abs=1e-5)
