"""What stands around a post in JSON: an object that holds it, its author beside it, lines of an Elasticsearch bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hugtweets.sources.files.dialects.handles import is_username
from hugtweets.sources.files.dialects.plain import NAMES, fields, tells_kind
from hugtweets.sources.files.rows import Cells, Row, spelled

# Exports and tweepy write each post as an object with only this.
_ALONE = ("tweet", "_json")
_AROUND = (*_ALONE, "status", "node", "_source", "doc")
_PRIVATE_ID = "_id"
# A description may be a person's.
_TEXTS = frozenset(map(spelled, NAMES["text"])) - {"description"}
_NUMBERS = frozenset(map(spelled, (*NAMES["id"], *NAMES["created_at"])))
_WRITERS = ("user", "author", "account", "profile", "username", "user_name", "screen_name", "handle")
_HANDLES = ("screen_name", "username", "handle")
_BULK = ("index", "create", "update")


def is_post(value: object) -> bool:
    """Whether an object has a text, which may be missing, and the number or the time of a post."""
    if not isinstance(value, dict):
        return False
    names = {spelled(name): inner for name, inner in value.items()}
    has_text = any(name in _TEXTS and (inner is None or isinstance(inner, str)) for name, inner in names.items())
    return has_text and not names.keys().isdisjoint(_NUMBERS)


def unwrapped(value: object) -> dict[str, Any] | None:
    """The post that an object holds, with what stands beside it and tells whose or of what kind it is.

    None for any other value, also for an object that is a post itself.
    """
    if not isinstance(value, dict):
        return None
    held = [name for name in _AROUND if isinstance(value.get(name), dict)]
    if len(held) != 1 or is_post(value):
        return None
    post: dict[str, Any] = value[held[0]]
    if len(value) == 1 and held[0] in _ALONE:
        return post
    if not is_post(post):
        return None
    beside = {name: inner for name, inner in value.items() if name == _PRIVATE_ID or tells_kind(name)}
    # Of two spellings of one name, the post's own comes first and counts.
    post = {**post, **beside, **post}
    author = author_beside(value)
    return post | author if author and not _names_author(post) else post


def author_beside(value: dict[str, Any]) -> dict[str, Any]:
    """Who wrote the posts in an object that names a person by a handle; empty if it names none."""
    cells = Cells(value)
    for inner in map(cells.get, _WRITERS):
        if isinstance(inner, dict) and is_username(Cells(inner).get(*_HANDLES)):
            return {"user": inner}
        if is_username(inner) and not str(inner).isdecimal():
            return {"username": inner}
    return {}


def with_author(value: Any, author: dict[str, Any]) -> Any:
    """The post, or what holds posts, by this author, unless it names one itself."""
    if not author or not isinstance(value, dict):
        return value
    return value if _names_author(unwrapped(value) or value) else value | author


def _names_author(post: dict[str, Any]) -> bool:
    return fields(Cells(post))["author"] is not None


def without_actions(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows without the lines of a bulk that say only under which id the next line is stored."""
    identifier: dict[str, Any] = {}
    for row in rows:
        if (action := _action(row.value)) is not None:
            identifier = {_PRIVATE_ID: action[_PRIVATE_ID]} if _PRIVATE_ID in action else {}
            continue
        yield replace(row, value=identifier | row.value) if identifier and isinstance(row.value, dict) else row
        identifier = {}


def _action(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, action),) = value.items()
    is_action = name in _BULK and isinstance(action, dict) and all(key.startswith("_") for key in action)
    return action if is_action else None
