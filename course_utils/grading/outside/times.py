"""Reads times as people write them, and refuses those that can be read in two ways."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from course_utils.errors import CourseError

YEARS = range(1990, 2200)  # outside of these a gradebook and its pages cannot count
EXAMPLE = "write it as 2026-11-30 23:59 Europe/Berlin, or 2026-11-30 23:59 +01:00"
HOURS = {"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}
HOURS |= {"EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)\s*"
    r"([+-]\d\d:?\d\d|[A-Za-z][\w/+-]*)?",
    re.ASCII,
)


def read_time(text: str, default: tzinfo | None = None) -> datetime:
    """The moment that a text names, in UTC; raises CourseError where it could be another one too.

    default: the zone where the text names none; without it such a text is refused.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise CourseError(
            f"{text.strip()[:60]!r} could mean more than one time, or none: {EXAMPLE}."
        )
    try:
        day, clock, zone = match.groups()
        local = datetime.fromisoformat(f"{day} {clock}")
        where = _zone(zone) if zone else default
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise CourseError(f"{text.strip()[:60]!r} is not a time: {EXAMPLE}.") from None
    if where is None:
        raise CourseError(f"{text.strip()!r} has no time zone: {EXAMPLE}.")
    moments = {local.replace(tzinfo=where, fold=fold).utcoffset() for fold in (0, 1)}
    if len(moments) != 1:  # the clocks are changed there: this hour comes twice, or never
        raise CourseError(
            f"The clocks change at {text.strip()!r}: give the offset, such as +01:00."
        )
    if local.year not in YEARS:
        raise CourseError(f"The year of {text.strip()!r} is not between 1990 and 2199.")
    return local.replace(tzinfo=where).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    """The zone of an offset, of an abbreviation with one meaning, or of a place (Asia/Tokyo)."""
    if name[0] in "+-":
        hours, minutes = int(name[1:3]), int(name[-2:])
        if minutes > 59:
            raise ValueError("no such offset")
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if name[0] == "-" else offset)
    if name.upper() in HOURS:
        return timezone(timedelta(hours=HOURS[name.upper()]))
    if "/" not in name:
        raise ValueError("an abbreviation that means several zones, or none")
    return ZoneInfo(name)


def shown(time: datetime) -> str:
    """A moment as nbgrader writes it in timestamp.txt."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def for_gradebook(time: datetime) -> datetime:
    """A moment as the gradebook keeps it: in UTC, without saying so."""
    return time.astimezone(UTC).replace(tzinfo=None)
