"""Apple's GPU, which knows no float64: does everything that a notebook calls work there, with the CPU's numbers?"""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from helpers import checks, data, metrics, models, plotting
from helpers.training import Checkpoint, EarlyStopping, evaluate, fit, learning_rate_range_test, predict
from tests.no_float64 import MPS, There, fake_mps

G = torch.Generator().manual_seed(4)
X, y = torch.randn(30, 5, generator=G), torch.randint(3, (30,), generator=G)
IMAGES = torch.randint(256, (12, 3, 9, 9), generator=G, dtype=torch.uint8)


def network(outputs=3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, outputs))


# ------------------------------------------------------------------------------------------- the stand-in refuses


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda x: x.double(), TypeError, "float64"),
        (lambda x: x.to(torch.float64), TypeError, "float64"),
        (lambda x: torch.zeros(2, dtype=torch.float64, device=x.device), TypeError, "float64"),
        (lambda x: torch.as_tensor(np.ones(2), device=x.device), TypeError, "float64"),
        (lambda x: torch.tensor([1.0, 2.0], dtype=torch.float64).to(x), None, ""),
        (lambda x: torch.tensor([1.0], dtype=torch.float64).to(x.device), TypeError, "float64"),
        (lambda x: x.numpy(), TypeError, "numpy"),
        (np.asarray, TypeError, "numpy"),
        (lambda x: x + torch.ones(5), RuntimeError, "same device"),
        (lambda x: x[torch.tensor([0, 1])] + 0 * x.cpu()[:2], RuntimeError, "same device"),
        (lambda x: x.cpu().double() + x.item() if x.ndim == 0 else x.cpu().double() + x[0].item(), None, ""),
        (lambda x: x + torch.tensor(1.0), None, ""),
    ],
)
def test_does_the_stand_in_refuse_what_the_device_refuses(use, error, message):
    with fake_mps():
        x = torch.ones(5).to("mps")
        assert (type(x), x.device, type(x.cpu())) == (There, MPS, torch.Tensor)
        if error is None:
            use(x)
        else:
            with pytest.raises(error, match=message):
                use(x)
    assert torch.ones(1).double().dtype is torch.float64


# ------------------------------------------------------------------------------------------- measuring

LOGITS, SCORES = torch.randn(30, 3, generator=G), torch.randn(30, generator=G)
BINARY = (y > 0).long()


@pytest.mark.parametrize(
    ("measure", "arguments"),
    [
        (metrics.accuracy, (LOGITS, y)), (metrics.accuracy, (LOGITS.argmax(1), y)),
        (metrics.error_rate, (LOGITS, y)), (metrics.confusion_matrix, (LOGITS, y)),
        (metrics.precision_recall_fbeta, (LOGITS, y)), (metrics.roc_curve, (SCORES, BINARY)),
        (metrics.auc, (SCORES.sort().values, SCORES.sort().values)), (data.channel_stats, (IMAGES,)),
        (data.split_indices, (y, (0.5, 0.3))),
    ],
)  # fmt: skip
def test_do_measures_say_the_same_there(measure, arguments):
    plain = measure(*arguments)
    with fake_mps():
        moved = [part.to("mps") if isinstance(part, torch.Tensor) else part for part in arguments]
        there = [part.cpu() if isinstance(part, torch.Tensor) else part for part in np_list(measure(*moved))]
    for one, other in zip(np_list(plain), there, strict=True):
        assert np.array_equal(np.asarray(one), np.asarray(other))


def np_list(result) -> list:
    return list(result) if isinstance(result, (tuple, list)) else [result]


# ------------------------------------------------------------------------------------------- training

WEIGHT = torch.tensor([1.0, 2.0, 0.5])


@pytest.mark.parametrize(
    ("make", "loss", "targets"),
    [
        (network, lambda: None, y),
        (network, lambda: nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1), y),
        (lambda: network(1), lambda: nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0])), BINARY),
        (lambda: network(1), nn.MSELoss, SCORES),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"clip_norm": 0.5, "accumulate": 2}])
