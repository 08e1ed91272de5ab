"""Makes ``helpers/tables/photographs.json``: what ImageNet's knowledge is worth on real cats and dogs (chapter 12).

``python -m tools.tables photographs`` takes about half an hour on one core; what the network says about each photograph
is computed once and kept in the folder for temporary files. ``COURSE_DATA`` must hold ``cats_vs_dogs``. Every accuracy
is the share of right answers on the same 500 test photographs. No photograph and no fitted head goes into the table.
The probes are trained to the minimum: a budget multiplies the epochs of ``fine_tuned``.
"""

import json
import os
import time
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers import data, imagenet
from helpers.data.download import data_folder
from helpers.runtime import seed_everything
from tools.tables.photographs_fits import (
    KEPT_BACK,
    STAGES,
    C,
    Seen,
    accuracy,
    cross_entropy,
    draw,
    drawings,
    kept_back,
    learned_offset,
    look,
    nearest,
    network,
    photographs,
    probe,
    standardised,
    temperature,
)
from tools.tables.photographs_ladder import missing

__all__ = ["KEYS", "PARTS", "SEEDS", "about", "missing"]

SEEDS = range(20)  # draws of the labelled photographs
LABELS = (2, 4, 10, 20, 50, 100, 200, 500)
EPOCHS = 15  # of the last stage
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


# ------------------------------------------------------------------------------------------- rows of the table


def no_labels() -> list[dict]:
    """Sums over ImageNet's classes, as they are and with the offset that can be computed; which errors are left."""
    _, test = photographs()
    rows = []
    for method, offset in (("zero labels", 0.0), ("zero labels, offset ln(118/5)", imagenet.OFFSET)):
        said = (imagenet.dog_log_odds(test.logits, offset) > 0).long()
        wrong = [int(((said != test.targets) & (test.targets == label)).sum()) for label in (0, 1)]
        rows.append(
            {
                "method": method,
                "accuracy": _round(1 - sum(wrong) / len(said)),
                "wrong_cats": wrong[0],
                "wrong_dogs": wrong[1],
            }
        )
    return rows


def few_labels(method: str, labels: int, seed: int) -> float:
    """Test accuracy of one method with so many labelled photographs."""
    train, test = photographs()
    rows = draw(labels, seed)
    targets = train.targets[rows]
    if method == "one learned offset":
        odds = imagenet.dog_log_odds(train.logits, 0)
        offset = learned_offset(odds[rows], targets)
        return accuracy(imagenet.dog_log_odds(test.logits, offset), test.targets)
    fit = {"linear probe": probe, "linear probe, standardised": standardised, "nearest neighbour": nearest}[method]
    return accuracy(fit(train.features[rows], targets)(test.features), test.targets)


def by_labels(seeds: Sequence[int]) -> list[dict]:
    """Methods against numbers of labels."""
    methods = ("one learned offset", "linear probe", "linear probe, standardised", "nearest neighbour")
    return [
        {
            "method": method,
            "labels": labels,
            "accuracy": [_round(few_labels(method, labels, seed)) for seed in seeds],
        }
        for method in methods
        for labels in LABELS
    ]


def by_stage(seeds: Sequence[int], labels: int = 500) -> list[dict]:
    """A standardised probe on the mean of each channel after each stage, with ImageNet's weights and random ones."""
    train, test = photographs()
    rows = []
    for seed in (None, 0, 1, 2):
        stages = train.stages, test.stages
        if seed is not None:
            few = draw(labels, seed)
            net = random_network(seed, train.images[few[:100]])
            stages = look(train.images[few], net)[0], look(test.images, net)[0]
        for name in STAGES:
            scores = []
            for draws in seeds[:10] if seed is None else [seed]:
                chosen = draw(labels, draws)
                known = stages[0][name][chosen] if seed is None else stages[0][name]
                said = standardised(known, train.targets[chosen])(stages[1][name])
                scores.append(_round(accuracy(said, test.targets)))
            weights = "ImageNet" if seed is None else f"random, seed {seed}"
            rows.append({"weights": weights, "stage": name, "features": stages[0][name].shape[1], "accuracy": scores})
    return rows


def random_network(seed: int, images: Tensor) -> nn.Module:
    """The same network before any training; only batch normalisation has seen a hundred photographs."""
    from helpers.efficientnet import EfficientNetLite0

    seed_everything(seed)
    net = EfficientNetLite0()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # the mean over all batches
    targets = torch.zeros(len(images), dtype=torch.int64)
    net.train()
    with torch.no_grad():
        for batch, _ in data.make_loader(images, targets, 50, normalize=network().normalize):
            net(batch)
    return net.eval()


