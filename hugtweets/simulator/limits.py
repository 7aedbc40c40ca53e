"""X's rate limits: so many requests of one caller in any fifteen minutes."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from dataclasses import dataclass

WINDOW_SECONDS = 15 * 60
# Those of an app, as a bearer token is an app's; a user would be limited to 900 timeline requests.
TIMELINE_REQUESTS = 10_000
POSTS_REQUESTS = 3500
LOOKUP_REQUESTS = 300


@dataclass(frozen=True)
class Allowance:
    """What a caller may still ask: ``reset`` is the epoch second at which the oldest request stops counting."""

    limit: int
    remaining: int
    reset: int | None
    exceeded: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The three headers of X, the last only where ``reset`` is known."""
        values = {"limit": self.limit, "remaining": self.remaining, "reset": self.reset}
        return {f"x-rate-limit-{name}": str(value) for name, value in values.items() if value is not None}


class RateLimits:
    """Sliding windows, one for each caller and kind of request."""

    def __init__(self) -> None:
        self._times: defaultdict[tuple[str, int], deque[float]] = defaultdict(deque)

    def spend(self, caller: str, path: str) -> Allowance:
        """Count a request, unless the caller has used up the limit."""
        limit = limit_of(path)
        times, now = self._times[caller, limit], time.time()
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        exceeded = len(times) >= limit
        if not exceeded:
            times.append(now)
        return Allowance(limit, limit - len(times), math.ceil(times[0] + WINDOW_SECONDS), exceeded)


def limit_of(path: str) -> int:
    """Requests allowed in a window: timelines, posts by id and look-ups of users differ."""
    if path == "/2/tweets":
        return POSTS_REQUESTS
    return TIMELINE_REQUESTS if path.endswith("/tweets") else LOOKUP_REQUESTS
