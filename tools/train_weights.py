"""Train the small network on drawn animals other than cats and dogs: ``python -m tools.train_weights`` (minutes).

Writes ``animals.safetensors`` and ``animals.json`` (classes, losses, accuracy, checksum) into helpers/weights.
"""

import hashlib
import json
from pathlib import Path

import torch
import torch.nn.functional as F

from helpers.data import SPECIES, channel_stats, drawn_animals, make_loader, random_flip
from helpers.models import SmallCNN, evaluating

CLASSES = tuple(name for name in SPECIES if name not in ("cat", "dog"))
IMAGES, EPOCHS, LR, SEED = 4000, 12, 1e-2, 20


def train(epochs: int = EPOCHS) -> tuple[SmallCNN, list[float]]:
    """Train for the first so many epochs of the schedule; returns the network and its mean loss in each epoch."""
    torch.manual_seed(SEED)
    images, targets = drawn_animals(IMAGES, CLASSES, seed=SEED)
    loader = make_loader(images, targets, shuffle=True, seed=SEED, augment=random_flip, normalize=channel_stats(images))
    model = SmallCNN(len(CLASSES))
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=EPOCHS * len(loader))
    losses = []
    for _ in range(epochs):
        total = 0.0
        for batch, labels in loader:
            loss = F.cross_entropy(model(batch), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(labels)
        losses.append(total / len(images))
        print(f"epoch {len(losses):2d}  loss {losses[-1]:.3f}")
    return model, losses


def normalization() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel of the training images."""
    return channel_stats(drawn_animals(IMAGES, CLASSES, seed=SEED).images)


@torch.no_grad()
def accuracy(model: SmallCNN, normalize: tuple[tuple[float, ...], tuple[float, ...]]) -> float:
    """Share of 1,200 other animals of the same species that the network names rightly."""
    images, targets = drawn_animals(1200, CLASSES, seed=SEED + 1)
    with evaluating(model):
        loader = make_loader(images, targets, 300, normalize=normalize)
        return sum(int((model(batch).argmax(1) == labels).sum()) for batch, labels in loader) / len(targets)


def main(folder: Path) -> None:
    """Train, save both files into ``folder`` and say how good the network is."""
    from safetensors.torch import save

    model, losses = train()
    content = save(model.state_dict())
    normalize = normalization()
    card = {
        "classes": CLASSES,
        "normalize": normalize,
        "losses": [round(loss, 4) for loss in losses],
        "accuracy": accuracy(model, normalize),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / "animals.safetensors").write_bytes(content)
    (folder / "animals.json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"{card['accuracy']:.1%} of new animals right; {len(content):,} bytes")


if __name__ == "__main__":
    main(Path(__file__).parents[1] / "helpers" / "weights")
