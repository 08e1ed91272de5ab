"""A recipe ladder on 200 drawn cats and dogs: each row adds one ingredient to the row above (chapter 10).

Validation pictures compare the rows; the test accuracy is recorded for the final statement. All rows but the first
train equally long. The rate of each row is the best of four on pictures and a seed that are not reported, judged on
validation. ``doubling_gain`` is what twice the epochs bring there, seed by seed.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from helpers import data, models
from helpers.runtime import seed_everything
from tools.tables.transfer_fair import normalised, part

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED, RATES = 200, (1e-3, 3e-3, 1e-2, 3e-2)
IMAGES, SHORT, EPOCHS, BATCH = 200, 30, 150, 32
RECIPE = (
    "30 epochs of Adam, constant rate",
    "longer: 150 epochs",
    "AdamW, warm-up and cosine",
    "flip and crop",
    "TrivialAugment",
    "label smoothing 0.1",
    "MixUp",
    "average of the weights (EMA)",
    "test-time flip",
)
MIXUP = RECIPE.index("MixUp")
FACTORS = ("step", "ingredient")
SETTINGS = {
    "images": IMAGES,
    "network": "SmallCNN",
    "batch_size": BATCH,
    "short": SHORT,
    "epochs": EPOCHS,
    "rates": list(RATES),
    "tuning": f"each row, seed {TUNING_SEED}, validation",
    "doubling_gain": "validation after twice the epochs, less that after once",
}
SAMPLE = {"step": 2, "ingredient": RECIPE[2]}  # one run of the rows above often fails
MARGIN = 0.05


def cells():
    """The rungs, from the plainest."""
    for step, ingredient in enumerate(RECIPE):
        yield {"step": step, "ingredient": ingredient}


@torch.no_grad()
def right(net: nn.Module, images: Tensor, targets: Tensor, stats: tuple, flip: bool) -> float:
    """Share of right answers; with ``flip``, of the mean probabilities of each picture and its mirror image."""
    net.eval()
    x = normalised(images, stats)
    p = net(x).softmax(1)
    if flip:
        p = p + net(x.flip(-1)).softmax(1)
    return (p.argmax(1) == targets).double().mean().item()


def trained(step: int, seed: int, rate: float, budget: float) -> tuple[nn.Module, tuple]:
    """The network of one rung, and the statistics of its pictures; the last three rungs are trained alike."""
    net, average, stats = runs(min(step, MIXUP), seed, rate, budget)
    return (average if step > MIXUP else net), stats


@lru_cache
def runs(step: int, seed: int, rate: float, budget: float) -> tuple[nn.Module, nn.Module, tuple]:
    """The network of one rung as it is after the last step, the average of its weights, and the statistics."""
    images, targets = part(100 + seed, IMAGES)
    stats = data.channel_stats(images)
    seed_everything(seed)
    net = models.SmallCNN(2).to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    epochs, steps = round((EPOCHS if step >= 1 else SHORT) * budget), -(-IMAGES // BATCH)
    cycle = None
    if step >= 2:
        optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01, fused=True)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * steps)
    else:
        optimizer = torch.optim.Adam(net.parameters(), lr=rate, fused=True)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1 if step >= 5 else 0.0)
    trivial = v2.TrivialAugmentWide()
    mixup = v2.MixUp(alpha=0.2, num_classes=2)
    average = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99), use_buffers=True
    )
    for _ in range(epochs):
        net.train()
        for index in torch.randperm(IMAGES, generator=generator).split(BATCH):
            batch, labels = images[index], targets[index]
            if step >= 3:
                batch = data.random_crop(data.random_flip(batch, generator), generator)
            if step >= 4:
                batch = torch.stack([trivial(image) for image in batch])
            x = normalised(batch, stats)
            if step >= MIXUP:
                x, labels = mixup(x, labels)
            logits = net(x)
            loss = loss_fn(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(net)
            if cycle is not None:
                cycle.step()
    return net, average.module, stats


def best_rate(step: int, budget: float) -> float:
    """The best of `RATES` for one rung, on the validation pictures."""
    tried = {}
    for rate in RATES:
        net, stats = trained(step, TUNING_SEED, rate, budget)
        tried[rate] = right(net, *part(2000, 1000), stats, flip=step >= 8)
    return max(tried, key=tried.get)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on training, validation and test pictures."""
    step = cell["step"]
    rate = best_rate(step, budget)
    found: dict[str, list[float]] = {"train": [], "val": [], "test": [], "doubling_gain": []}
    for seed in seeds:
        net, stats = trained(step, seed, rate, budget)
        for name, where in {"train": (100 + seed, IMAGES), "val": (2000, 1000), "test": (1000, 1000)}.items():
            found[name].append(right(net, *part(*where), stats, flip=step >= 8))
        net, _ = trained(step, seed, rate, 2 * budget)
        found["doubling_gain"].append(right(net, *part(2000, 1000), stats, flip=step >= 8) - found["val"][-1])
    return {"rate": rate} | found
