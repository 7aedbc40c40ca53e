"""Columns that name the post that a post repeats or goes on from, which in many tables may be the post itself."""

from __future__ import annotations

import itertools

from hugtweets.sources.files.dialects.dialect import Sample
from hugtweets.sources.files.dialects.handles import HANDLES, username
from hugtweets.sources.files.post_row import Fields, bare_id, id_or_none
from hugtweets.sources.files.rows import NO, YES, Cells, is_something, spelled

# Columns that say whether a post is its author's own.
_FLAGS = ("is_original", "is_original_tweet", "is_original_post", "original")
# `original_tweet` and the like are left out: they hold the text before somebody cleaned it.
_ORIGINALS = tuple(
    f"original_{of}"
    for of in ("id", "tweet_id", "status_id", "post_id", "author", "author_id", "author_username", "author_handle",
               "user", "user_id", "username", "user_name", "screen_name", "user_screen_name", "handle", "poster",
               "tweet_author", "tweet_user", "tweet_user_id")
)  # fmt: skip
_PARENTS = ("parent_id", "parent_tweet_id", "parent_status_id", "parent_post_id")
# Those of all these that mean something else in tables of other things; a parent tweet is one.
_DOUBTFUL = (*_ORIGINALS, "parent_id")
_INSIDE = (*HANDLES, "id_str", "id")


def repeats(cells: Cells, found: Fields) -> bool:
    """Whether a post is said to be another's: it is not original and neither reply nor quote, or names an original."""
    is_else = is_something(found.get("is_reply")) or is_something(found.get("is_quote"))
    if not is_else and any(_word(cells.get(name)) in NO for name in _FLAGS):
        return True
    return any(_names_another(cells.get(name), found) for name in _ORIGINALS)


def parent(cells: Cells, found: Fields) -> str | None:
    """The id of the post that a post answers, where a column of parents names another than itself."""
    named = cells.get(*_PARENTS)
    return id_or_none(named) if is_something(named) and _names_another(named, found) else None


def silent_columns(sample: Sample, posts: list[Fields]) -> frozenset[str]:
    """Columns of these names that tell nothing, by their letters.

    They hold something in every row, and never the post itself or its author; or they are no yes or no.

    Args:
        sample: the first rows.
        posts: what each of them says of its post.
    """
    silent = set()
    for name in filter(sample.spelling, _DOUBTFUL):
        written = [row.get(name) for row in sample.rows]
        if all(itertools.starmap(_names_another, zip(written, posts, strict=True))):
            silent.add(spelled(name))
    for name in filter(sample.spelling, _FLAGS):
        words = {_word(value) for row in sample.rows if (value := row.get(name)) is not None}
        if not words <= YES | NO:
            silent.add(spelled(name))
    return frozenset(silent)


def has_any(sample: Sample) -> bool:
    """Whether the file has such columns."""
    return any(map(sample.spelling, (*_FLAGS, *_ORIGINALS, *_PARENTS)))


def _word(value: object) -> str:
    return str(value).strip().casefold()


def _names_another(value: object, found: Fields) -> bool:
    """Whether a cell holds an id or a handle that is neither the post's nor its author's."""
    if isinstance(value, dict):
        value = Cells(value).get(*_INSIDE)
    if not is_something(value):
        return False
    own = {_bare(found.get(column)) for column in ("id", "author", "author_id", "name")}
    return _bare(value) not in own


def _bare(value: object) -> str:
    return username(str(bare_id(value))).casefold()
