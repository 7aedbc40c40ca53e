"""What cannot be used of a file or an export: counted by reason, the first of them named; too many are an error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NoReturn

from hugtweets.errors import UnreadableSource

MOST = 10  # rows that are passed over, however small the file
MOST_EVER = 100_000  # rows after which no more are looked at: a million posts may lack half of these
MOST_OF_ALL = 0.05  # the share of rows that is, however large
NAMED = 5


class PassedOver:
    """The ``number`` of rows that were not read of the file at ``path``; ``rows`` counts those that were, too.

    ``what`` is what people call the rows, ``advice`` what to do if too many of them cannot be used.
    """

    def __init__(self, path: Path, what: str = "rows", advice: str = "correct these rows or remove them") -> None:
        self.path = path
        self.what = what
        self.advice = advice
        self.rows = 0
        self.number = 0
        self.reasons: Counter[str] = Counter()
        self.first: list[str] = []

    def add(self, place: str, reason: str, rows: int = 1) -> None:
        """Pass over the row, or the ``rows`` rows, at a place.

        Raises:
            UnreadableSource: there is no end of them.
        """
        self.number += rows
        self.reasons[reason] += rows
        if len(self.first) < NAMED:
            self.first.append(place if rows == 1 else f"{place} and {rows - 1:,} after it")
        if self.number > MOST_EVER:
            self._refuse()

    def check(self) -> None:
        """Raise ``UnreadableSource`` if so many rows cannot be used that something must be wrong with the file."""
        if self.number == self.rows > 0 or (self.number > MOST and self.number > MOST_OF_ALL * self.rows):
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise UnreadableSource(f"{self.path} cannot be used, as {self}: {self.advice}")

    def __str__(self) -> str:
        """Such as ``2 of 40 rows were passed over (created_at is missing: 2), namely line 7 and line 9``."""
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.reasons.most_common(NAMED))
        verb = "was" if self.number == 1 else "were"
        namely = "namely" if self.number <= NAMED else "the first in"
        return (
            f"{self.number:,} of {self.rows:,} {self.what} {verb} passed over ({reasons}), {namely} "
            f"{', '.join(self.first)}"
        )
