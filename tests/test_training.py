"""The training loop against loops written out by hand, and what it says when something does not fit."""

import copy
import math
import os
import pickle
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from helpers.data import make_loader
from helpers.training import (
    Callback,
    Checkpoint,
    EarlyStopping,
    History,
    evaluate,
    fit,
    learning_rate_range_test,
    predict,
    train_one_epoch,
)
from helpers.training.history import Meter
from helpers.training.recipe import choose_precision


def toy(n=90, features=6, classes=3, seed=0):
    """Points whose class is the largest of their first coordinates."""
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, features, generator=generator)
    return X, X[:, :classes].argmax(1)


def batches(X, y, size=32):
    return list(zip(X.split(size), y.split(size), strict=True))


def network(features=6, classes=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, classes))


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# --- the loop is the loop one would write by hand ---------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: torch.optim.Adam(p)])
def test_is_fit_the_loop_written_by_hand(make):
    X, y = toy()
    ours, theirs = network(), network()
    fit(ours, batches(X, y), epochs=3, optimizer=make(ours.parameters()))
    optimizer = make(theirs.parameters())
    for _ in range(3):
        for inputs, targets in batches(X, y):
            optimizer.zero_grad()
            F.cross_entropy(theirs(inputs), targets).backward()
            optimizer.step()
    assert torch.equal(weights(ours), weights(theirs))


def test_is_the_default_optimizer_adam():
    X, y = toy()
    ours, theirs = network(), network()
    fit(ours, batches(X, y), epochs=2, lr=0.01)
    fit(theirs, batches(X, y), epochs=2, optimizer=torch.optim.Adam(theirs.parameters(), lr=0.01))
    assert torch.allclose(weights(ours), weights(theirs), atol=1e-6)


def test_does_a_short_last_batch_count_by_its_size():
    X, y = toy(64 + 5)
    model = network()
    result = evaluate(model, batches(X, y, 64))
    with torch.no_grad():
        assert result["loss"] == pytest.approx(F.cross_entropy(model(X), y).item(), rel=1e-6)
        assert result["accuracy"] == pytest.approx((model(X).argmax(1) == y).double().mean().item(), abs=1e-12)
        per_batch = np.mean([F.cross_entropy(model(a), b).item() for a, b in batches(X, y, 64)])
    assert abs(per_batch - result["loss"]) > 1e-4, "the example must tell the two means apart"


def test_is_the_training_loss_the_mean_over_samples_at_learning_rate_zero():
    X, y = toy(77)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    result = train_one_epoch(model, batches(X, y, 10), nn.CrossEntropyLoss(), optimizer)
    assert result == pytest.approx(evaluate(model, [(X, y)]), rel=1e-6)


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 100])
def test_does_the_meter_agree_with_exact_sums_for_any_number_of_steps(steps):
    meter, losses, hits, answers = Meter(nn.CrossEntropyLoss()), 0.0, 0, 0
    generator = torch.Generator().manual_seed(steps)
    for step in range(steps):
        size = 7 if step % 10 == 9 else 8
        logits, targets = torch.randn(size, 3, generator=generator), torch.randint(3, (size,), generator=generator)
        loss = F.cross_entropy(logits, targets)
        meter.add(loss, logits, targets)
        losses += loss.item() * size
        hits += int((logits.argmax(1) == targets).sum())
        answers += size
    assert meter.totals() == (pytest.approx(losses, rel=1e-6), answers, hits, answers)
    assert meter.totals() == meter.totals(), "reading must not change what is read"
    assert len(meter.all_losses()) == steps


def test_does_the_history_not_depend_on_how_often_progress_looks(monkeypatch):
    from helpers.training.progress import Progress

    X, y = toy(333)
    histories = []
    for seconds in (0.0, 100.0):
        monkeypatch.setattr(Progress, "every", seconds)
        histories.append(fit(network(), batches(X, y, 10), epochs=2))
    assert histories[0] == histories[1]


@pytest.mark.parametrize("shape", [(1,), ()])
def test_does_binary_cross_entropy_take_outputs_with_and_without_a_column(shape):
    X, y = toy(classes=2)
    model = nn.Sequential(nn.Linear(6, 1), nn.Flatten(-1 if shape else 0))
    for targets in (y, y.float()):
        result = evaluate(model, batches(X, targets), nn.BCEWithLogitsLoss())
        logits = model(X).detach().flatten()
        assert result["loss"] == pytest.approx(F.binary_cross_entropy_with_logits(logits, y.float()).item(), rel=1e-5)
        assert result["accuracy"] == pytest.approx(((logits > 0) == (y > 0)).double().mean().item())


