"""A post as a source sent it, and the Arrow schema under which raw posts are stored."""

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
        pa.field("replied_to", pa.string()),
    ]
)


# Columns that earlier versions did not write.
LATER = ("deleted", "replied_to")


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
    versions of an edited post, oldest first, ``source`` is ``x``, ``bluesky``, ``mastodon``, ``archive`` or ``file``,
    ``replied_to`` the id of the post that it answers. Of a ``deleted`` post only a :func:`tombstone` is kept.
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
    replied_to: str | None = None


def tombstone(post: Post) -> Post:
    """What is kept of a deleted post: that it existed, so that no source brings its text back."""
    return Post(
        post.id, post.created_at, text="", author=post.author, edit_ids=post.edit_ids, source=post.source, deleted=True
    )


def merge_posts(stored: Post, new: Post) -> Post:
    """The stored post with its unknown fields filled in; its text changes only if it was cut off and the new is whole.

    A deleted post stays deleted, whatever an export or a file still holds of it.
    """
    if stored.deleted or new.deleted:
        return stored if stored.deleted else new
    if stored.truncated and new.truncated is False:
        mentions = _merge_mentions(new.mentions, stored.mentions)
        stored = replace(stored, text=new.text, truncated=False, mentions=mentions)
    filled = {name: getattr(new, name) for name in FIELDS if getattr(stored, name) is None}
    return replace(stored, **filled | {"mentions": _merge_mentions(stored.mentions, new.mentions)})


def to_table(posts: Sequence[Post]) -> pa.Table:
    """Posts as an Arrow table under :data:`RAW_SCHEMA`."""
    columns = {name: [getattr(post, name) for post in posts] for name in FIELDS}
    columns["mentions"] = [
        None if mentions is None else [{"username": mention.username, "name": mention.name} for mention in mentions]
        for mentions in columns["mentions"]
    ]
    return pa.Table.from_pydict(columns, schema=RAW_SCHEMA)


def to_current_schema(table: pa.Table) -> pa.Table:
    """Raw posts under :data:`RAW_SCHEMA`, also those of an earlier version, which had fewer columns."""
    for name in LATER:
        if name not in table.column_names:
            field, place = RAW_SCHEMA.field(name), min(RAW_SCHEMA.get_field_index(name), table.num_columns)
            table = table.add_column(place, field, pa.nulls(len(table), field.type))
    return table


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


def _merge_mentions(stored: tuple[Mention, ...] | None, new: tuple[Mention, ...] | None) -> tuple[Mention, ...] | None:
    if stored is None or new is None:
        return stored if new is None else new
    names = {mention.username.casefold(): mention.name for mention in new}
    return tuple(replace(m, name=m.name or names.get(m.username.casefold())) for m in stored)


FIELDS = tuple(field.name for field in fields(Post))
