"""A class graded: every submission taken in, run in a sandbox, judged, stored and explained.

Worker processes (or a Dask cluster) run one submission each and send back a result that is checked here; this process
alone writes. It may be stopped or killed at any moment: the same command goes on where it was.
"""

import contextlib
import functools
import hashlib
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

import grader
from grader.box.bwrap import course_package
from grader.collect.folders import find_submissions
from grader.collect.handed import Handed, Submission
from grader.collect.take_in import take_in
from grader.collect.who import identify, own_folders
from grader.course import Assignment, Course, CourseError
from grader.gradebook.files import StoreError, check_folder, write_file
from grader.gradebook.record import Record, TaskRecord
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store
from grader.model import Job, Limits, Result, Status, TaskStatus
from grader.notebook.rebuild import rebuild
from grader.pages import feedback, report
from grader.pages.alike import sketch
from grader.pages.clean import clean_markdown, clean_text
from grader.pages.outputs import autograded
from grader.pool import DaskPool, LocalPool


def record_of(assignment: Assignment, submission: Submission, results: list[Result], grader: str) -> Record:
    """What a submission gets, from what its runs gave and what intake found."""
    by_name = {job.source_path.stem: (job, result) for job, result in zip(submission.jobs, results, strict=True)}
    status = submission.status
    record = Record(
        assignment=assignment.name,
        student=submission.student,
        status=status,
        submission=submission.sha256,
        source=assignment.sha256,
        grader=grader,
        notes=[asdict(note) for note in submission.notes],
        timestamp=submission.timestamp.isoformat() if submission.timestamp else None,
    )
    stages: Counter = Counter()
    for name, source in assignment.notebooks.items():
        job, result = by_name.get(name) or (_empty(assignment, submission, name), None)
        verdicts = {task.grade_id: task for task in result.tasks} if result else {}
        attempted = {cell.grade_id: cell.attempted for cell in job.cells if cell.kind == "manual"}
        named = [cell for cell in source.cells if cell.grade_id]  # an answer in an ordinary cell carries no comment
        comments: dict[str, str | None] = {cell.grade_id: None for cell in named if cell.kind == "answer"}
        answer = None
        for cell in source.cells:
            if cell.kind in ("answer", "manual", "task") and cell.grade_id:
                answer = cell.grade_id
                unattempted = next((not one.attempted for one in job.cells if one.grade_id == answer), False)
                comments[answer] = "No response." if unattempted and cell.kind != "task" else None
            if not cell.graded:
                continue
            verdict = verdicts.get(cell.grade_id)
            score: float | None
            parts: tuple[str, ...] = ()
            believed: float | None = None
            if status == Status.REFUSED:
                score, what, message = None, TaskStatus.REFUSED, ""
            elif result is None:
                score, what, message = 0.0, TaskStatus.MISSING, ""
            elif cell.kind != "test":
                blank = cell.kind == "manual" and not attempted.get(cell.grade_id, True)
                score, what = (0.0, TaskStatus.NOT_ATTEMPTED) if blank else (None, TaskStatus.MANUAL)
                message = ""
            elif verdict.status == TaskStatus.FLAGGED:
                score, what, message, believed = None, TaskStatus.FLAGGED, "", verdict.believed
            else:
                score, what, message = verdict.score, verdict.status, verdict.message
                parts = tuple(clean_text(part, 2000) for part in verdict.parts)
                if message and answer and comments.get(answer) != "No response.":
                    comments[answer] = f"{comments[answer]}\n{message}" if comments.get(answer) else message
            text = clean_text(message, 4000)
            record.tasks.append(TaskRecord(name, cell.grade_id, score, cell.points, what, text, parts, believed))
        record.comments[name] = {key: value and clean_text(value, 4000) for key, value in comments.items()}
        if result is not None:
            record.findings += [one for one in result.findings if one not in record.findings]
            record.flags += [clean_text(flag, 500) for flag in result.flags]
            stages.update({key: value for key, value in result.seconds.items() if isinstance(value, (int, float))})
        record.pages[name] = autograded(source, job, result.show_outputs if result else {})
    record.sketch = sketch([cell for job in submission.jobs for cell in job.cells])
    if status == Status.GRADED:
        if any(task.status == TaskStatus.FLAGGED for task in record.tasks):
            record.status = Status.FLAGGED
        elif any(task.score is None for task in record.tasks):
            record.status = Status.MANUAL
    record.stages = {key: round(value, 3) for key, value in stages.items()}
    record.seconds = round(record.stages.get("total", 0.0), 3)
    record.sandbox = not grader.endswith("+unsafe")
    return record


