"""Handles of X, and the names of mixes and blends: no other name becomes part of a path or a URL.

Whatever takes a name raises ``InvalidHandle`` if it is not such a one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hugtweets.errors import InvalidHandle

HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")
# No handle has these characters, so that a mix (alice+bob) or a blend (alice-70+bob-30) is never taken for an account.
PLUS = "+"
HYPHEN = "-"
MIXED = range(2, 6)
SHARE = re.compile(r"[1-9][0-9]?")


def validate_handle(name: str) -> str:
    """Return the handle without its ``@``, spelled as given."""
    handle = name.removeprefix("@")
    if not HANDLE.fullmatch(handle):
        shown = ascii(name if len(name) <= 40 else name[:40] + "...")
        raise InvalidHandle(
            f"{shown} is no X handle: a handle is 1 to 15 letters, digits and underscores, such as NASA"
        )
    return handle


def name_mix(handles: Iterable[str]) -> str:
    """The name of the mix of some accounts, in whichever order they are given: ``alice+bob``."""
    members = sorted((validate_handle(handle) for handle in handles), key=str.casefold)
    if len(members) not in MIXED or len({member.casefold() for member in members}) < len(members):
        raise InvalidHandle(f"{PLUS.join(members)} is no mix: name {MIXED[0]} to {MIXED[-1]} different accounts")
    return PLUS.join(members)


def name_blend(shares: Mapping[str, int]) -> str:
    """The name of a blend, from the percent of each account: ``alice-70+bob-30``."""
    percents = {validate_handle(handle): percent for handle, percent in shares.items()}
    members = members_of(name_mix(percents))
    name = PLUS.join(f"{member}{HYPHEN}{percents[member]}" for member in members)
    if min(percents.values()) < 1 or sum(percents.values()) != 100:
        raise InvalidHandle(f"{name} is no blend: name whole percents, which are 100 in all")
    return name


def shares_of(blend: str) -> dict[str, int]:
    """The percent of each account of a blend."""
    parts = [part.rpartition(HYPHEN) for part in blend.split(PLUS)]
    if not all(SHARE.fullmatch(percent) for _, _, percent in parts):
        raise InvalidHandle(f"{blend[:40]!a} is no blend: write the percent of each account, as in alice-70+bob-30")
    shares = {handle: int(percent) for handle, _, percent in parts}
    name_blend(shares)
    return shares


def members_of(name: str) -> list[str]:
    """The accounts of a mix or a blend; for an account, that account."""
    return [part.partition(HYPHEN)[0] for part in name.split(PLUS)]


def is_mix(name: str) -> bool:
    """Whether it is the name of several accounts: of a mix, or of a blend."""
    return PLUS in name


def is_blend(name: str) -> bool:
    """Whether it is the name of a blend."""
    return is_mix(name) and HYPHEN in name


def kind_of(name: str) -> str:
    """``account``, ``mix`` or ``blend``."""
    if is_blend(name):
        return "blend"
    return "mix" if is_mix(name) else "account"


def run_command(name: str) -> str:
    """The command that makes the model of an account, a mix or a blend: ``hugtweets run alice bob --mix``."""
    if is_blend(name):
        shares = ",".join(f"{handle}={percent / 100:g}" for handle, percent in shares_of(name).items())
        return f"hugtweets sample --blend {shares} --keep"
    return f"hugtweets run {' '.join(members_of(name))}{' --mix' if is_mix(name) else ''}"


def validate_name(name: str) -> str:
    """Return the handle, or the name of the mix or blend, as it is spelled in paths."""
    if is_blend(name):
        return name_blend(shares_of(name))
    return name_mix(members_of(name)) if is_mix(name) else validate_handle(name)
