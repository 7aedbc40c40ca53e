"""Evaluate: the scorecard of a model, from posts it has not seen and posts it wrote."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from hugtweets.cleaning.splits import Split
from hugtweets.config import TrainConfig
from hugtweets.devices.queue import on_device
from hugtweets.devices.selection import few_bits
from hugtweets.errors import BaseModelError
from hugtweets.evaluation.bits_per_byte import Nats
from hugtweets.evaluation.prediction import comparison_scores, member_scores, prediction_scores
from hugtweets.evaluation.promotion import Standing, best_of_last, judge, previous_of
from hugtweets.evaluation.scorecard import Scorecard
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import AUTHOR, TextTokenizer
from hugtweets.pools.learned_posts import has_learned
from hugtweets.steps.clean import CLEAN, of_split
from hugtweets.steps.finetune import WEIGHTS, base_model_of, number_format
from hugtweets.steps.generic import find_generic, generic_with
from hugtweets.steps.predicting import Predictions, predict, predict_with_others
from hugtweets.steps.reader import reader_named
from hugtweets.steps.step import perform
from hugtweets.steps.tokenise import TOKENS
from hugtweets.steps.writing import score_writing
from hugtweets.storage.artifacts import Plan, Reference, learned_posts, made_from, obtain
from hugtweets.storage.atomic import write_text
from hugtweets.tracking.decisions import tell_decisions

VERSION = 3
SCORES = "scores.json"
EarlierName = Literal["previous", "best"]

logger = logging.getLogger(__name__)


def plan_evaluate(job: Job, model: Reference, samples: Reference, tokens: Reference, clean: Reference) -> Plan:
    """Depends on the model, its posts, the test posts, and the model that it is compared with."""
    compared: dict[str, str] = {name: earlier.digest for name, earlier in compared_with(job, model).items()}
    if generic := generic_for(job, model):
        compared["generic"] = generic.digest
    options = job.config.evaluate.model_dump(include={"scorecard"}) | {"reader": reader_named(job.home, job.config)}
    return Plan("evaluate", VERSION, job.handle, (model, samples, tokens, clean), options, compared)


def evaluate(job: Job, model: Reference, samples: Reference, tokens: Reference, clean: Reference) -> Reference:
    """Write ``scores.json``, a :class:`Scorecard`."""

    def fill(folder: Path) -> Mapping[str, Any]:
        tuned, compared = Tuned(model, job.base_model), compared_with(job, model)
        earlier = {name: found for name, each in compared.items() if (found := _find_earlier(job, each))}
        generic = generic_for(job, model)
        if generic and not obtain(job.home, generic):
            generic = None
        known = _predict_with_others(job, tokens, tuned, earlier, generic)
        predictions = on_device(_score_predictions, job, tokens, clean, tuned, earlier, generic, known)
        card = Scorecard.model_validate(predictions | score_writing(job, samples, clean, number_format(model)))
        write_text(folder / SCORES, card.model_dump_json(indent=1) + "\n")
        return card.figures()

    return perform(job, plan_evaluate(job, model, samples, tokens, clean), fill)


def record_evaluate(job: Job, scores: Reference) -> None:
    """Put the scores into the outcome."""
    job.outcome.metrics = read_scores(scores).figures()


def compared_with(job: Job, model: Reference) -> dict[EarlierName, Reference]:
    """The account's current model so far, and the best of those before; a trial is compared with none."""
    if job.is_trial or (previous := previous_of(job.home, model)) is None:
        return {}
    earlier: dict[EarlierName, Reference] = {"previous": previous}
    if best := best_of_last(job.home, model):
        earlier["best"] = best
    return earlier


def generic_for(job: Job, model: Reference) -> Reference | None:
    """The generic model that a model is compared with: once it has scores, the one of these, so that they are not made
    again when there is a newer one. A trial is compared with none.
    """
    if job.is_trial:
        return None
    scores = made_from(job.home, model, "evaluate")
    if scores and scores.manifest().step_version == VERSION:
        digest = scores.manifest().inputs.get("generic")
        return generic_with(job.home, digest) if digest else None
    return find_generic(job.home, job.handle, job.base_model)


def promote(job: Job, model: Reference, scores: Reference) -> Standing:
    """Decide whether the model becomes the account's current one, and tell W&B, unless that was done."""
    compared = compared_with(job, model)
    standing = judge(job.home, model, compared.get("previous"), read_scores(scores), job.run, best=compared.get("best"))
    tell_decisions(job.home, job.handle, job.config.tracking)
    return standing


