"""Transfer learning with PyTorch and torchvision alone: photographs in, classifier out.

Run `python transfer_without_helpers.py photographs`; examples of files are
photographs/train/cat/1.jpg and photographs/val/dog/7.jpg. Copy it and change it.
"""

import sys

import torch
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import ResNet18_Weights, resnet18
from torchvision.transforms import v2

WEIGHTS = ResNet18_Weights.DEFAULT
EXPECTED = WEIGHTS.transforms()  # size, mean and deviation belong to the weights
NUMBERS = [
    v2.ToImage(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize(EXPECTED.mean, EXPECTED.std),
]
AUGMENTED = v2.Compose(
    [v2.RandomResizedCrop(224, scale=(0.5, 1)), v2.RandomHorizontalFlip(), *NUMBERS]
)
PLAIN = v2.Compose(
    [v2.Resize(EXPECTED.resize_size), v2.CenterCrop(EXPECTED.crop_size), *NUMBERS]
)


def open_photograph(file):
    """Upright and in colour: the one door for training, test and use."""
    return ImageOps.exif_transpose(Image.open(file)).convert("RGB")


def make_model(classes, weights=WEIGHTS):
    """A frozen pretrained body and a fresh head."""
    model = resnet18(weights=weights).requires_grad_(False)
    model.fc = nn.Linear(model.fc.in_features, classes)
    return model.eval()  # eval() for good: batch norm of a frozen body must stand still


def train(model, loader, epochs, lr):
    """The five lines, for the head only."""
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.fc.parameters(), lr=lr)
    for epoch in range(epochs):
        total = 0.0
        for images, targets in loader:
            logits = model(images)
            loss = loss_fn(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(targets)
        print(f"epoch {epoch + 1}: loss {total / len(loader.dataset):.3f}")


@torch.no_grad()
def accuracy(model, loader):
    """Share of right answers."""
    right = sum(
        (model(images).argmax(1) == targets).sum().item() for images, targets in loader
    )
    return right / len(loader.dataset)


@torch.no_grad()
def predict(model, classes, file):
    """The class of one photograph and its probability."""
    probabilities = model(PLAIN(open_photograph(file))[None]).softmax(1)[0]
    return classes[probabilities.argmax()], probabilities.max().item()


def main(folder):
    """Train on folder/train, report on folder/val, keep the file."""
    torch.manual_seed(0)
    photographs = ImageFolder(f"{folder}/train", AUGMENTED, loader=open_photograph)
    unseen = ImageFolder(f"{folder}/val", PLAIN, loader=open_photograph)
    model = make_model(len(photographs.classes))
    train(
        model, DataLoader(photographs, batch_size=32, shuffle=True), epochs=5, lr=1e-3
    )
    print(f"validation: {accuracy(model, DataLoader(unseen, batch_size=32)):.1%}")
    torch.save(
        {"classes": photographs.classes, "weights": model.state_dict()}, "classifier.pt"
    )
    print(predict(model, photographs.classes, unseen.samples[0][0]))


if __name__ == "__main__":
    main(sys.argv[1])
