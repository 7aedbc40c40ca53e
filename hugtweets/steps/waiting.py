"""Whether an account's model waits for more new posts before it is made again."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.config import RefreshConfig
from hugtweets.errors import NotEnoughText
from hugtweets.evaluation.promotion import newest_model
from hugtweets.jobs.job import Job
from hugtweets.steps.clean import CLEAN, check_enough_text, same_rules
from hugtweets.steps.retraction import holds_text, retract
from hugtweets.steps.starting import find_made
from hugtweets.steps.tokenise import plan_tokenise
from hugtweets.storage.artifacts import Reference, learned_posts


@dataclass(frozen=True)
class Waiting:
    """The posts that the last model was learned from, and why it stays the last one."""

    posts: Reference
    reason: str


def posts_to_learn(job: Job, clean: Reference) -> Reference:
    """The posts that the account's model is to be made from: those of the last one while it waits for more new ones.

    Raises:
        NotEnoughText: see :func:`hugtweets.steps.clean.check_enough_text`; what cannot be learned again is retracted.
    """
    try:
        check_enough_text(clean, job.config.clean)
    except NotEnoughText:
        retract(job)
        raise
    waiting = find_waiting(job, clean) if job.may_wait else None
    if waiting is None:
        return clean
    job.outcome.remark(waiting.reason)
    return waiting.posts


def find_waiting(job: Job, clean: Reference) -> Waiting | None:
    """What to go on with instead of ``clean``; None if these posts are to be learned now.

    A model waits only for posts: one that was made under other options, of other rules of cleaning or from another
    base model is made again at once, and so is one that knows a deleted post.
    """
    wanted = job.config.refresh
    if not (wanted.min_new_posts or wanted.min_new_characters):
        return None
    model = newest_model(job.home, job.handle)
    learned = learned_posts(job.home, model) if model else None
    if learned is None or learned == clean or not _same_options(job, clean, learned):
        return None
    if _holds_deleted(clean, learned):
        return None
    reason = too_few(_newly_kept(clean, learned), wanted)
    return Waiting(learned, reason) if reason else None


def too_few(texts: pa.Array, config: RefreshConfig) -> str | None:
    """Say how many posts are new and how many are waited for; None if there are enough."""
    posts, characters = len(texts), pc.sum(pc.utf8_length(texts), min_count=0).as_py()
    amount = f"stored {posts:,} new post{'s' * (posts != 1)}"
    if posts < config.min_new_posts:
        return f"{amount}, waiting for {config.min_new_posts:,}"
    if characters < config.min_new_characters:
        return f"{amount} with {characters:,} characters, waiting for {config.min_new_characters:,} characters"
    return None


def _holds_deleted(clean: Reference, learned: Reference) -> bool:
    """Whether the model's posts hold the text of one that is deleted by now: it must not wait with that."""
    now = pq.read_table(clean.file(CLEAN), columns=["id", "reason"])
    deleted = now["id"].filter(pc.fill_null(pc.equal(now["reason"].cast(pa.string()), "deleted"), False))
    return holds_text(learned, deleted.to_pylist())


def _same_options(job: Job, clean: Reference, learned: Reference) -> bool:
    tokens = plan_tokenise(job, learned).reference(job.home)
    return same_rules(clean, learned) and find_made(job, tokens) is not None


def _newly_kept(clean: Reference, learned: Reference) -> pa.Array:
    """The texts of posts that are kept now and were not when the model was made."""
    now, then = (pq.read_table(found.file(CLEAN), columns=["id", "text", "kept"]) for found in (clean, learned))
    known = then["id"].filter(then["kept"]).combine_chunks()
    new = pc.and_(now["kept"], pc.invert(pc.is_in(now["id"], value_set=known)))
    return now["text"].filter(new)
