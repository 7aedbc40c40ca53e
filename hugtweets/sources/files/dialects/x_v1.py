"""The first API of X (v1.1), as twarc 1 and most older collections have it: JSON, or a table made of it."""

from __future__ import annotations

from collections.abc import Iterable

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect
from hugtweets.sources.files.literals import structured
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, is_something


def _read(cells: Cells) -> Iterable[Fields]:
    """A post a row, or those of an answer to a search."""
    statuses = cells.listed("statuses")
    if not statuses:
        return (_fields(cells),)
    return (_fields(Cells(status)) if isinstance(status, dict) else {} for status in statuses)


def _fields(cells: Cells) -> Fields:
    found = plain.fields(cells)
    whole = cells.at("extended_tweet", "full_text")
    if whole is not None:
        found |= {"text": whole, "truncated": False}
    for column, key in (("author", "screen_name"), ("name", "name")):
        if (value := cells.at("user", key)) is not None:
            found[column] = value
    if found["name"] == found["author"]:
        # `username` is the handle, where no other column is.
        found["name"] = None
    mentions = cells.at("extended_tweet", "entities", "user_mentions") or cells.at("entities", "user_mentions")
    if mentions is not None:
        found["mentions"] = mentions
    # twarc's own CSV says in one word what a post is.
    kind = cells.get("tweet_type")
    for column, word in (("is_retweet", "retweet"), ("is_reply", "reply"), ("is_quote", "quote")):
        found[column] = (
            kind == word or is_something(found.get(column)) or cells.says_one_of(plain.REFERENCES[column]) is True
        )
    # A retweet carries the quotation of the post that it repeats.
    found["is_quote"] = found["is_quote"] and not found["is_retweet"]
    return found


def _has_statuses(sample_row: Cells) -> bool:
    return isinstance(structured(sample_row.get("statuses")), list)


X_V1_SEARCH = Dialect(
    "answers of the X API v1.1", (("statuses",),), _read, lambda sample: any(map(_has_statuses, sample.rows))
)
X_V1 = Dialect(
    "posts of the X API v1.1 (twarc 1)",
    (
        ("id_str", "full_text"),
        ("id_str", "user"),
        ("user.screen_name", "tweet_type"),
        ("user.screen_name", "id_str"),
        ("full_text", "user"),
        ("retweeted_status", "user"),
    ),
    _read,
)
