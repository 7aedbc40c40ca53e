"""Times as the files of an export write them, whatever the locale."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator

from hugtweets.sources.fields import utc

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(value: object) -> datetime:
    """``Wed Oct 10 20:19:24 +0000 2018``, ``2016-12-30 21:04:11 +0000``, or ISO 8601, in UTC.

    Raises:
        ValueError: it is none of them.
    """
    words = value.split() if isinstance(value, str) else []
    try:
        if len(words) == 6:
            _, month, day, clock, zone, year = words
            words = [f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}", clock, zone]
        day, *rest = words
        return utc(datetime.fromisoformat("T".join([day, "".join(rest)]) if rest else day))
    except ValueError:
        raise ValueError("is no time as X writes it") from None


Moment = Annotated[datetime, BeforeValidator(moment)]
