"""Times as files write them: ISO 8601, as X's first API, as numbers since 1970, and as spreadsheets and people do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from dateutil import parser

from hugtweets.sources.fields import utc
from hugtweets.timelines.timeline import LONGEST_ID

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_X_V1 = re.compile(rf"[A-Z][a-z]{{2}} ({'|'.join(_MONTHS)}) (\d\d?) (\d\d:\d\d:\d\d) ([+-]\d{{4}}) (\d{{4}})")
_IN_ZONE = re.compile(r"(\d{4}-\d\d-\d\d[T ][\d:.]+) (?:(UTC|GMT)|([+-]\d\d:?\d\d))")
_NUMBER = re.compile(r"\d{9,19}(?:\.\d*)?")
_COMPACT = re.compile(r"^(20\d\d)([01]\d)([0-3]\d)([0-2]\d)([0-5]\d)([0-5]\d)$")
# As Twilog writes it.
_SHORT_COMPACT = re.compile(r"^(\d\d)(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)$")
_YEAR_FIRST = re.compile(r"\s*\d{4}\D")
_SHORT_YEAR = re.compile(r"\s*(\d\d)([/.-])(\d{1,2})\2(\d\d)\b")
_SLASHED = re.compile(r"\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}\b")
# As JavaScript writes zones: `GMT+0200 (Central European Summer Time)`.
_NAMED_OFFSET = re.compile(r"\b(?:GMT|UTC)(?=[+-]\d)")
_JAPANESE_DAY = re.compile(r"(\d{4})年\s?(\d{1,2})月\s?(\d{1,2})日(?:\s?[(（]\w[)）])?")
_DOT = "·"  # between the day and the time of day, on pages that show posts
_ASIDE = re.compile(r"\s*\([^()]*\)$")
# Ticks in a second: seconds, milli-, micro- and nanoseconds since 1970. No post is older than 2006: one of them fits.
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
_FIRST, _LAST = 1_136_073_600, 4_102_444_800  # the years 2006 to 2099
_DAYS = re.compile(r"\d{5}(?:[.,]\d{1,15})?")
_FIRST_DAY, _LAST_DAY = 38_718, 73_050  # the same years, as spreadsheets count days
_DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_LONGEST = 80  # characters
_NO_TIME = "is not a time such as 2024-05-31T18:30:00Z"
# Since 4 November 2010 X's ids hold the milliseconds since then, above 22 bits for the machine and a counter. Ids of 11
# to 14 digits would be of that day: they are other sites', or X's from before.
_ID_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657_000, UTC)
_ID_BITS = 22
_FIRST_TOLD = datetime(2010, 11, 5, tzinfo=UTC)
# The zones that RFC 822 names, as X's first search had them; CST is China's, too.
_HOURS = {"EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}
# Neither has a part of a date in common with the other: what both give was said by the text.
_DEFAULTS = (datetime(2001, 1, 2), datetime(2002, 3, 4))


def moment(value: object, day_first: bool | None = None, year_first: bool = False) -> datetime:
    """A time in UTC; one that names no zone is in UTC already.

    Args:
        value: text, a number since 1970, or a time.
        day_first: what 3/8/2020 is: 3 August, or with False 8 March; None if nobody knows.
        year_first: whether 21/03/28 begins with the year.

    Raises:
        ValueError: it is no time, or one that nobody could know for sure.
    """
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(_NO_TIME)
    text = value.strip()
    text = _COMPACT.sub(r"\1-\2-\3T\4:\5:\6", _SHORT_COMPACT.sub(r"20\1-\2-\3T\4:\5:\6", text))
    if year_first and _SHORT_YEAR.match(text):
        text = f"20{text}"
    if _NUMBER.fullmatch(text) or _DAYS.fullmatch(text):
        return _since_1970(float(text.replace(",", ".")))
    try:
        return utc(datetime.fromisoformat(_as_iso(text)))
    except ValueError:
        return _as_people_write(text, day_first)


def puts_day_first(written: Iterable[object]) -> bool | None:
    """Whether dates such as 13/8/2020 begin with the day; None if none of them tells, or if they disagree."""
    found = [match for value in written if isinstance(value, str) and (match := _SLASHED.match(value))]
    day, month = (any(int(match[part]) > 12 for match in found) for part in (1, 2))
    return None if day == month else day


def puts_year_first(written: Iterable[object]) -> bool:
    """Whether dates such as 21/03/28 begin with the year: one of them would be of the future otherwise, and none so."""
    found = [match for value in written if isinstance(value, str) and (match := _SHORT_YEAR.match(value))]
    this_year = datetime.now(UTC).year % 100
    return any(int(match[4]) > this_year for match in found) and all(int(match[1]) <= this_year for match in found)


def time_of_id(identifier: str) -> datetime:
    """When X gave a post its id, which is when it was posted.

    Raises:
        ValueError: it is no id of X's, or one from before November 2010.
    """
    if identifier.isdecimal() and len(identifier) <= LONGEST_ID:
        time = _ID_EPOCH + timedelta(milliseconds=int(identifier) >> _ID_BITS)
        if _FIRST_TOLD <= time <= datetime.now(UTC):
            return time
    raise ValueError("cannot be read, nor told by the id, which is none of X's since November 2010")


def _since_1970(ticks: float) -> datetime:
    """The time of a number of ticks, or of the days of a spreadsheet, which are far fewer."""
    if _FIRST_DAY <= ticks <= _LAST_DAY:
        return _DAY_ZERO + timedelta(days=ticks)
    for unit in _UNITS:
        if _FIRST * unit <= ticks <= _LAST * unit:
            return datetime.fromtimestamp(ticks / unit, UTC)
    raise ValueError("is a number, but none of seconds or milliseconds since 1970")


def _as_iso(text: str) -> str:
    """ISO 8601 for what is nearly that, or is written as in X's first API, whatever the locale."""
    if match := _X_V1.fullmatch(text):
        month, day, clock, zone, year = match.groups()
        return f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}T{clock}{zone}"
    if match := _IN_ZONE.fullmatch(text):
        return f"{match[1]}{match[3] or '+00:00'}"
    return text


