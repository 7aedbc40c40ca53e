"""What goes with deleted posts, as a Prefect task."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.jobs.job import Job
from hugtweets.steps import retraction


def retract(job: Job) -> None:
    """Let what older artifacts hold of deleted posts go, if there can be something."""
    if retraction.may_hold_deleted(job):
        remove_deleted(job)


@task(name="retract", task_run_name="retract[{job.handle}]", cache_policy=NO_CACHE)
def remove_deleted(job: Job) -> None:
    """See :func:`hugtweets.steps.retraction.retract`."""
    return retraction.retract(job)
