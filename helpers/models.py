"""The networks that the chapters build, pretrained ones, and (from `looking_inside`) tools to look into any network.

Every model maps a batch to logits ``(B, num_classes)``; the loss does the softmax. Sizes that depend on the input are
measured, never written down twice.
"""

import os
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.looking_inside import count_parameters, evaluating, feature_maps, grad_cam, trace_shapes

__all__ = [
    "MLP", "LeNet5", "Perceptron", "ResidualBlock", "SmallCNN", "SmallResNet", "backbone", "count_parameters",
    "embed", "feature_maps", "freeze", "grad_cam", "logits_of", "pretrained", "pretrained_animals", "replace_head",
    "trace_shapes",
]  # fmt: skip


class Perceptron(nn.Module):
    """One unit that fires or does not, with Rosenblatt's learning rule (chapter 01). It starts at zero.

    Args:
        in_features: number of inputs.
    """

    def __init__(self, in_features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(in_features), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, X: Tensor) -> Tensor:
        """1.0 where the weighted sum is above zero, else 0.0: ``(B, in_features)`` to ``(B,)``."""
        return (X @ self.weight + self.bias > 0).to(X.dtype)

    def learn(self, X: Tensor, y: Tensor, max_epochs: int = 100) -> list[int]:
        """Visit the rows in order and add ``(target - output) * x`` at each, until an epoch makes no mistake.

        Returns:
            The mistakes of each epoch; the last is 0 if the data are linearly separable and the epochs were enough.
        """
        mistakes = []
        for _ in range(max_epochs):
            mistakes.append(0)
            for x, target in zip(X, y, strict=True):
                error = target - self(x)
                self.weight += error * x
                self.bias += error
                mistakes[-1] += int(error != 0)
            if mistakes[-1] == 0:
                break
        return mistakes


class MLP(nn.Module):
    """Fully connected layers with ReLU between them (chapter 07). Images are flattened.

    Args:
        sizes: width of the input, of each hidden layer and of the output, such as ``(784, 128, 64, 10)``.
        dropout: probability of dropping a hidden unit during training.
    """

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes needs at least an input and an output width, not {tuple(sizes)}")
        layers: list[nn.Module] = [nn.Flatten()]
        for width_in, width_out in zip(sizes[:-2], sizes[1:-1], strict=True):
            layers += [nn.Linear(width_in, width_out), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, ...)`` to logits ``(B, sizes[-1])``."""
        return self.layers(x)


class LeNet5(nn.Module):
    """LeNet-5 as commonly taught (LeCun et al. 1998), 61,706 parameters for grey 28x28 or 32x32 images (chapter 09).

    Args:
        num_classes: width of the output.
        in_channels: 1 for grey images.
        size: 28 (padded by two pixels on each side, as in the paper) or 32.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, size: int = 28):
        super().__init__()
        if size not in (28, 32):
            raise ValueError(f"LeNet-5 takes images of 28 or 32 pixels, not {size}")
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=(32 - size) // 2),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, num_classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, in_channels, size, size)`` to logits ``(B, num_classes)``."""
        return self.head(self.features(x))


class SmallCNN(nn.Module):
    """Three blocks of convolution, batch norm, ReLU and pooling, then a global average (chapter 09).

    With three channels and two classes it has 23,826 parameters. Any image of at least 8x8 pixels fits.

    Args:
        num_classes: width of the output.
        in_channels: 3 for colour images.
        widths: channels after each block.
    """

    def __init__(self, num_classes: int = 2, in_channels: int = 3, widths: Sequence[int] = (16, 32, 64)):
        super().__init__()
        blocks = []
        for width_in, width_out in zip((in_channels, *widths[:-1]), widths, strict=True):
            # No bias: the batch norm behind the convolution brings its own.
            conv = nn.Conv2d(width_in, width_out, 3, padding=1, bias=False)
            blocks.append(nn.Sequential(conv, nn.BatchNorm2d(width_out), nn.ReLU(), nn.MaxPool2d(2)))
        self.features = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, in_channels, H, W)`` to logits ``(B, num_classes)``."""
        return self.head(self.embed(x))

    def embed(self, x: Tensor) -> Tensor:
        """What the head sees: one vector per image, ``(B, widths[-1])``."""
        return self.pool(self.features(x)).flatten(1)


class ResidualBlock(nn.Module):
    """``relu(F(x) + x)`` with two 3x3 convolutions in ``F`` (He et al. 2015; chapter 11).

    Where ``F`` changes the shape, a 1x1 convolution projects ``x`` to the same shape; elsewhere ``x`` passes unchanged.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: 2 halves height and width.
        skip: False leaves out the addition, to see what it is good for.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, skip: bool = True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        if not skip:
            self.shortcut = None
        elif stride == 1 and in_channels == out_channels:
            self.shortcut = nn.Identity()
        else:
            projection = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, in_channels, H, W)`` to ``(B, out_channels, H / stride, W / stride)``."""
        out = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(out if self.shortcut is None else out + self.shortcut(x))


class SmallResNet(nn.Module):
    """A first convolution and one residual block per width: seven convolutions and a linear layer by default.

    With three channels and two classes it has 77,522 parameters. Every block after the first halves the image.

    Args:
        num_classes: width of the output.
        in_channels: 3 for colour images.
        widths: channels of each block.
        skip: False builds the plain network of the same depth, without the additions.
    """

    def __init__(
        self, num_classes: int = 2, in_channels: int = 3, widths: Sequence[int] = (16, 32, 64), skip: bool = True
    ):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(width_in, width_out, stride=1 if position == 0 else 2, skip=skip)
                for position, (width_in, width_out) in enumerate(zip((widths[0], *widths[:-1]), widths, strict=True))
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, in_channels, H, W)`` to logits ``(B, num_classes)``."""
        return self.head(self.embed(x))

    def embed(self, x: Tensor) -> Tensor:
        """What the head sees: one vector per image, ``(B, widths[-1])``."""
        return self.pool(self.blocks(self.stem(x))).flatten(1)


