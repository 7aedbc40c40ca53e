"""Where accounts are learned: in the run's own threads, on a Ray cluster, or by the workers of a work pool.

Fetching and cleaning stay in the process that runs the flow: the limits of X and the budgets are one for all accounts.
What is still to be learned then is an assignment, one an account.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Self

from prefect.settings import get_current_settings

from flows.account import learn
from flows.recording import recorded
from hugtweets.errors import ConfigurationError, HugtweetsError
from hugtweets.jobs.accounts import AccountRequest, run_wide
from hugtweets.jobs.job import Assignment, Job, includes
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.starting import posts_to_learn
from hugtweets.storage.artifacts import location
from hugtweets.storage.home import Home
from hugtweets.storage.remote import VARIABLE
from tasks.retract import retract
from tasks.step import NotMade

logger = logging.getLogger("hugtweets.flows")


class Dispatcher(ABC):
    """Hands accounts to other machines; used as a context that opens and closes the way to them."""

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
    def submit(self, assignment: Assignment) -> None:
        """Hand one account over; which machine takes it is Prefect's or Ray's to say."""

    @abstractmethod
    def results(self) -> Iterator[AccountOutcome]:
        """What came of the accounts that were handed over, each when it is done."""


def choose_dispatcher(requests: Sequence[AccountRequest]) -> Dispatcher | None:
    """What ``refresh.dispatch`` names; None is this process, also if no worker of the pool could ever be free.

    Raises:
        ConfigurationError: the accounts do not agree, or no Prefect server is set to which others could report.
    """
    config = run_wide(requests)
    if config.refresh.dispatch == "threads":
        return None
    if not get_current_settings().api.url:
        raise ConfigurationError(
            f"refresh.dispatch={config.refresh.dispatch} needs a Prefect server that all machines reach: start one "
            "with `prefect server start`, and set PREFECT_API_URL here and there"
        )
    # Each brings libraries of its own, which the other never needs.
    if config.refresh.dispatch == "ray":
        from flows.ray_cluster import RayCluster

        return RayCluster(config)
    from flows.work_pool import WorkPool, is_full_of_waiting, pool_of

    pool = pool_of(config)
    if is_full_of_waiting(pool):
        logger.warning(
            "Every worker of the pool %s is taken by a run that would wait for another one: the accounts are learned "
            "in this process. To spread them, start another worker with `prefect worker start --pool %s`.",
            pool,
            pool,
        )
        return None
    return WorkPool(config)


def announce(where: str) -> None:
    """Say where accounts are learned, and how the machines get at their posts."""
    home = Home.from_environment()
    if home.store:
        logger.info("Learning %s; timelines and artifacts are in the store %s.", where, home.store.shown)
    else:
        logger.info(
            "Learning %s; as %s is not set, all machines must see %s as this one does.", where, VARIABLE, home.root
        )


def find_assignment(job: Job) -> tuple[AccountOutcome, Assignment | None]:
    """Fetch and clean an account; what came of it, and what is to be learned elsewhere, unless that was done before."""
    here = replace(job, until="clean" if includes(job.until, "clean") else job.until)
    outcome = learn(here)
    if not includes(job.until, "tokenise") or (outcome.status in ("skipped", "failed") and not outcome.refused):
        return outcome, None
    with recorded(here):
        posts = posts_to_learn(here, outcome.reference("clean", job.home))
        found = replace(job, finds_only=True, may_wait=False)
        try:
            outcome.complete(learn(found, find_posts=lambda _: posts))
        except NotMade:
            return outcome, Assignment(request=job.request, run=job.run, posts=posts.digest, until=job.until)
    return outcome, None


def add_learned(job: Job, outcome: AccountOutcome, learned: AccountOutcome) -> None:
    """Add what another machine came to, and let what is held here of deleted posts go."""
    if job.home.store:
        for name in learned.steps:
            learned.steps[name].path = location(job.home, learned.reference(name, job.home))
    outcome.complete(learned)
    if learned.status == "completed" and includes(job.until, "finetune"):
        try:
            retract(job)
        except HugtweetsError as error:
            outcome.status = "failed"
            outcome.remark(error)
