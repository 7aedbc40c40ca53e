"""The fault plan: what goes wrong, on which path, and how often or how likely."""

from __future__ import annotations

import random
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError, model_validator

from hugtweets.errors import ConfigurationError

PAGE_KINDS = ("empty_page", "repeat_token")
PAGES = ("/2/users/*/tweets", "/xrpc/app.bsky.feed.getAuthorFeed", "/api/v1/accounts/*/statuses")


class Fault(BaseModel):
    """The next ``times`` requests to a ``path`` (a glob or a beginning) go wrong in one way, or a ``share`` of all.

    - ``rate_limit``: 429 that ends in ``reset_seconds``; None leaves the header out.
    - ``status``: any other refusal; ``code`` 453 words a 403 as API v1.1 does.
    - ``usage_cap``, ``spend_cap``: 429 or 403, as what the app may read or spend in a month is used up.
    - ``hydration``: an answer as it should be, with a problem that a field could not be filled.
    - ``drop``: the connection is reset before a byte of the answer.
    - ``cut``: the connection ends in the middle of the answer, which was counted as served.
    - ``slow``: the answer comes ``seconds`` late. With 0 it lets requests pass, for the next fault to meet a later one.
    - ``empty_page``: a timeline page without posts whose token leads to the page that was asked for.
    - ``repeat_token``: a timeline page whose token leads to itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal[
        "usage_cap",
        "spend_cap",
        "hydration",
        "rate_limit",
        "status",
        "drop",
        "cut",
        "slow",
        "empty_page",
        "repeat_token",
    ]
    path: str = "/"
    times: PositiveInt = 1
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    reset_seconds: Annotated[int, Field(ge=0)] | None = None
    status: Literal[401, 402, 403, 500, 502, 503, 504] | None = None
    code: Literal[453] | None = None
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0

    @model_validator(mode="after")
    def _check_combination(self) -> Fault:
        if (self.kind == "status") != (self.status is not None):
            raise ValueError("a status is given if, and only if, the kind is status")
        if self.code is not None and self.status != 403:
            raise ValueError("code 453 is worded only for status 403")
        if self.share is not None and self.times != 1:
            raise ValueError("times and share exclude each other: a share of all requests goes on for ever")
        return self

    def concerns(self, path: str) -> bool:
        """Whether a request to the path would meet this fault."""
        if self.kind in PAGE_KINDS and not any(fnmatchcase(path, pages) for pages in PAGES):
            return False
        return path.startswith(self.path) or fnmatchcase(path, self.path)


class FaultPlan:
    """Faults to come; a request meets the first that concerns it. ``seed`` is that of faults with a ``share``."""

    def __init__(self, faults: Iterable[Fault] = (), seed: int = 0) -> None:
        self._waiting: list[Fault] = list(faults)
        self._chance = random.Random(seed)
        self._lock = Lock()

    def add(self, faults: Iterable[Fault]) -> None:
        """Put faults behind those that wait."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Let everything go well from now on."""
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        """The fault that a request to the path meets now; it counts as having happened."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if not fault.concerns(path):
                    continue
                if fault.share is None:
                    left = fault.model_copy(update={"times": fault.times - 1})
                    self._waiting[place : place + 1] = [left] if left.times else []
                    return fault
                if self._chance.random() < fault.share:
                    return fault
        return None


def read_faults(path: Path) -> list[Fault]:
    """The faults of a JSON file, which holds a list of them.

    Raises:
        ConfigurationError: there is no such file, or it is no such list.
    """
    try:
        return TypeAdapter(list[Fault]).validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}): give a fault plan in JSON") from None
    except ValidationError as error:
        complaint = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in complaint["loc"]) or "the whole"
        raise ConfigurationError(f"{path} is no fault plan ({place}: {complaint['msg']}): correct it") from None
