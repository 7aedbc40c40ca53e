"""Texts that are HTML, as feeds hold them, turned into what a reader sees."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from hugtweets.sources.files.post_row import Fields

_MARKUP = re.compile(r"</(?:p|a|div|span|b)>|<br ?/?>|<img ")
_SHARE = 0.5  # of the texts of a file; people who write of HTML do not write every other post so


def are_markup(rows: Iterable[Fields]) -> bool:
    """Whether so many texts hold tags that a program must have written them."""
    texts = [text for fields in rows if isinstance(text := fields.get("text"), str)]
    return sum(_MARKUP.search(text) is not None for text in texts) > _SHARE * len(texts)


def shown(fields: Fields) -> Fields:
    """The fields with the text that a reader sees; characters such as & as X writes them, which cleaning undoes."""
    if not isinstance(fields.get("text"), str):
        return fields
    # It imports a library that only such files need.
    from hugtweets.sources.mastodon.markup import text_of

    return fields | {"text": html.escape(text_of(fields["text"]), quote=False)}
