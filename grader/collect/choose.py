"""Which of the files that a student handed in is meant."""

import functools
import itertools
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from rapidfuzz import fuzz

from grader.collect.assignment_names import ATTEMPT
from grader.collect.handed import (
    MAX_LOOKED_INTO,
    Entry,
    Handed,
    Submission,
    add_note,
    content_of,
    is_notebook,
    listed,
    nfc,
    plain_name,
)
from grader.course import Assignment, SourceNotebook
from grader.model import Refused
from grader.notebook.match import defines, names_wanted
from grader.notebook.read import StudentCell, read_notebook, squeeze

_GRADE_ID = re.compile(rb'"grade_id"\s*+:\s*+"([^"\\]*+)"')


def choose(handed: Handed, assignment: Assignment, submission: Submission) -> dict[str, Entry | None]:
    """For each notebook of the assignment the file that was meant: by name, by likeness, or as the only one.

    A file with the right name gives way to one with a similar name only if it is untouched or cannot be read, and none
    is taken whose grade ids belong to another notebook of the assignment. The other files go to the notebooks that
    still have none, those that are most alike first.
    """
    candidates = [entry for entry in handed.entries if is_notebook(entry.path)] or _disguised(handed, assignment)
    # a folder called hw1.ipynb with the notebook inside
    candidates = [e for e in candidates if not any(o.path.startswith(f"{e.path}/") for o in candidates)]
    books = assignment.notebooks
    named = {name: {cell.grade_id for cell in book.cells if cell.grade_id} for name, book in books.items()}
    own = {name: ids.difference(*(named[one] for one in books if one != name)) for name, ids in named.items()}
    look = functools.cache(lambda entry: _look(entry, assignment))
    glance = functools.cache(_glance)

    def foreign(entry: Entry, name: str) -> bool:
        if len(books) == 1 or entry.problem or own[name] & glance(entry):
            return False
        ids = look(entry).ids
        return not own[name] & ids and any(own[one] & ids for one in books)

    def closest(entry: Entry) -> float:
        return max(_closeness(entry.path, name) for name in books)

    exact, astray = {}, []
    for name in books:
        same = [entry for entry in candidates if nfc(PurePosixPath(entry.path).name) == nfc(f"{name}.ipynb")]
        same.sort(key=lambda entry: (bool(entry.problem), entry.path.count("/"), -_attempt(entry.path), entry.path))
        same = same[:MAX_LOOKED_INTO]
        exact[name] = [entry for entry in same if not foreign(entry, name)]
        astray += [entry for entry in same if entry not in exact[name]]
    chosen: dict[str, Entry | None] = {name: found[0] if found else None for name, found in exact.items()}
    left = [entry for entry in candidates if not any(entry in found for found in exact.values())]
    ignored: dict[str, list[str]] = {name: [] for name in books}
    instead = dict.fromkeys(books, "")

    # notebooks without a file of their name choose together
    bare = [name for name in books if chosen[name] is None]
    pool = sorted(left, key=closest, reverse=True)[: MAX_LOOKED_INTO * len(bare)]
    pairs = []
    for entry, name in itertools.product(pool, bare):
        alike, close = look(entry).likeness[name], _closeness(entry.path, name)
        by_name = len(books) == 1 or 0 < close == closest(entry)
        if (alike > 0 or by_name) and not foreign(entry, name):
            pairs.append(((not entry.problem, alike, close, entry.path), entry, name))
    pairs.sort(key=lambda pair: pair[0], reverse=True)
    for _, entry, name in pairs:
        if chosen[name] is None and entry in left:
            chosen[name] = entry
            left.remove(entry)
    for (_, alike, close, _), entry, name in pairs:
        best = chosen[name]
        guessed = look(best).likeness[name] <= 0 and not _closeness(best.path, name)
        if entry in left and (alike > 0 or close or guessed):
            ignored[name].append(entry.path)
            left.remove(entry)

    for name, found in exact.items():
        near = [entry for entry in left if entry in astray or 2 <= _closeness(entry.path, name) == closest(entry)]
        rivals = [entry for entry in (found[1:] + near)[:MAX_LOOKED_INTO] if not foreign(entry, name)] if found else []
        if not rivals:
            continue
        if (answered := look(found[0]).answered[name]) <= 0:
            best = max(rivals, key=lambda entry: look(entry).answered[name])  # noqa: B023
            if look(best).answered[name] > 0:
                chosen[name] = best
                instead[name] = ", which cannot be read" if answered < 0 else ", which is untouched"
        ignored[name] = [entry.path for entry in [found[0], *rivals] if entry is not chosen[name]]
        left = [entry for entry in left if entry not in rivals]

    for name, best in chosen.items():
        if best is None or best.problem:
            continue  # it is refused, with a sentence of its own
        if ignored[name]:
            same = "another file of that name"  # archives may hold a path twice
            others = f"{listed(same if path == best.path else path for path in ignored[name])}{instead[name]}"
            add_note(
                submission,
                "duplicate-file",
                f"{best.path} was taken for {name}.ipynb, not {others}.",
                f"You handed in several files for {name}.ipynb; {best.path} was taken, not {others}.",
                name,
            )
        elif nfc(PurePosixPath(best.path).name) != nfc(f"{name}.ipynb"):
            add_note(
                submission,
                "wrong-name",
                f"{best.path} was taken for {name}.ipynb.",
                f"Your file {PurePosixPath(best.path).name} should have been called {name}.ipynb; "
                "it was taken all the same.",
                name,
            )
    return chosen


