"""What all figures share: colours, markers, style, and how values and texts come onto an Axes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

# blue, vermilion, green, purple, amber, sky, grey, yellow: neighbours differ in lightness as well as in hue
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555", "#F0E442")

# more markers than colours, so that no two of the first 88 classes look alike
MARKERS = "os^DvPX*<>p"

GROUND = "#FCFCFA"
INK = "#222222"


def use_style() -> None:
    """Set matplotlib's defaults for this session: sizes, colours and an opaque ground. Notebooks call it once."""
    import matplotlib as mpl

    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 3.6),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "figure.facecolor": GROUND,
            "savefig.facecolor": GROUND,
            "savefig.transparent": False,
            "axes.facecolor": GROUND,
            "axes.edgecolor": "#888888",
            "axes.labelcolor": INK,
            "axes.titlesize": 12,
            "axes.titlelocation": "left",
            "axes.labelsize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.prop_cycle": mpl.cycler(color=PALETTE),  # type: ignore[attr-defined]  # it is there, but not in the stubs
            "grid.color": "#E4E4E0",
            "grid.linewidth": 0.8,
            "font.size": 11,
            "legend.frameon": False,
            "legend.fontsize": 10,
            "lines.linewidth": 2.0,
            "lines.markersize": 5,
            "text.color": INK,
            "xtick.color": "#555555",
            "ytick.color": "#555555",
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "image.cmap": "viridis",
            "svg.hashsalt": "course",  # without it, the same figure has other ids in every file
        }
    )


def axes_or_new(ax, size: tuple[float, float] | None = None):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size)[1]


def array_of(values) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()
    if isinstance(values, (list, tuple)) and values and isinstance(values[0], Tensor):
        return np.stack([array_of(value) for value in values])
    return np.asarray(values)


def plain_text(text: Any) -> str:
    """Text that matplotlib can draw: dollar signs that enclose no formula are shown as they are."""
    from matplotlib.mathtext import MathTextParser

    text = str(text)
    if text.count("$") > 1:
        try:
            MathTextParser("path").parse(text)
        except ValueError:
            return text.replace(r"\$", "$").replace("$", r"\$")
    return text