def test_is_a_regression_measured_by_its_loss_alone_and_without_broadcasting():
    X, _ = toy()
    targets = X[:, 0] * 2
    model = nn.Linear(6, 1)
    result = evaluate(model, batches(X, targets), nn.MSELoss())
    assert result == {"loss": pytest.approx(F.mse_loss(model(X).squeeze(1), targets).item(), rel=1e-5)}
    history = fit(model, batches(X, targets), epochs=30, lr=0.05, loss_fn=nn.MSELoss())
    assert history["train_loss"][-1] < 0.2 * history["train_loss"][0]
    assert set(history) == {"train_loss", "lr"}


def test_are_pixels_counted_in_segmentation():
    logits = torch.zeros(2, 3, 4, 4)
    logits[:, 1] = 1
    targets = torch.ones(2, 4, 4, dtype=torch.long)
    targets[0, 0, :] = 2
    assert evaluate(nn.Identity(), [(logits, targets)])["accuracy"] == pytest.approx(28 / 32)


def test_do_soft_labels_count_as_their_most_probable_class():
    X, y = toy()
    soft = F.one_hot(y, 3) * 0.8 + 0.2 / 3
    model = network()
    assert evaluate(model, [(X, soft)])["accuracy"] == evaluate(model, [(X, y)])["accuracy"]


@pytest.mark.parametrize("kind", ["list", "DataLoader", "course"])
def test_does_any_loader_serve(kind):
    X, y = toy()
    loader = {
        "list": lambda: batches(X, y),
        "DataLoader": lambda: DataLoader(TensorDataset(X, y), batch_size=32),
        "course": lambda: make_loader(X, y, batch_size=32),
    }[kind]()
    model = network()
    history = fit(model, loader, loader, epochs=2)
    assert history.epochs == 2
    assert set(history) == {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr"}
    reference = network()
    assert history == fit(reference, batches(X, y), batches(X, y), epochs=2)


def test_do_equal_seeds_give_equal_histories():
    X, y = toy()

    def run():
        loader = make_loader(X, y, batch_size=16, shuffle=True, seed=3)
        return fit(nn.Sequential(network(), nn.Dropout(0.1)), loader, loader, epochs=3)

    assert run() == run()


@pytest.mark.slow
def test_do_two_workers_give_the_history_of_one():
    X, y = toy(60)
    histories = [
        fit(network(), make_loader(X, y, batch_size=16, shuffle=True, seed=1, workers=n), epochs=2) for n in (1, 2)
    ]
    assert histories[0] == histories[1]


def test_does_fit_learn_a_toy_task():
    X, y = toy(300)
    history = fit(network(), batches(X[:200], y[:200]), batches(X[200:], y[200:]), epochs=30, lr=0.02)
    assert history["val_accuracy"][-1] > 0.9


def test_are_errors_of_the_loader_passed_on_as_they_are():
    class Broken(Exception):
        pass

    def loader():
        yield toy()
        raise Broken("disk on fire")

    with pytest.raises(Broken, match="disk on fire"):
        fit(network(), loader(), epochs=1)


# --- evaluate and predict leave everything as found -------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_do_evaluate_and_predict_leave_mode_buffers_and_gradients_alone(training):
    X, y = toy()
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).train(training)
    model[1].eval()  # a part frozen by hand stays as it is
    before = copy.deepcopy(model.state_dict())
    evaluate(model, batches(X, y))
    predict(model, X)
    assert [m.training for m in model] == [training, False, training, training]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_is_the_mode_restored_when_evaluation_fails():
    model = network().train()
    with pytest.raises(ValueError, match="do not fit"):
        evaluate(model, [(torch.randn(4, 5), torch.zeros(4, dtype=torch.long))])
    assert model.training


def test_does_predict_keep_order_and_equal_one_big_batch():
    X, y = toy(50)
    model = nn.Sequential(network(), nn.Dropout(0.5))
    expected = model.eval()(X).detach()
    model.train()
    assert torch.allclose(predict(model, X, batch_size=7), expected, atol=1e-6)
    assert torch.allclose(predict(model, batches(X, y, 7)), expected, atol=1e-6)
    assert torch.allclose(predict(model, [part for part in X.split(9)]), expected, atol=1e-6)


def test_does_predict_refuse_nothing():
    with pytest.raises(ValueError, match="empty"):
        predict(network(), torch.empty(0, 6))


# --- options of a step ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [8, 12])
def test_is_accumulation_the_gradient_of_one_large_batch(size):
    X, y = toy(40)
    ours, theirs = network(), network()
    for model, loader, accumulate in ((ours, batches(X, y, size), 5), (theirs, [(X, y)], 1)):
        fit(model, loader, epochs=3, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), accumulate=accumulate)
    assert torch.allclose(weights(ours), weights(theirs), atol=1e-6)


