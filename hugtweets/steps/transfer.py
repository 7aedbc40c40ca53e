"""Transfer: how well a pooled base model predicts an account outside the pool, beside the base model it came from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hugtweets.devices.queue import on_device
from hugtweets.errors import NotEnoughText
from hugtweets.evaluation.prediction import prediction_scores
from hugtweets.jobs.job import Job
from hugtweets.jobs.pools import Transfer
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import identity_of, tokenise
from hugtweets.steps.clean import of_split
from hugtweets.steps.predicting import predict
from hugtweets.steps.step import perform
from hugtweets.steps.tokenise import OPTIONS, unseen_posts
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.storage.atomic import write_text

VERSION = 1
TRANSFER = "transfer.json"


def plan_transfer(job: Job, clean: Reference, base_model: BaseModel, pooled: BaseModel) -> Plan:
    """Depends on the test posts and on both models."""
    options = job.config.train.model_dump(mode="json", include=OPTIONS)
    models = identity_of(base_model) | {"pool": pooled.digest}
    return Plan("transfer", VERSION, job.handle, (clean,), options, models)


def transfer(job: Job, clean: Reference, base_model: BaseModel, pooled: BaseModel) -> Reference:
    """Write ``transfer.json``, a :class:`Transfer`.

    Raises:
        BaseModelError: the pool has learned every test post of the account.
    """

    def fill(folder: Path) -> Mapping[str, Any]:
        scores = on_device(_score, job, clean, base_model, pooled)
        write_text(folder / TRANSFER, scores.model_dump_json(indent=1) + "\n")
        return scores.model_dump(exclude={"handle"})

    return perform(job, plan_transfer(job, clean, base_model, pooled), fill)


def check_held_out(clean: Reference) -> None:
    """Find out before any work whether there is something to evaluate.

    Raises:
        NotEnoughText: the account has no test post.
    """
    if not clean.manifest().counts["test"]:
        raise NotEnoughText(f"{clean.handle} has no test post: fetch more posts, or hold out another account")


def read_transfer(reference: Reference) -> Transfer:
    """The figures of a transfer artifact."""
    return Transfer.model_validate_json(reference.file(TRANSFER).read_text(encoding="utf-8"))


def _score(job: Job, clean: Reference, base_model: BaseModel, pooled: BaseModel) -> Transfer:
    tokens = tokenise(unseen_posts(clean, pooled), pooled, job.config.train)
    held_out = of_split(tokens, "test")
    documents, sizes = held_out["input_ids"].to_pylist(), held_out["bytes"].to_pylist()
    base, ours = (predict(model, None, documents, job.config.train) for model in (base_model, pooled))
    scores = prediction_scores(base, ours, sizes)
    return Transfer.model_validate({"handle": job.handle, "held_out_posts": len(documents), **scores})
