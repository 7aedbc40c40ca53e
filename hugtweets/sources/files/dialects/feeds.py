"""Feeds (RSS) of timelines, as Nitter offers them and readers of feeds save them as tables or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hugtweets.sources.files.dialects import plain
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells

_LINKS = ("link", "url", "guid")
_TIMES = ("pub_date", "published", "iso_date", "date_published", "date", "updated")
_CONTENTS = ("description", "content", "content_html", "summary")
_TITLE = re.compile(r"(?:Pinned: )?(?:(?P<is_retweet>RT by)|(?P<is_reply>R to)) @\w+: |Pinned: ")
# What is quoted, whole.
_QUOTED = re.compile(r"\s*(?:<hr ?/?>\s*)?<blockquote.*", re.DOTALL)


def _read(cells: Cells) -> Iterable[Fields]:
    found = plain.fields(cells)
    title, content = str(cells.get("title") or ""), cells.get(*_CONTENTS)
    kind = _TITLE.match(title)
    text = _TITLE.sub("", title, count=1) if content is None else str(content)
    own = _QUOTED.sub("", text)
    author, identifier = plain.address(cells.get(*_LINKS)) or (None, None)
    return (
        {"is_retweet": False, "is_reply": False}
        | found
        | {"id": identifier or found.get("id"), "author": author or cells.get("creator", "dc_creator", "author")}
        | {"created_at": cells.get(*_TIMES), "text": own, "is_quote": own != text}
        | {name: True for name, said in (kind.groupdict() if kind else {}).items() if said},
    )


def _is_of_posts(sample: Sample) -> bool:
    return any(plain.address(row.get(*_LINKS)) for row in sample.rows)


FEED = Dialect(
    "feed of a timeline (Nitter)",
    tuple(("title", link, column) for link in ("link", "url") for column in ("pub_date", *_CONTENTS)),
    _read,
    _is_of_posts,
)