def _empty(assignment: Assignment, submission: Submission, name: str) -> Job:
    """A job with no answers, to show what was expected of a notebook that cannot be read or never came."""
    source = assignment.notebooks[name]
    cells, _ = rebuild(source, [])
    return Job(assignment=assignment.name, student=submission.student, source_path=source.path, cells=cells)


@functools.cache
def grader_version() -> str:
    """The package's version and a hash of every module that decides a score."""
    package, course = Path(grader.__file__).parent, course_package()
    rooms = [package / room for room in ("collect", "notebook", "judge", "box")]
    ours = [*(package / f"{name}.py" for name in ("course", "model", "options", "run", "grading"))]
    ours += sorted(path for room in rooms for path in room.rglob("*.py"))
    digest = hashlib.sha256()
    words = ("checks.py", "comparing.py", "mistakes.py", "runtime.py")  # what this course's checks are made of
    deciding = [course / name for name in words] if course else []
    for path in [*ours, *deciding]:
        if path.is_file():
            digest.update(path.read_bytes())
    return f"{grader.__version__}+{digest.hexdigest()[:16]}"


@dataclass
class Outcome:
    """What one call of `grade` did."""

    statuses: Counter = field(default_factory=Counter)
    unchanged: int = 0
    changed: list[tuple[str, float, float]] = field(default_factory=list)  # totals before and after, as in grades.csv
    failures: dict[str, str] = field(default_factory=dict)
    unwritten: dict[str, str] = field(default_factory=dict)  # graded, but a page could not be written
    findings: dict[str, None] = field(default_factory=dict)  # about the assignment itself, in order
    gone: list[str] = field(default_factory=list)  # graded earlier, not among what was handed in
    absent: list[str] = field(default_factory=list)  # registered, without a submission
    left: int = 0  # not looked at, because the run was stopped

    @property
    def stopped(self) -> bool:
        """Was the run stopped before its end?"""
        return self.left > 0


def grade(
    course: Course,
    assignment: Assignment,
    pool: LocalPool | DaskPool,
    *,
    submitted: Path | None = None,
    students: list[str] | None = None,
    report_dir: Path | None = None,
    limits: Limits | None = None,
    version: str | None = None,
    stopping: threading.Event | None = None,
    progress: bool | None = None,
    again: bool = False,
) -> Outcome:
    """Grade every submission that has changed since it was graded, or whose source or grader has.

    Args:
        course: the course folder.
        assignment: what to grade.
        pool: who runs student code.
        submitted: where the submissions are, if not where the course's configuration says.
        students: grade only these.
        report_dir: where ``grades.csv``, ``report.json`` and ``report.html`` go.
        limits: what a submission may use.
        version: the grader's version, to tell whether an earlier grade still holds.
        stopping: set to end early.
        progress: show a progress bar; None means only in a terminal.
        again: grade also what has not changed.

    Raises:
        CourseError: if the course cannot be graded.
        StoreError: if gradebook or disk cannot be used.
        GradingError: if student code cannot be run.
    """
    where = submitted or course.root / course.directory.submitted_directory
    if submitted and (own := own_folders(course, submitted)):
        raise CourseError(
            f"{submitted} is, holds or lies in {own[0]}, a folder of the course itself: give --submitted a folder that "
            "holds nothing but one folder per student."
        )
    with lock(course), Store(course, assignment) as store:
        _check_folders(course, report_dir or course.grades / assignment.name)
        run = Grading(
            course, assignment, store, submitted, limits, version or grader_version(), stopping or threading.Event()
        )
        run.look_around(pool, students, where, again)
        run.grade_class(pool, progress)
        run.settle(whole=not students)
        report.write(course, assignment, store, report_dir, run.outcome.failures)
    return run.outcome


