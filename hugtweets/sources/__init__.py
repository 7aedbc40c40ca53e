"""Where posts come from. A source adds what it has to a stored timeline; see :class:`Source`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from hugtweets.errors import ConfigurationError

SourceKind = Literal["x", "archive", "file"]


class Source(Protocol):
    """One account's posts, from one place."""

    def update(self, timeline: Path) -> str | None:
        """Add what is new to the stored timeline.

        Everything that arrived is stored before anything more is asked for. Returns a remark for the user if
        something was left out (a budget that was reached), else None.

        Raises:
            AccountError, PutOff, RetryableError: as drawn in :mod:`hugtweets.errors`.
        """
        ...


@dataclass(frozen=True)
class SourceSpec:
    """``x``, ``archive:PATH`` or ``file:PATH``, as written on the command line."""

    kind: SourceKind = "x"
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> SourceSpec:
        """Read a specification.

        Raises:
            ConfigurationError: it is none of the three.
        """
        kind, colon, path = text.partition(":")
        if text == "x":
            return cls("x")
        if colon and path and (kind == "archive" or kind == "file"):
            return cls("archive" if kind == "archive" else "file", Path(path).expanduser())
        raise ConfigurationError(f"{text!r} is no source: write x, archive:PATH or file:PATH")

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind
