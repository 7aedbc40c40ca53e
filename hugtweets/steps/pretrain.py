"""Pretrain: a base model learns the training posts of many accounts, and corpus files, before any one account."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.config import Config, TrainConfig
from hugtweets.devices.progress import reporter
from hugtweets.devices.queue import on_device
from hugtweets.errors import TrainingError
from hugtweets.jobs.pools import Pooling
from hugtweets.models.tokens import identity_of, tokenise
from hugtweets.pools.learned_posts import LEARNED, to_learned
from hugtweets.pools.pool import STEP, PoolPlan
from hugtweets.sources.corpora import read_corpus
from hugtweets.steps.clean import CHECKS, CLEAN, of_split
from hugtweets.steps.finetune import HISTORY, precision_in_plan, show_history
from hugtweets.steps.step import perform
from hugtweets.steps.tokenise import TOKENS
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.digests import FileDigests
from hugtweets.timelines import timeline
from hugtweets.timelines.timeline import write_posts
from hugtweets.training.rates import WARMUP_SHARE, rate_in_plan

if TYPE_CHECKING:
    from hugtweets.training.trainer import TrainingResult

VERSION = 2
# What an account holds back; of a corpus nothing is.
HELD_OUT = {"held_out_share", "validation_share"}


def plan_pretrain(pooling: Pooling) -> PoolPlan:
    """Depends on the clean posts of each account, the content of each corpus, the base model, and how it learns."""
    posts = {f"clean/{clean.handle}": clean.digest for clean in pooling.posts}
    digests = map(FileDigests(pooling.home).of, pooling.corpora)
    corpora = {f"corpus/{digest[:16]}": digest for digest in digests}
    options = pooling.config.pretrain.model_dump(mode="json", exclude={"base_model"})
    options["max_tokens"] = pooling.config.train.max_tokens
    trained = training_options(pooling.config)
    options |= rate_in_plan(trained, pooling.base_model) | precision_in_plan(trained)
    if corpora:
        options["clean"] = pooling.config.clean.model_dump(mode="json", exclude=CHECKS | HELD_OUT)
    inputs = posts | corpora | identity_of(pooling.base_model)
    return PoolPlan(STEP, VERSION, pooling.name, config=options, extra=inputs)


def pretrain(pooling: Pooling) -> Reference:
    """Write a base model (weights, tokenizer), ``learned.parquet`` and ``history.json``.

    Validation and test posts of its accounts are never among those that it learns.

    Raises:
        TrainingError: there is nothing to learn, or the loss is not a number.
        UnreadableSource: a corpus cannot be used.
    """

    def fill(folder: Path) -> Mapping[str, Any]:
        posts = pooled_posts(pooling)
        if not len(posts):
            raise TrainingError(f"nothing that the pool {pooling.name} names holds a training post: add accounts")
        write_posts(folder / LEARNED, to_learned(posts))
        with tempfile.TemporaryDirectory() as scratch:
            tokens = Path(scratch) / TOKENS
            write_posts(tokens, tokenise(posts, pooling.base_model, training_options(pooling.config)))
            result = on_device(_learn, pooling, tokens, folder)
        write_text(folder / HISTORY, json.dumps(result.history, indent=1) + "\n")
        numbers = {name: value for name, value in asdict(result).items() if name != "history" and value is not None}
        names = {"base_model": pooling.base_model.name, "accounts": len(pooling.posts), "corpora": len(pooling.corpora)}
        size = {"posts": len(posts), "characters": pc.sum(pc.utf8_length(posts["text"])).as_py()}
        return names | size | numbers

    return perform(pooling, plan_pretrain(pooling), fill, show_history)


def pooled_posts(pooling: Pooling) -> pa.Table:
    """All that is learned: posts with ``handle``, ``id`` and ``text``, under the options of a training split."""
    accounts = (_training_posts(clean, pooling.config.pretrain.max_posts) for clean in pooling.posts)
    # The same file by two names is one corpus.
    files = {FileDigests(pooling.home).of(path): path for path in pooling.corpora}
    corpora = (
        _newest(read_corpus(path, pooling.config.clean), pooling.config.pretrain.max_posts) for path in files.values()
    )
    posts = pa.concat_tables([*accounts, *corpora])
    return posts.append_column("kept", pa.repeat(True, len(posts))).append_column(
        "split", pa.repeat("train", len(posts))
    )


def training_options(config: Config) -> TrainConfig:
    """How a pool is trained; what a pool has no option of its own for is as for an account."""
    chosen = config.pretrain.model_dump(include={"method", "epochs", "lr", "posts_per_step", "seed"})
    same = config.train.model_dump(include={"max_tokens", "device", "save_memory"})
    # What is merged into the base model needs all bits of it.
    precision = "auto" if config.train.precision in ("8bit", "4bit") else config.train.precision
    # A pool has steps enough not to go astray; those that are there stay the same.
    return TrainConfig(**chosen, **same, precision=precision, warmup_share=WARMUP_SHARE)


def _training_posts(clean: Reference, most: int | None) -> pa.Table:
    table = of_split(pq.read_table(clean.file(CLEAN), columns=["id", "text", "split"]), "train").drop_columns("split")
    handles = pa.array([clean.handle] * len(table), pa.string())
    return _newest(table.add_column(0, "handle", handles), most)


def _newest(posts: pa.Table, most: int | None) -> pa.Table:
    if most is None or len(posts) <= most:
        return posts
    ids = posts["id"].to_pylist()
    newest = sorted(range(len(ids)), key=lambda place: timeline.id_order(ids[place]))[-most:]
    return posts.take(newest)


def _learn(pooling: Pooling, tokens: Path, output: Path) -> TrainingResult:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.training.averaging import average
    from hugtweets.training.trainer import finetune

    options, trained = training_options(pooling.config), output / "trained"
    told = reporter(pooling.name, STEP)
    result = finetune(pooling.base_model, tokens, trained, options, told, rate="pretrain.lr")
    average(pooling.base_model, trained, pooling.config.pretrain.share, output, options)
    shutil.rmtree(trained)
    return result
