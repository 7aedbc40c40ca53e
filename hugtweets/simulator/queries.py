"""The parameters of a request, checked as X checks them: it refuses those that it does not know.

Types and ranges are those of X's published OpenAPI document 2.167. That one has no ``tweet.fields`` any more, which X
still answers; here both are served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from hugtweets.simulator.accounts import USERNAME
from hugtweets.simulator.problems import invalid_request

USERNAMES = 100
IDS = 100


@dataclass(frozen=True)
class Dialect:
    """The names that differ between the two versions of the API in use."""

    history: str
    note: str
    references: str


def _listed(names: str) -> frozenset[str]:
    return frozenset(names.split())


TWEETS = Dialect("edit_history_tweet_ids", "note_tweet", "referenced_tweets")
POSTS = Dialect("edit_history_post_ids", "note_post", "referenced_posts")
_SHARED_FIELDS = _listed(
    "article attachments author_id card_uri community_id context_annotations conversation_id created_at "
    "display_text_range edit_controls entities geo id in_reply_to_user_id lang media_metadata possibly_sensitive "
    "public_metrics reply_settings scopes source text withheld"
)
_USER_FIELDS = _listed(
    "affiliation connection_status created_at description entities id location most_recent_tweet_id name "
    "pinned_tweet_id profile_banner_url profile_image_url protected public_metrics subscription_type url username "
    "verified verified_type withheld"
)


class InvalidRequest(Exception):
    """HTTP 400; its one argument is the body, which says which parameters X does not accept."""


def _split(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _split_unique(value: object) -> object:
    names = value.split(",") if isinstance(value, str) else []
    if len(set(names)) < len(names):
        raise ValueError("has a value twice")
    return names


def _whole(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("[0-9]+", value):
        raise ValueError("is not a whole number")
    return value


def _among(known: frozenset[str]) -> Callable[[frozenset[str]], frozenset[str]]:
    def check(names: frozenset[str]) -> frozenset[str]:
        if names - known:
            raise ValueError(f"is not one of [{','.join(sorted(known))}]")
        return names

    return check


Names = Annotated[frozenset[str], BeforeValidator(_split_unique)]
UserFields = Annotated[Names, AfterValidator(_among(_USER_FIELDS))]
TweetFields = Annotated[Names, AfterValidator(_among(_SHARED_FIELDS | set(vars(TWEETS).values())))]
# What a post refers to, and its versions, are expansions by the new names.
PostFields = Annotated[Names, AfterValidator(_among(_SHARED_FIELDS | {POSTS.note}))]
Expansion = Literal["author_id", "entities.mentions.username", "referenced_posts", "edit_history_post_ids"]
Number = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]


def check_id(identifier: str) -> None:
    """Check the id of a user in a path.

    Raises:
        InvalidRequest: it is not a number of at most 19 digits.
    """
    if not re.fullmatch("[0-9]{1,19}", identifier):
        raise InvalidRequest(invalid_request({"id": (identifier, "does not match ^[0-9]{1,19}$")}))


class Query(BaseModel):
    """What every request may carry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user_fields: Annotated[UserFields, Field(alias="user.fields")] = frozenset()

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> Self:
        """Read the query string.

        Raises:
            InvalidRequest: a parameter is unknown, missing or out of its range.
        """
        try:
            return cls.model_validate(dict(parameters))
        except ValidationError as error:
            complaints: dict[str, tuple[str, str]] = {}
            for detail in error.errors(include_url=False):
                name = str(detail["loc"][0]) if detail["loc"] else "query"
                complaints[name] = parameters.get(name, ""), detail["msg"].removeprefix("Value error, ")
            raise InvalidRequest(invalid_request(complaints)) from None


class UsersQuery(Query):
    """The parameters of a look-up of several users."""

    usernames: Annotated[tuple[str, ...], BeforeValidator(_split), Field(min_length=1, max_length=USERNAMES)]

    @field_validator("usernames")
    @classmethod
    def _possible(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(USERNAME.fullmatch(name) for name in names):
            raise ValueError(f"does not match ^{USERNAME.pattern}$")
        return names


class PostsQuery(Query):
    """The parameters of any answer that holds posts."""

    expansions: Annotated[frozenset[Expansion], BeforeValidator(_split_unique)] = frozenset()
    tweet_fields: Annotated[TweetFields | None, Field(alias="tweet.fields")] = None
    post_fields: Annotated[PostFields | None, Field(alias="post.fields")] = None

    @field_validator("post_fields")
    @classmethod
    def _without_tweet_fields(cls, names: frozenset[str], info: Any) -> frozenset[str]:
        if info.data.get("tweet_fields") is not None:
            raise ValueError("cannot be sent together with `tweet.fields`")
        return names

    @property
    def dialect(self) -> Dialect:
        """The dialect of the request, and so of its answer."""
        return TWEETS if self.post_fields is None else POSTS

    @property
    def fields(self) -> frozenset[str]:
        """The fields of a post that are sent: those asked for, those of an expansion, and those X always sends."""
        asked = self.tweet_fields or self.post_fields or frozenset()
        expanded = {name.partition(".")[0] for name in self.expansions}
        return asked | expanded | {"id", "text", self.dialect.history}


class TimelineQuery(PostsQuery):
    """The parameters of a page of a timeline."""

    max_results: Annotated[int, BeforeValidator(_whole), Field(ge=5, le=100)] = 10
    pagination_token: str | None = None
    since_id: Number | None = None
    until_id: Number | None = None
    exclude: Annotated[frozenset[Literal["replies", "retweets"]], BeforeValidator(_split_unique)] = frozenset()


class IdsQuery(PostsQuery):
    """The parameters of a look-up of several posts."""

    ids: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9]{1,19}$")], ...],
        BeforeValidator(_split),
        Field(min_length=1, max_length=IDS),
    ]