def wrong_inputs(labels: int = 500) -> list[dict]:
    """The same network and the same two heads, fed in wrong ways."""
    train, test = photographs()
    rows_of_labels = draw(labels, 0)
    head = probe(train.features[rows_of_labels], train.targets[rows_of_labels])
    right = test.images.float().div(127.5).sub(1)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in data.IMAGENET)
    small = F.interpolate(test.images.float(), (64, 64), mode="area")
    ways = {
        "right": right,
        "ImageNet's mean and deviation": (test.images / 255 - mean) / std,
        "0 to 1": test.images / 255,
        "blue and red swapped": right.flip(1),
        "0 to 255": test.images.float(),
        "64 pixels, enlarged": F.interpolate(small, (224, 224), mode="bilinear").div(127.5).sub(1),
        "64 pixels": small.div(127.5).sub(1),
        "upside down": right.flip(2),
        "batch norm in training mode": right,
    }
    rows = []
    for way, images in ways.items():
        net = deepcopy(network())
        net.train(way == "batch norm in training mode")
        net.dropout.eval()
        seed_everything(0)
        order = torch.randperm(len(images))  # batches of cats only would help batch norm in its mistake
        features = torch.empty_like(test.features)
        with torch.no_grad():
            for part in order.split(32):
                features[part] = net.embed(images[part])
        logits = network().head(features).detach()
        rows.append(
            {
                "input": way,
                "zero_labels": _round(accuracy(imagenet.dog_log_odds(logits), test.targets)),
                "probe": _round(accuracy(head(features), test.targets)),
                "pet_share": _round(imagenet.pet_share(logits).mean().item()),
            }
        )
    return rows


def planted_errors(seeds: Sequence[int], labels: int = 500, planted: int = 25) -> list[dict]:
    """Of so many labels that were flipped: how many are among the largest losses out of fold?"""
    train, _ = photographs()
    found = []
    for seed in seeds[:10]:
        rows = draw(labels, seed)
        targets = train.targets[rows].clone()
        flipped = torch.randperm(labels, generator=torch.Generator().manual_seed(seed))[:planted]
        targets[flipped] = 1 - targets[flipped]
        losses = torch.empty(labels, dtype=torch.float64)
        folds = data.split_indices(targets, [0.2] * 5, seed)
        for fold in folds:
            rest = torch.ones(labels, dtype=torch.bool)
            rest[fold] = False
            odds = probe(train.features[rows[rest]], targets[rest])(train.features[rows[fold]])
            losses[fold] = F.binary_cross_entropy_with_logits(odds, targets[fold].double(), reduction="none")
        found.append(len(set(losses.topk(planted).indices.tolist()) & set(flipped.tolist())))
    return [{"labels": labels, "planted": planted, "folds": 5, "among_the_largest": found}]


def calibration() -> list[dict]:
    """How sure, and how often right: before and after one temperature, fitted on the photographs kept back."""
    train, test = photographs()
    _, back = kept_back()
    chosen = {labels: draw(labels, 0) for labels in (100, 500)}
    odds = {"zero labels, offset ln(118/5)": lambda seen: imagenet.dog_log_odds(seen.logits).double()}
    for labels, c in ((100, C), (500, C), (500, 0.01)):
        head = probe(train.features[chosen[labels]], train.targets[chosen[labels]], c)
        odds[f"linear probe, {labels} labels, C = {c:g}"] = lambda seen, head=head: head(seen.features)
    rows = []
    for method, of in odds.items():
        degree = temperature(of(train)[back], train.targets[back])
        for t in (1.0, degree):
            log_odds = of(test) / t
            sure = log_odds.abs().sigmoid()
            right = (log_odds > 0).long() == test.targets
            bins = [
                {"from": low, "to": high, "n": int(inside.sum()), "right": int(right[inside].sum()),
                 "says": _round(sure[inside].mean().item())}
                for low, high in zip(BINS[:-1], BINS[1:], strict=True)
                if bool((inside := (sure >= low) & ((sure < high) if high < 1 else (sure <= 1))).any())
            ]  # fmt: skip
            rows.append(
                {
                    "method": method,
                    "temperature": _round(t),
                    "nll": _round(cross_entropy(log_odds, test.targets).item(), 4),
                    "accuracy": _round(right.double().mean().item()),
                    "bins": bins,
                }
            )
    return rows


