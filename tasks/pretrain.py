"""The pretrain step as a Prefect task."""

from __future__ import annotations

from prefect import task

from hugtweets.jobs.pools import Pooling
from hugtweets.steps import pretrain as step
from hugtweets.storage.artifacts import Reference
from tasks.caching import cache_key


@task(
    name="pretrain",
    task_run_name="pretrain[{pooling.name}]",
    cache_key_fn=cache_key(step.plan_pretrain),
    persist_result=True,
    result_serializer="json",
)
def pretrain(pooling: Pooling) -> Reference:
    """See :func:`hugtweets.steps.pretrain.pretrain`."""
    return step.pretrain(pooling)
