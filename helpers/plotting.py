"""The figures of the course. Each function draws on ``ax`` (a new figure without one) and returns the Axes.

Nothing here calls ``plt.show``, and a model is left on its device and in its mode. Colours are Okabe and Ito's (2008),
*Color Universal Design*, which people with colour-blindness can tell apart; every figure has an opaque, nearly white
ground, so that it reads in light and in dark mode. matplotlib is imported when the first figure is drawn.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.canvas import INK, MARKERS, PALETTE, array_of, axes_or_new, plain_text, use_style
from helpers.graphs import plot_circuit, plot_graph

__all__ = [
    "PALETTE",
    "plot_bands",
    "plot_circuit",
    "plot_confusion_matrix",
    "plot_decision_regions",
    "plot_embedding",
    "plot_feature_maps",
    "plot_graph",
    "plot_images",
    "plot_kernels",
    "use_style",
]


def plot_bands(x: Sequence[float], runs, label: str, ax=None, color: str | None = None):
    """The mean of several runs as a line and their range, smallest to largest, as a band.

    Args:
        x: positions, shape (T,).
        runs: one row per seed, shape (R, T).
        label: for the legend.
        ax: where to draw; call again with the same Axes for another group of runs.
        color: the next of the palette by default.

    Raises:
        ValueError: if the shapes do not fit.
    """
    at, runs = array_of(x), np.atleast_2d(array_of(runs))
    if runs.ndim != 2 or runs.shape[1] != len(at):
        raise ValueError(f"runs have shape {runs.shape}, but {len(at)} positions need (number of runs, {len(at)})")
    ax = axes_or_new(ax)
    (line,) = ax.plot(at, runs.mean(0), color=color, label=plain_text(label))
    ax.fill_between(at, runs.min(0), runs.max(0), color=line.get_color(), alpha=0.2, linewidth=0)
    ax.legend()
    return ax


def plot_decision_regions(
    model: Callable[[Tensor], Tensor],
    X,
    y,
    ax=None,
    *,
    classes: Sequence[str] | None = None,
    threshold: float = 0.0,
    resolution: int = 200,
):
    """What a model says for every point of the plane, under the data that it was shown.

    Args:
        model: maps points (N, 2) to logits (N, K), to one logit (N,) or (N, 1), or to class indices (N,).
        X: points, shape (N, 2).
        y: targets from 0, shape (N,).
        ax: where to draw.
        classes: a name per class, for the legend.
        threshold: where a single output turns from class 0 to class 1: 0 for logits, 0.5 for probabilities.
        resolution: grid points per axis.

    Raises:
        ValueError: if the points are not in the plane or the targets do not belong to them.
    """
    from matplotlib.colors import ListedColormap

    points, targets = array_of(X), array_of(y).reshape(-1).astype(int)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(targets):
        raise ValueError(f"need points (N, 2) and targets (N,), but got {points.shape} and {array_of(y).shape}")
    low, high = points.min(0), points.max(0)
    margin = 0.12 * np.maximum(high - low, 1e-6)
    axes = [np.linspace(low[i] - margin[i], high[i] + margin[i], resolution) for i in (0, 1)]
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    region = _classes_of(_call(model, torch.from_numpy(grid).float()), threshold).reshape(resolution, resolution)
    count = int(max(region.max(), targets.max())) + 1
    ax = axes_or_new(ax, (4.6, 4.0))
    colors = [PALETTE[k % len(PALETTE)] for k in range(max(count, 2))]
    ax.pcolormesh(
        *axes,
        region,
        cmap=ListedColormap(colors),
        vmin=0,
        vmax=len(colors) - 1,
        alpha=0.22,
        shading="nearest",
        rasterized=True,
        linewidth=0,
    )
    for k in range(count - 1):
        if (region > k).any() and (region <= k).any():
            ax.contour(*axes, region == k + 1, levels=[0.5], colors="#666666", linewidths=0.8)
    _scatter(ax, points, targets, classes, s=26, edgecolor="white", linewidth=0.6)
    ax.grid(False)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(loc="upper right", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


def plot_images(
    images, titles: Sequence[str] | None = None, ax=None, *, columns: int | None = None, cmap: str = "gray"
):
    """Images side by side in one Axes.

    Args:
        images: (N, H, W), (N, 1, H, W), (N, 3, H, W) or (N, H, W, 3); uint8, or float with 0 as black and 1 as white.
            Other floats, such as normalised images, are stretched to the range of the whole set.
        titles: a line of text above each image.
        ax: where to draw.
        columns: images per row; about twice as many as rows by default.
        cmap: colour map of images with one channel.

    Raises:
        ValueError: if the shape is none of these, or there are not as many titles as images.
    """
    tiles = _as_tiles(images)
    if titles is not None and len(titles) != len(tiles):
        raise ValueError(f"there are {len(titles)} titles for {len(tiles)} images: give each image one")
    low, high = tiles.min(), tiles.max()
    if low < 0 or high > 1:
        tiles = (tiles - low) / max(high - low, 1e-12)
    return _mosaic(tiles, titles, ax, columns, cmap, 0, 1)


def plot_kernels(weight, ax=None, *, columns: int | None = None):
    """The kernels of a convolution: in colour for three input channels, else one row per output channel.

    Zero is white, positive weights are orange and negative ones blue, on one scale for all kernels.

    Args:
        weight: shape (out_channels, in_channels, height, width), such as ``model.conv1.weight``.
        ax: where to draw.
        columns: kernels per row.

    Raises:
        ValueError: if the weight has not four dimensions.
    """
    kernels = array_of(weight)
    if kernels.ndim != 4:
        raise ValueError(f"kernels have four dimensions, but this weight has shape {kernels.shape}: pass conv.weight")
    bound = max(float(np.abs(kernels).max()), 1e-12)
    if kernels.shape[1] == 3:
        return _mosaic(kernels.transpose(0, 2, 3, 1) / (2 * bound) + 0.5, None, ax, columns, None, 0, 1)
    if kernels.shape[1] > 1:
        columns = columns or kernels.shape[1]
    tiles = kernels.reshape(-1, *kernels.shape[2:])
    return _mosaic(tiles, None, ax, columns, _diverging(), -bound, bound)


def plot_feature_maps(maps, ax=None, *, columns: int | None = None, titles: Sequence[str] | None = None):
    """What the channels of a layer make of one image: bright where a channel responds.

    Args:
        maps: shape (C, H, W) or (1, C, H, W).
        ax: where to draw.
        columns: maps per row.
        titles: a line of text above each map.

    Raises:
        ValueError: if the maps are of more than one image, or have another shape.
    """
    maps = array_of(maps)
    maps = maps[0] if maps.ndim == 4 and len(maps) == 1 else maps
    if maps.ndim != 3:
        raise ValueError(f"feature maps of one image have shape (C, H, W), but these have {maps.shape}")
    return _mosaic(maps, titles, ax, columns, "viridis", float(maps.min()), max(float(maps.max()), maps.min() + 1e-12))


def plot_confusion_matrix(matrix, classes: Sequence[str] | None = None, ax=None):
    """Counts of a confusion matrix, shaded by the share of each row: rows are targets, columns predictions.

    Args:
        matrix: counts, shape (K, K), such as from `helpers.metrics.confusion_matrix`.
        classes: a name per class.
        ax: where to draw.

    Raises:
        ValueError: if the matrix is not square, or there are not as many names as classes.
    """
    counts = array_of(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, but this one has shape {counts.shape}")
    size = len(counts)
    names = [str(k) for k in range(size)] if classes is None else list(classes)
    if len(names) != size:
        raise ValueError(f"there are {len(names)} names for {size} classes: give each class one")
    ax = axes_or_new(ax, (max(3.4, 0.55 * size + 1.6),) * 2)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(size, size):
        color = "white" if share[row, column] > 0.55 else INK
        text = f"{counts[row, column]:g}"
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=10 if size < 12 else 7)
    turned = max(len(str(name)) for name in names) > 3
    names = [plain_text(name) for name in names]
    ax.set_xticks(range(size), names, rotation=45 if turned else 0, ha="right" if turned else "center")
    ax.set_yticks(range(size), names)
    ax.set(xlabel="prediction", ylabel="target")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


def plot_embedding(embeddings, targets, classes: Sequence[str] | None = None, ax=None):
    """Vectors seen from their two widest directions (principal components), coloured by class.

    Args:
        embeddings: shape (N, D) with N > 1 and D > 1.
        targets: class indices from 0, shape (N,).
        classes: a name per class.
        ax: where to draw.

    Raises:
        ValueError: if the shapes do not fit.
    """
    vectors, targets = array_of(embeddings), array_of(targets).reshape(-1).astype(int)
    if vectors.ndim != 2 or min(vectors.shape) < 2 or len(vectors) != len(targets):
        raise ValueError(f"need embeddings (N, D) and targets (N,), but got {vectors.shape} and {targets.shape}")
    if not np.isfinite(vectors).all():
        bad = int((~np.isfinite(vectors)).any(1).sum())
        raise ValueError(f"{bad} of {len(vectors)} embeddings hold NaN or infinity: find out where they come from")
    centred = vectors - vectors.mean(0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    # the sign of a component is arbitrary; fixing it gives the same picture on every machine
    directions *= np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(1)])[:, None]
    shown = centred @ directions[:2].T
    share = sizes**2 / max((sizes**2).sum(), 1e-12)
    ax = axes_or_new(ax, (5.0, 4.0))
    _scatter(ax, shown, targets, classes, s=16, alpha=0.75, linewidth=0)
    ax.set(xlabel=f"component 1 ({share[0]:.0%} of the variance)", ylabel=f"component 2 ({share[1]:.0%})")
    few = targets.max() < 5
    ax.legend(markerscale=1.5, **({} if few else {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}))
    return ax


def _scatter(ax, points: np.ndarray, targets: np.ndarray, classes: Sequence[str] | None, **style) -> None:
    for k in range(targets.max() + 1):
        color, marker = PALETTE[k % len(PALETTE)], MARKERS[k % len(MARKERS)]
        name = classes[k] if classes else f"class {k}"
        ax.scatter(*points[targets == k].T, color=color, marker=marker, label=plain_text(name), **style)


def _call(model, points: Tensor) -> np.ndarray:
    if not isinstance(model, torch.nn.Module):
        with torch.no_grad():
            return array_of(model(points))
    from helpers.training import predict

    return array_of(predict(model, points, batch_size=8192))


def _classes_of(outputs: np.ndarray, threshold: float) -> np.ndarray:
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(1)
    outputs = outputs.reshape(-1)
    return outputs if np.issubdtype(outputs.dtype, np.integer) else (outputs > threshold).astype(int)


def _as_tiles(images) -> np.ndarray:
    """Images as float (N, H, W) or (N, H, W, 3), uint8 scaled to 0..1."""
    array = array_of(images)
    whole = array.dtype == np.uint8
    array = array.astype(np.float32) / (255 if whole else 1)
    # (N, 3, H, 3) may be either; channels first is torch's order
    if array.ndim == 4 and array.shape[1] in (1, 3) and (array.shape[3] != 3 or array.shape[2] != 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3) or not len(array):
        raise ValueError(
            f"images have shape {array_of(images).shape}, but (N, H, W) or (N, C, H, W), C 1 or 3, is needed"
        )
    return array


def _mosaic(tiles: np.ndarray, titles, ax, columns: int | None, cmap, low: float, high: float):
    """Tiles (N, H, W) or (N, H, W, 3) in one Axes, a thin gap between them and room for titles above."""
    count, height, width = tiles.shape[:3]
    columns = columns or min(count, max(1, math.ceil(math.sqrt(2 * count * height / width))))
    rows = math.ceil(count / columns)
    size = min(1.25, 8.0 / columns) * np.array([columns, rows * (height / width + (0.3 if titles else 0))])
    ax = axes_or_new(ax, tuple(np.clip(size, 1.5, 9.0)))
    gap, head = 0.06 * width, (0.26 * width if titles is not None else 0.0)
    for i, tile in enumerate(tiles):
        x, y = (i % columns) * (width + gap), (i // columns) * (height + gap + head)
        ax.imshow(
            tile,
            cmap=cmap if tile.ndim == 2 else None,
            vmin=low,
            vmax=high,
            extent=(x, x + width, y + height, y),
            interpolation="nearest",
        )
        if titles is not None:
            ax.text(x + width / 2, y - 0.05 * width, plain_text(titles[i]), ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-gap, columns * (width + gap)), ylim=(rows * (height + gap + head) - head, -gap - head))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _diverging():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blue-white-orange", [PALETTE[0], "#FFFFFF", PALETTE[1]])