# ------------------------------------------------------------------------------------------- heads, freezing, weights


def replace_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Swap the last linear layer for a fresh one with ``num_classes`` outputs; the rest stays as it is.

    Works for torchvision's ResNet (``fc``), DenseNet (``classifier``), AlexNet and VGG (``classifier[6]``) and for the
    networks of this course: the width of the input is taken from the layer that leaves. The new layer can be trained
    even if the model is frozen.

    Returns:
        The same model, changed in place.

    Raises:
        ValueError: if ``num_classes`` is below 1 or the model has no linear layer inside.
    """
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(f"num_classes must be a whole number of at least 1, not {num_classes!r}")
    name, old = last_linear(model)
    new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, new.to(old.weight.device, old.weight.dtype))
    return model


def last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    """The name of the last linear layer and the layer itself: the head of a classifier.

    Raises:
        ValueError: if the model has no linear layer inside.
    """
    linear = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Linear) and name]
    if not linear:
        raise ValueError(f"{type(model).__name__} has no linear layer inside to replace; build the head by hand")
    return linear[-1]


def embed(model: nn.Module, images: Tensor, batch_size: int = 16) -> Tensor:
    """What the head of a pretrained network sees of each image: its features, computed once for all heads.

    ``model.head(embed(model, images))`` are the logits, if the head is called so. The model is left as it was found.

    Args:
        model: a network with ``normalize``, as from `backbone`.
        images: uint8 ``(N, 3, H, W)``, of the size that ``model.view`` says.
        batch_size: images at once; 16 fit the cache of a processor, a GPU likes more.

    Returns:
        ``(N, D)`` on the CPU, without gradient.

    Raises:
        ValueError: if the model has no linear layer inside, or there are no images.
    """
    from helpers.data import make_loader

    # A copy, because channels last makes a CPU up to twice as fast, and safetensors refuses weights stored that way.
    model = deepcopy(model).eval().to(memory_format=torch.channels_last)
    device = next(model.parameters()).device
    _, head = last_linear(model)
    features = []
    head.register_forward_pre_hook(lambda layer, inputs: features.append(inputs[0].cpu()))
    nothing = torch.zeros(len(images), dtype=torch.int64)
    with torch.inference_mode():
        for batch, _ in make_loader(images, nothing, batch_size, normalize=model.normalize, device=device):
            model(batch.contiguous(memory_format=torch.channels_last))
    return torch.cat(features).clone()


def logits_of(model: nn.Module, source) -> Tensor:
    """One photograph, by whatever door it comes, through the same preprocessing as training, to logits ``(K,)``.

    Args:
        model: a network with ``normalize`` and ``view``, as from `backbone`; it is left as it was found.
        source: a path, the bytes of a file, a PIL image or an array: see `helpers.data.read_photograph`.

    Raises:
        ValueError: if the source is no picture; the message says what it is instead. Also if the model does not say
            how its pictures are prepared.
    """
    from helpers.data import make_loader, read_photograph

    if not (hasattr(model, "view") and hasattr(model, "normalize")):
        raise ValueError(
            "this network does not say how its pictures are prepared; take one from models.backbone, or set its "
            '`view`, such as {"size": 224}, and its `normalize`, the mean and standard deviation of each channel'
        )
    pixels = read_photograph(source, **model.view)[None]
    device = next(model.parameters()).device
    loader = make_loader(pixels, torch.zeros(1, dtype=torch.int64), normalize=model.normalize, device=device)
    with evaluating(model), torch.no_grad():
        return torch.cat([model(images) for images, _ in loader])[0].cpu()


def freeze(module: nn.Module, frozen: bool = True) -> nn.Module:
    """Stop a part of a network from learning; ``frozen=False`` lets it learn again.

    ``requires_grad = False`` alone is not enough: in training mode batch norm goes on updating its running mean and
    variance, which are buffers and know no gradient, and so a "frozen" network changes with every batch. Frozen batch
    norm here stays in evaluation mode, even after ``model.train()``.

    Returns:
        The same module, changed in place.
    """
    module.requires_grad_(not frozen)
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            hooks = layer._forward_pre_hooks
            for key in [key for key, hook in hooks.items() if hook is _stay_in_eval]:
                del hooks[key]
            if frozen:
                layer.register_forward_pre_hook(_stay_in_eval)
                layer.eval()
    return module


def _stay_in_eval(layer: nn.Module, inputs: tuple) -> None:
    layer.eval()


def pretrained_animals() -> SmallCNN:
    """Our own `SmallCNN`, trained on drawn animals other than cats and dogs, for transfer offline (chapter 12).

    Returns:
        The model in evaluation mode, with the attributes ``classes`` (the names of the species) and ``normalize`` (mean
        and standard deviation per channel, for `helpers.data.make_loader`).

    Raises:
        ValueError: if the file of weights is not the one that belongs to this version of the course.
    """
    from helpers.weights import load_animals

    return load_animals()


def backbone(name: str = "animals", download: bool = False, fallback: bool = True) -> nn.Module:
    """A pretrained network by name, with all that is needed to use it; the network is asked only if you say so.

    Args:
        name: ``"efficientnet_lite0"``, whose ImageNet weights come with pip; ``"animals"`` for `pretrained_animals`;
            or a network of torchvision such as ``"resnet18"`` or ``"densenet121"``.
        download: fetch torchvision's weights if they are not in its cache (45 MB for ResNet-18).
        fallback: return ``"animals"`` if the weights cannot be had; a printed sentence and ``.source`` then say so.

    Returns:
        The model in evaluation mode with the attributes ``classes``, ``normalize`` (mean and standard deviation per
        channel), ``view`` (how a photograph is scaled and cut for it: arguments of `helpers.data.image_folder`),
        ``size`` (the height and width of its images) and ``source`` (what it is, in words: print it).

    Raises:
        ValueError: if torchvision has no such network, or the file of weights is damaged.
        FileNotFoundError: if the package with the weights is not installed and ``fallback`` is False.
        DownloadError: if torchvision's weights cannot be had and ``fallback`` is False.
    """
    from helpers.data import DownloadError

    note = ""
    if name != "animals":
        try:
            if name != "efficientnet_lite0":
                file = _cached_weights(name)[1]
                if not download and not (os.path.isfile(file) and os.path.getsize(file)):
                    raise DownloadError(
                        f"the weights of {name} are not in torchvision's cache; fetch them with download=True"
                    )
            return pretrained(name)
        except (DownloadError, FileNotFoundError) as error:
            if not fallback:
                raise
            print(f"{error}. Until then our own small network for drawn animals stands in.")
            note = f" instead of {name}, whose weights could not be had (fallback=False says why)"
    net = pretrained_animals()
    net.view, net.size = {"size": 32}, 32
    net.source = f"our own small network, trained on {len(net.classes)} other drawn animals{note}"
    return net


def pretrained(name: str = "resnet18") -> nn.Module:
    """A network with ImageNet weights: from pip, or torchvision's best from its cache or downloaded into it.

    Args:
        name: ``"efficientnet_lite0"``, or one of torchvision such as ``"resnet18"``, ``"resnet50"``, ``"densenet121"``.

    Returns:
        The model in evaluation mode, with the attributes that `backbone` names.

    Raises:
        ValueError: if torchvision has no such network, or the file of weights is damaged.
        FileNotFoundError: if the package with the weights of ``"efficientnet_lite0"`` is not installed.
        DownloadError: if the weights are not in the cache and cannot be fetched; it names the file and the address.
    """
    import torchvision

    from helpers.data import IMAGENET
    from helpers.data.download import fetch

    if name == "efficientnet_lite0":
        from helpers import efficientnet, imagenet

        model = efficientnet.efficientnet_lite0()
        model.classes, model.normalize = imagenet.class_names(), efficientnet.NORMALIZE
        model.view, model.size = dict(efficientnet.VIEW), efficientnet.VIEW["size"]
        model.source = f"EfficientNet-Lite0, trained on ImageNet (1000 classes), weights of {efficientnet.PACKAGE}"
        return model
    weights, path = _cached_weights(name)
    # torchvision puts the first digits of the SHA-256 into the name of the file.
    fetch([weights.url], path, sha256=path.stem.rpartition("-")[2])
    try:
        model = torchvision.models.get_model(name, weights=weights, progress=False)
    except Exception as error:
        raise ValueError(f"{path} does not hold the weights of {name} ({error}); delete it and try again") from error
    view = weights.transforms()
    model.classes, model.normalize = tuple(weights.meta["categories"]), IMAGENET
    model.view = {"size": view.crop_size[0], "shorter": view.resize_size[0]}
    model.size = view.crop_size[0]
    model.source = f"torchvision's {name}, trained on ImageNet ({len(model.classes)} classes)"
    return model.eval()


def _cached_weights(name: str) -> tuple:
    """The best weights of a torchvision network, and where torchvision keeps their file."""
    import torchvision

    try:
        weights = torchvision.models.get_model_weights(name).DEFAULT
    except ValueError as error:
        raise ValueError(
            f"there is no network {name!r}; try 'efficientnet_lite0', 'resnet18' or 'densenet121'"
        ) from error
    return weights, Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
