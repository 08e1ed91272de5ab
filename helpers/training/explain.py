"""Errors that teach: one sentence that names the cause and the remedy, instead of what torch says from deep inside."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from helpers.training.history import is_binary, is_cross_entropy

__all__ = [
    "NanWatch", "check_batch", "check_device", "check_inputs", "check_not_empty", "check_optimizer", "check_pair",
    "check_settings", "check_trainable", "clearer_errors",
]  # fmt: skip


@contextmanager
def clearer_errors(model: nn.Module) -> Iterator[dict]:
    """Replace torch's errors by clearer ones where there are; yields a dictionary for the current ``inputs``."""
    seen = {"inputs": None}
    try:
        yield seen
    except Exception as error:
        clearer = clearer_error(error, seen["inputs"], model)
        if clearer is None:
            raise
        raise clearer from error


def check_device(model: nn.Module, device=None) -> torch.device:
    """The one device of a model, which must be ``device`` if that is given."""
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    if len(devices) > 1:
        names = " and ".join(sorted(map(str, devices)))
        raise ValueError(f"the model's parameters are on {names}: move all of it with model.to(device)")
    if not devices:
        return torch.device(device or "cpu")
    here = devices.pop()
    if device is not None and torch.device(device).type != here.type:
        raise ValueError(f"the model is on {here}, not on {device}: move it with model.to({str(device)!r})")
    if here.type == "meta":
        raise ValueError("the model is on the meta device, which has no numbers: build it on a real device")
    return here


def check_trainable(model: nn.Module) -> None:
    """Refuse a model that cannot learn."""
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("the model has no parameter to train: unfreeze some with parameter.requires_grad_(True)")


def check_settings(epochs: int, accumulate: int, clip_norm: float | None, scheduler_per: str, loss_fn) -> None:
    """Refuse settings that cannot train."""
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs is {epochs!r}, but must be a whole number of at least 1")
    if not isinstance(accumulate, int) or accumulate < 1:
        raise ValueError(f"accumulate is {accumulate!r}, but must be a whole number of at least 1")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm is {clip_norm!r}, but must be positive, or None for no clipping")
    if scheduler_per not in ("epoch", "step"):
        raise ValueError(f"scheduler_per is {scheduler_per!r}, but must be 'epoch' or 'step'")
    if not callable(loss_fn):
        raise TypeError(f"loss_fn is a {type(loss_fn).__name__}, but must be callable as loss_fn(logits, targets)")
    if getattr(loss_fn, "reduction", "mean") != "mean":
        raise ValueError(
            f"loss_fn has reduction={loss_fn.reduction!r}, but the loop needs the mean over a batch: "
            "make it with reduction='mean'"
        )


def check_optimizer(optimizer, model: nn.Module) -> None:
    """Refuse an optimizer that would not train this model."""
    mine = {id(p) for p in model.parameters()}
    strangers = sum(id(p) not in mine for group in optimizer.param_groups for p in group["params"])
    if strangers:
        raise ValueError(
            f"the optimizer holds {strangers} parameters that are not this model's, so it would train another model: "
            "make it from model.parameters() after the model is complete"
        )


def check_not_empty(samples: int, loader, name: str, epoch: int = 1) -> None:
    """Refuse a loader that gave nothing."""
    if samples:
        return
    if epoch > 1:
        raise ValueError(
            f"{name} gave no batches in epoch {epoch}: it can be read only once, so pass a loader or a list instead"
        )
    drop = " and drop_last=True dropped the only batch" if getattr(loader, "drop_last", False) else ""
    raise ValueError(f"{name} gave no batches: its data set is empty{drop or ''}; check its length before training")


def known_targets(loader) -> Tensor | None:
    """All targets of a loader where they can be had without reading the data set, else None."""
    for owner in () if loader is None else (loader, getattr(loader, "dataset", None)):
        targets = getattr(owner, "targets", None)
        if targets is None and isinstance(owner, torch.utils.data.TensorDataset) and len(owner.tensors) > 1:
            targets = owner.tensors[1]
        if targets is None and isinstance(owner, (list, tuple)) and owner:
            targets = torch.cat([batch[1] for batch in owner])
        if isinstance(targets, (list, tuple)):
            targets = torch.as_tensor(targets)
        if isinstance(targets, Tensor):
            return targets
    return None


