"""Who computes when: training, sampling and evaluation of all accounts take turns on the devices of this machine.

Each device has one worker: the one thread of this process if there is one device, a process for each if there are
several. A free worker takes the next work. Between processes a lock file keeps a device to one of them, a nightly run
beside an ad hoc one: the kernel frees it the moment its holder dies, so that a killed run never holds up the next. A
concurrency limit of Prefect held it up for a minute, and for good if the server went with it: see benchmarks/LOG.md.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Protocol, TypeVar

from filelock import FileLock, Timeout

from hugtweets.devices.process import DeviceProcess
from hugtweets.devices.selection import visible_gpus
from hugtweets.devices.thread import DeviceThread
from hugtweets.storage.home import Home

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Worker(Protocol):
    """What computes on one device, one work after the other."""

    device: str

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work and return what it returns, or raise what it raises."""


class DeviceQueue:
    """Hands work to whichever worker is free, first come, first served.

    The queues of Python's library wake whom they like: an account that had waited longest was once learned last of 16.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._free = deque(workers)
        self._waiting: deque[Future[Worker]] = deque()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work when its turn comes."""
        asked = time.monotonic()
        worker = self._take()
        try:
            with _alone_on(worker.device):
                _turns.waited = waited_seconds() + time.monotonic() - asked
                return worker.run(work, *arguments)
        finally:
            self._give(worker)

    def _take(self) -> Worker:
        with self._lock:
            if self._free:
                return self._free.popleft()
            promise: Future[Worker] = Future()
            self._waiting.append(promise)
        try:
            return promise.result()
        except BaseException:  # an interruption: who does not wait any more must not be given a worker
            with self._lock:
                if promise.cancel():
                    self._waiting.remove(promise)
            if not promise.cancelled():
                self._give(promise.result())
            raise

    def _give(self, worker: Worker) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set_result(worker)
            else:
                self._free.append(worker)


_turns = threading.local()
_started = threading.Lock()
_queue: DeviceQueue | None = None


def on_device(work: Callable[..., Result], *arguments: object) -> Result:
    """Do the work when its turn comes and return what it returns, or raise what it raises.

    The work may be done in another process: it is a function of a module, and what goes in and out can be pickled.

    Raises:
        TrainingError: the process that computed died.
    """
    global _queue
    with _started:
        if _queue is None:
            _queue = DeviceQueue(_workers(visible_gpus()))
    return _queue.run(work, *arguments)


def waited_seconds() -> float:
    """How long the calling thread has waited in all for its turns; the time of a step should not count them."""
    return float(getattr(_turns, "waited", 0.0))


def _workers(gpus: Sequence[str]) -> Sequence[Worker]:
    if len(gpus) < 2:
        return [DeviceThread(gpus[0] if gpus else "cpu")]
    # PyTorch's random state and the Trainer's own belong to a process: two trainings in one would disturb each other.
    threads = max(1, (os.cpu_count() or 1) // len(gpus))
    return [DeviceProcess(gpu, threads) for gpu in gpus]


@contextmanager
def _alone_on(device: str) -> Iterator[None]:
    """Keep other processes of this home off a device; the name of the machine counts, for a home may be shared."""
    lock = FileLock(Home.from_environment().locks / f"device-{socket.gethostname()}-{device.replace('/', '-')}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        log.info("Device %s: another process computes on it; waiting.", device)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