def test_are_batches_left_over_at_the_end_of_an_epoch_used():
    X, y = toy(64)
    model = network()
    steps = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda *args: steps.append(1))
    fit(model, batches(X, y, 16), epochs=1, optimizer=optimizer, accumulate=3)
    assert len(steps) == 2


def test_is_the_gradient_clipped_to_the_norm_asked_for():
    X, y = toy()
    model = network()
    norms = []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    optimizer.register_step_pre_hook(
        lambda *args: norms.append(torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item())
    )
    fit(model, batches(X * 10, y), epochs=2, optimizer=optimizer, clip_norm=0.05)
    assert max(norms) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("amp", [True, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_does_mixed_precision_reach_the_accuracy_of_float32(amp, accumulate):
    X, y = toy(300)
    options = {"epochs": 15, "lr": 0.02, "accumulate": accumulate}
    plain = fit(network(), batches(X, y), batches(X, y), **options)
    mixed = fit(network(), batches(X, y), batches(X, y), amp=amp, clip_norm=10.0, **options)
    assert mixed["val_accuracy"][-1] == pytest.approx(plain["val_accuracy"][-1], abs=0.03)


def test_is_the_loss_scaled_for_float16_only():
    X, y = toy()
    seen = {}
    for amp in (torch.float16, torch.bfloat16):
        fit(network(), batches(X, y), epochs=1, amp=amp, callbacks=[lambda run, a=amp: seen.update({a: run.updates})])
    assert seen[torch.float16].scaler is not None
    assert seen[torch.bfloat16].scaler is None


def test_which_precision_is_chosen_where():
    cpu = torch.device("cpu")
    assert choose_precision(False, cpu) is None
    assert choose_precision(True, cpu) is torch.bfloat16
    assert choose_precision(True, torch.device("mps")) is torch.float16
    with pytest.raises(ValueError, match="amp is 'half'"):
        choose_precision("half", cpu)


def test_do_images_arrive_with_channels_last_and_give_the_same_result():
    images, targets = torch.randn(12, 3, 8, 8), torch.arange(12) % 2
    seen = []

    def make():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))

    ours, theirs = make(), make()
    ours[0].register_forward_pre_hook(
        lambda module, args: seen.append(args[0].is_contiguous(memory_format=torch.channels_last))
    )
    fit(ours, [(images, targets)], epochs=2, channels_last=True)
    fit(theirs, [(images, targets)], epochs=2)
    assert seen == [True, True]
    assert torch.allclose(weights(ours), weights(theirs), atol=1e-5)


def test_is_the_model_compiled_when_asked(monkeypatch):
    calls = []
    monkeypatch.setattr(torch, "compile", lambda model: calls.append(model) or model)
    model = network()
    fit(model, [toy()], epochs=1)
    assert calls == []
    fit(model, [toy()], epochs=1, compile=True)
    assert calls == [model]


def test_does_a_scheduler_step_after_every_epoch():
    def halve(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    history = fit(network(), batches(*toy()), epochs=3, lr=0.8, scheduler=halve)
    assert history["lr"] == pytest.approx([0.8, 0.4, 0.2])


def test_does_a_scheduler_step_after_every_update_when_asked():
    def halve(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    history = fit(network(), batches(*toy(96)), epochs=2, lr=0.8, scheduler=halve, scheduler_per="step")
    assert history["lr"] == pytest.approx([0.8, 0.1])


def test_does_one_cycle_always_step_with_the_updates():
    def cycle(optimizer):
        return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=13)

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, batches(*toy(96)), epochs=4, optimizer=optimizer, scheduler=cycle)
    assert optimizer.param_groups[0]["lr"] < 1e-4


def test_does_a_plateau_scheduler_watch_the_validation_loss():
    X, y = toy()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=1, eps=0)
    history = fit(model, batches(X, y), batches(X, y), epochs=5, optimizer=optimizer, scheduler=plateau)
    assert history["lr"][-1] < history["lr"][0]


class CountReads(torch.utils._python_dispatch.TorchDispatchMode):
    """Counts how often a number is read from a tensor: each time, a GPU would have to finish first."""

    def __init__(self):
        super().__init__()
        self.reads = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.reads += "_local_scalar_dense" in str(function) or "nonzero" in str(function)
        return function(*args, **(kwargs or {}))


def test_does_the_host_never_wait_in_a_step():
    def reads(steps):
        X, y = toy(8 * steps)
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with CountReads() as count:
            fit(model, make_loader(X, y, batch_size=8), epochs=1, optimizer=optimizer)
        return count.reads

    assert reads(200) == reads(20)


