"""Cats and dogs, or any folder of photographs: the longest training of the course, as a command.

By default EfficientNet-Lite0, whose ImageNet weights come with pip, looks at every photograph once, and a new head is
fitted to what it saw. ``--weights none`` starts a small convolutional network from nothing; with ``resnet18`` or
``densenet121`` first a new head is trained on frozen layers, then everything at a smaller rate. The settings were
chosen on a part of the training photographs; the test photographs are looked at once, at the end.
"""

import argparse
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

WEIGHTS = ("efficientnet_lite0", "none", "resnet18", "densenet121")
KEPT_BACK = 0.1  # share of the training photographs that only shows the progress
EPOCHS = {"efficientnet_lite0": 0, "none": 24, "resnet18": 4, "densenet121": 4}
SIZE = {"efficientnet_lite0": 224, "none": 64, "resnet18": 128, "densenet121": 128}
MARGIN = 256 / 224  # how much more than it sees EfficientNet-Lite0 wants a photograph to be before it is cut


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m helpers photographs``."""
    parser.add_argument("--data", type=Path, help="the folder (default: cats_vs_dogs in COURSE_DATA)")
    parser.add_argument("--download", action="store_true", help="fetch 69 MB of cats and dogs if there are none")
    parser.add_argument("--weights", choices=WEIGHTS, default=WEIGHTS[0], help=f"to start from ({WEIGHTS[0]})")
    sizes, epochs = (", ".join(f"{w} {n}" for w, n in some.items()) for some in (SIZE, EPOCHS))
    parser.add_argument("--size", type=int, help=f"height and width ({sizes})")
    parser.add_argument("--epochs", type=int, help=f"of the whole network ({epochs}); 0 fits a new head only")
    parser.add_argument("--seed", type=int, default=0, help="decides first weights, order and augmentation (0)")
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), help="where to compute (the best at hand)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep weights, classes and settings in this file")


def run(args: argparse.Namespace) -> int:
    """Train, report, return 0; or 1 with one sentence if data, weights, device or memory are not there."""
    from helpers import data
    from helpers.data.real import find_cats_vs_dogs
    from helpers.runtime import get_device, seed_everything

    started = time.perf_counter()
    try:
        if args.save:  # a place that cannot be written is better known before hours of training
            args.save.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=args.save.parent).close()
        if args.save and args.save.is_dir():
            raise ValueError(f"--save {args.save} is a folder; name a file in it")
        device = get_device(args.device)
        folder = args.data or find_cats_vs_dogs(args.download)
        size = SIZE[args.weights] if args.size is None else args.size
        epochs = EPOCHS[args.weights] if args.epochs is None else args.epochs
        least = 0 if args.weights == "efficientnet_lite0" else 1
        if epochs < least:
            raise ValueError(f"--epochs must be at least {least}, not {epochs}")
        view: dict[str, Any] = {}
        if args.weights == "efficientnet_lite0":
            view = {"shorter": round(size * MARGIN), "bicubic": True}
        photographs = data.image_folder(folder, size, (KEPT_BACK, 0.2), **view)
        if not len(photographs.test):
            raise ValueError(f"no photograph to test on can be read in {folder}; add some to each class")
        seed_everything(args.seed)
        model = make_model(args.weights, photographs.classes)
        if args.weights == "none":
            model.normalize = data.channel_stats(photographs.train.images)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(photographs, *(f"left out: {line}" for line in photographs.skipped), sep="\n")
    print(f"{type(model).__name__}, weights {args.weights}, seed {args.seed}, {device}", flush=True)
    if args.weights == "efficientnet_lite0":
        fit_head(model.to(device), photographs.train)
    if epochs:
        train(model, photographs, epochs, args.seed, device, args.weights)
    probabilities = look_twice(model, photographs.test.images)
    print(report(probabilities.argmax(1), photographs.test))
    print(f"{time.perf_counter() - started:.0f} s in all")
    if args.save:
        from helpers.training.callbacks import save

        settings = {"network": args.weights, "size": size, **view, "normalize": model.normalize}
        save({**settings, "classes": photographs.classes, "weights": model.state_dict()}, args.save)
        print(f"weights, classes and settings are in {args.save}")
    return 0


def make_model(weights: str, classes: tuple[str, ...]) -> nn.Module:
    """A network with one output per class. One with weights has ``normalize``, the statistics that belong to them.

    Raises:
        DownloadError: if the weights are neither in torchvision's cache nor can be fetched.
        FileNotFoundError: if the package with the weights of EfficientNet-Lite0 is not installed.
    """
    from helpers import models

    if weights == "none":
        return models.SmallCNN(len(classes), widths=(16, 32, 64, 128))
    return models.replace_head(models.pretrained(weights), len(classes))


def fit_head(model: nn.Module, train) -> None:
    """Logistic regression on what the network sees of each photograph, put into the model as its last layer."""
    from sklearn.linear_model import LogisticRegression

    from helpers.models import embed, last_linear

    fitted = LogisticRegression(max_iter=5000).fit(embed(model, train.images).numpy(), train.targets.numpy())
    weight, bias = torch.from_numpy(fitted.coef_), torch.from_numpy(fitted.intercept_)
    if len(weight) == 1:  # of two classes scikit-learn keeps the difference only
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    _, head = last_linear(model)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)


def train(model: nn.Module, photographs, epochs: int, seed: int, device: torch.device, weights: str) -> None:
    """Train the whole network; one that is to be tuned after its new head, and with smaller steps in its body."""
    from helpers.models import freeze

    if weights == "none":
        one_cycle(model, [{"params": model.parameters(), "lr": 3e-3}], photographs, epochs, seed, device)
        return
    head = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    if weights != "efficientnet_lite0":  # whose head is fitted already
        freeze(model)
        freeze(head, False)
        one_cycle(model, [{"params": head.parameters(), "lr": 3e-3}], photographs, max(1, epochs // 2), seed, device)
        freeze(model, False)
    ours = set(head.parameters())
    body = [parameter for parameter in model.parameters() if parameter not in ours]
    groups = [{"params": body, "lr": 2e-4}, {"params": head.parameters(), "lr": 1e-3}]
    one_cycle(model, groups, photographs, epochs, seed + 1, device)


def one_cycle(model: nn.Module, groups: list[dict], photographs, epochs: int, seed: int, device: torch.device) -> None:
    """AdamW with a learning rate that rises and falls once, on photographs that never look the same twice."""
    from helpers.data import make_loader, random_crop, random_flip
    from helpers.training import fit

    crop = partial(random_crop, padding=photographs.train.images.shape[-1] // 8)
    loader = make_loader(
        *photographs.train, shuffle=True, seed=seed, augment=[random_flip, crop], normalize=model.normalize,
        drop_last=len(photographs.train) > 64, device=device,
    )  # fmt: skip
    aside = make_loader(*photographs.val, batch_size=256, normalize=model.normalize) if len(photographs.val) else None
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05, fused=True)
    rates = [group["lr"] for group in groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=epochs * len(loader))
    fit(
        model, loader, aside, epochs=epochs, optimizer=optimizer, scheduler=schedule, device=device, progress=False,
        loss_fn=nn.CrossEntropyLoss(label_smoothing=0.1), channels_last=True, amp=device.type == "cuda",
        callbacks=[show],
    )  # fmt: skip


def show(run) -> None:
    """Print what an epoch came to: `helpers.training.fit` calls it."""
    print(f"epoch {run.epoch}/{run.epochs}: {run.history.line()}", flush=True)


def look_twice(model: nn.Module, images: Tensor) -> Tensor:
    """Probabilities ``(N, K)`` on the CPU: the mean over each photograph and its mirror image."""
    from helpers.data import make_loader
    from helpers.training import predict

    targets = torch.zeros(len(images), dtype=torch.int64)
    looks = (images, images.flip(-1))
    loaders = [make_loader(look, targets, 250, normalize=model.normalize) for look in looks]
    return torch.stack([predict(model, loader).softmax(1) for loader in loaders]).mean(0)


def report(predictions: Tensor, test) -> str:
    """Accuracy with its 95 % interval, and how often each class is taken for each.

    Args:
        predictions: int64 ``(N,)``.
        test: the photographs that were predicted.
    """
    from helpers.metrics import confusion_matrix

    right = int((predictions == test.targets).sum())
    low, high = wilson_interval(right, len(test))
    width = max(map(len, test.classes)) + 2
    rows = [("", *test.classes)]
    counts = confusion_matrix(predictions, test.targets, len(test.classes)).tolist()
    rows += [(name, *map(str, row)) for name, row in zip(test.classes, counts, strict=True)]
    table = "\n".join("".join(cell.rjust(width) for cell in row) for row in rows)
    return (
        f"test accuracy {right / len(test):.1%} ({right} of {len(test)}; 95 % interval {low:.1%} to {high:.1%})\n"
        f"rows: what it is, columns: what the network says\n{table}"
    )


def wilson_interval(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a share: holds its 95 % for few trials and for shares near 0 or 1 too.

    Args:
        hits: successes.
        n: trials, at least 1.
        z: standard deviations on each side; 1.96 for 95 %.
    """
    share, extra = hits / n, z * z / n
    middle = (share + extra / 2) / (1 + extra)
    reach = z / (1 + extra) * (share * (1 - share) / n + extra / (4 * n)) ** 0.5
    return middle - reach, middle + reach
