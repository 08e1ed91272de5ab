"""Drawing the states of an interactive, and packing them small enough for a page."""

import base64
import functools
import gzip
import io
import json
import re
from collections.abc import Callable
from typing import Any

FIGSIZE = (5.0, 3.2)  # inches
DPI = 144  # of raster frames: sharp on a dense screen at the width of a text column
SMALL_SVG = 15_000  # bytes, gzipped: so few that pixels need not be drawn for comparison
LEVELS = ((1, None), (0.75, 60), (0.55, 50))  # scale and WebP quality (None: no loss), tried until the frames fit


class DrawError(RuntimeError):
    """The draw function failed for one state; the message names the widget and the state."""


def say_state(state: dict[str, Any]) -> str:
    """A state in words, for messages: ``lr=0.1, beta=0.9``."""
    return ", ".join(f"{name}={value!r}" for name, value in state.items())


def draw_figure(name: str, draw: Callable[..., Any], state: dict[str, Any]):
    """Call ``draw(**state)`` and return its figure, detached from pyplot so that nothing stays open.

    Raises:
        DrawError: if it raises, returns neither Axes nor Figure, or opens more figures than it returns.
    """
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    before = set(plt.get_fignums())
    ours = {"figure.figsize": FIGSIZE, "figure.constrained_layout.use": True}
    # Not rc_context: it would also take back that the notebook's backend, loaded by the first figure, is interactive,
    # and no later figure of the notebook would be shown.
    theirs = {key: plt.rcParams[key] for key in ours}
    try:
        plt.rcParams.update(ours)
        result = draw(**state)
        first = result.flat[0] if hasattr(result, "flat") else result  # plt.subplots(1, 2) gives an array of Axes
        figure = first if isinstance(first, Figure) else getattr(first, "figure", None)
        if not isinstance(figure, Figure):
            raise DrawError(
                f"{name}: draw returned {type(result).__name__} for {say_state(state)}; "
                "it must return the Axes or the Figure that it drew on."
            )
        opened = [plt.figure(n) for n in set(plt.get_fignums()) - before]
        if any(other is not figure for other in opened):
            raise DrawError(
                f"{name}: draw opened {len(opened)} figures for {say_state(state)}, but may open only what it returns"
            )
        return figure
    except DrawError:
        raise
    except Exception as error:
        raise DrawError(f"{name}: draw failed for {say_state(state)}: {type(error).__name__}: {error}") from error
    finally:
        plt.rcParams.update(theirs)
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def learn_layout(figures: list[Any]) -> list[Any]:
    """The positions of the axes that leave room for the labels of every figure given.

    One layout for all frames keeps the axes still while a control moves, and laying out costs as much as drawing.
    Empty if the figures differ in their axes, or set their own layout.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.transforms import Bbox

    boxes = []
    for figure in figures:
        if not isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
            return []
        figure.draw_without_rendering()
        boxes.append([axes.get_position(original=True) for axes in figure.axes])
    if len({len(positions) for positions in boxes}) > 1:
        return []
    return [
        functools.reduce(lambda one, other: one and Bbox.intersection(one, other), same)
        for same in zip(*boxes, strict=True)
    ]


def is_cut_off(figure) -> bool:
    """Whether a text of a figure that was just drawn ends outside of the picture."""
    from matplotlib.axis import Tick
    from matplotlib.text import Text

    hidden = set()
    for axes in figure.axes:
        for along, axis in enumerate((axes.xaxis, axes.yaxis)):
            if not (axes.axison and axis.get_visible()):
                hidden |= set(axis.findobj(Text))
            ends = axes.bbox.padded(1).get_points()[:, along]
            for tick in axis.findobj(Tick):  # matplotlib keeps some beyond the ends of the axis, and does not draw them
                place = tick.label1.get_transform().transform(tick.label1.get_position())[along]
                if not ends[0] <= place <= ends[1]:
                    hidden |= {tick.label1, tick.label2}
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and text not in hidden]
    boxes = [text.get_window_extent() for text in texts if not (text.get_clip_on() and text.get_clip_box())]
    room = figure.bbox.padded(figure.dpi / 72)  # a point of slack, for the white rim of letters
    return any(box.x0 < room.x0 or box.y0 < room.y0 or box.x1 > room.x1 or box.y1 > room.y1 for box in boxes)


def apply_layout(figure, layout: list[Any]) -> None:
    """Put the axes of a figure where `learn_layout` found room for them."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    same = None not in layout and len(figure.axes) == len(layout)
    if layout and same and isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.set_layout_engine("none")
        for axes, box in zip(figure.axes, layout, strict=True):
            axes.set_position(box)


