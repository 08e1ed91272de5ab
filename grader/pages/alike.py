"""Whose code is alike beyond chance: a hint for a person's eyes, on which no points depend.

A sketch of what a student wrote holds hashes of stretches of code in which names, numbers, texts and comments do not
count. What the source has, too, is left out, and so is what many of the class share.
"""

import hashlib
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from grader.model import AnswerCell

LENGTH = 20  # tokens of a stretch: two or three lines


MAX_TEXT = 200_000  # characters of a submission that are looked at


SIZE = 64  # hashes of a sketch: those that are smallest, so that two sketches hold the same part of what two share


LEAST = 12  # stretches that two must share


SHARE = 0.8  # of the smaller sketch that must be in the other


_TOKEN = re.compile(r"""#[^\n]*+|"[^"\n]*+"|'[^'\n]*+'|\.\s*+[^\W\d]\w*+|[^\W\d]\w*+|\d[\w.]*+|\S""")


def sketch(cells: Sequence[AnswerCell]) -> list[int]:
    """The sketch of a submission, from the notebook that was rebuilt of it."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    ours = _stretches(text for cell in code for text in (cell.reference, cell.released or ""))
    theirs = _stretches(cell.source for cell in code if cell.kind in ("answer", "extra") and cell.attempted)
    return sorted(theirs - ours)[:SIZE]


def alike(sketches: Mapping[str, Sequence[int]]) -> list[tuple[str, str, float]]:
    """Pairs of students whose sketches are alike, the most alike first, and how much of the smaller one both have."""
    size = max(8, min(SIZE, 100_000 // max(len(sketches), 1)))  # of a large class a part is enough
    counts = Counter(one for each in sketches.values() for one in each[:size])
    most = max(2, min(len(sketches) // 10, 10))  # what more have is the usual way to write it
    owners: dict[int, list[str]] = {one: [] for one, count in counts.items() if count <= most}
    rare: dict[str, int] = {}
    for student, each in sketches.items():
        own = [one for one in each[:size] if one in owners]
        rare[student] = len(own)
        for one in own:
            owners[one].append(student)
    both = Counter(pair for students in owners.values() for pair in combinations(sorted(students), 2))
    least = min(LEAST, size // 2)
    found = [(*pair, count / min(rare[one] for one in pair)) for pair, count in both.items() if count >= least]
    return sorted((one for one in found if one[2] >= SHARE), key=lambda one: (-one[2], *one[:2]))


def _stretches(texts: Iterable[str]) -> set[int]:
    found: set[int] = set()
    room = MAX_TEXT
    for text in texts:
        tokens = [token for token in map(_plain, _TOKEN.findall(text[:room])) if token]
        room -= min(room, len(text))
        for at in range(len(tokens) - LENGTH + 1):
            stretch = " ".join(tokens[at : at + LENGTH]).encode("utf-8", "replace")
            found.add(int.from_bytes(hashlib.blake2b(stretch, digest_size=6).digest()))
    return found


def _plain(token: str) -> str:
    """A token without what a copyist changes: comments, names, numbers and texts. Attributes are the library's."""
    if token[0] == "#":
        return ""
    if token[0] in "\"'":
        return "text"
    if token[0].isdigit():
        return "number"
    if token[0] == ".":
        return "".join(token.split())
    return "name" if token.isidentifier() and not keyword.iskeyword(token) else token
