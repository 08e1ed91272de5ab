"""The live form of an interactive: ipywidgets that call Python. Uses only what ipywidgets 7 and 8 share."""

import html
from collections.abc import Callable
from typing import Any

from helpers.interactive.assets import asset
from helpers.interactive.controls import Control
from helpers.interactive.frames import DrawError

__all__ = ["make_live"]


def make_live(
    title: str, controls: dict[str, Control], render: Callable[[dict[str, Any]], str], first: str
) -> dict[str, Any]:
    """Make the live widget and return the content of its ``widget-view`` mime type.

    Args:
        title: the title of the interactive.
        controls: its controls by argument name.
        render: ``render(state)`` gives the HTML of a state.
        first: the HTML of the first state, so that nothing is drawn twice.
    """
    import ipywidgets

    style = {"description_width": "initial"}
    boxes, rows = {}, []
    for key, control in controls.items():
        label = control.label or key.replace("_", " ")
        options = list(zip(control.texts, control.values, strict=True))
        value = control.values[control.start]
        if control.kind == "toggle":
            box = ipywidgets.Checkbox(value=value, description=label, indent=False)
        elif control.kind == "choice":
            box = ipywidgets.Dropdown(options=options, value=value, description=label, style=style)
        else:
            box = ipywidgets.SelectionSlider(options=options, value=value, description=label, style=style)
        boxes[key] = box
        row = [box]
        if control.play:
            player = ipywidgets.Play(value=control.start, min=0, max=len(options) - 1, interval=600)
            ipywidgets.jslink((player, "value"), (box, "index"))
            row.append(player)
        rows.append(ipywidgets.HBox(row))
    picture = ipywidgets.HTML(value=first)

    def update(change) -> None:
        try:
            picture.value = render({key: box.value for key, box in boxes.items()})
        except DrawError as error:
            picture.value = f"<pre>{html.escape(str(error))}</pre>"

    for box in boxes.values():
        box.observe(update, names="value")
    head = f"<style>{asset(__package__, 'explore.css')}</style><b>{html.escape(title)}</b>"
    root = ipywidgets.VBox([ipywidgets.HTML(value=head), *rows, picture])
    root.add_class("cx")
    return {"version_major": 2, "version_minor": 0, "model_id": root.model_id}
