"""Drawn animals: faces painted from a table of species, with everything that makes a photograph hard.

Pose, scale, colours, light, clutter, missing parts, occlusion and noise vary, so that single pixels say next to nothing
about the species. A face is a list of parts in painting order; each part is a shape given by its signed distance (below
zero inside), painted with a soft edge one pixel wide. All images of one species are painted at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from helpers.data.sets import Images

__all__ = ["SPECIES", "drawn_animals"]

BLOCK = 128  # images that share one generator, so that the first n images do not depend on how many were asked for
NOISE = 26  # largest change of a value by noise, in levels of 255; uniform, so the standard deviation is 15

# ------------------------------------------------------------------------------------------------ shapes and parts
# Lengths are in head units: the head is an ellipse around (0, 0) with half axes of about 0.7; x to the right, y down.
# A mirrored part is described for the right half of the face and appears on both sides, because it is painted in |x|.


@dataclass(frozen=True)
class Part:
    """One painted shape.

    Attributes:
        distance: ``(x, y, place) -> Tensor``, the signed distance in head units.
        anchor: what the part moves, grows and vanishes with: head, ear, eye, top (of the head), muzzle or face.
        color: the name of a colour of the individual, or a fixed one.
        mirror: on both sides of the face.
        opacity: 1 hides what is below.
        soft: width of the edge in head units, where it is wider than a pixel.
        where: the name of a trait that only some individuals have.
    """

    distance: Callable[[Tensor, Tensor, tuple[Tensor, ...]], Tensor]
    anchor: str
    color: str
    mirror: bool = True
    opacity: float = 1.0
    soft: float = 0.0
    where: str = ""


def oval(anchor: str, color: str, x: float, y: float, a: float, b: float, turn: float = 0.0, **more) -> Part:
    """An ellipse around ``(x, y)`` with half axes ``a`` (across) and ``b`` (down), turned clockwise by radians."""
    cos, sin = torch.tensor(turn).cos().item(), torch.tensor(turn).sin().item()

    def distance(X: Tensor, Y: Tensor, place: tuple[Tensor, ...]) -> Tensor:
        x0, y0, sx, sy = place
        u, v = X - (x0 + x * sx), Y - (y0 + y * sy)
        if turn:
            u, v = u * cos + v * sin, v * cos - u * sin
        u, v = u.mul_(1 / (a * sx)), v.mul_(1 / (b * sy))
        return u.mul_(u).addcmul_(v, v).sqrt_().sub_(1).mul_(torch.minimum(a * sx, b * sy))

    return Part(distance, anchor, color, **more)


def triangle(anchor: str, color: str, *corners: tuple[float, float], bulge: float = 0.0, **more) -> Part:
    """A triangle through three corners; ``bulge`` bends its sides outwards (relative to their length)."""
    (ax, ay), (bx, by), (cx, cy) = corners
    if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) < 0:
        corners = corners[::-1]

    def distance(X: Tensor, Y: Tensor, place: tuple[Tensor, ...]) -> Tensor:
        x0, y0, sx, sy = place
        result = None
        for (px, py), (qx, qy) in zip(corners, corners[1:] + corners[:1], strict=True):
            tx, ty = (qx - px) * sx, (qy - py) * sy  # along the side; the outside is on its left
            length = (tx * tx + ty * ty).sqrt()
            nx, ny = ty / length, -tx / length
            mx, my = x0 + sx * (px + qx) / 2, y0 + sy * (py + qy) / 2
            side = (X * nx).addcmul_(Y, ny).sub_(mx * nx + my * ny)
            if bulge:
                along = (X * tx).addcmul_(Y, ty).sub_(mx * tx + my * ty).div_(length * length / 2)
                side = side.sub_(bulge * length).addcmul_(along, along * (bulge * length))
            result = side if result is None else torch.maximum(result, side, out=result)
        return result

    return Part(distance, anchor, color, **more)


def arc(anchor: str, color: str, x: float, y: float, r: float, width: float, flat: float = 1.0, **more) -> Part:
    """The lower half of a ring around ``(x, y)``: a smile. ``flat`` squeezes it vertically."""

    def distance(X: Tensor, Y: Tensor, place: tuple[Tensor, ...]) -> Tensor:
        x0, y0, sx, sy = place
        u, v = X - (x0 + x * sx), Y - (y0 + y * sy)
        above = -v
        v = v.mul_(1 / flat)
        ring = u.mul_(u).addcmul_(v, v).sqrt_().sub_(r * sx).abs_().sub_(width * sx)
        return torch.maximum(ring, above)

    return Part(distance, anchor, color, **more)


# ------------------------------------------------------------------------------------------------ the animals

HEAD = oval("head", "fur", 0, 0, 1, 1, mirror=False)
SHINE = oval("head", "white", -0.25, -0.5, 0.45, 0.3, mirror=False, opacity=0.18, soft=0.35)
CHEEKS = oval("muzzle", "pink", 0.42, -0.02, 0.15, 0.11, opacity=0.45, soft=0.12, where="blush")


def eyes(pupil: tuple[float, float], color: str = "iris", anchor: str = "eye", size: float = 1.0) -> list[Part]:
    """An eye with a dark rim, a coloured iris, a pupil of the given half axes and a glint."""
    return [
        oval(anchor, "black", 0, 0, 1.3 * size, 1.15 * size),
        oval(anchor, color, 0, 0, 1.12 * size, 0.98 * size),
        oval(anchor, "black", 0, 0, pupil[0] * size, pupil[1] * size),
        oval(anchor, "white", -0.3 * size, -0.36 * size, 0.26 * size, 0.26 * size),
    ]


SLIT, ROUND, WIDE = (0.3, 0.9), (0.66, 0.66), (0.8, 0.8)

POINTED_EARS = [
    triangle("ear", "fur", (-0.22, 0.02), (0.26, 0.14), (0.12, -0.68), bulge=0.06),
    triangle("ear", "inner", (-0.10, -0.05), (0.17, 0.02), (0.10, -0.48), bulge=0.06),
]
WHISKERS = [
    oval("face", "whisker", 0.46, -0.08 + 0.075 * k, 0.29, 0.016, turn=0.22 * k - 0.1, opacity=0.9) for k in (0, 1, 2)
]
MOUTH = arc("muzzle", "black", 0.075, 0.03, 0.075, 0.016)
DOG_NOSE = [
    oval("muzzle", "black", 0, -0.08, 0.15, 0.11, mirror=False),
    oval("muzzle", "white", -0.04, -0.12, 0.045, 0.025, mirror=False, opacity=0.7),
]
TONGUE = oval("muzzle", "tongue", 0, 0.28, 0.09, 0.16, mirror=False, where="tongue")

SPECIES: dict[str, list[Part]] = {
    "cat": [
        *POINTED_EARS,
        HEAD,
        SHINE,
        *(oval("head", "dark", x, -0.74, 0.05, 0.2, turn=x, where="marked") for x in (0.0, 0.2)),
        *eyes(SLIT),
        CHEEKS,
        MOUTH,
        triangle("muzzle", "pink", (-0.09, -0.12), (0.09, -0.12), (0, 0.0), bulge=0.08, mirror=False),
        *WHISKERS,
    ],
    "dog": [
        *(replace(ear, where="pricked") for ear in POINTED_EARS),
        HEAD,
        SHINE,
        oval("eye", "dark", 0.1, 0, 2.0, 2.2, mirror=False, where="marked"),
        oval("ear", "dark", 0.24, 0.32, 0.19, 0.46, turn=0.25, where="hanging"),
        oval("muzzle", "light", 0, 0, 0.36, 0.32, mirror=False),
        TONGUE,
        arc("muzzle", "black", 0.09, 0.07, 0.09, 0.018),
        *eyes(ROUND),
        CHEEKS,
        *DOG_NOSE,
    ],
    "bear": [
        oval("ear", "fur", 0.10, -0.17, 0.27, 0.27),
        oval("ear", "inner", 0.10, -0.15, 0.15, 0.15),
        HEAD,
        SHINE,
        oval("muzzle", "light", 0, 0.0, 0.33, 0.29, mirror=False),
        MOUTH,
        *eyes(WIDE, "brown", size=0.75),
        *DOG_NOSE,
    ],
    "rabbit": [
        oval("ear", "fur", -0.16, -0.52, 0.16, 0.52, turn=0.15),
        oval("ear", "inner", -0.16, -0.50, 0.085, 0.38, turn=0.15),
        HEAD,
        SHINE,
        *eyes(ROUND),
        CHEEKS,
        oval("muzzle", "light", 0.11, 0.02, 0.15, 0.12),
        oval("muzzle", "white", 0.045, 0.16, 0.045, 0.08),
        triangle("muzzle", "pink", (-0.08, -0.12), (0.08, -0.12), (0, -0.02), bulge=0.08, mirror=False),
        *WHISKERS[::2],
    ],
    "mouse": [
        oval("ear", "fur", 0.28, -0.02, 0.40, 0.40),
        oval("ear", "inner", 0.28, 0.0, 0.27, 0.27),
        HEAD,
        SHINE,
        *eyes(WIDE, "brown", size=0.8),
        CHEEKS,
        oval("muzzle", "light", 0, 0.06, 0.26, 0.2, mirror=False),
        oval("muzzle", "pink", 0, -0.04, 0.09, 0.08, mirror=False),
        *WHISKERS,
    ],
    "pig": [
        HEAD,
        SHINE,
        triangle("ear", "fur", (-0.24, -0.12), (0.22, 0.16), (0.26, -0.42), bulge=0.1),
        triangle("ear", "inner", (-0.06, -0.10), (0.18, 0.06), (0.22, -0.30), bulge=0.1),
        *eyes(ROUND, size=0.8),
        CHEEKS,
        oval("muzzle", "pink", 0, 0, 0.25, 0.18, mirror=False),
        oval("muzzle", "black", 0.09, 0, 0.04, 0.07),
        arc("muzzle", "black", 0, 0.14, 0.14, 0.016, flat=0.7, mirror=False),
    ],
    "fox": [
        *POINTED_EARS,
        triangle("ear", "black", (0.02, -0.42), (0.20, -0.40), (0.12, -0.68), bulge=0.06),
        HEAD,
        triangle("head", "cream", (0.05, 0.98), (1.0, 0.1), (0.32, 0.15), bulge=0.1),
        oval("muzzle", "cream", 0, 0.12, 0.24, 0.34, mirror=False),
        *eyes(SLIT),
        oval("muzzle", "black", 0, 0.22, 0.11, 0.09, mirror=False),
    ],
    "owl": [
        triangle("ear", "dark", (-0.26, 0.04), (0.22, 0.16), (0.22, -0.38), bulge=0.05),
        HEAD,
        oval("eye", "light", 0, 0, 2.5, 2.5),
        oval("eye", "dark", 0, 0, 1.75, 1.75),
        *eyes(ROUND, "amber", size=1.25),
        triangle("muzzle", "beak", (-0.11, -0.26), (0.11, -0.26), (0, 0.08), bulge=0.1, mirror=False),
        *(arc("muzzle", "light", x, y, 0.06, 0.018) for x, y in ((0.09, 0.16), (0.27, 0.16), (0.18, 0.26))),
    ],
    "koala": [
        oval("ear", "fur", 0.28, -0.02, 0.40, 0.38),
        oval("ear", "light", 0.28, 0.04, 0.25, 0.25, soft=0.1),
        HEAD,
        SHINE,
        *eyes(WIDE, "brown", size=0.75),
        CHEEKS,
        oval("muzzle", "black", 0, -0.12, 0.14, 0.25, mirror=False),
        oval("muzzle", "white", -0.04, -0.24, 0.04, 0.06, mirror=False, opacity=0.5),
        arc("muzzle", "black", 0, 0.15, 0.10, 0.016, flat=0.6, mirror=False),
    ],
    "frog": [
        oval("top", "fur", 0, 0, 0.24, 0.24),
        oval("head", "fur", 0, 0.05, 1.12, 0.9, mirror=False),
        oval("muzzle", "light", 0, 0.14, 0.52, 0.26, mirror=False, opacity=0.8, soft=0.1),
        oval("top", "black", 0, 0, 0.155, 0.155),
        oval("top", "iris", 0, 0, 0.135, 0.135),
        oval("top", "black", 0, 0, 0.12, 0.05),
        oval("top", "white", -0.04, -0.05, 0.04, 0.04),
        CHEEKS,
        arc("muzzle", "black", 0, -0.06, 0.42, 0.02, flat=0.45, mirror=False),
        oval("muzzle", "black", 0.07, -0.14, 0.022, 0.03),
    ],
    "panda": [
        oval("ear", "black", 0.10, -0.17, 0.27, 0.27),
        HEAD,
        oval("eye", "black", 0.15, 0.25, 1.9, 2.4, turn=0.5),
        *eyes(WIDE, "brown", size=0.8),
        CHEEKS,
        oval("muzzle", "light", 0, 0.02, 0.26, 0.2, mirror=False),
        oval("muzzle", "black", 0, -0.06, 0.10, 0.075, mirror=False),
        MOUTH,
    ],
    "monkey": [
        oval("ear", "fur", 0.36, 0.36, 0.24, 0.28),
        oval("ear", "light", 0.36, 0.37, 0.14, 0.18),
        HEAD,
        oval("eye", "light", -0.3, 0.3, 2.4, 2.5),
        oval("muzzle", "light", 0, 0.03, 0.45, 0.32, mirror=False),
        *eyes(ROUND, "brown", size=0.9),
        oval("muzzle", "black", 0.05, -0.07, 0.028, 0.04),
        arc("muzzle", "black", 0, 0.04, 0.24, 0.018, flat=0.6, mirror=False),
    ],
    "lion": [
        oval("head", "dark", 0, 0.02, 1.42, 1.42, mirror=False, soft=0.16),
        oval("ear", "fur", 0.10, -0.14, 0.2, 0.2),
        oval("ear", "inner", 0.10, -0.13, 0.11, 0.11),
        HEAD,
        SHINE,
        *eyes(ROUND, "amber"),
        oval("muzzle", "light", 0.13, 0.06, 0.19, 0.16),
        MOUTH,
        triangle("muzzle", "black", (-0.14, -0.15), (0.14, -0.15), (0, 0.02), bulge=0.1, mirror=False),
        *WHISKERS[::2],
    ],
    "sheep": [
        oval("ear", "fur", 0.32, 0.30, 0.27, 0.13, turn=0.3),
        oval("ear", "inner", 0.32, 0.31, 0.17, 0.06, turn=0.3),
        HEAD,
        *(
            oval("head", "white", x, y, 0.36, 0.38)
            for x, y in ((0.78, -0.42), (0.5, -0.8), (0.16, -0.92), (0.25, -0.6))
        ),
        *eyes((0.9, 0.4), "amber"),
        oval("muzzle", "light", 0, 0.08, 0.3, 0.24, mirror=False),
        oval("muzzle", "black", 0.08, 0.0, 0.03, 0.045),
        arc("muzzle", "black", 0, 0.1, 0.1, 0.016, flat=0.7, mirror=False),
    ],
}

# What fur most individuals of a species have; cats and dogs come in every colour.
USUAL = {
    "bear": (0.45, 0.30, 0.20), "rabbit": (0.80, 0.72, 0.65), "mouse": (0.62, 0.60, 0.62), "pig": (0.95, 0.70, 0.70),
    "fox": (0.90, 0.48, 0.16), "owl": (0.62, 0.46, 0.32), "koala": (0.60, 0.61, 0.65), "frog": (0.42, 0.72, 0.28),
    "panda": (0.94, 0.93, 0.90), "monkey": (0.48, 0.32, 0.22), "lion": (0.88, 0.66, 0.34), "sheep": (0.35, 0.30, 0.30),
}  # fmt: skip
FURS = torch.tensor(
    [[0.85, 0.55, 0.25], [0.55, 0.55, 0.58], [0.25, 0.22, 0.22], [0.93, 0.88, 0.80],
     [0.60, 0.40, 0.25], [0.75, 0.70, 0.62], [0.40, 0.30, 0.28], [0.88, 0.75, 0.55]]
)  # fmt: skip
FIXED = {
    "black": (0.09, 0.07, 0.07), "white": (0.97, 0.97, 0.95), "pink": (0.90, 0.52, 0.54), "tongue": (0.92, 0.40, 0.45),
    "cream": (0.96, 0.91, 0.82), "beak": (0.95, 0.68, 0.20), "amber": (0.95, 0.72, 0.20), "brown": (0.36, 0.22, 0.14),
}  # fmt: skip


def drawn_animals(
    n: int,
    species: Sequence[str] = ("cat", "dog"),
    size: int = 32,
    seed: int = 0,
    return_masks: bool = False,
    device: torch.device | str | None = None,
) -> Images:
    """Paint ``n`` animal faces, the same number of each species, in turns.

    The same seed gives the same pixels, whatever ``n`` is and however they are batched; another ``size`` shows the same
    animals at another resolution (with other noise).

    Args:
        n: number of images.
        species: names out of `SPECIES`; the order gives the class indices.
        size: height and width in pixels, from 32 to 224.
        seed: which animals.
        return_masks: also return where the animal is visible.
        device: where to paint, the CPU by default.

    Returns:
        Images that unpack to uint8 images ``(n, 3, size, size)`` and int64 targets ``(n,)``, with bool masks
        ``(n, size, size)`` as third where asked for.

    Raises:
        ValueError: if a species is not known or named twice, there are none, or ``n`` or ``size`` is out of range.
    """
    species = (species,) if isinstance(species, str) else tuple(species)
    unknown = [name for name in species if name not in SPECIES]
    if unknown or not species or len(set(species)) < len(species):
        raise ValueError(f"species must be different names out of {', '.join(SPECIES)}, not {species}")
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be a whole number of at least 1, not {n!r}")
    if not isinstance(size, int) or not 32 <= size <= 224:
        raise ValueError(f"size must be a whole number from 32 to 224, not {size!r}")
    device = torch.device("cpu" if device is None else device)
    targets = torch.arange(n) % len(species)
    images = torch.empty(n, 3, size, size, dtype=torch.uint8, device=device)
    masks = torch.empty(n, size, size, dtype=torch.bool, device=device) if return_masks else None
    # One painting covers so many pixels that a plane of them stays in the processor's cache.
    at_once = max(1, 2 ** (16 if device.type == "cpu" else 22) // size**2)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        look = _draw_looks(torch.Generator().manual_seed(seed * 1_000_003 + start))
        noise = _draw_noise((stop - start, 3, size**2), torch.Generator().manual_seed(seed * 1_000_003 + start + 1))
        for index, name in enumerate(species):
            rows = (targets[start:stop] == index).nonzero().flatten()
            for part in rows.split(at_once) if len(rows) else ():
                one = {key: value[part].to(device) for key, value in look.items()}
                canvas, mask = _paint(name, one, size, return_masks)
                there = part.to(device)
                levels = canvas.mul_(255).add_(noise[part].to(device), alpha=2 * NOISE / 255).sub_(NOISE)
                images[start + there] = levels.round_().clamp_(0, 255).to(torch.uint8).unflatten(2, (size, size))
                if masks is not None:
                    masks[start + there] = mask.unflatten(1, (size, size))
    return Images(images, targets.to(device), species, f"drawn animals ({', '.join(species)}; seed {seed})", masks)


def _draw_looks(generator: torch.Generator) -> dict[str, Tensor]:
    """What the individuals of one block look like: every value is ``(BLOCK, k)``."""

    def between(low: float, high: float, k: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(BLOCK, k, generator=generator)

    def chance(p: float) -> Tensor:
        return (torch.rand(BLOCK, 1, generator=generator) < p).float()

    def choose(p: float, one: Tensor, other: Tensor) -> Tensor:
        return torch.where(chance(p) > 0, one, other)

    turn = between(-0.4, 0.4)
    look = {
        "x": between(-0.32, 0.32), "y": between(-0.20, 0.38), "scale": between(0.50, 0.80),
        "cos": turn.cos(), "sin": turn.sin(), "facing": 2 * chance(0.5) - 1,
        "head_w": between(0.62, 0.78), "head_h": between(0.55, 0.70), "ear": between(0.8, 1.2),
        "eye_x": between(0.24, 0.32), "eye_y": between(-0.22, -0.10), "eye_r": between(0.10, 0.14),
        "muzzle_y": between(0.22, 0.32),
        "has_ear": chance(0.88), "has_muzzle": chance(0.88), "has_face": chance(0.85),
        "tongue": chance(0.4), "marked": chance(0.4), "blush": chance(0.5), "pricked": chance(0.1),
        "is_usual": chance(0.6), "fur_noise": between(-0.1, 0.1, 3),
    }  # fmt: skip
    look["hanging"] = 1 - look["pricked"]
    fur = FURS[torch.randint(len(FURS), (BLOCK,), generator=generator)]
    look |= {"fur": fur, "light_up": chance(0.5), "dark_down": chance(0.5)}
    look["whisker"] = choose(0.5, torch.full((BLOCK, 3), 0.95), torch.full((BLOCK, 3), 0.08))
    look["iris"] = between(0, 1, 3) * torch.tensor([0.6, 0.8, 0.6]) + 0.2
    look |= {"sky": between(0, 1, 3), "ground": between(0, 1, 3), "slope": between(0, 6.283)}
    for thing in ("box", "disc", "cone"):
        look |= {f"{thing}_at": between(-1, 1, 2), f"{thing}_size": between(0.1, 0.35, 2)}
        look |= {f"{thing}_color": between(0, 1, 3), f"has_{thing}": chance(0.75)}
    look |= {"card_at": between(-0.9, 0.9, 2), "card_size": between(0.08, 0.25, 2)}
    look |= {"card_color": between(0, 1, 3), "has_card": chance(0.5)}
    look |= {"gain": between(0.65, 1.35), "offset": between(-0.15, 0.15)}
    return look


def _draw_noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random bytes, eight from each number drawn, because drawing is slow."""
    count = torch.Size(shape).numel()
    numbers = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    return numbers.view(torch.uint8)[:count].view(shape)


