"""All that an account's page shows, gathered from its artifacts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.evaluation.people import Answers, what_people_say
from hugtweets.evaluation.promotion import current_model, read_promotions
from hugtweets.evaluation.reading import members
from hugtweets.report.artifacts import AccountArtifacts, read_file
from hugtweets.report.cleaning_summary import CleaningSummary, summarise_cleaning
from hugtweets.report.post_statistics import PostStatistics, count_posts
from hugtweets.report.summary import AccountSummary, find_judged_models, smooth
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
from hugtweets.timelines.provenance import count_sources, order_of
from hugtweets.tracking import read_marker

TEST_POSTS = 10


@dataclass(frozen=True)
class GeneratedPost:
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
class LineageEntry:
    """An artifact behind the page: what made it, when, and in which runs of Prefect and W&B it was logged."""

    step: str
    version: int
    digest: str
    made: datetime
    flow_run: str = ""
    wandb_run: str = ""
    wandb_url: str = ""


@dataclass(frozen=True)
class AccountData:
    """What the page shows; None and empty is what the account did not get to."""

    summary: AccountSummary
    lineage: list[LineageEntry]
    model: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    history: Sequence[Mapping[str, float]] = ()
    cleaning: CleaningSummary | None = None
    statistics: PostStatistics | None = None
    generated: Sequence[GeneratedPost] = ()
    test: Sequence[str] = ()
    members: Sequence[str] = ()
    people: Sequence[str] = ()


def gather_account_data(home: Home, handle: str, artifacts: AccountArtifacts, known: str, report: str) -> AccountData:
    """Read what the artifacts hold; ``known`` and ``report`` are noted in the :class:`AccountSummary`.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    history = json.loads(read_file(home, artifacts.model, HISTORY)) if artifacts.model else []
    generated = [
        GeneratedPost(row["prompt"], row["text"], row["log_prob"], row["longest_copy"])
        for row in (read_samples(artifacts.samples) if artifacts.samples else [])
    ]
    cleaning, statistics = _count_posts(home, artifacts.clean)
    return AccountData(
        summary=_summarise(home, handle, artifacts, generated, history, known, report),
        lineage=[_lineage_entry(reference) for reference in artifacts],
        model=artifacts.model.digest if artifacts.model else None,
        training=artifacts.model.manifest().counts if artifacts.model else {},
        history=history,
        cleaning=cleaning,
        statistics=statistics,
        generated=generated,
        test=texts_of(artifacts.clean, "test")[: -TEST_POSTS - 1 : -1] if artifacts.clean else (),
        members=members(read_scores(artifacts.scores).figures()) if artifacts.scores else (),
        people=what_people_say(Answers(home).of([handle]), artifacts.model.digest) if artifacts.model else (),
    )


def _count_posts(home: Home, clean: Reference | None) -> tuple[CleaningSummary | None, PostStatistics | None]:
    sources = sources_of(home, clean) if clean else []
    if not (clean and sources):
        return None, None
    raw = pa.concat_tables([to_current_schema(pq.read_table(fetch.file(TIMELINE))) for fetch, _ in sources])
    cleaned = pa.concat_tables([pq.read_table(each.file(CLEAN)) for _, each in sources]).sort_by("created_at")
    return summarise_cleaning(raw, cleaned, clean.manifest().counts), count_posts(raw, cleaned)


def _summarise(
    home: Home,
    handle: str,
    artifacts: AccountArtifacts,
    generated: Sequence[GeneratedPost],
    history: Sequence[Mapping[str, float]],
    known: str,
    report: str,
) -> AccountSummary:
    made = [reference.manifest() for reference in artifacts]
    counts = artifacts.clean.manifest().counts if artifacts.clean else {}
    metrics = read_scores(artifacts.scores).model_dump(exclude={"members"}) if artifacts.scores else {}
    if artifacts.samples and artifacts.scores:
        metrics |= read_authorship(home, artifacts.samples).model_dump()
    decided = read_promotions(home, handle).of(artifacts.model.digest) if artifacts.model else []
    prompts: dict[str, str] = {}
    # The likeliest first: it is the one that the overview shows.
    for post in sorted(generated, key=lambda post: post.bits_per_character):
        prompts.setdefault(post.prompt, post.text)
    return AccountSummary(
        handle=handle,
        known=known,
        report=report,
        made=max(manifest.created for manifest in made),
        fetched=posts.manifest().counts["fetched"] if (posts := artifacts.clean or artifacts.fetch) else 0,
        sources=_count_sources(home, artifacts),
        kept=counts.get("kept"),
        kept_characters=counts.get("kept_characters"),
        metrics=metrics,
        is_current=artifacts.model is not None and current_model(home, handle) == artifacts.model,
        verdict=decided[-1].reason if decided else None,
        curve=smooth(history),
        nights=find_judged_models(home, handle),
        prompts=prompts,
    )


def _count_sources(home: Home, artifacts: AccountArtifacts) -> dict[str, int]:
    fetched = [fetch for fetch, _ in sources_of(home, artifacts.clean)] if artifacts.clean else [artifacts.fetch]
    timelines = list(filter(None, fetched))
    return count_sources(*(timeline.file(TIMELINE) for timeline in timelines), order=order_of(timelines))


def _lineage_entry(reference: Reference) -> LineageEntry:
    manifest, marker = reference.manifest(), read_marker(reference)
    logged = (marker["group"], marker["run_id"], marker.get("url") or "") if marker else ()
    return LineageEntry(manifest.step, manifest.step_version, manifest.digest, manifest.created, *logged)
