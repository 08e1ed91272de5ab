"""The picture on the first page: what a student will have built, made by the course itself."""

import argparse
from pathlib import Path

from tools.notebooks import ROOT

PICTURE = ROOT / "images" / "cats_and_dogs.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``python -m tools cover``."""
    parser.add_argument("--output", type=Path, default=PICTURE, help="the PNG file to write")


def run(args: argparse.Namespace) -> int:
    """Train the network, draw the picture, return 0."""
    accuracy = draw(args.output)
    print(f"{args.output}: test accuracy {accuracy:.1%}")
    return 0


def draw(output: Path) -> float:
    """Picture two verdicts: ImageNet's on the bundled photograph, and a small network's on sixteen new drawings.

    The small network is trained here, on drawn animals. The photograph's verdict comes from EfficientNet-Lite0.

    Args:
        output: the PNG file to write.

    Returns:
        The small network's accuracy on 1,000 test drawings.

    Raises:
        FileNotFoundError: if the package with EfficientNet-Lite0's weights is not installed.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from torch.optim import Adam
    from torch.optim.lr_scheduler import OneCycleLR

    from helpers import data, imagenet, models, plotting, training
    from helpers.runtime import seed_everything

    photograph = data.photograph("chelsea").numpy()
    verdict = imagenet.name_animal(models.backbone("efficientnet_lite0", fallback=False), photograph)
    seed_everything(0)
    plotting.use_style()
    train, test = data.drawn_animals(2000, seed=0), data.drawn_animals(1000, seed=1)
    loader = data.make_loader(*train, shuffle=True, augment=data.random_flip)
    model, epochs = models.SmallCNN(), 8
    optimizer = Adam(model.parameters(), lr=1e-2)
    schedule = OneCycleLR(optimizer, max_lr=1e-2, total_steps=epochs * len(loader))
    training.fit(model, loader, epochs=epochs, optimizer=optimizer, scheduler=schedule, device="cpu", progress=False)
    accuracy = training.evaluate(model, data.make_loader(*test))["accuracy"]

    shown = data.drawn_animals(16, size=96, seed=5)
    small = data.drawn_animals(16, size=32, seed=5)
    sure, predicted = training.predict(model, small.images / 255).softmax(dim=1).max(dim=1)
    titles = [f"{train.classes[p]} {s:.0%}" for p, s in zip(predicted, sure, strict=True)]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 2.6), width_ratios=(2, 8))
    square = data.read_photograph(photograph, 220).permute(1, 2, 0)
    left.imshow(square)
    left.set_title(f"photograph: {verdict.label} {verdict.probability:.0%}", fontsize="small")
    left.axis("off")
    plotting.plot_images(shown.images, titles=titles, ax=right, columns=8)
    output.parent.mkdir(exist_ok=True)
    figure.savefig(output, dpi=110)
    plt.close(figure)
    return accuracy
