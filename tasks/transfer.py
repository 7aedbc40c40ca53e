"""The transfer step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.steps import transfer as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="transfer",
    task_run_name="transfer[{job.handle}]",
    cache_key_fn=cache_key(step.plan_transfer),
    persist_result=True,
    result_serializer="json",
)
def transfer(job: Job, clean: Reference, base_model: BaseModel, pooled: BaseModel) -> Reference:
    """See :func:`hugtweets.steps.transfer.transfer`."""
    return step.transfer(job, clean, base_model, pooled)
