"""The table of the layout of 2012 to 2018, which X called Grailbird: ``tweets.csv``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field

from hugtweets.sources.archive.moments import Moment
from hugtweets.sources.archive.posts import quotes
from hugtweets.sources.fields import Identifier, Text
from hugtweets.timelines.posts import Post


class GrailbirdRow(BaseModel):
    """A row of ``tweets.csv``."""

    id: Identifier = Field(validation_alias="tweet_id")
    created_at: Moment = Field(validation_alias="timestamp")
    text: Text
    reply_to_status: str = Field("", validation_alias="in_reply_to_status_id")
    reply_to_user: str = Field("", validation_alias="in_reply_to_user_id")
    retweeted: str = Field("", validation_alias="retweeted_status_id")
    links: str = Field("", validation_alias="expanded_urls")

    def post(self) -> Post:
        """The same as a :class:`Post`, without its author."""
        is_retweet = bool(self.retweeted) or self.text.startswith("RT @")
        return Post(
            id=self.id,
            created_at=self.created_at,
            text=self.text,
            is_retweet=is_retweet,
            is_reply=bool(self.reply_to_status or self.reply_to_user),
            is_quote=not is_retweet and quotes(self.links.split(",")),
            source="archive",
            replied_to=self.reply_to_status or None,
        )


def with_links(header: list[str], cells: list[str]) -> list[str]:
    """The cells of a row, as many as the header has if only its last column, the links, makes the difference.

    The first exports left it out where there were none, and wrote several without quotation marks.
    """
    before = len(header) - 1
    links = cells[before:]
    if header[-1:] != ["expanded_urls"] or len(cells) < before or not all(link.startswith("http") for link in links):
        return cells
    return [*cells[:before], ",".join(links)]


def grailbird_rows(text: str) -> Iterator[dict[str, Any] | None]:
    """The rows of ``tweets.csv`` by column; None for one that has more or fewer cells than the header.

    Raises:
        ValueError: it is no CSV, or its last row has too few cells, as where the file breaks off.
    """
    # csv takes lines with their ends, so that line breaks inside a post survive.
    lines = csv.reader(re.findall(r"[^\n]*\n|[^\n]+", text), strict=True)
    cells: list[str] = []
    try:
        header = cells = next(lines, [])
        for cells in lines:
            if cells:
                cells = with_links(header, cells)
                yield dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None
    except csv.Error:
        raise ValueError("is no CSV") from None
    if 0 < len(cells) < len(header):
        raise ValueError("breaks off")
