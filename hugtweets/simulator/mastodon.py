"""The part of a Mastodon server's interface that hugtweets asks: accounts, their posts, one post, whose a token is."""

from __future__ import annotations

import html
from typing import Annotated

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse
from starlette.requests import Request

from hugtweets.simulator.accounts import Account
from hugtweets.simulator.feeds import page_below, pieces_of, words_of
from hugtweets.simulator.problems import Body
from hugtweets.simulator.state import State
from hugtweets.timelines.posts import Post

NOT_FOUND = {"error": "Record not found"}
LONGEST_SHOWN = 30  # characters of a link, as Mastodon cuts them


def add_mastodon(app: FastAPI, state: State) -> None:
    """Serve the accounts whose files are named by handles of Mastodon, as if all were on this server.

    A token is that of the account whose handle it is.
    """

    @app.get("/api/v1/accounts/lookup")
    def lookup(acct: str) -> JSONResponse:
        account = state.accounts.named(acct) if "@" in acct else None
        if account is None:
            return JSONResponse(NOT_FOUND, 404)
        state.count(users=1)
        return JSONResponse(_account(account))

    @app.get("/api/v1/accounts/verify_credentials")
    def verify_credentials(request: Request) -> JSONResponse:
        account = state.accounts.named(request.headers.get("authorization", "").removeprefix("Bearer "))
        if account is None:
            return JSONResponse({"error": "The access token is invalid"}, 401)
        return JSONResponse(_account(account))

    @app.get("/api/v1/accounts/{identifier}/statuses")
    def statuses(
        request: Request,
        identifier: str,
        limit: Annotated[int, Query(ge=1)] = 20,
        max_id: int | None = None,
        since_id: int = 0,
        min_id: int = 0,
    ) -> JSONResponse:
        account = state.accounts.numbered(identifier)
        if account is None:
            return JSONResponse(NOT_FOUND, 404)
        posts = [post for post in state.accounts.posts(account) if int(post.id) > max(since_id, min_id)]
        page, below = page_below(posts, max_id, min(limit, 40), request.state.fault)
        request.state.posts = tuple(post.id for post in page)
        state.count(posts=len(page))
        address = f"{request.url.replace(query='')}?max_id={below}"
        headers = {} if below is None else {"Link": f'<{address}>; rel="next"'}
        return JSONResponse([_status(post, account) for post in page], headers=headers)

    @app.get("/api/v1/statuses/{identifier}")
    def status(request: Request, identifier: str) -> JSONResponse:
        own = (account for account in state.accounts.all() if "@" in account.handle)
        posts = ((post, account) for account in own for post in state.accounts.posts(account))
        found = next((status for status in posts if status[0].id == identifier), None)
        if found is None:
            return JSONResponse(NOT_FOUND, 404)
        request.state.posts = (identifier,)
        state.count(posts=1)
        return JSONResponse(_status(*found))


def _account(account: Account) -> Body:
    user = account.handle.partition("@")[0]
    hidden = account.state == "hidden"
    return {
        "id": account.id,
        "username": user,
        "acct": user,
        "display_name": account.name or user,
        "locked": account.state == "protected",
        "noindex": hidden,
        "discoverable": not hidden,
        "moved": {"acct": account.moved_to} if account.moved_to else None,
    } | ({"suspended": True} if account.state == "suspended" else {})


def _status(post: Post, account: Account) -> Body:
    """A post, or a boost, in which somebody else's is."""
    text, author = words_of(post)
    own: Body = {
        "id": post.id,
        "created_at": post.created_at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "account": _account(account),
        "visibility": "public",
        "spoiler_text": "",
        "language": post.lang,
        "in_reply_to_id": (post.replied_to or "1") if post.is_reply else None,
        "content": _render(text),
        "mentions": [
            {"id": "1", "username": piece.shown, "acct": f"{piece.shown}@example.org"}
            for piece in pieces_of(text)
            if piece.kind == "mention"
        ],
        "emojis": [],
        "reblog": None,
        "quote": {"state": "accepted"} if post.is_quote else None,
    }
    if author is None:
        return own
    theirs = own | {"account": {"id": "1", "username": author, "acct": f"{author}@example.org"}}
    return own | {"content": "", "mentions": [], "reblog": theirs}


def _render(text: str) -> str:
    """The HTML that Mastodon makes of a text: paragraphs, line breaks, links whose ends are hidden."""
    paragraphs = ("".join(_tagged(piece.kind, piece.shown) for piece in pieces_of(part)) for part in text.split("\n\n"))
    return "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)


def _tagged(kind: str, shown: str) -> str:
    safe = html.escape(shown)
    if kind == "link":
        scheme, _, rest = shown.partition("://")
        visible, hidden = html.escape(rest[:LONGEST_SHOWN]), html.escape(rest[LONGEST_SHOWN:])
        return (
            f'<a href="{safe}" target="_blank" rel="nofollow noopener"><span class="invisible">{scheme}://</span>'
            f'<span class="ellipsis">{visible}</span><span class="invisible">{hidden}</span></a>'
        )
    if kind == "mention":
        address = f"https://example.org/@{safe}"
        return f'<span class="h-card"><a href="{address}" class="u-url mention">@<span>{safe}</span></a></span>'
    if kind == "tag":
        address = f"https://example.org/tags/{safe}"
        return f'<a href="{address}" class="mention hashtag" rel="tag">#<span>{safe}</span></a>'
    return safe.replace("\n", "<br>")
