"""What becomes of W&B runs after the run that made them, as Prefect tasks."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.config import TrackingConfig
from hugtweets.storage.home import Home
from hugtweets.tracking import sending


@task(name="send", task_run_name="send runs to W&B", cache_policy=NO_CACHE, persist_result=False)
def send_waiting(home: Home, config: TrackingConfig) -> None:
    """See :func:`hugtweets.tracking.sending.send_waiting`."""
    return sending.send_waiting(home, config)