def strangers() -> dict[str, Seen]:
    """Pictures that show neither a cat nor a dog: bundled photographs, drawn animals of other kinds, clothes."""
    from sklearn.datasets import load_sample_images

    pictures = [data.photograph(name).numpy() for name in ("coffee", "rocket", "astronaut", "camera")]
    pictures += list(load_sample_images().images)
    sets = {"bundled photographs": torch.stack([data.read_photograph(p, **network().view) for p in pictures])}
    others = tuple(kind for kind in data.SPECIES if kind not in ("cat", "dog"))
    sets["drawn animals of other kinds"] = data.drawn_animals(200, others, network().size, 1).images
    if (data_folder() / "FashionMNIST").is_dir():
        grey = data.fashion_mnist(fallback=False).test.images[:200].expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
        sets["clothes (Fashion-MNIST)"] = torch.stack(
            [data.read_photograph(p.contiguous().numpy(), **network().view) for p in grey]
        )
    return {
        name: Seen(name.split()[0], images, torch.zeros(len(images), dtype=torch.int64))
        for name, images in sets.items()
    }


def rejection() -> list[dict]:
    """Share of pictures turned away as neither, for several least shares of cats and dogs."""
    train, test = photographs()
    sets = {"cats and dogs, test": test, "cats and dogs, training": train, **strangers()}
    return [
        {
            "pictures": name,
            "n": len(seen.logits),
            "least_share": list(SHARES),
            "turned_away": [
                _round((imagenet.pet_share(seen.logits) < share).double().mean().item()) for share in SHARES
            ],
        }
        for name, seen in sets.items()
    ]


def across(seeds: Sequence[int]) -> list[dict]:
    """Probes trained on photographs or drawings, tested on both."""
    worlds = {"photographs": photographs(), "drawings": drawings()}
    rows = []
    for labels in (100, 500):
        for source, (train, _) in worlds.items():
            scores: dict[str, list[float]] = {target: [] for target in worlds}
            for seed in seeds[:10]:
                chosen = draw(labels, seed, train.targets)
                head = probe(train.features[chosen], train.targets[chosen])
                for target, (_, test) in worlds.items():
                    scores[target].append(_round(accuracy(head(test.features), test.targets)))
            rows += [
                {"trained_on": source, "tested_on": target, "labels": labels, "accuracy": scores[target]}
                for target in worlds
            ]
    return rows


def fine_tuned(seeds: Sequence[int], epochs: int = EPOCHS) -> list[dict]:
    """The last stage and the last convolution tuned from a probe, batch norm frozen, against the probe alone."""
    rows = []
    for world, (train, test) in {"photographs": photographs(), "drawings": drawings()}.items():
        for labels in (100, 500):
            before, after, seconds = [], [], []
            for seed in seeds[:3]:
                chosen = draw(labels, seed, train.targets)
                started = time.process_time()
                tail, head = _tail(train.features[chosen], train.targets[chosen])
                before.append(_round(_tail_accuracy(tail, head, test)))
                seed_everything(seed)
                groups = [{"params": tail.parameters(), "lr": 1e-4}, {"params": head.parameters(), "lr": 1e-3}]
                optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
                steps = epochs * len(chosen.split(20))
                scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, [1e-4, 1e-3], total_steps=steps)
                for _ in range(epochs):
                    for part in chosen[torch.randperm(labels)].split(20):
                        logits = head(tail(train.maps[part].float()))
                        loss = F.cross_entropy(logits, train.targets[part])
                        optimizer.zero_grad()
                        loss.backward()
                        optimizer.step()
                        scheduler.step()
                seconds.append(round(time.process_time() - started))
                after.append(_round(_tail_accuracy(tail, head, test)))
            rows.append(
                {
                    "pictures": world,
                    "labels": labels,
                    "epochs": epochs,
                    "probe": before,
                    "last_stage_tuned": after,
                    "seconds": seconds,
                }
            )
    return rows


def _tail(features: Tensor, targets: Tensor) -> tuple[nn.Module, nn.Linear]:
    """Everything behind the cached maps, and a head of two outputs that starts as the probe."""
    net = deepcopy(network())
    tail = nn.Sequential(net.stages[6], net.top, net.pool, nn.Flatten())
    head = nn.Linear(features.shape[1], 2)
    with torch.no_grad():
        odds = probe(features, targets)
        bias = odds(torch.zeros(1, features.shape[1]))
        weight = odds(torch.eye(features.shape[1])) - bias
        head.weight.copy_(torch.stack([-weight / 2, weight / 2]))
        head.bias.copy_(torch.stack([-bias[0] / 2, bias[0] / 2]))
    return tail.eval(), head


