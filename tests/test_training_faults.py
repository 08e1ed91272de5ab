"""Batches, weights and numbers that are not what the loop expects: does it name the right cause?"""

import inspect
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from helpers import data, metrics, plotting
from helpers.training import (
    Checkpoint,
    EarlyStopping,
    History,
    evaluate,
    fit,
    learning_rate_range_test,
    predict,
    train_one_epoch,
)

X = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
y = torch.arange(40) % 3


def network(outputs=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, outputs))


def train(loader, model=None, **settings):
    return fit(model or network(), loader, epochs=settings.pop("epochs", 1), progress=False, device="cpu", **settings)


# ------------------------------------------------------------------------------------------- the loop can be read


def test_do_the_five_steps_stand_in_sight():
    text = inspect.getsource(train_one_epoch)
    steps = [
        "logits = ",
        "loss = loss_fn(logits, targets)",
        "optimizer.zero_grad()",
        "loss.backward(",
        "optimizer.step()",
    ]
    places = [text.index(step) for step in steps]
    assert places == sorted(places)
    assert all(text.count(step) == 1 for step in steps)


@pytest.mark.parametrize("left_out", ["loss_fn", "optimizer"])
def test_what_an_epoch_needs_has_no_default(left_out):
    assert inspect.signature(train_one_epoch).parameters[left_out].default is inspect.Parameter.empty


@pytest.mark.parametrize("settings", [{"accumulate": 3}, {"clip_norm": 0.1}, {"accumulate": 3, "clip_norm": 0.1}])
def test_does_the_loop_with_settings_equal_the_one_written_by_hand(settings):
    batches = list(zip(X.split(8), y.split(8), strict=True))
    ours, theirs = network(), network()
    train(batches, ours, optimizer=torch.optim.SGD(ours.parameters(), lr=0.5), **settings)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.5)
    size = settings.get("accumulate", 1)
    for start in range(0, len(batches), size):
        inputs, targets = (torch.cat(parts) for parts in zip(*batches[start : start + size], strict=True))
        optimizer.zero_grad()
        F.cross_entropy(theirs(inputs), targets).backward()
        if "clip_norm" in settings:
            nn.utils.clip_grad_norm_(theirs.parameters(), settings["clip_norm"])
        optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-6)


def test_does_an_epoch_on_its_own_notice_a_loss_that_is_not_finite():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(FloatingPointError, match="epoch 1, step 3: the data contain NaN"):
        train_one_epoch(model, [(X, y), (X, y), (X * math.inf, y)], nn.CrossEntropyLoss(), optimizer)


# ------------------------------------------------------------------------------------------- batches of other kinds


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"image": X, "label": y}, r"gives dictionaries with the keys image, label, but a batch must be a pair"),
        ((X, y, y), r"gives 3 things per batch, but a batch must be a pair"),
        ((X,), r"gives 1 things per batch"),
        ((X.numpy(), y.numpy()), r"gives ndarray and ndarray, but .*torch.as_tensor"),
        ((X, y.tolist()), r"gives Tensor and list"),
        (X, r"gives single tensors of shape \(40, 5\), but"),
        (X[:2], r"gives single tensors of shape \(2, 5\), but"),
        ("ab", r"gives str objects"),
        (None, r"gives NoneType objects"),
    ],
)
def test_a_batch_that_is_no_pair_of_tensors_is_named(batch, message):
    optimizer = torch.optim.SGD(network().parameters(), lr=0.1)
    with pytest.raises(TypeError, match="train_loader " + message):
        train([batch])
    with pytest.raises(TypeError, match="the loader " + message):
        evaluate(network(), [batch])
    with pytest.raises(TypeError, match="train_loader " + message):
        train_one_epoch(network(), [batch], nn.CrossEntropyLoss(), optimizer)
    with pytest.raises(TypeError, match="train_loader " + message):
        learning_rate_range_test(network(), [batch])


def test_a_pair_of_whole_tensors_instead_of_a_loader_is_named():
    with pytest.raises(TypeError, match=r"pass \[\(inputs, targets\)\] for one batch"):
        train((X, y))


@pytest.mark.parametrize("batch", [{"image": X}, X.numpy(), (X.numpy(), y), ()])
def test_predict_names_what_is_no_tensor(batch):
    with pytest.raises(TypeError, match="predict needs a tensor"):
        predict(network(), [batch])


@pytest.mark.parametrize("make", [lambda b: b, list, lambda b: DataLoader(TensorDataset(*b[0]), 8)])
def test_pairs_of_any_kind_are_taken(make):
    assert 0 < train(make([(X, y)]))["train_loss"][0] < 3


# ------------------------------------------------------------------------------------------- weights of classes

