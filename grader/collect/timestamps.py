"""When a submission came: a time that is not plain counts neither as late nor as in time, but needs eyes."""

import re
from datetime import UTC, datetime, tzinfo

import dateutil.parser
import dateutil.tz

from grader.collect.handed import Handed, Submission, add_note, content_of
from grader.model import Refused

# names that no database of zones has, and that mean the same everywhere; IST, BST, CST and PST do not
_HOURS = {
    "WEST": 1, "CEST": 2, "EEST": 3, "EDT": -4, "MDT": -6, "PDT": -7, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
    "NZST": 12, "NZDT": 13, "Z": 0,
}  # fmt: skip


_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)|^\d{8}")
_ZONE = re.compile(r"(?P<time>.*\d.*?)\s+\(?(?P<zone>[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)\)?")


def read_timestamp(handed: Handed, submission: Submission) -> datetime | None:
    """The time in ``timestamp.txt`` in UTC, without a zone; None, with a note unless there is no such file."""
    entry = next((entry for entry in handed.entries if entry.path == "timestamp.txt"), None)
    if entry is None:
        return None
    try:
        if entry.size > 200:
            raise ValueError("it is too long")
        return when(_text(content_of(entry)))
    except (ValueError, OverflowError, Refused) as error:
        why = error.instructor.rstrip(".") if isinstance(error, Refused) else error
        add_note(
            submission,
            "timestamp",
            f"When this came is not clear from timestamp.txt ({why}), so it does not count as late: look when it came.",
            "The time of your submission cannot be read; somebody will look when it came.",
        )
        return None


def when(text: str) -> datetime:
    """A time in UTC, without a zone; one that names no zone is in UTC, as nbgrader writes and reads it.

    Args:
        text: the time, as in ``2030-01-31 23:59:00 UTC``.

    Raises:
        ValueError: if it is no full time, or may be one of several.
    """
    text, zone = text.strip(), None
    if re.search(r"[A-Za-z]{3}\s?[+-]\d", text):
        raise ValueError(f"the zone in {text[:60]!r} is ahead of or behind UTC, depending on who wrote it")
    if (parts := _ZONE.fullmatch(text)) and "/" in parts["zone"]:
        text, zone = parts["time"], _zone(parts["zone"], None)
    other = datetime(2000, 1, 1), datetime(2001, 2, 2, 1, 1)  # noqa: DTZ001 - what is not said comes from there
    days = [_parse(text, day, dayfirst=False) for day in other]
    if days[0] != days[1] or not _YEAR.search(text):
        raise ValueError(f"{text!r} is no full date with a time")
    if not re.match(r"\d{4}", text) and days[0] != _parse(text, days[0].replace(tzinfo=None), dayfirst=True):
        raise ValueError(f"{text!r} may have the day first, or the month")
    time = days[0] if days[0].tzinfo else days[0].replace(tzinfo=zone or UTC)
    if dateutil.tz.datetime_ambiguous(time) or not dateutil.tz.datetime_exists(time):
        raise ValueError(f"{text!r} is in the hour in which clocks are changed")
    if (name := re.search(r"\b[CEMW]ET\b", text)) and time.tzname() != name[0]:
        raise ValueError(f"{name[0]} is winter time, but {text!r} is in summer")
    return time.astimezone(UTC).replace(tzinfo=None)


def _parse(text: str, default: datetime, *, dayfirst: bool) -> datetime:
    try:
        return dateutil.parser.parse(text, default=default, dayfirst=dayfirst, tzinfos=_zone)
    except dateutil.parser.ParserError:
        raise ValueError(f"{text[:60]!r} is no time") from None


def _zone(name: str | None, seconds: int | None) -> tzinfo | None:
    if seconds is not None:
        return dateutil.tz.tzoffset(None, seconds)
    if name is None:
        return None
    found = dateutil.tz.tzoffset(name, _HOURS[name] * 3600) if name in _HOURS else dateutil.tz.gettz(name)
    if found is None or isinstance(found, dateutil.tz.tzlocal):  # what this machine's zone is says nothing of theirs
        raise ValueError(f"the time zone {name} is not known, or is one of several: write the time in UTC")
    return found


def _text(content: bytes) -> str:
    for mark, encoding in {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}.items():
        if content.startswith(mark):
            return content.decode(encoding)
    return content.decode("utf-8-sig")