@torch.no_grad()
def _tail_accuracy(tail: nn.Module, head: nn.Module, test: Seen) -> float:
    logits = torch.cat([head(tail(maps.float())) for maps in test.maps.split(50)])
    return accuracy(logits[:, 1] - logits[:, 0], test.targets)


def page() -> list[dict]:
    """The network in the reader's browser (``tools/classifier.py``) against PyTorch's, on every test photograph."""
    from tools.classifier import as_the_page_has_it

    images = data.image_folder(data_folder() / "cats_vs_dogs", fractions=(0, 0.2), **network().view).test.images
    nets = [net.to(memory_format=torch.channels_last) for net in (deepcopy(network()), as_the_page_has_it(network()))]
    with torch.inference_mode():
        batches = [part.float().div(127.5).sub(1) for part in images.split(16)]
        ours, theirs = (torch.cat([net(batch) for batch in batches]) for net in nets)
    said = [[imagenet.verdict(row).label for row in logits] for logits in (ours, theirs)]
    return [
        {
            "photographs": len(images),
            "largest_difference": _round((ours.softmax(1) - theirs.softmax(1)).abs().max(), 4),
            "other_answers": sum(a != b for a, b in zip(*said, strict=True)),
        }
    ]


def seconds(photographs_timed: int = 50) -> list[dict]:
    """Processor time for one photograph on one thread: from the file to pixels, and from pixels to logits."""
    folder = data_folder() / "cats_vs_dogs" / "test"
    files = sorted(folder.rglob("*.jpg"))[:: max(1, 500 // photographs_timed)]
    net = deepcopy(network()).to(memory_format=torch.channels_last)
    rows: dict[str, list[float]] = {"decoding": [], "network": []}
    for file in files:
        started = time.process_time()  # other programs on the machine must not count
        pixels = data.read_photograph(file, **network().view)
        decoded = time.process_time()
        with torch.inference_mode():
            net(pixels[None].float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last))
        rows["decoding"].append(decoded - started)
        rows["network"].append(time.process_time() - decoded)
    return [
        {"step": step, "photographs": len(times), "median_seconds": _round(float(np.median(times)), 4)}
        for step, times in rows.items()
    ]


def _round(value: float, digits: int = 3) -> float:
    return round(float(value), digits)


# ------------------------------------------------------------------------------------------- the table

PARTS = {
    "no_labels": lambda seeds, budget: no_labels(),
    "by_labels": lambda seeds, budget: by_labels(seeds),
    "by_stage": lambda seeds, budget: by_stage(seeds),
    "wrong_inputs": lambda seeds, budget: wrong_inputs(),
    "planted_errors": lambda seeds, budget: planted_errors(seeds),
    "calibration": lambda seeds, budget: calibration(),
    "rejection": lambda seeds, budget: rejection(),
    "across": lambda seeds, budget: across(seeds),
    "seconds": lambda seeds, budget: seconds(),
    "fine_tuned": lambda seeds, budget: fine_tuned(seeds, round(EPOCHS * budget)),
    "page": lambda seeds, budget: page(),
}
KEYS = {
    "no_labels": ("method",),
    "by_labels": ("method", "labels"),
    "by_stage": ("weights", "stage"),
    "wrong_inputs": ("input",),
    "planted_errors": ("labels", "planted"),
    "calibration": ("method", "temperature"),
    "rejection": ("pictures",),
    "across": ("trained_on", "tested_on", "labels"),
    "seconds": ("step",),
    "fine_tuned": ("pictures", "labels"),
    "page": ("photographs",),
}


def about() -> dict:
    """What the numbers were measured with and on."""
    import platform

    import sklearn
    import torchvision

    train, test = photographs()
    return {
        "data": "Kaggle, Dogs vs. Cats (2013): a sample of 2,000 training and 500 test photographs; none is shipped",
        "training_photographs": len(train.targets),
        "kept_back": KEPT_BACK,
        "test_photographs": len(test.targets),
        "backbone": network().source,
        "view": json.dumps(network().view),
        "probe": f"scikit-learn's LogisticRegression(C={C:g}) on the 1,280 features as they are",
        "machine": f"{platform.machine()}, 1 thread of {os.cpu_count()} shared cores",
        "versions": json.dumps(
            {
                "torch": torch.__version__.split("+")[0],
                "torchvision": torchvision.__version__.split("+")[0],
                "scikit-learn": sklearn.__version__,
            }
        ),
    }