def read_scores(scores: Reference) -> Scorecard:
    """The scores of an evaluate artifact."""
    return Scorecard.model_validate_json(scores.file(SCORES).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Tuned:
    """A model and the base model that it was made from."""

    model: Reference
    base_model: BaseModel


def _find_earlier(job: Job, earlier: Reference) -> Tuned | None:
    """A model to compare with, brought here; None if it, or its base model, cannot be had any more."""
    if not obtain(job.home, earlier):
        return None
    try:
        return Tuned(earlier, base_model_of(earlier, job.home))
    except BaseModelError as error:
        logger.warning("%s: the new model is not compared with %s: %s", job.handle, earlier.digest, error)
        return None


def _predict_with_others(
    job: Job, tokens: Reference, tuned: Tuned, earlier: Mapping[EarlierName, Tuned], generic: Reference | None
) -> Predictions:
    """What the models of the account say of its test posts, in one batch with other accounts if some come."""
    # Adapters are stacked beside weights that can be read, which packed bits cannot.
    if few_bits(number_format(tuned.model)):
        return {}
    others = [each.model for each in earlier.values() if each.base_model.digest == tuned.base_model.digest]
    weights = [each.file(WEIGHTS) for each in (tuned.model, *others, *([generic] if generic else []))]
    documents = of_split(pq.read_table(tokens.file(TOKENS)), "test")["input_ids"].to_pylist()
    return predict_with_others(job, tuned.base_model, weights, documents)


def _score_predictions(
    job: Job,
    tokens: Reference,
    clean: Reference,
    tuned: Tuned,
    earlier: Mapping[EarlierName, Tuned],
    generic: Reference | None,
    known: Predictions,
) -> dict[str, Any]:
    """The figures on test posts; what is ``known`` of all of them is not predicted again."""
    held_out = of_split(pq.read_table(tokens.file(TOKENS)), "test")
    documents, sizes = held_out["input_ids"].to_pylist(), held_out["bytes"].to_pylist()
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import options_to_read

    # One number format for all, whatever each of them was trained in.
    options = options_to_read(job.config.train, number_format(tuned.model))

    def predicted(weights: Path | None) -> Nats:
        return known[weights] if weights in known else predict(tuned.base_model, weights, documents, options)

    base, ours = predicted(None), predicted(tuned.model.file(WEIGHTS))
    scores: dict[str, Any] = {"on_test_posts": True, "held_out_posts": len(documents), "held_out_bytes": sum(sizes)}
    scores |= prediction_scores(base, ours, sizes)
    if AUTHOR in held_out.column_names:
        scores["members"] = member_scores(base, ours, sizes, held_out[AUTHOR].to_pylist())
    if generic:
        scores |= comparison_scores("generic", predicted(generic.file(WEIGHTS)), ours, sizes)
        scores["generic_accounts"] = generic.manifest().counts["accounts"]
    for name, other in earlier.items():
        # What an earlier model was trained on would flatter it.
        places = _unseen(job, other, clean, held_out["id"].to_pylist())
        _tell_other_format(job.handle, tuned.model, other.model)
        if (weights := other.model.file(WEIGHTS)) in known:
            theirs = known[weights].at(places)
        else:
            theirs = _predict_by_earlier(options, other, tuned.base_model, [documents[place] for place in places])
        scores |= comparison_scores(name, theirs, ours.at(places), [sizes[place] for place in places])
    return scores


def _unseen(job: Job, earlier: Tuned, clean: Reference, ids: Sequence[str]) -> list[int]:
    """Places of the test posts that an earlier model cannot have been made by; none if nobody knows."""
    learned = learned_posts(job.home, earlier.model)
    if learned is None:
        return []
    # Before there were test posts, what is held out now was looked at only to decide when to stop.
    looked_at: tuple[Split, ...] = ("train", "validation") if "test" in learned.manifest().counts else ("train",)
    trained = of_split(pq.read_table(learned.file(CLEAN), columns=["id", "split"]), *looked_at)
    posts = pq.read_table(clean.file(CLEAN), columns=["id", "text"])
    pooled = posts["id"].filter(has_learned(earlier.base_model.folder, job.handle, posts))
    seen = {*trained["id"].to_pylist(), *pooled.to_pylist()}
    return [place for place, post in enumerate(ids) if post not in seen]


def _tell_other_format(handle: str, model: Reference, earlier: Reference) -> None:
    """Say so if two models that are compared were trained in different number formats, as far as that is known."""
    ours, theirs = map(number_format, (model, earlier))
    if ours and theirs and ours != theirs:
        note = "%s: an earlier model was trained in %s and this one in %s; both are scored in one format"
        logger.info(note, handle, theirs, ours)


def _predict_by_earlier(
    options: TrainConfig, earlier: Tuned, base_model: BaseModel, documents: Sequence[Sequence[int]]
) -> Nats:
    """The same texts, in the tokens of the earlier model."""
    if earlier.base_model.digest != base_model.digest:
        ours, theirs = TextTokenizer.of(base_model), TextTokenizer.of(earlier.base_model)
        documents = [theirs.encode(ours.decode(document)) for document in documents]
    return predict(earlier.base_model, earlier.model.file(WEIGHTS), documents, options)
