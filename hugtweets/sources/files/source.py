"""The posts of an account from one file: JSON, CSV or Parquet, in the columns of any tool of :mod:`.dialects`.

Of our own columns ``id``, ``created_at`` and ``text`` are required of every post. Known besides: ``is_retweet``,
``is_reply``, ``is_quote``, ``truncated``, ``deleted``, ``lang``, ``author``, ``name`` and ``mentions`` (a list of
``{"username", "name"}``; in a CSV cell, as JSON). Empty is unknown; every other column is ignored.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from hugtweets.sources.files.authors import check_authors, with_own_handle
from hugtweets.sources.files.reading import PostsFile, read_posts_file
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Timeline, add_posts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FileSource:
    """The posts of one account, kept in one file."""

    path: Path
    handle: str

    def update(self, timeline: Path) -> str | None:
        """Add the file's posts to the stored timeline; returns which rows were passed over, or that there are none.

        Raises:
            UnreadableSource: the file cannot be read, or it holds only other people's posts.
        """
        file = read_posts_file(self.path, self.handle)
        if not file.passed_over.rows:
            return f"{self.path} holds no posts: check the file"
        check_authors(file.posts, file.author_ids, self.handle, self.path)
        _announce(file)
        if not any(post.author for post in file.posts):
            log.info("%s names no authors: all its posts are taken for those of %s", self.path, self.handle)
        add_posts(timeline, with_own_handle(file.posts, self.handle))
        return f"of {self.path}, {file.passed_over}" if file.passed_over.number else None


def read_posts(path: Path) -> list[Post]:
    """The posts of a file of any number of authors, each id once, ascending by id.

    Raises:
        UnreadableSource: as :func:`~hugtweets.sources.files.reading.read_posts_file` does.
    """
    file = read_posts_file(path)
    _announce(file)
    if file.passed_over.number:
        log.warning("of %s, %s", path, file.passed_over)
    return list(Timeline().merged(file.posts).posts)


def _announce(file: PostsFile) -> None:
    for choice in file.choices:
        log.info("%s", choice)
