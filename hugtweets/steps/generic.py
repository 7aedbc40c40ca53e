"""Generic: an adapter that learned posts of the home's other accounts, to tell how much of a gain is the person's.

Half of what a model gains over its base is what anybody's posts would have taught it. A model of other people's posts
gains that half alone. It must not have learned the account, so that a home needs several, each of about half of its
accounts; a night makes one of them at most, and each once: it serves until it goes with somebody who is forgotten.

It is kept as a pool, which says what it learned and goes when an account of it does; but only as an adapter, since
nothing is trained from it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.config import Config
from hugtweets.devices.progress import reporter
from hugtweets.devices.queue import on_device
from hugtweets.evaluation.promotion import current_model
from hugtweets.jobs.job import Job
from hugtweets.jobs.pools import Pooling
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import identity_of, tokenise
from hugtweets.pools.learned_posts import LEARNED, learned_of, to_learned
from hugtweets.pools.pool import STEP, PoolPlan, list_pools
from hugtweets.steps.finetune import HISTORY, WEIGHTS, show_history
from hugtweets.steps.pretrain import pooled_posts, training_options
from hugtweets.steps.step import perform
from hugtweets.steps.tokenise import TOKENS
from hugtweets.storage.artifacts import Reference, learned_posts
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import write_posts
from hugtweets.training.rates import rate_in_plan

if TYPE_CHECKING:
    from hugtweets.training.trainer import TrainingResult

VERSION = 1
NAME = "generic-posts"
# Fewer people are no crowd.
FEWEST_ACCOUNTS = 5
# About as many as one account has, so that it learned no more than the model that it is compared with.
POSTS = 1_000


@dataclass(frozen=True)
class Crowd:
    """Whose posts a generic model is to learn, and for whom."""

    posts: tuple[Reference, ...]
    left_out: tuple[str, ...]


def find_generic(home: Home, handle: str, base_model: BaseModel) -> Reference | None:
    """The newest generic model from that base model which has learned nothing of an account, or of any of a mix.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    members = members_of(handle)
    for pool in reversed(list_pools(home, NAME)):
        same = identity_of(base_model).items() <= pool.manifest().inputs.items()
        if same and not any(len(learned_of(home, pool, member)) for member in members):
            return pool
    return None


def generic_with(home: Home, digest: str) -> Reference:
    """The generic model of a digest, whether it is there or not."""
    return Reference(STEP, NAME, digest, str(home.pools / NAME / digest))


def find_crowd(home: Home, handles: Collection[str], base_model: BaseModel) -> Crowd | None:
    """The accounts that the next generic model learns; None if every account has one, or the home has too few.

    Half of the accounts at most are left out, so that two models serve all of ten accounts or more.
    """
    lacking = sorted((each for each in handles if not find_generic(home, each, base_model)), key=_shuffled)
    if not lacking:
        return None
    models = {handle: current_model(home, handle) for handle in home.known_handles()}
    known = {handle: posts for handle, model in models.items() if model and (posts := learned_posts(home, model))}
    most = min(len(known) // 2, len(known) - FEWEST_ACCOUNTS)
    if most < 1:
        return None
    left_out = tuple(lacking[:most])
    return Crowd(tuple(posts for handle, posts in sorted(known.items()) if handle not in left_out), left_out)


def to_pooling(job: Job, crowd: Crowd) -> Pooling:
    """The work of learning a crowd: as accounts are learned from the same base model, not as pools are."""
    most = max(1, POSTS // len(crowd.posts))
    config = job.config.override({"pretrain": {"method": "lora", "max_posts": most, "epochs": 1, "lr": None}})
    return Pooling(job.home, NAME, job.run, config, crowd.posts, (), job.base_model)


def plan_generic(pooling: Pooling) -> PoolPlan:
    """Depends on the posts of each account, the base model, and how it learns."""
    posts = {f"clean/{clean.handle}": clean.digest for clean in pooling.posts}
    options = _options(pooling.config) | rate_in_plan(training_options(pooling.config), pooling.base_model)
    return PoolPlan(STEP, VERSION, NAME, config=options, extra=posts | identity_of(pooling.base_model))


def learn_generic(pooling: Pooling) -> Reference:
    """Write ``weights/``, an adapter, with ``learned.parquet`` and ``history.json``.

    Raises:
        TrainingError: the loss is not a number.
    """

    def fill(folder: Path) -> Mapping[str, Any]:
        posts = pooled_posts(pooling)
        write_posts(folder / LEARNED, to_learned(posts))
        with tempfile.TemporaryDirectory() as scratch:
            tokens = Path(scratch) / TOKENS
            write_posts(tokens, tokenise(posts, pooling.base_model, training_options(pooling.config)))
            result = on_device(_learn, pooling, tokens, folder / WEIGHTS)
        write_text(folder / HISTORY, json.dumps(result.history, indent=1) + "\n")
        numbers = {name: value for name, value in asdict(result).items() if name != "history" and value is not None}
        size = {"accounts": len(pooling.posts), "posts": len(posts)}
        return {"base_model": pooling.base_model.name} | size | numbers

    return perform(pooling, plan_generic(pooling), fill, show_history)


def _options(config: Config) -> dict[str, Any]:
    return training_options(config).model_dump(
        mode="json", include={"method", "epochs", "posts_per_step", "max_tokens"}
    )


def _learn(pooling: Pooling, tokens: Path, output: Path) -> TrainingResult:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.training.trainer import finetune

    options = training_options(pooling.config)
    return finetune(pooling.base_model, tokens, output, options, reporter(NAME, STEP), rate="pretrain.lr")


def _shuffled(handle: str) -> str:
    """An order that says nothing about the accounts, and is the same on every machine."""
    return hashlib.sha256(handle.casefold().encode()).hexdigest()
