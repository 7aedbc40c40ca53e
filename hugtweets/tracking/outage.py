"""When W&B is tried again after a failure: soon at first, then less and less often.

An attempt at a server that is silent takes about 20 seconds, in the worst case two minutes. Each run that comes up in
the pause after it is kept at once, so that a night of hundreds of accounts loses minutes to an outage, not hours, and
the first run after the pause finds out whether it is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 1800.0


class Outage:
    """What one process knows of W&B's server; threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._over_at = 0.0

    def may_try(self) -> bool:
        """Whether to try now; after a pause one thread tries, and the others wait for what comes of it."""
        with self._lock:
            if not self._pause:
                return True
            if self._clock() < self._over_at:
                return False
            self._over_at = self._clock() + self._pause
            return True

    def failed(self) -> float:
        """The attempt failed: returns how many seconds to keep away, twice as many as after the one before."""
        with self._lock:
            self._pause = min(max(2 * self._pause, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
            self._over_at = self._clock() + self._pause
            return self._pause

    def passed(self) -> bool:
        """The attempt got through: returns whether that ends an outage."""
        with self._lock:
            was_out, self._pause = bool(self._pause), 0.0
            return was_out
