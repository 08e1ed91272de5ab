"""Drawing the states of an interactive, and packing them small enough for a page."""

import base64
import gzip
import io
import json
import re
from collections.abc import Callable
from typing import Any

FIGSIZE = (5.0, 3.2)  # inches
SVG, RASTER = "svg", "webp"
DPI = (144, 110, 80)  # tried in this order until the frames fit the budget


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
    try:
        with plt.rc_context({"figure.figsize": FIGSIZE, "figure.constrained_layout.use": True}):
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
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def to_svg(figure) -> str:
    """The figure as a compact SVG text, one element to a line, without ids that nothing refers to."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "course", "savefig.bbox": None}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
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


def to_raster(figure, dpi: int, quality: int | None = None) -> bytes:
    """The figure as WebP: without loss in at most 128 colours, or lossy with the given quality (0 to 100)."""
    from PIL import Image

    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=dpi, bbox_inches=None)
    image = Image.open(out).convert("RGB")
    small = io.BytesIO()
    if quality is None:
        image.quantize(128, dither=Image.Dither.NONE).convert("RGB").save(
            small, "WEBP", lossless=True, quality=70, method=4
        )
    else:
        image.save(small, "WEBP", quality=quality, method=4)
    return small.getvalue()


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


def choose(first: Callable[[], Any]) -> list[tuple[str, Any]]:
    """Ways to encode the frames of an interactive, best first: vector where it is smaller, else raster.

    Args:
        first: draws the first state.
    """
    figure = first()
    vector = len(gzip.compress(to_svg(figure).encode()))
    raster = len(to_raster(figure, DPI[0]))
    rasters = [
        (RASTER, (dpi, quality)) for dpi, quality in [*((dpi, None) for dpi in DPI[:2]), (DPI[1], 70), (DPI[2], 60)]
    ]
    return [(SVG, None), *rasters] if vector < 1.5 * raster else rasters


def encode_figure(figure, kind: str, how: tuple[int, int | None] | None) -> str | bytes:
    """One frame in the chosen way."""
    return to_svg(figure) if kind == SVG else to_raster(figure, *how)
