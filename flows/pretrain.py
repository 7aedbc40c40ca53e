"""Tweets first, then the person: a base model learns the posts of many accounts, and is registered as ``pool:NAME``.

hugtweets pretrain NAME HANDLE...
"""

from __future__ import annotations

from prefect import flow, runtime
from prefect.artifacts import create_table_artifact

from flows.credentials import load_credentials
from flows.models import BaseModels
from flows.runs import name_run, open_home
from flows.watching import tag_run
from hugtweets.jobs.job import Job, plan_jobs
from hugtweets.jobs.pools import Pooling, PoolOutcome, PoolRequest, Transfer
from hugtweets.models.registry import BaseModel
from hugtweets.pools.pool import PREFIX, pinned
from hugtweets.steps.clean import plan_clean
from hugtweets.steps.pretrain import plan_pretrain
from hugtweets.steps.transfer import check_held_out, plan_transfer, read_transfer
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.full_disk import naming_full_disk
from tasks.caching import call
from tasks.clean import clean
from tasks.fetch import stored
from tasks.pretrain import pretrain as pretrain_task
from tasks.transfer import transfer

TABLE = "hugtweets-transfer"


@flow(name="pretrain", flow_run_name=lambda: name_run(f"pretrain-{runtime.flow_run.parameters['request'].name}"))
def pretrain(request: PoolRequest) -> PoolOutcome:
    """Learn a pool from what is stored of its accounts; X is not asked for anything.

    Raises:
        NothingKept: nothing is stored of an account.
        NotEnoughText: an account that is to be examined has no held-out post.
        BaseModelError, TrainingError, UnreadableSource: the pool cannot be learned.
    """
    load_credentials()
    home, run = open_home(), str(runtime.flow_run.name)
    pooled, held_out = (plan_jobs(home, accounts, run) for accounts in (request.accounts, request.held_out))
    tag_run([job.handle for job in pooled])
    examined = {job: clean_stored(job) for job in held_out}
    for held_back in examined.values():
        check_held_out(held_back)
    posts = tuple(clean_stored(job) for job in pooled)
    base = BaseModels(home).find(request.config.pretrain.base_model)
    pooling = Pooling(home, request.name, run, request.config, posts, request.corpora, base)
    with naming_full_disk(home, f"{PREFIX}{request.name}"):
        model = call(pretrain_task, plan_pretrain(pooling), pooling)
    registered = BaseModel(f"{PREFIX}{request.name}", model.reference.path, model.reference.digest)
    transfers = [examine(job, posts, base, registered) for job, posts in examined.items()]
    show_transfers(registered.name, transfers)
    return PoolOutcome(
        status="unchanged" if model.cached else "completed",
        flow_run=run,
        base_model=pinned(registered.name, registered.digest),
        path=registered.path,
        counts=model.reference.manifest().counts,
        transfers=transfers,
    )


def clean_stored(job: Job) -> Reference:
    """The cleaned posts of what is stored of an account."""
    timeline = stored(job)
    return call(clean, plan_clean(job, timeline), job, timeline).reference


def examine(job: Job, posts: Reference, base: BaseModel, pooled: BaseModel) -> Transfer:
    """What the pool brings to an account outside it."""
    return read_transfer(call(transfer, plan_transfer(job, posts, base, pooled), job, posts, base, pooled).reference)


def show_transfers(name: str, transfers: list[Transfer]) -> None:
    """Leave a table in the Prefect UI."""
    rows = [
        {
            "account": found.handle,
            "held-out posts": found.held_out_posts,
            "base": f"{found.base_bits_per_byte:.3f}",
            name: f"{found.bits_per_byte:.3f}",
        }
        for found in transfers
    ]
    create_table_artifact(
        key=TABLE, table=rows, description=f"Bits per byte on held-out posts of accounts that {name} has not learned."
    )
