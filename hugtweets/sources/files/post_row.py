"""What every dialect turns a row into, and its check: the columns of a post in our own words."""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationInfo

from hugtweets.sources.fields import Identifier, Text, Words, identifier
from hugtweets.sources.files.literals import structured
from hugtweets.sources.files.moments import moment, time_of_id
from hugtweets.sources.files.rows import NO, YES, Cells, is_something
from hugtweets.timelines.posts import Mention, Post, tombstone

Fields = dict[str, Any]
_KEPT = {field.name for field in dataclasses.fields(Post)} - {"mentions", "deleted"}
_HANDLES = re.compile(r"@?(\w{1,20})")
_GUARDED_ID = re.compile(r"""=?['"]?(?:x|#|id|(?:tweet|status|post)_?id)?:? ?(\d+)['"]?""", re.IGNORECASE)
# As spreadsheets show numbers, and blanks that nobody sees.
_GROUPED_ID = re.compile(r"\d{1,3}(?:[,.' \u00a0\u202f]\d{3}){2,}")
_UNSEEN = " \t\r\n\u00a0\u200b\u200e\u200f\u2060\ufeff"
_BETWEEN_HANDLES = re.compile(r"[\s,;|]+")
_FIRST_YEAR = 2010  # of ids of X that tell the time, its last two months


def bare_id(value: object) -> object:
    """An id without what tools put around it, to keep spreadsheets from it: ``'7``, ``="7"``, ``tweet_id:7``."""
    value = _typed(value)
    if not isinstance(value, str) or value.isdecimal():
        return value
    bare = value.strip(_UNSEEN)
    if _GROUPED_ID.fullmatch(bare):
        return "".join(filter(str.isdecimal, bare))
    match = _GUARDED_ID.fullmatch(bare)
    return match[1] if match else value


def _typed(value: object) -> object:
    """A value without the type that MongoDB writes around it: ``{"$numberLong": "7"}``."""
    while isinstance(value, dict) and len(value) == 1 and (name := next(iter(value))).startswith("$"):
        value = value[name]
    return value


def id_or_none(value: object) -> str | None:
    """An id as it should be; None for any other, since no post is lost by that."""
    try:
        return identifier(bare_id(value))
    except ValueError:
        return None


def _flag(value: object) -> object:
    """A yes or no, however written; None where nothing is written."""
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in YES or word in NO:
            return word in YES
        return word if is_something(word) else None
    return None if value != value else value


def _time(value: object, info: ValidationInfo) -> datetime:
    return moment(_typed(value), **(info.context or {}))


def has_time(fields: Fields, day_first: bool | None) -> bool:
    """Whether these fields hold a time that can be read."""
    try:
        moment(_typed(fields.get("created_at")), day_first)
    except ValueError:
        return False
    return True


def has_telling_id(fields: Fields) -> bool:
    """Whether these fields hold an id that surely is one of X's, which tell the time.

    Those of other sites, of 15 to 17 digits, would be of X's first weeks with such ids, when few posts were written.
    """
    try:
        return time_of_id(str(bare_id(fields.get("id")))).year > _FIRST_YEAR
    except ValueError:
        return False


def _mentions(value: object) -> list[Fields] | None:
    """Who is mentioned, as objects or as handles; None for what nobody could tell, since no post is lost by that."""
    value = structured(value)
    if isinstance(value, str):
        if value.isdecimal():
            # How many there are.
            return None
        value = _BETWEEN_HANDLES.split(value.strip(" []()"))
    if not isinstance(value, list):
        return None
    return [mention for element in value if (mention := _mention(element))]


def _mention(element: object) -> Fields | None:
    if isinstance(element, str):
        handle = _HANDLES.fullmatch(element.strip(" '\""))
        return {"username": handle[1]} if handle else None
    if not isinstance(element, dict):
        return None
    cells = Cells(element)
    username, name = cells.get("username", "screen_name"), cells.get("name", "displayname")
    return (
        {"username": username, "name": name if isinstance(name, str) else None} if isinstance(username, str) else None
    )


Flag = Annotated[bool | None, BeforeValidator(_flag)]


class MentionRow(BaseModel):
    """A mentioned account."""

    username: Text
    name: Words = None


class PostRow(BaseModel):
    """A post, as a file writes it. The context of the validation says whether dates begin with the ``day_first``."""

    id: Annotated[Identifier, BeforeValidator(bare_id)]
    created_at: Annotated[datetime, BeforeValidator(_time)]
    text: Text
    author: Words = None
    author_id: Annotated[str | None, BeforeValidator(lambda value: None if value is None else str(value)[:20])] = None
    name: Words = None
    lang: Words = None
    is_retweet: Flag = None
    is_reply: Flag = None
    is_quote: Flag = None
    truncated: Flag = None
    deleted: Flag = None
    replied_to: Annotated[str | None, BeforeValidator(id_or_none)] = None
    mentions: Annotated[list[MentionRow] | None, BeforeValidator(_mentions)] = None
    edit_ids: Annotated[tuple[Identifier, ...] | None, BeforeValidator(lambda value: value or None)] = None

    def post(self) -> Post:
        """The same as a :class:`Post`; of one that its author deleted, only that there was one."""
        mentions = None if self.mentions is None else tuple(Mention(m.username, m.name) for m in self.mentions)
        values = {name: getattr(self, name) for name in PostRow.model_fields if name in _KEPT}
        post = Post(**values, mentions=mentions, source="file")
        return tombstone(post) if self.deleted else post
