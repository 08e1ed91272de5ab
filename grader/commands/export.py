"""``python -m grader export``: grades and feedback in the form in which a learning platform takes them back.

A sheet that the platform made is filled, never made up: its columns, order and form stay. Nothing is written if a name
does not fit the number beside it, or if somebody's grade would have no line.
"""

import argparse
import re
import sys
import unicodedata
import zipfile
from pathlib import Path

from grader.collect.folders import find_submissions
from grader.collect.who import identify
from grader.commands.overrides import read_score
from grader.commands.tables import Table, read_table
from grader.commands.worksheet import COLUMNS, Worksheet, named, read_worksheet
from grader.course import Assignment, Course, CourseError
from grader.gradebook.files import StoreError, write_file
from grader.gradebook.sqlite import lock
from grader.gradebook.store import Store

Roster = dict[str, tuple[str | None, str | None, str | None]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``python -m grader export``."""
    parser.add_argument("assignment")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--moodle", type=Path, metavar="WORKSHEET", help="Moodle's grading worksheet, to be filled")
    what.add_argument("--canvas", type=Path, metavar="GRADEBOOK", help="Canvas's gradebook, to be filled")
    what.add_argument(
        "--feedback", type=Path, metavar="ZIP|DIR", help="the archive or folder that came, to be mirrored"
    )
    parser.add_argument("--column", metavar="NAME", help="Canvas: the assignment's column, if it has another name")
    parser.add_argument(
        "--columns", nargs="+", metavar="WHAT=NAME", help="Moodle: what its columns are called, as in grade=Bewertung"
    )
    parser.add_argument("--scale", action="store_true", help="scale points to the maximum that the sheet has")
    parser.add_argument("--out", type=Path, metavar="FILE", help="what is written (default: in grades/ASSIGNMENT)")
    parser.add_argument("--course", default=".", metavar="DIR", help="the course folder (default: here)")


def run(args: argparse.Namespace) -> int:
    """Write the sheet or the archive. Exit status 2, and nothing written, if it does not fit the grades."""
    try:
        course = Course(args.course)
        assignment = course.assignment(args.assignment)
        with lock(course), Store(course, assignment) as store:
            store.registry.check_source()
            given = args.moodle or args.canvas or args.feedback
            suffix = ".zip" if args.feedback else given.suffix
            out = args.out or course.grades / assignment.name / f"{given.resolve().stem}-filled{suffix}"
            if out.exists() and out.resolve() == given.resolve():
                raise CourseError(f"{out} is the file that came from the platform: name another with --out.")
            if out.is_dir():
                raise CourseError(f"{out} is a folder: name a file in it with --out.")
            if args.feedback:
                said = _feedback(course, assignment, store, args.feedback, out)
            else:
                said = _grades(store, assignment, args, out)
    except (CourseError, StoreError) as error:
        print(error, file=sys.stderr)
        return 1 if isinstance(error, StoreError) else 2
    print(said)
    return 0


# --- grades ----------------------------------------------------------------------------------------------------------


def _grades(store: Store, assignment: Assignment, args: argparse.Namespace, out: Path) -> str:
    waiting = store.scores.waiting()  # nobody whose scores were all given by hand, though the file was refused
    totals = store.scores.totals()
    ready = {student: points for student, points in totals.items() if student not in waiting}
    fill = fill_moodle if args.moodle else fill_canvas
    if args.moodle:
        table = read_worksheet(args.moodle, named(args.columns))
    else:
        table = read_table(args.canvas, ("Student", "ID"), _CANVAS)
    count = fill(table, store.registry.roster(), set(totals), ready, assignment, args)
    write_file(out, table.content())
    left = f" Left out, because they wait for a score by hand: {', '.join(sorted(waiting))}." if waiting else ""
    return f"{out} has the points of {count} students; upload it to the platform.{left}"


_CANVAS = "needs the columns Student and ID of Canvas's gradebook (Grades, Export)."


def fill_moodle(
    table: Worksheet, roster: Roster, graded: set[str], ready: dict[str, float], assignment: Assignment, args: object
) -> int:
    """Enter points into Moodle's grading worksheet; returns how many.

    Raises:
        CourseError: if names, numbers or the maximum do not fit.
    """
    number, name, login, grade, most = (table.place[what] for what in COLUMNS)
    rows = {}
    for line, row in table.rows:
        digits = re.search(r"\d+$", row[number].strip())
        rows[line] = (digits[0] if digits else "", row[name] if name is not None else "", _cell(row, login), row)
    owners = owners_of(table.path, rows, roster, graded)
    for line, student in owners.items():
        row = rows[line][3]
        maximum = read_score(_cell(row, most), float("inf"), f"{table.path}, line {line}")
        comma = "," in _cell(row, most) or (table.delimiter == ";" and "." not in _cell(row, most))
        factor = _factor(maximum, assignment, args.scale, table.path)
        if student in ready:
            text = f"{ready[student] * factor:.2f}"
            row[grade] = text.replace(".", ",") if comma else text
    return sum(student in ready for student in owners.values())


def fill_canvas(
    table: Table, roster: Roster, graded: set[str], ready: dict[str, float], assignment: Assignment, args: object
) -> int:
    """Enter points into the assignment's column of Canvas's gradebook, and leave no other one; returns how many.

    Raises:
        CourseError: if the column is not found, or names, numbers or the maximum do not fit.
    """
    number, name, login = (table.column(one) for one in ("ID", "Student", "SIS Login ID"))
    wanted = args.column or assignment.name
    columns = [place for place, text in enumerate(table.head) if re.sub(r"\s*\(\d+\)$", "", text).strip() == wanted]
    columns = columns or [place for place, text in enumerate(table.head) if text.strip() == wanted]
    if len(columns) != 1:
        raise CourseError(
            f"{table.path} has no column {wanted!r}, or several: name it with --column as the sheet has it."
        )
    rows, maximum = {}, None
    for line, row in table.rows:
        if row[name].strip().lower() == "points possible":
            maximum = read_score(row[columns[0]], float("inf"), f"{table.path}, line {line}")
        elif row[number].strip():
            last, comma, first = row[name].partition(",")
            rows[line] = (row[number].strip(), f"{first} {last}" if comma else row[name], _cell(row, login), row)
    owners = owners_of(table.path, rows, roster, graded)
    factor = _factor(maximum, assignment, args.scale, table.path)
    for line, student in owners.items():
        if student in ready:
            rows[line][3][columns[0]] = f"{ready[student] * factor:.6g}"
    about = [table.column(one) for one in ("Student", "ID", "SIS User ID", "SIS Login ID", "Root Account", "Section")]
    keep = sorted({*(place for place in about if place is not None), columns[0]})
    table.head = [table.head[place] for place in keep]
    table.rows = [(line, [row[place] for place in keep]) for line, row in table.rows]
    return sum(student in ready for student in owners.values())


def _cell(row: list[str], place: int | None) -> str:
    return "" if place is None else row[place].strip()


def _factor(maximum: float | None, assignment: Assignment, scale: bool, path: Path) -> float:
    if maximum in (None, assignment.max_score):
        return 1.0
    if not scale:
        raise CourseError(
            f"{path} has a maximum of {maximum:g} points, the assignment {assignment.max_score:g}: change it on the "
            "platform, or scale the points with --scale."
        )
    return maximum / assignment.max_score


def owners_of(path: Path, rows: dict[int, tuple], roster: Roster, graded: set[str]) -> dict[int, str]:
    """For each line of a sheet the student who is meant, if that one has a grade.

    Found by the platform's number if the name does not contradict, or by the account, or by a name that only one has.

    Args:
        path: the sheet, for messages.
        rows: for each line its number, full name and account, as far as they are there.
        roster: the gradebook's students.
        graded: who has a grade.

    Raises:
        CourseError: if a name contradicts its number, if two lines are one student's, or if one has no line.
    """
    owners, wrong = {}, []
    for line, (number, name, account, *_) in rows.items():
        found = [one for one in sorted(graded) if number and roster[one][2] == number]
        wrong += [
            f"line {line}: {name} is {one} by number {number}" for one in found if _contradicts(name, one, roster)
        ]
        found = found or [one for one in sorted(graded) if account and one in (account, account.partition("@")[0])]
        found = found or [one for one in sorted(graded) if name and _words(name) == _words(_full(one, roster))]
        if len(found) > 1:
            wrong.append(f"line {line}: {name or number} may be {' or '.join(found)}")
        elif found:
            owners[line] = found[0]
    lines = [[line for line in owners if owners[line] == one] for one in sorted(set(owners.values()))]
    wrong += [f"lines {' and '.join(map(str, same))}: both are {owners[same[0]]}" for same in lines if len(same) > 1]
    wrong += [f"no line is that of {one}" for one in sorted(graded - set(owners.values()))]
    if wrong:
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise CourseError(
            f"{path} does not fit the gradebook, so nothing was written: {'; '.join(wrong[:10])}{more}. Correct names "
            "and numbers in the gradebook (nbgrader db student add ID --first-name ... --lms-user-id ...), or take the "
            "sheet of this course."
        )
    return owners


def _full(student: str, roster: Roster) -> str:
    first, last, _ = roster[student]
    return " ".join(part for part in (first, last) if part)


def _words(name: str) -> set[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return set(re.findall(r"[^\W\d_]+", "".join(char for char in plain if not unicodedata.combining(char))))


def _contradicts(name: str, student: str, roster: Roster) -> bool:
    """Is a name in the sheet another than the gradebook's, middle names aside? Without names nothing contradicts."""
    there, known = _words(name), _words(_full(student, roster))
    if known or not there:
        return bool(known and there) and not (known <= there or there <= known)
    letters = "".join(sorted(_words(student)))  # Canvas writes lovelaceada_42
    return len(letters) > 3 and not any(word in letters for word in there)


# --- feedback --------------------------------------------------------------------------------------------------------


def _feedback(course: Course, assignment: Assignment, store: Store, came: Path, out: Path) -> str:
    if not came.exists():
        raise CourseError(f"There is no {came}: name the archive or the folder that came.")
    if came.is_file() and not zipfile.is_zipfile(came):
        raise CourseError(f"{came} is neither a zip archive nor a folder: name what came from the platform.")
    handed = list(find_submissions(course, assignment, came))
    names, doubts, _ = identify(store, handed, None, came)
    places = {one.student: one.place for one in handed}
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary, count, without = out.with_name(f".{out.name}.tmp"), 0, []
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, student in sorted(names.items()):
            pages = sorted(course.folder("feedback", student, assignment.name).glob("*.html"))
            if folder in doubts or not pages:
                without.append(student)
                continue
            count += 1
            for page in pages:
                archive.write(page, places[folder] + page.name)
    temporary.replace(out)
    left = (
        f" Without one, because there is no page or it is not sure whose it is: {', '.join(without)}."
        if without
        else ""
    )
    return f"{out} has the feedback of {count} students where {came.name} has their work.{left}"
