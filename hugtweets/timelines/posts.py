"""A post as a source sent it, and the Arrow schema it is stored under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

MENTION = pa.struct([("username", pa.string()), ("name", pa.string())])
RAW_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("name", pa.string()),
        pa.field("lang", pa.string()),
        pa.field("is_retweet", pa.bool_()),
        pa.field("is_reply", pa.bool_()),
        pa.field("is_quote", pa.bool_()),
        pa.field("truncated", pa.bool_()),
        pa.field("edit_ids", pa.list_(pa.string())),
        pa.field("mentions", pa.list_(MENTION)),
        pa.field("source", pa.string()),
        pa.field("deleted", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A mentioned account; ``name`` is its display name, where known."""

    username: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One post. None means that the source did not say.

    ``id`` is a string of digits (too big for a float), ``created_at`` is UTC, ``text`` is what the source sent (HTML
    entities, links and all), ``author`` is the handle and ``name`` the display name of who wrote it, ``edit_ids`` all
    versions of an edited post, oldest first, ``source`` is ``x``, ``archive`` or ``file``. A ``deleted`` post was taken
    back by its author: see :func:`blank`.
    """

    id: str
    created_at: datetime
    text: str
    author: str | None = None
    name: str | None = None
    lang: str | None = None
    is_retweet: bool | None = None
    is_reply: bool | None = None
    is_quote: bool | None = None
    truncated: bool | None = None
    edit_ids: tuple[str, ...] | None = None
    mentions: tuple[Mention, ...] | None = None
    source: str | None = None
    deleted: bool = False


def blank(post: Post) -> Post:
    """What is kept of a deleted post: that it was there, so that nothing brings its text back."""
    return Post(
        post.id, post.created_at, text="", author=post.author, edit_ids=post.edit_ids, source=post.source, deleted=True
    )


def merge_posts(stored: Post, newcomer: Post) -> Post:
    """The stored post with its gaps filled; its text changes only where it was cut off and the newcomer is whole.

    A deleted post stays blank, whatever an export or a file still holds of it.
    """
    if stored.deleted or newcomer.deleted:
        return stored if stored.deleted else newcomer
    if stored.truncated and newcomer.truncated is False:
        mentions = _merge_mentions(newcomer.mentions, stored.mentions)
        stored = replace(stored, text=newcomer.text, truncated=False, mentions=mentions)
    gaps = {name: getattr(newcomer, name) for name in _FIELDS if getattr(stored, name) is None}
    return replace(stored, mentions=_merge_mentions(stored.mentions, newcomer.mentions), **_without_mentions(gaps))


def to_table(posts: Sequence[Post]) -> pa.Table:
    """Posts as an Arrow table under :data:`RAW_SCHEMA`."""
    columns = {name: [getattr(post, name) for post in posts] for name in _FIELDS}
    columns["mentions"] = [
        None if mentions is None else [{"username": mention.username, "name": mention.name} for mention in mentions]
        for mentions in columns["mentions"]
    ]
    return pa.Table.from_pydict(columns, schema=RAW_SCHEMA)


def complete(table: pa.Table) -> pa.Table:
    """A table of an earlier version under :data:`RAW_SCHEMA`: no post had been found deleted then."""
    if "deleted" in table.column_names:
        return table
    return table.append_column(RAW_SCHEMA.field("deleted"), pa.nulls(len(table), pa.bool_()))


def from_table(table: pa.Table) -> list[Post]:
    """The posts of a table under :data:`RAW_SCHEMA`."""
    return [_from_row(row) for row in table.to_pylist()]


def _from_row(row: dict[str, Any]) -> Post:
    if row["edit_ids"] is not None:
        row["edit_ids"] = tuple(row["edit_ids"])
    if row["mentions"] is not None:
        row["mentions"] = tuple(Mention(**mention) for mention in row["mentions"])
    row["deleted"] = bool(row["deleted"])
    return Post(**row)


def _merge_mentions(
    stored: tuple[Mention, ...] | None, newcomer: tuple[Mention, ...] | None
) -> tuple[Mention, ...] | None:
    if stored is None or newcomer is None:
        return stored if newcomer is None else newcomer
    names = {mention.username.casefold(): mention.name for mention in newcomer}
    return tuple(replace(m, name=m.name or names.get(m.username.casefold())) for m in stored)


def _without_mentions(gaps: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in gaps.items() if name != "mentions"}


_FIELDS = tuple(field.name for field in fields(Post))
