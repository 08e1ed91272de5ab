"""A class graded: every submission taken in, run in a sandbox, judged, stored and explained.

Worker processes (or a Dask cluster) run one submission each and send back a result that is checked here; this process
alone writes. It may be stopped or killed at any moment: the same command goes on where it was.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tqdm import tqdm

import grader
from grader import feedback, report, sandbox
from grader.course import Assignment, Course, CourseError
from grader.intake import Handed, Note, Submission, find_submissions, rebuild, take_in
from grader.pool import DaskPool, LocalPool
from grader.store import Record, Store, StoreError, Task, check_folder, lock, write_file
from grader.worker import Job, Limits, Result

__all__ = ["Outcome", "grade", "grader_version", "judge"]

# --- from results to a record --------------------------------------------------------------------------------------


def judge(assignment: Assignment, submission: Submission, results: list[Result], grader: str) -> Record:
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
        comments: dict[str, str | None] = {cell.grade_id: None for cell in source.cells if cell.kind == "answer"}
        answer = None
        for cell in source.cells:
            if cell.kind in ("answer", "manual", "task"):
                answer = cell.grade_id
                unattempted = next((not one.attempted for one in job.cells if one.grade_id == answer), False)
                comments[answer] = "No response." if unattempted and cell.kind != "task" else None
            if not cell.graded:
                continue
            verdict = verdicts.get(cell.grade_id)
            score: float | None
            if status == "refused":
                score, what, message = None, "refused", ""
            elif result is None:
                score, what, message = 0.0, "missing", ""
            elif cell.kind != "test":
                blank = cell.kind == "manual" and not attempted.get(cell.grade_id, True)
                score, what, message = (0.0, "not_attempted", "") if blank else (None, "manual", "")
            elif verdict.status == "flagged":
                score, what, message = None, "flagged", ""
            else:
                score, what, message = verdict.score, verdict.status, verdict.message
                if message and answer and comments.get(answer) != "No response.":
                    comments[answer] = f"{comments[answer]}\n{message}" if comments.get(answer) else message
            record.tasks.append(Task(name, cell.grade_id, score, cell.points, what, feedback.clean_text(message, 4000)))
        record.comments[name] = {key: value and feedback.clean_text(value, 4000) for key, value in comments.items()}
        if result is not None:
            record.findings += [one for one in result.findings if one not in record.findings]
            record.flags += [feedback.clean_text(flag, 500) for flag in result.flags]
            stages.update({key: value for key, value in result.seconds.items() if isinstance(value, (int, float))})
        record.pages[name] = feedback.autograded(source, job, result.show_outputs if result else {})
    if status == "graded":
        flagged = any(task.status == "flagged" for task in record.tasks)
        record.status = "flagged" if flagged else "manual" if any(t.score is None for t in record.tasks) else "graded"
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
    package, course = Path(grader.__file__).parent, sandbox.course_package()
    names = ["course", "intake", "worker", "inside", "sandbox", "split", "verdict", "grading"]
    digest = hashlib.sha256()
    deciding = [course / name for name in ("checks.py", "runtime.py")] if course else []
    for path in [*(package / f"{name}.py" for name in names), *deciding]:
        if path.is_file():
            digest.update(path.read_bytes())
    return f"{grader.__version__}+{digest.hexdigest()[:16]}"


# --- the whole way -------------------------------------------------------------------------------------------------


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
    version, stopping, outcome = version or grader_version(), stopping or threading.Event(), Outcome()
    where = submitted or course.root / course.directory.submitted_directory
    if submitted and (own := _own_folders(course, submitted)):
        raise CourseError(
            f"{submitted} is, holds or lies in {own[0]}, a folder of the course itself: give --submitted a folder that "
            "holds nothing but one folder per student."
        )
    with lock(course), Store(course, assignment) as store:
        _check_folders(course, report_dir or course.grades / assignment.name)
        names, doubts, rows = _identify(store, find_submissions(course, assignment, submitted), students, where)
        graded_before = store.done()
        done = {} if again else graded_before
        pool.warm(len(set(names.values()) - set(done)))
        store.register(rows)
        pending = {} if again else {record.student: (path, record) for path, record in store.pending()}
        before, by_hand, timestamps = store.totals(), store.by_hand(), {}
        restored = store.restore()
        bar = tqdm(
            total=len(names),
            unit="submission",
            desc=assignment.name,
            disable=None if progress is None else not progress,
        )

        @contextlib.contextmanager
        def alone(student: str) -> Iterator[None]:
            """Let an error that nobody foresaw cost this submission only, not the class."""
            try:
                yield
            except (CourseError, StoreError):
                raise  # the same would happen to every other submission
            except Exception as error:
                outcome.failures[student] = f"The grader itself failed: {type(error).__name__}: {error}"
                bar.update()

        def finish(record: Record, path: Path | None = None) -> None:
            unchanged = _as_before(course, assignment, record) if record.student in by_hand else frozenset()
            path = path or store.keep(record)
            store.commit(record, unchanged)
            outcome.findings |= dict.fromkeys(record.findings)
            # after the commit: what was there tells the next call, if this one is killed here, what a human has seen
            try:
                _write_pages(course, assignment, record)
                feedback.write_pages(course, assignment, store, record, record.pages)
                path.unlink(missing_ok=True)
            except StoreError as error:  # the grade is stored, and the journal keeps the pages for the next call
                outcome.unwritten[record.student] = str(error)
            outcome.statuses[record.status] += 1
            bar.update()

        def work() -> Iterator[Submission]:
            for handed in find_submissions(course, assignment, submitted):
                if stopping.is_set():
                    return
                if handed.student not in names:
                    continue
                if handed.student in doubts:
                    handed.notes.append(doubts[handed.student])
                handed.student, submission = names[handed.student], None
                with alone(handed.student):
                    submission = begin(handed)
                if submission is not None:
                    yield submission

        def tell_again(student: str) -> None:
            try:
                if (record := store.record(student)) is not None:
                    feedback.write_again(course, assignment, store, record)
            except StoreError as error:
                outcome.unwritten[student] = str(error)

        def begin(handed: Handed) -> Submission | None:
            """What must be run of a submission; all that needs no run is finished here."""
            submission = take_in(handed, assignment, limits)
            timestamps[submission.student] = submission.timestamp
            key = (submission.sha256, assignment.sha256, version)
            path, record = pending.pop(submission.student, (None, None))
            if record is not None and record.key == key:
                finish(record, path)
                return None
            if path is not None:
                path.unlink(missing_ok=True)
            if done.get(submission.student) == key and _has_pages(course, assignment, "autograded", submission.student):
                if not _has_pages(course, assignment, "feedback", submission.student):
                    tell_again(submission.student)
                outcome.unchanged += 1
                bar.update()
            elif submission.jobs:
                return submission
            else:
                finish(judge(assignment, submission, [], version))
            return None

        try:
            with contextlib.closing(pool.run(work())) as graded:
                for submission, results in graded:
                    if isinstance(results, str):
                        outcome.failures[submission.student] = results
                        bar.update()
                        continue
                    with alone(submission.student):
                        finish(judge(assignment, submission, results, version))
        finally:
            bar.close()
        if stopping.is_set():
            outcome.left = len(names) - sum(outcome.statuses.values()) - outcome.unchanged - len(outcome.failures)
        for student in sorted(store.penalise(timestamps) | restored):
            tell_again(student)
        outcome.changed = store.changes(before)
        if not students and not outcome.stopped:
            outcome.gone = sorted(set(graded_before) - set(names.values()))
            outcome.absent = sorted(set(store.roster()) - set(graded_before) - set(names.values()))
        report.write(course, assignment, store, report_dir, outcome.failures)
    return outcome


def _own_folders(course: Course, where: Path) -> list[Path]:
    """The course's own folders, that of submissions aside, which a folder is, holds or lies in."""
    steps = [getattr(course.directory, f"{step}_directory") for step in ("source", "release", "autograded", "feedback")]
    there, where = [(course.root / name).resolve() for name in [*steps, course.grades]], where.resolve()
    there = [folder for folder in there if folder.is_dir() and where.is_dir() and folder != course.root.resolve()]
    return [folder for folder in there if where in (folder, *folder.parents) or folder in where.parents]


