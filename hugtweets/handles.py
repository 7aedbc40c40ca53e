"""X handles, and the names of mixes of them: the only names that may touch a path or a URL."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hugtweets.errors import InvalidHandle

HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")
# Stands between the accounts of a mix. No handle has it, so that a mix is never taken for an account.
PLUS = "+"
MIXED = range(2, 6)


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


def name_mix(handles: Iterable[str]) -> str:
    """What the mix of some accounts is called, in whichever order they are named: ``alice+bob``.

    Raises:
        InvalidHandle: they are not 2 to 5 different accounts.
    """
    members = sorted((validate_handle(handle) for handle in handles), key=str.casefold)
    if len(members) not in MIXED or len({member.casefold() for member in members}) < len(members):
        raise InvalidHandle(f"{PLUS.join(members)} is no mix: name {MIXED[0]} to {MIXED[-1]} different accounts")
    return PLUS.join(members)


def members_of(name: str) -> list[str]:
    """The accounts of a mix; of an account itself."""
    return name.split(PLUS)


def is_mix(name: str) -> bool:
    """Whether it is the name of a mix."""
    return PLUS in name


def run_command(name: str) -> str:
    """What learns an account, or a mix: ``hugtweets run alice bob --mix``."""
    return f"hugtweets run {' '.join(members_of(name))}{' --mix' if is_mix(name) else ''}"


def validate_name(name: str) -> str:
    """Return the handle, or the name of the mix, as it is spelled in paths.

    Raises:
        InvalidHandle: it is neither.
    """
    return name_mix(members_of(name)) if is_mix(name) else validate_handle(name)
