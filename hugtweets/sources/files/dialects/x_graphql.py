"""What X sends to its own pages (GraphQL), as extensions and clients save it: whole answers, or posts out of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, is_something

_NOTE = ("note_tweet", "note_tweet_results", "result")
_WRITER = ("core", "user_results", "result")
_VERSIONS = (("edit_control", "edit_tweet_ids"), ("edit_control", "edit_control_initial", "edit_tweet_ids"))
# What nobody is to learn: adverts, and posts that were written for a circle of friends.
_PASSED_OVER = ("promotedMetadata", "trusted_friends_info_result")


def _read(cells: Cells) -> Iterable[Fields]:
    return (_fields(found) for found in _objects(cells) if _is_post(found))


def _objects(cells: Cells) -> Iterator[Cells]:
    """The objects of an answer in its order, but nothing inside a post: what it repeats or quotes stands there."""
    waiting: list[object] = [cells]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict | Cells):
            found = value if isinstance(value, Cells) else Cells(value)
            if any(is_something(found.get(name)) for name in _PASSED_OVER):
                continue
            yield found
            waiting += () if _is_post(found) else reversed(list(found.values()))


def _is_post(cells: Cells) -> bool:
    legacy = cells.get("legacy")
    return "full_text" in legacy if isinstance(legacy, dict) else "legacy.full_text" in cells


def _fields(cells: Cells) -> Fields:
    text, note = cells.at("legacy", "full_text"), cells.at(*_NOTE, "text")
    entities = ("legacy", "entities") if note is None else (*_NOTE, "entity_set")
    is_retweet = _holds(cells, "retweeted_status_result") or str(text).startswith("RT @")
    versions = next(filter(None, (cells.listed(*path) for path in _VERSIONS)), [])
    return {
        "id": cells.get("rest_id") or cells.at("legacy", "id_str"),
        "created_at": cells.at("legacy", "created_at"),
        "text": (text if note is None else note) or "",
        "author": _of_writer(cells, "screen_name"),
        "name": _of_writer(cells, "name"),
        "author_id": cells.at("legacy", "user_id_str") or cells.at(*_WRITER, "rest_id"),
        "lang": cells.at("legacy", "lang"),
        "is_retweet": is_retweet,
        "is_reply": any(is_something(cells.at("legacy", name)) for name in plain.REFERENCES["is_reply"]),
        # A retweet carries the quotation of the post that it repeats.
        "is_quote": not is_retweet and _holds(cells, "is_quote_status", "quoted_status_result"),
        "replied_to": cells.at("legacy", "in_reply_to_status_id_str"),
        # Without its note, a long post is cut, and so is a retweet of 140 characters.
        "truncated": note is None and ("note_tweet" in cells or (is_retweet and str(text).endswith("…"))),
        "mentions": cells.listed(*entities, "user_mentions"),
        # X names an unedited post as its own only version.
        "edit_ids": versions if len(versions) > 1 else None,
    }


def _of_writer(cells: Cells, name: str) -> object:
    """A name of who wrote a post; since 2025 it stands in ``core``."""
    return cells.at(*_WRITER, "core", name) or cells.at(*_WRITER, "legacy", name)


def _holds(cells: Cells, *names: str) -> bool:
    """Whether a post says one of these, beside what is in ``legacy`` or there."""
    return any(is_something(cells.get(name)) or is_something(cells.at("legacy", name)) for name in names)


def _is_graphql(sample: Sample) -> bool:
    """Whether posts are there as these answers hold them, or what a page shows, of which none may be a post."""
    return any(_is_post(found) or "instructions" in found for cells in sample.rows for found in _objects(cells))


X_GRAPHQL = Dialect(
    "posts as X's own pages get them (GraphQL)",
    (
        ("rest_id", "legacy"),
        ("legacy.full_text",),
        ("data",),
        ("tweet_results",),
        ("itemContent",),
        ("entryId", "content"),
        ("instructions",),
        ("type", "entries"),
        ("tweet", "__typename"),
        ("result",),
    ),
    _read,
    _is_graphql,
)
