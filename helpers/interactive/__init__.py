"""Interactives: one call gives a live widget in JupyterLab and Colab, and one that works without a kernel on the page.

`explore` draws a plain function of its controls. Its one output carries two forms, and each front end shows one:

- a widget view (ipywidgets 7 or 8) whose controls call Python at every value;
- HTML with the same controls over frames drawn now, or over a formula in JavaScript. It needs nothing from outside.

Set ``COURSE_FRAMES=first`` to draw only the first state of each, for quick runs.
"""

import html
import inspect
import itertools
import json
import math
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from helpers.interactive import frames as _frames
from helpers.interactive.assets import asset
from helpers.interactive.controls import Control, choice, log_slider, slider, toggle
from helpers.interactive.frames import DrawError
from helpers.interactive.label import label_photographs
from helpers.interactive.upload import upload

__all__ = [
    "Budget",
    "DrawError",
    "budget",
    "choice",
    "explore",
    "label_photographs",
    "log_slider",
    "slider",
    "toggle",
    "upload",
]

MAX_BYTES = 400_000  # of HTML per interactive


class Budget(NamedTuple):
    """What one interactive costs on a page."""

    id: str
    states: int
    frames: int
    bytes: int
    kind: str


def explore(
    id: str,
    draw: Callable[..., Any] | None,
    *,
    title: str,
    describe: Callable[..., str],
    formula: Callable[..., dict] | None = None,
    max_frames: int = 40,
    **controls: Control,
) -> None:
    """Show an interactive: ``draw`` and ``describe`` are called with one keyword argument per control.

    Args:
        id: the widget's id, unique in the course, such as ``"W06.1"``.
        draw: ``draw(**state)`` draws one state on a fresh figure (5 x 3.2 inches unless it says otherwise) and returns
            its Axes or its Figure. It must be quick (some 40 ms) and must not depend on the order of calls.
        title: the question that it answers, as one line.
        describe: ``describe(**state)`` says in a sentence what the picture shows, for those who cannot see it.
        formula: a function of the controls that gives the curves as data; the page then computes them itself at every
            value of every control instead of keeping frames, and ``draw`` is None. See `helpers.interactive.formula`.
        max_frames: the most states that the static page may hold; raise it only with a reason.
        **controls: made by `slider`, `log_slider`, `choice` or `toggle`, under the names of the arguments.

    Raises:
        ValueError: if there are too many frames, or their bytes do not fit.
        DrawError: if ``draw`` or ``describe`` fails for a state; the message names it.
    """
    from IPython.display import display

    display(
        bundle(id, draw, title=title, describe=describe, formula=formula, max_frames=max_frames, **controls), raw=True
    )


def bundle(id, draw, *, title, describe, formula=None, max_frames=40, **controls) -> dict[str, Any]:
    """The output of `explore` as a mime bundle: ``text/html``, the widget view and ``text/plain``."""
    from helpers.interactive.live import make_live

    if (odd := {name: one for name, one in controls.items() if not isinstance(one, Control)}) or not controls:
        raise ValueError(f"{id}: give one or more controls, made by slider, log_slider, choice or toggle; got {odd}")
    if formula is None:
        page, first, render = _static(id, draw, title, describe, max_frames, controls)
    elif draw is None:
        page, first, render = _computed(id, title, describe, formula, controls)
    else:
        raise ValueError(f"{id}: give draw or formula, not both; with a formula pass None for draw")
    start = {name: control.values[control.start] for name, control in controls.items()}
    return {
        "text/html": page,
        "application/vnd.jupyter.widget-view+json": make_live(title, controls, render, first),
        "text/plain": f"{title} {_describe(id, describe, start)}",
    }


def budget(page: str) -> list[Budget]:
    """What each interactive in a page (or in one output) costs, read from its ``data-`` attributes."""
    found = re.findall(
        r'data-explore="([^"]*)" data-states="(\d+)" data-frames="(\d+)" data-bytes="(\d+)" data-kind="(\w+)"', page
    )
    return [Budget(name, int(states), int(count), int(size), kind) for name, states, count, size, kind in found]


def _computed(id, title, describe, formula, controls):
    from helpers.interactive.formula import to_javascript
    from helpers.interactive.plot import plot

    def render(state):
        try:
            drawing = formula(**state)
        except Exception as error:
            raise DrawError(
                f"{id}: the formula failed for {_frames.say_state(state)}: {type(error).__name__}: {error}"
            ) from error
        text = _describe(id, describe, state)
        return f'<div class="cx-picture">{plot(drawing, text)}</div>{_caption(text)}'

    def call(function):
        return (
            f"{function.__name__}({', '.join(f's[{json.dumps(n)}]' for n in inspect.signature(function).parameters)})"
        )

    code = to_javascript(*dict.fromkeys([formula, describe]))
    values = json.dumps([[name, control.values] for name, control in controls.items()]).replace("</", "<\\/")
    script = (
        f"window.coursePlot ||= (() => {{\n{to_javascript(plot)}\nreturn plot;\n}})();\n"
        f"(window.courseFormulas ||= {{}})[{json.dumps(id)}] = (() => {{\n{code}\n"
        f"return {{ values: {values}, state: (s) => [{call(formula)}, {call(describe)}] }};\n}})();"
    )
    first = render({name: control.values[control.start] for name, control in controls.items()})
    kept = {name: range(len(control.values)) for name, control in controls.items()}
    states = math.prod(len(values) for values in kept.values())
    return _page(id, title, controls, kept, first, f"<script>{script}</script>", (states, 0, "formula")), first, render


