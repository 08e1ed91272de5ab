"""A button for the student's own photographs: live in JupyterLab and Colab; a page without a kernel shows a note."""

import base64
import html
import io
from collections.abc import Callable
from typing import Any

__all__ = ["answer_to", "upload", "uploaded"]


def upload(answer: Callable[[Any], str], *, title: str = "Choose photographs", note: str) -> None:
    """Show an upload button; every photograph appears with what ``answer`` says about it.

    Args:
        answer: ``answer(image) -> str`` gets a PIL image in RGB, turned upright, and returns a line of text.
        title: the text on the button.
        note: what the static page says in its place.
    """
    import ipywidgets
    from IPython.display import display

    button = ipywidgets.FileUpload(accept="image/*", multiple=True, description=title)
    button.layout.width = "auto"
    shown = ipywidgets.HTML()

    def update(change) -> None:
        shown.value = "".join(answer_to(answer, name, content) for name, content in uploaded(button.value))

    button.observe(update, names="value")
    root = ipywidgets.VBox([button, shown])
    view = {"version_major": 2, "version_minor": 0, "model_id": root.model_id}
    page = f"<p><em>{html.escape(note)}</em></p>"
    display({"text/html": page, "application/vnd.jupyter.widget-view+json": view, "text/plain": note}, raw=True)


def uploaded(value) -> list[tuple[str, bytes]]:
    """Names and contents in the value of a ``FileUpload``: a dictionary by name in ipywidgets 7, a tuple in 8."""
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def answer_to(answer: Callable[[Any], str], name: str, content: bytes) -> str:
    """HTML with a thumbnail and the answer; for a file that is no picture, or an answer that fails, a sentence."""
    from PIL import Image, ImageOps

    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    except Exception:
        return f"<p>{html.escape(name)} is not a picture that can be read; save it as JPEG or PNG and try again.</p>"
    try:
        text = html.escape(str(answer(image)))
    except Exception as error:
        text = html.escape(f"{name}: {type(error).__name__}: {error}")
    image.thumbnail((160, 160))
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    source = base64.b64encode(stream.getvalue()).decode()
    alt = html.escape(name, quote=True)
    return f'<p><img alt="{alt}" src="data:image/jpeg;base64,{source}" style="vertical-align:middle"> {text}</p>'
