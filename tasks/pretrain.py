"""Learning a base model from many accounts, and what that brings to others, as Prefect tasks."""

from __future__ import annotations

from hugtweets.jobs.job import Job
from hugtweets.jobs.pools import Pooling
from hugtweets.models.registry import BaseModel
from hugtweets.steps import pretrain as pools
from hugtweets.steps import transfer as transfers
from hugtweets.storage.artifacts import Reference
from tasks.step import step


@step(pools.plan_pretrain)
def pretrain(job: Pooling) -> Reference:
    """See :func:`hugtweets.steps.pretrain.pretrain`."""
    return pools.pretrain(job)


@step(transfers.plan_transfer)
def transfer(job: Job, clean: Reference, base_model: BaseModel, pooled: BaseModel) -> Reference:
    """See :func:`hugtweets.steps.transfer.transfer`."""
    return transfers.transfer(job, clean, base_model, pooled)