def _as_people_write(text: str, day_first: bool | None) -> datetime:
    if _SLASHED.match(text) and day_first is None and puts_day_first([text]) is None:
        raise ValueError("does not tell the day from the month: write it as 2024-05-31")
    first = puts_day_first([text]) if day_first is None else day_first
    # Behind a year the month comes first, whatever others do.
    first = first and not _YEAR_FIRST.match(text)
    text = _JAPANESE_DAY.sub(r"\1-\2-\3 ", text)
    text = _ASIDE.sub("", _NAMED_OFFSET.sub("", text)).replace(_DOT, " ")
    try:
        said = {parser.parse(text, default=default, dayfirst=bool(first), tzinfos=_zone) for default in _DEFAULTS}
    # What dateutil lets through are errors of the numbers and zones that it was not made for.
    except (ValueError, OverflowError, TypeError, ArithmeticError, LookupError):
        raise ValueError(_NO_TIME) from None
    if len({time.replace(tzinfo=None) for time in said}) != 1:
        raise ValueError(_NO_TIME)
    time = utc(said.pop())
    if _SHORT_YEAR.match(text) and time > datetime.now(UTC) + timedelta(days=1):
        raise ValueError("would be of the future, if its last number is the year: write it as 2024-05-31")
    return time


def _zone(name: str | None, offset: int | None) -> tzinfo | int | None:
    """The zone of a name such as ``CET`` or of an offset in seconds; None if the text has neither.

    Raises:
        LookupError: there is no such zone.
        ValueError: it has both, which people mean in two ways.
    """
    if name and offset:
        raise ValueError(_NO_TIME)
    if name in _HOURS:
        return _HOURS[name] * 3600
    return ZoneInfo(name) if name else offset