# --- what it says about bad input -------------------------------------------------------------------------------------

X, Y = toy(80)
CROSS, BINARY = nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss()


@pytest.mark.parametrize(
    ("loader", "loss_fn", "error", "message"),
    [
        ([(X, Y[:-1])], CROSS, ValueError, "80 inputs but 79 targets.*one target per input"),
        ([(X, F.one_hot(Y, 3))], CROSS, ValueError, r"one-hot.*targets.argmax\(1\)"),
        ([(X, F.one_hot(Y, 3).float())], CROSS, ValueError, r"one-hot.*targets.argmax\(1\)"),
        ([(X, Y + 1)], CROSS, ValueError, "run from 1 to 3, but 3 outputs stand for classes 0 to 2: subtract 1"),
        ([(X, Y - 1)], CROSS, ValueError, "run from -1 to 1"),
        ([(X, Y * 2)], CROSS, ValueError, "run from 0 to 4.*check the labels or widen"),
        ([(X, Y.float())], CROSS, TypeError, r"float32.*targets.long\(\)"),
        ([(X, Y.int())], CROSS, TypeError, r"int32.*targets.long\(\)"),
        ([(X, Y[:, None])], CROSS, ValueError, r"squeeze\(1\)"),
        ([(X, torch.zeros_like(Y))], CROSS, ValueError, "all 80 targets are of one class"),
        ([(X * torch.nan, Y)], CROSS, ValueError, "contains only NaN"),
        ([(X.where(X < 2, torch.nan), Y)], CROSS, ValueError, "contains NaN"),
        ([(X.double(), Y)], CROSS, TypeError, r"float64 but the model is torch.float32.*\.float\(\)"),
        ([((X * 10).byte(), Y)], CROSS, TypeError, r"uint8.*\.float\(\) / 255"),
        ([(X[:, :5], Y)], CROSS, ValueError, r"inputs of shape \(80, 5\) do not fit the model"),
        ([], CROSS, ValueError, "no batches: its data set is empty"),
        (DataLoader(TensorDataset(X, Y), batch_size=99, drop_last=True), CROSS, ValueError, "drop_last=True dropped"),
        ([(X, Y.float()[:, None].expand(-1, 2))], BINARY, ValueError, "reshape the targets"),
        ([(X, Y)], nn.CrossEntropyLoss(reduction="sum"), ValueError, "reduction='mean'"),
        ([(X, Y)], "cross entropy", TypeError, "callable"),
    ],
)
def test_does_the_error_name_cause_and_remedy(loader, loss_fn, error, message):
    with pytest.raises(error, match=message) as caught:
        fit(network(), loader, epochs=1, loss_fn=loss_fn)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("targets", "message"),
    [(Y.clamp(max=1) * 2 - 1, "run from -1 to 1, but binary"), (torch.ones(80), "all 80 targets are of one class")],
)
def test_are_binary_targets_checked(targets, message):
    with pytest.raises(ValueError, match=message):
        fit(nn.Linear(6, 1), [(X, targets)], epochs=1, loss_fn=BINARY)


def test_is_one_output_for_cross_entropy_explained():
    with pytest.raises(ValueError, match="one output per sample.*BCEWithLogitsLoss"):
        fit(nn.Linear(6, 1), [(X, Y)], epochs=1)


def test_are_labels_of_the_whole_data_set_checked_before_training():
    labels = Y.clone()
    labels[-1] = 7
    model = network()
    before = weights(model).clone()
    with pytest.raises(ValueError, match="run from 0 to 7"):
        fit(model, DataLoader(TensorDataset(X, labels), batch_size=8), epochs=1)
    assert torch.equal(weights(model), before)


def test_may_the_first_of_sorted_batches_be_of_one_class():
    order = Y.argsort()

    def loader():
        yield from batches(X[order], Y[order], 20)

    assert fit(network(), loader(), epochs=1).epochs == 1


def test_are_parts_in_evaluation_mode_there_again_after_training():
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    model[1].eval()
    fit(model, [(X, Y)], epochs=1)
    assert [module.training for module in model] == [True, False, True]


def test_is_a_late_label_out_of_range_explained_where_only_batches_are_known():
    def loader():
        yield X, Y
        yield X, Y + 3

    with pytest.raises(ValueError, match="a target is [3-5], which is not among the model's classes"):
        fit(network(), loader(), epochs=1)


def test_is_a_batch_of_one_with_batch_norm_explained():
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    with pytest.raises(ValueError, match="batch of one sample.*drop_last=True"):
        fit(model, batches(X[:33], Y[:33], 32), epochs=1)


