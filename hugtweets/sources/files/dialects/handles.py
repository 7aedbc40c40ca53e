"""Handles in what tables write for people: with an @, behind a name, or as the address of a profile."""

from __future__ import annotations

import re

# What a person who is an object calls the handle.
HANDLES = ("screen_name", "username", "handle")
_PROFILE = re.compile(r"(?:(?:https?://)?(?:\w+\.)?(?:twitter|x)\.com/)?@?(\w{1,20})/?(?:\?.*)?")
_BEHIND_NAME = re.compile(r".*[\s(]@(\w{1,20})\)?", re.DOTALL)


def username(author: str) -> str:
    """The handle in what stands for an author: ``@NASA``, ``Space (@NASA)``, or the address of the profile."""
    match = _PROFILE.fullmatch(author.strip()) or _BEHIND_NAME.fullmatch(author.strip())
    return match[1] if match else author


def is_username(written: object) -> bool:
    """Whether a text may be a handle, with or without an @, or is the address of a profile."""
    return isinstance(written, str) and _PROFILE.fullmatch(written.strip()) is not None
