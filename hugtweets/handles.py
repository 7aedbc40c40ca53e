"""X handles: the only names that may touch a path or a URL."""

from __future__ import annotations

import re

from hugtweets.errors import InvalidHandle

HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")


def validate_handle(name: str) -> str:
    """Return the handle without its ``@``, spelled as given.

    Raises:
        InvalidHandle: the name is not 1 to 15 letters, digits and underscores.
    """
    handle = name.removeprefix("@")
    if not HANDLE.fullmatch(handle):
        shown = ascii(name if len(name) <= 40 else name[:40] + "...")
        raise InvalidHandle(
            f"{shown} is no X handle: a handle is 1 to 15 letters, digits and underscores, such as NASA"
        )
    return handle
