"""Long posts of an account export: one over 280 characters is cut off there, and whole only as a note (``noteTweet``).

Few notes name their post. The others belong to the post that was written at the same time, to the second, if as far as
it goes it has the text of the note; either may lack the mentions that open a reply. Mostly a cut post ends in an
ellipsis and perhaps in links, but some just stop.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Self

from pydantic import AliasChoices, AliasPath, BaseModel, Field, model_validator

from hugtweets.sources.archive.lenient import NoneIfOdd
from hugtweets.sources.archive.moments import Moment
from hugtweets.sources.fields import Identifier, Text
from hugtweets.timelines.posts import Post

_LINKS = r"(?:\s*https?://\S+)?(?:\s+https?://\S+){0,3}\s*\Z"
_CUT = re.compile(f"…{_LINKS}")
_END = re.compile(rf"(?:…|\.\.\.)?{_LINKS}")
_OPENING_MENTIONS = re.compile(r"\A(\s*@\w+)+")
_LINK = re.compile(r"https?://\S*")
_END_LENGTH = 160  # four links of 23 characters, and more
_FULL_LENGTH = 260  # X cuts at 280, less a word and a link
_LEAST_LENGTH = 200  # what is shorter was not cut, whatever it has in common with a note
_ONE_SECOND = timedelta(seconds=1)
# A name for each way that X has written a note.
_BODIES = ("core", "noteTweetResults", "note_tweet_results")
_TEXTS = [AliasPath(body, *inner, "text") for body in _BODIES for inner in ((), ("result",))]


class Note(BaseModel):
    """A note; unlike posts, it is not HTML-escaped. ``post_id`` and ``created_at`` are None if it does not say."""

    text: Annotated[Text, Field(min_length=1)] = Field(validation_alias=AliasChoices(*_TEXTS, "text"))
    post_id: Annotated[Identifier | None, NoneIfOdd] = Field(
        None, validation_alias=AliasChoices("tweetId", "tweet_id", "tweetIdStr")
    )
    created_at: Annotated[Moment | None, NoneIfOdd] = Field(
        None, validation_alias=AliasChoices("createdAt", "created_at")
    )

    @model_validator(mode="after")
    def _belongs_somewhere(self) -> Self:
        if self.post_id is None and self.created_at is None:
            raise ValueError("names neither its post nor its time")
        return self


class Notes:
    """The notes of an export, by post and by time."""

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self._by_post: dict[str, str] = {}
        self._by_second: defaultdict[datetime, list[tuple[datetime, str]]] = defaultdict(list)
        for note in notes:
            if note.post_id is not None:
                self._by_post[note.post_id] = note.text
            if note.created_at is not None:
                self._by_second[_second(note.created_at)].append((note.created_at, note.text))

    def complete(self, post: Post) -> Post:
        """The post with its whole text; ``truncated`` says whether its end is lost."""
        whole = None if post.is_retweet else self._by_post.get(post.id) or self._written_then(post)
        if whole is not None:
            return replace(post, text=html.escape(whole, quote=False), truncated=False)
        is_cut = _CUT.search(post.text, max(0, len(post.text) - _END_LENGTH)) is not None
        return replace(post, truncated=is_cut and (bool(post.is_retweet) or _length(post.text) >= _FULL_LENGTH))

    def _written_then(self, post: Post) -> str | None:
        """The note of the same time that begins as the post does; the nearest in time if there are several."""
        near = [
            (abs(at - post.created_at), text)
            for step in (-_ONE_SECOND, timedelta(), _ONE_SECOND)
            for at, text in self._by_second.get(_shifted(_second(post.created_at), step), ())
            if abs(at - post.created_at) <= _ONE_SECOND
        ]
        if not near or _length(post.text) < _LEAST_LENGTH:
            return None
        beginnings = _beginnings(post.text)
        for _, text in sorted(near, key=lambda found: found[0]):
            if any(_comparable(text).startswith(beginning) for beginning in beginnings):
                return text
        return None


def _beginnings(text: str) -> list[str]:
    """What the whole text may begin with: what is left of it, also without its last word.

    X cuts through words, links and HTML entities, and what it leaves of these need not be in the whole text.
    """
    kept = text[: _cut_at(text)]
    whole = _comparable(html.unescape(kept))
    shorter = _comparable(html.unescape(kept.rpartition(" ")[0]))
    enough = len(shorter) >= len(whole) / 2
    return [beginning for beginning in (whole, shorter if enough else "") if beginning]


def _cut_at(text: str) -> int:
    found = _END.search(text, max(0, len(text) - _END_LENGTH))
    return found.start() if found else len(text)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _shifted(moment: datetime, step: timedelta) -> datetime:
    try:
        return moment + step
    except OverflowError:  # the first or last second that there is
        return moment


def _comparable(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    return " ".join(_LINK.sub(" ", _OPENING_MENTIONS.sub("", composed)).split())


def _length(text: str) -> int:
    """Roughly what X counts: two for a character beyond the alphabets of Europe and the Near East, else one."""
    return sum(
        1 if ord(character) < 0x1100 or 0x2000 <= ord(character) < 0x2100 else 2 for character in html.unescape(text)
    )
