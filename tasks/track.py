"""What becomes of W&B runs after the run that made them, as Prefect tasks."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.config import TrackingConfig
from hugtweets.storage.home import Home
from hugtweets.tracking.deleting import Deletion, delete_noted, noted
from hugtweets.tracking.sending import kept_runs, send_waiting
from tasks.step import unseen


def catch_up_with_wandb(home: Home, config: TrackingConfig) -> None:
    """Send the runs that W&B did not take so far, and delete there what is deleted here, if there is anything to do."""
    if kept_runs(home, waiting=True):
        send_runs(unseen(home), config)
    if noted(home):
        delete_runs(unseen(home), config)


@task(name="send", task_run_name="send runs to W&B", cache_policy=NO_CACHE, persist_result=False)
def send_runs(home: Home, config: TrackingConfig) -> None:
    """See :func:`hugtweets.tracking.sending.send_waiting`."""
    return send_waiting(home, config)


@task(name="delete", task_run_name="delete runs at W&B", cache_policy=NO_CACHE, persist_result=False)
def delete_runs(home: Home, config: TrackingConfig) -> list[Deletion]:
    """See :func:`hugtweets.tracking.deleting.delete_noted`."""
    return delete_noted(home, config)
