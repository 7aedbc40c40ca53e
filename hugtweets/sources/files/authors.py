"""Whose the posts of a file are: nobody else's words are learned as an account's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.dialects.handles import HANDLES, is_username, username
from hugtweets.sources.files.dialects.plain import tells_else
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells
from hugtweets.timelines.posts import Post

_LISTED = 10


def is_own(post: Post, handle: str) -> bool:
    """Whether a post names the account as its author, in any case, with an @ or as the address of its profile."""
    return post.author is not None and username(post.author).casefold() == handle.casefold()


def with_own_handle(posts: Iterable[Post], handle: str) -> Iterator[Post]:
    """The posts, the account spelled as it is asked for; what others wrote is left to cleaning, which counts it."""
    return (replace(post, author=handle) if is_own(post, handle) else post for post in posts)


def author_column(sample: Sample, dialect: Dialect, handle: str) -> str | None:
    """The column that tells authors where the dialect knows none, as the file spells it; None if there is none.

    In each row it holds a handle or somebody who has one, and in one of them the account.
    """
    if any(fields.get("author") for row in sample.rows for fields in dialect.read(row)):
        return None
    for name, spelling in sample.columns.items():
        written = [_handle_in(row.get(name)) for row in sample.rows] if not tells_else(name) else []
        if all(map(is_username, written)) and handle.casefold() in (username(str(who)).casefold() for who in written):
            return spelling
    return None


def with_authors(dialect: Dialect, column: str) -> Dialect:
    """The dialect, its posts by whom the column names."""

    def read(cells: Cells) -> Iterable[Fields]:
        return (fields | {"author": _handle_in(cells.get(column))} for fields in dialect.read(cells))

    return replace(dialect, read=read)


def _handle_in(value: object) -> object:
    return Cells(value).get(*HANDLES) if isinstance(value, dict) else value


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
        advice = "ask for one of these, or check the file"
        if not any(map(is_username, authors)):
            advice = f"these are no handles: put {handle} in their place where {handle} wrote the post"
        raise UnreadableSource(f"{path} has no post of {handle}, but of {_listed(authors)}: {advice}")
    unnamed = sorted(set(author_ids))
    names = Counter(post.name for post in posts if post.name)
    if len(names) > 1 and not authors and not unnamed:
        raise UnreadableSource(
            f"{path} names {len(names):,} people, {_listed(names)}, but not their handles: keep the posts of {handle} "
            "only, or add a column author with the handles"
        )
    if len(unnamed) > 1:
        raise UnreadableSource(
            f"{path} has posts of {len(unnamed):,} people without their handles (author ids {', '.join(unnamed[:3])}, "
            f"…), so that nobody can tell which are by {handle}: fetch it again with the authors' user names"
        )


def _listed(people: Counter[str]) -> str:
    named = ", ".join(f"{author!r} ({count:,})" for author, count in people.most_common(_LISTED))
    return f"{named} and {len(people) - _LISTED:,} more" if len(people) > _LISTED else named
