"""The HTML of a post as text: paragraphs, line breaks, short mentions, whole links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag
from bs4.exceptions import ParserRejectedMarkup

# A server sends a few thousand characters, and nests them a few levels deep.
LONGEST_HTML = 200_000
_NOT_TEXT = ["script", "style", "template", "head"]
_BLOCKS = {"p", "div", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAKS = re.compile(r" ?\n ?")
_MANY_BREAKS = re.compile(r"\n{3,}")
_TAGS = re.compile(r"<[^>]*>")


def text_of(content: str) -> str:
    """The text that a reader sees, with an empty line between paragraphs.

    A mention is shown as ``@alice`` whatever server she is on. A link is whole: what apps hide of it is there, too.
    The ``RE:`` line with a link, which is there for apps that know no quotations, goes.
    """
    try:
        # With a comment before it: a post that is a link alone would be taken for an address, and warned of.
        soup = BeautifulSoup(f"<!---->{content[:LONGEST_HTML]}", "html.parser")
        for unseen in soup(_NOT_TEXT):
            unseen.decompose()
        for fallback in soup(class_="quote-inline"):
            fallback.decompose()
        raw = "".join(_pieces(soup))
    except (RecursionError, ParserRejectedMarkup):
        raw = _TAGS.sub(" ", content[:LONGEST_HTML])
    text = _AROUND_BREAKS.sub("\n", _SPACES.sub(" ", raw))
    return _MANY_BREAKS.sub("\n\n", text).strip()


def _pieces(element: PageElement) -> Iterator[str]:
    if isinstance(element, NavigableString):
        # Comments, declarations and the like are strings as well.
        yield "" if isinstance(element, PreformattedString) else _SPACES.sub(" ", element.replace("\n", " "))
        return
    if not isinstance(element, Tag):
        return
    if element.name == "br":
        yield "\n"
        return
    if element.name == "a" and "mention" in _classes(element) and "hashtag" not in _classes(element):
        yield _short_mention(element.get_text())
        return
    around = "\n\n" if element.name in _BLOCKS else "\n" if element.name == "li" else ""
    yield around
    for child in element.children:
        yield from _pieces(child)
    yield around


def _classes(element: Tag) -> list[str]:
    found = element.get("class")
    return list(found) if isinstance(found, list) else []


def _short_mention(shown: str) -> str:
    """``@alice`` for ``@alice@example.org``, which some servers show."""
    name = shown.strip().removeprefix("@").split("@")[0]
    return f"@{name}" if name else shown
