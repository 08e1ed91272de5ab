"""The learning-rate range test: raise the learning rate step by step and watch the loss. Chapter 06 builds it."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import nn

from helpers.training import explain
from helpers.training.callbacks import loader_state, random_state, restore_loader, restore_random_state
from helpers.training.recipe import Batch, Recipe, Updates

__all__ = ["LearningRateCurve", "learning_rate_range_test"]


@dataclass(frozen=True)
class LearningRateCurve:
    """Learning rates tried, the smoothed loss at each, and a suggestion: a tenth of where the loss was lowest."""

    lr: list[float]
    loss: list[float]
    suggestion: float


def learning_rate_range_test(
    model: nn.Module,
    train_loader: Iterable,
    *,
    loss_fn: Callable | None = None,
    make_optimizer: Callable | None = None,
    low: float = 1e-5,
    high: float = 10.0,
    steps: int = 100,
) -> LearningRateCurve:
    """Train a copy of the model with a learning rate that grows from step to step, until the loss explodes.

    The model, its mode, the random numbers and the loader's generator are left as they were found. After Smith (2017),
    *Cyclical Learning Rates for Training Neural Networks*.

    Args:
        model: a copy of it is trained, where it is.
        train_loader: any iterable of batches ``(inputs, targets)``; read again if it is shorter than ``steps``.
        loss_fn: mean loss of a batch; cross entropy on logits by default.
        make_optimizer: makes an optimizer from parameters; Adam by default. Its learning rate is overwritten.
        low: first learning rate.
        high: last learning rate.
        steps: number of learning rates, evenly spaced on a logarithmic scale.

    Raises:
        ValueError: if the range is empty or the loader is.
        FloatingPointError: if the very first loss is not finite.
    """
    if not 0 < low < high or steps < 10:
        raise ValueError(f"need 0 < low < high and at least 10 steps, but got {low:g}, {high:g} and {steps}")
    twin = copy.deepcopy(model).train()
    optimizer = (make_optimizer or torch.optim.Adam)([p for p in twin.parameters() if p.requires_grad])
    recipe = Recipe(loss_fn or nn.CrossEntropyLoss(), explain.check_device(model))
    updates = Updates(optimizer, twin, recipe)
    kept = random_state()
    kept_loader = loader_state(train_loader)
    rates: list[float] = []
    losses: list[float] = []
    smooth = 0.0
    try:
        with explain.clearer_errors(twin) as seen:
            for step, batch in enumerate(_endless(recipe, train_loader, seen)):
                rate = low * (high / low) ** (step / (steps - 1))
                for group in optimizer.param_groups:
                    group["lr"] = rate
                inputs, targets = batch.inputs, batch.targets
                logits = recipe.align(twin(inputs), targets)
                if step == 0:
                    explain.check_batch(inputs, targets, logits, recipe.loss_fn, train_loader)
                loss = recipe.loss_fn(logits, targets)
                updates.zero_grad()
                loss.backward()
                updates.step()
                # single batches are noisy, so the loss is smoothed; the divisor mends the start at zero
                smooth = 0.9 * smooth + 0.1 * loss.item()
                value = smooth / (1 - 0.9 ** (step + 1))
                if not math.isfinite(value):
                    break
                rates.append(rate)
                losses.append(value)
                if step + 1 == steps or value > 4 * min(losses):
                    break
    finally:
        restore_random_state(kept)
        restore_loader(train_loader, kept_loader)
    if not losses:
        watch = explain.NanWatch(train_loader, recipe.loss_fn, None, optimizer)
        raise watch([math.nan])
    return LearningRateCurve(rates, losses, rates[losses.index(min(losses))] / 10)


def _endless(recipe: Recipe, loader: Iterable, seen: dict) -> Iterator[Batch]:
    while True:
        count = 0
        for count, batch in enumerate(recipe.batches(loader, seen, "train_loader"), start=1):  # noqa: B007
            yield batch
        explain.check_not_empty(count, loader, "train_loader")