def check_batch(inputs: Tensor, targets: Tensor, logits: Tensor, loss_fn, loader=None) -> None:
    """Refuse a batch that would train nothing, or nonsense.

    Args:
        inputs: shape (B, ...).
        targets: shape (B,), (B, ...).
        logits: what the model made of the inputs, shape (B, ...).
        loss_fn: the loss that is to compare the two.
        loader: where the batch came from; if it knows the targets of the whole data set, all of them are checked.

    Raises:
        ValueError: naming what is wrong and how to mend it.
        TypeError: likewise, for a dtype.
    """
    if inputs.is_floating_point() and bool(torch.isnan(inputs).any()):
        whole = "contains only NaN" if bool(torch.isnan(inputs).all()) else "contains NaN"
        raise ValueError(f"the first batch of inputs {whole}: replace missing values before training")
    everything = known_targets(loader)
    if everything is None or everything.ndim != targets.ndim:
        everything, few = targets, True
    else:
        few = len(everything) < 8  # a handful of samples may be a toy, and one batch may be of one class by chance
    _check_weights(loss_fn, logits)
    if is_cross_entropy(loss_fn):
        _check_classes(targets, logits, loss_fn, everything)
    elif logits.shape != targets.shape and (is_binary(loss_fn) or isinstance(loss_fn, (nn.MSELoss, nn.L1Loss))):
        raise ValueError(
            f"the model returns {tuple(logits.shape)} for targets {tuple(targets.shape)}: "
            "reshape the targets so that each output has one"
        )
    if is_binary(loss_fn):
        low, high = everything.min().item(), everything.max().item()
        if low < 0 or high > 1:
            raise ValueError(f"targets run from {low:g} to {high:g}, but binary cross entropy needs 0 and 1")
    if not few and (is_binary(loss_fn) or is_cross_entropy(loss_fn)) and bool((everything == everything[:1]).all()):
        raise ValueError(
            f"all {len(everything)} targets are of one class, so there is nothing to tell apart: "
            "check how the data were selected"
        )


def _check_weights(loss_fn: Callable, logits: Tensor) -> None:
    """Refuse weights of classes that make the loss impossible or not finite."""
    for name in ("weight", "pos_weight"):
        weight = getattr(loss_fn, name, None)
        if not isinstance(weight, Tensor):
            continue
        if weight.device != logits.device:
            raise ValueError(
                f"the loss keeps its {name} on {weight.device}, but the model's outputs are on {logits.device}: "
                f"move the loss with loss_fn.to({str(logits.device)!r})"
            )
        if not bool(torch.isfinite(weight).all()) or bool((weight < 0).any()):
            raise ValueError(
                f"the loss has {name} = {[round(value, 4) for value in weight.flatten().tolist()]}, but weights must "
                "be finite and not negative: a class without samples has no frequency to divide by, so give it weight 0"
            )
        if logits.dtype == torch.float32 and weight.dtype != torch.float32:
            raise TypeError(
                f"the {name} of the loss is {weight.dtype} but the model's outputs are {logits.dtype}: make it with "
                "torch.tensor(weights, dtype=torch.float32)"
            )
        if name == "weight" and is_cross_entropy(loss_fn) and logits.ndim > 1 and len(weight) != logits.shape[1]:
            raise ValueError(
                f"the loss has weights of {len(weight)} classes, but the model gives {logits.shape[1]} outputs: "
                "give one weight per class"
            )


