"""Tweets first, then the person: a base model learns the posts of many accounts, and is registered as ``pool:NAME``.

hugtweets pretrain NAME HANDLE...
"""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow, runtime
from prefect.artifacts import create_table_artifact

from flows.runs import begin, name_run, open_home
from hugtweets.config import Config
from hugtweets.jobs.job import BaseModels, Job
from hugtweets.jobs.pools import Pooling, PoolOutcome, PoolRequest
from hugtweets.models.registry import BaseModel
from hugtweets.pools.pool import PREFIX, pinned
from hugtweets.steps.transfer import check_held_out, read_transfer
from hugtweets.storage.artifacts import exists
from hugtweets.storage.full_disk import naming_full_disk
from tasks.clean import clean
from tasks.fetch import stored
from tasks.pretrain import pretrain as pretrain_task
from tasks.pretrain import transfer

TABLE = "hugtweets-transfer"


def options_of_pool(request: PoolRequest, jobs: Sequence[Job]) -> Config:
    """The options of a pool, which is kept from W&B if one of its accounts is."""
    if any(job.config.tracking.mode == "disabled" for job in jobs):
        return request.config.override({"tracking": {"mode": "disabled"}})
    return request.config


@flow(name="pretrain", flow_run_name=lambda: name_run(f"pretrain-{runtime.flow_run.parameters['request'].name}"))
def pretrain(request: PoolRequest) -> PoolOutcome:
    """Learn a pool from what is stored of its accounts; X is not asked for anything.

    Raises:
        NothingKept: nothing is stored of an account.
        NotEnoughText: an account that is to be evaluated has no test post.
        BaseModelError, TrainingError, UnreadableSource: the pool cannot be learned.
    """
    home, run = open_home(), str(runtime.flow_run.name)
    held_out = {job: clean(job, stored(job)) for job in begin(request.held_out, look_up=False)}
    for posts in held_out.values():
        check_held_out(posts)
    jobs = begin(request.accounts, look_up=False)
    pooled = tuple(clean(job, stored(job)) for job in jobs)
    base = BaseModels().find(request.config.pretrain.base_model, home)
    pooling = Pooling(home, request.name, run, options_of_pool(request, jobs), pooled, request.corpora, base)
    was_there = exists(pretrain_task.plan(pooling).reference(home))
    with naming_full_disk(home, f"{PREFIX}{request.name}"):
        model = pretrain_task(pooling)
    registered = BaseModel(f"{PREFIX}{request.name}", model.path, model.digest)
    transfers = [read_transfer(transfer(job, posts, base, registered)) for job, posts in held_out.items()]
    create_table_artifact(
        key=TABLE,
        table=[found.row(registered.name) for found in transfers],
        description=f"Bits per byte on test posts of accounts that {registered.name} has not learned.",
    )
    return PoolOutcome(
        status="unchanged" if was_there else "completed",
        flow_run=run,
        base_model=pinned(registered.name, registered.digest),
        path=registered.path,
        counts=model.manifest().counts,
        transfers=transfers,
    )
