"""What older artifacts still hold of deleted posts: it goes as soon as the account has been learned again without them.

The timeline remembers which deleted posts that is still to be done for, so that a crash between finding a deletion and
the end of this is repaired by the next run. With a store every machine looks through its own copies as well.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.jobs.forgetting import remove_keepsakes
from hugtweets.jobs.job import Job
from hugtweets.pools.learned_posts import learned_of
from hugtweets.pools.pool import list_pools, spec_of
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.fetch import TIMELINE
from hugtweets.storage.artifacts import Reference, exists, obtain, references, remove
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import Timeline, load, save, summarise
from hugtweets.tracking import remove_run, remove_summaries
from hugtweets.tracking.deleting import delete_noted

# The files in which the text of a post stands beside its id.
TEXTS = {"fetch": TIMELINE, "clean": CLEAN}

logger = logging.getLogger(__name__)


def retract(job: Job) -> None:
    """Remove every artifact that holds a deleted post or was made from one, model and generated posts included.

    To be called once newer artifacts can stand in for them, or none ever will.
    """
    if not may_hold_deleted(job):
        return
    path, shared = job.home.timeline(job.handle), SharedTimeline(job.home, job.handle)
    with shared.locked():
        timeline = load(path)
        # What was made last goes first: whatever is left by a crash still shows what it was made from.
        outdated = find_outdated(job.home, job.handle, timeline)
        remove_keepsakes(job.home, outdated)
        for reference in reversed(outdated):
            remove_run(job.home, reference)
            remove(job.home, reference)
        if timeline.retracted:
            remove_summaries(job.home, job.handle)
            _tell_of_pools(job, timeline.retracted)
            save(path, replace(timeline, retracted=()))
            shared.push()
    delete_noted(job.home, job.config.tracking)


def may_hold_deleted(job: Job) -> bool:
    """Whether there is something to look for; what a mix holds goes when its accounts are learned again."""
    if len(members_of(job.handle)) > 1:
        return False
    return job.home.store is not None or bool(summarise(job.home.timeline(job.handle)).retracted)


def _tell_of_pools(job: Job, deleted: Collection[str]) -> None:
    """A pool serves many accounts, and stays until somebody makes it again: see :mod:`hugtweets.pools.pool`."""
    for pool in list_pools(job.home):
        learned = learned_of(job.home, pool, job.handle)["id"].to_pylist()
        if number := len(set(deleted).intersection(learned)):
            told = "%s: %s has learned %d of the posts that are deleted now: make the pool again, then run `%s`"
            logger.warning(told, job.handle, spec_of(pool), number, f"hugtweets forget {spec_of(pool)}")


def find_outdated(home: Home, handle: str, timeline: Timeline) -> list[Reference]:
    """The artifacts that hold the text of a deleted post of the account, and all made from them; oldest first.

    So do those of the mixes that it is in, until they are made again.
    """
    deleted = [post.id for post in timeline.posts if post.deleted]
    found: dict[tuple[str, str], Reference] = {}
    if not deleted:
        return []
    mixed = [reference for mix in home.known_mixes(handle) for reference in references(home, mix)]
    for reference in [*references(home, handle), *mixed]:
        # A model goes on from an earlier one only with posts that it holds itself: those decide, not the earlier model.
        inputs = [item for item in reference.manifest().inputs.items() if item[0] != reference.step]
        if any(item in found for item in inputs) or _is_outdated(home, reference, deleted, timeline):
            found[reference.step, reference.digest] = reference
    return list(found.values())


def _is_outdated(home: Home, reference: Reference, deleted: Collection[str], timeline: Timeline) -> bool:
    """What only the store has is looked into, too, once after each deletion."""
    here = exists(reference) or (bool(timeline.retracted) and reference.step in TEXTS and obtain(home, reference))
    return here and holds_text(reference, deleted)


def holds_text(reference: Reference, ids: Collection[str]) -> bool:
    """Whether an artifact of raw or clean posts holds the text of one of them."""
    if reference.step not in TEXTS:
        return False
    posts = pq.read_table(reference.file(TEXTS[reference.step]), columns=["id", "text"])
    wanted = pc.is_in(posts["id"], value_set=pa.array(sorted(ids), pa.string()))
    return bool(pc.any(pc.and_(wanted, pc.not_equal(posts["text"], ""))).as_py())