def test_does_training_go_the_same_way_there(tmp_path, make, loss, targets, settings):
    def run(device):
        def batches(shuffle):
            return data.make_loader(X, targets, batch_size=7, shuffle=shuffle, drop_last=shuffle)

        model = make()
        history = fit(
            model, batches(True), batches(False), epochs=3, lr=0.05, loss_fn=loss(), device=device, progress=False,
            callbacks=[EarlyStopping(patience=5), Checkpoint(tmp_path / f"{device}.pt", best="val_loss")],
            scheduler=lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5), **settings,
        )  # fmt: skip
        assert next(model.parameters()).device.type == device
        loss_fn = loss()
        after = evaluate(model, batches(False).to(device), loss_fn if loss_fn is None else loss_fn.to(device))
        return {**history}, after, predict(model, X).numpy().tolist()

    plain = run("cpu")
    with fake_mps():
        there = run("mps")
    assert there == plain


def test_is_the_device_the_best_at_hand_and_a_range_test_runs_on_it():
    with fake_mps():
        model = network()
        fit(model, [(X, y)], epochs=1, progress=False)
        assert next(model.parameters()).device == MPS
        curve = learning_rate_range_test(network().to("mps"), [(X, y)], steps=10)
    assert all(np.isfinite(curve.loss[:3]))


@pytest.mark.parametrize("normalize", [(0.5, 0.2), ([0.5] * 3, [0.2] * 3), "tensors there"])
def test_may_a_loader_live_there_and_be_normalised_by_what_is_there(normalize):
    mean, std = torch.full((3,), 0.5), torch.full((3,), 0.2)
    with fake_mps():
        given = (mean.to("mps"), std.to("mps")) if isinstance(normalize, str) else normalize
        given = tuple([part] if isinstance(part, float) else part for part in given)
        loader = data.make_loader(
            IMAGES, y[:12], device="mps", normalize=given, augment=[data.random_flip, data.random_crop]
        )
        images, targets = next(iter(loader))
        assert (images.device, targets.device, images.dtype) == (MPS, MPS, torch.float32)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(weight=WEIGHT), nn.BCEWithLogitsLoss(pos_weight=torch.ones(1))])
def test_is_a_loss_whose_weights_were_left_behind_named(loss):
    binary = isinstance(loss, nn.BCEWithLogitsLoss)
    with fake_mps():
        model = network(1 if binary else 3).to("mps")
        with pytest.raises(ValueError, match=r"weight on cpu, but .* on mps: move .* loss_fn.to\('mps'\)"):
            evaluate(model, [(X, BINARY.float() if binary else y)], loss)


# ------------------------------------------------------------------------------------------- looking and checking


def test_do_figures_and_checks_take_what_is_there():
    with fake_mps():
        images = IMAGES.to("mps")
        plotting.plot_images(images)
        plotting.plot_confusion_matrix(metrics.confusion_matrix(LOGITS.to("mps"), y.to("mps")))
        plotting.plot_feature_maps(torch.rand(4, 5, 5).to("mps"))
        plotting.plot_kernels(torch.rand(4, 3, 3, 3).to("mps"))
        plotting.plot_embedding(X.to("mps"), y.to("mps"))
        plt.close("all")
        checks.check_close(torch.ones(3).to("mps"), torch.ones(3), hint="equal")
        checks.check_equal(y.to("mps"), y, hint="equal")


def test_may_one_look_inside_a_network_that_is_there():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    images = IMAGES.float() / 255
    plain = models.grad_cam(net, images, layer="1"), models.feature_maps(net, images, "1")["1"]
    with fake_mps():
        net.to("mps")
        models.trace_shapes(net, (1, 3, 9, 9))
        there = models.grad_cam(net, images.to("mps"), layer="1"), models.feature_maps(net, images.to("mps"), "1")["1"]
        there = [part.cpu() for part in there]
    for one, other in zip(plain, there, strict=True):
        assert torch.equal(one, other)
