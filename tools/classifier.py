"""Writes the network for the page: ``python -m tools.classifier FOLDER``, such as ``_build/html/_static/classifier``.

EfficientNet-Lite0 with batch norm folded into its convolutions. Each weight is rounded to 12 bits on a scale of its own
output channel, and is written as two characters of base 64: 10 MB in all. They are JavaScript files, because a page
that was opened from disk may load scripts but may not fetch data. A ready runtime for ONNX was looked at: its smallest
WebAssembly file alone has 11.8 MB, and a page from disk cannot load it.
"""

import argparse
import base64
import json
from copy import deepcopy
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from torch import nn

from helpers import imagenet, models

BITS = 12
PARTS = 8
DIGITS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", dtype=np.uint8)


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights and biases of a convolution that does what the two do one after the other, in evaluation mode."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


@torch.no_grad()
def layers(net: nn.Module) -> list[tuple[dict, np.ndarray, np.ndarray]]:
    """What the network computes, layer by layer: a description, the weights ``(out, each)`` and the biases."""
    from helpers.efficientnet import InvertedResidual

    result = []

    def add(unit: nn.Sequential, block: str = "") -> None:
        weight, bias = folded(unit[0], unit[1])
        about = {"out": weight.shape[0], "each": weight[0].numel(), "kernel": weight.shape[-1], "block": block}
        about |= {"stride": unit[0].stride[0], "relu6": len(unit) > 2}
        result.append((about, weight.flatten(1).numpy(), bias.numpy()))

    add(net.stem[1])
    for block in net.stages.modules():
        if isinstance(block, InvertedResidual):
            units = [layer for layer in block.layers if isinstance(layer, nn.Sequential)]
            for place, unit in enumerate(units):
                mark = {0: "first", len(units) - 1: "add"}.get(place, "") if block.skip else ""
                add(unit, mark)
    add(net.top)
    head = {"out": net.head.out_features, "each": net.head.in_features, "kernel": 1, "stride": 1, "relu6": False}
    result.append((head, net.head.weight.numpy(), net.head.bias.numpy()))
    return result


def rounded(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from 1 to 4095, 2048 for zero, and the scale of each output channel."""
    scale = np.abs(weight).max(1, keepdims=True).clip(1e-12) / (2 ** (BITS - 1) - 1)
    return np.rint(weight / scale).astype(np.int32) + 2 ** (BITS - 1), scale[:, 0].astype(np.float32)


@torch.no_grad()
def as_the_page_has_it(net: nn.Module) -> nn.Module:
    """A copy that computes with the page's weights: folded, and rounded to 12 bits."""
    from torchvision.ops import Conv2dNormActivation

    copy = deepcopy(net)
    units = [unit for unit in copy.modules() if isinstance(unit, Conv2dNormActivation)]
    for unit in units:
        weight, bias = folded(unit[0], unit[1])
        unit[0].weight.copy_(weight)
        unit[0].bias, unit[1] = nn.Parameter(bias), nn.Identity()
    for layer in (*(unit[0] for unit in units), copy.head):
        whole, scale = rounded(layer.weight.flatten(1).numpy())
        layer.weight.copy_(torch.from_numpy((whole - 2 ** (BITS - 1)) * scale[:, None]).view_as(layer.weight))
    return copy


def export(folder: Path) -> int:
    """Write the scripts into a folder and return how many bytes they have."""
    net = models.backbone("efficientnet_lite0", fallback=False)
    folder.mkdir(parents=True, exist_ok=True)
    described, codes, scales, biases = [], [], [], []
    for about, weight, bias in layers(net):
        whole, scale = rounded(weight)
        described.append(about)
        codes.append(whole.ravel())
        scales.append(scale)
        biases.append(bias.astype(np.float32))
    numbers = np.concatenate(codes)
    text = DIGITS[np.stack([numbers >> 6, numbers & 63], 1)].tobytes().decode()
    length = -(-len(text) // PARTS)
    for part in range(PARTS):
        content = text[part * length : (part + 1) * length]
        (folder / f"weights-{part}.js").write_text(f'courseClassifier.parts[{part}]="{content}";\n')
    network = {
        "layers": described,
        "parts": PARTS,
        "megabytes": round(len(text) / 1e6),
        "scales": base64.b64encode(np.concatenate(scales).tobytes()).decode(),
        "biases": base64.b64encode(np.concatenate(biases).tobytes()).decode(),
        "names": imagenet.class_names(),
        "cats": [imagenet.CATS.start, imagenet.CATS.stop],
        "dogs": [imagenet.DOGS.start, imagenet.DOGS.stop],
        "offset": imagenet.OFFSET,
        "neither": imagenet.NEITHER,
        **net.view,
    }
    (folder / "network.js").write_text(f"courseClassifier.network={json.dumps(network)};\n")
    with files("helpers.interactive").joinpath("classifier.js").open("rb") as source:
        (folder / "classifier.js").write_bytes(source.read())
    return sum(file.stat().st_size for file in folder.iterdir())


def main(argv: list[str] | None = None) -> None:
    """Export into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    print(f"{folder}: {export(folder) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
