"""Tools to look into any network: shapes, feature maps, Grad-CAM. Students find them in `helpers.models`."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def count_parameters(model: nn.Module, trainable: bool = False) -> int:
    """How many numbers the model learns; with ``trainable=True`` without the frozen ones. Shared ones count once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)


@dataclass(frozen=True)
class Step:
    """One layer at work: its name in the model, its kind, the shape it puts out and the parameters it owns."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def trace_shapes(model: nn.Module, example: Tensor | Sequence[int]) -> list[Step]:
    """Run an example through the model and write down what each layer puts out, in the order of work.

    Args:
        model: any network; its mode, parameters and buffers are left as they were.
        example: a batch, or its shape such as ``(1, 3, 32, 32)``.

    Returns:
        One `Step` per call of a layer that has no layers inside.
    """
    if not isinstance(example, Tensor):
        like = next(model.parameters(), torch.zeros(()))
        example = torch.zeros(tuple(example), device=like.device, dtype=like.dtype)
    steps = []

    def note(name: str, layer: nn.Module, output: Tensor) -> None:
        steps.append(Step(name, type(layer).__name__, tuple(output.shape), count_parameters(layer)))

    leaves = [name for name, layer in model.named_modules() if not any(layer.children())]
    with evaluating(model), torch.no_grad(), _watching(model, leaves, note):
        model(example)
    return steps


def feature_maps(model: nn.Module, images: Tensor, names: Iterable[str] | str) -> dict[str, Tensor]:
    """What the named layers put out for a batch of images.

    Args:
        model: any network; its mode, parameters and buffers are left as they were, and no hook stays behind.
        images: a batch ``(B, C, H, W)``.
        names: layer names as in ``model.named_modules()``, such as ``["features.0"]``.

    Returns:
        One tensor ``(B, channels, height, width)`` per name, without gradient.

    Raises:
        ValueError: if the model has no such layer.
    """
    names = [names] if isinstance(names, str) else list(names)
    maps = {}

    def keep(name: str, layer: nn.Module, output: Tensor) -> Tensor:
        maps[name] = output.detach()
        return output.clone()  # the next layer may be a ReLU that works in place

    with evaluating(model), torch.no_grad(), _watching(model, names, keep):
        model(images)
    return {name: maps[name] for name in names}


def grad_cam(
    model: nn.Module, images: Tensor, targets: Tensor | Sequence[int] | None = None, layer: str | None = None
) -> Tensor:
    """Where the evidence for a class is: Grad-CAM (Selvaraju et al. 2017).

    The channels of a layer are summed with the mean gradient of the class's logit as weight; what counts against the
    class is cut off at zero, and the map is enlarged to the size of the image.

    Args:
        model: a network for images; its mode, gradients and buffers are left as they were, and no hook stays behind.
        images: a batch ``(B, C, H, W)``, normalised as the model expects.
        targets: the class to explain for each image; by default the predicted one.
        layer: the name of a layer with maps; by default the last one that still has a height and a width.

    Returns:
        ``(B, H, W)``, each map between 0 and 1 (all zero where nothing speaks for the class).

    Raises:
        ValueError: if the model has no such layer, or no layer with maps.
    """
    if layer is None:
        maps = [s.name for s in trace_shapes(model, images[:1]) if len(s.shape) == 4 and s.shape[2] * s.shape[3] > 1]
        if not maps:
            raise ValueError(f"{type(model).__name__} has no layer with maps; Grad-CAM needs a convolutional network")
        layer = maps[-1]
    kept: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module, output: Tensor) -> Tensor:
        kept[name] = output
        return output.clone()

    with evaluating(model), torch.enable_grad(), _watching(model, [layer], keep):
        # The images need a gradient so that a wholly frozen network still has a graph.
        logits = model(images.detach().clone().requires_grad_())
        targets = logits.argmax(1) if targets is None else torch.as_tensor(targets, device=logits.device)
        score = logits.gather(1, targets.view(-1, 1)).sum()
        (gradient,) = torch.autograd.grad(score, kept[layer])
    cam = F.relu((gradient.mean((2, 3), keepdim=True) * kept[layer].detach()).sum(1, keepdim=True))
    cam = F.interpolate(cam, images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    return cam / cam.amax((1, 2), keepdim=True).clamp(min=torch.finfo(cam.dtype).tiny)


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Every layer gets its own mode back after the ``with`` block, even after an error."""
    modes = [(layer, layer.training) for layer in model.modules()]
    try:
        yield
    finally:
        for layer, mode in modes:
            layer.training = mode


@contextmanager
def evaluating(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode inside the ``with`` block; afterwards the modes are as before."""
    with modes_kept(model):
        model.eval()
        yield model


@contextmanager
def _watching(model: nn.Module, names: Sequence[str], look) -> Iterator[None]:
    """Call ``look(name, layer, output)`` whenever a named layer has worked; the hooks come off in any case."""
    layers = dict(model.named_modules())
    unknown = [name for name in names if name not in layers]
    if unknown:
        raise ValueError(f"the model has no layer {unknown[0]!r}; it has {', '.join(name for name in layers if name)}")
    handles = [
        layers[name].register_forward_hook(lambda layer, inputs, output, name=name: look(name, layer, output))
        for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
