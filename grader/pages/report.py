"""What an instructor looks at after grading: ``grades.csv``, ``report.json`` and ``report.html``."""

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from grader.course import Assignment, Course
from grader.gradebook.files import write_file
from grader.gradebook.record import Record
from grader.gradebook.store import Store
from grader.model import Status, TaskStatus
from grader.pages.alike import alike
from grader.pages.clean import clean_text
from grader.pages.document import write_page
from grader.pages.titles import readable, titles

MAX_PAIRS = 50  # of students whose code is alike that are shown


MAX_KINDS = 20_000  # different wrong answers that are counted


_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


# notes that say a guess was made about which text is the answer, whose or of when, or that a part of it is not shown
_GUESSES = {
    "identity", "stripped", "duplicated", "answer-missing", "duplicate-file", "broken-cells", "picture", "timestamp",
}  # fmt: skip


@dataclass
class _TaskStatistics:
    """How a class did on one task."""

    max_score: float = 0.0
    total: float = 0.0
    full: int = 0
    count: int = 0
    statuses: Counter = field(default_factory=Counter)
    wrong: Counter = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


@dataclass
class _Row:
    """One submission, as the tables need it."""

    student: str
    name: str
    status: Status
    score: float
    max_score: float
    eyes: list[str]
    mended: list[str]
    seconds: float


