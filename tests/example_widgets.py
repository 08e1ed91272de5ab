"""Six interactives like those of the chapters, for the tests: three with frames, three with a formula."""

import math

import numpy as np

from helpers.interactive import choice, log_slider, slider, toggle

GATE_INPUTS = [[0, 0], [0, 1], [1, 0], [1, 1]]


def neuron(w1, w2, b, x, activation):
    z = w1 * x[0] + w2 * x[1] + b
    if activation == "step":
        return 1.0 if z > 0 else 0.0
    return 1 / (1 + math.exp(-z))


def gate(w1, w2, b, activation):
    """The decision line of one neuron over the four points of a gate (W01.1)."""
    outputs = [neuron(w1, w2, b, x, activation) for x in GATE_INPUTS]
    on = [x for x, y in zip(GATE_INPUTS, outputs, strict=True) if y > 0.5]
    off = [x for x, y in zip(GATE_INPUTS, outputs, strict=True) if y <= 0.5]
    lines = []
    if w2 != 0:
        ends = [-1.0, 2.0]
        lines.append({"x": ends, "y": [-(b + w1 * x) / w2 for x in ends], "label": "decision line"})
    elif w1 != 0:
        lines.append({"x": [-b / w1, -b / w1], "y": [-1.0, 2.0], "label": "decision line"})
    return {
        "lines": lines,
        "points": [
            {"x": [x[0] for x in on], "y": [x[1] for x in on], "label": "fires", "color": 1},
            {"x": [x[0] for x in off], "y": [x[1] for x in off], "label": "silent", "color": 6, "cross": True},
        ],
        "xlim": [-0.5, 1.5],
        "ylim": [-0.5, 1.5],
        "xlabel": "x1",
        "ylabel": "x2",
        "table": [["x1", "x2", "output"]]
        + [[f"{x[0]:d}", f"{x[1]:d}", f"{y:.5f}"] for x, y in zip(GATE_INPUTS, outputs, strict=True)],
    }


def say_gate(w1, w2, b, activation):
    fires = [f"({x[0]:d}, {x[1]:d})" for x in GATE_INPUTS if neuron(w1, w2, b, x, activation) > 0.5]
    return f"With weights {w1:d} and {w2:d} it fires for " + (", ".join(fires) if len(fires) > 0 else "no input") + "."


def activation(name, z, slope):
    if name == "sigmoid":
        return 1 / (1 + math.exp(-z))
    if name == "tanh":
        return math.tanh(z)
    if name == "GELU":
        return z * 0.5 * (1 + math.erf(z / math.sqrt(2)))
    return z if z > 0 else slope * z


def curves(name, slope):
    """An activation and its derivative (W04.1)."""
    xs = [-4 + i / 20 for i in range(161)]
    h = 1e-4
    slopes = [(activation(name, x + h, slope) - activation(name, x - h, slope)) / (2 * h) for x in xs]
    return {
        "lines": [
            {"x": xs, "y": [activation(name, x, slope) for x in xs], "label": name},
            {"x": xs, "y": slopes, "label": "derivative", "dash": True},
        ],
        "ylim": [-1.5, 4.0],
        "xlabel": "z",
    }


def say_curves(name, slope):
    h = 1e-4
    steepness = (activation(name, 3 + h, slope) - activation(name, 3 - h, slope)) / (2 * h)
    return f"At z = 3 the derivative of {name} is {steepness:.3f}."


def descend(lr, beta):
    x, y, v, u = -9.0, 1.0, 0.0, 0.0
    path = [[x, y]]
    for _ in range(40):
        v, u = beta * v + x, beta * u + 10 * y
        x -= lr * v
        y -= lr * u
        path.append([x, y])
    return path


def momentum(lr, beta, trail):
    """The path of gradient descent with momentum in a bowl (W06.2)."""
    path = descend(lr, beta)
    drawing = {
        "points": [{"x": [path[-1][0]], "y": [path[-1][1]], "label": "after 40 steps", "color": 1}],
        "xlim": [-10, 10],
        "ylim": [-2, 2],
        "title": f"lr = {lr:g}, beta = {beta:.2f}",
    }
    if trail:
        drawing["lines"] = [{"x": [p[0] for p in path], "y": [p[1] for p in path]}]
    return drawing


def say_momentum(lr, beta, trail):
    end = descend(lr, beta)[-1]
    distance = math.hypot(end[0], end[1])
    return "It diverges." if distance > 20 else f"After 40 steps it is {distance:.2g} away from the minimum."


