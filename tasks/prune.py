"""Making room on the disk, as a Prefect task."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.config import StorageConfig
from hugtweets.jobs import pruning
from hugtweets.storage.home import Home


@task(name="prune", task_run_name="prune", cache_policy=NO_CACHE, persist_result=False)
def prune(home: Home, config: StorageConfig) -> pruning.Pruned:
    """See :func:`hugtweets.jobs.pruning.prune`."""
    return pruning.prune(home, config)
