"""The sample step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.steps import sample as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="sample",
    task_run_name="sample[{job.handle}]",
    cache_key_fn=cache_key(step.plan_sample),
    persist_result=True,
    result_serializer="json",
)
def sample(job: Job, model: Reference, clean: Reference, base_model: BaseModel) -> Reference:
    """See :func:`hugtweets.steps.sample.sample`."""
    return step.sample(job, model, clean, base_model)
