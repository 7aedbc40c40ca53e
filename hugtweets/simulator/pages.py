"""Pages of a timeline: the newest posts, as many as X shows, and the tokens that lead from page to page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hugtweets.simulator.faults import Fault
from hugtweets.simulator.problems import invalid_request
from hugtweets.simulator.queries import InvalidRequest, TimelineQuery
from hugtweets.timelines.posts import Post

NEWEST_POSTS = 3200
NEWEST_POSTS_WITHOUT_REPLIES = 800
_TOP = "0"


@dataclass(frozen=True)
class Page:
    """Posts, newest first, and the token of the page after them."""

    posts: tuple[Post, ...]
    next_token: str | None

    @property
    def meta(self) -> dict[str, str | int]:
        """The ``meta`` of the answer."""
        meta: dict[str, str | int] = {"result_count": len(self.posts)}
        if self.posts:
            meta |= {"newest_id": self.posts[0].id, "oldest_id": self.posts[-1].id}
        return meta | ({"next_token": self.next_token} if self.next_token else {})


def page_of(posts: Sequence[Post], query: TimelineQuery, fault: Fault | None = None) -> Page:
    """The page that a query asks for, of posts that come newest first.

    Posts that ``exclude`` names are taken out of the page, not of the timeline: a page can be short, or empty, and
    still be followed by another.

    Raises:
        InvalidRequest: the pagination token is none of ours.
    """
    start = _position(query.pagination_token)
    if fault is not None and fault.kind == "empty_page":
        return Page((), _token(start))
    window = posts[: NEWEST_POSTS_WITHOUT_REPLIES if "replies" in query.exclude else NEWEST_POSTS]
    matching = [post for post in window if _lies_within(post, start, query)]
    chunk = matching[: query.max_results]
    kept = tuple(post for post in chunk if not _is_excluded(post, query))
    page = Page(kept, _token(chunk[-1].id) if len(matching) > len(chunk) else None)
    if fault is not None and fault.kind == "repeat_token":
        return replace(page, next_token=_token(start))
    return page


def is_retweet(post: Post) -> bool:
    """Whether the post is somebody else's: marked so, or written by another author."""
    return bool(post.is_retweet) or post.author is not None


def _lies_within(post: Post, start: str, query: TimelineQuery) -> bool:
    number = int(post.id)
    above = query.since_id is None or number > int(query.since_id)
    below = query.until_id is None or number < int(query.until_id)
    return above and below and (start == _TOP or number < int(start))


def _is_excluded(post: Post, query: TimelineQuery) -> bool:
    return ("replies" in query.exclude and bool(post.is_reply)) or ("retweets" in query.exclude and is_retweet(post))


def _token(position: str) -> str:
    return base64.b32hexencode(position.encode()).decode().rstrip("=").lower()


def _position(token: str | None) -> str:
    """The id below which the page begins."""
    if token is None:
        return _TOP
    padded = token.upper() + "=" * (-len(token) % 8)
    try:
        position = base64.b32hexdecode(padded).decode("ascii")
    except (binascii.Error, ValueError):
        position = ""
    if not position.isdecimal():
        raise InvalidRequest(invalid_request({"pagination_token": (token, "is not a token of this API")}))
    return position
