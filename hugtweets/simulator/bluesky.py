"""The queries of Bluesky's AppView that hugtweets asks: a profile, an author's feed, and posts by their addresses."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from starlette.requests import Request

from hugtweets.simulator.accounts import Account
from hugtweets.simulator.feeds import page_below, pieces_of, words_of
from hugtweets.simulator.problems import Body
from hugtweets.simulator.state import State
from hugtweets.timelines.posts import Post

_DIGITS = "234567abcdefghijklmnopqrstuvwxyz"
_FACET = "app.bsky.richtext.facet"
_KEY_LENGTH = 13
LONGEST_SHOWN = 24  # characters of a link, as apps cut them
NO_PROFILE = {"error": "InvalidRequest", "message": "Profile not found"}
TAKEN_DOWN = {"error": "AccountTakedown", "message": "Account has been suspended"}


class NotShown(Exception):
    """There is no such account, or it is taken down; the argument is the body of the answer."""


def add_bluesky(app: FastAPI, state: State) -> None:
    """Serve the accounts whose files are named by handles of Bluesky."""
    app.add_exception_handler(NotShown, lambda _, error: JSONResponse(error.args[0], 400))

    @app.get("/xrpc/app.bsky.actor.getProfile")
    def profile(actor: str) -> JSONResponse:
        account = _shown(state, actor)
        state.count(users=1)
        labels = [{"src": did_of(account.handle), "val": "!no-unauthenticated"}] if account.state == "hidden" else []
        return JSONResponse(
            _author(account.handle) | {"labels": labels, "postsCount": len(state.accounts.posts(account))}
        )

    @app.get("/xrpc/app.bsky.feed.getAuthorFeed")
    def feed(
        request: Request, actor: str, limit: Annotated[int, Query(ge=1, le=100)] = 50, cursor: str | None = None
    ) -> JSONResponse:
        account = _shown(state, actor)
        position = int(cursor.rpartition("::")[2]) if cursor else None
        posts, below = page_below(state.accounts.posts(account), position, limit, request.state.fault)
        request.state.posts = tuple(post.id for post in posts)
        state.count(posts=len(posts))
        answer: Body = {"feed": [_item(post, account.handle) for post in posts]}
        return JSONResponse(answer if below is None else answer | {"cursor": f"2026-01-01T00:00:00Z::{below}"})

    @app.get("/xrpc/app.bsky.feed.getPosts")
    def posts(request: Request, uris: Annotated[list[str], Query(max_length=25)]) -> JSONResponse:
        found = [view for uri in uris if (view := _find(state, uri))]
        request.state.posts = tuple(view["uri"] for view in found)
        state.count(posts=len(found))
        return JSONResponse({"posts": found})


def did_of(handle: str) -> str:
    """A made-up lasting id, the same for a handle at any time."""
    digest = hashlib.sha256(handle.casefold().encode()).digest()
    return "did:plc:" + "".join(_DIGITS[byte % 32] for byte in digest[:24])


def key_of(identifier: str) -> str:
    """The key of a record: a number as Bluesky writes it, so that later ones are greater."""
    number = int(identifier)
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_KEY_LENGTH)))


def _account(state: State, actor: str) -> Account | None:
    """By its handle or its DID; X's names have no dot."""
    named = state.accounts.named(actor) if "." in actor else None
    return named or next((found for found in state.accounts.all() if did_of(found.handle) == actor), None)


def _shown(state: State, actor: str) -> Account:
    account = _account(state, actor)
    if account is None or account.state == "suspended":
        raise NotShown(TAKEN_DOWN if account else NO_PROFILE)
    return account


def _find(state: State, uri: str) -> Body | None:
    actor, _, key = uri.removeprefix("at://").partition("/app.bsky.feed.post/")
    account = _account(state, actor)
    if account is None or account.state == "suspended":
        return None
    number = sum(_DIGITS.index(digit) << 5 * place for place, digit in enumerate(reversed(key)) if digit in _DIGITS)
    found = next((post for post in state.accounts.posts(account) if int(post.id) == number), None)
    return None if found is None or words_of(found)[1] else _view(found, account.handle, words_of(found)[0])


def _item(post: Post, handle: str) -> Body:
    """One of ``feed``: a post, or why somebody else's is in it."""
    text, author = words_of(post)
    if author is None:
        return {"post": _view(post, handle, text)}
    uri = f"at://{did_of(handle)}/app.bsky.feed.repost/{key_of(post.id)}"
    reason = {"$type": "app.bsky.feed.defs#reasonRepost", "by": _author(handle), "uri": uri, "indexedAt": _time(post)}
    return {"post": _view(post, f"{author.replace('_', '-')}.bsky.social", text), "reason": reason}


def _author(handle: str) -> Body:
    return {"did": did_of(handle), "handle": handle}


def _time(post: Post) -> str:
    return post.created_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _view(post: Post, handle: str, text: str) -> Body:
    shown, facets = _with_facets(text)
    uri = f"at://{did_of(handle)}/app.bsky.feed.post/{key_of(post.id)}"
    other = {"uri": f"at://did:plc:other/app.bsky.feed.post/{key_of(post.id)}", "cid": "bafyother"}
    answered = other
    if post.replied_to:
        answered = {"uri": f"at://{did_of(handle)}/app.bsky.feed.post/{key_of(post.replied_to)}", "cid": "bafypost"}
    record: Body = {
        "$type": "app.bsky.feed.post",
        "text": shown,
        "createdAt": _time(post),
        "langs": [post.lang] if post.lang else None,
        "facets": facets or None,
        "reply": {"root": answered, "parent": answered} if post.is_reply else None,
        "embed": {"$type": "app.bsky.embed.record", "record": other} if post.is_quote else None,
    }
    return {
        "uri": uri,
        "cid": "bafypost",
        "author": _author(handle),
        "record": {name: value for name, value in record.items() if value is not None},
        "indexedAt": _time(post),
    }


def _with_facets(text: str) -> tuple[str, list[Body]]:
    """The text as apps show it, and which of its bytes are links, mentions and hashtags."""
    shown, facets = "", []
    for piece in pieces_of(text):
        part, feature = _feature(piece.kind, piece.shown)
        start = len(shown.encode())
        shown += part
        if feature:
            index = {"byteStart": start, "byteEnd": len(shown.encode())}
            facets.append({"index": index, "features": [feature]})
    return shown, facets


def _feature(kind: str, shown: str) -> tuple[str, dict[str, Any] | None]:
    if kind == "link":
        bare = shown.partition("://")[2]
        cut = bare if len(bare) <= LONGEST_SHOWN else bare[:LONGEST_SHOWN] + "..."
        return cut, {"$type": f"{_FACET}#link", "uri": shown}
    if kind == "mention":
        handle = f"{shown.replace('_', '-')}.bsky.social"
        return f"@{handle}", {"$type": f"{_FACET}#mention", "did": did_of(handle)}
    if kind == "tag":
        return f"#{shown}", {"$type": f"{_FACET}#tag", "tag": shown}
    return shown, None
