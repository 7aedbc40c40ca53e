"""What reading X costs: every answered request is one line of ``ledger.jsonl``, kept across runs and crashes.

A :class:`Ledger` appends lines and answers what was spent, from sums (:class:`_Sums`) that read each line only once.
"""

from __future__ import annotations

import io
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from hugtweets.storage.atomic import write_text
from hugtweets.storage.locks import locked


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
    """One line: when, in which run, for which account (None for a look-up of many), what, and whether X refused."""

    time: str
    run: str
    handle: str | None
    usage: Usage
    refused: bool = False


@dataclass(frozen=True)
class Ledger:
    """The ledger as one run writes it; with a ``handle``, as it does so for that account."""

    path: Path
    run: str
    handle: str | None = None

    def of(self, handle: str | None) -> Ledger:
        """The same file, for one account; with None, for all accounts of the run."""
        return replace(self, handle=handle)

    def record(self, usage: Usage, refused: bool = False) -> None:
        """Append one line; threads and processes may share the file."""
        entry = Entry(datetime.now(UTC).isoformat(timespec="seconds"), self.run, self.handle, usage, refused)
        self.append(json.dumps(asdict(entry)).encode() + b"\n")

    def append(self, lines: bytes) -> None:
        """Append whole lines in a single write, and never to a file that :meth:`forget` is about to replace."""
        with locked(self.path):
            self._write(lines)

    def _write(self, lines: bytes) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            # After a line that a crash cut short, these begin on a line of their own.
            cut = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            os.write(descriptor, b"\n" * cut + lines)
        finally:
            os.close(descriptor)

    def spent(self) -> Usage:
        """What this run used so far; for one account, if the ledger has a handle."""
        with _sums_of(self.path) as sums:
            return sums.of_run(self.run, self.handle)

    def total(self) -> Usage:
        """What all runs used; for one account, if the ledger has a handle."""
        with _sums_of(self.path) as sums:
            return sums.handles[self.handle] if self.handle else sum(sums.runs.values(), Usage())

    def month(self) -> Usage:
        """What all runs used for all accounts in this calendar month (UTC)."""
        with _sums_of(self.path) as sums:
            return sums.months[f"{datetime.now(UTC):%Y-%m}"]

    def last_answers(self) -> dict[str, str]:
        """For each account the time (ISO 8601, UTC) at which X last answered for it."""
        with _sums_of(self.path) as sums:
            return dict(sums.answers)

    def forget(self, handle: str) -> None:
        """Remove an account's name; what was spent stays known."""
        if not self.path.exists():
            return
        with locked(self.path):
            kept = [replace(entry, handle=None) if entry.handle == handle else entry for entry in self.entries()]
            write_text(self.path, "".join(json.dumps(asdict(entry)) + "\n" for entry in kept))

    def entries(self) -> Iterator[Entry]:
        """Every whole line; a line cut short by a crash is passed over."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            yield from _parse(lines)


def _parse(lines: Iterable[bytes]) -> Iterator[Entry]:
    for line in lines:
        try:
            values = json.loads(line)
            usage = Usage(**values["usage"])
            yield Entry(values["time"], values["run"], values["handle"], usage, values.get("refused", False))
        except (ValueError, KeyError, TypeError):
            continue


class _Sums:
    """The sums of one file by run, month and account, kept up to date by reading only what was added since.

    The file is the truth: what other processes add is seen as well, and a file that was rewritten is read again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = threading.Lock()
        # By account only for the runs that somebody asked about: a year has a hundred thousand runs.
        self._shares: dict[str, dict[str | None, Usage]] = {}
        self._start(0)

    def of_run(self, run: str, handle: str | None) -> Usage:
        """The sum of a run, or of one account in it."""
        if handle is None:
            return self.runs.get(run, Usage())
        if run not in self._shares:
            self._shares[run] = self._find_shares(run) if run in self.runs else defaultdict(Usage)
        return self._shares[run].get(handle, Usage())

    def _start(self, inode: int) -> None:
        self._inode, self._offset = inode, 0
        self.runs: dict[str, Usage] = defaultdict(Usage)
        self.months: dict[str, Usage] = defaultdict(Usage)
        self.handles: dict[str, Usage] = defaultdict(Usage)
        self.answers: dict[str, str] = {}
        for shares in self._shares.values():
            shares.clear()

    def catch_up(self) -> None:
        """Add the lines that came since the last time."""
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            self._start(0)
            return
        with file:
            found = os.fstat(file.fileno())
            if found.st_ino != self._inode or found.st_size < self._offset:
                self._start(found.st_ino)
            file.seek(self._offset)
            for entry in _parse(self._whole_lines(file)):
                self._add(entry)

    def _whole_lines(self, file: BinaryIO) -> Iterator[bytes]:
        for line in file:
            # A line without an end is being written, or was cut short by a crash.
            if line.endswith(b"\n"):
                self._offset += len(line)
                yield line

    def _find_shares(self, run: str) -> dict[str | None, Usage]:
        shares: dict[str | None, Usage] = defaultdict(Usage)
        named = json.dumps(run).encode()
        with self._path.open("rb") as file:
            # No further than the other sums: the rest is added by the next `catch_up`.
            known = io.BytesIO(file.read(self._offset))
        for entry in _parse(line for line in known if named in line):
            if entry.run == run:
                shares[entry.handle] += entry.usage
        return shares

    def _add(self, entry: Entry) -> None:
        self.runs[entry.run] += entry.usage
        self.months[entry.time[:7]] += entry.usage
        if entry.run in self._shares:
            self._shares[entry.run][entry.handle] += entry.usage
        if entry.handle is not None:
            self.handles[entry.handle] += entry.usage
            if not entry.refused:
                self.answers[entry.handle] = entry.time


_sums: dict[Path, _Sums] = {}
_sums_lock = threading.Lock()


@contextmanager
def _sums_of(path: Path) -> Iterator[_Sums]:
    """The sums of a file, up to date and locked against other threads."""
    with _sums_lock:
        sums = _sums.setdefault(path, _Sums(path))
    with sums.lock:
        sums.catch_up()
        yield sums
