"""What X answers, as pydantic models, and its posts as they are stored; refusals are in ``refusals``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from hugtweets.errors import UnexpectedAnswer
from hugtweets.sources.fields import Identifier, Text, utc
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import PostCount

NOT_FOUND = "resource-not-found"


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if part is not None}
    return [part for part in value if part is not None] if isinstance(value, list) else value


class _Sent(BaseModel):
    """A part of an answer; fields that X may add are ignored, and one that is null is taken not to be there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _ignore_nulls(cls, value: object) -> object:
        value = _without_nulls(value)
        return {name: _without_nulls(part) for name, part in value.items()} if isinstance(value, dict) else value


Sent = TypeVar("Sent", bound=_Sent)


class SentMention(_Sent):
    """One of ``entities.mentions``; X knows some of them by number alone."""

    username: Text = ""


class SentLink(_Sent):
    """One of ``entities.urls``: where a t.co link leads."""

    expanded_url: str = ""


class SentEntities(_Sent):
    """``entities`` of a post or of its note."""

    mentions: tuple[SentMention, ...] = ()
    urls: tuple[SentLink, ...] = ()


class SentNote(_Sent):
    """The whole text of a long post."""

    text: Text
    entities: SentEntities = SentEntities()


class SentReference(_Sent):
    """``retweeted``, ``quoted`` or ``replied_to``, and the id of that post."""

    type: str
    id: Annotated[str | None, BeforeValidator(str)] = None


class SentPost(_Sent):
    """A post under the old or the new names of three fields, which version 2.167 of the specification renamed."""

    id: Identifier
    text: Text
    created_at: Annotated[AwareDatetime, AfterValidator(utc)]
    lang: Text | None = None
    entities: SentEntities = SentEntities()
    note: SentNote | None = Field(None, validation_alias=AliasChoices("note_tweet", "note_post"))
    references: tuple[SentReference, ...] = Field(
        (), validation_alias=AliasChoices("referenced_tweets", "referenced_posts")
    )
    edit_ids: tuple[Identifier, ...] = Field(
        (), validation_alias=AliasChoices("edit_history_tweet_ids", "edit_history_post_ids")
    )


def _count(metrics: object) -> int | None:
    """How many posts an account has, in ``public_metrics`` under its old or its new name."""
    found = (metrics.get(name) for name in ("tweet_count", "post_count")) if isinstance(metrics, dict) else ()
    return next((number for number in found if type(number) is int and number >= 0), None)


class XUser(_Sent):
    """An account, looked up or mentioned, as X spells it; ``posts`` is how many it has, if it was just looked up."""

    id: Identifier
    username: Text
    name: Text = ""
    protected: bool = False
    posts: Annotated[int | None, BeforeValidator(_count)] = Field(None, validation_alias="public_metrics")

    @property
    def count(self) -> PostCount | None:
        """The number of posts as it is kept, with the time."""
        return None if self.posts is None else PostCount(self.posts, datetime.now(UTC).isoformat())


def _users(value: object) -> object:
    """The users of a list that can be understood: one that cannot must not cost the others."""
    if not isinstance(value, list):
        return value
    read = (_read(XUser, user) for user in value)
    return [user for user in read if user]


Users = Annotated[tuple[XUser, ...], BeforeValidator(_users)]


class SentProblem(_Sent):
    """One of ``errors`` in an answer of status 200; ``about`` is the handle or id that was asked for."""

    type: Text = ""
    title: Text = ""
    detail: Text = ""
    about: Text = Field("", validation_alias=AliasChoices("value", "resource_id"))

    @property
    def kind(self) -> str:
        """The last part of its type, by which X tells problems apart: titles are free text, hosts differ."""
        return last_part(self.type)

    @property
    def is_suspension(self) -> bool:
        """Whether the account is suspended: X has no type of its own for that."""
        return self.kind in (NOT_FOUND, "not-authorized-for-resource") and "suspended" in self.detail.casefold()


