"""Corpus files: texts of any number of authors, which a base model learns before one account's posts."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from hugtweets.cleaning.table import clean_table
from hugtweets.config import CleanConfig
from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.reading import reading
from hugtweets.sources.files.source import read_posts
from hugtweets.timelines.posts import Post, to_table

PLAIN = ".txt"
# A post must have a time, plain text has none, and nothing depends on it here.
SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def read_corpus(path: Path, config: CleanConfig) -> pa.Table:
    """The kept posts of a file with ``handle`` (null if unknown), ``id`` and ``text``, cleaned as an account's.

    Args:
        path: JSONL, CSV or Parquet as a file source reads them, of any number of authors; or ``.txt``, a text a line.
        config: the rules of cleaning; no post is held out.

    Raises:
        UnreadableSource: there is no such file, it holds no posts, or it cannot be used.
    """
    rules = config.model_copy(update={"held_out_share": 0.0, "validation_share": 0.0})
    by_author: dict[str | None, list[Post]] = defaultdict(list)
    for post in _read_lines(path) if path.suffix.lower() == PLAIN else read_posts(path):
        by_author[post.author].append(post)
    if not by_author:
        raise UnreadableSource(f"{path} holds no posts: give another file")
    return pa.concat_tables(_clean(author, posts, rules) for author, posts in by_author.items())


def _clean(author: str | None, posts: list[Post], rules: CleanConfig) -> pa.Table:
    table = clean_table(to_table(posts), author or "", rules)
    kept = table.filter(table["kept"]).select(["id", "text"])
    return kept.add_column(0, "handle", pa.array([author] * len(kept), pa.string()))


def _read_lines(path: Path) -> list[Post]:
    with reading(path):
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [Post(str(number), SOME_TIME, line, source="file") for number, line in enumerate(lines, 1) if line.strip()]
