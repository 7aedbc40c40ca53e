"""twint: JSON lines and CSV, with the time in three columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect
from hugtweets.sources.files.literals import structured
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells

_OFFSET = re.compile(r"[+-]\d\d:?\d\d")


def _read(cells: Cells) -> Iterable[Fields]:
    found = plain.fields(cells)
    day, clock, zone = (cells.get(name) for name in ("date", "time", "timezone"))
    # `created_at` names the zone by letters that may mean several.
    if isinstance(zone, str) and _OFFSET.fullmatch(zone) and day and clock:
        found["created_at"] = f"{day} {clock} {zone}"
    answered = cells.listed("reply_to")
    found["is_reply"] = any(_username(person) != cells.get("username") for person in answered)
    found["is_retweet"] = cells.says("retweet", "retweet_id", "user_rt_id") is True
    found["is_quote"] = cells.says("quote_url") is True
    found["mentions"] = structured(cells.get("mentions"))
    return (found,)


def _username(person: object) -> object:
    """The handle of one of the people who are answered; early versions put the author first."""
    return person.get("screen_name", person.get("username")) if isinstance(person, dict) else person


TWINT = Dialect(
    "posts of twint",
    (("tweet", "conversation_id", "date", "time"), ("tweet", "user_rt_id"), ("tweet", "timezone", "username")),
    _read,
)