def _attempt(path: str) -> int:
    """Which attempt a file is of, where folders count them: 2 for ``Version 2/hw1.ipynb``, else 0."""
    found = [ATTEMPT.fullmatch(one.lower()) for one in PurePosixPath(path).parts[:-1]]
    return max((int(match["number"] or 0) for match in found if match), default=0)


def _disguised(handed: Handed, assignment: Assignment) -> list[Entry]:
    """Files that hold a notebook under an ending of text; those with the name of one are looked into first."""
    names = {plain_name(name) for name in assignment.notebooks}
    files = [
        entry
        for entry in handed.entries
        if PurePosixPath(entry.path).suffix.lower() in ("", ".json", ".txt")
        and entry.path not in assignment.files
        and entry.path != "timestamp.txt"
    ]
    files.sort(key=lambda entry: (plain_name(entry.path) not in names, entry.path))
    return [entry for entry in files[:MAX_LOOKED_INTO] if _cells(entry)]


def _cells(entry: Entry) -> "list[StudentCell] | None":
    """The cells of a file that is opened to choose; None if it cannot be read."""
    try:
        return read_notebook(content_of(entry))[0]
    except Refused:
        return None


def hold_answers(entries: list[Entry], source: SourceNotebook) -> bool:
    """Is one of these files the source's notebook, with an answer in it?"""
    answers = [cell for cell in source.cells if cell.kind in ("answer", "manual")]
    ids, names = {cell.grade_id for cell in answers}, set().union(*map(names_wanted, answers))
    return any(
        cell.grade_id in ids or (cell.cell_type == "code" and names & defines(cell.source))
        for entry in [entry for entry in entries if is_notebook(entry.path)][:MAX_LOOKED_INTO]
        for cell in _own(_cells(entry) or [], source)
    )


def _closeness(path: str, name: str) -> float:
    """How near a file's name is to a notebook's: 3 for a copy, 2 if it holds it, else a ratio, 0 for another name."""
    plain, wanted = plain_name(path), plain_name(name)
    if plain == wanted:
        return 3
    # hw1 in "hw1 (1)", in "my_hw1_final" and in "hw1-1", but not in hw10
    for text, part in ((plain, wanted), (PurePosixPath(path).name.lower(), name.lower())):
        if part and re.search(rf"(?<!\d){re.escape(part)}(?!\d)", text):
            return 2
    ratio = fuzz.ratio(plain, wanted) / 100
    return ratio if ratio > 0.7 else 0


@dataclass(frozen=True)
class _Look:
    """What was seen in a file that was opened to choose: its grade ids and, for each notebook, two numbers.

    ``likeness`` is how many graded cells of the notebook the file names, ``answered`` how many cells are the student's
    own: 0 if it is untouched. Both are -1 if it cannot be read.
    """

    ids: set[str]
    likeness: dict[str, int]
    answered: dict[str, int]


def _look(entry: Entry, assignment: Assignment) -> _Look:
    if (cells := _cells(entry)) is None:
        blind = dict.fromkeys(assignment.notebooks, -1)
        return _Look(set(), blind, blind)
    seen = _Look({cell.grade_id for cell in cells if cell.grade_id}, {}, {})
    for name, source in assignment.notebooks.items():
        seen.likeness[name] = _likeness(cells, source)
        seen.answered[name] = _answered(cells, source)
    return seen


def _glance(entry: Entry) -> set[str]:
    """The grade ids in a file, as far as they can be seen without reading it as a notebook."""
    try:
        return {found.decode("utf-8", "replace") for found in _GRADE_ID.findall(content_of(entry))}
    except Refused:
        return set()


def _answered(cells: "list[StudentCell]", source: SourceNotebook) -> int:
    return sum(cell.cell_type == "code" or bool(cell.grade_id) for cell in _own(cells, source))


def _own(cells: "list[StudentCell]", source: SourceNotebook) -> "list[StudentCell]":
    """The cells of a file whose text is not the source's."""
    texts = {"", *(squeeze(text) for cell in source.cells for text in (cell.released, cell.source))}
    return [cell for cell in cells if squeeze(cell.source) not in texts]


def _likeness(cells: "list[StudentCell]", source: SourceNotebook) -> int:
    wanted = {cell.grade_id for cell in source.cells if cell.grade_id}
    changed = {cell.grade_id: cell.released for cell in source.cells if cell.kind == "answer"}
    return sum(c.grade_id in wanted for c in cells) + sum(
        c.grade_id in changed and c.source.strip() != changed[c.grade_id].strip() for c in cells
    )