def _check_folders(course: Course, reports: Path) -> None:
    """See before grading that its results can be written."""
    check_folder(reports)
    if course.directory.directory_structure.startswith("{nbgrader_step}"):
        check_folder(course.root / course.directory.autograded_directory)
        check_folder(course.root / course.directory.feedback_directory)


def _identify(
    store: Store, handed: Iterable[Handed], students: list[str] | None, where: Path
) -> tuple[dict[str, str], dict[str, Note], list[tuple[str, str | None, str | None, str | None]]]:
    """Whose each folder is, what is doubtful about that, and what the gradebook should know of each student, sorted.

    Raises:
        CourseError: if ``where`` holds no submission, none of the given students, or one where students should be.
    """
    roster, name, usable = store.roster(), store.assignment.name, False
    folders: dict[str, Handed] = {}
    for one in handed:
        notebooks = [entry.path for entry in one.entries if ".ipynb" in entry.path.lower()]
        if one.student == name and name not in roster and any("/" not in path for path in notebooks):
            parent = where.resolve().parent
            maybe = "" if _own_folders(store.course, parent) else f" (is it {parent}?)"
            raise CourseError(
                f"In {where}, {name!r} stands where a student's name should: give --submitted the folder that holds "
                f"one folder per student{maybe}, and name single students with --student."
            )
        packed = any(entry.path.lower().endswith(".zip") for entry in one.entries)
        usable = usable or packed or bool(notebooks or one.problem) or os.path.lexists(where / one.student / name)
        folders[one.student] = dataclasses.replace(one, entries=[])  # a class's worth of files need not stay in memory
    names, doubts = _owners(roster, folders)
    given = Counter(one.lms_user_id for one in folders.values())
    given.update(lms for _, _, lms in roster.values())
    rows, wanted = {}, {}
    for folder, student in names.items():
        if students and not {folder, student} & set(students):
            continue
        one, wanted[folder] = folders[folder], student
        # a number that somebody else has, too, would identify the wrong student next time
        number = one.lms_user_id if given[one.lms_user_id] == 1 else None
        rows[student] = (student, one.first_name, one.last_name, number)
    if not usable:
        expected = where / "STUDENT" / name / f"{next(iter(store.assignment.notebooks))}.ipynb"
        raise CourseError(f"No submission of {name} was found in {where}: expected {expected}, or an LMS zip.")
    if students and (unknown := set(students) - set(wanted) - set(wanted.values())):
        raise CourseError(f"Nothing was handed in by {', '.join(sorted(unknown))}.")
    return wanted, doubts, [rows[student] for student in sorted(rows)]


