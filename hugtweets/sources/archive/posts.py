"""Posts as the scripts of an account export write them, in all layouts.

They name no author, do not say since 2018 whether they are retweets, and are HTML-escaped. Since 2022 every version of
an edited post is in the export, under its own id.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, Field, model_validator

from hugtweets.sources.archive.lenient import NoneIfOdd
from hugtweets.sources.archive.moments import Moment
from hugtweets.sources.fields import Identifier, Text, Words
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import id_order

_STATUS = re.compile(r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status/[0-9]+(?:\?\S*)?")
_MOST_VERSIONS = 100  # X allows five edits


class UserMention(BaseModel):
    """An account that a post mentions, with its display name."""

    screen_name: Annotated[Text, Field(min_length=1)]
    name: Annotated[Words, NoneIfOdd] = None


class Link(BaseModel):
    """A link of a post, as it was before t.co."""

    expanded_url: str | None = None


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else []


class Entities(BaseModel):
    """What X found in a text; None stands for a mention or link that it did not find whole."""

    user_mentions: Annotated[list[Annotated[UserMention | None, NoneIfOdd]], BeforeValidator(_list)] = []
    urls: Annotated[list[Annotated[Link | None, NoneIfOdd]], BeforeValidator(_list)] = []


class Tweet(BaseModel):
    """A post of ``tweet.js``, ``tweets.js``, ``community-tweet.js``, ``deleted-tweets.js``, or a month until 2018."""

    id: Identifier = Field(validation_alias=AliasChoices("id_str", "id"))
    created_at: Moment
    text: Text = Field(validation_alias=AliasChoices("full_text", "text"))
    lang: Annotated[Words, NoneIfOdd] = None
    reply_to_status: Annotated[Identifier | None, NoneIfOdd] = Field(
        None, validation_alias=AliasChoices("in_reply_to_status_id_str", "in_reply_to_status_id")
    )
    reply_to_user: object = Field(None, validation_alias=AliasChoices("in_reply_to_user_id_str", "in_reply_to_user_id"))
    reply_to_name: object = Field(None, validation_alias="in_reply_to_screen_name")
    retweeted: object = Field(None, validation_alias="retweeted_status")  # until 2018
    quoted: object = Field(None, validation_alias="quoted_status_id_str")
    entities: Annotated[Entities | None, NoneIfOdd] = None
    # All versions: where a later one names them, else where the first does.
    edit_ids: Annotated[list[Identifier] | None, NoneIfOdd] = Field(
        None,
        max_length=_MOST_VERSIONS,
        validation_alias=AliasChoices(
            AliasPath("edit_info", "edit", "editControlInitial", "editTweetIds"),
            AliasPath("edit_info", "initial", "editTweetIds"),
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _ignore_nulls(cls, entry: object) -> object:
        return {key: part for key, part in entry.items() if part is not None} if isinstance(entry, dict) else entry

    @property
    def odd_mentions(self) -> int:
        """How many mentions do not say whom."""
        return sum(mention is None for mention in self.entities.user_mentions) if self.entities else 0

    def post(self) -> Post:
        """The same as a :class:`Post`, without its author."""
        is_retweet = bool(self.retweeted) or self.text.startswith("RT @")
        entities = self.entities or Entities()
        mentions = tuple(Mention(found.screen_name, found.name) for found in entities.user_mentions if found)
        versions = {*(self.edit_ids or ()), self.id}
        links = (link.expanded_url for link in entities.urls if link)
        return Post(
            id=self.id,
            created_at=self.created_at,
            text=self.text,
            lang=self.lang,
            is_retweet=is_retweet,
            is_reply=bool(self.reply_to_status or self.reply_to_user or self.reply_to_name),
            is_quote=not is_retweet and (bool(self.quoted) or quotes(links)),
            edit_ids=tuple(sorted(versions, key=id_order)) if len(versions) > 1 else None,
            mentions=mentions if self.entities else None,
            source="archive",
            replied_to=self.reply_to_status,
        )


def join_versions(posts: Iterable[Post]) -> Iterator[Post]:
    """The posts, each version of an edited one naming all of them: the early ones may not know the later."""
    posts = list(posts)
    known: defaultdict[str, set[str]] = defaultdict(set)
    for post in posts:
        for identifier in post.edit_ids or ():
            known[identifier].update(post.edit_ids or ())
    for post in posts:
        versions = tuple(sorted(known[post.id], key=id_order)) if post.id in known else ()
        yield replace(post, edit_ids=versions) if versions else post


def quotes(links: Iterable[str | None]) -> bool:
    """Whether one of the links leads to a post; those to its picture or film are not quotes."""
    return any(_STATUS.fullmatch(link.strip()) for link in links if link)
