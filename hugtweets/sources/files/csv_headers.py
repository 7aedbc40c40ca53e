"""Names of columns as some programs write them: behind a prefix that all have, or without one for the names of rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from hugtweets.sources.files.dialects.plain import NAMES, tells_kind
from hugtweets.sources.files.rows import spelled

_PREFIX = re.compile(r"([^./:]+)[./:](?=.)")
# What stands beside posts, and what dialects know by its prefix.
_BESIDE = ("user", "author", "includes")
_KEPT = frozenset((*_BESIDE, "legacy", "details", "referenced_tweets"))
_IDS, _TIMES = (frozenset(map(spelled, NAMES[column])) for column in ("id", "created_at"))
_ID = re.compile(r"\D{0,3}\d{9,20}\D{0,3}")
_TIME = re.compile(r"(?=.*\d)[\w ,+]+[-/.:][-\w/.: ,+]+")
_LONGEST_TIME = 40  # characters


def without_prefix(names: Sequence[str]) -> list[str]:
    """The names without what all of them begin with (``data.id``, ``tweet/text``), but for those of people."""
    prefixes = Counter(match[1] for name in names if (match := _PREFIX.match(name)))
    common = next((prefix for prefix, _ in prefixes.most_common(1)), None)
    if common is None or common in _KEPT or tells_kind(common):
        return list(names)
    heads = [(match[1], name[match.end() :]) if (match := _PREFIX.match(name)) else ("", name) for name in names]
    if any(head not in (common, *_BESIDE) and name and not name.startswith("_") for head, name in heads):
        return list(names)
    return [bare if head == common else name for (head, bare), name in zip(heads, names, strict=True)]


def lacks_first(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the rows begin with a name of their own, for which R writes none in the header.

    Each has one more cell than there are names, and ids and times stand where they should only without the first.
    """
    firsts = {row[0] for row in rows if len(row) == len(names) + 1}
    if not rows or len(firsts) != len(rows):
        return False
    return sum(_fitting(names, row[1:]) for row in rows) > sum(_fitting(names, row) for row in rows)


def _fitting(names: Sequence[str], cells: Sequence[str]) -> int:
    """How many ids and times stand under names of such."""
    return sum(
        (name in _IDS and _ID.fullmatch(cell) is not None)
        or (name in _TIMES and len(cell) <= _LONGEST_TIME and _TIME.fullmatch(cell) is not None)
        for name, cell in zip(map(spelled, names), cells, strict=False)
    )
