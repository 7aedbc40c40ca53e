"""What X sends to its own pages (GraphQL), as extensions and clients save it: whole answers, or posts out of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, is_something

# Where the words of a post stand: until 2026 and since.
_BODIES = ("legacy", "details")
_NOTE = ("note_tweet", "note_tweet_results", "result")
_MENTIONS = (("legacy", "entities", "user_mentions"), ("mention_entities",))
_WRITERS = tuple(("core", results, "result", part) for results in ("user_results", "user_result")
                 for part in ("core", "legacy"))  # fmt: skip
_VERSIONS = (("edit_control", "edit_tweet_ids"), ("edit_control", "edit_control_initial", "edit_tweet_ids"))
# Another post, in this one.
_REPEATED = ("retweeted_status_result", "retweeted_status_results", "retweeted_tweet_results", "repostedStatusResults")
_QUOTED = ("is_quote_status", "quoted_status_result", "quoted_tweet_results", "quotedPostResults")
_ANSWERED = ("in_reply_to_status_id_str", "in_reply_to_user_id_str", "in_reply_to_screen_name", "reply_to_results",
             "reply_to_user_results")  # fmt: skip
# What nobody is to learn: adverts, and posts that were written for a circle of friends.
_PASSED_OVER = ("promotedMetadata", "promoted_metadata", "trusted_friends_info_result")


def _read(cells: Cells) -> Iterable[Fields]:
    posts = (found for found in _objects(cells) if _is_post(found))
    return (_fields(post if isinstance(post, Cells) else Cells(post)) for post in posts)


def _objects(cells: Cells) -> Iterator[Cells | Mapping[str, object]]:
    """The objects of an answer in its order, but nothing inside a post: what it repeats or quotes stands there."""
    waiting: list[object] = [cells]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += reversed(found)
        elif isinstance(found, dict | Cells) and not any(map(is_something, map(found.get, _PASSED_OVER))):
            yield found
            waiting += () if _is_post(found) else reversed(found.values())


def _is_post(found: Cells | Mapping[str, object]) -> bool:
    bodies = [found.get(name) for name in _BODIES]
    return any(isinstance(body, dict) and "full_text" in body for body in bodies) or any(
        f"{name}.full_text" in found for name in _BODIES
    )


def _fields(cells: Cells) -> Fields:
    text, note = _in_body(cells, "full_text") or "", cells.at(*_NOTE, "text")
    is_retweet = _holds(cells, _REPEATED) or str(text).startswith("RT @")
    mentions = _MENTIONS if note is None else ((*_NOTE, "entity_set", "user_mentions"),)
    versions = _first_list(cells, _VERSIONS)
    return {
        "id": cells.get("rest_id") or cells.at("legacy", "id_str"),
        "created_at": _in_body(cells, "created_at") or _in_body(cells, "created_at_ms"),
        "text": text if note is None else note,
        "author": _first(cells, _WRITERS, "screen_name"),
        "name": _first(cells, _WRITERS, "name"),
        "author_id": cells.at("legacy", "user_id_str")
        or _first(cells, (writer[:-1] for writer in _WRITERS), "rest_id"),
        "lang": _in_body(cells, "lang"),
        "is_retweet": is_retweet,
        "is_reply": _holds(cells, _ANSWERED),
        # A retweet carries the quotation of the post that it repeats.
        "is_quote": not is_retweet and _holds(cells, _QUOTED),
        "replied_to": cells.at("legacy", "in_reply_to_status_id_str") or cells.at("reply_to_results", "rest_id"),
        # Without its note, a long post is cut, and so is a retweet of 140 characters.
        "truncated": note is None
        and (is_something(cells.get("note_tweet")) or (is_retweet and str(text).endswith("…"))),
        "mentions": _first_list(cells, mentions),
        # X names an unedited post as its own only version.
        "edit_ids": versions if len(versions) > 1 else None,
    }


def _in_body(cells: Cells, name: str) -> object:
    return _first(cells, ((body,) for body in _BODIES), name)


def _first(cells: Cells, places: Iterable[Sequence[str]], name: str) -> object:
    """What stands under a name in the first of these places that has it."""
    return next((value for place in places if (value := cells.at(*place, name)) is not None), None)


def _first_list(cells: Cells, paths: Iterable[Sequence[str]]) -> list[object]:
    return next(filter(None, (cells.listed(*path) for path in paths)), [])


def _holds(cells: Cells, names: Iterable[str]) -> bool:
    """Whether a post says one of these, beside its body or in it."""
    return any(is_something(cells.get(name)) or is_something(cells.at("legacy", name)) for name in names)


def _is_graphql(sample: Sample) -> bool:
    """Whether posts are there as these answers hold them, or what a page shows, of which none may be a post."""
    return any(_is_post(found) or "instructions" in found for cells in sample.rows for found in _objects(cells))


X_GRAPHQL = Dialect(
    "posts as X's own pages get them (GraphQL)",
    (
        ("rest_id", "legacy"),
        ("rest_id", "details"),
        ("legacy.full_text",),
        ("details.full_text",),
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
