"""Facets: which bytes of a post are a link, a mention or a hashtag, as whoever wrote the record says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hugtweets.sources.short_links import is_short_for

# A post has at most 300 characters; nobody needs as many facets.
MOST_FACETS = 100


@dataclass(frozen=True)
class Facet:
    """The bytes from ``start`` to ``end`` (exclusive) of the text in UTF-8; ``uri`` is where a link leads."""

    start: int
    end: int
    kind: Literal["link", "mention", "tag", "other"]
    uri: str = ""


@dataclass(frozen=True)
class PlainText:
    """A text with whole links, and the names of those whom it mentions, without ``@``."""

    text: str
    mentions: tuple[str, ...] = ()


def apply_facets(text: str, facets: Sequence[Facet]) -> PlainText:
    """Put whole addresses in the place of links that are shown short, and short names in the place of mentions.

    ``@alice.bsky.social`` becomes ``@alice``, which is how the cleaning knows mentions. A link under words of the
    author's own leaves these words. Facets that make no sense (out of the text, across each other, in the middle of a
    character) are passed over: anybody can write them.
    """
    content = text.encode("utf-8", "surrogatepass")
    parts: list[str] = []
    mentions: list[str] = []
    done = 0
    for facet in sorted(facets, key=lambda facet: (facet.start, facet.end))[:MOST_FACETS]:
        if not done <= facet.start < facet.end <= len(content):
            continue
        shown = _decode(content[facet.start : facet.end])
        if shown is None or _decode(content[done : facet.start]) is None:
            continue
        put = shown
        if facet.kind == "link":
            put = facet.uri if is_short_for(shown, facet.uri) else shown
        elif facet.kind == "mention" and shown.startswith("@"):
            put = f"@{short_name(shown[1:])}"
            mentions.append(put[1:])
        parts += [_decode(content[done : facet.start]) or "", put]
        done = facet.end
    return PlainText("".join([*parts, _decode(content[done:]) or ""]), tuple(dict.fromkeys(mentions)))


def short_name(handle: str) -> str:
    """The first part of a handle, of letters, digits and underscores only: ``my_name`` of ``my-name.example.org``."""
    return handle.split(".")[0].replace("-", "_")


def _decode(content: bytes) -> str | None:
    try:
        return content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
