"""The tokenise step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.steps import tokenise as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="tokenise",
    task_run_name="tokenise[{job.handle}]",
    cache_key_fn=cache_key(step.plan_tokenise),
    persist_result=True,
    result_serializer="json",
)
def tokenise(job: Job, clean: Reference, base_model: BaseModel) -> Reference:
    """See :func:`hugtweets.steps.tokenise.tokenise`."""
    return step.tokenise(job, clean, base_model)
