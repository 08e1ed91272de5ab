"""ImageNet's 1,000 classes: their names, and how a network that knows them tells cats from dogs without a label.

The names come from torchvision's metadata, in the order that every pretrained network of the course uses.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

__all__ = ["CATS", "DOGS", "OFFSET", "Verdict", "class_names", "dog_log_odds", "name_animal", "pet_share", "verdict"]

CATS = range(281, 286)  # tabby to Egyptian cat: the five kinds of house cat
DOGS = range(151, 269)  # Chihuahua to Mexican hairless: the 118 kinds of dog; wolves come after them
OFFSET = math.log(len(DOGS) / len(CATS))
# Below this share of a network's probability on cats and dogs together, a picture shows neither. With it,
# EfficientNet-Lite0 turns away 1 in 200 of the training photographs of cats and dogs, and nearly everything else that
# we showed it: "rejection" in helpers/tables/photographs.json.
NEITHER = 0.1
SMALL = 32  # pixels; a shorter side below that shows little after all the enlarging


def class_names() -> tuple[str, ...]:
    """The 1,000 names, as torchvision's metadata give them."""
    from torchvision.models import ResNet18_Weights

    return tuple(ResNet18_Weights.DEFAULT.meta["categories"])


def dog_log_odds(logits: Tensor, offset: float = OFFSET) -> Tensor:
    """How much more a dog than a cat, as the logarithm of the odds: above 0 means dog.

    The probabilities of all kinds of dog are summed, and so are those of all kinds of cat. There are 118 kinds of dog
    and 5 of cat, which pulls every doubtful picture towards dog by ln(118 / 5) = 3.16; that is subtracted again.

    Args:
        logits: ``(B, 1000)`` from a network with ImageNet's classes.
        offset: what is subtracted; 0 takes the sums as they are.

    Returns:
        ``(B,)``; the sigmoid of it is the probability of a dog, if the picture shows one of the two.
    """
    _check(logits)
    dogs, cats = (logits[:, group.start : group.stop].logsumexp(1) for group in (DOGS, CATS))
    return dogs - cats - offset


def pet_share(logits: Tensor) -> Tensor:
    """How much of the network's probability is on cats and dogs together: ``(B, 1000)`` to ``(B,)`` from 0 to 1."""
    _check(logits)
    probabilities = logits.softmax(1)
    return sum(probabilities[:, group.start : group.stop].sum(1) for group in (CATS, DOGS))


@dataclass(frozen=True)
class Verdict:
    """What a network says about one picture.

    Attributes:
        label: "cat", "dog" or "neither".
        probability: of the label, if the picture shows a cat or a dog; for "neither" the share of all other classes.
        top: ImageNet's five most probable classes, each with its probability.
        remark: what to know about the picture itself, or nothing.
    """

    label: str
    probability: float
    top: tuple[tuple[str, float], ...]
    remark: str = ""

    def __str__(self) -> str:
        if self.label == "neither":
            said = f"this looks like neither a cat nor a dog; perhaps {self.top[0][0]} ({self.top[0][1]:.0%})"
        else:
            said = f"{self.label}, probability {self.probability:.0%}"
        return f"{said} ({self.remark})" if self.remark else said


def name_animal(model: nn.Module, source: Any, offset: float = OFFSET) -> Verdict:
    """Name the animal in a photograph with nobody's labels: cat, dog, or "this looks like neither".

    Args:
        model: a network that knows ImageNet's classes, such as ``models.backbone("efficientnet_lite0")``.
        source: a path, the bytes of a file, a PIL image or an array: see `helpers.data.read_photograph`.
        offset: as in `dog_log_odds`.

    Raises:
        ValueError: if the model has another head, or the source is no picture, or too large a one.
    """
    from helpers.models import logits_of

    said = verdict(logits_of(model, source), offset)
    return replace(said, remark=_remark(source))


def _remark(source: Any) -> str:
    """A sentence about a picture that is animated or tiny."""
    import io

    from PIL import Image

    from helpers.data import open_photograph

    if isinstance(source, (bytes, bytearray, memoryview)):
        source = io.BytesIO(source)
    if isinstance(source, Image.Image):
        (width, height), frames = source.size, getattr(source, "n_frames", 1)
    elif hasattr(source, "shape"):
        (width, height), frames = open_photograph(source).size, 1
    else:
        if hasattr(source, "seek"):
            source.seek(0)
        with Image.open(source) as image:
            (width, height), frames = image.size, getattr(image, "n_frames", 1)
    if min(width, height) < SMALL:
        return f"it has only {width} x {height} pixels, so there was little to see"
    return f"only the first of its {frames} pictures was looked at" if frames > 1 else ""


def verdict(logits: Tensor, offset: float = OFFSET, neither: float = NEITHER) -> Verdict:
    """Name the animal in one picture: cat, dog, or "this looks like neither".

    Args:
        logits: ``(1000,)`` or ``(1, 1000)``.
        offset: as in `dog_log_odds`.
        neither: from this `pet_share` on the picture counts as a cat or a dog.
    """
    logits = logits.detach().reshape(1, -1)
    _check(logits)
    values, rows = logits.softmax(1)[0].topk(5)
    names = class_names()
    top = tuple((names[row], value) for row, value in zip(rows.tolist(), values.tolist(), strict=True))
    share = float(pet_share(logits))
    if share < neither:
        return Verdict("neither", 1 - share, top)
    dog = float(dog_log_odds(logits, offset).sigmoid())
    return Verdict("dog", dog, top) if dog > 0.5 else Verdict("cat", 1 - dog, top)


def _check(logits: Tensor) -> None:
    if logits.ndim != 2 or logits.shape[1] != 1000:
        raise ValueError(
            f"logits must have the shape (B, 1000), one column for each class of ImageNet, not {tuple(logits.shape)}; "
            "a network whose head was replaced knows these classes no more"
        )
