"""The plotter of formula mode: a drawing given as plain data becomes SVG, in Python and, translated, on the page.

This file keeps to the subset of Python that `helpers.interactive.formula` translates.
"""

import math

COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
HEIGHT = 300
TOP = 46
BOTTOM = 46
LEFT = 58


def plot(drawing, alt):
    """The drawing as SVG, followed by its table if it has one.

    Args:
        drawing: a dictionary with any of

            - ``lines``: list of ``{"x": [...], "y": [...], "label": "", "color": 0, "dash": False}``
            - ``points``: the same, drawn as discs, or as crosses with ``"cross": True``
            - ``bars``: the same, drawn as bars from zero
            - ``title``, ``xlabel``, ``ylabel``: texts; ``xlim``, ``ylim``: pairs, else fitted to the data
            - ``table``: rows of texts, the first one the head
            - ``panels``: instead of all these but ``table``, a list of such drawings side by side

            ``label``, ``color`` (a number in the palette) and so on may be left out.
        alt: what the picture shows, in words.
    """
    panels = drawing.get("panels", [drawing])
    width = 520 if len(panels) == 1 else 360 * len(panels)
    each = width / len(panels)
    parts = [_panel(panel, i * each, each) for i, panel in enumerate(panels)]
    svg = (
        f'<svg viewBox="0 0 {width:d} {HEIGHT:d}" font-family="sans-serif" font-size="13" role="img" '
        + f'aria-label="{_escape(alt)}">'
        + "".join(parts)
        + "</svg>"
    )
    rows = drawing.get("table", [])
    if len(rows) == 0:
        return svg
    head = "".join([f'<th scope="col">{_escape(text)}</th>' for text in rows[0]])
    body = "".join(["<tr>" + "".join([f"<td>{_escape(text)}</td>" for text in row]) + "</tr>" for row in rows[1:]])
    return svg + f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _panel(panel, left, width):
    series = [panel.get(kind, []) for kind in ["lines", "points", "bars"]]
    every = [one for kind in series for one in kind]
    zero = [0.0] if len(series[2]) > 0 else []
    xlim = panel.get("xlim", _span([x for one in every for x in one["x"]]))
    ylim = panel.get("ylim", _span(zero + [y for one in every for y in one["y"]]))
    inner = width - LEFT - 14
    tall = HEIGHT - TOP - BOTTOM
    sx = inner / (xlim[1] - xlim[0])
    sy = tall / (ylim[1] - ylim[0])
    x0 = left + LEFT
    parts = []
    for x in _ticks(xlim[0], xlim[1]):
        at = x0 + (x - xlim[0]) * sx
        parts.append(f'<path d="M{at:.1f} {TOP:d}v{tall:d}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{at:.1f}" y="{TOP + tall + 17:d}" text-anchor="middle" fill="#333">{_number(x)}</text>')
    for y in _ticks(ylim[0], ylim[1]):
        at = TOP + tall - (y - ylim[0]) * sy
        parts.append(f'<path d="M{x0:.1f} {at:.1f}h{inner:.1f}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x0 - 6:.1f}" y="{at + 4.5:.1f}" text-anchor="end" fill="#333">{_number(y)}</text>')
    parts.append(f'<rect x="{x0:.1f}" y="{TOP:d}" width="{inner:.1f}" height="{tall:d}" fill="none" stroke="#333"/>')
    # A nested svg clips what leaves the axes, without an id that could occur twice on a page.
    parts.append(f'<svg x="{x0:.1f}" y="{TOP:d}" width="{inner:.1f}" height="{tall:d}" overflow="hidden">')
    for i, one in enumerate(series[2]):
        for x, y in zip(one["x"], one["y"], strict=True):
            at = (x - xlim[0]) * sx
            base = tall + ylim[0] * sy
            end = tall - (_clip(y, ylim) - ylim[0]) * sy
            wide = 0.7 * inner / max(1, len(one["x"]))
            parts.append(
                f'<rect x="{at - wide / 2:.1f}" y="{min(base, end):.1f}" width="{wide:.1f}" '
                f'height="{abs(base - end):.1f}" fill="{_color(one, i)}"/>'
            )
    for i, one in enumerate(series[0]):
        dash = ' stroke-dasharray="6 4"' if one.get("dash", False) else ""
        steps = _path(one, xlim, ylim, sx, sy, tall)
        parts.append(f'<path d="{steps}" fill="none" stroke="{_color(one, i)}" stroke-width="2.2"{dash}/>')
    for i, one in enumerate(series[1]):
        for x, y in zip(one["x"], one["y"], strict=True):
            parts.append(_mark(one, i, (x - xlim[0]) * sx, tall - (_clip(y, ylim) - ylim[0]) * sy))
    parts.append("</svg>")
    middle = x0 + inner / 2
    title = panel.get("title", "")
    parts.append(
        f'<text x="{middle:.1f}" y="17" text-anchor="middle" font-size="14" fill="#111">{_escape(title)}</text>'
    )
    xlabel = panel.get("xlabel", "")
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 8:d}" text-anchor="middle" fill="#111">{_escape(xlabel)}</text>')
    ylabel = panel.get("ylabel", "")
    parts.append(
        f'<text transform="translate({left + 14:.1f} {TOP + tall / 2:.1f}) rotate(-90)" text-anchor="middle" '
        f'fill="#111">'
        f"{_escape(ylabel)}</text>"
    )
    at = x0
    for k, kind in enumerate(series):
        for i, one in enumerate(kind):
            label = one.get("label", "")
            if label != "":
                if k == 1:
                    parts.append(_mark(one, i, at + 9, 34))
                else:
                    dash = ' stroke-dasharray="6 3"' if one.get("dash", False) else ""
                    parts.append(f'<path d="M{at:.1f} 34h18" stroke="{_color(one, i)}" stroke-width="4"{dash}/>')
                parts.append(f'<text x="{at + 23:.1f}" y="38.5" fill="#111">{_escape(label)}</text>')
                at += 40 + 7.2 * len(label)
    return "".join(parts)


def _mark(one, position, x, y):
    if one.get("cross", False):
        return (
            f'<path d="M{x:.1f} {y:.1f}m-6 -6l12 12m0 -12l-12 12" stroke="{_color(one, position)}" stroke-width="3"/>'
        )
    disc = f"M{x:.1f} {y:.1f}m-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0"
    return f'<path d="{disc}" fill="{_color(one, position)}" stroke="#fff"/>'


def _path(one, xlim, ylim, sx, sy, tall):
    steps = []
    pen = "M"
    for x, y in zip(one["x"], one["y"], strict=True):
        if math.isfinite(x) and math.isfinite(y):
            across = (_clip(x, xlim) - xlim[0]) * sx
            steps.append(f"{pen}{across:.1f} {tall - (_clip(y, ylim) - ylim[0]) * sy:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(steps)


def _clip(value, limits):
    """Keep far-away values from overflowing what SVG can hold, a thousand axes away from the picture."""
    far = 1000 * (limits[1] - limits[0])
    return min(max(value, limits[0] - far), limits[1] + far)


def _span(values):
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) == 0:
        return [0.0, 1.0]
    low = min(finite)
    high = max(finite)
    room = 0.05 * (high - low) if high > low else 0.5
    return [low - room, high + room]


def _ticks(low, high):
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = power * 10
    for factor in [5, 2, 1]:
        if factor * power >= 0.999 * rough:
            step = factor * power
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _number(value):
    return "0" if abs(value) < 1e-12 else f"{value:.4g}".replace("-", "−")


def _color(one, position):
    return COLORS[one.get("color", position) % len(COLORS)]


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
