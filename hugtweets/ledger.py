"""What reading X costs: every answered request is one line of ``ledger.jsonl``, kept across runs and crashes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hugtweets.files import write_text


@dataclass(frozen=True)
class Usage:
    """Requests made, posts and users read, and their price in USD."""

    requests: int = 0
    posts_read: int = 0
    users_read: int = 0
    usd: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.posts_read + other.posts_read,
            self.users_read + other.users_read,
            round(self.usd + other.usd, 6),
        )


@dataclass(frozen=True)
class Entry:
    """One line: when, in which run, for which account (None for a look-up of many), what."""

    time: str
    run: str
    handle: str | None
    usage: Usage


@dataclass(frozen=True)
class Ledger:
    """The file, as one run writes it."""

    path: Path
    run: str
    handle: str | None = None

    def of(self, handle: str) -> Ledger:
        """The same file, writing for one account."""
        return replace(self, handle=handle)

    def record(self, usage: Usage) -> None:
        """Append one line; a single write, so that threads and processes may share the file."""
        entry = Entry(datetime.now(UTC).isoformat(timespec="seconds"), self.run, self.handle, usage)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            # A line that a crash cut short must not swallow this one.
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            os.write(descriptor, ("\n" * torn + json.dumps(asdict(entry)) + "\n").encode())
        finally:
            os.close(descriptor)

    def spent(self) -> Usage:
        """What this run used so far; of one account, if the ledger is that account's."""
        return self._sum(entry for entry in self.entries() if entry.run == self.run)

    def total(self) -> Usage:
        """What all runs used; of one account, if the ledger is that account's."""
        return self._sum(self.entries())

    def forget(self, handle: str) -> None:
        """Blank an account's name; what was spent stays known. No run may be writing meanwhile."""
        if not self.path.exists():
            return
        kept = [replace(entry, handle=None) if entry.handle == handle else entry for entry in self.entries()]
        write_text(self.path, "".join(json.dumps(asdict(entry)) + "\n" for entry in kept))

    def _sum(self, entries: Iterable[Entry]) -> Usage:
        return sum((entry.usage for entry in entries if self.handle in (None, entry.handle)), Usage())

    def entries(self) -> Iterator[Entry]:
        """Every whole line; a line cut short by a crash is passed over."""
        if not self.path.exists():
            return
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                values = json.loads(line)
                yield Entry(values["time"], values["run"], values["handle"], Usage(**values["usage"]))
            except (ValueError, KeyError, TypeError):
                continue