def _check_classes(targets: Tensor, logits: Tensor, loss_fn, everything: Tensor) -> None:
    if logits.ndim < 2 or logits.shape[1] == 1:
        raise ValueError(
            f"the model returns {tuple(logits.shape)}, one output per sample, but cross entropy needs one per class: "
            "make the last layer as wide as there are classes, or use nn.BCEWithLogitsLoss"
        )
    classes = logits.shape[1]
    if targets.shape == logits.shape:
        if bool(((targets == 0) | (targets == 1)).all()):
            raise ValueError(
                f"targets {tuple(targets.shape)} are one-hot, but cross entropy takes class indices: "
                "use targets.argmax(1)"
            )
        if targets.is_floating_point():
            return
    if targets.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(
            f"targets have shape {tuple(targets.shape)}, but logits {tuple(logits.shape)} need class indices of shape "
            f"{(logits.shape[0], *logits.shape[2:])}: flatten them with targets.squeeze(1)"
        )
    if targets.dtype != torch.int64:
        raise TypeError(f"targets are {targets.dtype}, but cross entropy needs class indices: use targets.long()")
    labels = everything[everything != getattr(loss_fn, "ignore_index", -100)]
    if labels.numel() == 0:
        return
    low, high = labels.min().item(), labels.max().item()
    if low < 0 or high >= classes:
        remedy = "subtract 1" if low == 1 and high == classes else "check the labels or widen the last layer"
        raise ValueError(
            f"targets run from {low} to {high}, but {classes} outputs stand for classes 0 to {classes - 1}: {remedy}"
        )


def clearer_error(error: Exception, inputs: Tensor | None, model: nn.Module) -> Exception | None:
    """A clearer error for what torch raised in a step, or None where torch (or the loader) says it well enough."""
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError) or re.search("out of memory|can't allocate memory", text):
        size = "" if inputs is None else f" with a batch of shape {tuple(inputs.shape)}"
        return MemoryError(
            f"memory ran out{size}: halve batch_size (accumulate=2 keeps the gradient the same), pass amp=True, "
            "or use smaller images"
        )
    if inputs is None:
        return None
    shape = tuple(inputs.shape)
    if "Expected more than 1 value per channel" in text:
        return ValueError(
            f"a batch of one sample, shape {shape}, reached a batch-norm layer, which needs two or more to train: "
            "use drop_last=True or a batch_size that leaves no single sample"
        )
    if re.search("expected all tensors to be on the same device|is on cpu|on meta", text, re.I):
        return ValueError(
            f"the inputs are on {inputs.device} but part of the model is not: "
            "register its tensors with nn.Parameter or register_buffer, then use model.to(device)"
        )
    wanted = next((p.dtype for p in model.parameters()), torch.float32)
    if isinstance(error, RuntimeError) and inputs.dtype != wanted and re.search("dtype|scalar type|ByteTensor", text):
        scale = ".float() / 255" if inputs.dtype == torch.uint8 else ".float()"
        return TypeError(f"the inputs are {inputs.dtype} but the model is {wanted}: convert them with images{scale}")
    if re.search("expected (scalar type|m1 and m2).*[Dd]ouble|found Double", text):
        return TypeError(
            f"a float64 tensor meets {wanted} in the model or the loss ({text}): make constants and weights of the "
            "loss float32, with .float() or dtype=torch.float32"
        )
    if re.search("shapes cannot be multiplied|expected input.* to have|Expected .*(3D|4D)", text):
        return ValueError(f"inputs of shape {shape} do not fit the model: {text}")
    if match := re.search(r"Target (-?\d+) is out of bounds", text):
        return ValueError(
            f"a target is {match[1]}, which is not among the model's classes: labels count from 0 to classes - 1"
        )
    return None


