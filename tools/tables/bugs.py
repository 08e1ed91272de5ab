"""Twelve runs of one network on the digits, eleven of them with a planted fault (chapter 07)."""

import torch
from torch import nn

from helpers import data
from helpers.runtime import seed_everything
from tools.tables import save_table

EPOCHS = 20
# letter on the page: what is wrong
BUGS = {
    "A": "learning rate too low",
    "B": "healthy",
    "C": "labels belong to other images",
    "D": "zero_grad forgotten",
    "E": "softmax before the cross entropy",
    "F": "pixels not divided by 255",
    "G": "optimizer holds another model's parameters",
    "H": "data sorted by class",
    "I": "all weights start at zero",
    "J": "too few images",
    "K": "learning rate too high",
    "L": "evaluated without eval()",
}


def build(bug: str) -> nn.Module:
    """A fresh network with 64 hidden units, as the fault wants it."""
    layers = [nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    if bug == "evaluated without eval()":
        layers.insert(3, nn.Dropout(0.5))
    if bug == "softmax before the cross entropy":
        layers.append(nn.Softmax(dim=1))
    model = nn.Sequential(*layers)
    if bug == "all weights start at zero":
        for parameter in model.parameters():
            nn.init.zeros_(parameter)
    return model


def batches(bug: str, images: torch.Tensor, targets: torch.Tensor, epoch: int):
    """The batches of one epoch: pairs of images (B, 1, 8, 8) and targets (B,)."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(epoch))
    if bug == "data sorted by class":
        order = targets.argsort(stable=True)
    for index in order.split(64):
        yield images[index], targets[index]


def run(letter: str, seed: int = 0, epochs: int = EPOCHS) -> dict:
    """One row: the loss of each step, and validation loss and accuracy after each epoch."""
    bug = BUGS[letter]
    digits = data.digits()
    scale = 1 if bug == "pixels not divided by 255" else 255
    images, targets = digits.train.images / scale, digits.train.targets
    val_images, val_targets = digits.val.images / scale, digits.val.targets
    generator = torch.Generator().manual_seed(seed)
    if bug == "labels belong to other images":
        targets = targets[torch.randperm(len(targets), generator=generator)]
    if bug == "too few images":
        images, targets = images[:100], targets[:100].clone()
        targets[::5] = (targets[::5] + 3) % 10
        epochs *= 8  # as many steps as the others
    seed_everything(seed)
    model = build(bug)
    lr = {"learning rate too low": 0.0005, "learning rate too high": 1.2}.get(bug, 0.1)
    momentum = 0.0 if bug in ("zero_grad forgotten", "data sorted by class") else 0.9
    trained = build(bug) if bug == "optimizer holds another model's parameters" else model
    optimizer = torch.optim.SGD(trained.parameters(), lr=lr, momentum=momentum)
    loss_fn = nn.CrossEntropyLoss()
    losses, val_losses, val_accuracies, val_steps = [], [], [], []
    for epoch in range(epochs):
        model.train()
        for inputs, labels in batches(bug, images, targets, epoch):
            loss = loss_fn(model(inputs), labels)
            if bug != "zero_grad forgotten":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(round(min(loss.item(), 99.0), 3))
        if bug != "evaluated without eval()":
            model.eval()
        with torch.no_grad():
            logits = model(val_images)
        val_steps.append(len(losses))
        val_losses.append(round(min(loss_fn(logits, val_targets).item(), 99.0), 3))
        val_accuracies.append(round((logits.argmax(dim=1) == val_targets).float().mean().item(), 3))
    return {
        "run": letter,
        "bug": bug,
        "loss": losses,
        "val_steps": val_steps,
        "val_loss": val_losses,
        "val_accuracy": val_accuracies,
    }


def main() -> None:
    """Run all twelve and write the table."""
    save_table("bugs", {"data": "digits", "seed": 0, "rows": [run(letter) for letter in BUGS]})


if __name__ == "__main__":
    main()
