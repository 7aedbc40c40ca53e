"""The ledger of all machines, in the store: each run writes objects of its own, so that no two writers race.

``ledger/<run>/00000.jsonl`` holds the run's first lines, ``00001.jsonl`` the next ones, and so on: while a run goes on,
only its last few hundred lines are sent again. What asks the store raises ``StoreUnavailable`` if it does not answer,
but for :func:`push_ledger`.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from hugtweets.budget.ledger import Ledger
from hugtweets.errors import StoreUnavailable
from hugtweets.storage.home import Home
from hugtweets.storage.locks import locked
from hugtweets.storage.remote import Store

FOLDER = "ledger"
SEGMENT_LINES = 500

logger = logging.getLogger(__name__)


def catch_up(home: Home) -> None:
    """Before any work: check that the store can be used, read from it what all machines spent, send what it lacks.

    Raises:
        ConfigurationError: it cannot be used.
    """
    if home.store:
        home.store.check()
        pull_ledger(home)
        try:
            send_unsent(home)
        except StoreUnavailable as error:
            logger.warning("what earlier runs spent on X is still not in the store (%s)", error)


def pull_ledger(home: Home) -> None:
    """Add to this machine's ledger what the runs of other machines wrote."""
    store = home.store
    if store is None:
        return
    ours, theirs = _lines_by_run(home), dict[str, tuple[int, list[bytes]]]()
    for run, sizes in _segments(store).items():
        known = ours[run]
        if sum(sizes.values()) != sum(map(len, known)):
            whole = len(known) // SEGMENT_LINES
            content = store.read([_key(run, number) for number in range(whole, len(sizes))])
            there = [line for key in sorted(content) for line in content[key].splitlines(keepends=True)]
            theirs[run] = whole * SEGMENT_LINES, there
    if not theirs:
        return
    with locked(home.ledger):
        # Looked at again: a run of this machine may have written and sent lines meanwhile, or another process pulled.
        ours = _lines_by_run(home)
        for run, (first, there) in theirs.items():
            if missing := there[len(ours[run]) - first :]:
                Ledger(home.ledger, run).append(b"".join(missing))


def send_unsent(home: Home) -> None:
    """Send the lines that runs of this machine could not send any more before they ended.

    The store may know the lines that it has without the names of forgotten accounts: those are left as they are. Lines
    of more than a month ago count in no budget.
    """
    store = home.store
    if store is None:
        return
    since = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    with locked(_turn(home)):
        there = _segments(store)
        for run, lines in _lines_by_run(home).items():
            sizes = there.get(run, {})
            if run and sum(sizes.values()) != sum(map(len, lines)) and json.loads(lines[-1])["time"] >= since:
                _send_missing(store, run, list(sizes), lines)


def _send_missing(store: Store, run: str, segments: list[str], lines: list[bytes]) -> None:
    """Complete the last segment of a run that the store has, and add those after it."""
    first = max(0, len(segments) - 1)
    last = store.read(segments[-1:])[segments[-1]].splitlines(keepends=True) if segments else []
    rest = [*last, *lines[first * SEGMENT_LINES + len(last) :]]
    if len(rest) > len(last):
        for start in range(0, len(rest), SEGMENT_LINES):
            segment = rest[start : start + SEGMENT_LINES]
            store.write(_key(run, first + start // SEGMENT_LINES), b"".join(segment))


def _turn(home: Home) -> Path:
    """Locked by whoever sends, so that no process puts an older state of a run over a newer one."""
    return home.ledger.with_name("ledger-sending")


def push_ledger(home: Home, run: str) -> str | None:
    """Send what a run of this process wrote and the store lacks.

    If the store does not answer, that ends nothing, and is sent the next time: returns what there is to say of it.
    """
    if home.store is None:
        return None
    with _outboxes_lock:
        outbox = _outboxes.setdefault((home, run), _Outbox(home, run))
    try:
        outbox.send(home.store)
    except StoreUnavailable as error:
        remark = f"what {run} spent on X is not in the store, so that other machines do not reckon with it ({error})"
        logger.warning("%s", remark)
        return remark
    return None


class _Outbox:
    """The lines of one run and how many of them are sent; the file is read on from where it was left the last time."""

    def __init__(self, home: Home, run: str) -> None:
        self._home = home
        self._run = run
        self._lock = threading.Lock()
        self._inode = self._offset = 0
        self._lines: list[bytes] = []
        self._sent = 0

    def send(self, store: Store) -> None:
        with self._lock, locked(_turn(self._home)):
            self._read_on()
            while self._sent < len(self._lines):
                number = self._sent // SEGMENT_LINES
                segment = self._lines[number * SEGMENT_LINES : (number + 1) * SEGMENT_LINES]
                store.write(_key(self._run, number), b"".join(segment))
                self._sent = number * SEGMENT_LINES + len(segment)

    def _read_on(self) -> None:
        if not self._home.ledger.exists():
            return
        named = json.dumps(self._run).encode()
        with self._home.ledger.open("rb") as file:
            if (inode := os.fstat(file.fileno()).st_ino) != self._inode:
                # Rewritten without the name of a forgotten account: as many lines as before, in other places.
                self._inode, self._offset, self._lines = inode, 0, []
            file.seek(self._offset)
            for line in _whole_lines(file):
                self._offset += len(line)
                if named in line and _run_of(line) == self._run:
                    self._lines.append(line)


_outboxes: dict[tuple[Home, str], _Outbox] = {}
_outboxes_lock = threading.Lock()


def forget_in_store(store: Store, handle: str) -> None:
    """Remove an account's name from the lines of all runs; what was spent stays known."""
    keys = [key for sizes in _segments(store).values() for key in sizes]
    for key, content in store.read(keys).items():
        entries = (json.loads(line) for line in content.splitlines())
        kept = (entry | {"handle": None} if entry["handle"] == handle else entry for entry in entries)
        nameless = b"".join(json.dumps(entry).encode() + b"\n" for entry in kept)
        if nameless != content:
            store.write(key, nameless)


def _lines_by_run(home: Home) -> dict[str, list[bytes]]:
    lines: dict[str, list[bytes]] = defaultdict(list)
    if home.ledger.exists():
        with home.ledger.open("rb") as file:
            for line in _whole_lines(file):
                lines[_run_of(line)].append(line)
    return lines


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines from where a ledger is read, without one that is still being written."""
    return (line for line in file if line.endswith(b"\n"))


def _run_of(line: bytes) -> str:
    """The run that wrote a line; empty for a line that a crash cut short."""
    try:
        return str(json.loads(line)["run"])
    except (ValueError, KeyError, TypeError):
        return ""


def _segments(store: Store) -> dict[str, dict[str, int]]:
    """For each run its objects, in order, and their sizes."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for key, size in sorted(store.sizes(FOLDER).items()):
        found[key.split("/")[1]][key] = size
    return found


def _key(run: str, number: int) -> str:
    return f"{FOLDER}/{run}/{number:05}.jsonl"