def test_is_a_loader_that_can_be_read_once_explained():
    with pytest.raises(ValueError, match="no batches in epoch 2.*read only once"):
        fit(network(), iter(batches(X, Y)), epochs=2)


def test_is_an_optimizer_of_another_model_refused():
    other = network()
    with pytest.raises(ValueError, match="4 parameters that are not this model's"):
        fit(network(), [(X, Y)], epochs=1, optimizer=torch.optim.Adam(other.parameters()))


def test_is_a_frozen_model_refused():
    with pytest.raises(ValueError, match="no parameter to train"):
        fit(network().requires_grad_(False), [(X, Y)], epochs=1)


def test_does_a_model_on_another_device_or_on_two_get_told_so():
    model = network()
    with pytest.raises(ValueError, match=r"the model is on cpu, not on cuda: move it with model.to\('cuda'\)"):
        evaluate(model, [(X, Y)], device="cuda")
    model[0].to("meta")
    with pytest.raises(ValueError, match=r"on cpu and meta: move all of it with model.to\(device\)"):
        fit(model, [(X, Y)], epochs=1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0"),
        ({"scheduler_per": "batch"}, "scheduler_per is 'batch'"),
        ({"device": "cuda:99"}, "not available"),
    ],
)
def test_are_settings_checked(option, message):
    with pytest.raises(ValueError, match=message):
        fit(network(), [(X, Y)], **({"epochs": 1} | option))


# --- when a run goes wrong --------------------------------------------------------------------------------------------


def test_does_a_diverging_run_stop_with_epoch_step_and_cause():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e6)
    with pytest.raises(FloatingPointError, match=r"epoch \d+, step \d+: .*lower the learning rate \(now 1e\+06\)"):
        fit(model, batches(X, X[:, :3] * 5, 8), epochs=50, optimizer=optimizer, loss_fn=nn.MSELoss())


def test_are_nan_in_later_batches_found_and_named():
    bad = X.clone()
    bad[40] = torch.nan
    with pytest.raises(FloatingPointError, match="epoch 1, step 6: the data contain NaN"):
        fit(network(), batches(bad, Y, 8), epochs=1)


def test_is_float16_overflow_named():
    model = network()
    with torch.no_grad():
        model[0].weight.fill_(3e4)
    with pytest.raises(FloatingPointError, match="float16 overflows"):
        fit(model, batches(X * 100, Y), epochs=1, amp=torch.float16)


def test_is_a_log_of_zero_suspected_where_the_loss_was_calm():
    calls = []

    def loss_fn(logits, targets):
        calls.append(1)
        return F.cross_entropy(logits, targets) * (torch.nan if len(calls) == 4 else 1)

    with pytest.raises(FloatingPointError, match="step 4: probably a log or division of zero"):
        fit(network(), batches(X, Y, 16), epochs=1, loss_fn=loss_fn)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: 4 TB"),
    ],
)
def test_does_a_full_device_say_which_knob_to_turn(error):
    class Hungry(nn.Linear):
        def forward(self, inputs):
            raise error

    with pytest.raises(MemoryError, match=r"batch of shape \(80, 6\): halve batch_size.*accumulate=2.*amp=True"):
        fit(Hungry(6, 3), [(X, Y)], epochs=1)


def test_does_ctrl_c_return_the_history_so_far():
    class Impatient:
        reads = 0

        def __iter__(self):
            self.reads += 1
            yield X, Y
            if self.reads == 3:
                raise KeyboardInterrupt

    model = network().eval()
    history = fit(model, Impatient(), [(X, Y)], epochs=10)
    assert history.epochs == 2
    assert history.stopped == "interrupted in epoch 3"
    assert not model.training, "the mode is restored"


# --- history and callbacks --------------------------------------------------------------------------------------------


def test_does_the_history_read_well():
    history = History()
    assert repr(history) == "History(no epoch finished)"
    for loss, share in ((0.5, 0.8), (0.3, 0.9), (0.4, 0.7)):
        history.record(train_loss=loss, val_loss=loss, val_accuracy=share, lr=0.1)
    assert history.epochs == 3
    assert history.best_epoch() == 2
    assert history.best_epoch("val_accuracy") == 2
    assert repr(history) == "History(3 epochs: train_loss 0.4, val_loss 0.4, val_accuracy 0.7)"


def test_are_plain_functions_and_callbacks_called_in_order():
    calls = []

    class Log(Callback):
        def start(self, run):
            calls.append("start")

        def end_epoch(self, run):
            calls.append(run.epoch)

        def finish(self, run):
            calls.append("finish")

    fit(network(), [(X, Y)], epochs=2, callbacks=[Log(), lambda run: calls.append(run.history["train_loss"][-1] > 0)])
    assert calls == ["start", 1, True, 2, True, "finish"]


