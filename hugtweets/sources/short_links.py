"""Links as networks show them: without ``https://`` and, if they are long, without their end."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import unquote

import idna

_CUT_MARKS = ("...", "…")
_PARTS = re.compile(r"(?i:https?://)?(?i:www\.)?(?P<host>[^/?#]*)/?(?P<rest>.*)", re.DOTALL)


def is_short_for(shown: str, uri: str) -> bool:
    """Whether a text is what an app shows of an address, and no word of the author's own under which the link lies.

    ``Wired`` is none for ``https://wired.com/story``: the name of the server must be there, or a part of it with a dot
    before the mark that something was cut off.
    """
    part = shown.strip()
    for mark in _CUT_MARKS:
        part = part.removesuffix(mark)
    host, rest = _split(part)
    server, path = _split(uri)
    if host != server:
        return part != shown.strip() and not rest and "." in host and server.startswith(host)
    return bool(host) and any(form(path).casefold().startswith(form(rest).casefold()) for form in (str, unquote))


def _split(address: str) -> tuple[str, str]:
    """The name of the server, as browsers show it and in lower case, and what follows, without slashes around it."""
    parts = _PARTS.fullmatch(address)
    host, rest = (parts["host"], parts["rest"]) if parts else (address, "")
    with suppress(UnicodeError):  # what idna raises is one, too
        host = idna.decode(host)
    return host.casefold(), rest.rstrip("/")
