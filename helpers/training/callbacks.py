"""What happens around the epochs: stopping early, checkpoints, and whatever a notebook adds."""

import contextlib
import copy
import math
import os
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from helpers.training.history import RISING, History
from helpers.training.recipe import Recipe, Updates

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "Run", "arrange"]


@dataclass
class Run:
    """The state of a training run, as callbacks see it.

    Attributes:
        model: what is trained.
        updates: the optimizer with what accumulating, clipping and mixed precision add to it.
        train_loader, val_loader: where the batches come from; the second may be None.
        epochs: epochs wanted.
        callbacks: what is called after every epoch, in this order.
        scheduler: moves the learning rate, or None.
        history: the numbers so far.
        epoch: finished epochs.
        lr: learning rate of the current epoch.
    """

    model: nn.Module
    updates: Updates
    train_loader: Iterable
    val_loader: Iterable | None
    epochs: int
    callbacks: "list[Callback]"
    scheduler: Any = None
    history: History = field(default_factory=History)
    epoch: int = 0
    lr: float = 0.0

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What makes the steps."""
        return self.updates.optimizer

    @property
    def recipe(self) -> Recipe:
        """The settings of a step."""
        return self.updates.recipe

    def end_epoch(self, train: dict[str, float], val: dict[str, float]) -> None:
        """Record the numbers of an epoch and move the learning rate on."""
        self.epoch += 1
        numbers = {f"train_{key}": value for key, value in train.items()}
        numbers |= {f"val_{key}": value for key, value in val.items()}
        self.history.record(**numbers, lr=self.lr)
        if self.scheduler is None or self.updates.after_step is not None:
            return
        if isinstance(self.scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.scheduler.step(numbers.get("val_loss", numbers["train_loss"]))
        else:
            self.scheduler.step()

    @property
    def stopped(self) -> str:
        """Why the run ends before its last epoch, or an empty string."""
        return self.history.stopped

    @stopped.setter
    def stopped(self, reason: str) -> None:
        self.history.stopped = reason


class Callback:
    """Something that `fit` calls at the start, after every epoch and at the end; each method may be left out."""

    def start(self, run: Run) -> None:
        """Before the first epoch."""

    def end_epoch(self, run: Run) -> None:
        """After every epoch, when its numbers are in the history."""

    def finish(self, run: Run) -> None:
        """After the last epoch, also after Ctrl-C."""

    def state_dict(self) -> dict:
        """What a checkpoint keeps of this callback."""
        return {}

    def load_state_dict(self, state: dict) -> None:
        """Take up what a checkpoint kept."""


class Call(Callback):
    """A plain function as a callback."""

    def __init__(self, function: Callable[[Run], None]) -> None:
        self.function = function

    def end_epoch(self, run: Run) -> None:
        """Call it."""
        self.function(run)


def arrange(callbacks: Sequence[Callback | Callable[[Run], None]]) -> list[Callback]:
    """Callbacks in the order in which they run: checkpoints last, since they save the state of the others."""
    made = [callback if isinstance(callback, Callback) else Call(callback) for callback in callbacks]
    return sorted(made, key=lambda callback: isinstance(callback, Checkpoint))


class EarlyStopping(Callback):
    """Stop when a number has not improved for some epochs, and go back to the best weights. Chapter 08 builds it.

    Args:
        patience: epochs without improvement after which the run ends.
        min_delta: improvements smaller than this do not count.
        restore: give the model the weights of its best epoch at the end, also if it was not stopped.
        watch: key of the history; accuracies are to rise, losses to fall.

    Attributes:
        best_epoch: the epoch of the best number, counted from 1.
        best: that number.
    """

    def __init__(
        self, patience: int = 5, min_delta: float = 0.0, restore: bool = True, watch: str = "val_loss"
    ) -> None:
        if not (patience >= 1 and min_delta >= 0):
            raise ValueError(f"patience is {patience} and min_delta {min_delta}, but need at least 1 and 0")
        self.patience, self.min_delta, self.restore, self.watch = patience, min_delta, restore, watch
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: dict | None = None

    def start(self, run: Run) -> None:
        """Forget an earlier run, so that one object can serve several."""
        self._forget()
        if self.watch.startswith("val_") and run.val_loader is None:
            raise ValueError(f"EarlyStopping watches {self.watch!r}: pass a val_loader to fit, or watch='train_loss'")

    def end_epoch(self, run: Run) -> None:
        """Compare the new number with the best one."""
        if self.watch not in run.history:
            raise ValueError(f"EarlyStopping watches {self.watch!r}, but the history has {', '.join(run.history)}")
        value = run.history[self.watch][-1]
        sign = -1 if any(word in self.watch for word in RISING) else 1
        # NaN beats nothing, and everything beats it.
        best = sign * math.inf if self.best is None or math.isnan(self.best) else self.best
        if sign * value < sign * best - self.min_delta:
            self.best, self.best_epoch = value, run.epoch
            if self.restore:
                self.best_weights = copy.deepcopy(run.model.state_dict())
        elif run.epoch - self.best_epoch >= self.patience:
            since = f"since epoch {self.best_epoch}" if self.best_epoch else "from the start"
            run.stopped = f"no better {self.watch} for {self.patience} epochs {since}"
            if math.isnan(value):
                run.stopped += f"; {self.watch} is not a number (NaN): look for NaN or overflow in validation"

    def finish(self, run: Run) -> None:
        """Restore the best weights."""
        if self.best_weights is not None:
            run.model.load_state_dict(self.best_weights)

    def state_dict(self) -> dict:
        """The best number, its epoch and its weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "best_weights": self.best_weights}

    def load_state_dict(self, state: dict) -> None:
        """Go on with what a checkpoint kept."""
        self.best, self.best_epoch, self.best_weights = state["best"], state["best_epoch"], state["best_weights"]


