"""Read a student's notebook, whatever its encoding, version and depth."""

import dataclasses
import json
import re
import string
from dataclasses import dataclass

import nbformat
from nbgrader.utils import compute_checksum

from grader.model import Note, Refused
from grader.notebook.lean import Lean, lean

MAX_TEXT = 5 * 2**20  # characters of a notebook once its outputs are gone


MAX_CELLS = 2_000


MAX_CELL = 200_000  # characters of one cell


# what Colab makes of a picture that is pasted into a text, and what JupyterLab does; linear in the text's length
_PICTURE = re.compile(r"data:image/[\w.+;=-]{1,60}?;base64,[\w+/=%-]*+")


_ATTACHED = re.compile(r"""[(='"<:]\s*+attachment:\S""")


_LEFT_OUT = "picture left out"


_PADDING = string.whitespace + "\0\x1a\x85\xa0\u200b\u2028\u2029\ufeff"  # around the JSON, it means nothing


@dataclass(frozen=True)
class StudentCell:
    """What is believed of a cell that was handed in: its text, and what it says about itself."""

    cell_type: str
    source: str
    grade_id: str | None = None
    id: str | None = None
    pictures: int = 0  # pasted into the text, which cannot show them
    as_released: bool = False  # has the text that it says it was released with


def read_notebook(file: bytes | Lean) -> tuple[list[StudentCell], list[Note]]:
    """The cells of a notebook file, whatever its encoding and version, within limits of size, depth and number.

    Args:
        file: the bytes of the file, or what `lean` has left of them.

    Raises:
        Refused: if no notebook can be found in them.
    """
    notes: list[Note] = []
    file = lean([file]) if isinstance(file, bytes) else file
    whole = _decode(file, notes)
    text = whole.strip(_PADDING)
    if not text:
        raise Refused("The file is empty.", "Your file is empty: save the notebook and hand it in again.")
    if text != whole.strip():
        notes.append(
            Note(
                "padded",
                "The file has characters that mean nothing before or after the notebook; they were left out.",
                "Your file has characters that mean nothing before or after the notebook; they were left out.",
            )
        )
    try:
        notebook = _parse(text)
    except (ValueError, RecursionError, Refused) as error:
        if file.conflict or re.search(r"^[ \t]*+<{7} ", whole, re.MULTILINE):
            raise Refused(
                "It holds unresolved conflict markers of git (<<<<<<<).",
                "Your file holds unresolved conflict markers of git (<<<<<<<): choose one version and save it.",
            ) from error
        if isinstance(error, Refused):
            raise
        raise Refused(
            "It is cut off or damaged.", "Your file cannot be opened: it is cut off or damaged. Download it again."
        ) from error
    return _student_cells(_cell_list(notebook, notes), notes), notes


def _parse(text: str) -> object:
    """The JSON of a text.

    Raises:
        Refused: if it is something else than JSON, or too large.
        ValueError, RecursionError: if it is damaged.
    """
    if what := _foreign(text):
        raise Refused(
            f"It is {what}, not a Jupyter notebook.",
            f"Your file is {what}: hand in the notebook itself, whose name ends with .ipynb.",
        )
    _limit(len(text) - sum(len(match[0]) for match in _PICTURE.finditer(text)))
    return json.loads(text, strict=False)  # some editors leave tabs in strings as they are


def _cell_list(notebook: object, notes: list[Note]) -> list:
    """The cells of a notebook, whichever version it has or says it has.

    Raises:
        Refused: if there are none, or too many.
    """
    if not isinstance(notebook, dict):
        notebook = {}
    cells, version = notebook.get("cells"), notebook.get("nbformat")
    if isinstance(cells, list):
        if version != 4:
            notes.append(_wrong_version(version))
    else:
        sheets = notebook.get("worksheets")
        inside = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
        if not inside:
            raise Refused("It is JSON but not a notebook: it has no cells.", "Your file is not a Jupyter notebook.")
        cells = [cell for sheet in inside if isinstance(sheet, list) for cell in sheet]
        notes.append(
            Note(
                "upgraded",
                f"The notebook is of version {repr(version)[:20]} and was upgraded to 4.",
                "Your notebook is of an old version; it was upgraded.",
            )
        )
    if len(cells) > MAX_CELLS:
        raise Refused(f"It has {len(cells)} cells.", f"Your notebook has more than {MAX_CELLS} cells.")
    return cells


