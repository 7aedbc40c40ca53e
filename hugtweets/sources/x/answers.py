"""What X answers, as pydantic models, and its posts as they are stored; refusals are in ``refusals``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, TypeVar

from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hugtweets.errors import UnexpectedAnswer
from hugtweets.sources.fields import Identifier, Text
from hugtweets.timelines.posts import Mention, Post

NOT_FOUND = "Not Found Error"


class _Sent(BaseModel):
    """A part of an answer; fields that X may add are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SentMention(_Sent):
    """One of ``entities.mentions``."""

    username: Text


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
    """``retweeted``, ``quoted`` or ``replied_to``."""

    type: str


class SentPost(_Sent):
    """A post under the old or the new names of three fields, which version 2.167 of the specification renamed."""

    id: Identifier
    text: Text
    created_at: AwareDatetime
    lang: str | None = None
    entities: SentEntities = SentEntities()
    note: SentNote | None = Field(None, validation_alias=AliasChoices("note_tweet", "note_post"))
    references: tuple[SentReference, ...] = Field(
        (), validation_alias=AliasChoices("referenced_tweets", "referenced_posts")
    )
    edit_ids: tuple[Identifier, ...] = Field(
        (), validation_alias=AliasChoices("edit_history_tweet_ids", "edit_history_post_ids")
    )


class XUser(_Sent):
    """An account, looked up or mentioned, as X spells it."""

    id: Identifier
    username: Text
    name: Text
    protected: bool = False


class SentProblem(_Sent):
    """One of ``errors`` in an answer of status 200; ``about`` is the handle or id that was asked for."""

    title: str = ""
    detail: str = ""
    about: str = Field("", validation_alias=AliasChoices("value", "resource_id"))


class SentIncludes(_Sent):
    """The users that an expansion brought."""

    users: tuple[XUser, ...] = ()


class SentMeta(_Sent):
    """A timeline ends where ``next_token`` is missing; a short or empty page is no sign of it."""

    next_token: str | None = None


class PostsAnswer(_Sent):
    """``GET /2/users/:id/tweets``; X leaves ``data`` out when a page is empty."""

    data: tuple[SentPost, ...] = ()
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

    data: tuple[XUser, ...] = ()
    errors: tuple[SentProblem, ...] = ()


Sent = TypeVar("Sent", bound=_Sent)


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


def printable(text: str) -> str:
    """What X wrote, fit for one line of a terminal."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= 120 else line[:119] + "…"


def to_posts(answer: PostsAnswer) -> list[Post]:
    """The posts of a page; display names of mentioned people are there only if they were paid for."""
    names = {user.username.casefold(): user.name for user in answer.includes.users}
    return [_to_post(sent, names) for sent in answer.data]


def _to_post(sent: SentPost, names: dict[str, str]) -> Post:
    # `text` of a long post is cut near 280 characters; its note has all of it, and the mentions in all of it.
    whole = sent.note or sent
    references = {reference.type for reference in sent.references}
    is_retweet = "retweeted" in references
    return Post(
        id=sent.id,
        created_at=sent.created_at.astimezone(UTC),
        text=whole.text,
        lang=sent.lang,
        is_retweet=is_retweet,
        is_reply="replied_to" in references,
        is_quote="quoted" in references,
        truncated=sent.note is None and _is_cut(sent, is_retweet),
        # X names an unedited post as its own only version; None says as much.
        edit_ids=sent.edit_ids if len(sent.edit_ids) > 1 else None,
        mentions=tuple(
            Mention(mention.username, names.get(mention.username.casefold())) for mention in whole.entities.mentions
        ),
        source="x",
    )


def _is_cut(sent: SentPost, is_retweet: bool) -> bool:
    """Whether X cut the text: a native retweet at 140 characters; any other ends in a link to the post itself then."""
    if is_retweet:
        return sent.text.endswith("…")
    return any(link.expanded_url.endswith(f"/status/{sent.id}") for link in sent.entities.urls)