@dataclass(frozen=True)
class NanWatch:
    """Makes the error for a loss that is not finite any more, with the likely cause.

    Attributes:
        loader: read once more, to see whether the data are at fault.
        loss_fn: likewise its weights.
        precision: the dtype of mixed precision, or None.
        optimizer: knows the learning rate.
        epoch: counted from 1.
    """

    loader: Iterable
    loss_fn: Callable
    precision: torch.dtype | None
    optimizer: torch.optim.Optimizer
    epoch: int = 1

    def __call__(self, losses: list[float]) -> FloatingPointError:
        """The error for the losses of the epoch's steps, at least one of which is not finite."""
        step = next(at for at, loss in enumerate(losses) if not math.isfinite(loss))
        return FloatingPointError(
            f"the loss is no longer finite in epoch {self.epoch}, step {step + 1}: {self._cause(losses[:step])}"
        )

    def _cause(self, before: list[float]) -> str:
        lr = self.optimizer.param_groups[0]["lr"]
        if _has_nan(self.loader):
            return "the data contain NaN or infinite values: find them with torch.isfinite and replace them"
        if _has_empty_batch(self.loader, self.loss_fn):
            return (
                "every target of a batch is ignored or of a class with weight 0, so its mean loss is 0 / 0: "
                "use larger batches, or leave such samples out"
            )
        if self.precision is torch.float16:
            return "float16 overflows above 65504: use amp=torch.bfloat16 or lower the learning rate"
        if (len(before) > 1 and max(before) > 3 * before[0]) or (not before and self.epoch > 1):
            return f"training diverged: lower the learning rate (now {lr:g}) or pass clip_norm=1.0"
        return (
            f"probably a log or division of zero in the model or the loss, or too large a learning rate (now {lr:g}): "
            "use losses on logits, or lower it"
        )


def check_pair(batch: Any, name: str) -> tuple[Tensor, Tensor]:
    """The inputs and targets of a batch.

    Raises:
        TypeError, ValueError: if it is no pair of tensors of one length; the message says what it is instead.
    """
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        inputs, targets = batch
        if isinstance(inputs, Tensor) and isinstance(targets, Tensor):
            if inputs.ndim and targets.ndim and inputs.shape[0] == targets.shape[0]:
                return inputs, targets
            counts = [len(part) if part.ndim else "no" for part in (inputs, targets)]
            raise ValueError(
                f"a batch has {counts[0]} inputs but {counts[1]} targets: give the data set one target per input"
            )
    remedy = "a batch must be a pair (inputs, targets) of tensors"
    if isinstance(batch, Mapping):
        keys = ", ".join(map(str, batch))
        raise TypeError(
            f"{name} gives dictionaries with the keys {keys}, but {remedy}: choose two, as in "
            "[(batch['image'], batch['label']) for batch in loader], or in the data set's __getitem__"
        )
    if isinstance(batch, Tensor):
        raise TypeError(
            f"{name} gives single tensors of shape {tuple(batch.shape)}, but {remedy}: pass [(inputs, targets)] for "
            "one batch, or a DataLoader over TensorDataset(inputs, targets)"
        )
    if not isinstance(batch, (tuple, list)):
        raise TypeError(f"{name} gives {type(batch).__name__} objects, but {remedy}")
    if len(batch) != 2:
        raise TypeError(
            f"{name} gives {len(batch)} things per batch, but {remedy}: choose two, as in "
            "[(batch[0], batch[1]) for batch in loader], or in the data set's __getitem__"
        )
    kinds = " and ".join(type(part).__name__ for part in batch)
    raise TypeError(f"{name} gives {kinds}, but {remedy}: convert them with torch.as_tensor")


def check_inputs(inputs: Any) -> Tensor:
    """The inputs of a batch to predict, which must be a tensor."""
    if isinstance(inputs, Tensor):
        return inputs
    raise TypeError(
        f"a batch holds {type(inputs).__name__} objects where the inputs should be, but predict needs a tensor: give "
        "batches of inputs, or pairs (inputs, targets)"
    )


def _has_nan(loader: Iterable) -> bool:
    return any(
        bool((~torch.isfinite(part)).any())
        for batch in loader
        for part in batch
        if isinstance(part, Tensor) and part.is_floating_point()
    )


def _has_empty_batch(loader: Iterable, loss_fn: Callable) -> bool:
    """Does some batch hold only targets that cross entropy does not count?"""
    if not is_cross_entropy(loss_fn):
        return False
    weight, ignored = getattr(loss_fn, "weight", None), getattr(loss_fn, "ignore_index", -100)
    for _, targets in loader:
        if targets.is_floating_point():
            return False
        counted = targets[targets != ignored]
        if not len(counted) or (weight is not None and not bool(weight.cpu()[counted.cpu()].any())):
            return True
    return False
