"""Text as it can be stored: what no source should send, but some do."""

from __future__ import annotations

import re

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with surrogate pairs joined, and NUL and lone surrogates, which UTF-8 has no place for, as U+FFFD."""
    if not _NOT_STORABLE.search(text):
        return text
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
