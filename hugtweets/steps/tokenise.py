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
# As `auto` and `packaged` choose it: who names another base model has chosen the language with it.
OURS = ("auto", "packaged")
# SmolLM2 takes 0.23 tokens a byte of English accounts, 0.34 of a Catalan, 0.36 of a Portuguese and 0.58 of a Japanese
# one: benchmarks/LOG.md, *The goals of the voice*.
FOREIGN = 0.32


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
            "bytes": _bytes(posts, table),
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


def _bytes(posts: pa.Table, tokens: pa.Table) -> int:
    """The size of the posts that became tokens, in UTF-8."""
    read = posts["text"].filter(pc.is_in(posts["id"], value_set=tokens["id"].combine_chunks()))
    return int(pc.sum(pc.binary_length(read), min_count=0).as_py())


def _kinds(posts: pa.Table, tokens: pa.Table) -> list[Kind]:
    """The kinds that the posts to train on are told apart by."""
    if GIVEN not in tokens.column_names:
        return []
    learned = pc.is_in(posts["id"], value_set=of_split(tokens, TRAIN)["id"].combine_chunks())
    return told_apart(posts["kind"].filter(learned).to_pylist())


def record_tokenise(job: Job, tokens: Reference) -> None:
    """Say how many held-out posts are not used, and whether the base model that we chose hardly knows the language."""
    counts = tokens.manifest().counts
    is_new = not job.outcome.steps["tokenise"].cached
    if is_new and job.config.train.base_model in OURS and counts.get("bytes"):
        job.outcome.remark(language_remark(job.base_model.name, counts["tokens"] / counts["bytes"]))
    number = counts.get("left_out", 0)
    if number:
        posts = f"{number:,} held-out post{'s are' if number > 1 else ' is'}"
        job.outcome.remark(f"{posts} not used: {job.base_model.name} has learned them")


def language_remark(base_model: str, tokens_per_byte: float) -> str | None:
    """What is to be said of a base model that takes so many tokens a byte: many, where it hardly knows a language."""
    if tokens_per_byte <= FOREIGN:
        return None
    return (
        f"{base_model} takes {tokens_per_byte:.2f} tokens a byte of these posts, where English takes 0.23: it hardly "
        "knows their language and writes it badly; train.base_model=gemma-3-270m knows more languages"
    )