WEIGHT = torch.tensor([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (WEIGHT.double(), TypeError, "weight of the loss is torch.float64 but the model's outputs are torch.float32"),
        (torch.from_numpy(np.array([1.0, 2, 3])), TypeError, r"make it with torch.tensor\(weights, dtype"),
        (1 / torch.tensor([1.0, 1, 0]), ValueError, "finite and not negative: a class without samples"),
        (torch.tensor([1.0, math.nan, 1]), ValueError, r"weight = \[1.0, nan, 1.0\]"),
        (torch.tensor([1.0, -1, 1]), ValueError, "finite and not negative"),
        (torch.ones(2), ValueError, "weights of 2 classes, but the model gives 3 outputs"),
    ],
)
def test_weights_that_cannot_be_are_named(weight, error, message):
    for measure in (
        lambda loss: train([(X, y)], loss_fn=loss),
        lambda loss: evaluate(network(), [(X, y)], loss),
        lambda loss: learning_rate_range_test(network(), [(X, y)], loss_fn=loss),
    ):
        with pytest.raises(error, match=message):
            measure(nn.CrossEntropyLoss(weight=weight))


@pytest.mark.parametrize("pos_weight", [torch.tensor([math.inf]), torch.tensor([math.nan]), torch.tensor([-2.0])])
def test_the_weight_of_the_positive_class_is_checked_too(pos_weight):
    with pytest.raises(ValueError, match="pos_weight = "):
        train([(X, (y == 0).float())], network(1), loss_fn=nn.BCEWithLogitsLoss(pos_weight=pos_weight))


@pytest.mark.parametrize("weight", [WEIGHT, torch.tensor([0.0, 1, 1])])
def test_weights_that_can_be_weigh_as_torch_does(weight):
    model = network()
    expected = F.cross_entropy(model(X), y, weight=weight).item()
    assert evaluate(model, [(X, y)], nn.CrossEntropyLoss(weight=weight))["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("targets", "loss"),
    [
        (torch.full((40,), -100), nn.CrossEntropyLoss()),
        (torch.zeros(40, dtype=torch.int64), nn.CrossEntropyLoss(weight=torch.tensor([0.0, 1, 1]))),
        (torch.ones(40, dtype=torch.int64), nn.CrossEntropyLoss(ignore_index=1)),
    ],
)
def test_a_batch_in_which_nothing_counts_is_the_cause_that_is_named(targets, loss):
    with pytest.raises(
        FloatingPointError, match="step 2: every target of a batch is ignored or of a class with weight 0"
    ):
        train([(X, y), (X, targets)], loss_fn=loss)


def test_a_float64_constant_in_the_loss_is_named():
    target = torch.randn(5, 5, dtype=torch.float64)
    with pytest.raises(TypeError, match="a float64 tensor meets torch.float32"):
        train([(X, y)], loss_fn=lambda logits, targets: (X @ target).mean() + logits.sum())


# ------------------------------------------------------------------------------------------- NaN in validation


class Odd(nn.Module):
    """A network whose validation is NaN in some epochs."""

    def __init__(self, bad):
        super().__init__()
        self.net, self.bad, self.calls = network(), bad, 0

    def forward(self, x):
        self.calls += not self.training
        return self.net(x) * (math.nan if not self.training and self.calls in self.bad else 1)


@pytest.mark.parametrize("bad", [{1}, {1, 2}, {2}, {1, 3}])
def test_an_epoch_whose_validation_is_nan_is_never_the_best(bad, tmp_path):
    stop, best = EarlyStopping(patience=4), Checkpoint(tmp_path / "best.pt", best="val_loss")
    history = train([(X, y)], Odd(bad), val_loader=[(X, y)], epochs=6, lr=0.01, callbacks=[stop, best])
    losses = history["val_loss"]
    assert [at + 1 for at, loss in enumerate(losses) if math.isnan(loss)] == sorted(bad)
    expected = int(np.nanargmin(losses)) + 1
    assert expected == stop.best_epoch == history.best_epoch() == 6
    kept = torch.load(tmp_path / "best.pt", weights_only=True)
    assert kept["epoch"] == 6
    assert not history.stopped


def test_validation_that_is_always_nan_stops_and_says_so(tmp_path):
    best = Checkpoint(tmp_path / "best.pt", best="val_loss")
    model = Odd(set(range(1, 20)))
    callbacks = [EarlyStopping(patience=3), best]
    history = train([(X, y)], model, val_loader=[(X, y)], epochs=9, callbacks=callbacks)
    assert history.stopped.startswith("no better val_loss for 3 epochs from the start; val_loss is not a number")
    assert history.epochs == 3
    assert not (tmp_path / "best.pt").exists()


@pytest.mark.parametrize(
    ("key", "values", "best"),
    [
        ("val_loss", [math.nan, 3, 2, 4], 3), ("val_loss", [1, math.nan, 2], 1),
        ("val_loss", [math.inf, math.nan, 9], 3),
        ("val_accuracy", [math.nan, 0.2, 0.9], 3), ("val_accuracy", [0.9, math.nan, 0.9], 1),
        ("val_loss", [math.nan, math.nan], 1), ("val_auc", [0.6, 0.9, 0.7], 2), ("val_f1", [math.nan, 0.1, 0.3], 3),
        ("val_mae", [3, 1, 2], 2),
    ],
)  # fmt: skip
def test_the_best_epoch_is_that_of_a_number(key, values, best):
    assert History({key: values}).best_epoch(key) == best