class SentIncludes(_Sent):
    """The users that an expansion brought."""

    users: Users = ()


class SentMeta(_Sent):
    """A timeline ends where ``next_token`` is missing; a short or empty page is no sign of it."""

    next_token: str | None = None


class PostsAnswer(_Sent):
    """``GET /2/users/:id/tweets``; X leaves ``data`` out when a page is empty.

    Its posts are left as sent: each is read by itself, so that one that cannot be understood does not cost the page.
    """

    data: tuple[Any, ...] = ()
    includes: SentIncludes = SentIncludes()
    meta: SentMeta | None = None
    errors: tuple[SentProblem, ...] = ()


class SentId(_Sent):
    """A post of which only the id matters."""

    id: Identifier


class IdsAnswer(_Sent):
    """``GET /2/tweets``; X leaves ``data`` out when it found none of the posts."""

    data: tuple[SentId, ...] = ()
    errors: tuple[SentProblem, ...] = ()


class UsersAnswer(_Sent):
    """``GET /2/users/by``; X leaves ``data`` out when it found none of the users."""

    data: Users = ()
    errors: tuple[SentProblem, ...] = ()


def parse(model: type[Sent], answer: Mapping[str, Any], subject: str) -> Sent:
    """An answer as its model; ``subject`` is what was asked for, such as ``@NASA``.

    Raises:
        UnexpectedAnswer: a field is missing or of another type than documented.
    """
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise UnexpectedAnswer(
            f"X answered with a {printable(where)} that cannot be understood when asked for {subject}: "
            "look for a newer version of hugtweets"
        ) from None


def last_part(kind: object) -> str:
    """``usage-capped`` of ``https://api.x.com/2/problems/usage-capped``."""
    return str(kind or "").rpartition("/")[2]


def printable(text: str) -> str:
    """What X wrote, fit for one line of a terminal."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= 120 else line[:119] + "…"


class Read(NamedTuple):
    """The posts of a page, and as JSON, by id, those that cannot be understood."""

    posts: list[Post]
    unread: dict[str, str]


def read_posts(answer: PostsAnswer) -> Read:
    """The posts of a page; display names of mentioned people are there only if they were paid for."""
    names = {user.username.casefold(): user.name for user in answer.includes.users if user.name}
    read = Read([], {})
    for content in answer.data:
        if sent := _read(SentPost, content):
            read.posts.append(_to_post(sent, names))
        else:
            known = _read(SentId, content)
            read.unread[known.id if known else ""] = json.dumps(content)
    return read


def _read(model: type[Sent], content: object) -> Sent | None:
    try:
        return model.model_validate(content)
    except ValidationError:
        return None


def _to_post(sent: SentPost, names: dict[str, str]) -> Post:
    # `text` of a long post is cut near 280 characters; its note has all of it, and the mentions in all of it.
    whole = sent.note or sent
    references = {reference.type: reference.id for reference in sent.references}
    is_retweet = "retweeted" in references
    return Post(
        id=sent.id,
        created_at=sent.created_at,
        text=whole.text,
        lang=sent.lang,
        is_retweet=is_retweet,
        is_reply="replied_to" in references,
        is_quote="quoted" in references,
        truncated=sent.note is None and _is_cut(sent, is_retweet),
        # X names an unedited post as its own only version; None says as much.
        edit_ids=sent.edit_ids if len(sent.edit_ids) > 1 else None,
        mentions=tuple(
            Mention(mention.username, names.get(mention.username.casefold()))
            for mention in whole.entities.mentions
            if mention.username
        ),
        source="x",
        replied_to=references.get("replied_to"),
    )


def _is_cut(sent: SentPost, is_retweet: bool) -> bool:
    """Whether X cut the text: a native retweet at 140 characters; any other ends in a link to the post itself then."""
    if is_retweet:
        return sent.text.endswith("…")
    return any(link.expanded_url.endswith(f"/status/{sent.id}") for link in sent.entities.urls)
