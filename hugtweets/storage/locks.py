"""Lock files: one for whatever several processes or threads change by reading it and writing it back.

A lock belongs to the operating system, which frees it when its holder ends, however that happens; the file stays, and
means nothing by itself. Locks keep out processes of this machine, and those that share its home on a file system with
locks of its own. Machines that share only a store keep out of each other's way as :mod:`hugtweets.timelines.shared` and
:mod:`hugtweets.budget.shared_ledger` describe.

Whoever holds one lock takes others only from further down in this list, so that no two wait for each other:

1. an artifact that is being made (:mod:`hugtweets.storage.artifacts`)
2. a device (:mod:`hugtweets.devices.queue`)
3. a timeline
4. the reservations of budgets (:mod:`hugtweets.budget.reservations`)
5. the runs that are sent to W&B (:mod:`hugtweets.tracking.sending`)
6. the promotions of an account, the ledger, the favourites, the history of runs, the pages over all accounts;
   inside these no other lock is taken
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# Most locks are held for about a millisecond.
POLL_SECONDS = 0.01

logger = logging.getLogger(__name__)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock what is kept in a file, which need not exist yet; the thread that holds the lock may take it again."""
    with _lock_of(path):
        yield


@contextmanager
def locked_aloud(path: Path, subject: str, work: str) -> Iterator[None]:
    """As :func:`locked`, for what may take minutes: whoever has to wait says so, and for which process.

    Args:
        path: what is locked.
        subject: the account, by which a line in the log begins.
        work: what the holder is doing, such as ``fetches the same timeline``.
    """
    lock = _lock_of(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logger.info("%s: waits for %s, which %s", subject, _holder(lock_file(path)), work)
        lock.acquire()
    try:
        # For people only; where a lock keeps others from writing too (on Windows), there is no such line.
        with suppress(OSError):
            lock_file(path).write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        lock.release()


def lock_file(path: Path) -> Path:
    """The lock file of a file or folder: beside it, under the same name."""
    return path.with_suffix(".lock")


def is_held(file: Path) -> bool:
    """Whether another thread or process holds a lock, by its file; one that a killed process left is removed."""
    try:
        with FileLock(file, blocking=False):
            file.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


def _lock_of(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(lock_file(path), is_singleton=True, poll_interval=POLL_SECONDS)


def _holder(file: Path) -> str:
    """``process 4711 on lighthouse``, as far as its holder has written that down."""
    try:
        return file.read_text(encoding="utf-8").strip() or "another process"
    except OSError:
        return "another process"
