"""Calculations drawn as graphs and as circuits. Students find them in `helpers.plotting`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from helpers.canvas import INK, PALETTE, array_of, axes_or_new, plain_text


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
    for column, layer in enumerate(layers):
        before = {node: [place[a][1] for a, b in edges if b == node and a in place] for node in layer}
        layer.sort(key=lambda node: -np.mean(before[node]) if before[node] else 0)
        for i, node in enumerate(layer):
            place[node] = (column, (len(layer) - 1) / 2 - i)
    height = max(map(len, layers))
    ax = axes_or_new(ax, (1.75 * len(layers) + 0.4, 1.0 * height + 0.5))
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
    ax = axes_or_new(ax, (1.75 * (1 + max(x for x, _ in place.values())) + 0.6, 1.05 * height + 0.3))
    for node in nodes:
        x, y = place[id(node)]
        for tx, ty in [place[id(user)] for user in users[id(node)]] or [(x + 1, y)]:
            ax.plot([x, x + 0.7, tx], [y, y, ty], color="#777777", lw=1.4, zorder=1)
        gate = bool(node.parents)
        text, size = (node.op, 13 if len(node.op) < 3 else 11) if gate else (node.label, 12)
        if gate:
            ax.plot(x, y, "o", ms=14 + 6 * len(text), color="white", mec=INK, mew=1.4, zorder=2)
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


def _box(ax, x: float, y: float, text: str, color: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    lines = text.count("\n") + 1
    half = 0.12 + 0.11 * lines
    style = "round,pad=0,rounding_size=0.06"
    ax.add_patch(
        FancyBboxPatch((x - 0.34, y - half), 0.68, 2 * half, boxstyle=style, facecolor="white", edgecolor=color, lw=1.6)
    )
    ax.text(x, y, plain_text(text), ha="center", va="center", fontsize=9, linespacing=1.35)


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
    array = array_of(value)
    return f"{float(array.reshape(())):.4g}" if array.size == 1 else f"shape {tuple(array.shape)}"
