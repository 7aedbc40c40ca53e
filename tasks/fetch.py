"""The fetch step and the look-up before it as Prefect tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.errors import AccessError, HugtweetsError
from hugtweets.jobs.job import Job
from hugtweets.steps import fetch as step
from hugtweets.steps.fetch import Fetched, Tally
from hugtweets.storage.artifacts import Reference

if TYPE_CHECKING:
    from hugtweets.sources.x.users import XUser


@task(name="fetch", task_run_name="fetch[{job.handle}]", cache_policy=NO_CACHE)
def fetch(job: Job, user: XUser | AccessError | None, tally: Tally, verify: bool) -> Fetched:
    """See :func:`hugtweets.steps.fetch.fetch`. Never cached: whether there is something new is the question."""
    return step.fetch(job, user, tally, verify)


@task(name="stored", task_run_name="stored[{job.handle}]", cache_policy=NO_CACHE)
def stored(job: Job) -> Reference:
    """See :func:`hugtweets.steps.fetch.copy_stored`."""
    return step.copy_stored(job)


@task(name="look-up", task_run_name="look-up", cache_policy=NO_CACHE)
def look_up(handles: Sequence[str], ledger: Ledger, config: FetchConfig) -> Mapping[str, XUser | HugtweetsError]:
    """Ask X for up to 100 accounts a request; what is wrong with one of them comes back as its value."""
    from hugtweets.sources.x.client import XClient
    from hugtweets.sources.x.users import look_up_users

    return look_up_users(XClient.from_environment(config), handles, ledger, config)
