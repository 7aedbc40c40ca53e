"""Look-up: which account on X a handle belongs to; X is asked, and paid, once, and the id kept with the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hugtweets.config import FetchConfig
from hugtweets.errors import AccessError, HugtweetsError, StillRateLimited
from hugtweets.jobs.job import Job
from hugtweets.sources.x.answers import XUser
from hugtweets.sources.x.standing import not_asked, standing_of
from hugtweets.storage.home import Home
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import load, save, summarise

Users = Mapping[str, XUser | HugtweetsError]


def known_user(job: Job) -> XUser | None:
    """The account that the stored timeline belongs to; None if nobody looked it up yet."""
    account = summarise(job.home.timeline(job.handle)).account
    return XUser(id=account, username=job.handle) if account else None


def look_up(jobs: Sequence[Job], config: FetchConfig) -> Users:
    """The accounts of all jobs by handle; only those that no machine knows yet are looked up, 100 a request.

    What is wrong with one of them is its value. Each request's accounts are kept before the next is sent: whatever ends
    a look-up, none of them is paid for again.

    Raises:
        AccessError, RetryableError: as drawn in :mod:`hugtweets.errors`; X does not answer a request.
        UnexpectedAnswer: it cannot be understood.
    """
    known = {job.handle: known_user(job) or _shared_user(job) for job in jobs}
    unknown = [handle for handle, user in known.items() if user is None]
    found: dict[str, XUser | HugtweetsError] = {handle: user for handle, user in known.items() if user}
    if unknown:
        # tweepy takes a second to import, and a night of known accounts asks nobody here.
        from hugtweets.sources.x.client import XClient
        from hugtweets.sources.x.users import look_up_users

        home, ledger = jobs[0].home, jobs[0].ledger.of(None)
        client = XClient.of_run(config, ledger)
        found |= look_up_users(client, unknown, ledger, config, lambda answered: _keep(home, answered))
    return found


def not_looked_up(jobs: Sequence[Job], error: HugtweetsError) -> Users:
    """The accounts of all jobs after a look-up that failed: those that are known, and for the others the error.

    What ended fetching for the whole run is said in full by the run, and by each account in few words.
    """
    ended = bool(jobs) and standing_of(jobs[0].ledger).ended_by is not None
    if ended and isinstance(error, AccessError | StillRateLimited):
        return {job.handle: known_user(job) or not_asked(f"@{job.handle}", error) for job in jobs}
    return {job.handle: known_user(job) or error for job in jobs}


def _shared_user(job: Job) -> XUser | None:
    """As :func:`known_user`, from what another machine stored."""
    SharedTimeline(job.home, job.handle).pull()
    return known_user(job)


def _keep(home: Home, answered: Users) -> None:
    for handle, user in answered.items():
        if isinstance(user, XUser):
            path = home.timeline(handle)
            with SharedTimeline(home, handle).locked():
                save(path, replace(load(path), account=user.id, count=user.count))
