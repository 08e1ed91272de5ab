"""`make_loader`: one call that turns any data set of the course into batches, fast and reproducible.

Data that fits lives on the device as uint8 and is indexed, augmented and normalised a *batch* at a time, because a
Python call per image is what makes the usual loop slow. What does not fit streams through ``DataLoader`` workers.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from copy import copy

import torch
from torch import Tensor

__all__ = ["IMAGENET", "Loader", "channel_stats", "make_loader", "random_crop", "random_flip"]

Augment = Callable[[Tensor, torch.Generator], Tensor]

# Mean and standard deviation per channel of ImageNet's training images: what torchvision's pretrained networks expect.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CHUNK = 2**17  # values converted at once: two batches of Fashion-MNIST; more would leave the processor's cache


def make_loader(
    images: Tensor,
    targets: Tensor,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int = 0,
    device: torch.device | str | None = None,
    augment: Augment | Sequence[Augment] | None = None,
    normalize: tuple[Sequence[float], Sequence[float]] | None = None,
    drop_last: bool = False,
    workers: int | None = None,
) -> "Loader":
    """Batches of ``(images, targets)``: float32 images ready for a model, on the device.

    Args:
        images: uint8 ``(N, C, H, W)``, which comes out divided by 255; or float ``(N, ...)``, which is left as it is.
        targets: ``(N,)`` int64 class indices, or float targets of any shape with ``N`` rows.
        batch_size: images per batch; the last batch may be shorter.
        shuffle: a new order in every epoch. The order depends on ``seed`` and the number of the epoch and nothing else.
        seed: for the order and the augmentation.
        device: where the batches go; by default they stay where ``images`` is.
        augment: a function ``(images, generator) -> images`` on a batch, or several in a row, such as
            ``[random_flip, random_crop]``. For training only.
        normalize: mean and standard deviation per channel on the scale from 0 to 1, from `channel_stats`.
        drop_last: leave out a last batch that is shorter than the others.
        workers: None keeps the data on the device if it fits into half of the free memory, and streams it through two
            workers if not; a number streams it through so many worker processes (0 means in this one).

    Returns:
        A `Loader`: iterate over it once per epoch; ``len(loader)`` is the number of batches.

    Raises:
        TypeError: if the images are neither uint8 nor float, or the targets are integers but not int64.
        ValueError: if there are no images, the lengths differ, a class index is negative, or a setting is out of range.
    """
    _check_data(images, targets)
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1, not {batch_size!r}")
    if drop_last and batch_size > len(images):
        raise ValueError(
            f"drop_last=True leaves nothing of {len(images)} images in batches of {batch_size}; use smaller batches"
        )
    device = images.device if device is None else torch.device(device)
    steps = () if augment is None else tuple(augment) if isinstance(augment, Sequence) else (augment,)
    scale = _scale_and_shift(images, normalize, device)
    if workers is None and images.nbytes > _free_memory(device) / 2:
        workers = 2
    if workers is None:
        images, targets = images.to(device), targets.to(device)
    return Loader(images, targets, batch_size, shuffle, seed, device, steps, scale, drop_last, workers)


class Loader:
    """What `make_loader` returns.

    Attributes:
        images: the data as stored, ``(N, C, H, W)``.
        targets: ``(N, ...)``.
        batch_size: images per batch.
        epoch: how many times the loader has been iterated; together with the seed it decides the next order.
    """

    def __init__(self, images, targets, batch_size, shuffle, seed, device, augment, scale, drop_last, workers):
        self.images, self.targets = images, targets
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.seed, self.device, self.epoch, self.workers = seed, device, 0, workers
        self._augment, self._scale = augment, scale

    def __len__(self) -> int:
        full, rest = divmod(len(self.images), self.batch_size)
        return full + bool(rest and not self.drop_last)

    def __repr__(self) -> str:
        how = "resident on" if self.workers is None else f"streamed by {self.workers} workers to"
        return f"Loader({len(self)} batches of {self.batch_size} from {len(self.images)} images, {how} {self.device})"

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of epoch number ``epoch``, counted from 0: for resuming an interrupted run."""
        self.epoch = epoch

    def to(self, device: torch.device | str) -> "Loader":
        """A loader of the same batches, in the same order, on another device."""
        twin = copy(self)
        twin.device = torch.device(device)
        twin._scale = None if self._scale is None else tuple(t if t is None else t.to(device) for t in self._scale)
        if self.workers is None:
            twin.images, twin.targets = self.images.to(device), self.targets.to(device)
        return twin

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # Seeding with one number per epoch, rather than drawing on, is what lets a resumed run see the same batches.
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + self.epoch) % 2**63)
        self.epoch += 1
        n = len(self) * self.batch_size if self.drop_last else len(self.images)
        order = torch.randperm(len(self.images), generator=generator)[:n] if self.shuffle else None
        for images, targets in self._stream(order, n) if self.workers is not None else self._gather(order, n):
            for step in self._augment:
                images = step(images, generator)
            yield from zip(self._finish(images).split(self.batch_size), targets.split(self.batch_size), strict=True)

    def _gather(self, order: Tensor | None, n: int) -> Iterator[tuple[Tensor, Tensor]]:
        # Without augmentation several batches are gathered and converted at once; with it, random numbers are drawn
        # batch by batch, so that streamed and resident data give the same pictures.
        batches = 1 if self._augment else max(1, CHUNK // (self.batch_size * self.images[0].numel()))
        size = batches * self.batch_size
        if order is not None:
            order = order.to(self.device)
        for start in range(0, n, size):
            if order is None:
                part = slice(start, min(start + size, n))
                yield self.images[part], self.targets[part]
            else:
                part = order[start : start + size]
                yield self.images.index_select(0, part), self.targets.index_select(0, part)

    def _stream(self, order: Tensor | None, n: int) -> Iterator[tuple[Tensor, Tensor]]:
        from torch.utils.data import DataLoader

        order = torch.arange(n) if order is None else order
        pinned = self.device.type == "cuda"
        batches = DataLoader(
            _Gather(self.images, self.targets),
            sampler=order.split(self.batch_size),
            batch_size=None,  # the sampler hands out whole batches of indices
            num_workers=self.workers,
            pin_memory=pinned,
        )
        for images, targets in batches:
            yield images.to(self.device, non_blocking=pinned), targets.to(self.device, non_blocking=pinned)

    def _finish(self, images: Tensor) -> Tensor:
        if self._scale is None:
            return images
        scale, shift = self._scale
        # A conversion and a product in place take half the time of one product of mixed types.
        images = images.to(torch.result_type(images, scale), copy=True).mul_(scale)
        return images if shift is None else images.add_(shift)


class _Gather:
    """A batch of images by a tensor of indices, in a worker process."""

    def __init__(self, images: Tensor, targets: Tensor):
        self.images, self.targets = images, targets

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.images[indices], self.targets[indices]


def channel_stats(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel on the scale from 0 to 1: what ``normalize`` takes.

    Measure them on the training images only, and use the same numbers for validation and test.

    Args:
        images: uint8 or float ``(N, C, H, W)``.
    """
    _check_images(images)
    values = images.cpu().double() / (255 if images.dtype == torch.uint8 else 1)
    dims = (0, 2, 3)
    return tuple(values.mean(dims).tolist()), tuple(values.std(dims, correction=0).tolist())


def random_flip(images: Tensor, generator: torch.Generator, p: float = 0.5) -> Tensor:
    """Mirror each image of a batch ``(B, C, H, W)`` left to right with probability ``p``, each on its own."""
    flip = torch.rand(len(images), generator=generator) < p
    return torch.where(flip.to(images.device)[:, None, None, None], images.flip(-1), images)


def random_crop(images: Tensor, generator: torch.Generator, padding: int = 4, mode: str = "reflect") -> Tensor:
    """Shift each image of a batch ``(B, C, H, W)`` by up to ``padding`` pixels each way, each on its own.

    The image is padded on all sides and cut back to its size at a random place.

    Args:
        images: the batch, of any dtype.
        generator: where the random numbers come from.
        padding: pixels added on each side.
        mode: what fills the border: ``"reflect"``, ``"edge"`` or ``"zeros"``.

    Raises:
        ValueError: if there is no such mode, or ``padding`` is negative or (with reflect) not smaller than the image.
    """
    height, width = images.shape[-2:]
    if mode not in ("reflect", "edge", "zeros"):
        raise ValueError(f"mode must be 'reflect', 'edge' or 'zeros', not {mode!r}")
    if padding < 0 or (mode == "reflect" and padding >= min(height, width)):
        raise ValueError(f"padding must be from 0 to {min(height, width) - 1} here, not {padding}")
    for dim, size in ((2, height), (3, width)):
        at = torch.arange(-padding, size + padding, device=images.device)
        inside = (at >= 0) & (at < size)
        # A ray that leaves the image comes back from the border pixel, which is not repeated.
        source = (size - 1) - ((size - 1) - at.abs()).abs() if mode == "reflect" else at.clamp(0, size - 1)
        images = images.index_select(dim, source)
        if mode == "zeros":
            images = images * inside.view([-1 if d == dim else 1 for d in range(4)]).to(images.dtype)
    top, left = torch.randint(2 * padding + 1, (2, len(images)), generator=generator).to(images.device)
    windows = images.unfold(2, height, 1).unfold(3, width, 1)  # (B, C, 2p+1, 2p+1, H, W), a view
    return windows[torch.arange(len(images), device=images.device), :, top, left]


def _scale_and_shift(images: Tensor, normalize, device: torch.device) -> tuple[Tensor, Tensor | None] | None:
    """``(x / 255 - mean) / std`` as one factor and one summand per channel."""
    unit = 255 if images.dtype == torch.uint8 else 1
    if normalize is None:
        return None if unit == 1 else (torch.tensor(1 / unit, device=device), None)
    _check_images(images)
    mean, std = (torch.as_tensor(value).cpu().double().flatten() for value in normalize)
    channels = images.shape[1]
    if len(mean) not in (1, channels) or len(std) not in (1, channels):
        raise ValueError(
            f"normalize has {len(mean)} means and {len(std)} deviations, but the images have {channels} channels"
        )
    if not bool((std > 0).all()):
        raise ValueError("normalize has a standard deviation that is not positive; measure it with channel_stats")
    scale, shift = 1 / (unit * std), -mean / std
    return tuple(value.float().to(device).view(1, -1, 1, 1) for value in (scale, shift))


def _free_memory(device: torch.device) -> float:
    """Bytes: what is free on a CUDA device, all that the machine has otherwise."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # Windows has no sysconf
        return float("inf")


def _check_images(images: Tensor) -> None:
    if not isinstance(images, Tensor) or images.ndim != 4:
        kind = f"shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images must be a tensor of shape (N, C, H, W), not {kind}")


def _check_data(images: Tensor, targets: Tensor) -> None:
    for name, value in (("images", images), ("targets", targets)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor, not {type(value).__name__}; use torch.as_tensor")
    if len(images) != len(targets):
        raise ValueError(f"{len(images)} images but {len(targets)} targets; every image needs its own target")
    if len(images) == 0:
        raise ValueError("the data set is empty; check the filter or the folder it came from")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"images are {images.dtype}; give uint8 values from 0 to 255, or floats")
    if not targets.is_floating_point():
        if targets.dtype != torch.int64:
            raise TypeError(f"targets are {targets.dtype}; use targets.long() for classes, .float() for numbers")
        if int(targets.min()) < 0:
            raise ValueError(f"the smallest target is {int(targets.min())}; class indices start at 0")