def _paint(name: str, look: dict[str, Tensor], size: int, want_mask: bool) -> tuple[Tensor, Tensor | None]:
    """Paint individuals of one species: a float canvas ``(B, 3, size * size)``, and where the animal is."""
    device = look["x"].device
    axis = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
    y, x = (plane.reshape(1, -1) for plane in torch.meshgrid(axis, axis, indexing="ij"))
    pixel = 2.4 / size  # the width of an edge: a little more than a pixel

    ramp = (x * look["slope"].cos() + y * look["slope"].sin()).mul_(0.5).add_(0.5)
    sky, ground = look["sky"][:, :, None], look["ground"][:, :, None]
    canvas = sky + (ground - sky) * ramp[:, None]
    mask = torch.zeros_like(ramp) if want_mask else None

    def cover(distance: Tensor, color: Tensor, opacity: Tensor, edge: Tensor | float = pixel) -> Tensor:
        alpha = distance.mul_(-1 / edge).add_(0.5).clamp_(0, 1).mul_(opacity)
        canvas.lerp_(color[:, :, None], alpha[:, None])
        return alpha

    def rectangle(at: Tensor, half: Tensor) -> Tensor:
        dx, dy = (x - at[:, :1]).abs_().sub_(half[:, :1]), (y - at[:, 1:]).abs_().sub_(half[:, 1:])
        return torch.maximum(dx, dy)

    at, half = look["disc_at"], look["disc_size"]
    dx, dy = x - at[:, :1], y - at[:, 1:]
    cover((dx.square_() + dy.square_()).sqrt_().sub_(half[:, :1]), look["disc_color"], look["has_disc"])
    cover(rectangle(look["box_at"], look["box_size"]), look["box_color"], look["has_box"])
    at, half = look["cone_at"], look["cone_size"]
    dx, dy = x - at[:, :1], y - at[:, 1:]
    slanted = dx.abs_().mul_(1.2).add_(dy, alpha=0.6).sub_(half[:, :1])
    cover(torch.maximum(slanted, dy.neg_().sub_(half[:, 1:])), look["cone_color"], look["has_cone"])

    # From image to head coordinates: move, turn, scale. Distances go back through the scale.
    dx, dy, scale = x - look["x"], y - look["y"], look["scale"]
    X = (dx * look["cos"] + dy * look["sin"]) * (look["facing"] / scale)
    Y = (dy * look["cos"] - dx * look["sin"]) / scale
    mirrored = X.abs()
    colors, places = _colors(name, look), _places(look)
    there = {key: look[f"has_{key}"] for key in ("ear", "muzzle", "face")}
    for part in SPECIES[name]:
        opacity = part.opacity * there.get(part.anchor, 1.0)
        if part.where:
            opacity = opacity * look[part.where]
        distance = part.distance(mirrored if part.mirror else X, Y, places[part.anchor]).mul_(scale)
        edge = (scale * part.soft).clamp_(min=pixel) if part.soft else pixel
        alpha = cover(distance, colors[part.color], torch.as_tensor(opacity, device=device), edge)
        if mask is not None:
            torch.maximum(mask, alpha, out=mask)

    alpha = cover(rectangle(look["card_at"], look["card_size"]), look["card_color"], look["has_card"])
    if mask is not None:
        mask = (mask > 0.5) & (alpha < 0.5)
    return canvas.mul_(look["gain"][:, :, None]).add_(look["offset"][:, :, None]), mask


