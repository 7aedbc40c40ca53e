"""From fetched to kept: how many posts each rule dropped, and posts before and after cleaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import regex

from hugtweets.cleaning.private import mask
from hugtweets.sources.archive import circles

EXAMPLES = 3
# Why a post is dropped, for people; the reasons are those of :mod:`hugtweets.cleaning.table`.
REASONS = {
    "deleted": "deleted by its author: no text is left of it",
    "retweet": "written by somebody else and passed on",
    "other_author": "written by another account",
    "superseded": "an earlier version of an edited post",
    "truncated": "cut off by the source",
    "link_only": "nothing but links, mentions or hashtags",
    "private": "holds an address, a phone or account number, or a key",
    "too_short": "too few words of its own",
    "duplicate": "says nearly the same as an earlier post",
    "near_duplicate": "held out, and mostly the words of one training post: it would flatter the model",
}
# What cleaning changes, and how a raw text shows that there was something to do.
CHANGES = {
    "link": regex.compile(r"https?://"),
    "mention": regex.compile(r"@\w"),
    "hashtag": regex.compile(r"#\p{L}"),
    "HTML entity": regex.compile(r"&(?:#\d+|\w+);"),
    "line break": regex.compile(r"\S\s*\n\s*\S"),
}


@dataclass(frozen=True)
class Dropped:
    """The posts that one rule dropped: how many, why, and the newest of them."""

    reason: str
    why: str
    number: int
    examples: list[str]


@dataclass(frozen=True)
class Cleaned:
    """A kept post as it was sent and as it is learned, and what kind of change it is an example of."""

    change: str
    before: str
    after: str


@dataclass(frozen=True)
class CleaningSummary:
    """What became of the posts; ``warning`` says what may be among them that was not for everybody."""

    fetched: int
    kept: int
    dropped: list[Dropped] = field(default_factory=list)
    masked: Mapping[str, int] = field(default_factory=dict)
    cleaned: list[Cleaned] = field(default_factory=list)
    warning: str | None = None


def summarise_cleaning(raw: pa.Table, clean: pa.Table, counts: Mapping[str, Any]) -> CleaningSummary:
    """The funnel of a clean artifact; ``counts`` are those of its manifest."""
    dropped = [
        Dropped(reason, REASONS.get(reason, ""), number, _newest(clean, reason))
        for reason, number in sorted(counts["dropped"].items(), key=lambda item: -item[1])
    ]
    warning = circles.warning(circles.count_stored(raw))
    masked = counts.get("masked", {})
    return CleaningSummary(counts["fetched"], counts["kept"], dropped, masked, _changes(raw, clean), warning)


def _newest(clean: pa.Table, reason: str) -> list[str]:
    texts = clean.filter(pc.equal(clean["reason"].cast(pa.string()), reason))["text"].to_pylist()
    return [mask(text) for text in reversed(texts) if text][:EXAMPLES]


def _changes(raw: pa.Table, clean: pa.Table) -> list[Cleaned]:
    """The newest post with each kind of change, none shown twice."""
    sent = dict(zip(raw["id"].to_pylist(), raw["text"].to_pylist(), strict=True))
    kept = clean.filter(clean["kept"]).select(["id", "text"]).to_pylist()
    changed = [(sent[row["id"]], row["text"]) for row in reversed(kept) if sent.get(row["id"], "") != row["text"]]
    found: dict[tuple[str, str], str] = {}
    for change, sign in CHANGES.items():
        fitting = (pair for pair in changed if pair not in found and pair[0] and sign.search(pair[0]))
        if pair := next(fitting, None):
            found[pair] = change
    return [Cleaned(change, mask(before), after) for (before, after), change in found.items()]
