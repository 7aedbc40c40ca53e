"""The clean step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.steps import clean as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="clean",
    task_run_name="clean[{job.handle}]",
    cache_key_fn=cache_key(step.plan_clean),
    persist_result=True,
    result_serializer="json",
)
def clean(job: Job, timeline: Reference) -> Reference:
    """See :func:`hugtweets.steps.clean.clean`."""
    return step.clean(job, timeline)