class Grading:
    """One run over a class: look around, grade whoever needs it, and settle what concerns all.

    A submission passes through `begin`, which takes it in, and `finish`, which stores and explains what it got. An
    error that nobody foresaw costs that submission only.

    Args:
        course: the course folder.
        assignment: what to grade.
        store: the open gradebook, which this process alone writes.
        submitted: where the submissions are, if not where the course's configuration says.
        limits: what a submission may use.
        version: the grader's version, to tell whether an earlier grade still holds.
        stopping: set to end early.
    """

    def __init__(
        self,
        course: Course,
        assignment: Assignment,
        store: Store,
        submitted: Path | None,
        limits: Limits | None,
        version: str,
        stopping: threading.Event,
    ) -> None:
        self.course, self.assignment, self.store, self.submitted = course, assignment, store, submitted
        self.limits, self.version, self.stopping = limits, version, stopping
        self.outcome = Outcome()
        self.timestamps: dict[str, datetime | None] = {}  # when each submission came that was looked at

    def look_around(self, pool: LocalPool | DaskPool, students: list[str] | None, where: Path, again: bool) -> None:
        """See who handed in, what is graded already and what an earlier run left; start the workers meanwhile."""
        store, handed = self.store, find_submissions(self.course, self.assignment, self.submitted)
        self.names, self.doubts, rows = identify(store, handed, students, where)
        self.graded_before = store.done()
        self.done = {} if again else self.graded_before
        pool.warm(len(set(self.names.values()) - set(self.done)))
        store.registry.register(rows)
        self.pending = {} if again else {record.student: (path, record) for path, record in store.journal.pending()}
        self.before, self.by_hand = store.scores.totals(), store.scores.by_hand()
        self.restored = store.restore()

    def grade_class(self, pool: LocalPool | DaskPool, progress: bool | None) -> None:
        """Run and judge what has changed, one submission after the other."""
        hidden = None if progress is None else not progress
        with (
            tqdm(total=len(self.names), unit="submission", desc=self.assignment.name, disable=hidden) as self.bar,
            contextlib.closing(pool.run(self.to_run())) as graded,
        ):
            for submission, results in graded:
                if isinstance(results, str):
                    self.fail(submission.student, results)
                    continue
                with self.alone(submission.student):
                    self.finish(record_of(self.assignment, submission, results, self.version))

    def settle(self, whole: bool) -> None:
        """Renew lateness and feedback, and say whose points changed and, of a whole class, who is gone."""
        outcome, store, here = self.outcome, self.store, set(self.names.values())
        if self.stopping.is_set():
            seen = sum(outcome.statuses.values()) + outcome.unchanged + len(outcome.failures)
            outcome.left = len(self.names) - seen
        for student in sorted(store.late.renew(self.timestamps) | self.restored):
            self.tell_again(student)
        outcome.changed = store.scores.changes(self.before)
        if whole and not outcome.stopped:
            outcome.gone = sorted(set(self.graded_before) - here)
            outcome.absent = sorted(set(store.registry.roster()) - set(self.graded_before) - here)

    def to_run(self) -> Iterator[Submission]:
        """The submissions whose code must be run; all others are finished on the way."""
        for handed in find_submissions(self.course, self.assignment, self.submitted):
            if self.stopping.is_set():
                return
            if handed.student not in self.names:
                continue
            if handed.student in self.doubts:
                handed.notes.append(self.doubts[handed.student])
            handed.student, submission = self.names[handed.student], None
            with self.alone(handed.student):
                submission = self.begin(handed)
            if submission is not None:
                yield submission

    def begin(self, handed: Handed) -> Submission | None:
        """What must be run of a submission; all that needs no run is finished here."""
        submission = take_in(handed, self.assignment, self.limits)
        student = submission.student
        self.timestamps[student] = submission.timestamp
        key = (submission.sha256, self.assignment.sha256, self.version)
        path, record = self.pending.pop(student, (None, None))
        if record is not None and record.key == key:
            self.finish(record, path)
            return None
        if path is not None:
            path.unlink(missing_ok=True)
        if self.done.get(student) == key and _has_pages(self.course, self.assignment, "autograded", student):
            if not _has_pages(self.course, self.assignment, "feedback", student):
                self.tell_again(student)
            self.outcome.unchanged += 1
            self.bar.update()
        elif submission.jobs:
            return submission
        else:
            self.finish(record_of(self.assignment, submission, [], self.version))
        return None

    def finish(self, record: Record, path: Path | None = None) -> None:
        """Store what a submission got, then write its pages; ``path`` is where the journal has it already."""
        seen_by_hand = record.student in self.by_hand
        unchanged = _as_before(self.course, self.assignment, record) if seen_by_hand else frozenset()
        path = path or self.store.journal.keep(record)
        self.store.commit(record, unchanged)
        self.tell_findings(record.findings)
        # after the commit: what was there tells the next call, if this one is killed here, what a human has seen
        try:
            _write_pages(self.course, self.assignment, record)
            feedback.write_pages(self.course, self.assignment, self.store, record, record.pages)
            path.unlink(missing_ok=True)
        except StoreError as error:  # the grade is stored, and the journal keeps the pages for the next call
            self.outcome.unwritten[record.student] = str(error)
        self.outcome.statuses[record.status] += 1
        self.bar.update()

    def tell_findings(self, findings: list[str]) -> None:
        """Say what is wrong with the assignment itself once, and before the class is graded, not after."""
        new = [finding for finding in findings if finding not in self.outcome.findings]
        self.outcome.findings |= dict.fromkeys(new)
        for finding in new:
            tqdm.write(f"About the assignment itself: {finding}.", file=sys.stderr)

    def tell_again(self, student: str) -> None:
        """Write a student's feedback anew, from what the gradebook says now."""
        try:
            if (record := self.store.record(student)) is not None:
                feedback.write_again(self.course, self.assignment, self.store, record)
        except StoreError as error:
            self.outcome.unwritten[student] = str(error)

    @contextlib.contextmanager
    def alone(self, student: str) -> Iterator[None]:
        """Let an error that nobody foresaw cost this submission only, not the class."""
        try:
            yield
        except (CourseError, StoreError):
            raise  # the same would happen to every other submission
        except Exception as error:
            self.fail(student, f"The grader itself failed: {type(error).__name__}: {error}")

    def fail(self, student: str, why: str) -> None:
        """Note that a submission was not graded, and go on."""
        self.outcome.failures[student] = why
        self.bar.update()


