"""Clean: every post with its text made readable, and whether and why it is kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.cleaning.private import count_masked
from hugtweets.cleaning.splits import Split
from hugtweets.cleaning.table import clean_table, count
from hugtweets.config import CleanConfig
from hugtweets.errors import NotEnoughText
from hugtweets.jobs.job import Job
from hugtweets.steps.fetch import TIMELINE
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.timelines.posts import to_current_schema
from hugtweets.timelines.timeline import write_posts

VERSION = 6
CLEAN = "clean.parquet"
# What is asked of the cleaned text afterwards does not change it.
CHECKS = {"min_characters", "warn_characters"}

logger = logging.getLogger(__name__)


def plan_clean(job: Job, timeline: Reference) -> Plan:
    """Depends on the raw posts and every cleaning rule."""
    return Plan("clean", VERSION, job.handle, (timeline,), rules_of(job.config.clean))


def rules_of(config: CleanConfig) -> dict[str, Any]:
    """The options that change what is kept, and how."""
    return config.model_dump(mode="json", exclude=CHECKS)


def clean(job: Job, timeline: Reference) -> Reference:
    """Write ``clean.parquet``; counts tell how many posts each rule dropped, and what was ``masked``."""

    def fill(folder: Path) -> Mapping[str, Any]:
        table = clean_table(to_current_schema(pq.read_table(timeline.file(TIMELINE))), job.handle, job.config.clean)
        write_posts(folder / CLEAN, table)
        counts = count(table)
        if job.config.clean.private != "keep":
            counts["masked"] = count_masked(table["text"].filter(table["kept"]))
        return counts

    return perform(job, plan_clean(job, timeline), fill)


def record_clean(job: Job, clean: Reference) -> None:
    """Put the counts into the outcome."""
    counts = clean.manifest().counts
    job.outcome.counts |= {"kept": counts["kept"], "dropped": counts["dropped"], "masked": counts.get("masked", {})}
    if masked := counts.get("masked"):
        said = ", ".join(f"{number:,} {kind}" for kind, number in masked.items())
        logger.info("%s: masked in the posts that are learned: %s (clean.private)", clean.handle, said)


def check_enough_text(clean: Reference, config: CleanConfig) -> None:
    """Too little text teaches no voice, only its sentences.

    Raises:
        NotEnoughText: below ``min_characters``; below ``warn_characters`` a warning is logged.
    """
    counts = clean.manifest().counts
    have = counts["kept_characters"]
    amount = f"{counts['kept']:,} posts with {have:,} characters are kept of {counts['fetched']:,}"
    if have < config.min_characters or counts["train"] == 0 or counts["test"] == 0:
        raise NotEnoughText(
            f"not enough text to learn {clean.handle} from: {amount}, at least {config.min_characters:,} characters "
            "are needed; add an export with --source archive:PATH, or lower clean.min_characters"
        )
    if have < config.warn_characters:
        logger.warning(
            "%s: %s; a voice is learned well from %s on", clean.handle, amount, f"{config.warn_characters:,}"
        )


def of_split(table: pa.Table, *splits: Split) -> pa.Table:
    """The rows of one split, or of several, of a clean or token table, in its order."""
    return table.filter(pc.field("split").cast(pa.string()).isin(splits))


def texts_of(clean: Reference, split: Split) -> list[str]:
    """The texts of the posts of one split, from old to new."""
    table = pq.read_table(clean.file(CLEAN), columns=["text", "split"])
    return list(of_split(table, split)["text"].to_pylist())


def same_rules(one: Reference, other: Reference) -> bool:
    """Whether two clean artifacts were made by the same rules."""
    rules = [(manifest.step_version, manifest.config) for manifest in (one.manifest(), other.manifest())]
    return rules[0] == rules[1]
