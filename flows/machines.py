"""Other machines that learn: what is handed out to them, and what comes back.

Fetching and cleaning stay in the process that runs the flow: the limits of X and the budgets are one for all accounts.
What is still to be learned then is an assignment, one an account, for a Ray cluster or a work pool.
"""

from __future__ import annotations

import logging
import queue
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

from prefect.futures import PrefectConcurrentFuture
from prefect.settings import get_current_settings

from hugtweets.config import RefreshConfig
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.assignments import Assignment
from hugtweets.storage.artifacts import Reference, location
from hugtweets.storage.home import Home
from hugtweets.storage.remote import VARIABLE

POLL_SECONDS = 1.0

logger = logging.getLogger("hugtweets.flows")


class Machines(ABC):
    """Any number of them; used as a context that opens and closes the way to them."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Assignment] = queue.SimpleQueue()
        self._assigned: set[str] = set()
        self.outcomes: dict[str, AccountOutcome] = {}

    @abstractmethod
    def __enter__(self) -> Self:
        """Open the way.

        Raises:
            ConfigurationError: there is none; nothing is started.
        """

    @abstractmethod
    def __exit__(self, *error: object) -> None:
        """Close it."""

    @abstractmethod
    def start(self, assignment: Assignment) -> None:
        """Hand one assignment to the machines; which of them takes it is theirs to say."""

    @abstractmethod
    def poll(self) -> None:
        """Look after what was handed out, and put what came of it into ``outcomes``."""

    def assign(self, assignment: Assignment) -> None:
        """Take an assignment from the thread that fetched the account."""
        self._assigned.add(assignment.handle)
        self._inbox.put(assignment)

    def has(self, handle: str) -> bool:
        """Whether something was assigned for an account."""
        return handle in self._assigned

    def serve(self, fetching: Mapping[str, PrefectConcurrentFuture[Any]]) -> Iterator[str]:
        """Hand out and collect until every account is fetched and, if it was assigned, has come back; yields each."""
        waiting = dict(fetching)
        while waiting:
            for _ in range(self._inbox.qsize()):
                self.start(self._inbox.get())
            self.poll()
            for handle, future in list(waiting.items()):
                if future.wrapped_future.done() and (handle in self.outcomes or not self.has(handle)):
                    future.wait()
                    del waiting[handle]
                    yield handle
            time.sleep(POLL_SECONDS)


def check_server(config: RefreshConfig) -> None:
    """Other machines report to a Prefect server that they reach.

    Raises:
        ConfigurationError: none is set.
    """
    if not get_current_settings().api.url:
        raise ConfigurationError(
            f"refresh.dispatch={config.dispatch} needs a Prefect server that all machines reach: start one with "
            "`prefect server start`, and set PREFECT_API_URL here and there"
        )


def announce(home: Home, where: str) -> None:
    """Say where accounts are learned, and how the machines get at their posts."""
    if home.store:
        logger.info("Learning %s; timelines and artifacts are in the store %s.", where, home.store.shown)
    else:
        logger.info(
            "Learning %s; as %s is not set, all machines must see %s as this one does.", where, VARIABLE, home.root
        )


def located(outcome: AccountOutcome, home: Home) -> AccountOutcome:
    """An outcome of another machine with the places of its artifacts as this one reaches them."""
    if home.store:
        for name, step in outcome.steps.items():
            folder = home.artifacts / name / outcome.handle / step.digest
            step.path = location(home, Reference(name, outcome.handle, step.digest, str(folder)))
    return outcome
