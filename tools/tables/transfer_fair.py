"""Transfer against scratch on drawn cats and dogs, both trained long enough with flips and crops (chapter 12).

The peak rate of each method is the best of `RATES` with 100 labels of a seed that is not reported, on validation
pictures. Was it long enough? ``doubling_gain`` is what twice the epochs bring there, draw by draw.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn

from helpers import data, models
from helpers.runtime import seed_everything

SEEDS = (0, 1, 2, 3, 4)
TUNING_SEED, VAL_SEED, TEST_SEED = 100, 2000, 1000
RATES = (3e-3, 1e-2)
EPOCHS = {  # doubled where that still gained; ``doubling_gain`` says what once more would bring
    "from scratch": {20: 400, 50: 1200, 100: 800, 200: 480, 500: 60},
    "fine-tuned": {20: 400, 50: 300, 100: 200, 200: 120, 500: 60},
}
SHORT = {"labels": 500, "method": "from scratch"}  # is also trained for a fifth of the epochs
FACTORS = ("labels", "method")
SETTINGS = {
    "network": "SmallCNN; pretrained on 4,000 other drawn animals for probe and fine-tuning",
    "test_images": 1000,
    "val_images": 1000,
    "optimizer": "Adam, one cycle, all layers the same rate",
    "rates": list(RATES),
    "tuning": f"100 labels, seed {TUNING_SEED}, half the epochs, validation",
    "batch_size": 32,
    "augmentation": "flip and crop",
    "epochs": EPOCHS,
    "short_val": "validation after a fifth of the epochs, at the same rate",
    "doubling_gain": "validation after twice the epochs, less that after once; with 500 labels of two draws",
}
SAMPLE = {"labels": 100, "method": "probe"}
MARGIN = 0.02


def cells():
    """Few labels, where transfer pays, and many."""
    for labels in EPOCHS["fine-tuned"]:
        for method in ("probe", "from scratch", "fine-tuned"):
            yield {"labels": labels, "method": method}


@lru_cache
def part(seed: int, n: int = 1000) -> tuple[Tensor, Tensor]:
    """Drawn cats and dogs: uint8 images ``(n, 3, 32, 32)`` and targets ``(n,)``."""
    images, targets = data.drawn_animals(n, seed=seed)
    return images, targets


def normalised(images: Tensor, stats: tuple) -> Tensor:
    """uint8 images as floats with the given mean and standard deviation per channel, channels last in memory."""
    mean, std = (torch.as_tensor(s).view(1, -1, 1, 1) for s in stats)
    return ((images / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def features(net: models.SmallCNN, images: Tensor, normalize: tuple) -> Tensor:
    """What the head would see, in evaluation mode: ``(N, 64)``."""
    loader = data.make_loader(images, torch.zeros(len(images), dtype=torch.int64), 256, normalize=normalize)
    with torch.no_grad():
        return torch.cat([net.eval().embed(batch) for batch, _ in loader])


def linear_probe(F: Tensor, y: Tensor, l2: float = 0.01) -> nn.Linear:
    """Logistic regression on standardised features, minimised by L-BFGS, as a head for unstandardised ones."""
    mean, std = F.mean(0), F.std(0) + 1e-6
    Z = (F - mean) / std
    head = nn.Linear(F.shape[1], int(y.max()) + 1)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(head(Z), y) + l2 * head.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        head.weight /= std
        head.bias -= head.weight @ mean
    return head


@torch.no_grad()
def right(net: nn.Module, images: Tensor, targets: Tensor, stats: tuple) -> float:
    """Share of right answers in evaluation mode."""
    net.eval()
    answers = torch.cat([net(normalised(batch, stats)).argmax(1) for batch in images.split(250)])
    return (answers == targets).double().mean().item()


def trained(method: str, labels: int, seed: int, rate: float, budget: float) -> nn.Module:
    """One network: SmallCNN with random weights, or with the pretrained ones under a new head."""
    images, targets = part(seed, labels)
    seed_everything(seed)
    pretrained = models.pretrained_animals()
    stats = pretrained.normalize
    net = models.SmallCNN(2) if method == "from scratch" else models.replace_head(pretrained, 2)
    if method == "probe":
        net.head = linear_probe(features(net, images, stats), targets)
        return net
    epochs = round(EPOCHS[method][labels] * budget)
    fit(net, labels, seed, torch.optim.Adam(net.parameters(), lr=rate, fused=True), stats, epochs)
    return net


def fit(net: nn.Module, labels: int, seed: int, optimizer: torch.optim.Optimizer, stats: tuple, epochs: int) -> None:
    """One cycle of training with flips and crops; each group of the optimizer rises to its own rate."""
    images, targets = part(seed, labels)
    net.to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    steps = -(-labels // 32)
    peaks = [group["lr"] for group in optimizer.param_groups]
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, peaks, total_steps=epochs * steps)
    loss_fn = nn.CrossEntropyLoss()
    for _ in range(epochs):
        net.train()
        for index in torch.randperm(labels, generator=generator).split(32):
            batch = data.random_crop(data.random_flip(images[index], generator), generator)
            logits = net(normalised(batch, stats))
            loss = loss_fn(logits, targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()


@lru_cache
def best_rate(method: str, budget: float) -> float:
    """The best of `RATES` on validation pictures, with 100 labels of the tuning seed."""
    stats = models.pretrained_animals().normalize
    tried = {r: right(trained(method, 100, TUNING_SEED, r, budget / 2), *part(VAL_SEED), stats) for r in RATES}
    return max(tried, key=tried.get)


def measure(cell: dict, seeds: Sequence[int], budget: float = 1.0) -> dict:
    """Accuracy on training, validation and test pictures, one value per draw of the labelled pictures."""
    method, labels = cell["method"], cell["labels"]
    rate = 0.0 if method == "probe" else best_rate(method, budget)
    stats = models.pretrained_animals().normalize
    found: dict[str, list[float]] = {"train": [], "val": [], "test": []}
    for seed in seeds:
        net = trained(method, labels, seed, rate, budget)
        for name, (images, targets) in {
            "train": part(seed, labels), "val": part(VAL_SEED), "test": part(TEST_SEED)
        }.items():  # fmt: skip
            found[name].append(right(net, images, targets, stats))
    gain = None
    if method != "probe":
        some = seeds if labels < 500 else seeds[:2]  # a draw of 500 labels takes two minutes of a core
        twice = [right(trained(method, labels, seed, rate, 2 * budget), *part(VAL_SEED), stats) for seed in some]
        gain = [after - before for after, before in zip(twice, found["val"], strict=False)]
    short = None
    if cell == SHORT:
        short = [right(trained(method, labels, seed, rate, budget / 5), *part(VAL_SEED), stats) for seed in seeds]
    return {"rate": rate, "doubling_gain": gain, "short_val": short} | found
