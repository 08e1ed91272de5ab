"""When did it come? Points are neither lost nor kept for a time that may be another."""

import os
import time

import pytest

from grader.collect.timestamps import when
from grader.gradebook.store import Store
from grader.grading import grade
from grader.pages import report
from grader.tests.submissions import hand_in, solved, take
from grader.tests.test_report import Here


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2030-01-31 23:59:00 UTC", "2030-01-31 23:59:00"),
        ("2030-01-31 23:59:00.123456 UTC", "2030-01-31 23:59:00.123456"),
        ("2030-01-31 23:59", "2030-01-31 23:59:00"),
        ("2030-01-31T23:59:00Z", "2030-01-31 23:59:00"),
        ("2030-02-01T04:00:00+05:30", "2030-01-31 22:30:00"),
        ("2030-02-01 00:30:00 +0100", "2030-01-31 23:30:00"),
        ("2030-01-31 15:30:00 -0800", "2030-01-31 23:30:00"),
        ("2030-02-01 00:30 CET", "2030-01-31 23:30:00"),
        ("2030-07-01 00:30 CEST", "2030-06-30 22:30:00"),
        ("2030-07-01 09:00:00 JST", "2030-07-01 00:00:00"),
        ("2030-06-30 20:00:00 EDT", "2030-07-01 00:00:00"),
        ("2030-07-01 00:30:00 Europe/Berlin", "2030-06-30 22:30:00"),
        ("2030-01-31 21:00:00 America/Argentina/Buenos_Aires", "2030-02-01 00:00:00"),
        ("Thu, 31 Jan 2030 23:59:00 GMT", "2030-01-31 23:59:00"),
        ("31.01.2030 23:59", "2030-01-31 23:59:00"),
        ("\n 2030-01-31 23:59:00 UTC \r\n", "2030-01-31 23:59:00"),
    ],
)
def test_a_time_is_what_it_says(text, utc):
    assert str(when(text)) == utc


AMBIGUOUS = ["IST", "PST", "BST", "CST", "AST", "XYZ", "Mars/Olympus", "Europe/Nowhere"]


@pytest.mark.parametrize("zone", AMBIGUOUS)
def test_a_zone_that_nobody_knows_or_that_is_several_is_not_utc(zone):
    with pytest.raises(ValueError, match=r"time zone|no time"):
        when(f"2030-02-01 04:00 {zone}")


@pytest.mark.parametrize(
    "text",
    [
        "2030-03-31 02:30 Europe/Berlin", "2030-10-27 02:30 Europe/Berlin", "2030-11-03 01:15:00 America/New_York",
        "2030-03-31 02:00:00 CET", "2030-07-01 12:00 CET", "2030-06-01 12:00 EET", "2030-08-31 23:59 WET",
    ],
)  # fmt: skip
def test_an_hour_that_is_twice_or_never_is_looked_at(text):
    with pytest.raises(ValueError, match="clocks are changed|is winter time"):
        when(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2030-03-31 03:00 Europe/Berlin", "2030-03-31 01:00:00"), ("2030-03-31 01:59 CET", "2030-03-31 00:59:00"),
        ("2030-10-27 02:30 CEST", "2030-10-27 00:30:00"), ("2030-10-27 01:30 UTC", "2030-10-27 01:30:00"),
        ("2030-12-01 12:00 EET", "2030-12-01 10:00:00"), ("20300131T235900Z", "2030-01-31 23:59:00"),
    ],
)  # fmt: skip
def test_an_hour_beside_it_or_with_its_offset_is_what_it_says(text, utc):
    assert str(when(text)) == utc


def test_the_zone_of_this_machine_is_nobody_elses(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert "IST" in time.tzname
        with pytest.raises(ValueError, match="time zone IST"):
            when("2030-02-01 04:00 IST")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "23:59", "31 January", "1893456000", "01/02/2030 10:00", "2030-13-45 1:00", "2030-01-31 24:00",
        "2030-01-31", "31 January 2030", "2030-01-31 UTC", "30-01-31 10:00", "31.01.30 10:00", "Jan 31 10:00",
    ],
)  # fmt: skip
def test_what_is_no_full_time_or_may_be_two_is_no_time(text):
    with pytest.raises(ValueError, match=r"is no|may have|ahead of or behind"):
        when(text)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf2030-01-31 23:59 UTC", "2030-01-31 23:59 UTC\r\n".encode("utf-16")])
def test_a_mark_at_the_beginning_does_no_harm(course, assignment, source, content):
    folder = hand_in(course.folder("submitted", "ada", "week1"), {"quantities": solved(source)})
    (folder / "timestamp.txt").write_bytes(content)
    taken = take(course, assignment)
    assert (str(taken.timestamp), taken.notes) == ("2030-01-31 23:59:00", [])


@pytest.mark.parametrize("content", [b"2030-02-01 04:00 IST", b"\xff\x81", b"x" * 300, b"1893456000"])
def test_what_cannot_be_read_costs_nothing_and_needs_eyes(course, assignment, content):
    for student, text in {"ada": content, "bob": b"2030-01-01 00:00:00 UTC"}.items():
        folder = hand_in(
            course.folder("submitted", student, "week1"), {n: solved(s) for n, s in assignment.notebooks.items()}
        )
        (folder / "timestamp.txt").write_bytes(text)
    with open(course.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    course = type(course)(course.root)
    with Store(course, assignment) as store:
        store.gradebook.update_or_create_assignment("week1", duedate="2029-01-01 00:00:00 UTC")
    grade(course, assignment, Here())
    with Store(course, assignment) as store:
        assert store.scores.totals() == {"ada": 10, "bob": 0}
        eyes = {record.student: report._eyes(record, []) for record in store.records()}
    assert "does not count as late: look when it came" in " ".join(eyes["ada"])
    assert eyes["bob"] == []