def _wrong_version(version: object) -> Note:
    says = reads = "does not give its version as a number"
    if type(version) is int:
        says, reads = f"says it is of version {version}"[:50], "names a version that does not exist"
    return Note("wrong-version", f"The notebook {says}.", f"Your notebook {reads}; it was read anyway.")


def _student_cells(cells: list, notes: list[Note]) -> list[StudentCell]:
    """The cells that are cells, none longer than it may be.

    Raises:
        Refused: if none is left, or if they hold too much text together.
    """
    found = [one for cell in cells if (one := _student_cell(cell)) is not None]
    if len(found) < len(cells):
        count = len(cells) - len(found)
        notes.append(
            Note("broken-cells", f"{count} cells are damaged.", f"{count} cells of your notebook are damaged.")
        )
    _limit(sum(len(cell.source) for cell in found))  # pictures in code are still there
    long = sum(len(cell.source) > MAX_CELL for cell in found)
    if long:
        found = [dataclasses.replace(cell, source=cell.source[:MAX_CELL]) for cell in found]
        cut = (
            f"{long} {'cell has' if long == 1 else 'cells have'} more than {MAX_CELL} characters; the rest was cut off."
        )
        notes.append(Note("broken-cells", cut, f"In your notebook, {cut}"))
    if not found:
        raise Refused("The notebook has no cells.", "Your notebook has no cells: save it and hand it in again.")
    return found


def _limit(size: int) -> None:
    if size > MAX_TEXT:
        raise Refused(
            f"Without its outputs the notebook still has {size >> 20} MB of text.",
            "Your notebook holds far too much text: take out what you pasted, and hand it in again.",
        )


def _foreign(text: str) -> str:
    """What a text is that does not begin as the JSON of a notebook does; else ""."""
    if text.startswith(("{", "[")):
        return ""
    start = text[:2000]
    if start.startswith("%PDF"):
        return "a PDF"
    if start.startswith("PK\x03\x04"):
        return "an archive or an Office document"
    if re.match(r"<(!doctype|html|\?xml|head|body|!--)", start, re.IGNORECASE):
        return "a web page"
    if re.search(r"^(import \w|from \w[\w.]* import|def \w+\(|class \w+[:(]|#!.*python|# %%)", start, re.MULTILINE):
        return "a Python script"
    return "another kind of file"


def _decode(file: Lean, notes: list[Note]) -> str:
    name = file.encoding
    try:
        text = file.content.decode("utf-8")
    except UnicodeDecodeError:
        name, text = "latin-1", file.content.decode("latin-1")
    if name:
        shown = {"utf-8-sig": "UTF-8 with a byte-order mark", "latin-1": "Latin-1", "utf-32": "UTF-32"}.get(
            name, "UTF-16"
        )
        notes.append(
            Note(
                "encoding",
                f"The file is encoded as {shown}.",
                f"Your file is encoded as {shown}, not as UTF-8; it was read anyway.",
            )
        )
    return text


def _student_cell(cell: object) -> StudentCell | None:
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    # lone surrogates cannot be written to any file
    source = source.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    meta = cell.get("metadata")
    meta = meta.get("nbgrader") if isinstance(meta, dict) else None
    grade_id = meta.get("grade_id") if isinstance(meta, dict) else None
    cell_type = cell.get("cell_type")
    cell_type = cell_type if cell_type in ("code", "markdown", "raw") else "markdown"
    own = cell.get("id")
    grade_id, own = (text if isinstance(text, str) else None for text in (grade_id, own))
    return StudentCell(
        cell_type,
        source if cell_type == "code" else _PICTURE.sub(_LEFT_OUT, source),
        grade_id,
        own,
        count_pictures(source, attached="attachments" in cell) if cell_type == "markdown" else 0,
        bool(grade_id) and _as_released(cell_type, source, meta),
    )


def _as_released(cell_type: str, source: str, meta: dict) -> bool:
    """Does nbgrader's checksum in a cell's metadata fit its text? It can be forged, so only notes depend on it."""
    cell = nbformat.from_dict({"cell_type": cell_type, "source": source, "metadata": {"nbgrader": meta}})
    try:
        return meta.get("checksum") == compute_checksum(cell)
    except Exception:  # whatever the metadata made it raise
        return False


def count_pictures(text: str, *, attached: bool = True) -> int:
    return len(_PICTURE.findall(text)) + (len(_ATTACHED.findall(text)) if attached else 0)


def squeeze(text: str) -> str:
    """A text to compare: without pictures, and without the white space that editors add and take away."""
    return "\n".join(line.rstrip() for line in _PICTURE.sub(_LEFT_OUT, text).strip().splitlines())
