"""Photographs of cats and dogs from scratch: two small networks with a fixed number of updates (chapter 12).

The convolutional network of chapter 9 starts from random weights and learns from 50, 200, 500 or 2,000 photographs of
64 pixels, the residual network of chapter 11 from 2,000. The numbers of updates are fixed by what a processor core can
do, and doubled where that was not enough: a seed that is not reported trains without 400 of the training photographs,
and ``next_doubling`` is what twice the updates would bring on these 400.
Without ``cats_vs_dogs`` in ``COURSE_DATA`` there is nothing to measure. No photograph and no weights go into the table.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

import torch
from torch import nn

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables.photographs_ladder import SIZE, missing, photographs

__all__ = ["cells", "measure", "missing"]

CNN, RESNET = "small CNN", "small ResNet"
UPDATES = {(CNN, 50): 800, (CNN, 200): 1600, (CNN, 500): 1600, (CNN, 2000): 6400, (RESNET, 2000): 3200}
SEEDS = (0, 1, 2)  # a seed of all five rows takes some twenty minutes of a core
TUNING_SEED, KEPT_BACK = 100, 400
BATCH = 32
WIDTHS = (16, 32, 64, 128)
RATE = 3e-3
FACTORS = ("network", "labels")
SETTINGS = {
    "data": "Kaggle, Dogs vs. Cats (2013): 2,000 training and 500 test photographs; none is shipped",
    "networks": f"SmallCNN and SmallResNet (its stem with a pooling layer), widths {', '.join(map(str, WIDTHS))}",
    "arithmetic": "small CNN float32, small ResNet bfloat16 with float32 weights",
    "size": SIZE,
    "optimizer": "AdamW, weight decay 0.05, one cycle, label smoothing 0.1, flips and crops",
    "peak_rate": f"{RATE}, not tuned",
    "batch_size": BATCH,
    "next_doubling": f"on {KEPT_BACK} photographs kept back, seed {TUNING_SEED}, bfloat16: twice the updates less all",
}
SAMPLE = {"network": CNN, "labels": 50}
MARGIN = 0.03


def cells() -> Iterator[dict]:
    """From few photographs to all."""
    for network, labels in UPDATES:
        yield {"network": network, "labels": labels}


def make_network(network: str) -> nn.Module:
    """One of the two networks, with random weights."""
    if network == CNN:
        return models.SmallCNN(2, widths=WIDTHS)
    model = models.SmallResNet(2, widths=WIDTHS)
    model.stem.append(nn.MaxPool2d(2))  # as in ResNet-18, the stem halves the picture: a quarter of the time
    return model


def trained(network: str, updates: int, seed: int, known: data.Images, new: data.Images, amp: bool = False) -> float:
    """Accuracy on ``new`` of a network that learned from ``known``: crops, flips, one rise and fall of the rate."""
    normalize = data.channel_stats(known.images)
    seed_everything(seed)
    model = make_network(network)
    augment = [data.random_flip, partial(data.random_crop, padding=SIZE // 8)]
    loader = data.make_loader(
        *known, BATCH, shuffle=True, seed=seed, augment=augment, normalize=normalize, drop_last=True
    )
    epochs = max(1, round(updates / len(loader)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * len(loader))
    training.fit(
        model, loader, epochs=epochs, optimizer=optimizer, scheduler=scheduler, device="cpu", progress=False,
        loss_fn=nn.CrossEntropyLoss(label_smoothing=0.1), channels_last=True, amp=torch.bfloat16 if amp else False,
    )  # fmt: skip
    return training.evaluate(model, data.make_loader(*new, 250, normalize=normalize))["accuracy"]


def draw(known: data.Images, labels: int, seed: int) -> data.Images:
    """So many photographs, half of them cats; all of them if there are no more."""
    if labels >= len(known):
        return known
    return known.take(data.split_indices(known.targets, [labels], seed)[0])


@lru_cache
def validated(network: str, labels: int, updates: int) -> float:
    """Accuracy on the photographs that are kept back, after training on (some of) the others."""
    train = photographs().train
    rows, back = data.split_indices(train.targets, [len(train) - KEPT_BACK, KEPT_BACK], TUNING_SEED)
    known = draw(train.take(rows), labels, TUNING_SEED)
    return trained(network, updates, TUNING_SEED, known, train.take(back), amp=True)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on the 500 test photographs, one value per seed of draw, weights and order."""
    network, labels = cell["network"], cell["labels"]
    updates = round(UPDATES[network, labels] * budget)
    gain = validated(network, labels, 2 * updates) - validated(network, labels, updates)
    train, test = photographs().train, photographs().test
    right = [trained(network, updates, seed, draw(train, labels, seed), test, network == RESNET) for seed in seeds]
    return {"updates": updates, "next_doubling": gain, "test": right}
