"""The entries of an export that cannot be used: counted by reason, the first of them named; too many are an error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hugtweets.errors import UnreadableSource

MOST = 10  # entries that are passed over, however small the export
MOST_OF_ALL = 0.05  # the share of entries that is, however large
NAMED = 5


class PassedOver:
    """What was not read of an export; ``entries`` counts all that it holds, also those that were read."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.entries = 0
        self.reasons: Counter[str] = Counter()
        self.first: list[str] = []

    @property
    def number(self) -> int:
        """How many were passed over."""
        return self.reasons.total()

    def add(self, place: str, reason: str) -> None:
        """Pass over the entry at a place."""
        self.reasons[reason] += 1
        if len(self.first) < NAMED:
            self.first.append(place)

    def check(self, path: Path) -> None:
        """Raise ``UnreadableSource`` if so many cannot be used that this is no export as X writes it."""
        if self.number == self.entries > 0 or (self.number > MOST and self.number > MOST_OF_ALL * self.entries):
            raise UnreadableSource(f"{path} is not as X writes an export, as {self}: give the zip as X sent it")

    def __str__(self) -> str:
        """Such as ``2 of 40 posts were passed over (full_text is missing: 2), namely entries 3 and 9 of tweets.js``."""
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.reasons.most_common(NAMED))
        verb = "was" if self.number == 1 else "were"
        namely = "namely" if self.number <= NAMED else "the first of them"
        return (
            f"{self.number:,} of {self.entries:,} {self.what} {verb} passed over ({reasons}), {namely} "
            f"{', '.join(self.first)}"
        )
