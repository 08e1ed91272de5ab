"""A button for the student's own photographs: live in JupyterLab and Colab; a page without a kernel shows a note."""

import base64
import html
import io
from collections.abc import Callable
from typing import Any

__all__ = ["answer_to", "upload", "uploaded"]


def upload(
    answer: Callable[[Any], str],
    *,
    title: str = "Choose photographs",
    note: str,
    read: Callable[[bytes], Any] | None = None,
    page: str | None = None,
) -> None:
    """Show an upload button; every photograph appears with what ``answer`` says about it.

    Args:
        answer: ``answer(image) -> str`` gets a PIL image in RGB, turned upright, and returns a line of text.
        title: the text on the button.
        note: what the static page says in its place.
        read: makes of a file's bytes what ``answer`` gets instead, such as
            ``partial(data.read_photograph, size=64)``: the very pixels that `image_folder` gives.
        page: HTML that the static page shows instead of the note.
    """
    import ipywidgets
    from IPython.display import display

    button = ipywidgets.FileUpload(accept="image/*", multiple=True, description=title)
    button.layout.width = "auto"
    shown = ipywidgets.HTML()

    def update(change) -> None:
        shown.value = "".join(answer_to(answer, name, content, read) for name, content in uploaded(button.value))

    button.observe(update, names="value")
    root = ipywidgets.VBox([button, shown])
    view = {"version_major": 2, "version_minor": 0, "model_id": root.model_id}
    page = page or f"<p><em>{html.escape(note)}</em></p>"
    display({"text/html": page, "application/vnd.jupyter.widget-view+json": view, "text/plain": note}, raw=True)


def uploaded(value) -> list[tuple[str, bytes]]:
    """Names and contents in the value of a ``FileUpload``: a dictionary by name in ipywidgets 7, a tuple in 8."""
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(file["name"], bytes(file["content"])) for file in value]


def answer_to(
    answer: Callable[[Any], str], name: str, content: bytes, read: Callable[[bytes], Any] | None = None
) -> str:
    """HTML with a thumbnail and the answer; for a file that is no picture, or an answer that fails, a sentence."""
    from helpers.data.decoding import open_photograph  # brings torch, which a page without a button does not need

    try:
        shown = open_photograph(content)
        image = shown if read is None else read(content)
    except ValueError as error:
        return f"<p>{html.escape(str(error).replace('the upload', name, 1))}.</p>"
    except Exception as error:  # whatever a broken file makes a decoder raise
        return f"<p>{html.escape(f'{name} is not a picture that can be read: {error}')}; save it as JPEG or PNG.</p>"
    try:
        text = html.escape(str(answer(image)))
    except Exception as error:
        text = html.escape(f"{name}: {type(error).__name__}: {error}")
    shown = shown.copy()  # what the answer got stays as it is
    shown.thumbnail((160, 160))
    stream = io.BytesIO()
    shown.save(stream, "JPEG")
    source = base64.b64encode(stream.getvalue()).decode()
    alt = html.escape(name, quote=True)
    return f'<p><img alt="{alt}" src="data:image/jpeg;base64,{source}" style="vertical-align:middle"> {text}</p>'
