"""The finetune step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.steps import finetune as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="finetune",
    task_run_name="finetune[{job.handle}]",
    cache_key_fn=cache_key(step.plan_finetune),
    persist_result=True,
    result_serializer="json",
)
def finetune(job: Job, tokens: Reference, base_model: BaseModel, start: step.Start) -> Reference:
    """See :func:`hugtweets.steps.finetune.finetune`."""
    return step.finetune(job, tokens, base_model, start)