def _static(id, draw, title, describe, max_frames, controls):
    kept = {name: list(control.kept) for name, control in controls.items()}
    _refuse_too_many(id, kept, max_frames)
    if os.environ.get("COURSE_FRAMES") == "first":
        kept = {name: [control.start] for name, control in controls.items()}
    grid = list(itertools.product(*kept.values()))
    states = [{name: controls[name].values[i] for name, i in zip(kept, indices, strict=True)} for indices in grid]
    begin = grid.index(tuple(control.start for control in controls.values()))
    texts = [_describe(id, describe, state) for state in states]
    corners = [{name: control.values[end] for name, control in controls.items()} for end in (0, -1)]
    probes = [_frames.draw_figure(id, draw, state) for state in (corners if len(states) > 1 else [states[0]])]
    layout = _frames.learn_layout(probes)
    for vector in [True, False] if _frames.is_vector(probes[0]) else [False]:

        def render(state, vector=vector, cut_off=None):
            figure = _frames.draw_figure(id, draw, state)
            _frames.apply_layout(figure, layout)
            frame = _frames.to_svg(figure) if vector else _frames.to_pixels(figure)
            if cut_off is not None and _frames.is_cut_off(figure):
                cut_off.append(state)
            return frame

        def show(state, render=render):
            return _picture(_frames.compress(render(state)), _describe(id, describe, state))

        cut_off: list[dict[str, Any]] = []
        drawn = [render(state, cut_off=cut_off) for state in states]
        if layout and cut_off:  # states between the corners need more room
            probes += [_frames.draw_figure(id, draw, state) for state in cut_off]
            layout[:] = _frames.learn_layout(probes)
            drawn = [render(state) for state in states]
        for level in range(1 if vector else len(_frames.LEVELS)):
            frames = [_frames.compress(frame, level) for frame in drawn]
            number = {frame: i for i, frame in enumerate(dict.fromkeys(frames))}
            packed = _frames.pack(list(number), [number[frame] for frame in frames], texts)
            content = f'<script type="text/plain" class="cx-data">{packed}</script>'
            first = _picture(frames[begin], texts[begin])
            counts = (len(states), len(number), "svg" if vector else "webp")
            page = _page(id, title, controls, kept, first, content, counts)
            if len(page.encode()) <= MAX_BYTES:
                return page, first, show
    raise ValueError(
        f"{id}: its {len(number)} frames take {len(page) // 1000} kB, and at most {MAX_BYTES // 1000} kB fit: "
        "draw less, make the figure smaller, or keep fewer values with frames=."
    )


def _refuse_too_many(id: str, kept: dict[str, list[int]], most: int) -> None:
    count = math.prod(len(values) for values in kept.values())
    if count > most:
        largest = max(kept, key=lambda name: len(kept[name]))
        room = max(2, most * len(kept[largest]) // count)
        product = " x ".join(f"{len(values)} ({name})" for name, values in kept.items())
        raise ValueError(
            f"{id} would need {product} = {count} frames, and at most {most} fit: "
            f"coarsen {largest!r}, for example with frames={room}, or use a formula."
        )


def _describe(id: str, describe: Callable[..., str], state: dict[str, Any]) -> str:
    try:
        text = describe(**state)
    except Exception as error:
        raise DrawError(
            f"{id}: describe failed for {_frames.say_state(state)}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(text, str) or not text.strip():
        raise DrawError(f"{id}: describe must return a sentence, but returned {text!r} for {_frames.say_state(state)}")
    return text.strip()


def _picture(frame: str | bytes, text: str) -> str:
    return (
        f'<img class="cx-picture dark-light" alt="{html.escape(text)}" src="{_frames.data_uri(frame)}">{_caption(text)}'
    )


def _caption(text: str) -> str:
    return f'<p class="cx-text" aria-live="polite">{html.escape(text)}</p>'


def _page(id, title, controls, kept, first, content, counts) -> str:
    rows = "".join(_control(name, control, kept[name]) for name, control in controls.items())
    slug = "explore-" + re.sub(r"[^\w-]", "-", id)
    states, unique, kind = counts
    data = (
        f'data-explore="{html.escape(id)}" data-states="{states}" data-frames="{unique}" '
        f'data-bytes="000000" data-kind="{kind}"'
    )
    page = (
        f'<figure class="cx" id="{slug}" {data}><style>{asset(__package__, "explore.css")}</style>'
        f'<figcaption class="cx-title">{html.escape(title)}</figcaption>'
        f'<div class="cx-controls" hidden>{rows}</div>{first}'
        f"{content}</figure>"
        f"<script>{asset(__package__, 'explore.js')}</script>"
    )
    return page.replace('data-bytes="000000"', f'data-bytes="{len(page.encode()):06d}"', 1)


def _control(name: str, control: Control, kept: list[int]) -> str:
    label = html.escape(control.label or name.replace("_", " "))
    texts = [html.escape(control.texts[i]) for i in kept]
    at = kept.index(control.start)
    if control.kind == "toggle":
        ticked = " checked" if control.start else ""
        return f'<label class="cx-control"><input type="checkbox"{ticked}> <span>{label}</span></label>'
    if control.kind == "choice":
        options = "".join(f"<option{' selected' if i == at else ''}>{text}</option>" for i, text in enumerate(texts))
        return f'<label class="cx-control"><span>{label}</span> <select>{options}</select></label>'
    play = '<button type="button" class="cx-play">▶ Play</button>' if control.play else ""
    listed = html.escape("|".join(control.texts[i] for i in kept))
    return (
        f'<span class="cx-control"><label><span>{label}</span> <input type="range" min="0" max="{len(kept) - 1}" '
        f'value="{at}" aria-valuetext="{texts[at]}" data-texts="{listed}"></label> '
        f'<span class="cx-value" aria-hidden="true">{texts[at]}</span>{play}</span>'
    )
