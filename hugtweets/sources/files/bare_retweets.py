"""Retweets of tools that leave out the @: ``RT name: their words``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import is_something

_BARE = re.compile(r"RT ([A-Za-z0-9_]{1,20}): ")
_WITH_AT = re.compile(r"RT:? ?@")
# Somebody may ask for retweets with a colon ("RT please: …"), but hardly in three ways.
_PEOPLE = 3


def are_bare(rows: Iterable[Fields]) -> bool:
    """Whether the tool writes retweets so: several people are named, none with an @, and no column tells retweets."""
    people: set[str] = set()
    for fields in rows:
        text = str(fields.get("text"))
        if _WITH_AT.match(text) or is_something(fields.get("is_retweet")):
            return False
        if bare := _BARE.match(text):
            people.add(bare[1].casefold())
    return len(people) >= _PEOPLE


def marked(fields: Fields) -> Fields:
    """The fields, said to be a retweet's if they begin so."""
    return fields | {"is_retweet": True} if _BARE.match(str(fields.get("text"))) else fields
