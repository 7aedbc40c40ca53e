"""What is reserved of budgets right now, by all processes of this machine that use the same home.

Each process writes its reservations into a file of its own, ``reservations/<name>.json``, and holds the lock beside it
for as long as it lives. The system frees the lock of a process that ends, however it ends: the reservations of a killed
process are void at once, and the next one to look removes its files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

# The lock is held for about a millisecond, so whoever finds it taken asks again soon.
POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Reservation:
    """USD reserved by a run."""

    run: str
    usd: float


class Reservations:
    """The reservations in one folder, as this process reads and changes them; not safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder_lock = FileLock(folder / "turn", poll_interval=POLL_SECONDS, thread_local=False)
        self._own = folder / f"{uuid4().hex}.json"
        self._own_lock = FileLock(_lock_of(self._own), thread_local=False)
        self._mine: list[Reservation] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock out all other processes while the block lasts; the other methods are to be called inside."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._folder_lock:
            yield

    def all(self) -> list[Reservation]:
        """The reservations of this process and of others that are alive."""
        alive = [path for path in self._folder.glob("*.json") if path != self._own and _is_alive(path)]
        rows = [row for path in alive for row in json.loads(path.read_text(encoding="utf-8"))]
        return self._mine + [Reservation(run, usd) for run, usd in rows]

    def add(self, reservation: Reservation) -> None:
        """Reserve something."""
        if not self._own_lock.is_locked:
            self._own_lock.acquire()
            self._own.touch()
        self._mine.append(reservation)
        self._write()

    def remove(self, reservation: Reservation) -> None:
        """Release a reservation; two equal ones are interchangeable."""
        self._mine.remove(reservation)
        self._write()

    def _write(self) -> None:
        # In place, as nobody reads meanwhile, and a file that a kill cuts short is void. Not emptied first: ext4 would
        # then write to the disk at once, which takes milliseconds.
        with self._own.open("r+", encoding="utf-8") as file:
            json.dump([astuple(reservation) for reservation in self._mine], file)
            file.truncate()


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _is_alive(path: Path) -> bool:
    """Whether the process that wrote the file still holds its lock; if it does not, the file is removed."""
    lock = FileLock(_lock_of(path), blocking=False)
    try:
        with lock:
            path.unlink()
            _lock_of(path).unlink()
    except Timeout:
        return True
    return False