class Checkpoint(Callback):
    """Save the whole run after every epoch, so that it can go on as if it had never stopped (on a CPU, bit for bit).

    The file appears whole or not at all: it is written beside its place and renamed, so a full disk or a power cut
    leaves the last good one. It holds tensors and plain values only, and loading it cannot run code.

    Args:
        path: the file.
        resume: go on from the file if there is one; otherwise start anew and overwrite it.
        best: a key of the history, such as ``"val_loss"``: save only when it is better than ever before.
    """

    def __init__(self, path: str | os.PathLike, *, resume: bool = False, best: str | None = None) -> None:
        self.path, self.resume, self.best = Path(path), resume, best

    def start(self, run: Run) -> None:
        """Resume, if wanted and possible."""
        self.others = [callback for callback in run.callbacks if callback is not self]
        if self.resume and self.path.exists():
            self._restore(run, load(self.path))

    def end_epoch(self, run: Run) -> None:
        """Save, on the first process only."""
        if self.best is not None and (
            run.history.best_epoch(self.best) != run.epoch or math.isnan(run.history[self.best][-1])
        ):
            return
        if run.recipe.team is None or run.recipe.team.rank == 0:
            save(self._state(run), self.path)

    def load_weights(self, model: nn.Module) -> nn.Module:
        """Give a model the weights in the file, and return it.

        Raises:
            FileNotFoundError: if there is no file.
            ValueError: if the file is damaged or of another architecture.
        """
        state = load(self.path)["model"]
        check_architecture(state, model, self.path)
        model.load_state_dict(state)
        return model

    def _state(self, run: Run) -> dict:
        parts = {"optimizer": run.optimizer, "scheduler": run.scheduler, "scaler": run.updates.scaler}
        return {
            "model": run.model.state_dict(),
            **{name: part.state_dict() for name, part in parts.items() if part is not None},
            "epoch": run.epoch,
            "history": dict(run.history),
            "stopped": run.stopped,
            "random": random_state(),
            "loaders": [loader_state(loader) for loader in (run.train_loader, run.val_loader)],
            "callbacks": [callback.state_dict() for callback in self.others],
        }

    def _restore(self, run: Run, state: dict) -> None:
        check_architecture(state["model"], run.model, self.path)
        run.model.load_state_dict(state["model"])
        parts = {"optimizer": run.optimizer, "scheduler": run.scheduler, "scaler": run.updates.scaler}
        for name, part in parts.items():
            if (part is None) != (name not in state):
                raise ValueError(
                    f"{self.path} was saved {'with' if part is None else 'without'} a {name}: "
                    "call fit as it was called then, or start anew with resume=False"
                )
            if part is not None:
                part.load_state_dict(state[name])
        run.epoch, run.stopped = state["epoch"], state["stopped"]
        run.history.update(state["history"])
        restore_random_state(state["random"])
        for loader, kept in zip((run.train_loader, run.val_loader), state["loaders"], strict=True):
            restore_loader(loader, kept)
        for callback, kept in zip(self.others, state["callbacks"], strict=True):
            callback.load_state_dict(kept)


def save(state: dict, path: Path) -> None:
    """Write a state beside ``path`` and rename it into place.

    Raises:
        OSError: if it cannot be written; what was at ``path`` is still there.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, RuntimeError) as error:
        kept = "the checkpoint before is kept" if path.exists() else "nothing was saved"
        raise OSError(f"cannot write {path} ({error}); {kept}: free some space or choose another path") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def load(path: Path) -> dict:
    """Read what `save` wrote. Nothing in the file can run code.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it is damaged or no checkpoint.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint {path}: train with callbacks=[Checkpoint(path)] first")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state["model"], state["epoch"]
    except Exception as error:
        raise ValueError(f"{path} is damaged or not a checkpoint of this course: delete it and train again") from error
    return state


def check_architecture(state: dict, model: nn.Module, path: Path) -> None:
    """Refuse weights that are not of this model's architecture."""
    own = model.state_dict()
    for name in (*own, *state):
        here, there = (tuple(part[name].shape) if name in part else None for part in (own, state))
        if here != there:
            what = f"{name} is {there or 'missing'} in the file and {here or 'missing'} in the model"
            raise ValueError(f"{path} is of another architecture ({what}): build the model as it was for the file")


def loader_state(loader) -> dict:
    """Where a loader stands: its epoch, for the course's, and the state of its generator, for torch's."""
    owners = (loader, getattr(loader, "sampler", None))
    generators = [getattr(owner, "generator", None) for owner in owners]
    return {
        "epoch": getattr(loader, "epoch", None),
        "generators": [generator and generator.get_state() for generator in generators],
    }


def restore_loader(loader, state: dict) -> None:
    """Set what `loader_state` returned."""
    if state["epoch"] is not None:
        loader.set_epoch(state["epoch"])
    for owner, kept in zip((loader, getattr(loader, "sampler", None)), state["generators"], strict=True):
        if kept is not None:
            owner.generator.set_state(kept)


def random_state() -> dict:
    """The state of Python's, NumPy's and torch's random numbers, as tensors and plain values."""
    import numpy as np

    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (name, torch.from_numpy(np.asarray(keys).astype("int64")), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_state(state: dict) -> None:
    """Set what `random_state` returned."""
    import numpy as np

    name, keys, *rest = state["numpy"]
    random.setstate(state["python"])
    np.random.set_state((name, keys.numpy().astype("uint32"), *rest))
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all(state["cuda"])
