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
    is_notebook,
    listed,
    natural,
    nfc,
    notebook_of,
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
    choice = _Choice(assignment, candidates)
    choice.by_name()
    choice.by_likeness()
    choice.prefer_answers()
    choice.tell(submission)
    return choice.chosen


@dataclass(frozen=True)
class _Pair:
    """A file that may be a notebook for which there is none of its name: both numbers are higher for a better one."""

    entry: Entry
    name: str
    alike: int
    close: float

    @property
    def rank(self) -> tuple:
        """What puts pairs in order, the best last."""
        return not self.entry.problem, self.alike, self.close, natural(self.entry.path)


class _Choice:
    """The passes of `choose`, which share what was chosen so far and which files are left.

    Args:
        assignment: whose notebooks are looked for.
        candidates: the files that may be notebooks.
    """

    def __init__(self, assignment: Assignment, candidates: list[Entry]):
        self.books, self.left = assignment.notebooks, candidates
        self.chosen: dict[str, Entry | None] = dict.fromkeys(self.books)
        self._exact: dict[str, list[Entry]] = {}  # for each notebook the files of its name, the best first
        self._astray: list[Entry] = []  # files with a notebook's name and another's grade ids
        self._ignored: dict[str, list[str]] = {name: [] for name in self.books}
        self._instead = dict.fromkeys(self.books, "")  # why the file of the right name was not taken
        named = {name: {cell.grade_id for cell in book.cells if cell.grade_id} for name, book in self.books.items()}
        self._ids = {
            name: ids.difference(*(named[one] for one in self.books if one != name)) for name, ids in named.items()
        }
        self._look = functools.cache(lambda entry: _look(entry, assignment))
        self._glance = functools.cache(_glance)

    def by_name(self) -> None:
        """Give each notebook the file of exactly its name."""
        for name in self.books:
            # of two with one path in an archive, the one that was added later is what unpacking leaves
            same = [
                entry for entry in reversed(self.left) if nfc(PurePosixPath(entry.path).name) == nfc(f"{name}.ipynb")
            ]
            same.sort(key=lambda entry: (bool(entry.problem), entry.path.count("/"), -_attempt(entry.path), entry.path))
            same = same[:MAX_LOOKED_INTO]
            found = [entry for entry in same if not self._foreign(entry, name)]
            self._exact[name], self.chosen[name] = found, found[0] if found else None
            self._astray += [entry for entry in same if entry not in found]
        self.left = [entry for entry in self.left if not any(entry in found for found in self._exact.values())]

    def by_likeness(self) -> None:
        """Let the notebooks without a file of their name choose together; what is like one and not taken is ignored."""
        bare = [name for name in self.books if self.chosen[name] is None]
        pool = sorted(self.left, key=self._closest, reverse=True)[: MAX_LOOKED_INTO * len(bare)]
        pairs = filter(None, (self._pair(entry, name) for entry, name in itertools.product(pool, bare)))
        pairs = sorted(pairs, key=lambda pair: pair.rank, reverse=True)
        for pair in pairs:
            if self.chosen[pair.name] is None and pair.entry in self.left:
                self.chosen[pair.name] = pair.entry
                self.left.remove(pair.entry)
        for pair in pairs:
            best = self.chosen[pair.name]
            guessed = self._look(best).likeness[pair.name] <= 0 and not _closeness(best.path, pair.name)
            if pair.entry in self.left and (pair.alike > 0 or pair.close or guessed):
                self._ignored[pair.name].append(pair.entry.path)
                self.left.remove(pair.entry)

    def prefer_answers(self) -> None:
        """Put an answered copy in the place of a file with the right name that is untouched or cannot be read."""
        for name, found in self._exact.items():
            rivals = self._rivals(name)
            if not rivals:
                continue
            if (own := self._look(found[0]).answered[name]) <= 0:
                answered, best = self._most_answered(rivals, name)
                if answered > 0:
                    self.chosen[name] = best
                    self._instead[name] = ", which cannot be read" if own < 0 else ", which is untouched"
            self._ignored[name] = [entry.path for entry in [found[0], *rivals] if entry is not self.chosen[name]]
            self.left = [entry for entry in self.left if entry not in rivals]

    def tell(self, submission: Submission) -> None:
        """Note which file was taken where that was not plain."""
        for name, best in self.chosen.items():
            if best is None or best.problem:
                continue  # it is refused, with a sentence of its own
            if self._ignored[name]:
                same = "another file of that name"  # archives may hold a path twice
                others = listed(same if path == best.path else path for path in self._ignored[name])
                others += self._instead[name]
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

    def _pair(self, entry: Entry, name: str) -> _Pair | None:
        """The file and the notebook, if the one may be the other."""
        pair = _Pair(entry, name, self._look(entry).likeness[name], _closeness(entry.path, name))
        by_name = len(self.books) == 1 or 0 < pair.close == self._closest(entry)
        return pair if (pair.alike > 0 or by_name) and not self._foreign(entry, name) else None

    def _rivals(self, name: str) -> list[Entry]:
        """The files beside the one of a notebook's name that may be the notebook, too."""
        found = self._exact[name]
        if not found:
            return []
        near = [e for e in self.left if e in self._astray or 2 <= _closeness(e.path, name) == self._closest(e)]
        return [entry for entry in (found[1:] + near)[:MAX_LOOKED_INTO] if not self._foreign(entry, name)]

    def _most_answered(self, entries: list[Entry], name: str) -> tuple[int, Entry]:
        """The file with most cells of the student's own, and their number."""
        best = max(entries, key=lambda entry: (self._look(entry).answered[name], natural(entry.path)))
        return self._look(best).answered[name], best

    def _foreign(self, entry: Entry, name: str) -> bool:
        """Do a file's grade ids belong to another notebook of the assignment, and none to this one?"""
        if len(self.books) == 1 or entry.problem or self._ids[name] & self._glance(entry):
            return False
        ids = self._look(entry).ids
        return not self._ids[name] & ids and any(self._ids[one] & ids for one in self.books)

    def _closest(self, entry: Entry) -> float:
        return max(_closeness(entry.path, name) for name in self.books)


def _attempt(path: str) -> int:
    """Which attempt a file is of, where folders count them: 2 for ``Version 2/hw1.ipynb``, else 0."""
    found = [ATTEMPT.fullmatch(one.lower()) for one in PurePosixPath(path).parts[:-1]]
    return max((int(match["number"] or match["first"] or 0) for match in found if match), default=0)


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
        return read_notebook(notebook_of(entry))[0]
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
        return {found.decode("utf-8", "replace") for found in _GRADE_ID.findall(notebook_of(entry).content)}
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
