"""How a model writes: what every judge says of the posts that it generated without a prompt."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from hugtweets.devices.queue import on_device
from hugtweets.evaluation.copying import copied_share_before
from hugtweets.evaluation.detector import Detection
from hugtweets.evaluation.prediction import figure
from hugtweets.evaluation.writing import detection_figures, newest_first, writing_scores
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import TextTokenizer
from hugtweets.steps.clean import texts_of
from hugtweets.steps.reader import reader_of
from hugtweets.steps.sample import read_unprompted
from hugtweets.storage.artifacts import Reference

log = logging.getLogger(__name__)


def score_writing(job: Job, samples: Reference, clean: Reference, trained_in: str | None) -> dict[str, Any]:
    """The figures of a scorecard on generated posts; only their number if there are none.

    ``trained_in`` is the number format of the model that wrote them.

    Raises:
        BaseModelError: the reader cannot be found.
    """
    rows, counts = read_unprompted(samples), samples.manifest().counts
    generated = [row["text"] for row in rows]
    test, validation = texts_of(clean, "test"), texts_of(clean, "validation")
    figures: dict[str, Any] = {**writing_scores(generated, test, validation, texts_of(clean, "train"))}
    if generated:
        again = sum(row["replaced"] > 0 for row in rows)
        before = copied_share_before(figures["copied_share"], len(rows), again, counts["unprompted_left_out"])
        figures |= {"copied_share_before": round(before, 4), "longest_copy": max(row["longest_copy"] for row in rows)}
        reader = reader_of(job.home, job.handle, job.config, job.base_model)
        figures |= on_device(_read, job, reader, trained_in, generated, newest_first(validation, test))
    figures |= {"chosen_of": counts["best_of"]} if "best_of" in counts else {}
    return figures | {"copies_replaced": counts["copies_replaced"]}


def _read(
    job: Job, reader: BaseModel, trained_in: str | None, generated: Sequence[str], unseen: Sequence[str]
) -> dict[str, Any]:
    """What the reader says, on the device; of real posts the newest first, as many as there are generated ones.

    The account's own base model is read in as few bits a weight as the account's model learned beside.
    """
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device, options_to_read
    from hugtweets.models.cache import load_tuned

    options = options_to_read(job.config.train, trained_in if reader == job.base_model else None)
    model, tokenizer = load_tuned(reader, None, choose_device(options))
    if closely := job.config.evaluate.scorecard == "full":
        told = "%s: %s learns to tell generated posts from real ones, which takes minutes (scorecard=quick does not)."
        log.info(told, job.handle, reader.name)
    return {"reader_is_base": reader == job.base_model} | reader_figures(model, tokenizer, generated, unseen, closely)


def reader_figures(
    model: Any, tokenizer: TextTokenizer, generated: Sequence[str], unseen: Sequence[str], closely: bool
) -> dict[str, Any]:
    """The figures of a scorecard that a reader is needed for.

    Args:
        model: the reader, a bare base model from the cache.
        tokenizer: the reader's.
        generated: posts of the model that is judged.
        unseen: real posts that it did not learn; the first of them are read, as many as there are generated ones.
        closely: whether the reader is trained as a detector as well, and MAUVE computed: a minute or more.
    """
    # Imported on the device's thread only, as in finetune.
    from hugtweets.evaluation.bits_per_byte import post_nats

    figures: dict[str, Any] = {}
    for prefix, texts in (("", generated), ("held_out_", unseen[: len(generated)])):
        nats = post_nats(model, list(map(tokenizer.encode, texts)), tokenizer.ends)
        if nats:
            figures |= figure(f"{prefix}reader_bits_per_byte", nats, [len(text.encode()) for text in texts])
    if closely:
        ours, theirs = (list(map(tokenizer.encode, texts)) for texts in (generated, unseen))
        figures |= _read_closely(model, theirs, ours, tokenizer.ends)
    return figures


def _read_closely(
    model: Any, real: Sequence[Sequence[int]], generated: Sequence[Sequence[int]], ends: tuple[int, int]
) -> dict[str, Any]:
    """What takes a minute or more: a detector that learns to read, and MAUVE."""
    from hugtweets.evaluation.hidden_states import hidden_states
    from hugtweets.evaluation.mauve import FEWEST, mauve
    from hugtweets.training.detector import detect_by_model

    found: Detection | None = detect_by_model(model, real, generated, ends)
    score = None
    if min(len(real), len(generated)) >= FEWEST:
        score = mauve(hidden_states(model, real, ends), hidden_states(model, generated, ends))
    return detection_figures("told_apart_by_model", found) | {"mauve": None if score is None else round(score, 4)}
