"""What X answers, and which error each refusal or problem is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import requests
from pydantic import AliasChoices, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hugtweets.errors import (
    AccountError,
    AccountNotFound,
    AccountProtected,
    AccountSuspended,
    BadToken,
    HugtweetsError,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
    WrongTier,
    XUnavailable,
)
from hugtweets.sources.fields import Identifier, Text

NOT_FOUND = "Not Found Error"


class _Sent(BaseModel):
    """A part of an answer: what X adds is passed over, a number is not taken for a string."""

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
    """A post in either dialect: the specification renamed three fields in version 2.167."""

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


class SentUser(_Sent):
    """A user, looked up or mentioned."""

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
    """What an expansion brought."""

    users: tuple[SentUser, ...] = ()


class SentMeta(_Sent):
    """Only a missing ``next_token`` is the end of a timeline; a short or empty page is not."""

    next_token: str | None = None


class PostsAnswer(_Sent):
    """``GET /2/users/:id/tweets``; X leaves ``data`` out when a page is empty."""

    data: tuple[SentPost, ...] = ()
    includes: SentIncludes = SentIncludes()
    meta: SentMeta | None = None
    errors: tuple[SentProblem, ...] = ()


class SentId(_Sent):
    """A post of which only its being there matters; its other fields may be of either dialect."""

    id: Identifier


class IdsAnswer(_Sent):
    """``GET /2/tweets``; X leaves ``data`` out when it found none of the posts."""

    data: tuple[SentId, ...] = ()
    errors: tuple[SentProblem, ...] = ()


class UsersAnswer(_Sent):
    """``GET /2/users/by``; X leaves ``data`` out when it found none of the users."""

    data: tuple[SentUser, ...] = ()
    errors: tuple[SentProblem, ...] = ()


A = TypeVar("A", bound=_Sent)


def parse(model: type[A], answer: Mapping[str, Any], subject: str) -> A:
    """An answer under its model.

    Raises:
        UnexpectedAnswer: a field is missing or of another type than documented.
    """
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        raise UnexpectedAnswer(
            f"X answered with a {_shown(where)} that cannot be understood when asked for {subject}: "
            "look for a newer version of hugtweets"
        ) from None


def refusal(response: requests.Response, subject: str) -> HugtweetsError:
    """The error for an answer of another status than 200; ``subject`` is what was asked for, such as ``@NASA``."""
    status = response.status_code
    if status == 401:
        return BadToken(f"X does not accept the bearer token when asked for {subject} (401): set X_BEARER_TOKEN anew")
    if status == 402:
        return OutOfCredit(
            f"X refuses to send {subject}: the developer account has no credit left (402); buy credit in the "
            "developer portal or use --source archive:PATH"
        )
    if status == 403:
        return WrongTier(
            f"X does not let this app read {subject} (403): in the developer portal, attach the app to a project "
            "whose plan reads timelines, or use --source archive:PATH"
        )
    if status == 429:
        return _rate_limited(response, subject)
    if status >= 500:
        return XUnavailable(f"X is down: it answered {status} when asked for {subject}; try again later")
    return UnexpectedAnswer(
        f"X answered {status} when asked for {subject} ({_detail(response)}): try again later, "
        "and look for a newer version of hugtweets if it stays"
    )


def account_problem(problem: SentProblem, handle: str) -> AccountError:
    """The error for one of ``errors`` in an answer of status 200."""
    if problem.title == NOT_FOUND:
        return AccountNotFound(f"X knows no account @{handle}: check the spelling, or whether it was renamed")
    if problem.title == "Forbidden" and "suspended" in problem.detail.casefold():
        return AccountSuspended(f"X has suspended @{handle}: take it off the list, or use --source archive:PATH")
    if problem.title == "Authorization Error":
        return protected(handle)
    return UnexpectedAnswer(
        f"X does not send @{handle}, for a reason unknown to hugtweets "
        f"({_shown(problem.title)}: {_shown(problem.detail)}); try again later"
    )


def protected(handle: str) -> AccountProtected:
    """The error for an account whose posts are not public."""
    return AccountProtected(
        f"@{handle} is protected, only its followers may read it: ask for its export and use --source archive:PATH"
    )


def silent(subject: str) -> UnexpectedAnswer:
    """The error for an answer of status 200 with neither data nor errors."""
    return UnexpectedAnswer(f"X answered with neither data nor errors when asked for {subject}: try again later")


def _rate_limited(response: requests.Response, subject: str) -> RateLimited:
    header = response.headers.get("x-rate-limit-reset", "")
    # Ten digits are seconds until the year 2286; anything longer is no time.
    if not (header.isascii() and header.isdigit() and len(header) <= 10):
        return RateLimited(f"X sends no more of {subject} for now (429) and does not say until when: try again later")
    reset_at = datetime.fromtimestamp(int(header), UTC)
    return RateLimited(
        f"X sends no more of {subject} for now (429): try again after {reset_at:%Y-%m-%d %H:%M:%S} UTC", reset_at
    )


def _detail(response: requests.Response) -> str:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return _shown(str(response.reason))
    return _shown(str(answer.get("detail") or answer.get("title"))) if isinstance(answer, dict) else "no reason given"


def _shown(text: str) -> str:
    """What X wrote, fit for one line of a terminal."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= 120 else line[:119] + "…"
