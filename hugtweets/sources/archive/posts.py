"""Posts as the two layouts of an account export write them.

They name no author, do not say whether they are retweets, and are HTML-escaped. Since 2022 every version of an edited
post is in the export, under its own id.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, Field

from hugtweets.sources.fields import Identifier, Text, Words, utc
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import id_order

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STATUS = re.compile(r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status/[0-9]+(?:\?\S*)?")


def _moment(value: object) -> datetime:
    """``Wed Oct 10 20:19:24 +0000 2018`` or ``2016-12-30 21:04:11 +0000``, whatever the locale."""
    words = value.split() if isinstance(value, str) else []
    try:
        if len(words) == 6:
            _, month, day, clock, zone, year = words
            words = [f"{year}-{_MONTHS.index(month) + 1:02}-{int(day):02}", clock, zone]
        day, clock, zone = words
        return utc(datetime.fromisoformat(f"{day}T{clock}{zone}"))
    except ValueError:
        raise ValueError("is no time as X writes it") from None


Moment = Annotated[datetime, BeforeValidator(_moment)]


class UserMention(BaseModel):
    """An account that a tweet mentions, with its display name."""

    screen_name: Text
    name: Words = None


class Link(BaseModel):
    """A link of a tweet, as it was before t.co."""

    expanded_url: str | None = None


class Entities(BaseModel):
    """What X found in a text."""

    user_mentions: list[UserMention] = []
    urls: list[Link] = []


class Tweet(BaseModel):
    """A tweet of ``tweet.js`` or ``tweets.js``."""

    id: Identifier = Field(validation_alias=AliasChoices("id_str", "id"))
    created_at: Moment
    text: Text = Field(validation_alias=AliasChoices("full_text", "text"))
    lang: Words = None
    reply_to_status: object = Field(None, validation_alias="in_reply_to_status_id_str")
    reply_to_user: object = Field(None, validation_alias="in_reply_to_user_id_str")
    reply_to_name: object = Field(None, validation_alias="in_reply_to_screen_name")
    quoted: object = Field(None, validation_alias="quoted_status_id_str")
    entities: Entities | None = None
    # All versions: where a later one names them, else where the first does.
    edit_ids: list[Identifier] = Field(
        [],
        max_length=100,
        validation_alias=AliasChoices(
            AliasPath("edit_info", "edit", "editControlInitial", "editTweetIds"),
            AliasPath("edit_info", "initial", "editTweetIds"),
        ),
    )

    def post(self) -> Post:
        """The same as a :class:`Post`, without its author."""
        is_retweet = self.text.startswith("RT @")
        entities = self.entities or Entities()
        mentions = tuple(Mention(mention.screen_name, mention.name) for mention in entities.user_mentions)
        versions = {*self.edit_ids, self.id}
        return Post(
            id=self.id,
            created_at=self.created_at,
            text=self.text,
            lang=self.lang,
            is_retweet=is_retweet,
            is_reply=bool(self.reply_to_status or self.reply_to_user or self.reply_to_name),
            is_quote=not is_retweet and (bool(self.quoted) or _quotes(link.expanded_url for link in entities.urls)),
            edit_ids=tuple(sorted(versions, key=id_order)) if len(versions) > 1 else None,
            mentions=mentions if self.entities else None,
            source="archive",
        )


class GrailbirdRow(BaseModel):
    """A row of ``tweets.csv``, the layout up to 2018."""

    id: Identifier = Field(validation_alias="tweet_id")
    created_at: Moment = Field(validation_alias="timestamp")
    text: Text
    reply_to_status: str = Field("", validation_alias="in_reply_to_status_id")
    reply_to_user: str = Field("", validation_alias="in_reply_to_user_id")
    retweeted: str = Field("", validation_alias="retweeted_status_id")
    links: str = Field("", validation_alias="expanded_urls")

    def post(self) -> Post:
        """The same as a :class:`Post`, without its author."""
        is_retweet = bool(self.retweeted) or self.text.startswith("RT @")
        return Post(
            id=self.id,
            created_at=self.created_at,
            text=self.text,
            is_retweet=is_retweet,
            is_reply=bool(self.reply_to_status or self.reply_to_user),
            is_quote=not is_retweet and _quotes(self.links.split(",")),
            source="archive",
        )


def grailbird_rows(text: str) -> Iterator[dict[str, Any]]:
    """The rows of ``tweets.csv`` by column.

    Raises:
        csv.Error: it is no CSV.
        ValueError: a row has more or fewer cells than the header, as where the file breaks off.
    """
    # csv takes lines with their ends, so that line breaks inside a post survive.
    lines = csv.reader(re.findall(r"[^\n]*\n|[^\n]+", text), strict=True)
    header = next(lines, [])
    for cells in lines:
        if cells:
            yield dict(zip(header, cells, strict=True))


def join_versions(posts: Iterable[Post]) -> Iterator[Post]:
    """The posts, each version of an edited one naming all of them: the early ones may not know the later."""
    posts = list(posts)
    known: defaultdict[str, set[str]] = defaultdict(set)
    for post in posts:
        for identifier in post.edit_ids or ():
            known[identifier].update(post.edit_ids or ())
    for post in posts:
        versions = tuple(sorted(known[post.id], key=id_order))
        yield replace(post, edit_ids=versions) if versions else post


def _quotes(links: Iterable[str | None]) -> bool:
    """Whether one of the links leads to a post; those to its picture or film are not quotes."""
    return any(_STATUS.fullmatch(link.strip()) for link in links if link)
