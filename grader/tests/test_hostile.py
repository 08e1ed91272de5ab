"""The hostile suite against the real sandbox: every score right, nothing touched outside, nothing dangerous to read."""

import difflib
import functools
import html.parser
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from grader.course import Assignment, Course
from grader.gradebook.store import Store
from grader.grading import grade
from grader.model import Limits
from grader.pages import clean, outputs
from grader.pool import LocalPool
from grader.run import Worker
from grader.tests.hostile import ALL, CASES, MARK, NONE, SLEEPER, Case, Maker
from grader.tests.submissions import copy_course, hand_in, solved

ROOT = Path(__file__).parents[2]
LIMITS = Limits(
    cell_seconds=4,
    submission_seconds=150,
    cpu_seconds=100,
    memory=700 << 20,
    processes=64,
    disk=100 << 20,
    output=256 << 10,
    data=16 << 20,
)
# one of each kind of attack, for every run of the tests; the whole suite is marked slow. HOSTILE="a name,another"
# grades those instead: what whoever adds a case wants to see
SOME = [
    "perfect", "untouched", "half", "magics", "asks for input", "exit()", "syntax error", "returns nan", "truncated",
    "latin-1", "version 3", "stripped metadata and ids", "everything twice", "a link", "a pipe", "endless loop",
    "memory bomb", "fork bomb", "disk filler", "output flood", "os._exit", "daemon", "forges replies on every pipe",
    "every answer equals all", "a pickle with a payload", "patches builtins", "takes assertions out of the code",
    "reads the test from the frame", "copies the solution from the disk", "writes itself 400 points",
    "leaves files everywhere", "deletes the course", "calls home", "points and locks rewritten", "a script",
    "a note with a script", "a value with a script", "a page as a picture",
    "two answers in one cell", "the work is in the copy", "draws and seeds", "a name that is no text",
    "lures the verdict with a value", "names that the test left", "formatting without end",
    "helpers of one letter and of plain words", "wipes what it is given", "empty and masked arrays",
    "words the test in pieces",
]  # fmt: skip

_MIMES = {"text/plain", "text/html", "image/png"}
_LIVE = re.compile(r"(?i)<(script|svg|img|iframe|object|embed|form|meta|base|style|link)\b|javascript:")


class Listener:
    """A server that nobody should reach; counts who does."""

    def __enter__(self) -> "Listener":
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port, self.calls = self.server.getsockname()[1], 0
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def _listen(self) -> None:
        while True:
            try:
                self.server.accept()
            except OSError:
                return
            self.calls += 1

    def __exit__(self, *_: object) -> None:
        self.server.close()


class Tags(html.parser.HTMLParser):
    """What of a page could do anything."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note every tag and attribute that is not on the short list of harmless ones."""
        given = dict(attributes)
        if tag == "meta" and given.get("http-equiv"):
            self.policy += given.get("content") or ""
            if given["http-equiv"] != "Content-Security-Policy":
                self.found.append(str(attributes))
        elif tag not in clean._TAGS | {"html", "head", "body", "title", "style", "meta", "section", "img"}:
            self.found.append(tag)
        for name, value in attributes:
            link = name in ("src", "href", "action", "srcdoc", "style", "background")
            if name.startswith("on") or (link and not (value or "").startswith("data:image/png;base64,")):
                self.found.append(f"{tag} {name}={value}")


def chosen(asked: str) -> list[Case]:
    """One case of each kind, or those that are asked for by name.

    Raises:
        ValueError: if there is no case of a name, or two.
    """
    if twice := sorted(name for name, count in Counter(case.name for case in CASES).items() if count > 1):
        raise ValueError(f"two hostile cases are called {', '.join(map(repr, twice))}; give one another name")
    names = [name.strip() for name in asked.split(",") if name.strip()] or SOME
    known = {case.name: case for case in CASES}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known) or sorted(known)
            raise ValueError(f"there is no hostile case {name!r}; there is {', '.join(near)}")
    return [known[name] for name in names]


def leftovers() -> list[str]:
    """Files and processes that cases tried to leave behind."""
    places = ["/", "/etc", "/tmp", "/var/tmp", "/dev/shm", str(Path.home()), "/root", os.path.dirname(os.__file__)]
    found = [place for place in places if Path(place, MARK).exists()]
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if SLEEPER.encode() in entry.read_bytes().split(b"\0"):
                found.append(str(entry))
        except OSError:
            continue
    return found


