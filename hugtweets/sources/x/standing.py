"""How X stands to a run: what it refused to one account and holds for all, so that each refusal is met once."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.errors import (
    AccessError,
    BadToken,
    Blocked,
    CapReached,
    FieldsRefused,
    HugtweetsError,
    OutOfCredit,
    RateLimited,
    StillRateLimited,
    UnexpectedAnswer,
)

# X counts the requests of each in a window of its own.
Endpoint = Literal["users", "timelines", "posts"]

Ending = TypeVar("Ending", bound=HugtweetsError)

log = logging.getLogger(__name__)


class Standing:
    """What X refused to a run in this process; shared by the threads that fetch its accounts.

    A refused token, an empty credit and a cap that is reached end fetching at once. A refusal that may pass and does
    not say when (429 without a time, a block on the way to X) holds all accounts back together, twice as long each
    time, and ends fetching when it was met once more often than ``fetch.retries`` says, with no answer in between.
    Until X has answered a first request, one is sent at a time: accounts fetched at once would all meet the same.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset_at: dict[Endpoint, datetime] = {}
        self._held_by: RateLimited | Blocked | None = None
        self._held_until = datetime.min.replace(tzinfo=UTC)
        self._refused = 0
        self._alone = threading.Lock()
        self._answered: set[Endpoint] = set()
        # Whether the fields of a post are asked for by their names before version 2.167 of X's specification.
        self.knows_tweets = True
        self.ended_by: AccessError | StillRateLimited | None = None

    @contextmanager
    def turn(self, subject: str, endpoint: Endpoint) -> Iterator[None]:
        """Around a request for ``subject``, which is not sent if X would refuse it.

        Raises:
            RateLimited, Blocked: X sends nothing until a time still to come, as was found out for another account.
            AccessError, StillRateLimited: this run sends no further request, for what X said of another account.
        """
        with nullcontext() if endpoint in self._answered else self._alone:
            self._check(subject, endpoint)
            yield

    def _check(self, subject: str, endpoint: Endpoint) -> None:
        with self._lock:
            ended_by, held_by = self.ended_by, self._held_by
            now, held_until, reset_at = datetime.now(UTC), self._held_until, self._reset_at.get(endpoint)
        if ended_by:
            raise not_asked(subject, ended_by)
        if isinstance(held_by, Blocked) and now < held_until:
            raise Blocked(f"{subject} was not asked for: {_what_happened(held_by)}")
        if isinstance(held_by, RateLimited) and now < held_until:
            reset_at = held_until
        if reset_at and now < reset_at:
            raise RateLimited(
                f"{subject} was not asked for, as X sends nothing for now (429): try again after "
                f"{reset_at:%Y-%m-%d %H:%M:%S} UTC",
                reset_at,
            )

    def end(self, error: AccessError) -> None:
        """Send no further request in this run."""
        with self._lock:
            self.ended_by = self.ended_by or error

    def answered(self, endpoint: Endpoint) -> None:
        """X sent what it was asked for: nothing on the way stands any more."""
        with self._lock:
            self._answered.add(endpoint)
            self._held_by, self._refused = None, 0

    def weigh(self, refused: HugtweetsError, endpoint: Endpoint, config: FetchConfig) -> HugtweetsError:
        """Keep a refusal if it holds for all accounts; returns what it has become, to be raised."""
        with self._lock:
            if isinstance(refused, BadToken | OutOfCredit | CapReached):
                self.ended_by = self.ended_by or refused
            elif isinstance(refused, FieldsRefused):
                if self.knows_tweets:
                    self.knows_tweets = False
                    log.info("X does not know `tweet.fields`: it is asked for `post.fields` in this run")
                else:
                    return UnexpectedAnswer(str(refused))
            elif isinstance(refused, RateLimited) and refused.reset_at:
                self._reset_at[endpoint] = max(refused.reset_at, self._reset_at.get(endpoint, refused.reset_at))
            elif isinstance(refused, RateLimited | Blocked):
                return self._hold_back(refused, config)
        return refused

    def _hold_back(self, refused: RateLimited | Blocked, config: FetchConfig) -> HugtweetsError:
        now = datetime.now(UTC)
        if now < self._held_until:
            # Sent before the hold began, by another thread: the same refusal met twice.
            return refused
        self._refused += 1
        if self._refused > config.retries:
            last = StillRateLimited if isinstance(refused, RateLimited) else AccessError
            self.ended_by = last(str(refused))
            return self.ended_by
        seconds = config.retry_delay_seconds * 2 ** (self._refused - 1)
        self._held_by, self._held_until = refused, now + timedelta(seconds=seconds)
        log.warning("%s; no account is asked for within %g seconds", _what_happened(refused), seconds)
        return refused


def not_asked(subject: str, ended_by: Ending) -> Ending:
    """The error of an account that was not asked for, as something ended fetching, which is said in full once a run."""
    return type(ended_by)(f"{subject} was not asked for: {_what_happened(ended_by)}")


def _what_happened(error: HugtweetsError) -> str:
    """The sentence of an error without its advice, which is said once."""
    return str(error).partition(": ")[0]


_standings: defaultdict[tuple[str, str], Standing] = defaultdict(Standing)
_standings_lock = threading.Lock()


def standing_of(ledger: Ledger) -> Standing:
    """How X stands to the run that writes the ledger."""
    with _standings_lock:
        return _standings[str(ledger.path), ledger.run]
