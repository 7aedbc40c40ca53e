"""Tokenise: kept posts become token ids of the base model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.cleaning.kinds import Kind, told_apart
from hugtweets.cleaning.splits import SPLITS, TEST, TRAIN, VALIDATION
from hugtweets.errors import BaseModelError
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import GIVEN
from hugtweets.models.tokens import tokenise as tokenise_table
from hugtweets.pools.learned_posts import has_learned
from hugtweets.steps.clean import CLEAN, of_split
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.timelines.timeline import write_posts

VERSION = 1
TOKENS = "tokens.parquet"
# The options of the training section that this step reads; the others belong to the next.
OPTIONS = {"max_tokens", "max_posts", "max_training_posts", "kinds"}


def plan_tokenise(job: Job, clean: Reference) -> Plan:
    """Depends on the clean posts, the base model's tokenizer, and how much is read of them."""
    options = job.config.train.model_dump(mode="json", include=OPTIONS)
    return Plan("tokenise", VERSION, job.handle, (clean,), options, {"base_model": job.base_model.digest})


def tokenise(job: Job, clean: Reference) -> Reference:
    """Write ``tokens.parquet``: one row a kept post.

    Raises:
        BaseModelError: as :func:`unseen_posts`.
    """

    def fill(folder: Path) -> Mapping[str, Any]:
        posts = unseen_posts(clean, job.base_model)
        table = tokenise_table(posts, job.base_model, job.config.train)
        write_posts(folder / TOKENS, table)
        return {
            "posts": table.num_rows,
            **{split: of_split(table, split).num_rows for split in SPLITS},
            "tokens": len(table["input_ids"].combine_chunks().flatten()),
            "kinds": _kinds(posts, table),
            "left_out": clean.manifest().counts["kept"] - pc.sum(posts["kept"]).as_py(),
        }

    return perform(job, plan_tokenise(job, clean), fill)


def unseen_posts(clean: Reference, base_model: BaseModel) -> pa.Table:
    """The clean posts without held-out ones that the base model has learned with a pool: they prove nothing.

    A pooled post becomes one of them when newer ones are deleted, or by another ``clean.held_out_share``.

    Raises:
        BaseModelError: it has learned all test posts.
    """
    posts = pq.read_table(clean.file(CLEAN))
    held_out = pc.is_in(posts["split"].cast(pa.string()), value_set=pa.array([VALIDATION, TEST]))
    learned = pc.and_(held_out, has_learned(base_model.folder, clean.handle, posts))
    known = of_split(posts.filter(learned), TEST).num_rows
    if known and known == of_split(posts, TEST).num_rows:
        raise BaseModelError(
            f"{base_model.name} has learned every test post of {clean.handle}: choose another train.base_model, "
            "or make the pool again with the options of clean that hold for the account"
        )
    return posts.filter(pc.invert(learned))


def _kinds(posts: pa.Table, tokens: pa.Table) -> list[Kind]:
    """The kinds that the posts to train on are told apart by."""
    if GIVEN not in tokens.column_names:
        return []
    learned = pc.is_in(posts["id"], value_set=of_split(tokens, TRAIN)["id"].combine_chunks())
    return told_apart(posts["kind"].filter(learned).to_pylist())


def record_tokenise(job: Job, tokens: Reference) -> None:
    """Say how many held-out posts are not used, if any."""
    number = tokens.manifest().counts.get("left_out", 0)
    if number:
        posts = f"{number:,} held-out post{'s are' if number > 1 else ' is'}"
        job.outcome.remark(f"{posts} not used: {job.base_model.name} has learned them")
