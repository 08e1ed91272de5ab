"""The training loop of the course. Chapter 07 builds it step by step; every later chapter calls it."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from helpers.looking_inside import evaluating, modes_kept
from helpers.runtime import get_device
from helpers.training import explain
from helpers.training.callbacks import Callback, Run, arrange
from helpers.training.history import History, Meter, means
from helpers.training.progress import Progress
from helpers.training.recipe import Recipe, Updates, choose_precision
from helpers.training.team import Team

# These schedulers count in steps, whatever scheduler_per says.
PER_STEP = (torch.optim.lr_scheduler.OneCycleLR, torch.optim.lr_scheduler.CyclicLR)

__all__ = ["evaluate", "fit", "predict", "train_one_epoch"]


def train_one_epoch(
    model: nn.Module,
    train_loader: Iterable,
    loss_fn: Callable,
    optimizer: torch.optim.Optimizer | Updates,
    device: torch.device | str | None = None,
    *,
    recipe: Recipe | None = None,
    epoch: int = 1,
    after_batch: Callable[[Meter, int], None] | None = None,
) -> dict[str, float]:
    """Update the model once with every batch of the loader.

    Args:
        model: maps inputs (B, ...) to logits (B, K), or to (B,) or (B, 1) for binary cross entropy and regression.
        train_loader: any iterable of batches ``(inputs, targets)``.
        loss_fn: mean loss of a batch, such as ``nn.CrossEntropyLoss()``.
        optimizer: made from the model's parameters.
        device: where to compute; where the model is, by default.
        recipe: `fit`'s settings of a step, instead of ``device``.
        epoch: its number, counted from 1, for messages.
        after_batch: called after every batch with the running means and the number of the batch.

    Returns:
        ``loss``, the mean over samples, and ``accuracy`` for classification. Empty if there was no batch.

    Raises:
        ValueError, TypeError: if the batches do not fit the model or the loss; the message says how to mend it.
        FloatingPointError: if the loss is no longer finite; the message says when and why.
        MemoryError: if the device is full; the message says which knob to turn.
    """
    recipe = recipe or Recipe(loss_fn, explain.check_device(model, device))
    optimizer = optimizer if isinstance(optimizer, Updates) else Updates(optimizer, model, recipe)
    meter = Meter(loss_fn, explain.NanWatch(train_loader, loss_fn, recipe.precision, optimizer.optimizer, epoch))
    model.train()
    with explain.clearer_errors(model) as seen:
        for number, batch in enumerate(recipe.batches(train_loader, seen, "train_loader"), start=1):
            inputs, targets = batch.inputs, batch.targets
            with recipe.autocast():
                logits = recipe.align(model(inputs), targets)
                if number == 1:
                    explain.check_batch(inputs, targets, logits, loss_fn, train_loader)
                loss = loss_fn(logits, targets)
            optimizer.zero_grad()
            loss.backward(optimizer.weight(batch, loss))
            optimizer.step()
            if batch.share:
                meter.add(loss, logits, targets)
            if after_batch:
                after_batch(meter, number)
        optimizer.finish()
    return means(recipe.total(meter))


def evaluate(
    model: nn.Module,
    loader: Iterable,
    loss_fn: Callable | None = None,
    device: torch.device | str | None = None,
    *,
    recipe: Recipe | None = None,
) -> dict[str, float]:
    """Loss and accuracy of a model, which is left as it was found: its mode, its device, its buffers.

    Args:
        model: see `train_one_epoch`.
        loader: any iterable of batches ``(inputs, targets)``.
        loss_fn: mean loss of a batch; cross entropy on logits by default.
        device: where the model is; only needed for a model without parameters.
        recipe: `fit`'s settings, instead of ``loss_fn`` and ``device``.

    Returns:
        ``loss``, the mean over samples, and ``accuracy`` for classification.

    Raises:
        ValueError: if the loader is empty, or the batches do not fit.
    """
    recipe = recipe or Recipe(loss_fn or nn.CrossEntropyLoss(), explain.check_device(model, device))
    meter = Meter(recipe.loss_fn)
    with evaluating(model), torch.inference_mode(), explain.clearer_errors(model) as seen:
        for number, batch in enumerate(recipe.batches(loader, seen), start=1):
            inputs, targets = batch.inputs, batch.targets
            with recipe.autocast():
                logits = recipe.align(model(inputs), targets)
                if number == 1:
                    explain.check_batch(inputs, targets, logits, recipe.loss_fn)
                loss = recipe.loss_fn(logits, targets)
            if batch.share:
                meter.add(loss, logits, targets)
    totals = recipe.total(meter)
    explain.check_not_empty(int(totals[1]), loader, "the loader")
    return means(totals)


def predict(model: nn.Module, inputs: Tensor | Iterable, batch_size: int = 256) -> Tensor:
    """The logits of a model for many inputs, in their order, on the CPU. The model is left as it was found.

    Args:
        model: maps inputs (B, ...) to logits (B, ...).
        inputs: a tensor (N, ...), or a loader of batches ``(inputs, targets)`` or ``inputs``.
        batch_size: inputs computed at once if ``inputs`` is a tensor.

    Returns:
        Logits of shape (N, ...); probabilities are ``logits.softmax(1)``, predictions ``logits.argmax(1)``.

    Raises:
        ValueError: if there are no inputs.
    """
    device = explain.check_device(model)
    batches = inputs.split(batch_size) if isinstance(inputs, Tensor) else inputs
    with evaluating(model), torch.inference_mode(), explain.clearer_errors(model) as seen:
        logits = []
        for batch in batches:
            seen["inputs"] = explain.check_inputs(batch[0] if isinstance(batch, (tuple, list)) and batch else batch)
            logits.append(model(seen["inputs"].to(device)).cpu())
    explain.check_not_empty(sum(map(len, logits)), inputs, "inputs")
    return torch.cat(logits)


def fit(
    model: nn.Module,
    train_loader: Iterable,
    val_loader: Iterable | None = None,
    *,
    epochs: int,
    optimizer=None,
    lr: float = 1e-3,
    loss_fn: Callable | None = None,
    scheduler=None,
    scheduler_per: str = "epoch",
    device: torch.device | str | None = None,
    callbacks: Sequence[Callback | Callable[[Run], None]] = (),
    progress: bool | None = None,
    amp: bool | torch.dtype = False,
    channels_last: bool = False,
    compile: bool = False,
    accumulate: int = 1,
    clip_norm: float | None = None,
) -> History:
    """Train a model and return its history; after Ctrl-C, the history so far.

    Run under ``torchrun --nproc-per-node=2 script.py``, the same call shares every batch among the processes and gives
    the result of a single process, if all of them make the same model and loaders.

    Args:
        model: maps inputs (B, ...) to logits (B, K), or to (B,) or (B, 1) for binary cross entropy and regression.
        train_loader: any iterable of batches ``(inputs, targets)`` that can be read once per epoch.
        val_loader: likewise, for validation; None for no validation.
        epochs: passes over the training data, those of a resumed checkpoint included.
        optimizer: made from ``model.parameters()``; Adam with learning rate ``lr`` by default.
        lr: learning rate of that default.
        loss_fn: mean loss of a batch; cross entropy on logits by default.
        scheduler: a torch scheduler, or a function that makes one from the optimizer.
        scheduler_per: ``"epoch"`` or ``"step"``: when the scheduler moves on. OneCycleLR and CyclicLR always move with
            every step; ReduceLROnPlateau watches the validation loss, or the training loss if there is none.
        device: where to train; the best at hand by default. The model is moved there.
        callbacks: `EarlyStopping`, `Checkpoint`, your own, or plain functions called with the run after every epoch.
        progress: show progress; None shows it in notebooks and terminals. Never while grading.
        amp: mixed precision: True (bfloat16, or float16 where the device has nothing better) or a dtype.
        channels_last: keep images with channels innermost in memory, which makes most convolutions faster.
        compile: pass the model through ``torch.compile``; pays off only for long runs on a GPU.
        accumulate: batches whose gradients make up one update, for batches that do not fit into memory.
        clip_norm: largest norm of the gradient; larger ones are scaled down to it.

    Returns:
        One number per epoch for each of ``train_loss``, ``train_accuracy``, ``val_loss``, ``val_accuracy``, ``lr``.

    Raises:
        ValueError, TypeError: if data, model, loss and optimizer do not fit together; the message says how to mend it.
        FloatingPointError: if the loss is no longer finite; the message says when and why.
        MemoryError: if the device is full; the message says which knob to turn.
    """
    loss_fn = loss_fn or nn.CrossEntropyLoss()
    explain.check_settings(epochs, accumulate, clip_norm, scheduler_per, loss_fn)
    explain.check_trainable(model)
    team = Team.join()
    device = team.device if team and device is None else get_device(None if device is None else str(device))
    explain.check_device(model)
    model.to(device)
    if channels_last:
        model.to(memory_format=torch.channels_last)
    loss_fn = loss_fn.to(device) if isinstance(loss_fn, nn.Module) else loss_fn
    optimizer = optimizer or torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr, fused=True)
    explain.check_optimizer(optimizer, model)
    scheduler = scheduler(optimizer) if callable(scheduler) else scheduler
    every_step = scheduler is not None and (scheduler_per == "step" or isinstance(scheduler, PER_STEP))
    precision = choose_precision(amp, device)
    recipe = Recipe(loss_fn, device, precision, channels_last, accumulate, clip_norm, team)
    updates = Updates(optimizer, model, recipe, scheduler.step if every_step else None)
    train_loader, val_loader = resident(train_loader, device), resident(val_loader, device)
    run = Run(model, updates, train_loader, val_loader, epochs, arrange(callbacks), scheduler)
    computed: nn.Module = torch.compile(model) if compile else model  # type: ignore[assignment]
    trained = team.wrap(computed) if team else computed
    with modes_kept(model), Progress(run, progress) as bar:
        try:
            for callback in run.callbacks:
                callback.start(run)
            while run.epoch < epochs and not run.stopped:
                run.lr = optimizer.param_groups[0]["lr"]
                train = train_one_epoch(
                    trained, train_loader, loss_fn, updates, recipe=recipe, epoch=run.epoch + 1, after_batch=bar.look
                )
                explain.check_not_empty(len(train), train_loader, "train_loader", run.epoch + 1)
                val = evaluate(computed, val_loader, recipe=recipe) if val_loader is not None else {}
                run.end_epoch(train, val)
                for callback in run.callbacks:
                    callback.end_epoch(run)
        except KeyboardInterrupt:
            run.stopped = f"interrupted in epoch {run.epoch + 1}"
        for callback in run.callbacks:
            callback.finish(run)
        bar.summarise()
    return run.history


def resident(loader, device: torch.device):
    """The course's loaders go to the device as a whole, so that batches need not travel; others stay as they are."""
    elsewhere = hasattr(loader, "to") and getattr(loader, "device", device).type != device.type
    return loader.to(device) if elsewhere else loader
