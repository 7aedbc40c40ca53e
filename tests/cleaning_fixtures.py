"""Posts to clean, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hugtweets.cleaning import clean_table
from hugtweets.config import CleanConfig
from hugtweets.timelines.posts import Mention, Post, to_table

HANDLE = "anatide"
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
LINK = "https://t.co/AbC123xyz9"


def post(text: str, number: int = 1, **facts: Any) -> Post:
    """A post of the account; its id tells its age."""
    return Post(id=str(number), created_at=NOON, text=text, **facts)


def clean(posts: list[Post], **options: Any) -> list[dict[str, Any]]:
    """The rows of the clean table."""
    rows: list[dict[str, Any]] = clean_table(to_table(posts), HANDLE, CleanConfig(**options)).to_pylist()
    return rows


def text_of(text: str, people: dict[str, str] | None = None, **options: Any) -> str:
    """What is left of a text, kept or not for its length."""
    mentions = tuple(Mention(username, name) for username, name in (people or {}).items())
    (row,) = clean([post(text, mentions=mentions)], **{"min_words": 0, **options})
    return str(row["text"])


def reason_of(text: str, options: dict[str, Any] | None = None, **facts: Any) -> str | None:
    """Why a post is dropped; None if it is kept."""
    (row,) = clean([post(text, **facts)], **(options or {}))
    reason: str | None = row["reason"]
    return reason
