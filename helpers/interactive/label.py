"""A set of one's own: choose photographs, press a button for each, and `image_folder` can read what was kept."""

import hashlib
import html
import os
from collections.abc import Sequence
from pathlib import Path

from helpers.interactive.upload import uploaded

__all__ = ["label_photographs", "save_labelled"]

NOTE = "In JupyterLab and Colab a button appears here; one press per photograph puts it into the folder of its class."


def label_photographs(folder: str | Path, classes: Sequence[str] = ("cat", "dog")) -> None:
    """Show a button to choose photographs, then each photograph with one button per class; a press keeps it.

    Args:
        folder: where the photographs go, one folder per class inside; it is made if it is not there.
        classes: their names, at least two.

    Raises:
        ValueError: if there are fewer than two classes.
    """
    import ipywidgets
    from IPython.display import display

    if len(classes) < 2:
        raise ValueError(f"a classifier needs at least two classes, not {list(classes)}")
    waiting: list[tuple[str, bytes]] = []
    chooser = ipywidgets.FileUpload(accept="image/*", multiple=True, description="Choose photographs")
    chooser.layout.width = "auto"
    picture, said = ipywidgets.Image(), ipywidgets.HTML()
    picture.layout.max_width = "320px"
    buttons = [ipywidgets.Button(description=name) for name in (*classes, "leave out")]

    def show_next(problem: str = "") -> None:
        for button in buttons:
            button.disabled = not waiting
        picture.layout.display = "" if waiting else "none"
        text = f"{waiting[0][0]}: what is it? ({len(waiting)} to go)" if waiting else ""
        if waiting:
            picture.value = waiting[0][1]
        elif chooser.value:
            counts = (f"{len(list(Path(os.path.expanduser(folder), c).glob('*')))} {c}" for c in classes)
            text = f"Done. {folder} holds {', '.join(counts)}."
        said.value = "<br>".join(html.escape(part) for part in (problem, text) if part)

    def choose(change) -> None:
        waiting.extend(uploaded(chooser.value))  # those that were chosen before still wait
        show_next()

    def press(button) -> None:
        (name, content), problem = waiting.pop(0), ""
        try:
            if button.description != "leave out":
                save_labelled(folder, button.description, content)
        except (OSError, ValueError) as error:
            problem = f"{name} was not kept: {error}"
            if getattr(error, "errno", None):  # the folder is to blame: the photograph waits
                waiting.insert(0, (name, content))
        show_next(problem)

    for button in buttons:
        button.on_click(press)
    chooser.observe(choose, names="value")
    show_next()
    root = ipywidgets.VBox([chooser, picture, ipywidgets.HBox(buttons), said])
    view = {"version_major": 2, "version_minor": 0, "model_id": root.model_id}
    page = f"<p><em>{html.escape(NOTE)}</em></p>"
    display({"text/html": page, "application/vnd.jupyter.widget-view+json": view, "text/plain": NOTE}, raw=True)


def save_labelled(folder: str | Path, label: str, content: bytes) -> Path:
    """Keep one photograph in the folder of its class, under a name that depends on its content: once is enough.

    Raises:
        ValueError: if the content is no picture that can be read.
        OSError: if the folder cannot be written; no part of the photograph is left there.
    """
    from helpers.data.decoding import open_photograph
    from helpers.data.download import arriving

    open_photograph(content)
    place = Path(os.path.expanduser(folder), label, f"{hashlib.sha256(content).hexdigest()[:16]}.img")
    with arriving(place) as temporary:
        temporary.write_bytes(content)
    return place
