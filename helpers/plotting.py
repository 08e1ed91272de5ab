"""The figures of the course. Each function draws on ``ax`` (a new figure without one) and returns the Axes.

Nothing here calls ``plt.show``, and a model is left on its device and in its mode. Colours are Okabe and Ito's (2008),
*Color Universal Design*, which people with colour-blindness can tell apart; every figure has an opaque, nearly white
ground, so that it reads in light and in dark mode. matplotlib is imported when the first figure is drawn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "PALETTE",
    "plot_bands",
    "plot_circuit",
    "plot_confusion_matrix",
    "plot_decision_regions",
    "plot_embedding",
    "plot_feature_maps",
    "plot_graph",
    "plot_history",
    "plot_images",
    "plot_kernels",
    "use_style",
]

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


def plot_history(history: Mapping[str, Sequence[float]], key: str = "loss", ax=None):
    """Training and validation curve of a run, with the best validation epoch marked.

    Args:
        history: what `helpers.training.fit` returns, or any mapping with ``train_<key>`` and perhaps ``val_<key>``.
        key: ``"loss"`` or ``"accuracy"``.
        ax: where to draw.

    Raises:
        ValueError: if the history has neither curve.
    """
    names = [name for name in (f"train_{key}", f"val_{key}") if name in history]
    if not names:
        raise ValueError(f"the history has no train_{key} or val_{key}, only {', '.join(history) or 'nothing'}")
    ax = _axes(ax)
    for name, color, style in zip((f"train_{key}", f"val_{key}"), PALETTE, ("-", "--"), strict=False):
        if name in history:
            label = {"train": "training", "val": "validation"}[name.split("_")[0]]
            values = list(history[name])
            epochs = range(1, len(values) + 1)
            ax.plot(epochs, values, style, color=color, label=label, marker="o" if len(values) < 16 else None)
    if f"val_{key}" in history and len(history[f"val_{key}"]) > 1:
        values = list(history[f"val_{key}"])
        from helpers.training.history import History

        best = History(history).best_epoch(f"val_{key}") - 1
        ax.plot(best + 1, values[best], "o", mfc="none", mec=INK, ms=11, mew=1.5, label=f"best: epoch {best + 1}")
    ax.set(xlabel="epoch", ylabel=key)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


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
    at, runs = _array(x), np.atleast_2d(_array(runs))
    if runs.ndim != 2 or runs.shape[1] != len(at):
        raise ValueError(f"runs have shape {runs.shape}, but {len(at)} positions need (number of runs, {len(at)})")
    ax = _axes(ax)
    (line,) = ax.plot(at, runs.mean(0), color=color, label=_plain(label))
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

    points, targets = _array(X), _array(y).reshape(-1).astype(int)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) != len(targets):
        raise ValueError(f"need points (N, 2) and targets (N,), but got {points.shape} and {_array(y).shape}")
    low, high = points.min(0), points.max(0)
    margin = 0.12 * np.maximum(high - low, 1e-6)
    axes = [np.linspace(low[i] - margin[i], high[i] + margin[i], resolution) for i in (0, 1)]
    grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
    region = _classes_of(_call(model, torch.from_numpy(grid).float()), threshold).reshape(resolution, resolution)
    count = int(max(region.max(), targets.max())) + 1
    ax = _axes(ax, (4.6, 4.0))
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
    kernels = _array(weight)
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
    maps = _array(maps)
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
    counts = _array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a confusion matrix is square, but this one has shape {counts.shape}")
    size = len(counts)
    names = [str(k) for k in range(size)] if classes is None else list(classes)
    if len(names) != size:
        raise ValueError(f"there are {len(names)} names for {size} classes: give each class one")
    ax = _axes(ax, (max(3.4, 0.55 * size + 1.6),) * 2)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(size, size):
        color = "white" if share[row, column] > 0.55 else INK
        text = f"{counts[row, column]:g}"
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=10 if size < 12 else 7)
    turned = max(len(str(name)) for name in names) > 3
    names = [_plain(name) for name in names]
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
    vectors, targets = _array(embeddings), _array(targets).reshape(-1).astype(int)
    if vectors.ndim != 2 or min(vectors.shape) < 2 or len(vectors) != len(targets):
        raise ValueError(f"need embeddings (N, D) and targets (N,), but got {vectors.shape} and {targets.shape}")
    if not np.isfinite(vectors).all():
        bad = int((~np.isfinite(vectors)).any(1).sum())
        raise ValueError(
            f"{bad} of {len(vectors)} embeddings hold NaN or infinite values: find out where they come from"
        )
    centred = vectors - vectors.mean(0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    # the sign of a component is arbitrary; fixing it gives the same picture on every machine
    directions *= np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(1)])[:, None]
    shown = centred @ directions[:2].T
    share = sizes**2 / max((sizes**2).sum(), 1e-12)
    ax = _axes(ax, (5.0, 4.0))
    _scatter(ax, shown, targets, classes, s=16, alpha=0.75, linewidth=0)
    ax.set(xlabel=f"component 1 ({share[0]:.0%} of the variance)", ylabel=f"component 2 ({share[1]:.0%})")
    few = targets.max() < 5
    ax.legend(markerscale=1.5, **({} if few else {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}))
    return ax


def plot_graph(root, ax=None, *, names: Mapping[str, Tensor] | None = None, show_grad: bool = True):
    """The graph of a computation, from its inputs on the left to its result on the right.

    Args:
        root: a tensor with a ``grad_fn``, or a node of a scalar engine such as chapter 03's ``Value``: with ``data``
            and, as far as there are any, ``grad``, ``op``, ``label`` and ``parents`` (or ``_op``, ``_prev``).
        ax: where to draw.
        names: names for the tensors of an autograd graph, such as ``{"w": w}``.
        show_grad: show gradients, for nodes that have one.

    Raises:
        TypeError: if ``root`` is neither.
        ValueError: if the tensor has no graph, or the graph has more than 60 nodes.
    """
    texts, edges = _graph(root, names or {}, show_grad)
    order = list(texts)
    if len(order) > 60:
        raise ValueError(f"the graph has {len(order)} nodes, too many to read: plot a smaller part of it")
    depth: dict[Any, int] = {}
    for node in order:  # inputs come before what is made of them
        depth[node] = max((depth[a] + 1 for a, b in edges if b == node), default=0)
    for node in reversed(order):  # draw an input right before its first use
        after = [depth[b] for a, b in edges if a == node]
        if after and not any(b == node for _, b in edges):
            depth[node] = min(after) - 1
    layers = [[node for node in order if depth[node] == d] for d in range(max(depth.values()) + 1)]
    place: dict[Any, tuple[float, float]] = {}
    for x, layer in enumerate(layers):
        before = {node: [place[a][1] for a, b in edges if b == node and a in place] for node in layer}
        layer.sort(key=lambda node: -np.mean(before[node]) if before[node] else 0)
        for i, node in enumerate(layer):
            place[node] = (x, (len(layer) - 1) / 2 - i)
    height = max(map(len, layers))
    ax = _axes(ax, (1.75 * len(layers) + 0.4, 1.0 * height + 0.5))
    for a, b in edges:
        ax.annotate(
            "",
            xy=(place[b][0] - 0.34, place[b][1]),
            xytext=(place[a][0] + 0.34, place[a][1]),
            arrowprops={"arrowstyle": "-|>", "color": "#777777", "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0},
        )
    for node, (x, y) in place.items():
        leaf = not any(b == node for _, b in edges)
        color = PALETTE[0] if leaf else PALETTE[1]
        _box(ax, x, y, texts[node], color)
    ax.set(xlim=(-0.5, len(layers) - 0.5), ylim=(-height / 2, height / 2))
    ax.axis("off")
    return ax


def plot_circuit(root, ax=None, *, show_grad: bool = True):
    """A calculation as gates on wires: above each wire its value, below it its gradient with the way it pulls.

    Args:
        root: a node of a scalar engine such as chapter 03's ``Value``: with ``data``, ``grad``, ``op``, ``label`` and
            ``parents``. A value or gradient that is None is not known yet and not drawn.
        ax: where to draw.
        show_grad: write the gradients.

    Raises:
        ValueError: if the calculation has more than 30 nodes.
    """
    nodes, users = _circuit(root)
    if len(nodes) > 30:
        raise ValueError(f"the circuit has {len(nodes)} nodes, too many to read: draw a smaller part of it")
    place = _circuit_places(nodes, users)
    height = 1 + max(y for _, y in place.values()) - min(y for _, y in place.values())
    ax = _axes(ax, (1.75 * (1 + max(x for x, _ in place.values())) + 0.6, 1.05 * height + 0.3))
    for node in nodes:
        x, y = place[id(node)]
        for tx, ty in [place[id(user)] for user in users[id(node)]] or [(x + 1, y)]:
            ax.plot([x, x + 0.7, tx], [y, y, ty], color="#777777", lw=1.4, zorder=1)
        gate = bool(node.parents)
        text, size = (node.op, 13) if gate else (node.label, 12)
        if gate:
            ax.plot(x, y, "o", ms=14 + 5 * len(text), color="white", mec=INK, mew=1.4, zorder=2)
        else:
            ax.text(x - 0.08, y, text, ha="right", va="center", fontsize=size, style="italic")
        ax.text(x, y, text if gate else "", ha="center", va="center", fontsize=size, zorder=3)
        name = f"{node.label} = " if gate and node.label else ""
        middle = {"x": x + 0.45, "ha": "center", "fontsize": 11, "fontweight": "bold", "zorder": 3}
        if node.data is not None:
            ax.text(y=y + 0.07, s=f"{name}{_short(node.data)}", va="bottom", color=PALETTE[0], **middle)
        if show_grad and node.grad is not None:
            ax.text(y=y - 0.08, s=_force(node.grad), va="top", color="#B04A00", **middle)
    ys = [y for _, y in place.values()]
    ax.set(xlim=(-0.35, 1.1 + max(x for x, _ in place.values())), ylim=(min(ys) - 0.5, max(ys) + 0.5))
    ax.axis("off")
    return ax


def _circuit(root) -> tuple[list, dict[int, list]]:
    """The nodes of a calculation, inputs first, and the users of each."""
    nodes: list = []
    users: dict[int, list] = {id(root): []}

    def visit(node) -> None:
        if any(node is known for known in nodes):
            return
        for parent in node.parents:
            visit(parent)
            users.setdefault(id(parent), []).append(node)
        nodes.append(node)

    visit(root)
    return nodes, users


def _circuit_places(nodes: list, users: dict[int, list]) -> dict[int, tuple[float, float]]:
    """Where each node stands: inputs one below the other on the left, a gate at the mean height of what it uses."""
    depth: dict[int, int] = {}
    for node in nodes:
        depth[id(node)] = max((depth[id(parent)] + 1 for parent in node.parents), default=0)
    leaves = [node for node in nodes if not node.parents]
    place = {id(leaf): (0.0, float(-i)) for i, leaf in enumerate(leaves)}
    taken: dict[int, list[float]] = {}
    for node in nodes:
        if not node.parents:
            continue
        y = float(np.mean([place[id(parent)][1] for parent in node.parents]))
        column = taken.setdefault(depth[id(node)], [])
        while any(abs(y - other) < 0.9 for other in column):
            y -= 0.9
        column.append(y)
        place[id(node)] = (1.0 * depth[id(node)], y)
    return place


def _force(grad: float) -> str:
    """A gradient, with an arrow that says which way it pulls its number."""
    arrow = " ↑" if grad > 0 else " ↓" if grad < 0 else ""
    return f"{_short(grad)}{arrow}"


def _scatter(ax, points: np.ndarray, targets: np.ndarray, classes: Sequence[str] | None, **style) -> None:
    for k in range(targets.max() + 1):
        color, marker = PALETTE[k % len(PALETTE)], MARKERS[k % len(MARKERS)]
        name = classes[k] if classes else f"class {k}"
        ax.scatter(*points[targets == k].T, color=color, marker=marker, label=_plain(name), **style)


def _box(ax, x: float, y: float, text: str, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    lines = text.count("\n") + 1
    half = 0.12 + 0.11 * lines
    style = "round,pad=0,rounding_size=0.06"
    ax.add_patch(
        FancyBboxPatch((x - 0.34, y - half), 0.68, 2 * half, boxstyle=style, facecolor="white", edgecolor=color, lw=1.6)
    )
    ax.text(x, y, _plain(text), ha="center", va="center", fontsize=9, linespacing=1.35)


def _graph(root: Any, names: Mapping[str, Tensor], show_grad: bool) -> tuple[dict[int, str], list[tuple[int, int]]]:
    """Text of each node, inputs first, and the edges between them."""
    if isinstance(root, Tensor):
        if root.grad_fn is None:
            raise ValueError("this tensor has no graph: compute it from a tensor with requires_grad=True")
        start, known = root.grad_fn, {id(tensor): name for name, tensor in names.items()}
        ends = {id(t.grad_fn): (name, t) for name, t in names.items() if t.grad_fn is not None}
        ends.setdefault(id(start), ("", root))

        def inputs(node):
            return [function for function, _ in node.next_functions if function is not None]

        def text(node):
            if hasattr(node, "variable"):
                return _lines(known.get(id(node.variable), "leaf"), "", node.variable, node.variable.grad, show_grad)
            name, tensor = ends.get(id(node), ("", None))
            operation = type(node).__name__.split("Backward")[0]
            return _lines(name, operation, tensor, None, show_grad)
    elif hasattr(root, "data"):
        start = root

        def inputs(node):
            found = next((getattr(node, n) for n in ("parents", "_prev", "inputs", "children") if hasattr(node, n)), ())
            return list(found() if callable(found) else found)

        def text(node):
            operation = getattr(node, "op", getattr(node, "_op", ""))
            return _lines(getattr(node, "label", ""), operation, node.data, getattr(node, "grad", None), show_grad)
    else:
        raise TypeError(f"plot_graph needs a tensor or a node with .data, not a {type(root).__name__}")
    texts, edges, keep = {}, [], []

    def visit(node) -> None:
        if id(node) in texts:
            return
        keep.append(node)  # autograd makes node objects anew on each access; ids are only unique while they live
        for part in inputs(node):
            visit(part)
            edges.append((id(part), id(node)))
        texts[id(node)] = text(node)

    visit(start)
    return texts, edges


def _lines(label: str, operation: str, value, grad, show_grad: bool) -> str:
    head = f"{label} = {operation}" if label and operation else label or operation
    return "\n".join(
        line
        for line in (
            head,
            "" if value is None else _short(value),
            f"grad {_short(grad)}" if show_grad and grad is not None else "",
        )
        if line
    )


def _short(value) -> str:
    array = _array(value)
    return f"{float(array.reshape(())):.4g}" if array.size == 1 else f"shape {tuple(array.shape)}"


def _axes(ax, size: tuple[float, float] | None = None):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size)[1]


def _array(values) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()
    if isinstance(values, (list, tuple)) and values and isinstance(values[0], Tensor):
        return np.stack([_array(value) for value in values])
    return np.asarray(values)


def _call(model, points: Tensor) -> np.ndarray:
    if not isinstance(model, torch.nn.Module):
        with torch.no_grad():
            return _array(model(points))
    from helpers.training import predict

    return _array(predict(model, points, batch_size=8192))


def _classes_of(outputs: np.ndarray, threshold: float) -> np.ndarray:
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(1)
    outputs = outputs.reshape(-1)
    return outputs if np.issubdtype(outputs.dtype, np.integer) else (outputs > threshold).astype(int)


def _as_tiles(images) -> np.ndarray:
    """Images as float (N, H, W) or (N, H, W, 3), uint8 scaled to 0..1."""
    array = _array(images)
    whole = array.dtype == np.uint8
    array = array.astype(np.float32) / (255 if whole else 1)
    # (N, 3, H, 3) may be either; channels first is torch's order
    if array.ndim == 4 and array.shape[1] in (1, 3) and (array.shape[3] != 3 or array.shape[2] != 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] != 3) or not len(array):
        raise ValueError(
            f"images have shape {_array(images).shape}, but (N, H, W) or (N, C, H, W), C 1 or 3, is needed"
        )
    return array


def _mosaic(tiles: np.ndarray, titles, ax, columns: int | None, cmap, low: float, high: float):
    """Tiles (N, H, W) or (N, H, W, 3) in one Axes, a thin gap between them and room for titles above."""
    count, height, width = tiles.shape[:3]
    columns = columns or min(count, max(1, math.ceil(math.sqrt(2 * count * height / width))))
    rows = math.ceil(count / columns)
    size = min(1.25, 8.0 / columns) * np.array([columns, rows * (height / width + (0.3 if titles else 0))])
    ax = _axes(ax, tuple(np.clip(size, 1.5, 9.0)))
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
            ax.text(x + width / 2, y - 0.05 * width, _plain(titles[i]), ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-gap, columns * (width + gap)), ylim=(rows * (height + gap + head) - head, -gap - head))
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def _plain(text: Any) -> str:
    """Text that matplotlib can draw: dollar signs that enclose no formula are shown as they are."""
    from matplotlib.mathtext import MathTextParser

    text = str(text)
    if text.count("$") > 1:
        try:
            MathTextParser("path").parse(text)
        except ValueError:
            return text.replace(r"\$", "$").replace("$", r"\$")
    return text


def _diverging():
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blue-white-orange", [PALETTE[0], "#FFFFFF", PALETTE[1]])
