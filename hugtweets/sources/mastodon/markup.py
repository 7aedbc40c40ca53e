"""The HTML of a post as text: paragraphs, line breaks, short mentions, whole links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, PreformattedString, Tag
from bs4.exceptions import ParserRejectedMarkup

from hugtweets.sources.short_links import is_short_for

# A server sends a few thousand characters, and nests them a few levels deep.
LONGEST_HTML = 200_000
# What is quoted with markup are somebody else's words.
_NOT_TEXT = ["script", "style", "template", "head", "blockquote"]
_AROUND = dict.fromkeys(["p", "div", "ul", "ol", "pre", "table", "hr", "h1", "h2", "h3", "h4", "h5", "h6"], "\n\n")
_AROUND |= {"li": "\n", "tr": "\n", "td": " ", "th": " "}
# Marks the ``RE:`` line of a post that quotes another one.
QUOTE = "quote-inline"
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAKS = re.compile(r" ?\n ?")
_MANY_BREAKS = re.compile(r"\n{3,}")
_TAGS = re.compile(r"<[^>]*>")


def text_of(content: str) -> str:
    """The text that a reader sees, with an empty line between paragraphs.

    A mention is shown as ``@alice`` whatever server she is on. A link is whole: what apps hide of it is there, too, and
    so is what a server left out. Block quotations go, and so does the ``RE:`` line with a link, which is there for apps
    that know no quoted posts.
    """
    try:
        # With a comment before it: a post that is a link alone would be taken for an address, and warned of.
        soup = BeautifulSoup(f"<!---->{content[:LONGEST_HTML]}", "html.parser")
        for unseen in soup(_NOT_TEXT):
            unseen.decompose()
        for fallback in soup(class_=QUOTE):
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
        # Friendica writes the @ before the link.
        yield _short_mention(element.get_text()).removeprefix("@" if _follows_at(element) else "")
        return
    if element.name == "a" and is_short_for(element.get_text(), address := str(element.get("href", ""))):
        yield address
        return
    around = _AROUND.get(element.name, "")
    yield around
    for child in element.children:
        yield from _pieces(child)
    yield around


def _classes(element: Tag) -> list[str]:
    found = element.get("class")
    return list(found) if isinstance(found, list) else []


def _follows_at(element: Tag) -> bool:
    before = element.previous_sibling
    return isinstance(before, NavigableString) and before.endswith("@")


def _short_mention(shown: str) -> str:
    """``@alice`` for ``@alice@example.org``, which some servers show."""
    name = shown.strip().removeprefix("@").split("@")[0]
    return f"@{name}" if name else shown