def draw_loss(p):
    """One control, curves: the loss of a prediction (W05.1)."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    x = np.linspace(0.01, 1, 200)
    ax.plot(x, -np.log(x), label="cross-entropy")
    ax.plot(x, (1 - x) ** 2, "--", label="squared error")
    ax.plot([p, p], [-np.log(p), (1 - p) ** 2], "o", color="black")
    ax.set(xlabel="predicted probability of the true class", ylabel="loss", ylim=(0, 5))
    ax.legend()
    return ax


def draw_boundary(width, noisy):
    """Two controls, filled contours: a decision boundary (W04.2)."""
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(6.5, 3.2))
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 2)) * (1.2 if noisy else 1)
    grid = np.linspace(-3, 3, 60)
    xx, yy = np.meshgrid(grid, grid)
    weights = rng.normal(size=(2, width))
    z = np.tanh(np.stack([xx, yy], -1) @ weights).sum(-1)
    left.contourf(xx, yy, z, levels=[-99, 0, 99], colors=["#0072b2", "#d55e00"], alpha=0.4)
    left.scatter(*points.T, s=8, c=points[:, 0] > 0, cmap="coolwarm")
    right.plot(np.exp(-np.arange(30) / width))
    right.set_xlabel("epoch")
    return fig


def draw_kernel(kernel, size, edges):
    """Three controls, pictures: a photograph and what a kernel makes of it (W09.1)."""
    import matplotlib.pyplot as plt

    rng = np.random.default_rng(1)
    yy, xx = np.mgrid[0:96, 0:128] / 16
    photo = np.sin(xx) * np.cos(yy) + ((xx - 4) ** 2 + (yy - 3) ** 2 < 4) + 0.1 * rng.normal(size=xx.shape)
    result = photo.copy()
    for _ in range(size):
        if kernel == "blur":
            result = (result + np.roll(result, 1, 0) + np.roll(result, 1, 1) + np.roll(result, -1, 1)) / 4
        else:
            result = result - np.roll(result, 1, 0 if kernel == "rows" else 1)
    fig, axes = plt.subplots(1, 2, figsize=(6.5, 2.8))
    for ax, picture in zip(axes, (photo, abs(result) if edges else result), strict=True):
        ax.imshow(picture, cmap="gray")
        ax.set_axis_off()
    return axes


EXAMPLES = {
    "W01.1": dict(
        draw=None,
        title="Which inputs make the neuron fire?",
        describe=say_gate,
        formula=gate,
        w1=slider(-30, 30, 1, 20),
        w2=slider(-30, 30, 1, 20),
        b=slider(-30, 30, 1, -30, label="bias b"),
        activation=choice(["step", "sigmoid"], "sigmoid"),
    ),
    "W04.1": dict(
        draw=None,
        title="Where does an activation learn?",
        describe=say_curves,
        formula=curves,
        name=choice(["sigmoid", "leaky ReLU", "tanh", "GELU"], label="function"),
        slope=slider(0.0, 0.5, 0.05, 0.1),
    ),
    "W06.2": dict(
        draw=None,
        title="Does momentum overshoot?",
        describe=say_momentum,
        formula=momentum,
        lr=log_slider(0.001, 1, 6, 0.046, label="learning rate"),
        beta=slider(0.0, 0.95, 0.05, 0.9, play=True),
        trail=toggle(True, label="show the path"),
    ),
    "W05.1": dict(
        draw=draw_loss,
        title="How hard does a loss punish a wrong certainty?",
        describe=lambda p: (
            f"At {p:g} the cross-entropy is {-math.log(p):.2f} and the squared error {(1 - p) ** 2:.2f}."
        ),
        p=slider(0.05, 0.95, 0.05, 0.3, label="probability", play=True),
    ),
    "W04.2": dict(
        draw=draw_boundary,
        title="How wide must a network be?",
        describe=lambda width, noisy: f"With {width} units the boundary has {width // 4} bends{' and noise' * noisy}.",
        width=slider(2, 40, 1, 8, frames=8),
        noisy=toggle(),
    ),
    "W09.1": dict(
        draw=draw_kernel,
        title="What does a kernel see?",
        describe=lambda kernel, size, edges: f"The {kernel} kernel was applied {size} times{', absolute' * edges}.",
        kernel=choice({"blur": "blur", "vertical edges": "columns", "horizontal edges": "rows"}, "rows"),
        size=slider(1, 9, frames=3, label="times"),
        edges=toggle(True, label="absolute value"),
    ),
}
