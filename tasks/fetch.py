"""The fetch step and the look-up before it as Prefect tasks."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.config import FetchConfig
from hugtweets.errors import AccessError, HugtweetsError, RetryableError
from hugtweets.jobs.job import Job
from hugtweets.steps import fetch as steps
from hugtweets.steps import look_up as accounts
from hugtweets.steps.fetch import Fetched, Tally
from hugtweets.steps.look_up import Users
from hugtweets.storage.artifacts import Reference
from tasks.events import tell_fetched
from tasks.retries import is_far, patient
from tasks.step import unseen, working_seconds


def fetch(job: Job) -> Reference:
    """The raw timeline, brought up to date. Attempts that brought posts do not count against ``fetch.retries``.

    Raises:
        AccountError: X does not show the account.
        RetryableError: what could not be had by ``fetch.retries`` attempts in a row.
    """
    is_only_source = len(job.request.sources) == 1
    if is_only_source and isinstance(job.user, HugtweetsError) and not isinstance(job.user, AccessError):
        raise job.user
    started, tally = working_seconds(), Tally()
    while True:
        before = job.ledger.spent().posts_read
        try:
            fetched = patient(attempt, job.config.fetch)(unseen(job), tally)
            break
        except RetryableError as error:
            # Without one of several sources the account goes on with the others.
            brought_posts = job.ledger.spent().posts_read > before
            if (is_far(error, job.config.fetch) or not brought_posts) and not tally.give_up():
                steps.record_broken_off(job, tally)
                raise
    job.outcome.note("fetch", fetched.reference, fetched.cached, working_seconds() - started)
    steps.record_fetch(job, fetched)
    if fetched.answered:
        tell_fetched(job.handle, fetched.new)
    return fetched.reference


@task(name="fetch", task_run_name="fetch[{job.handle}]", cache_policy=NO_CACHE)
def attempt(job: Job, tally: Tally) -> Fetched:
    """See :func:`hugtweets.steps.fetch.fetch`. Never cached: whether there is something new is the question."""
    return steps.fetch(job, tally)


@task(name="stored", task_run_name="stored[{job.handle}]", cache_policy=NO_CACHE)
def stored(job: Job) -> Reference:
    """See :func:`hugtweets.steps.fetch.copy_stored`."""
    return steps.copy_stored(job)


@task(name="look-up", task_run_name="look-up", cache_policy=NO_CACHE)
def look_up(jobs: Sequence[Job], config: FetchConfig) -> Users:
    """See :func:`hugtweets.steps.look_up.look_up`."""
    return accounts.look_up(jobs, config)
