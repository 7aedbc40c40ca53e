"""The one thread of this process that computes, if there is one device.

One thread, because PyTorch's random state belongs to whoever computes; because every other thread that computes would
bring an OpenMP team and a memory arena of its own; and because the base model stays in memory for the next account.
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

# Read once, when PyTorch loads OpenMP: its threads then sleep while they wait for each other instead of spinning. Two
# spinning threads beside one other busy process hardly get on at all: see benchmarks/contention.py and LOG.md.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

Result = TypeVar("Result")


class DeviceThread:
    """Computes on ``device`` in this process; the thread is started by the first work."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do the work and return what it returns, or raise what it raises.

        The caller's context goes along, so that log records find the Prefect run they belong to.
        """
        if self._thread is None:
            # A daemon: an interrupted program ends at once, and what was half done is done again next time.
            self._thread = threading.Thread(target=self._serve, name=f"device-{self.device}", daemon=True)
            self._thread.start()
        promise: Future[Result] = Future()
        self._work.put((promise, partial(contextvars.copy_context().run, work, *arguments)))
        return promise.result()

    def _serve(self) -> None:
        while True:
            promise, work = self._work.get()
            try:
                promise.set_result(work())
            except BaseException as error:  # raised again where the result is waited for
                promise.set_exception(error)
            # The next work may be a long time coming: keep nothing of this one until then.
            del promise, work