def run_suite(
    course: Course, assignment: Assignment, cases: list[Case], jobs: int = 2, limits: Limits = LIMITS
) -> list[str]:
    """Grade one submission per case between two honest ones; every sentence returned is something that went wrong."""
    wrong: list[str] = []
    before = {path: path.read_bytes() for path in assignment.folder.rglob("*") if path.is_file()}
    with Listener() as listener:
        maker = Maker(assignment, course.root, listener.port)
        names = {f"case{number:03}": case for number, case in enumerate(cases)}
        for student, case in names.items():
            folder = course.folder("submitted", student, assignment.name)
            folder.mkdir(parents=True)
            case.write(folder, maker)
        honest = {name: solved(source) for name, source in assignment.notebooks.items()}
        for student in ("aaron", "zoe", "<svg onload=alert(1)>"):
            hand_in(course.folder("submitted", student, assignment.name), honest)
            names[student] = Case(student, "bystander", ALL, lambda folder, maker: None)
        outcome = grade(course, assignment, LocalPool(functools.partial(Worker, course.root), jobs), limits=limits)
        if listener.calls:
            wrong.append(f"{listener.calls} calls came out of the sandbox")
    wrong += [f"infrastructure: {names[student].name}: {reason}" for student, reason in outcome.failures.items()]
    with Store(course, assignment) as store:
        records = {record.student: record for record in store.records()}
    for student, case in names.items():
        wrong += judge(case, maker, records.get(student))
        wrong += [f"{case.group}, {case.name}: {one}" for one in look_at(course, assignment, student, case, maker)]
    with Gradebook(course.db_url) as gradebook:
        if len(gradebook.assignment_submissions(assignment.name)) != len(names):
            wrong.append("the gradebook has other submissions than were handed in")
        if any(grade.manual_score for s in gradebook.assignment_submissions(assignment.name)
               for book in s.notebooks for grade in book.grades):  # fmt: skip
            wrong.append("somebody entered a score by hand")
    wrong += [f"left behind: {place}" for place in leftovers()]
    wrong += [f"left behind: {path}" for path in course.root.rglob(MARK)]
    if before != {path: path.read_bytes() for path in assignment.folder.rglob("*") if path.is_file()}:
        wrong.append("the source was changed")
    return wrong


def judge(case: Case, maker: Maker, record) -> list[str]:
    """What is wrong with the score of a case."""
    if record is None:
        return [f"{case.group}, {case.name}: not graded"]
    expected = maker.expected(case.right)
    got = {(t.notebook, t.grade_id): t.score or 0.0 for t in record.tasks if (t.notebook, t.grade_id) in expected}
    if got == expected:
        return []
    different = {key[1]: (got[key], expected[key]) for key in expected if got[key] != expected[key]}
    why = "; ".join([*record.flags, *(note["instructor"] for note in record.notes)][:3])
    return [
        f"{case.group}, {case.name}: points (got, deserved) {different}; the submission is {record.status}: "
        f"{record.status.instructor} {why}".rstrip()
    ]


def look_at(course: Course, assignment: Assignment, student: str, case: Case, maker: Maker) -> list[str]:
    """What is wrong with what a student and an instructor would read about a case."""
    wrong = []
    hidden = outputs.hidden_lines(assignment)
    own = (
        ""
        if case.right == NONE
        else "".join(cell.source for book in assignment.notebooks.values() for cell in book.cells)
    )
    shown = "".join(cell.released for book in assignment.notebooks.values() for cell in book.cells)
    secret = {
        line.strip()
        for book in assignment.notebooks.values()
        for cell in book.cells
        if cell.kind == "answer"
        for line in cell.source.splitlines()
        if len(line.strip()) > 20 and line.strip() not in shown and line.strip() not in own
    }
    for path in sorted(course.folder("feedback", student, assignment.name).glob("*.html")):
        page = path.read_text(encoding="utf-8")
        tags = Tags()
        tags.feed(page)
        wrong += [f"{path.name} holds {one}" for one in tags.found]
        if "default-src 'none'" not in tags.policy:
            wrong.append(f"{path.name} has no policy")
        text = html.unescape(re.sub(r"<[^>]*>", "", page))
        if "\x1b" in page or "\u202e" in page:
            wrong.append(f"{path.name} holds control characters")
        wrong += [f"{path.name} shows the hidden line {line!r}" for line in hidden if line in text and line not in own]
        wrong += [f"{path.name} shows the solution line {line!r}" for line in secret if line in text]
    for path in sorted(course.folder("autograded", student, assignment.name).glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        for cell in json.loads(text)["cells"]:
            shown = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
            shown += [cell["source"]] if cell["cell_type"] == "markdown" else []
            wrong += [f"{path.name} holds {one[:200]}" for one in shown if _LIVE.search(one)]
            if {mime for output in cell.get("outputs", []) for mime in output.get("data", {})} - _MIMES:
                wrong.append(f"{path.name} holds an output of another kind")
    return wrong


@pytest.mark.sandbox
@pytest.mark.timeout(1200)
def test_some_of_each_kind_come_out_right_in_a_course_that_is_not_ours(tmp_path):
    course = copy_course(tmp_path / "kitchen")
    cases = chosen(os.environ.get("HOSTILE", ""))
    assert run_suite(course, course.assignment("week1"), cases) == []


def test_cases_are_chosen_by_name_and_a_wrong_name_gets_its_neighbours():
    assert [case.name for case in chosen("")] == SOME
    assert [case.name for case in chosen("returns nan, exit()")] == ["returns nan", "exit()"]
    with pytest.raises(ValueError, match=r"no hostile case 'return nan'; there is returns nan"):
        chosen("return nan")


def test_a_name_that_two_cases_have_is_refused(monkeypatch):
    monkeypatch.setattr("grader.tests.test_hostile.CASES", [*CASES, CASES[0]])
    with pytest.raises(ValueError, match="two hostile cases are called 'perfect'; give one another name"):
        chosen("untouched")


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(3600)
def test_all_kinds_come_out_right_in_a_course_that_is_not_ours(tmp_path):
    course = copy_course(tmp_path / "kitchen")
    assert run_suite(course, course.assignment("week1"), CASES) == []


def example_course(folder: Path) -> Course:
    """The course that ``nbgrader quickstart`` makes."""
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "quickstart", "example"], cwd=folder, check=True, capture_output=True
    )
    return Course(folder / "example")