def _places(look: dict[str, Tensor]) -> dict[str, tuple[Tensor, ...]]:
    """Origin and scale of each anchor: ``(x0, y0, sx, sy)``, all ``(B, 1)``."""
    zero, one = torch.zeros_like(look["ear"]), torch.ones_like(look["ear"])
    return {
        "head": (zero, zero, look["head_w"], look["head_h"]),
        "ear": (0.42 * one, -0.35 * one, look["ear"], look["ear"]),
        "eye": (look["eye_x"], look["eye_y"], look["eye_r"], look["eye_r"]),
        "top": (look["eye_x"] * 1.3, -0.5 * one, one, one),
        "muzzle": (zero, look["muzzle_y"], one, one),
        "face": (zero, look["muzzle_y"], one, one),  # where the muzzle is, or would be
    }


def _colors(name: str, look: dict[str, Tensor]) -> dict[str, Tensor]:
    """The colours of the individuals, each ``(B, 3)``."""
    fur = look["fur"]
    if name in USUAL:
        fur = torch.where(look["is_usual"] > 0, torch.tensor(USUAL[name], device=fur.device), fur)
    fur = fur + look["fur_noise"]
    blush = torch.tensor([0.40, 0.25, 0.25], device=fur.device)
    return {
        "fur": fur,
        "inner": (fur * 0.6 + blush).clamp(0, 1),
        "light": torch.where(look["light_up"] > 0, fur * 0.5 + 0.5, fur * 0.5).clamp(0, 1),
        "dark": torch.where(look["dark_down"] > 0, fur * 0.55, fur * 0.6 + 0.35).clamp(0, 1),
        "iris": look["iris"],
        "whisker": look["whisker"],
        **{key: torch.tensor(value, device=fur.device).expand(len(fur), 3) for key, value in FIXED.items()},
    }
