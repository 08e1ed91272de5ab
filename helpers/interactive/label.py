"""A set of one's own: choose photographs, press a button for each, and `image_folder` can read what was kept."""

import hashlib
import html
from collections.abc import Sequence
from pathlib import Path

from helpers.interactive.upload import uploaded

__all__ = ["label_photographs", "save_labelled"]

NOTE = (
    "In JupyterLab and Colab a button appears here; then one press per photograph puts it into the folder of its class."
)


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

    def show_next() -> None:
        for button in buttons:
            button.disabled = not waiting
        picture.layout.display = "" if waiting else "none"
        if waiting:
            picture.value = waiting[0][1]
            said.value = f"{html.escape(waiting[0][0])}: what is it? ({len(waiting)} to go)"

    def choose(change) -> None:
        waiting[:] = uploaded(chooser.value)
        show_next()

    def press(button) -> None:
        name, content = waiting.pop(0)
        if button.description != "leave out":
            try:
                save_labelled(folder, button.description, content)
            except ValueError as error:
                said.value = html.escape(f"{name}: {error}")
                name = ""
        show_next()
        if not waiting and name:
            counts = ", ".join(f"{len(list((Path(folder) / c).glob('*')))} {c}" for c in classes)
            said.value = html.escape(f"Done. {folder} holds {counts}.")

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
    """
    from helpers.data.decoding import open_photograph

    open_photograph(content)
    place = Path(folder).expanduser() / label / f"{hashlib.sha256(content).hexdigest()[:16]}.img"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place
