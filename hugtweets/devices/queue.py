"""Who computes when: training, sampling and evaluation of all accounts take turns on the devices of this machine.

Each device has one worker: the one thread of this process if there is one device, a process for each if there are
several. The next work goes to a worker that is free, and whose device no other process of this home has locked. The
kernel frees a lock the moment its holder dies, so that a killed run never holds up the next. A concurrency limit of
Prefect held it up for a minute, and for good if the server went with it: see benchmarks/LOG.md.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from filelock import FileLock, Timeout

from hugtweets.devices.memory import is_out_of_memory
from hugtweets.devices.process import DeviceProcess
from hugtweets.devices.selection import visible_gpus
from hugtweets.devices.thread import DeviceThread
from hugtweets.errors import OutOfMemory
from hugtweets.storage.home import Home

# How often a device that another process computes on is looked at.
POLL_SECONDS = 0.1

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Worker(Protocol):
    """What computes on one device, one work after the other."""

    device: str

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work and return what it returns, or raise what it raises."""


class DeviceQueue:
    """Hands work to whichever device is free, first come, first served.

    The queues of Python's library wake whom they like: an account that had waited longest was once learned last of 16.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._free, self._devices = list(workers), len(workers)
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work when its turn comes; what a device lacks the memory for goes to the next one.

        Raises:
            OutOfMemory: no device has enough.
        """
        too_small: list[str] = []
        while True:
            try:
                return self._run(work, arguments, too_small)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error).splitlines()[0]
            if len(too_small) == self._devices:
                raise OutOfMemory(
                    f"the memory of {' and '.join(too_small)} is too small for this work ({reason}): end what else "
                    "uses it, or choose a smaller train.base_model"
                )
            log.warning("Device %s: out of memory; trying another one.", too_small[-1])

    def _run(self, work: Callable[..., Result], arguments: Sequence[object], too_small: list[str]) -> Result:
        """Do the work on a device that is not too small; one that is found to be so is added to the list."""
        asked = time.monotonic()
        worker, lock = self._take(too_small)
        try:
            _turns.waited = waited_seconds() + time.monotonic() - asked
            return worker.run(work, *arguments)
        except Exception as error:
            if is_out_of_memory(error):
                too_small.append(worker.device)
            raise
        finally:
            with self._changed:
                lock.release()
                self._free.append(worker)
                self._changed.notify_all()

    def _take(self, too_small: Collection[str]) -> tuple[Worker, FileLock]:
        """A free worker and the lock on its device, when whoever came before has got one."""
        me = object()
        with self._changed:
            self._waiting.append(me)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is me)
                return self._first_unlocked(too_small)
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()

    def _first_unlocked(self, too_small: Collection[str]) -> tuple[Worker, FileLock]:
        announced = False
        while True:
            free = [worker for worker in self._free if worker.device not in too_small]
            for worker in free:
                lock = _lock_of(worker.device)
                with suppress(Timeout):
                    lock.acquire(blocking=False)
                    self._free.remove(worker)
                    return worker, lock
            if free and not announced:
                announced = True
                devices = " and ".join(worker.device for worker in free)
                log.info("Device %s: another process computes on it; waiting.", devices)
            self._changed.wait(POLL_SECONDS if free else None)


_turns = threading.local()
_started = threading.Lock()
_queue: DeviceQueue | None = None


def on_device(work: Callable[..., Result], *arguments: object) -> Result:
    """Do the work when its turn comes and return what it returns, or raise what it raises.

    The work may be done in another process: it is a function of a module, and what goes in and out can be pickled.

    Raises:
        DeviceProcessDied: the process that computed died.
        OutOfMemory: no device has the memory for it.
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


def _lock_of(device: str) -> FileLock:
    """Keeps other processes of this home off a device; the name of the machine counts, for a home may be shared."""
    return FileLock(Home.from_environment().locks / f"device-{socket.gethostname()}-{device.replace('/', '-')}.lock")
