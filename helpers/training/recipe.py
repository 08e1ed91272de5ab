"""How one step is computed: precision, memory format, accumulation, clipping. The loop stays the same."""

import contextlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from helpers.training.history import is_binary

__all__ = ["Recipe", "choose_precision"]

REGRESSION_LOSSES = (nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss)


class Recipe:
    """The settings of a step, with a method for each place of the loop where they matter.

    Args:
        loss_fn: mean loss of a batch of logits and targets.
        device: where the step is computed.
        precision: dtype of mixed precision, or None for plain float32.
        channels_last: hold images (B, C, H, W) with the channels innermost in memory.
        accumulate: batches whose gradients make up one update.
        clip_norm: largest norm of the gradient of all parameters, or None.
        team: the processes that share the work, or None.
    """

    def __init__(
        self, loss_fn, device, *, precision=None, channels_last=False, accumulate=1, clip_norm=None, team=None
    ) -> None:
        self.loss_fn, self.device, self.team = loss_fn, device, team
        self.accumulate, self.clip_norm = accumulate, clip_norm
        self.memory = {"memory_format": torch.channels_last} if channels_last else {}
        self.precision = precision
        # float16 has no numbers below 6e-8, so small gradients vanish unless the loss is scaled up first
        self.scaler = torch.amp.GradScaler(device.type) if precision is torch.float16 else None
        self.plain = accumulate == 1 and clip_norm is None and self.scaler is None and team is None
        self.float_targets = is_binary(loss_fn) or isinstance(loss_fn, REGRESSION_LOSSES)
        self.after_update = None  # a scheduler's step, if it moves with every update
        self.samples = 0  # of the current batch, over the whole team
        self.share = 1.0  # weight of this process's part of it; 0 for a process that got none
        self.pending = 0  # batches whose gradients wait for an update
        self.weight = 0.0  # their samples, in units of the first of these batches
        self.unit = 1

    def batches(self, loader: Iterable, seen: dict) -> Iterator[tuple[Tensor, Tensor]]:
        """The loader's batches on the device, in the right memory format; in a team, this process's share of each."""
        device = self.device
        divided = self.team is None or self.team.is_divided(loader)
        for inputs, targets in loader:
            seen["inputs"] = inputs
            if inputs.shape[0] != targets.shape[0]:
                raise ValueError(
                    f"a batch has {inputs.shape[0]} inputs but {targets.shape[0]} targets: "
                    "give the data set one target per input"
                )
            self.samples = targets.shape[0]
            if not divided:
                inputs, targets, self.share = self.team.share(inputs, targets)
            memory = self.memory if inputs.ndim == 4 else {}
            yield inputs.to(device, non_blocking=True, **memory), targets.to(device, non_blocking=True)

    def autocast(self):
        """The context in which logits and loss are computed."""
        if self.precision is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def align(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits (B, 1) the shape (B,) of their targets, and targets the float dtype that their loss needs."""
        if self.float_targets:
            if logits.ndim == targets.ndim + 1 and logits.shape[1] == 1:
                logits = logits.squeeze(1)
            if not targets.is_floating_point():
                targets = targets.float()
        return logits, targets

    def update(self, loss: Tensor, optimizer, model: nn.Module) -> None:
        """Gradients of this batch and, unless more batches are to be accumulated, the step."""
        if self.plain:
            clear_gradients(optimizer)
            loss.backward()
            optimizer.step()
        else:
            if self.pending == 0:
                clear_gradients(optimizer)
                self.unit, self.weight = self.samples, 0.0
            # batches count by their size, so that accumulating gives the gradient of one large batch
            weight = self.samples / self.unit
            loss = loss * (weight * self.share)
            (self.scaler.scale(loss) if self.scaler else loss).backward()
            self.pending += 1
            self.weight += weight
            if self.pending < self.accumulate:
                return
            self._step(optimizer, model)
        if self.after_update:
            self.after_update()

    def finish(self, optimizer, model: nn.Module) -> None:
        """The step for batches left over at the end of an epoch."""
        if self.pending:
            self._step(optimizer, model)
            if self.after_update:
                self.after_update()

    def total(self, meter) -> tuple[float, int, int, int]:
        """The meter's totals, over the whole team."""
        totals = meter.totals()
        return totals if self.team is None else self.team.add_up(totals)

    def _step(self, optimizer, model: nn.Module) -> None:
        self.pending = 0
        if self.scaler:
            self.scaler.unscale_(optimizer)
        parameters = [p for p in model.parameters() if p.grad is not None]
        for parameter in parameters if self.weight != 1.0 else ():
            parameter.grad /= self.weight
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.clip_norm)
        if self.scaler:
            self.scaler.step(optimizer)
            self.scaler.update()
        else:
            optimizer.step()


def clear_gradients(optimizer) -> None:
    """What ``optimizer.zero_grad()`` does, without its bookkeeping, which takes 3 % of the step of a small network."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


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