def test_may_a_callback_stop_the_run():
    def stop(run):
        run.stopped = "enough"

    history = fit(network(), [(X, Y)], epochs=9, callbacks=[stop])
    assert (history.epochs, history.stopped) == (1, "enough")


class Scripted(nn.Module):
    """A model whose validation loss follows a script: its one weight is the number of the epoch."""

    def __init__(self, losses):
        super().__init__()
        self.epoch = nn.Parameter(torch.zeros(()))
        self.losses = losses

    def forward(self, inputs):
        if self.training:
            return inputs * 0 + self.epoch
        return inputs * 0 + math.sqrt(self.losses[round(self.epoch.item()) - 1])


def scripted(losses, **options):
    """Each epoch adds one to the weight: the gradient of the mean of it is 1, and the learning rate -1 in effect."""
    model = Scripted(losses)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, maximize=True)
    stopper = EarlyStopping(**options)

    def loss_fn(outputs, targets):
        return outputs.mean() if outputs.requires_grad else (outputs**2).mean()

    loader = [(torch.zeros(2), torch.zeros(2))]
    history = fit(model, loader, loader, epochs=len(losses), optimizer=optimizer, loss_fn=loss_fn, callbacks=[stopper])
    return model, history, stopper


def test_does_early_stopping_wait_for_its_patience_and_go_back_to_the_best():
    model, history, stopper = scripted([5, 4, 3, 3.5, 3.2, 9, 1], patience=2)
    assert history.epochs == 5
    assert "since epoch 3" in history.stopped
    assert (stopper.best_epoch, stopper.best) == (3, pytest.approx(3))
    assert model.epoch.item() == 3


def test_does_early_stopping_restore_also_without_stopping():
    model, history, _ = scripted([5, 2, 4], patience=5)
    assert (history.epochs, history.stopped, model.epoch.item()) == (3, "", 2)


def test_may_early_stopping_keep_the_last_weights():
    model, _, _ = scripted([5, 2, 4], patience=5, restore=False)
    assert model.epoch.item() == 3


def test_do_small_improvements_not_count():
    _, history, _ = scripted([5, 4.95, 4.9, 4.85, 1], patience=2, min_delta=0.5)
    assert history.epochs == 3


def test_does_early_stopping_follow_accuracy_upwards():
    X, y = toy(200)
    stopper = EarlyStopping(patience=3, watch="val_accuracy")
    history = fit(network(), batches(X, y), batches(X, y), epochs=10, lr=0.02, callbacks=[stopper])
    assert stopper.best == max(history["val_accuracy"])


@pytest.mark.parametrize(
    ("stopper", "message"),
    [
        (lambda: EarlyStopping(2), "pass a val_loader"),
        (lambda: EarlyStopping(2, watch="train_f1"), "the history has train_loss"),
        (lambda: EarlyStopping(0), "at least 1"),
        (lambda: EarlyStopping(1, min_delta=-1), "at least 1 and 0"),
    ],
)
def test_are_settings_of_early_stopping_checked(stopper, message):
    with pytest.raises(ValueError, match=message):
        fit(network(), [(X, Y)], epochs=1, callbacks=[stopper()])


# --- checkpoints ------------------------------------------------------------------------------------------------------


def setting(kind):
    """A run with dropout, momentum, a scheduler and a shuffling loader, so that all of them must be resumed."""
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4], 0.5)
    if kind == "course":
        loader = make_loader(X, Y, batch_size=16, shuffle=True, seed=2)
    elif kind == "generator":
        generator = torch.Generator().manual_seed(2)
        loader = DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True, generator=generator)
    else:
        loader = DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)
    return model, {"train_loader": loader, "val_loader": [(X, Y)], "optimizer": optimizer, "scheduler": scheduler}


@pytest.mark.parametrize("kind", ["course", "generator", "global"])
@pytest.mark.parametrize("amp", [False, torch.float16])
def test_does_a_resumed_run_end_bit_for_bit_like_one_that_never_stopped(tmp_path, kind, amp):
    def stopper():
        return EarlyStopping(patience=4, min_delta=0.01)

    whole, options = setting(kind)
    uninterrupted = fit(whole, **options, epochs=6, amp=amp, callbacks=[stopper()])

    path = tmp_path / "run.pt"
    first, options = setting(kind)
    fit(first, **options, epochs=3, amp=amp, callbacks=[Checkpoint(path), stopper()])
    torch.manual_seed(99)  # another session, where everything random stands elsewhere
    second, options = setting(kind)
    torch.rand(17), random.random(), np.random.rand()
    resumed = fit(second, **options, epochs=6, amp=amp, callbacks=[stopper(), Checkpoint(path, resume=True)])

    assert resumed == uninterrupted
    states = zip(whole.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in states)