def write(
    course: Course,
    assignment: Assignment,
    store: Store,
    folder: Path | None,
    failures: dict[str, str],
    *,
    findings: Sequence[str] = (),
) -> Path:
    """Write the three reports from what the gradebook holds now, overrides included.

    Args:
        course: the course folder.
        assignment: what was graded.
        store: its open gradebook.
        folder: where the reports go; by default ``grades/ASSIGNMENT`` in the course folder.
        failures: submissions that could not be graded in this run, with the reason.
        findings: what is wrong with the assignment itself, in sentences; those of the records are shown as well.
    """
    folder = folder or course.grades / assignment.name
    many = len(assignment.notebooks) > 1
    names = {
        (book.name, cell.grade_id): f"{book.name}/{cell.grade_id}" if many else cell.grade_id
        for book in assignment.notebooks.values()
        for cell in book.graded
    }
    table = io.StringIO()
    # where a semicolon separates columns, x;=1+1 would be a formula were it not quoted
    writer = csv.writer(table, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    head = ["student", "last_name", "first_name", "status", "score", "max_score", "late_penalty"]
    writer.writerow([*head, *names.values(), "needs_eyes", "sandbox", "notes"])
    statistics = {name: _TaskStatistics() for name in names.values()}
    statuses: Counter = Counter()
    rows: list[_Row] = []
    files: dict[str, list[str]] = {}
    sketches: dict[str, list[int]] = {}
    stages: Counter = Counter()
    entries: list[str] = []
    found = dict.fromkeys(findings)
    roster = store.registry.roster()
    scores = store.scores.of_all()
    for record in store.records():
        if record.student in failures:
            continue
        now = scores.pop(record.student, {})
        first, last, _ = roster.get(record.student, (None, None, None))
        points = {name: now.get(key, {}).get("score", 0.0) for key, name in names.items()}
        penalty = next(iter(now.values()))["penalty"] if now else 0.0
        score = max(sum(points.values()) - penalty, 0.0)
        waiting = [names[key] for key, entry in now.items() if key in names and entry["needs"]]
        eyes = _eyes(record, waiting)
        mended = [note["instructor"] for note in record.notes if note["code"] not in ("refused", "missing")]
        cells = [record.student, last, first, record.status, score, record.max_score, penalty, *points.values()]
        notes = [note["instructor"] for note in record.notes] + _flags(record)
        safe = "yes" if record.sandbox else "NO"
        writer.writerow([spreadsheet_cell(value) for value in [*cells, "; ".join(eyes), safe, " ".join(notes)]])
        statuses[record.status] += 1
        stages.update(record.stages)
        name = " ".join(part for part in (first, last) if part)
        rows.append(_Row(record.student, name, record.status, score, record.max_score, eyes, mended, record.seconds))
        if record.status in (Status.GRADED, Status.MANUAL) and record.score > 0:
            files.setdefault(record.submission, []).append(record.student)
        sketches[record.student] = record.sketch
        found |= dict.fromkeys(record.findings)
        given = {key: points[name] for key, name in names.items()}
        for task in record.tasks:
            name = names[task.notebook, task.grade_id]
            _count(statistics[name], task, points[name])
        entries.append(_json(_entry(record, score, eyes, given)))
    for student, reason in sorted(failures.items()):
        failed = Status.INFRASTRUCTURE
        statuses[failed] += 1
        eyes = [failed.instructor, reason]
        rows.append(_Row(student, "", failed, 0.0, assignment.max_score, eyes, [], 0.0))
        blank = [student, "", "", failed, "", assignment.max_score, "", *[""] * len(names)]
        writer.writerow([spreadsheet_cell(value) for value in [*blank, "; ".join(eyes), "", ""]])
        entries.append(_json({"student": student, "status": failed, "needs_eyes": eyes}))
    same = [students for students in files.values() if len(students) > 1]
    known = {pair for students in same for pair in combinations(sorted(students), 2)}
    pairs = [(one, other, share) for one, other, share in alike(sketches) if (one, other) not in known]
    tasks = {name: _summary(one) for name, one in statistics.items()}
    summary = {
        "assignment": assignment.name,
        "max_score": assignment.max_score,
        "source": assignment.sha256,
        "findings": list(found),
        "statuses": dict(sorted(statuses.items())),
        "tasks": tasks,
        "identical": same,
        "alike": [{"students": [*pair], "share": round(share, 2)} for *pair, share in pairs[:MAX_PAIRS]],
        "absent": sorted(set(roster) - {row.student for row in rows}),
        "seconds": {name: round(seconds, 1) for name, seconds in sorted(stages.items())},
    }
    write_file(folder / "grades.csv", table.getvalue())
    body = json.dumps(_clean(summary), indent=1, ensure_ascii=False)[:-2]
    write_file(folder / "report.json", body + ',\n "submissions": [\n' + ",\n".join(entries) + "\n ]\n}\n")
    write_file(folder / "report.html", _page(assignment, summary, rows))
    return folder / "report.html"


def _eyes(record: Record, waiting: list[str]) -> list[str]:
    """Why a human should look at a submission."""
    why = [record.status.instructor] if record.status == Status.FLAGGED else []
    why += [note["instructor"] for note in record.notes if note["code"] == "refused" or note["code"] in _GUESSES]
    why += _flags(record)
    if waiting and record.status not in (Status.REFUSED, Status.FLAGGED):
        why.append(f"Waits for a grade by hand: {', '.join(waiting)}.")
    if not record.sandbox:
        why.append("Graded without a sandbox.")
    return why


def _flags(record: Record) -> list[str]:
    """What aroused the grader's suspicion, each once; that there was no sandbox is said in a column of its own."""
    return [flag for flag in dict.fromkeys(record.flags) if flag != "graded without a sandbox"]


def _entry(record: Record, score: float, eyes: list[str], points: dict[tuple[str, str], float]) -> dict:
    return {
        "student": record.student,
        "status": record.status,
        "score": score,
        "max_score": record.max_score,
        "needs_eyes": eyes,
        "flags": record.flags,
        "notes": [note["instructor"] for note in record.notes],
        "sandbox": record.sandbox,
        "seconds": record.stages,
        "submission": record.submission,
        "tasks": [
            {"task": task.grade_id, "notebook": task.notebook, "status": task.status, "auto_score": task.score,
             "score": points[task.notebook, task.grade_id], "max_score": task.max_score, "message": task.message}
            for task in record.tasks
        ],
    }  # fmt: skip


def _count(statistics: _TaskStatistics, task: object, points: float) -> None:
    statistics.max_score = task.max_score
    statistics.total += points
    statistics.count += 1
    statistics.full += points >= task.max_score
    statistics.statuses[task.status] += 1
    if not task.message or task.status == TaskStatus.NOT_ATTEMPTED:
        return
    kind = _NUMBER.sub("…", " ".join(task.message.split()))[:300]  # inputs differ from student to student
    statistics.wrong[kind] += 1
    statistics.examples.setdefault(kind, task.message[:600])
    if len(statistics.wrong) > MAX_KINDS:
        statistics.wrong = Counter(dict(statistics.wrong.most_common(MAX_KINDS // 2)))
        statistics.examples = {kind: statistics.examples[kind] for kind in statistics.wrong}


def _summary(one: _TaskStatistics) -> dict:
    count = max(one.count, 1)
    # ties in alphabetical order: the report must not depend on who was graded first
    frequent = sorted(one.wrong.items(), key=lambda item: (-item[1], item[0]))[:5]
    return {
        "max_score": one.max_score,
        "submissions": one.count,
        "mean": round(one.total / count, 3),
        "full_points": round(one.full / count, 3),
        "statuses": dict(sorted(one.statuses.items())),
        "wrong_answers": [{"count": number, "example": one.examples[kind]} for kind, number in frequent],
    }


def _clean(value: object) -> object:
    """A value for JSON whose texts hold nothing invisible: file names and messages are a student's."""
    if isinstance(value, dict):
        return {key: _clean(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return clean_text(value) if isinstance(value, str) else value


def _json(value: dict) -> str:
    return json.dumps(_clean(value), sort_keys=True, ensure_ascii=False)


def spreadsheet_cell(value: object) -> str | float:
    """A value as a spreadsheet may read it: text that would be taken for a formula gets a quotation mark."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        number = float(f"{value:.6g}")
        return int(number) if number.is_integer() else number
    text = " ".join(clean_text(value, 2000).split())  # so no tab and no line's end begins it, either
    # in compatibility form, because some spreadsheets read full-width signs as they read the others
    first = unicodedata.normalize("NFKC", text[:1])
    return f"'{text}" if first in ("=", "+", "-", "\u2212", "@", "|") else text


def _page(assignment: Assignment, summary: dict, rows: list[_Row]) -> str:
    names = titles(assignment.notebooks.values())
    order = (Status.INFRASTRUCTURE, Status.REFUSED, Status.FLAGGED, Status.MANUAL, Status.MISSING, Status.GRADED)
    return write_page(
        "report.html",
        f"{assignment.name}: report",
        lambda text: readable(text, names),
        assignment=assignment,
        summary=summary,
        rows=rows,
        counts=", ".join(f"{count} {status}" for status, count in summary["statuses"].items()),
        mean=sum(row.score for row in rows if row.status != Status.INFRASTRUCTURE) / max(len(rows), 1),
        eyes=sorted((row for row in rows if row.eyes), key=lambda row: (order.index(row.status), row.student)),
        tasks=sorted(summary["tasks"].items(), key=lambda item: (item[1]["full_points"], item[0])),
    )


def say_changes(changed: list[tuple[str, float, float]]) -> None:
    """Print whose points changed: student, points before and points now of each."""
    for student, before, now in changed[:20]:
        print(f"  {student}: {before:g} points became {now:g}")
    if len(changed) > 20:
        print(f"  ... and {len(changed) - 20} more")
