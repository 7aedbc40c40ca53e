"""Ctrl-C and SIGTERM end the program within seconds, whatever it waits for.

Nothing has to be waited for: what is finished is on disk at any moment. But Prefect's client asks a server that went
first for minutes, and the interpreter would not end before threads that train.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What Prefect and W&B are told of the end reaches them within these; it is all that is lost otherwise.
GRACE_SECONDS = 3.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ended_by_signals(say: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGINT and SIGTERM raise KeyboardInterrupt, and the process ends with 128 and their number.

    It ends when the block does, and after ``GRACE_SECONDS`` at the latest; ``say`` is called before.
    """
    told, telling = socket.socketpair()
    telling.setblocking(False)
    is_left = threading.Event()

    def watch() -> None:
        # Python writes the number of a signal there at once, whoever handles it: Prefect does so within flows.
        while number := told.recv(1):
            if number[0] in SIGNALS:
                is_left.wait(GRACE_SECONDS)
                say()
                os._exit(128 + number[0])

    watcher = threading.Thread(target=watch, name="stopping", daemon=True)
    watcher.start()
    wakeup = signal.set_wakeup_fd(telling.fileno(), warn_on_full_buffer=False)
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.set_wakeup_fd(wakeup)
        is_left.set()
        telling.close()
        # It never ends by itself once there was a signal.
        watcher.join()
        told.close()
