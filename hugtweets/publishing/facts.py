"""What is known of a model: everything its card says comes from here, and here from artifacts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.models.gemma import GEMMA
from hugtweets.models.registry import HUB_ID, SMALL_HUB_MODEL
from hugtweets.sources.archive import circles
from hugtweets.steps.authorship import read_authorship
from hugtweets.steps.evaluate import read_scores
from hugtweets.steps.fetch import TIMELINE
from hugtweets.steps.mix import sources_of
from hugtweets.steps.sample import read_samples
from hugtweets.storage.artifacts import Manifest, Reference, input_of, made_from, obtain
from hugtweets.storage.home import Home
from hugtweets.timelines.provenance import count_sources, order_of

# A language is named on the card if X took that share of the posts for it.
MAIN_LANGUAGE = 0.6
LANGUAGE = re.compile(r"[a-z]{2}")
# The packaged file names HuggingFaceTB and apache-2.0 in its own metadata (general.organization, general.license).
PACKAGED = "SmolLM2-135M-Instruct.Q4_1"


@dataclass(frozen=True)
class Origin:
    """``hub_id`` is what the base model is called on the hub, ``license`` as the hub names it; None is unknown."""

    hub_id: str | None
    license: str | None


def origin_of(base_model: str) -> Origin:
    """The origin of a base model, by the name under which it was trained on."""
    if base_model == PACKAGED:
        return Origin("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0")
    if base_model == GEMMA.stem:
        return Origin("google/gemma-3-270m", "gemma")
    if base_model == SMALL_HUB_MODEL:
        return Origin(SMALL_HUB_MODEL, "apache-2.0")
    return Origin(base_model if "/" in base_model and HUB_ID.fullmatch(base_model) else None, None)


@dataclass(frozen=True)
class ModelFacts:
    """A model and what was counted on its way. ``metrics`` and ``posts`` are empty if it was not evaluated.

    ``counts`` are those of the posts it was made from, ``tokens`` what was read of them, ``posts`` generated ones.
    ``circle_warning`` says if posts that were not for everybody may be among them, ``sources`` how many posts each
    brought.
    """

    handle: str
    manifest: Manifest
    counts: Mapping[str, Any]
    tokens: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    posts: tuple[str, ...]
    languages: Sequence[str]
    sources: Mapping[str, int]
    circle_warning: str | None = None

    @property
    def origin(self) -> Origin:
        """Of the base model."""
        return origin_of(self.base_model)

    @property
    def base_model(self) -> str:
        """What was tuned, as this machine calls it."""
        return str(self.manifest.counts["base_model"])


def gather_facts(home: Home, model: Reference, clean: Reference) -> ModelFacts:
    """Everything a card says of a model, a finetune artifact, and of the ``clean`` posts that it was made from."""
    tokens = input_of(home, model, "tokenise")
    scores = find_scores(home, model)
    samples = input_of(home, scores, "sample") if scores else None
    metrics: dict[str, float | None] = {}
    if scores and samples:
        metrics = read_scores(scores).figures() | read_authorship(home, samples).model_dump()
    timelines = [fetched for fetched, _ in sources_of(home, clean)]
    languages = (_main_language(timeline) for timeline in timelines)
    return ModelFacts(
        handle=model.handle,
        manifest=model.manifest(),
        counts=clean.manifest().counts,
        tokens=tokens.manifest().counts if tokens else {},
        metrics=metrics,
        posts=tuple(row["text"] for row in read_samples(samples)) if samples else (),
        languages=list(dict.fromkeys(filter(None, languages))),
        sources=count_sources(*(timeline.file(TIMELINE) for timeline in timelines), order=order_of(timelines)),
        circle_warning=circles.warning(sum(_from_circle_time(timeline) for timeline in timelines)),
    )


def find_scores(home: Home, model: Reference) -> Reference | None:
    """The newest scores of a model, brought here."""
    found = made_from(home, model, "evaluate")
    return found if found and obtain(home, found) else None


def _from_circle_time(timeline: Reference) -> int:
    columns = ["created_at", "source", "is_retweet"]
    return circles.count_stored(pq.read_table(timeline.file(TIMELINE), columns=columns))


def _main_language(timeline: Reference) -> str | None:
    """The language that X took most posts for; None if it is not one, or nobody knows."""
    languages = pq.read_table(timeline.file(TIMELINE), columns=["lang"])["lang"]
    counts = pc.value_counts(languages.drop_null()).to_pylist()
    if not counts:
        return None
    most = max(counts, key=lambda entry: int(entry["counts"]))
    is_main = most["counts"] >= MAIN_LANGUAGE * len(languages) and LANGUAGE.fullmatch(most["values"])
    return str(most["values"]) if is_main else None