def to_svg(figure) -> str:
    """The figure as a compact SVG text, one element to a line, without ids that nothing refers to."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "course"}):
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None})  # savefig would draw twice
    return minify_svg(out.getvalue())


def minify_svg(svg: str) -> str:
    """Shorten matplotlib's SVG: no prologue, comments, metadata or idle ids, and two decimals in coordinates."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<desc>.*?</desc>", "", svg, flags=re.S)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: m[0] if m[1] in used else "", svg)
    svg = re.sub(r"\s+", " ", svg)
    svg = re.sub(r'(?<= )(d|x|y|transform)="([^"]*)"', _round_numbers, svg)
    return svg.replace("> <", ">\n<").replace(' "', '"').strip()


def _round_numbers(match: re.Match) -> str:
    scaled = "scale" in match[2]  # the scale of a glyph needs all its digits
    numbers = (
        match[2]
        if scaled
        else re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), match[2])
    )
    return f'{match[1]}="{numbers}"'


def to_pixels(figure):
    """The figure as a Pillow image on white."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(DPI)
    canvas.draw()
    size = canvas.get_width_height(physical=True)
    pixels = Image.frombytes("RGBA", size, bytes(canvas.buffer_rgba()))
    return Image.alpha_composite(Image.new("RGBA", size, "white"), pixels).convert("RGB")


def compress(frame, level: int = 0) -> str | bytes:
    """A frame as it travels: SVG text as it is, pixels as WebP, at 0 without loss in 128 colours, above it smaller."""
    from PIL import Image

    if isinstance(frame, str):
        return frame
    out = io.BytesIO()
    scale, quality = LEVELS[level]
    if quality is None:
        few = frame.quantize(128, dither=Image.Dither.NONE).convert("RGB")
        few.save(out, "WEBP", lossless=True, quality=40, method=4)
    else:
        size = (round(frame.width * scale), round(frame.height * scale))
        frame.resize(size, Image.Resampling.LANCZOS).save(out, "WEBP", quality=quality, method=4)
    return out.getvalue()


def data_uri(frame: str | bytes) -> str:
    """A frame as the source of an ``<img>``: SVG text, or WebP bytes."""
    if isinstance(frame, bytes):
        return "data:image/webp;base64," + base64.b64encode(frame).decode()
    text = frame.replace("\n", "").replace("%", "%25").replace("#", "%23").replace("&", "%26")
    return "data:image/svg+xml," + text.replace('"', "%22" if "'" in text else "'")


def pack(frames: list[str | bytes], index: list[int], texts: list[str]) -> str:
    """Everything the page's script needs, as base64 of gzipped JSON.

    SVG frames share their lines: axes, ticks and glyphs that do not change are stored once.

    Args:
        frames: the different frames.
        index: for each state the number of its frame.
        texts: for each state its text alternative.
    """
    content: dict[str, Any] = {"index": index, "texts": texts}
    if frames and isinstance(frames[0], bytes):
        content["webp"] = [base64.b64encode(frame).decode() for frame in frames]
    else:
        lines: dict[str, int] = {}
        content["svg"] = [[lines.setdefault(line, len(lines)) for line in frame.split("\n")] for frame in frames]
        content["lines"] = list(lines)
    return encode(content)


def encode(content: Any) -> str:
    """JSON, gzipped, in base64; the same bytes on every run."""
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def is_vector(figure) -> bool:
    """Whether frames like this figure are small, or at least hardly larger, as SVG than as pixels."""
    size = len(gzip.compress(to_svg(figure).encode()))
    return size < SMALL_SVG or size < 1.5 * len(compress(to_pixels(figure)))