@pytest.mark.sandbox
@pytest.mark.timeout(600)
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_example_of_nbgrader_is_graded_from_any_folder_and_outside_of_student_code(tmp_path, every):
    course = example_course(tmp_path)
    some = ("perfect", "untouched", "magics", "forges replies on every pipe", "patches builtins")
    # its second answer needs the first, so cases with one wrong answer cannot tell what they deserve
    cases = [case for case in CASES if case.right in (ALL, NONE) and (every or case.name in some)]
    assert run_suite(course, course.assignment("ps1"), cases) == []
    with Store(course, course.assignment("ps1")) as store:
        assert [record.findings for record in store.records() if record.findings] == []


OURS = sorted(path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb") if path.stem == path.parent.name)
PATIENT = replace(LIMITS, cell_seconds=25, submission_seconds=500, cpu_seconds=400, memory=1500 << 20)


def patience(name: str) -> Limits:
    """The limits for one of our exercises: the last task of 09 trains for half a minute on a free core."""
    return replace(PATIENT, cell_seconds=120, submission_seconds=900) if name == "09_cnns" else PATIENT


def our_course(folder: Path, name: str) -> Course:
    """A course of its own with one of our assignments."""
    shutil.copytree(ROOT / "solutions" / name, folder / "solutions" / name)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return Course(folder)


LONG = {
    "06_sgd",
    "07_training",
    "08_generalization",
    "09_cnns",
    "10_augmentation",
    "11_architectures",
    "12_transfer_learning",
}


@pytest.mark.sandbox
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in OURS])
def test_every_test_of_an_exercise_is_decided_outside_of_student_code(tmp_path, name):
    course = our_course(tmp_path, name)
    assignment = course.assignment(name)
    hand_in(course.folder("submitted", "ada", name), {book: solved(one) for book, one in assignment.notebooks.items()})
    grade(course, assignment, LocalPool(functools.partial(Worker, course.root), 1), limits=patience(name))
    with Store(course, assignment) as store:
        (record,) = store.records()
    assert record.findings == []
    assert [task.grade_id for task in record.tasks if task.score not in (None, task.max_score)] == []


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(3600)
def test_all_kinds_come_out_right_in_the_tensors_exercise(tmp_path):
    course = our_course(tmp_path, "02_tensors")
    assert run_suite(course, course.assignment("02_tensors"), CASES) == []


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [name for name in OURS if name != "02_tensors"])
def test_some_of_each_kind_come_out_right_in_every_exercise(tmp_path, name):
    course = our_course(tmp_path, name)
    assignment = course.assignment(name)
    cases = [case for case in CASES if case.name in SOME]
    assert run_suite(course, assignment, cases, limits=patience(name)) == []


def test_there_are_enough_kinds_and_each_has_a_name():
    twice = [name for name, count in Counter(case.name for case in CASES).items() if count > 1]
    assert twice == [], f"two cases have the name {twice}: give one another"
    assert len(CASES) >= 60
    groups = {"honest", "broken", "resource", "cheating", "reader"}
    odd = [f"{case.name}: {case.group}" for case in CASES if case.group not in groups]
    assert odd == [], f"{odd}: the groups are {sorted(groups)}"
    assert {case.group for case in CASES} == groups, "a group has no case left"
