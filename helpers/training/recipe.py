"""What surrounds the five steps: precision, memory format, accumulation, clipping. The loop itself stays the same."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from helpers.training import explain
from helpers.training.history import is_binary
from helpers.training.team import Team

__all__ = ["Batch", "Recipe", "Updates", "choose_precision"]

REGRESSION_LOSSES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


@dataclass(frozen=True)
class Recipe:
    """The settings of a step, which stay the same for a whole run.

    Attributes:
        loss_fn: mean loss of a batch of logits and targets.
        device: where the step is computed.
        precision: dtype of mixed precision, or None for plain float32.
        channels_last: hold images (B, C, H, W) with the channels innermost in memory.
        accumulate: batches whose gradients make up one update.
        clip_norm: largest norm of the gradient of all parameters, or None.
        team: the processes that share the work, or None.
    """

    loss_fn: Callable
    device: torch.device
    precision: torch.dtype | None = None
    channels_last: bool = False
    accumulate: int = 1
    clip_norm: float | None = None
    team: Team | None = None

    @property
    def float_targets(self) -> bool:
        """Does the loss compare outputs (B,) with targets that are numbers, not class indices?"""
        return is_binary(self.loss_fn) or isinstance(self.loss_fn, REGRESSION_LOSSES)

    def batches(self, loader: Iterable, seen: dict, name: str = "the loader") -> Iterator["Batch"]:
        """The loader's batches on the device, in the right memory format; in a team, this process's share of each."""
        device, team, float_targets = self.device, self.team, self.float_targets
        divided = team is None or team.is_divided(loader)
        share = 1.0
        for pair in loader:
            inputs, targets = explain.check_pair(pair, name)
            seen["inputs"] = inputs
            samples = targets.shape[0]
            if team is not None and not divided:
                inputs, targets, share = team.share(inputs, targets)
            if self.channels_last and inputs.ndim == 4:
                inputs = inputs.to(device, non_blocking=True, memory_format=torch.channels_last)
            else:
                inputs = inputs.to(device, non_blocking=True)
            targets = targets.to(device, non_blocking=True)
            if float_targets and not targets.is_floating_point():
                targets = targets.float()
            yield Batch(inputs, targets, samples, share)

    def autocast(self) -> contextlib.AbstractContextManager:
        """The context in which logits and loss are computed."""
        if self.precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def align(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits (B, 1) in the shape (B,) of their targets, where the loss compares number with number."""
        if self.float_targets and logits.ndim == targets.ndim + 1 and logits.shape[1] == 1:
            return logits.squeeze(1)
        return logits

    def total(self, meter) -> tuple[float, ...]:
        """The meter's totals, over the whole team."""
        totals = meter.totals()
        return totals if self.team is None else tuple(self.team.add_up(totals))


@dataclass(slots=True)
class Batch:
    """One batch on its way through a step.

    Attributes:
        inputs, targets: on the device; in a team, this process's part.
        samples: of the whole batch, over the team.
        share: weight of this process's part; 0 for a process that got none.
    """

    inputs: Tensor
    targets: Tensor
    samples: int
    share: float = 1.0


class Updates:
    """An optimizer that waits until enough batches have given their gradients, and clips and unscales these.

    It stands in the loop where the optimizer stands: ``zero_grad()``, ``loss.backward(weight(...))``, ``step()``.

    Args:
        optimizer: makes the steps.
        model: whose gradients they are.
        recipe: how many batches make a step, and the rest.
        after_step: called after every step, such as a scheduler's ``step``.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, model: nn.Module, recipe: Recipe, after_step: Callable | None = None
    ) -> None:
        self.optimizer, self.model, self.recipe, self.after_step = optimizer, model, recipe, after_step
        # float16 has no numbers below 6e-8, so small gradients vanish unless the loss is scaled up first
        self.scaler = torch.amp.GradScaler(recipe.device.type) if recipe.precision is torch.float16 else None
        self.plain = recipe.accumulate == 1 and recipe.clip_norm is None and self.scaler is None and recipe.team is None
        self.pending = 0  # batches whose gradients wait for a step
        self.unit = 1  # samples of the first of these batches
        self.weights = 0.0  # samples of all of them, in this unit

    def zero_grad(self) -> None:
        """Clear the gradients, unless those of earlier batches wait for a step.

        What ``optimizer.zero_grad()`` does, without its bookkeeping, which takes 3 % of the step of a small network.
        """
        if self.pending:
            return
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def weight(self, batch: Batch, loss: Tensor) -> Tensor | None:
        """What ``loss.backward`` multiplies the gradients of this batch by; None is 1.

        Batches count by their size, so that accumulating gives the gradient of one large batch.
        """
        if self.plain:
            return None
        if self.pending == 0:
            self.unit, self.weights = batch.samples, 0.0
        weight = batch.samples / self.unit
        self.weights += weight
        factor = torch.full((), weight * batch.share, dtype=loss.dtype, device=loss.device)
        return factor if self.scaler is None else self.scaler.scale(factor).to(loss.dtype)

    def step(self) -> None:
        """Count a batch; once there are enough of them, or with `finish`, change the parameters."""
        if self.plain:
            self.optimizer.step()
        else:
            self.pending += 1
            if self.pending < self.recipe.accumulate:
                return
            self._apply()
        if self.after_step:
            self.after_step()

    def finish(self) -> None:
        """The step for batches that are left over at the end of an epoch."""
        if self.pending:
            self._apply()
            if self.after_step:
                self.after_step()

    def _apply(self) -> None:
        self.pending = 0
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        if self.weights != 1.0:
            for parameter in parameters:
                parameter.grad = None if parameter.grad is None else parameter.grad.div_(self.weights)
        if self.recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.recipe.clip_norm)
        if self.scaler:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()


def choose_precision(amp: bool | torch.dtype, device: torch.device) -> torch.dtype | None:
    """The dtype of mixed precision: bfloat16 where the device computes in it, float16 elsewhere, None if not wanted.

    Raises:
        ValueError: if ``amp`` is neither a bool nor one of the two dtypes.
    """
    if amp is False or amp is None:
        return None
    if amp is True:
        half_only = device.type == "mps" or (device.type == "cuda" and not torch.cuda.is_bf16_supported())
        return torch.float16 if half_only else torch.bfloat16
    if amp not in (torch.bfloat16, torch.float16):
        raise ValueError(f"amp is {amp!r}, but must be True, False, torch.bfloat16 or torch.float16")
    return amp
