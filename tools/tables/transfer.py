"""Makes ``helpers/tables/transfer.json``: labels against methods for cats and dogs (chapter 12, X12.1).

``python -m tools.tables.transfer`` takes some minutes. Every number is the share of right answers on the same
1,000 drawn test images.
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

from helpers import data, models, training
from helpers.runtime import seed_everything
from tools.tables import save_table

SEEDS = (0, 1, 2)
TEST_SEED = 1000
# For the methods that train: the learning rates of the head and of the body.
RATES = {
    "from scratch": (5e-3, 5e-3),
    "fine-tuned, one rate": (1e-2, 1e-2),
    "fine-tuned, two rates": (1e-2, 1e-3),
    "probe, then fine-tuned": (1e-3, 1e-3),
}
METHODS = ("probe", "random probe", *RATES)
LABELS = (20, 50, 100, 200, 500)


draw = lru_cache(lambda n, seed: data.drawn_animals(n, seed=seed))


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


def fit(net: nn.Module, loader, n: int, lr_head: float, lr_body: float) -> None:
    """One-cycle training with two learning rates: 12 to 40 epochs, fewer where there are more images."""
    epochs = max(12, min(40, 4000 // n))
    head = list(net.head.parameters())
    body = [p for name, p in net.named_parameters() if not name.startswith("head.")]
    optimizer = torch.optim.Adam([{"params": head, "lr": lr_head}, {"params": body, "lr": lr_body}])
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=[lr_head, lr_body], total_steps=epochs * len(loader)
    )
    training.fit(net, loader, epochs=epochs, optimizer=optimizer, scheduler=scheduler, progress=False)


def measure(method: str, n: int, seed: int) -> float:
    """Test accuracy of one method with ``n`` labelled images."""
    images, targets = draw(n, seed)
    test = draw(1000, TEST_SEED)
    seed_everything(seed)
    pretrained = models.pretrained_animals()
    normalize = pretrained.normalize
    net = models.SmallCNN(2) if method in ("random probe", "from scratch") else models.replace_head(pretrained, 2)
    if "probe" in method:
        net.head = linear_probe(features(net, images, normalize), targets)
    if method in RATES:
        loader = data.make_loader(
            images, targets, 20, shuffle=True, seed=seed, augment=data.random_flip, normalize=normalize
        )
        fit(net, loader, n, *RATES[method])
    return training.evaluate(net, data.make_loader(*test, 256, normalize=normalize))["accuracy"]


def main() -> None:
    """Measures everything and writes the table."""
    torch.set_num_threads(1)
    rows = []
    for method in METHODS:
        for n in LABELS:
            rows.append({"method": method, "labels": n, "accuracy": [round(measure(method, n, s), 3) for s in SEEDS]})
            print(rows[-1], flush=True)
    save_table("transfer", {"test_images": 1000, "test_seed": TEST_SEED, "seeds": list(SEEDS), "rows": rows})


if __name__ == "__main__":
    main()