def test_does_a_checkpoint_start_anew_unless_asked_to_resume(tmp_path):
    path = tmp_path / "sub" / "run.pt"
    fit(network(), [(X, Y)], epochs=2, callbacks=[Checkpoint(path, resume=True)])
    assert fit(network(), [(X, Y)], epochs=2, callbacks=[Checkpoint(path)])["train_loss"][0] > 1.0
    model = network(seed=9)
    history = fit(model, [(X, Y)], epochs=2, callbacks=[Checkpoint(path, resume=True)])
    assert history.epochs == 2, "a finished run is returned as it was"


def test_does_a_checkpoint_keep_the_best_epoch_when_asked(tmp_path):
    path = tmp_path / "best.pt"
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    kept = []

    def worsen(run):
        kept.append(path.read_bytes() if path.exists() else None)
        with torch.no_grad():
            run.model[0].weight += 1.0

    options = {"epochs": 3, "optimizer": optimizer, "callbacks": [worsen, Checkpoint(path, best="val_loss")]}
    history = fit(model, [(X, Y)], [(X, Y)], **options)
    best = history.best_epoch()
    assert torch.load(path, weights_only=True)["epoch"] == best


def test_do_weights_of_a_checkpoint_go_into_a_model(tmp_path):
    path = tmp_path / "run.pt"
    model = network()
    fit(model, [(X, Y)], epochs=1, callbacks=[Checkpoint(path)])
    other = Checkpoint(path).load_weights(network(seed=4))
    assert torch.equal(weights(other), weights(model))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_does_a_full_disk_keep_the_old_checkpoint(tmp_path, monkeypatch, error):
    path = tmp_path / "run.pt"
    fit(network(), [(X, Y)], epochs=1, callbacks=[Checkpoint(path)])
    before = path.read_bytes()
    real = torch.save

    def half(state, file):
        real(state, file)
        file.truncate(100)
        raise error

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match=r"cannot write .*the checkpoint before is kept: free some space"):
        fit(network(), [(X, Y)], epochs=2, callbacks=[Checkpoint(path, resume=True)])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path], "nothing half-written is left behind"


def test_is_a_checkpoint_of_another_architecture_refused(tmp_path):
    path = tmp_path / "run.pt"
    fit(network(), [(X, Y)], epochs=1, callbacks=[Checkpoint(path)])
    wider = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))
    with pytest.raises(ValueError, match=r"another architecture \(0.weight is \(16, 6\) in the file and \(32, 6\)"):
        fit(wider, [(X, Y)], epochs=2, callbacks=[Checkpoint(path, resume=True)])
    with pytest.raises(ValueError, match="3.weight is missing in the file"):
        Checkpoint(path).load_weights(nn.Sequential(*network(), nn.Linear(3, 3)))


def test_is_a_checkpoint_without_the_scheduler_refused(tmp_path):
    path = tmp_path / "run.pt"
    fit(network(), [(X, Y)], epochs=1, callbacks=[Checkpoint(path)])
    with pytest.raises(ValueError, match="saved without a scheduler"):
        fit(
            network(),
            [(X, Y)],
            epochs=2,
            scheduler=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1),
            callbacks=[Checkpoint(path, resume=True)],
        )


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps(Evil(), protocol=2)])
def test_is_a_damaged_or_hostile_file_refused_and_never_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged or not a checkpoint"):
        Checkpoint(path).load_weights(network())
    assert not (tmp_path / "evil").exists()


def test_is_a_missing_checkpoint_explained(tmp_path):
    with pytest.raises(FileNotFoundError, match="train with callbacks="):
        Checkpoint(tmp_path / "none.pt").load_weights(network())


# --- learning-rate range test -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_does_the_range_test_suggest_a_rate_that_trains(scale):
    X, y = toy(200)
    X = X / scale
    model = network()
    curve = learning_rate_range_test(
        model, batches(X, y), make_optimizer=lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9), low=1e-4, high=100
    )
    assert curve.lr == sorted(curve.lr)
    assert len(curve.lr) == len(curve.loss)
    optimizer = torch.optim.SGD(model.parameters(), lr=curve.suggestion, momentum=0.9)
    history = fit(model, batches(X, y), epochs=20, optimizer=optimizer)
    assert history["train_accuracy"][-1] > 0.8


