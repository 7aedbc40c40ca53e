"""Posts deep in an object of JSON, under names that nobody could list: only where one kind of list holds any."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hugtweets.sources.files.json_tables import LIKED
from hugtweets.sources.files.json_wrappers import Writers, is_post, unwrapped
from hugtweets.sources.files.rows import spelled

_DEEPEST = 8
# Lists by month, by day or by page are of one kind; those by people, who may have a number for a name, are not.
_MONTH = "|".join((*calendar.month_name[1:], *calendar.month_abbr[1:]))
_COUNTED = re.compile(
    r"(?:(?:page|part|day|week|month|year|batch|chunk|tweets|posts)[\s_-]*)?(?:\d{1,4}|\d{6}|\d{8})"
    rf"(?:[-/._ ]\d{{1,2}}){{0,2}}|(?:\d{{1,4}}[\s_-]*)?(?:{_MONTH})(?:[\s_-]*\d{{1,4}})?",
    re.IGNORECASE,
)
# Beginnings of what holds other people's posts, by their letters.
_OTHERS = (*LIKED, "quote", "retweet", "repost", "repl", "comment", "answer", "referenced", "parent", "inreplyto",
           "original", "include")  # fmt: skip
# What is in answers of X, which their dialects read whole.
_ANSWERS = frozenset(("includes", "instructions", "legacy", "rest_id", "tweet_results", "statuses"))


@dataclass(frozen=True)
class Nest:
    """The posts of an object, and under which names they stand in it, numbers and months as ``#``."""

    names: tuple[str, ...]
    posts: list[Any]


def find_nest(value: object) -> Nest | None:
    """Where an object holds posts; None if it is one, is an answer of X, or has none or several kinds of them."""
    if not isinstance(value, dict) or is_post(value) or _is_answer(value):
        return None
    names: tuple[str, ...] = ()
    posts: list[Any] = []
    for nest in _nests(value, (), Writers()):
        if nest is None or (names and nest.names != names):
            return None
        names = nest.names
        posts += nest.posts
    return Nest(names, posts) if posts else None


def _is_answer(value: dict[str, Any]) -> bool:
    data = value.get("data")
    return isinstance(data, list) or is_post(data)


def _nests(value: dict[str, Any], names: tuple[str, ...], writers: Writers) -> Iterator[Nest | None]:
    """Each list of posts, by whoever stands beside it or nearest above; None for what an answer of X holds."""
    if value.keys() & _ANSWERS:
        yield None
    writers = writers.or_beside(value)
    for name, inner in value.items() if len(names) < _DEEPEST else ():
        here = (*names, "#" if _COUNTED.fullmatch(name) else name)
        if spelled(name).startswith(_OTHERS):
            continue
        if isinstance(inner, list) and any(is_post(element) or unwrapped(element) for element in inner):
            yield Nest(here, [writers.signed(element) for element in inner])
            continue
        for element in inner if isinstance(inner, list) else [inner]:
            if isinstance(element, dict) and not is_post(element):
                yield from _nests(element, here, writers)
