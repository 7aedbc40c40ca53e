"""The mix step as a Prefect task."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.steps import mix as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="mix",
    task_run_name="mix[{job.handle}]",
    cache_key_fn=cache_key(step.plan_mix),
    persist_result=True,
    result_serializer="json",
)
def mix(job: Job, members: Sequence[Reference]) -> Reference:
    """See :func:`hugtweets.steps.mix.mix`."""
    return step.mix(job, members)
