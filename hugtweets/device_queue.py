"""Who computes when: training, sampling and evaluation of all accounts take turns on the devices of this machine.

Each device has one worker: the one thread of this process if there is one device, a process for each if there are
several. A free worker takes the next work. Between processes a lock file keeps a device to one of them, a nightly run
beside an ad hoc one: the kernel frees it the moment its holder dies, so that a killed run never holds up the next. A
concurrency limit of Prefect held it up for a minute, and for good if the server went with it: see benchmarks/LOG.md.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

from filelock import FileLock, Timeout

from hugtweets.device_process import DeviceProcess
from hugtweets.device_thread import DeviceThread
from hugtweets.devices import visible_gpus
from hugtweets.home import Home

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Worker(Protocol):
    """What computes on one device, one work after the other."""

    device: str

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work and return what it returns, or raise what it raises."""


class DeviceQueue:
    """Hands work to whichever worker is free."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._free.put(worker)

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work when its turn comes."""
        asked = time.monotonic()
        worker = self._free.get()
        try:
            with _alone_on(worker.device):
                _turns.waited = waited_seconds() + time.monotonic() - asked
                return worker.run(work, *arguments)
        finally:
            self._free.put(worker)


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
