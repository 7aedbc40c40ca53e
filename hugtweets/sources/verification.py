"""What came of asking a source again for stored posts, so that those which their authors deleted go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verification:
    """How many posts were to be asked for, how many were answered for, how many are deleted, and what ended it early.

    After an attempt that broke off, ``due`` and ``verified`` are those of the last one; ``deleted`` is of the run.
    """

    due: int
    verified: int = 0
    deleted: int = 0
    stopped: str | None = None

    def __str__(self) -> str:
        is_whole = self.verified == self.due
        verified = f"{self.verified:,} posts" if is_whole else f"{self.verified:,} of {self.due:,} posts"
        rest = "" if is_whole else "; X did not answer for the others, and is asked again by the next verification"
        return f"verified {verified}, {self.deleted:,} deleted" + (f"; {self.stopped}" if self.stopped else rest)
