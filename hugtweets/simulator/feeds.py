"""What Bluesky and Mastodon have in common: pages of posts, newest first, and what stands in a text."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hugtweets.simulator.faults import Fault
from hugtweets.simulator.pages import is_retweet
from hugtweets.timelines.posts import Post

# The timelines are written as X sends them.
_RETWEETED = re.compile(r"RT @(\w{1,20}): ")
_TOKEN = re.compile(r"(?P<link>https?://[^\s]+)|(?<![\w@])@(?P<mention>\w{1,20})|(?<!\w)#(?P<tag>\w+)")


@dataclass(frozen=True)
class Piece:
    """A part of a text: words, or the address, name or hashtag that ``shown`` is written for."""

    kind: Literal["words", "link", "mention", "tag"]
    shown: str


def pieces_of(text: str) -> list[Piece]:
    """A text cut where a link, a mention or a hashtag begins and ends."""
    pieces: list[Piece] = []
    done = 0
    for match in _TOKEN.finditer(text):
        pieces.append(Piece("words", text[done : match.start()]))
        pieces.append(Piece(match.lastgroup, match[match.lastgroup or 0]))  # type: ignore[arg-type]
        done = match.end()
    return [piece for piece in [*pieces, Piece("words", text[done:])] if piece.shown]


def words_of(post: Post) -> tuple[str, str | None]:
    """The text of a post, and, if it is somebody else's, whose; that is not told by a repost itself."""
    text = html.unescape(post.text)
    if not is_retweet(post):
        return text, None
    match = _RETWEETED.match(text)
    return (text[match.end() :], match[1]) if match else (text, post.author or "somebody")


def page_below(
    posts: Sequence[Post], position: int | None, limit: int, fault: Fault | None
) -> tuple[Sequence[Post], int | None]:
    """The posts below an id, newest first, and the id below which the next page begins, None at the end."""
    if fault is not None and fault.kind == "empty_page":
        return (), position if position is not None else int(posts[0].id) + 1 if posts else None
    below = [post for post in posts if position is None or int(post.id) < position]
    page = below[:limit]
    following = int(page[-1].id) if len(below) > len(page) else None
    if fault is not None and fault.kind == "repeat_token":
        following = position
    return page, following