def test_a_range_test_whose_first_loss_is_nan_names_the_cause():
    with pytest.raises(FloatingPointError, match="step 1: probably a log or division of zero"):
        learning_rate_range_test(network(), [(X, y)], loss_fn=lambda logits, targets: logits.sum() * math.nan)


# ------------------------------------------------------------------------------------------- Apple's GPU


class Mps(torch.Tensor):
    """A tensor that may not become float64 before it is on the CPU, as on Apple's GPU."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.cpu or (func is torch.Tensor.to and "cpu" in map(str, args[1:])):
            return args[0].as_subclass(torch.Tensor)
        wanted = [*args, kwargs.get("dtype")]
        if func is torch.Tensor.double or any(part is torch.float64 for part in wanted):
            raise TypeError("the MPS framework doesn't support float64")
        return super().__torch_function__(func, types, args, kwargs)


def test_metrics_and_statistics_work_where_there_is_no_float64():
    generator = torch.Generator().manual_seed(3)
    logits, targets = torch.randn(30, 3, generator=generator), torch.randint(3, (30,), generator=generator)
    scores, binary = logits[:, 0], (targets > 0).long()
    images = torch.rand(4, 3, 5, 5, generator=generator)
    calls = [
        (metrics.accuracy, (logits, targets)), (metrics.error_rate, (logits, targets)),
        (metrics.confusion_matrix, (logits, targets)), (metrics.precision_recall_fbeta, (logits, targets)),
        (metrics.roc_curve, (scores, binary)), (metrics.auc, (scores.sort().values, scores.sort().values)),
        (data.channel_stats, (images,)),
    ]  # fmt: skip
    for function, arguments in calls:
        plain = function(*arguments)
        there = function(*(part.as_subclass(Mps) for part in arguments))
        for one, other in zip(np.atleast_1d(plain), np.atleast_1d(there), strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other)), function.__name__


# ------------------------------------------------------------------------------------------- figures


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_embeddings_that_are_no_numbers_are_named(bad):
    vectors = X.clone()
    vectors[[2, 7], 1] = bad
    with pytest.raises(ValueError, match="2 of 40 embeddings hold NaN or infinity"):
        plotting.plot_embedding(vectors, y)


@pytest.mark.parametrize(
    "text", ["$", "$x", "$5 and $10", r"$\nosuch$", "$x_{$", "a $ b $ c $", r"$\frac{1}$", "100 %"]
)
def test_dollar_signs_that_enclose_no_formula_can_be_drawn(text):
    names = [text, "dog", "cat"]
    for draw in (
        lambda: plotting.plot_images(torch.rand(3, 8, 8), names),
        lambda: plotting.plot_confusion_matrix(torch.eye(3), names),
        lambda: plotting.plot_embedding(X, y, names),
        lambda: plotting.plot_bands([1, 2], [[1, 2]], text).legend(),
    ):
        draw()
        plt.gcf().canvas.draw()
        plt.close("all")


class Nan(nn.Module):
    """Gives NaN for the first half of a batch, outside of training."""

    def __init__(self, outputs):
        super().__init__()
        self.inner = network(outputs)

    def forward(self, x):
        logits = self.inner(x).squeeze(1)
        if not self.training:
            logits = torch.cat([logits[: len(x) // 2] * math.nan, logits[len(x) // 2 :]])
        return logits


@pytest.mark.parametrize(("outputs", "loss"), [(3, nn.CrossEntropyLoss()), (1, nn.BCEWithLogitsLoss())])
def test_is_nan_no_right_answer_while_an_accuracy_is_counted(outputs, loss):
    targets = torch.zeros(40, dtype=torch.int64 if outputs > 1 else torch.float32)  # what argmax makes of NaN
    model = Nan(outputs)
    with torch.no_grad():
        model.inner[-1].bias[0] += 99 if outputs > 1 else -99  # the other half is right
    assert evaluate(model, [(X, targets), (X, targets)], loss)["accuracy"] == 0.5


@pytest.mark.parametrize("measure", [metrics.accuracy, metrics.error_rate, metrics.confusion_matrix])
@pytest.mark.parametrize("shape", [(4, 3), (4,)])
def test_do_measures_refuse_predictions_that_are_nan(measure, shape):
    predictions = torch.zeros(shape)
    predictions[0] = math.nan
    with pytest.raises(ValueError, match="some predictions are NaN"):
        measure(predictions, torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize("settings", [{"patience": math.nan}, {"min_delta": math.nan}])
def test_is_a_patience_that_is_no_number_refused(settings):
    with pytest.raises(ValueError, match="need at least 1 and 0"):
        EarlyStopping(**settings)
