"""The one thread of this process that computes: training, sampling and evaluation of all accounts take turns on it.

One thread, because PyTorch's random state belongs to whoever computes; because every other thread that computes would
bring an OpenMP team and a memory arena of its own; and because the base model stays warm for the next account.
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

# Read once, when PyTorch loads OpenMP: its threads then sleep while they wait for each other instead of spinning. Two
# spinning threads beside one other busy process hardly get on at all: see benchmarks/contention.py and LOG.md.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

Result = TypeVar("Result")

_turns = threading.local()
_work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
_started = threading.Lock()
_thread: threading.Thread | None = None


def on_device(work: Callable[[], Result]) -> Result:
    """Do the work when its turn comes and return what it returns, or raise what it raises.

    The caller's context goes along, so that log records find the Prefect run they belong to.
    """
    global _thread
    with _started:
        if _thread is None:
            # A daemon: an interrupted program ends at once, and what was half done is done again next time.
            _thread = threading.Thread(target=_serve, name="device", daemon=True)
            _thread.start()
    promise: Future[Result] = Future()
    context = contextvars.copy_context()
    asked = time.monotonic()
    begun = asked

    def turn() -> Result:
        nonlocal begun
        begun = time.monotonic()
        return context.run(work)

    _work.put((promise, turn))
    try:
        return promise.result()
    finally:
        _turns.waited = waited_seconds() + begun - asked


def waited_seconds() -> float:
    """How long the calling thread has waited in all for its turns; the time of a step should not count them."""
    return float(getattr(_turns, "waited", 0.0))


def _serve() -> None:
    while True:
        promise, work = _work.get()
        try:
            promise.set_result(work())
        except BaseException as error:  # raised again where the result is waited for
            promise.set_exception(error)
        # The next work may be a long time coming: keep nothing of this one until then.
        del promise, work
