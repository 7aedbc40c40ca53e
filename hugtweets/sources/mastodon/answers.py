"""What a server of Mastodon answers, as pydantic models, and its posts as they are stored."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, model_validator

from hugtweets.errors import InvalidHandle
from hugtweets.sources.fields import Text, utc
from hugtweets.sources.mastodon.markup import QUOTE, text_of
from hugtweets.sources.paging import Page
from hugtweets.storage.handles import Handle
from hugtweets.timelines.posts import Mention, Post

NETWORK: Final = "mastodon"
# What everybody may see without an account; posts to followers and to single people are never stored.
VISIBLE = {"public", "unlisted"}

# An id becomes part of an address: other servers than Mastodon's own have letters in them.
Id = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, int | str) else value),
    StringConstraints(pattern=r"\A[A-Za-z0-9_-]{1,64}\z"),
]


class _Sent(BaseModel):
    """A part of an answer; fields that servers add are ignored, and one that is null is taken not to be there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _ignore_nulls(cls, value: object) -> object:
        return {name: part for name, part in value.items() if part is not None} if isinstance(value, dict) else value


class Account(_Sent):
    """``GET /api/v1/accounts/lookup``; None where the server does not say, or is older than the field."""

    id: Id
    username: str
    noindex: bool | None = None
    discoverable: bool | None = None
    suspended: bool | None = None
    moved: Any = None

    @property
    def asks_not_to_be_found(self) -> bool:
        """Whether its owner chose not to be indexed, or not to be found."""
        return bool(self.noindex) or self.discoverable is False

    def moved_to(self, server: str) -> str | None:
        """The account that this one, on a server, was left for; None if it was not, or for none that there can be."""
        name = self.moved.get("acct") if isinstance(self.moved, Mapping) else None
        if not isinstance(name, str):
            return None
        with suppress(InvalidHandle):
            return Handle.parse(name if "@" in name else f"{name}@{server}", NETWORK).name
        return None


class SentMention(_Sent):
    """A mentioned account."""

    username: str


class SentEmoji(_Sent):
    """A picture of the server's own, written ``:blobcat:``."""

    shortcode: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class SentId(_Sent):
    """A post of which only the id matters."""

    id: Id


class SentStatus(SentId):
    """One post, or one boost, whose text is in ``reblog``."""

    created_at: datetime
    content: Text | None = None
    visibility: str
    language: str | None = None
    in_reply_to_id: Any = None
    reblog: SentStatus | None = None
    quote: Any = None
    mentions: tuple[SentMention, ...] = ()
    emojis: tuple[SentEmoji, ...] = ()


def to_page(statuses: Sequence[Any]) -> Page:
    """The public and unlisted posts of a page; the next one begins below its last post."""
    posts: list[Post] = []
    unread: dict[str, str] = {}
    last: str | None = None
    for content in statuses:
        try:
            last = SentId.model_validate(content).id
            status = SentStatus.model_validate(content)
            posts += [_to_post(status)] if _is_visible(status) else []
        except (ValidationError, ValueError):
            known = content.get("id") if isinstance(content, Mapping) else None
            if _says_visible(content):
                unread[str(known)[:64] if known else ""] = json.dumps(content, default=str)
    return Page(tuple(posts), unread, last)


def _is_visible(status: SentStatus) -> bool:
    return status.visibility in VISIBLE and (status.reblog is None or status.reblog.visibility in VISIBLE)


def _says_visible(content: Any) -> bool:
    return isinstance(content, Mapping) and content.get("visibility") in VISIBLE


def _to_post(status: SentStatus) -> Post:
    shown = status.reblog or status
    text = text_of(shown.content or "")
    for emoji in shown.emojis:
        mark = re.escape(f":{emoji.shortcode}:")
        text = re.sub(rf" {mark}(?=\s|$)|{mark}", "", text)
    return Post(
        id=status.id,
        created_at=utc(status.created_at),
        # As X does: what cleaning turns back into the characters themselves.
        text=html.escape(text.strip(), quote=False),
        lang=shown.language,
        is_retweet=status.reblog is not None,
        is_reply=status.in_reply_to_id is not None,
        # Other makes than Mastodon have no field of that name, or not this one.
        is_quote=status.quote is not None or QUOTE in (status.content or ""),
        truncated=False,
        mentions=tuple(Mention(mention.username) for mention in shown.mentions),
        source=NETWORK,
        replied_to=None if status.in_reply_to_id is None else str(status.in_reply_to_id),
    )
