"""Finding the base model as a Prefect task."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.storage.home import Home


@task(name="base-model", task_run_name="base-model[{spec}]", cache_policy=NO_CACHE)
def base_model(spec: str, home: Home) -> BaseModel:
    """See :func:`hugtweets.models.registry.resolve_base_model`."""
    return resolve_base_model(spec, home)
