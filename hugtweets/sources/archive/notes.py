"""Long posts of an account export: one over 280 characters is cut off there, and whole only as a note (``noteTweet``).

Nothing links the two: a note has an id of its own. They belong together if they were written in the same second and
the post, as far as it goes, has the text of the note; either may lack the mentions that open a reply.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AliasPath, BaseModel, Field

from hugtweets.sources.fields import Text, utc
from hugtweets.timelines.posts import Post

_CUT = re.compile(r"…(\s*https?://\S*)?\s*\Z")
_OPENING_MENTIONS = re.compile(r"\A(\s*@\w+)+")
_LINK = re.compile(r"https?://\S*")
_END = 100  # a link takes 23 characters
_FULL_LENGTH = 260  # X cuts at 280, less a word and a link


class Note(BaseModel):
    """A ``noteTweet`` of an export; unlike posts, it is not HTML-escaped."""

    created_at: Annotated[datetime, AfterValidator(utc)] = Field(validation_alias="createdAt")
    text: Text = Field(validation_alias=AliasPath("core", "text"))


class Notes:
    """The notes of an export, by the second in which they were written."""

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self._by_second: defaultdict[datetime, list[str]] = defaultdict(list)
        for note in notes:
            self._by_second[_second(note.created_at)].append(note.text)

    def complete(self, post: Post) -> Post:
        """The post with its whole text; ``truncated`` says whether its end is lost."""
        cut = _CUT.search(post.text, max(0, len(post.text) - _END))
        if cut is None:
            return replace(post, truncated=False)
        beginning = _comparable(html.unescape(post.text[: cut.start()]))
        for text in self._by_second.get(_second(post.created_at), ()):
            if beginning and _comparable(text).startswith(beginning):
                return replace(post, text=html.escape(text, quote=False), truncated=False)
        return replace(post, truncated=bool(post.is_retweet) or _length(post.text) >= _FULL_LENGTH)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _comparable(text: str) -> str:
    return " ".join(_LINK.sub(" ", _OPENING_MENTIONS.sub("", text)).split())


def _length(text: str) -> int:
    """Roughly what X counts: two for a character beyond the alphabets of Europe and the Near East, else one."""
    return sum(
        1 if ord(character) < 0x1100 or 0x2000 <= ord(character) < 0x2100 else 2 for character in html.unescape(text)
    )