def test_does_the_range_test_leave_everything_untouched():
    X, y = toy()
    model = nn.Sequential(network(), nn.BatchNorm1d(3)).eval()
    generator = torch.Generator().manual_seed(1)
    for loader in (
        DataLoader(TensorDataset(X, y), batch_size=16, shuffle=True, generator=generator),
        make_loader(X, y, batch_size=16, shuffle=True),
    ):
        before = copy.deepcopy(model.state_dict())
        states = torch.get_rng_state(), generator.get_state(), getattr(loader, "epoch", None)
        learning_rate_range_test(model, loader, steps=20)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        assert not model.training
        assert all(p.grad is None for p in model.parameters())
        assert torch.equal(torch.get_rng_state(), states[0])
        assert torch.equal(generator.get_state(), states[1])
        assert getattr(loader, "epoch", None) == states[2]


def test_does_the_range_test_refuse_an_empty_range_or_loader():
    with pytest.raises(ValueError, match="need 0 < low < high"):
        learning_rate_range_test(network(), [(X, Y)], low=1.0, high=0.1)
    with pytest.raises(ValueError, match="no batches"):
        learning_rate_range_test(network(), [])


# --- progress ---------------------------------------------------------------------------------------------------------


def test_is_a_run_outside_notebook_and_terminal_silent(capfd):
    fit(network(), [(X, Y)], epochs=2)
    assert capfd.readouterr() == ("", "")


def test_does_progress_print_one_line_and_nothing_on_stderr(capfd):
    fit(network(), [(X, Y)], [(X, Y)], epochs=2, progress=True)
    out, err = capfd.readouterr()
    assert err == ""
    assert out.startswith("2 epochs in ")
    assert out.count("\n") == 1
    assert "val_accuracy" in out


def test_is_a_run_silent_while_grading(capfd, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    fit(network(), [(X, Y)], epochs=2, progress=True)
    assert capfd.readouterr() == ("", "")


def test_does_a_terminal_get_tqdms_bar(monkeypatch):
    import io

    from helpers.training.progress import Progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(Progress, "every", 0.0)
    fit(network(), batches(X, Y, 8), epochs=2)
    assert "epoch 2/2" in terminal.getvalue()
    assert "20/20" in terminal.getvalue()


def test_does_an_executed_notebook_keep_one_clean_line():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    code = """
        import torch
        from torch import nn
        from helpers.training import fit
        from helpers.training.progress import Progress
        Progress.every = 0.0
        X = torch.randn(64, 6)
        history = fit(nn.Linear(6, 2), [(X, (X[:, 0] > 0).long())] * 4, epochs=3)
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(code))])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert output.data["text/plain"].startswith("3 epochs in ")


# --- several processes ------------------------------------------------------------------------------------------------

TEAM = """
    import sys, torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset
    from helpers.data import make_loader
    from helpers.training import Checkpoint, fit

    generator = torch.Generator().manual_seed(0)
    X = torch.randn(81, 6, generator=generator)  # the last batch has one sample: one process gets nothing
    y = X[:, :3].argmax(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    train_loader = make_loader(X, y, batch_size=16, shuffle=True, seed=4)
    if "torch" in sys.argv:
        train_loader = DataLoader(TensorDataset(X, y), batch_size=16, shuffle=True)
        torch.manual_seed(int(__import__("os").environ.get("RANK", 0)))
    history = fit(model, train_loader, [(X, y)], epochs=3, lr=0.01, accumulate=2, clip_norm=1.0, progress=True,
                  callbacks=[Checkpoint(sys.argv[1])])
    torch.save((dict(history), model.state_dict()), sys.argv[1] + "." + __import__("os").environ.get("RANK", "alone"))
"""


def start(tmp_path, *words, processes=0):
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(TEAM))
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes else []
    return subprocess.run(
        [sys.executable, *launcher, script, tmp_path / "run.pt", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.mark.slow
def test_do_two_processes_give_the_result_of_one(tmp_path):
    for done in (start(tmp_path), start(tmp_path, processes=2)):
        assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 epochs in") == 1, "only the first process reports"
    alone, first, second = (torch.load(tmp_path / f"run.pt.{name}") for name in ("alone", "0", "1"))
    assert first[0] == second[0]
    for key, values in alone[0].items():
        assert first[0][key] == pytest.approx(values, abs=1e-5), key
    for name, value in alone[1].items():
        assert torch.allclose(first[1][name], value, atol=1e-5), name


@pytest.mark.slow
def test_do_processes_that_draw_different_batches_say_so(tmp_path):
    done = start(tmp_path, "torch", processes=2)
    assert done.returncode != 0
    assert "the processes drew different batches" in done.stderr
