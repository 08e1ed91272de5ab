"""(d) Fine-tuning ResNets at 224 pixels on a GPU: images per second, time waiting for data, accuracy with autocast."""

import statistics
import time

import torch
from torch import nn

from benchmarks import Table
from helpers.data import drawn_animals, make_loader
from helpers.training import evaluate, fit


def run(quick: bool) -> Table:
    """Measure on the GPU at hand, or say that there is none."""
    if not torch.cuda.is_available():
        return Table("Fine-tuning on a GPU", ("",), [], ["Not measured: there is no CUDA device here."])
    import torchvision

    images = 1024 if quick else 4096
    rows = []
    for name in ("resnet18", "resnet50"):
        rows += measure(name, getattr(torchvision.models, name), torch.device("cuda"), images, rounds=2 if quick else 5)
    return Table(
        f"Fine-tuning at 224 pixels on {torch.cuda.get_device_name()}",
        ("", "images/s", "x reference", "waiting for data", "accuracy"),
        rows,
        [
            "Median of alternating epochs, wall time, batches of 64; accuracy on 512 other images.",
            "Reference: uint8 images through DataLoader with 4 workers, float32, one loss.item() per step.",
        ],
    )


def measure(
    name: str, build, device: torch.device, count: int, *, rounds: int, size: int = 224
) -> list[tuple[str, ...]]:
    """Rows for one architecture: the reference loop, `fit`, and `fit` with mixed precision and channels last."""
    images, targets = drawn_animals(count, size=size, seed=0)
    held_out = drawn_animals(512, size=size, seed=1)
    val_loader = make_loader(*held_out, batch_size=64, device=device)
    settings = {"fit": {}, "fit, autocast, channels last": {"amp": True, "channels_last": True}}
    contestants = {"reference loop": None, **settings}
    models, seconds = {}, {}
    for contestant in contestants:
        torch.manual_seed(0)
        models[contestant] = build(num_classes=2).to(device)
        seconds[contestant] = []
    waits = {}
    for turn in range(rounds + 1):  # the first round warms up: cuDNN searches for its algorithms
        for contestant, options in contestants.items():
            model = models[contestant]
            loader = make_loader(images, targets, batch_size=64, shuffle=True, seed=turn, device=device, drop_last=True)
            start = _now(device)
            if options is None:
                _reference(model, images, targets, device)
            else:
                optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
                fit(model, loader, epochs=1, optimizer=optimizer, device=device, progress=False, **options)
            if turn:
                seconds[contestant].append(_now(device) - start)
            if turn == rounds and options is not None:
                waits[contestant] = _waiting(model, loader, options, device, statistics.median(seconds[contestant]))
    rows = []
    for contestant, model in models.items():
        rate = count / statistics.median(seconds[contestant])
        reference = statistics.median(seconds["reference loop"]) / statistics.median(seconds[contestant])
        accuracy = evaluate(model, val_loader)["accuracy"]
        wait = f"{waits[contestant]:.0%}" if contestant in waits else ""
        rows.append((f"{name}, {contestant}", f"{rate:.0f}", f"{reference:.2f}", wait, f"{accuracy:.3f}"))
    return rows


def _reference(model, images, targets, device) -> None:
    from torch.utils.data import DataLoader, TensorDataset

    data = TensorDataset(images, targets)
    loader = DataLoader(data, 64, shuffle=True, num_workers=4, pin_memory=device.type == "cuda", drop_last=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    loss_fn, total = nn.CrossEntropyLoss(), 0.0
    model.train()
    for inputs, labels in loader:
        inputs, labels = inputs.to(device, non_blocking=True).float() / 255, labels.to(device, non_blocking=True)
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()


def _waiting(model, loader, options, device, seconds: float) -> float:
    """Share of an epoch that is gone when every step gets the same batch, which is there already."""
    from copy import deepcopy

    batch = next(iter(loader))
    twin = deepcopy(model)
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.0)
    start = _now(device)
    fit(twin, [batch] * len(loader), epochs=1, optimizer=optimizer, device=device, progress=False, **options)
    return max(0.0, 1 - (_now(device) - start) / seconds)


def _now(device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