def _owners(
    roster: dict[str, tuple[str | None, str | None, str | None]], folders: dict[str, Handed]
) -> tuple[dict[str, str], dict[str, Note]]:
    """For each folder the student it belongs to, never the same for two, and a note where that may be somebody else.

    It is the student whose id the folder has; or whose number, unless the names differ; or whose full name, if nobody
    else has that. A folder whose student is taken is a student of its own.
    """
    by_number, by_name = {}, {}
    for student, (first, last, number) in roster.items():
        by_number.setdefault(number, []).append(student)
        by_name.setdefault(_full_name(first, last), []).append(student)
    claims: dict[str, dict[bool, list[str]]] = {}  # of each student: the folders with the number, and with the name
    alike: dict[str, tuple[list[str], list[str]]] = {}
    for folder, one in folders.items():
        full = _full_name(one.first_name, one.last_name)
        numbered = by_number.get(one.lms_user_id, []) if one.lms_user_id else []
        named = by_name.get(full, []) if full else []
        alike[folder] = numbered, named
        sure = len(numbered) == 1 and (not full or _full_name(*roster[numbered[0]][:2]) in ("", full))
        student = numbered[0] if sure else named[0] if len(named) == 1 else None
        if student and folder not in roster and student not in folders:
            claims.setdefault(student, {}).setdefault(sure, []).append(folder)
    names = {folder: folder for folder in folders}
    for student, found in claims.items():
        best = found.get(True) or found[False]
        if len(best) == 1:
            names[best[0]] = student
    doubts = {}
    for folder, (numbered, named) in alike.items():
        # where no student was found, those whose name it is may be meant, unless the same archive holds their folders
        free = [one for one in named if one not in folders or not folders[one].lms_user_id]
        others = dict.fromkeys([*numbered, *(free if names[folder] == folder else [])])
        others = ", ".join(one for one in others if one != names[folder])
        number = roster[names[folder]][2] if names[folder] in roster else None
        other = number and folders[folder].lms_user_id not in (None, number)
        if others or other:
            where = "under its own name" if names[folder] == folder else f"as {names[folder]}"
            why = f"its number or name is also that of {others}" if others else f"there the number is {number}"
            doubts[folder] = Note(
                "identity",
                f"{folder} was graded {where}, but in the gradebook {why}: see whose it is.",
                "Your number or name on the learning platform fits another student, too; somebody will see to it.",
            )
    return names, doubts


def _full_name(first: str | None, last: str | None) -> str:
    """A name in a form in which the same names are equal, however they are written."""
    return unicodedata.normalize("NFC", " ".join(f"{first or ''} {last or ''}".casefold().split()))


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
            stub = feedback.clean_markdown(cell.released) if cell.cell_type == "markdown" else cell.released
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
        text = feedback.clean_markdown(text) if cell["cell_type"] == "markdown" else text
        found.setdefault(cell["metadata"].get("nbgrader", {}).get("grade_id"), []).append(text.strip())
    return found


def _write_pages(course: Course, assignment: Assignment, record: Record) -> None:
    folder = course.folder("autograded", record.student, assignment.name)
    for name, notebook in record.pages.items():
        text = json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        write_file(folder / f"{name}.ipynb", text)
    if record.timestamp:
        write_file(folder / "timestamp.txt", f"{record.timestamp} UTC\n")
