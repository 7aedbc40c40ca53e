"""Evaluate: how well the model predicts posts it has not seen, and how freely it writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hugtweets.artifacts import Plan, Reference
from hugtweets.base_models import BaseModel
from hugtweets.device_queue import on_device
from hugtweets.files import write_text
from hugtweets.jobs import Job
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.finetune import WEIGHTS
from hugtweets.steps.sample import read_samples
from hugtweets.steps.splits import of_split
from hugtweets.steps.step import perform
from hugtweets.steps.tokenise import TOKENS
from hugtweets.tracking import Content

VERSION = 1
SCORES = "scores.json"


def plan_evaluate(job: Job, model: Reference, samples: Reference, tokens: Reference, clean: Reference) -> Plan:
    """Depends on the model, its samples and the held-out posts."""
    return Plan("evaluate", VERSION, job.handle, (model, samples, tokens, clean))


def evaluate(
    job: Job, model: Reference, samples: Reference, tokens: Reference, clean: Reference, base_model: BaseModel
) -> Reference:
    """Write ``scores.json``."""

    def fill(folder: Path) -> Mapping[str, Any]:
        scores = on_device(_score_model, job, model, tokens, base_model)
        scores |= _score_samples(samples, clean)
        write_text(folder / SCORES, json.dumps(scores, indent=1) + "\n")
        return scores

    return perform(job, plan_evaluate(job, model, samples, tokens, clean), fill, _content)


def read_scores(scores: Reference) -> dict[str, float]:
    """The scores of an evaluate artifact."""
    loaded: dict[str, float] = json.loads(scores.file(SCORES).read_text(encoding="utf-8"))
    return loaded


def _score_model(job: Job, model: Reference, tokens: Reference, base_model: BaseModel) -> dict[str, float]:
    from hugtweets.devices import choose_device
    from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
    from hugtweets.loading import load_tuned

    held_out = of_split(pq.read_table(tokens.file(TOKENS)), "validation")
    documents, sizes = held_out["input_ids"].to_pylist(), held_out["bytes"].to_pylist()
    device = choose_device(job.config.train)
    scores: dict[str, float] = {"held_out_posts": len(documents), "held_out_bytes": sum(sizes)}
    for name, weights in (("base_bits_per_byte", None), ("bits_per_byte", model.file(WEIGHTS))):
        loaded, tokenizer = load_tuned(base_model, weights, device)
        scores[name] = round(bits_per_byte(post_nats(loaded, documents, tokenizer.end_of_text), sizes), 5)
    return scores


def _score_samples(samples: Reference, clean: Reference) -> dict[str, float]:
    from hugtweets.evaluation.diversity import distinct_n

    rows = read_samples(samples)
    real = of_split(pq.read_table(clean.file(CLEAN)), "validation")["text"].to_pylist()
    copies = [row["longest_copy"] for row in rows]
    return {
        "distinct_2": round(distinct_n([row["text"] for row in rows], 2), 4),
        "held_out_distinct_2": round(distinct_n(real[-len(rows) :], 2), 4),
        "longest_copy": max(copies),
        "mean_longest_copy": round(sum(copies) / len(copies), 1),
        "copies_replaced": sum(row["replaced"] for row in rows),
    }


def _content(reference: Reference) -> Content:
    return Content(summary=read_scores(reference))
