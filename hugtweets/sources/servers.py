"""Servers that anybody may run: which of them may be asked, and how much, and for how long, one may answer."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from hugtweets.errors import ConfigurationError, NetworkUnavailable

# A page of a hundred posts, with all that networks say of each, is under a megabyte.
LARGEST_ANSWER = 8 * 1024 * 1024


def is_loopback(url: str) -> bool:
    """Whether the address is one of this very machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def validate_url(variable: str, url: str) -> str:
    """The address of a server, without a slash at its end: only TLS, or this machine.

    Raises:
        ConfigurationError: it is none, and ``variable`` is where it is written.
    """
    try:
        parts = urlsplit(url)
        allowed = bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))
    except ValueError:
        allowed = False
    if not allowed:
        raise ConfigurationError(
            f"{variable} {url!r} cannot be used: write https://HOST, or http://127.0.0.1:PORT for a simulator"
        )
    return url.rstrip("/")


def read_whole(chunks: Iterable[bytes], server: str, deadline: float) -> bytes:
    """An answer that arrives in pieces; ``deadline`` is a time of ``time.monotonic``.

    Raises:
        NetworkUnavailable: it takes longer, or is larger than any answer needs to be.
    """
    answer = bytearray()
    for chunk in chunks:
        answer += chunk
        if len(answer) > LARGEST_ANSWER:
            raise NetworkUnavailable(
                f"{server} sent more than {LARGEST_ANSWER >> 20} MiB in one answer: try again later"
            )
        if time.monotonic() > deadline:
            raise NetworkUnavailable(
                f"{server} took too long to answer: try again later, or raise fetch.timeout_seconds"
            )
    return bytes(answer)
