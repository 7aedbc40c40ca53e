"""Tokenise: kept posts become token ids of the base model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hugtweets.artifacts import Plan, Reference
from hugtweets.base_models import BaseModel
from hugtweets.jobs import Job
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.splits import of_split
from hugtweets.steps.step import perform
from hugtweets.timeline import write_posts
from hugtweets.tokens import tokenise as tokenise_table
from hugtweets.tracking import Content

VERSION = 1
TOKENS = "tokens.parquet"
# The options of the training section that this step reads; the others belong to the next.
OPTIONS = {"max_tokens", "max_posts", "max_training_posts"}


def plan_tokenise(job: Job, clean: Reference, base_model: BaseModel) -> Plan:
    """Depends on the clean posts, the base model's tokenizer, and how much is read of them."""
    options = job.config.train.model_dump(mode="json", include=OPTIONS)
    return Plan("tokenise", VERSION, job.handle, (clean,), options, {"base_model": base_model.digest})


def tokenise(job: Job, clean: Reference, base_model: BaseModel) -> Reference:
    """Write ``tokens.parquet``: one row a kept post."""

    def fill(folder: Path) -> Mapping[str, Any]:
        table = tokenise_table(pq.read_table(clean.file(CLEAN)), base_model, job.config.train)
        write_posts(folder / TOKENS, table)
        return {
            "posts": table.num_rows,
            "train": of_split(table, "train").num_rows,
            "validation": of_split(table, "validation").num_rows,
            "tokens": len(table["input_ids"].combine_chunks().flatten()),
        }

    return perform(job, plan_tokenise(job, clean, base_model), fill, _content)


def _content(reference: Reference) -> Content:
    return Content(summary=reference.manifest().counts)
