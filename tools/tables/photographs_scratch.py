"""Makes ``helpers/tables/photographs_scratch.json``: cats and dogs from scratch, trained until it pays no more.

``python -m tools.tables.photographs_scratch`` runs for more than an hour on one core, and goes on where it was stopped:
rows that the table has are kept. ``COURSE_DATA`` must hold ``cats_vs_dogs``.

A network starts from random weights and trains on 50, 200, 500 or 2,000 photographs of 64 pixels: the small
convolutional network of chapter 9, and with 2,000 photographs the small residual network of chapter 11. The number of
updates doubles until the mean over the seeds gains less than one point; every budget is in the table, so nothing is
chosen by the test photographs. No photograph and no weights go into the table.
"""

import argparse
import json
from functools import partial

import torch
from torch import nn

from helpers import data, models, training
from helpers.data.download import data_folder
from helpers.runtime import seed_everything
from helpers.tables import load_table
from tools.tables import save_table

NAME = "photographs_scratch"
CNN, RESNET = "small CNN", "small ResNet"
LABELS = {CNN: (50, 200, 500, 2000), RESNET: (2000,)}
UPDATES = {CNN: (200, 400, 800, 1600, 3200, 6400, 12800), RESNET: (1600, 3200, 6400, 12800)}
SEEDS = (0, 1, 2)
BATCH = 32
SIZE = 64
WIDTHS = (16, 32, 64, 128)
RATE = 3e-3
LEAST = 800  # so many updates are done in any case: half as many can seem flat by chance
GAIN = 0.01  # what doubling the updates must bring to be done again
LONG = 3200  # runs of the small CNN beyond that, and all of the ResNet, compute in bfloat16, which takes half the time


def make_network(network: str) -> nn.Module:
    """One of the two networks, with random weights."""
    if network == CNN:
        return models.SmallCNN(2, widths=WIDTHS)
    model = models.SmallResNet(2, widths=WIDTHS)
    model.stem.append(nn.MaxPool2d(2))  # as in ResNet-18, the stem halves the picture: a quarter of the time
    return model


def measure(photographs, labels: int, updates: int, seed: int, network: str = CNN, amp: bool = False) -> float:
    """Test accuracy of one network: random crops, flips, AdamW and one rise and fall of the learning rate."""
    train, test = photographs.train, photographs.test
    (rows,) = data.split_indices(train.targets, [labels], seed) if labels < len(train) else [torch.arange(len(train))]
    train = train.take(rows)
    normalize = data.channel_stats(train.images)
    seed_everything(seed)
    model = make_network(network)
    augment = [data.random_flip, partial(data.random_crop, padding=SIZE // 8)]
    loader = data.make_loader(
        *train, BATCH, shuffle=True, seed=seed, augment=augment, normalize=normalize, drop_last=True
    )
    epochs = max(1, round(updates / len(loader)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * len(loader))
    training.fit(
        model, loader, epochs=epochs, optimizer=optimizer, scheduler=scheduler, progress=False,
        loss_fn=nn.CrossEntropyLoss(label_smoothing=0.1), channels_last=True, amp=torch.bfloat16 if amp else False,
    )  # fmt: skip
    return training.evaluate(model, data.make_loader(*test, 250, normalize=normalize))["accuracy"]


def is_flat(rows: list[dict], network: str, labels: int, seeds: int) -> bool:
    """Did the last doubling of the updates gain less than `GAIN` on the average of so many seeds?"""
    means = [
        sum(row["accuracy"][:seeds]) / seeds
        for row in sorted(rows, key=lambda row: row["updates"])
        if (row["network"], row["labels"]) == (network, labels) and len(row["accuracy"]) >= seeds
    ]
    return len(means) > 1 and means[-1] - means[-2] < GAIN


def main(argv: list[str] | None = None) -> None:
    """Measures what the table lacks, and writes the table after each run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many seeds")
    parser.add_argument("--network", choices=list(UPDATES), help="one network only")
    parser.add_argument("--most", type=int, help="no run of more updates than this")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    photographs = data.image_folder(data_folder() / "cats_vs_dogs", SIZE, (0, 0.2))
    try:
        rows = load_table(NAME)["rows"]
    except ValueError:
        rows = []
    jobs = [(n, u, labels) for n in UPDATES for u in UPDATES[n] for labels in LABELS[n]]
    for network, updates, labels in jobs:
        if args.network not in (None, network) or updates > (args.most or updates):
            continue
        if updates > LEAST and is_flat([row for row in rows if row["updates"] < updates], network, labels, args.seeds):
            continue
        wanted = (network, labels, updates)
        row = next((row for row in rows if (row["network"], row["labels"], row["updates"]) == wanted), None)
        if row is None:
            row = {"network": network, "labels": labels, "updates": updates, "accuracy": []}
            rows.append(row)
        amp = network == RESNET or updates > LONG
        for seed in range(len(row["accuracy"]), args.seeds):
            row["accuracy"].append(round(measure(photographs, labels, updates, seed, network, amp), 3))
            print(row, flush=True)
            save_table(NAME, about(photographs) | {"rows": rows})


def about(photographs) -> dict:
    """What the numbers were measured with and on: settings, versions, and how many photographs."""
    import torchvision

    return {
        "data": "Kaggle, Dogs vs. Cats (2013): 2,000 training and 500 test photographs; none is shipped",
        "training_photographs": len(photographs.train),
        "test_photographs": len(photographs.test),
        "networks": f"SmallCNN and SmallResNet (its stem with a pooling layer), widths {', '.join(map(str, WIDTHS))}",
        "arithmetic": f"small CNN up to {LONG:,} updates: float32; else bfloat16 with float32 weights",
        "size": SIZE,
        "batch": BATCH,
        "peak_rate": RATE,
        "versions": json.dumps({"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__}),
    }


if __name__ == "__main__":
    main()
