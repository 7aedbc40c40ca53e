"""All that an account's page tells, gathered from the artifacts of its chain."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.evaluation.promotion import current_model, read_promotions
from hugtweets.evaluation.scorecard import members
from hugtweets.report.chain import Chain, read_file
from hugtweets.report.figures import Figures, find_nights, smooth
from hugtweets.report.funnel import Funnel, find_funnel
from hugtweets.report.habits import Habits, find_habits
from hugtweets.steps.authorship import read_authorship
from hugtweets.steps.clean import CLEAN, texts_of
from hugtweets.steps.evaluate import read_scores
from hugtweets.steps.fetch import TIMELINE
from hugtweets.steps.finetune import HISTORY
from hugtweets.steps.mix import sources_of
from hugtweets.steps.sample import read_samples
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import to_current_schema
from hugtweets.tracking import read_marker

HELD_OUT = 10


@dataclass(frozen=True)
class Generated:
    """A generated post, how likely the model finds it, and how much of it stands in one training post."""

    prompt: str
    text: str
    log_prob: float
    longest_copy: int

    @property
    def exponent(self) -> int:
        """The probability of the whole post is about ten to the power of this."""
        return round(self.log_prob / math.log(10))

    @property
    def bits_per_character(self) -> float:
        """How surprising it is to the model; longer posts are not less likely by it."""
        return -self.log_prob / math.log(2) / max(len(self.text), 1)

    @property
    def copied(self) -> float:
        """The longest run that it shares with one training post, as a share of itself."""
        return self.longest_copy / max(len(self.text), 1)


@dataclass(frozen=True)
class Ancestor:
    """An artifact in the lineage: what made it, when, and in which runs of Prefect and W&B it was logged."""

    step: str
    version: int
    digest: str
    made: datetime
    flow_run: str = ""
    wandb_run: str = ""
    wandb_url: str = ""


@dataclass(frozen=True)
class Story:
    """What the page tells; None and empty is what the account did not get to."""

    figures: Figures
    lineage: list[Ancestor]
    model: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    funnel: Funnel | None = None
    habits: Habits | None = None
    generated: Sequence[Generated] = ()
    held_out: Sequence[str] = ()
    members: Sequence[str] = ()


def tell(home: Home, handle: str, chain: Chain, known: str, report: str) -> Story:
    """Gather the story of an account; ``known`` and ``report`` are noted in its :class:`Figures`.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    history = json.loads(read_file(home, chain.model, HISTORY)) if chain.model else []
    generated = [
        Generated(row["prompt"], row["text"], row["log_prob"], row["longest_copy"])
        for row in (read_samples(chain.samples) if chain.samples else [])
    ]
    funnel, habits = _posts(home, chain.clean)
    return Story(
        figures=_figures(home, handle, chain, generated, history, known, report),
        lineage=[_ancestor(reference) for reference in chain],
        model=chain.model.digest if chain.model else None,
        training=chain.model.manifest().counts if chain.model else {},
        history=history,
        funnel=funnel,
        habits=habits,
        generated=generated,
        held_out=texts_of(chain.clean, "validation")[: -HELD_OUT - 1 : -1] if chain.clean else (),
        members=members(read_scores(chain.scores).figures()) if chain.scores else (),
    )


def _posts(home: Home, clean: Reference | None) -> tuple[Funnel | None, Habits | None]:
    sources = sources_of(home, clean) if clean else []
    if not (clean and sources):
        return None, None
    raw = pa.concat_tables([to_current_schema(pq.read_table(fetch.file(TIMELINE))) for fetch, _ in sources])
    cleaned = pa.concat_tables([pq.read_table(each.file(CLEAN)) for _, each in sources]).sort_by("created_at")
    return find_funnel(raw, cleaned, clean.manifest().counts), find_habits(raw, cleaned)


def _figures(
    home: Home,
    handle: str,
    chain: Chain,
    generated: Sequence[Generated],
    history: Sequence[Mapping[str, float]],
    known: str,
    report: str,
) -> Figures:
    made = [reference.manifest() for reference in chain]
    counts = chain.clean.manifest().counts if chain.clean else {}
    metrics = read_scores(chain.scores).model_dump(exclude={"members"}) if chain.scores else {}
    if chain.samples and chain.scores:
        metrics |= read_authorship(home, chain.samples).model_dump()
    decided = read_promotions(home, handle).of(chain.model.digest) if chain.model else []
    prompts: dict[str, str] = {}
    # The likeliest first: it is the one that the overview shows.
    for post in sorted(generated, key=lambda post: post.bits_per_character):
        prompts.setdefault(post.prompt, post.text)
    return Figures(
        handle=handle,
        known=known,
        report=report,
        made=max(manifest.created for manifest in made),
        fetched=posts.manifest().counts["fetched"] if (posts := chain.clean or chain.fetch) else 0,
        kept=counts.get("kept"),
        kept_characters=counts.get("kept_characters"),
        metrics=metrics,
        is_current=chain.model is not None and current_model(home, handle) == chain.model,
        verdict=decided[-1].reason if decided else None,
        curve=smooth(history),
        nights=find_nights(home, handle),
        prompts=prompts,
    )


def _ancestor(reference: Reference) -> Ancestor:
    manifest, marker = reference.manifest(), read_marker(reference)
    logged = (marker["group"], marker["run_id"], marker.get("url") or "") if marker else ()
    return Ancestor(manifest.step, manifest.step_version, manifest.digest, manifest.created, *logged)
