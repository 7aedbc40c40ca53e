"""Kinds of posts: what each post is, and how a model is told which kind to write.

Where an account has several kinds, half of the training posts of each stand behind its name, as in ``reply: ``. So
a model can be asked for one kind, and for posts of any kind as well: see benchmarks/LOG.md for what that costs.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, get_args

Kind = Literal["post", "reply", "thread", "quote"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Of fewer posts there is little to learn what is special about them.
FEWEST = 20


def told_apart(kinds: Iterable[Any]) -> list[Kind]:
    """The kinds that training posts have often enough to be learned; none if there is but one."""
    numbers = Counter(kinds)
    often: list[Kind] = [kind for kind in KINDS if numbers[kind] >= FEWEST]
    return often if len(often) > 1 else []


def stands_behind_kind(post: str) -> bool:
    """Whether a post, by its id, is one of the half that is learned behind its kind."""
    return zlib.crc32(post.encode()) % 2 == 0


def opening(kind: Kind) -> str:
    """What stands before a post of a kind."""
    return f"{kind}: "
