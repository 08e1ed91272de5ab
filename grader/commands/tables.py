"""Tables as spreadsheets and learning platforms write them: CSV in any of their forms, kept so when written again."""

import csv
import io
import re
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from grader.collect.handed import nfc
from grader.course import CourseError

_NO_TABLE = {
    b"PK\x03\x04": "an Excel or LibreOffice workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a packed file",
    b"<": "a web page",
}


_MARKS = {b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass
class Table:
    """A CSV file: its first line, the others with their numbers, and the form in which it came."""

    path: Path
    head: list[str]
    rows: list[tuple[int, list[str]]]
    delimiter: str
    encoding: str
    newline: str
    mark: str = ""  # a line before the first, such as sep=;

    def column(self, *names: str) -> int | None:
        """Where the first of these columns is, whatever its case and the spaces around it; None if there is none."""
        plain = [_plain(name) for name in self.head]
        return next((plain.index(_plain(name)) for name in names if _plain(name) in plain), None)

    def text(self) -> str:
        """The table in the form in which it came."""
        file = io.StringIO()
        writer = csv.writer(file, delimiter=self.delimiter, lineterminator=self.newline)
        writer.writerows([self.head, *(row for _, row in self.rows)])
        return self.mark + file.getvalue()

    def content(self) -> bytes:
        """The bytes of the file."""
        return self.text().encode(self.encoding, "replace")


def read_table(
    path: Path, needed: Collection[str], remedy: str, fits: Callable[[Table], bool] = lambda table: True
) -> Table:
    """Read a CSV file, whatever separates its columns and however it is encoded.

    Args:
        path: the file.
        needed: columns that it must have, as `Table.column` finds them.
        remedy: a sentence for a file without them.
        fits: what else a table must be like.

    Raises:
        CourseError: naming what is wrong with the file and how to mend it.
    """
    text, encoding = _text_of(path)
    newline = "\r\n" if "\r\n" in text else "\n"
    mark = re.match(r"\s*sep=(.)\r?\n", text, re.IGNORECASE)
    text = text[mark.end() :] if mark else text
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise CourseError(f"{path} is empty: {remedy}")
    found: list[Table] = []
    broken: list[str] = []
    for delimiter in dict.fromkeys([*([mark[1]] if mark else []), ",", ";", "\t", "|"]):
        if delimiter not in first and found:
            continue
        table = Table(path, [], [], delimiter, encoding, newline, mark[0] if mark else "")
        try:
            # the reader counts lines as a person does
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            lines = [(reader.line_num + bool(mark), row) for row in reader if any(cell.strip() for cell in row)]
        except csv.Error as error:
            quotes = "expected" in str(error) or "end of data" in str(error)
            why = "a quotation mark opens or closes nothing, there or above" if quotes else str(error)
            broken.append(f"{path}, line {reader.line_num + bool(mark)}: {why}: delete it, or save it as CSV again.")
            continue
        table.head, table.rows = lines[0][1], lines[1:]
        if all(table.column(name) is not None for name in needed) and fits(table):
            return _checked(table)
        found.append(table)
    if broken:
        raise CourseError(broken[0])
    there = max(found, key=lambda table: len(table.head)).head
    raise CourseError(f"{path} {remedy} Its first line has: {', '.join(map(repr, there))[:300]}.")


def _checked(table: Table) -> Table:
    """The table, whose lines all have as many cells as the first.

    Raises:
        CourseError: naming the line, or the column that is there twice.
    """
    names = [_plain(name) for name in table.head if _plain(name)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CourseError(f"{table.path} has the column {', '.join(map(repr, twice))} twice: delete one.")
    width = len(table.head)
    for number, row in table.rows:
        if len(row) < width or any(row[width:]):
            raise CourseError(
                f"{table.path}, line {number}: it has other columns than the first line; an empty cell needs its "
                f"{_SPOKEN.get(table.delimiter, 'separator')}, and a text with one in it needs quotation marks."
            )
        del row[width:]
    return table


_SPOKEN = {",": "comma", ";": "semicolon", "\t": "tab"}


def _plain(name: str) -> str:
    return " ".join(nfc(name).casefold().replace("_", " ").split())


def _text_of(path: Path) -> tuple[str, str]:
    """The text of a file and its encoding; one that is only likely is said."""
    try:
        content = path.read_bytes()
    except OSError as error:
        what = "is a folder" if path.is_dir() else f"cannot be read ({error.strerror})"
        raise CourseError(f"{path} {what}: name a CSV file.") from error
    for beginning, what in _NO_TABLE.items():
        if content.lstrip().startswith(beginning):
            raise CourseError(f'{path} is {what}: open it in your spreadsheet and save it as "CSV UTF-8".')
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    if not encoding and b"\0" in content[:200]:
        encoding = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    for name in [encoding] if encoding else ["utf-8", "cp1252"]:
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if name == "cp1252":
            odd = next((word for word in text.split() if not word.isascii()), "")
            print(
                f'{path} is not in UTF-8 and was read as Windows-1252. If "{odd}" is not what it says there, save it '
                'as "CSV UTF-8".',
                file=sys.stderr,
            )
        return text, name
    raise CourseError(f'{path} is in an encoding that is not known here: save it as "CSV UTF-8" in your spreadsheet.')
