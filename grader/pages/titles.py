"""What a task is called: the heading above it, where its grade id is one that a machine made up."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from grader.course import SourceCell, SourceNotebook

# as nbgrader and Jupyter make them: cell-421c00edf62020d8, 8f3c1ab2, or a UUID
_MADE_UP = re.compile(
    r"(?<![\w-])(?:cell-[0-9a-f]{8,32}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,32}"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-])"
)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t#]*$|<h[1-6][^>]*>(.+?)</h[1-6]>", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1", re.MULTILINE | re.DOTALL)
_MARKUP = re.compile(r"<[^>]*>|!?\[([^\]]*)\]\([^)]*\)|[*`]+")


def titles(notebooks: Iterable[SourceNotebook]) -> dict[str, str]:
    """For each grade id that a machine made up what people call the cell: the nearest heading above, or its number."""
    found: dict[str, str] = {}
    for notebook in notebooks:
        heading, count, seen = "", 0, Counter()
        for cell in notebook.cells:
            heading = _heading(cell) or heading
            count += cell.graded
            if not cell.grade_id or not _MADE_UP.fullmatch(cell.grade_id):
                continue
            title = heading or f"task {max(count, 1)}"
            what = {"test": "test", "manual": "answer", "answer": "answer", "task": "task"}.get(cell.kind, "cell")
            seen[title, what] += 1
            number = f" {seen[title, what]}" if seen[title, what] > 1 else ""
            found[cell.grade_id] = f"{title} ({what}{number})"
    return found


def readable(text: str, names: Mapping[str, str]) -> str:
    """A text in which what people call a cell stands for the id that a machine made up."""
    return _MADE_UP.sub(lambda id: names.get(id[0], id[0]), text)


def _heading(cell: SourceCell) -> str:
    """The last heading in a text, as it is read."""
    if cell.cell_type != "markdown":
        return ""
    found = [one or other for one, other in _HEADING.findall(_FENCE.sub("", cell.released))]
    plain = " ".join(_MARKUP.sub(r"\1", found[-1]).split()) if found else ""
    return plain if len(plain) <= 60 else plain[:59].rstrip() + "…"
