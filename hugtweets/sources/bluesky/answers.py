"""What Bluesky answers, as pydantic models, and its posts as they are stored."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from hugtweets.sources.bluesky.facets import Facet, apply_facets
from hugtweets.sources.fields import Text, utc
from hugtweets.sources.paging import Page
from hugtweets.timelines.posts import Mention, Post

NETWORK = "bluesky"
POST = "app.bsky.feed.post"
HIDDEN = "!no-unauthenticated"
_KINDS = {"#link": "link", "#mention": "mention", "#tag": "tag"}
_AT_URI = re.compile(r"at://(?P<account>[A-Za-z0-9._:%-]+)/(?P<collection>[A-Za-z0-9.-]+)/(?P<key>[A-Za-z0-9._~:-]+)")

AtUri = Annotated[str, StringConstraints(pattern=rf"\A{_AT_URI.pattern}\z", max_length=600)]


def _or_none(value: object, validate: ValidatorFunctionWrapHandler) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


class _Sent(BaseModel):
    """A part of an answer; fields that Bluesky may add are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SentLabel(_Sent):
    """A label on an account: its author's own, or a moderator's."""

    val: str


class Profile(_Sent):
    """``app.bsky.actor.getProfile``."""

    did: Annotated[str, StringConstraints(pattern=r"\Adid:[a-z]+:[A-Za-z0-9._:%-]+\z", max_length=300)]
    handle: str
    labels: tuple[SentLabel, ...] | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether the account asks not to be shown to people without an account."""
        return any(label.val == HIDDEN for label in self.labels or ())


class SentAuthor(_Sent):
    """Who wrote a post."""

    did: str


class SentSpan(_Sent):
    """Which bytes of a text a facet is about."""

    byteStart: int  # noqa: N815  # named by Bluesky
    byteEnd: int  # noqa: N815


class SentFeature(_Sent):
    """What a facet says of them."""

    type: str = Field(validation_alias="$type")
    uri: str = ""


class SentFacet(_Sent):
    """One of ``facets``."""

    index: SentSpan
    features: tuple[SentFeature, ...] = ()


class SentRecord(_Sent):
    """A post as its author's server holds it; ``facets`` and ``embed`` may be anything, as any app writes them.

    ``createdAt`` is None where it is no time, or names no zone: then it counts when Bluesky has first seen the post.
    """

    text: Text
    createdAt: Annotated[AwareDatetime | None, WrapValidator(_or_none)] = None  # noqa: N815
    langs: tuple[str, ...] | None = None
    facets: tuple[Any, ...] | None = None
    reply: Any = None
    embed: Any = None


class SentPost(_Sent):
    """A post in a feed."""

    uri: AtUri
    author: SentAuthor
    record: SentRecord
    indexedAt: AwareDatetime  # noqa: N815


class SentReason(_Sent):
    """Why a post is in a feed: here, that the account reposted it; ``uri`` is that of the repost."""

    type: str = Field("", validation_alias="$type")
    uri: AtUri | None = None
    indexedAt: AwareDatetime | None = None  # noqa: N815


class SentItem(_Sent):
    """One of ``feed``."""

    post: SentPost
    reason: SentReason | None = None


class Feed(_Sent):
    """``app.bsky.feed.getAuthorFeed``; items are left as sent: one that is not understood must not cost the page."""

    feed: tuple[Any, ...] = ()
    cursor: str | None = None


class PostUri(_Sent):
    """A post of which only the address matters."""

    uri: str


class Posts(_Sent):
    """``app.bsky.feed.getPosts``, which leaves out what it does not find."""

    posts: tuple[PostUri, ...] = ()


def to_page(feed: Feed, account: str) -> Page:
    """The posts and reposts of an account, by its DID."""
    posts: list[Post] = []
    unread: dict[str, str] = {}
    for content in feed.feed:
        try:
            post = _to_post(SentItem.model_validate(content), account)
        except (ValidationError, ValueError):
            unread[_identifier(content)] = json.dumps(content)
            continue
        posts += [post] if post else []
    return Page(tuple(posts), unread, feed.cursor or None)


def post_uri(account: str, key: str) -> str:
    """The address of an account's post."""
    return f"at://{account}/{POST}/{key}"


def key_of(uri: str) -> str:
    """The last part of an address: the record's own name, which grows with time in the apps of Bluesky."""
    return uri.rpartition("/")[2]


def _to_post(item: SentItem, account: str) -> Post | None:
    """The post as it is stored; None for somebody else's that was not reposted."""
    sent, record = item.post, item.post.record
    reason = item.reason
    is_own = sent.author.did == account
    is_repost = reason is not None and reason.type.endswith("#reasonRepost")
    if is_own and reason and not reason.uri:
        # Without a name of its own, a repost of the account's own post would take the place of that.
        is_repost = False
    if not is_repost and not is_own:
        return None
    posted = min(record.createdAt or sent.indexedAt, sent.indexedAt)
    if is_repost and reason:
        posted = reason.indexedAt or sent.indexedAt
    plain = apply_facets(record.text, list(_facets(record.facets or ())))
    return Post(
        id=key_of(reason.uri if is_repost and reason and reason.uri else sent.uri),
        created_at=utc(posted),
        # As X does: what cleaning turns back into the characters themselves.
        text=html.escape(plain.text, quote=False),
        lang=record.langs[0] if record.langs else None,
        is_retweet=is_repost,
        is_reply=record.reply is not None,
        is_quote=_quotes(record.embed),
        truncated=False,
        mentions=tuple(Mention(name) for name in plain.mentions),
        source=NETWORK,
        replied_to=_replied_to(record.reply, account),
    )


def _replied_to(reply: Any, account: str) -> str | None:
    """The account's own post that is answered; those of others may have the same name."""
    parent = reply.get("parent") if isinstance(reply, Mapping) else None
    uri = str(parent.get("uri")) if isinstance(parent, Mapping) else ""
    return key_of(uri) if uri.startswith(f"at://{account}/") else None


def _facets(sent: Iterable[Any]) -> Iterable[Facet]:
    for content in sent:
        try:
            facet = SentFacet.model_validate(content)
        except ValidationError:
            continue
        for feature in facet.features[:1]:
            kind = _KINDS.get(feature.type.removeprefix("app.bsky.richtext.facet"), "other")
            yield Facet(facet.index.byteStart, facet.index.byteEnd, kind, feature.uri)  # type: ignore[arg-type]


def _quotes(embed: Any) -> bool:
    """Whether a record is embedded that is a post, and no list or feed."""
    if not isinstance(embed, Mapping):
        return False
    record = embed.get("record")
    inner = record.get("record", record) if isinstance(record, Mapping) else None
    uri = inner.get("uri") if isinstance(inner, Mapping) else None
    return isinstance(uri, str) and f"/{POST}/" in uri


def _identifier(content: Any) -> str:
    """The name of a post that is not understood; empty if not even that is there."""
    post = content.get("post") if isinstance(content, Mapping) else None
    uri = post.get("uri") if isinstance(post, Mapping) else None
    return key_of(uri) if isinstance(uri, str) and _AT_URI.fullmatch(uri) else ""
