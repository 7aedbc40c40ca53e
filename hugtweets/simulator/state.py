"""The state of a running simulator: accounts, faults to come, and what was requested and served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from hugtweets.simulator.accounts import Accounts
from hugtweets.simulator.faults import FaultPlan
from hugtweets.simulator.limits import RateLimits


@dataclass(frozen=True)
class Request:
    """A request to the API and its answer: status (0: the connection ended without one) and ids of the posts in it.

    ``time`` is that of the answer in seconds since 1970, ``fault`` the kind of fault that the request met. ``caller``
    tells tokens apart without holding one.
    """

    path: str
    query: Mapping[str, str]
    status: int
    posts: tuple[str, ...]
    fault: str | None
    time: float
    caller: str


@dataclass
class State:
    """Shared by all requests; safe to use from several threads.

    If ``is_priced``, the answers do not say that they are simulated, and the client writes down what X would ask.
    """

    accounts: Accounts
    token: str | None = field(default=None, repr=False)
    faults: FaultPlan = field(default_factory=FaultPlan)
    is_priced: bool = False
    limits: RateLimits = field(default_factory=RateLimits, repr=False)
    requests: list[Request] = field(default_factory=list)
    posts_served: int = 0
    users_served: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def count(self, *, posts: int = 0, users: int = 0) -> None:
        """Add to what was served, which is what X bills."""
        with self._lock:
            self.posts_served += posts
            self.users_served += users
