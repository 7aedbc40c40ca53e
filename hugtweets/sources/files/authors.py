"""Whose the posts of a file are: nobody else's words are learned as an account's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.dialects.plain import username
from hugtweets.timelines.posts import Post

_LISTED = 10


def is_own(post: Post, handle: str) -> bool:
    """Whether a post names the account as its author, in any case, with an @ or as the address of its profile."""
    return post.author is not None and username(post.author).casefold() == handle.casefold()


def with_own_handle(posts: Iterable[Post], handle: str) -> Iterator[Post]:
    """The posts, the account spelled as it is asked for; what others wrote is left to cleaning, which counts it."""
    return (replace(post, author=handle) if is_own(post, handle) else post for post in posts)


def check_authors(posts: Iterable[Post], author_ids: Iterable[str], handle: str, path: Path) -> None:
    """Refuse a file of other people's posts.

    Args:
        posts: all posts of the file.
        author_ids: the numbers of those authors that it does not name.
        handle: the account.
        path: the file.

    Raises:
        UnreadableSource: it names authors, but not the account, or it names none and there are several.
    """
    posts = list(posts)
    authors = Counter(username(post.author) for post in posts if post.author)
    if authors and not any(is_own(post, handle) for post in posts):
        named = ", ".join(f"{author!r} ({count:,})" for author, count in authors.most_common(_LISTED))
        more = f" and {len(authors) - _LISTED:,} more" if len(authors) > _LISTED else ""
        raise UnreadableSource(
            f"{path} has no post of {handle}, but of {named}{more}: ask for one of these, or check the file"
        )
    unnamed = sorted(set(author_ids))
    if len(unnamed) > 1:
        raise UnreadableSource(
            f"{path} has posts of {len(unnamed):,} people without their handles (author ids {', '.join(unnamed[:3])}, "
            f"…), so that nobody can tell which are by {handle}: fetch it again with the authors' user names"
        )
