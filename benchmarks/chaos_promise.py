"""One line of the table of :mod:`benchmarks.chaos`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One line of the table; ``kept`` is None where a number only tells what happened."""

    text: str
    wanted: int | str
    found: int | str
    kept: bool | None

    @classmethod
    def exactly(cls, text: str, wanted: int, found: int) -> Promise:
        """A number that must be met."""
        return cls(text, wanted, found, found == wanted)

    @classmethod
    def none_of(cls, text: str, found: Iterable[object]) -> Promise:
        """A list that must be empty; its first members are shown."""
        found = list(found)
        shown = f"{len(found)}: {', '.join(map(str, found[:3]))}" if found else 0
        return cls(text, 0, shown, not found)

    @classmethod
    def some(cls, text: str, found: int) -> Promise:
        """What must have happened at least once, or the night was none."""
        return cls(text, "some", found, found > 0)

    @classmethod
    def told(cls, text: str, found: int | str) -> Promise:
        """A number for the reader."""
        return cls(text, "", found, None)
