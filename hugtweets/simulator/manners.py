"""How each network words a refusal, and how it says when a rate limit ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from hugtweets.simulator import problems
from hugtweets.simulator.limits import Allowance, limit_of
from hugtweets.simulator.problems import Body

# What the networks say of themselves: requests of one caller in any five minutes.
BLUESKY_REQUESTS = 3000
MASTODON_REQUESTS = 300
_NAMES = {401: "AuthMissing", 403: "Forbidden", 429: "RateLimitExceeded", 500: "InternalServerError"}
_GATEWAY = "UpstreamFailure"


@dataclass(frozen=True)
class Manners:
    """``refuse`` makes the body of a refusal of a status (and a code of X), ``limited`` the headers of a rate limit.

    Of a rate limit the path is known, and in how many seconds it ends, None if that is not to be said.
    """

    asks_for_token: bool
    refuse: Callable[[int, int | None], Body]
    limited: Callable[[str, int | None], dict[str, str]]


def manners_of(path: str) -> Manners | None:
    """Those of the network whose interface has the path; None for the simulator's own."""
    return next((manners for prefix, manners in _BY_PREFIX.items() if path.startswith(prefix)), None)


def _limited_on_x(path: str, seconds: int | None) -> dict[str, str]:
    reset = None if seconds is None else math.ceil(time.time() + seconds)
    return Allowance(limit_of(path), 0, reset).headers


def _refuse_on_bluesky(status: int, code: int | None) -> Body:
    name = _NAMES.get(status, _GATEWAY)
    return {"error": name, "message": name}


def _limited_on_bluesky(path: str, seconds: int | None) -> dict[str, str]:
    headers = {"ratelimit-limit": str(BLUESKY_REQUESTS), "ratelimit-remaining": "0"}
    return headers if seconds is None else headers | {"ratelimit-reset": str(math.ceil(time.time() + seconds))}


def _refuse_on_mastodon(status: int, code: int | None) -> Body:
    return {"error": "Too many requests" if status == 429 else f"Status {status}"}


def _limited_on_mastodon(path: str, seconds: int | None) -> dict[str, str]:
    headers = {"x-ratelimit-limit": str(MASTODON_REQUESTS), "x-ratelimit-remaining": "0"}
    if seconds is None:
        return headers
    return headers | {"x-ratelimit-reset": datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()}


_BY_PREFIX: Mapping[str, Manners] = {
    "/2/": Manners(True, problems.refusal, _limited_on_x),
    "/xrpc/": Manners(False, _refuse_on_bluesky, _limited_on_bluesky),
    "/api/v1/": Manners(False, _refuse_on_mastodon, _limited_on_mastodon),
}
