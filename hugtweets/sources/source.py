"""What every source does (:class:`Source`), and how a source is written on the command line (:class:`SourceSpec`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from hugtweets.errors import ConfigurationError, nearest

SourceKind = Literal["x", "archive", "file"]


class Source(Protocol):
    """One account's posts, from one place."""

    def update(self, timeline: Path) -> str | None:
        """Add what is new to the stored timeline.

        Everything that arrived is stored before anything more is asked for. Returns a message for the user if
        something was left out (as a budget was reached), else None.

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
        if meant := nearest(kind, get_args(SourceKind)):
            written = meant if meant == "x" else f"{meant}:{path or 'PATH'}"
            raise ConfigurationError(f"{text!r} is no source: did you mean {written}?")
        raise ConfigurationError(f"{text!r} is no source: write x, archive:PATH or file:PATH")

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind
