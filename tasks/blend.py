"""The blend step as a Prefect task."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task

from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.steps import blend as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="blend",
    task_run_name="blend[{job.handle}]",
    cache_key_fn=cache_key(step.plan_blend),
    persist_result=True,
    result_serializer="json",
)
def blend(job: Job, tokens: Reference, parts: Sequence[step.Part], base_model: BaseModel) -> Reference:
    """See :func:`hugtweets.steps.blend.blend`."""
    return step.blend(job, tokens, parts, base_model)
