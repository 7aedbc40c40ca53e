"""The evaluate step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.steps import evaluate as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="evaluate",
    task_run_name="evaluate[{job.handle}]",
    cache_key_fn=cache_key(step.plan_evaluate),
    persist_result=True,
    result_serializer="json",
)
def evaluate(
    job: Job,
    model: Reference,
    samples: Reference,
    tokens: Reference,
    clean: Reference,
    previous: Reference | None,
    base_model: BaseModel,
) -> Reference:
    """See :func:`hugtweets.steps.evaluate.evaluate`."""
    return step.evaluate(job, model, samples, tokens, clean, previous, base_model)
