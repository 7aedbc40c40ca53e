"""Ids that a spreadsheet or a program has rounded: they are refused, since posts of the same id would become one."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.moments import time_of_id
from hugtweets.sources.passed_over import MOST_OF_ALL, PassedOver
from hugtweets.timelines.posts import Post, merge_posts

_AS_FLOAT = re.compile(r"\d+(?:[.,]\d+)?[eE]\+?\d+|\d{16,}[.,]0*")
_LETTERS = re.compile(r"\w")
_KEPT_DIGITS = 15  # of a number in a spreadsheet; the others become zeros
_SURE_ZEROS = 3  # so many of them are chance in one id of a thousand
_ROUNDED_SHARE = 0.02
_COMPARED = 20  # letters, of the beginnings of two texts
_FAR = timedelta(days=1, hours=2)  # more than zones explain
_LEAST_FAR = 10  # posts; ids of a few may be made up
_ADVICE = (
    "a spreadsheet or a program that takes them for numbers keeps 15 of their 19 digits: export the posts again, and "
    "keep the ids as text"
)

Placed = tuple[str, Post]


def refuse_rounded(value: object, place: str, path: Path) -> None:
    """Refuse the whole file for an id that is written as a number with an exponent or a fraction.

    Raises:
        UnreadableSource: it is one.
    """
    written = repr(value) if isinstance(value, float) else value
    if isinstance(written, str) and _AS_FLOAT.fullmatch(written.strip()):
        raise UnreadableSource(f"{place} of {path} has the id {written.strip()[:30]}, which has lost digits: {_ADVICE}")


def refuse_zeros(posts: Sequence[Placed], path: Path) -> None:
    """Refuse a file of which many ids end in zeros from the sixteenth digit on.

    Raises:
        UnreadableSource: more do than chance explains.
    """
    long = [post.id for _, post in posts if len(post.id) >= _KEPT_DIGITS + _SURE_ZEROS]
    rounded = {identifier for identifier in long if not identifier[_KEPT_DIGITS:].strip("0")}
    number = sum(identifier in rounded for identifier in long)
    if number > max(1, _ROUNDED_SHARE * len(long)):
        raise UnreadableSource(
            f"{number:,} of {len(posts):,} ids in {path} end in zeros, as rounded ones do: {_ADVICE}"
        )


def times_off(posts: Sequence[Placed], path: Path) -> list[str]:
    """What to say if most times are far from those that the ids of X tell: they may be when a tool read the posts."""
    told = [abs(post.created_at - told) > _FAR for _, post in posts if (told := _time_of(post.id)) is not None]
    if sum(told) < _LEAST_FAR or sum(told) <= len(told) / 2:
        return []
    far = f"{sum(told):,} of {len(told):,} times in {path} differ from the ids by more than a day"
    return [f"{far}: check which column holds the times of the posts"]


def _time_of(identifier: str) -> datetime | None:
    try:
        return time_of_id(identifier)
    except ValueError:
        return None


def join_same(posts: Sequence[Placed], passed_over: PassedOver) -> list[Post]:
    """The posts, each id once: what the first does not say is filled in from those after it.

    A post that has the id of another and begins otherwise is passed over.

    Raises:
        UnreadableSource: there are so many of these that the ids must be wrong.
    """
    by_id: dict[str, Placed] = {}
    different: list[tuple[str, str]] = []
    for place, post in posts:
        first_place, first = by_id.setdefault(post.id, (place, post))
        if _begin_alike(first.text, post.text):
            by_id[post.id] = first_place, first if first is post else merge_posts(first, post)
        else:
            different.append((first_place, place))
    path = passed_over.path
    if len(different) > MOST_OF_ALL * len(posts):
        here, there = different[0]
        raise UnreadableSource(f"{here} and {there} of {path} have the same id but not the same text; {_ADVICE}")
    for _, place in different:
        passed_over.add(place, "has the id of an earlier row and another text")
    return [post for _, post in by_id.values()]


def _begin_alike(one: str, other: str) -> bool:
    """Whether two texts may be one post's, of which one is cut, or written with HTML entities."""
    if one == other:
        return True
    beginnings = ["".join(_LETTERS.findall(html.unescape(text)[:200]))[:_COMPARED] for text in (one, other)]
    shorter, longer = sorted(beginnings, key=len)
    return longer.startswith(shorter)
