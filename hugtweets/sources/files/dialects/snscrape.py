"""snscrape: its JSON lines, and the tables that people make of them."""

from __future__ import annotations

from collections.abc import Iterable

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, is_something


def _read(cells: Cells) -> Iterable[Fields]:
    found = plain.fields(cells)
    # In a table, `user` is the address of the profile, or the object as Python prints it.
    found["author"] = cells.at("user", "username") or found["author"]
    found["name"] = cells.at("user", "displayname") or found["name"]
    for column in plain.REFERENCES:
        found[column] = is_something(found.get(column))
    return (found,)


SNSCRAPE = Dialect(
    "posts of snscrape",
    (("rawContent",), ("renderedContent",), ("content", "user", "url"), ("retweetedTweet",), ("quotedTweet",)),
    _read,
)