def _check_folders(course: Course, reports: Path) -> None:
    """See before grading that its results can be written."""
    check_folder(reports)
    if course.directory.directory_structure.startswith("{nbgrader_step}"):
        check_folder(course.root / course.directory.autograded_directory)
        check_folder(course.root / course.directory.feedback_directory)


def _has_pages(course: Course, assignment: Assignment, step: str, student: str) -> bool:
    folder, suffix = course.folder(step, student, assignment.name), ".html" if step == "feedback" else ".ipynb"
    return all((folder / f"{name}{suffix}").is_file() for name in assignment.notebooks)


def _as_before(course: Course, assignment: Assignment, record: Record) -> set[tuple[str, str]]:
    """Notebook and grade id of tasks whose answer is that in ``autograded/``, which stock nbgrader may have written."""
    same = set()
    folder = course.folder("autograded", record.student, assignment.name)
    for name, page in record.pages.items():
        try:
            old = _texts(json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        new, answer = _texts(page), None
        for cell in assignment.notebooks[name].cells:
            if cell.kind in ("answer", "manual"):
                answer = cell.grade_id
            stub = clean_markdown(cell.released) if cell.cell_type == "markdown" else cell.released
            # a task is answered in cells of the student's own, and so may be what was left as it was
            keys = {None} if cell.kind == "task" else {answer}
            if cell.kind == "manual" and new.get(answer) == [stub.strip()]:
                keys.add(None)
            if cell.graded and all(old.get(key) == new.get(key) for key in keys):
                same.add((name, cell.grade_id))
    return same


def _texts(notebook: dict) -> dict[str | None, list[str]]:
    """The text of each cell by its grade id, and that of the others, in order, under None."""
    found: dict[str | None, list[str]] = {}
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        text = clean_markdown(text) if cell["cell_type"] == "markdown" else text
        found.setdefault(cell["metadata"].get("nbgrader", {}).get("grade_id"), []).append(text.strip())
    return found


def _write_pages(course: Course, assignment: Assignment, record: Record) -> None:
    folder = course.folder("autograded", record.student, assignment.name)
    for name, notebook in record.pages.items():
        text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        write_file(folder / f"{name}.ipynb", text)
    if record.timestamp:
        write_file(folder / "timestamp.txt", f"{record.timestamp} UTC\n")
