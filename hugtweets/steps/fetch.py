"""Fetch: bring the stored timeline up to date and leave a copy of it as an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.budget.shared_ledger import push_ledger
from hugtweets.errors import AccessError, AccountError, HugtweetsError, NothingFetched, NothingKept
from hugtweets.jobs.job import Job, includes
from hugtweets.sources.archive.source import ArchiveSource
from hugtweets.sources.files.source import FileSource
from hugtweets.sources.source import Source
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference, obtain
from hugtweets.timelines import timeline as timelines
from hugtweets.timelines.posts import to_table
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import Summary, Timeline

if TYPE_CHECKING:
    from hugtweets.sources.x.verification import Verification

VERSION = 1
TIMELINE = "timeline.parquet"


@dataclass(frozen=True)
class Fetched:
    """The artifact, whether it was there before, how many posts are new, and what was left out, if anything.

    ``verification`` tells what came of asking for the stored posts again, if that was wanted. ``answered`` is False if
    the source refused us, and these are the posts that were stored before.
    """

    reference: Reference
    cached: bool
    new: int
    remark: str | None
    verification: Verification | None = None
    answered: bool = True


@dataclass
class Tally:
    """How many posts were stored before the first of several attempts; those that failed may have stored some."""

    before: int | None = None


def fetch(job: Job, tally: Tally | None = None) -> Fetched:
    """Ask the source for what is new; attempts of one run share a ``tally``, so that all they stored is counted as new.

    With ``job.verify`` X is then asked for what is stored already, so that deleted posts go. If X refuses us, the
    account fails in the end, but goes on with what is stored of it first, and the refusal is the remark.

    Raises:
        AccountError, PutOff, RetryableError: as drawn in :mod:`hugtweets.errors`; what arrived before is stored.
    """
    path, shared = job.home.timeline(job.handle), SharedTimeline(job.home, job.handle)
    remark, verification, answered = None, None, True
    with shared.locked():
        shared.pull()
        tally = tally or Tally()
        if tally.before is None:
            tally.before = timelines.summarise(path).posts
        try:
            source = open_source(job)
            remark = source.update(path)
            verification = _verify(source, path, job) if job.verify else None
        except AccessError as refusal:
            remark, answered = str(refusal), False
            if not timelines.summarise(path).posts:
                raise
        finally:
            shared.push()
            push_ledger(job.home, job.run)
        after = timelines.summarise(path)
    if not after.posts:
        place = job.request.source_spec.path or "X"
        raise NothingFetched(f"there is no post of {job.handle} in {place}: give another --source, or try again later")
    reference, cached = _copy(job, after)
    return Fetched(reference, cached, after.posts - tally.before, remark, verification, answered)


def copy_stored(job: Job) -> Reference:
    """Leave a copy of the stored timeline as an artifact, and ask nobody for more.

    Raises:
        NothingKept: nothing is stored of the account.
    """
    SharedTimeline(job.home, job.handle).pull()
    stored = timelines.summarise(job.home.timeline(job.handle))
    if not stored.posts:
        raise NothingKept(
            f"no post of {job.handle} is stored in {job.home.root}: fetch some with "
            f"`hugtweets run {job.handle} --until clean`"
        )
    return _copy(job, stored)[0]


def record_fetch(job: Job, fetched: Fetched) -> None:
    """Put counts and remarks into the outcome."""
    outcome = job.outcome
    outcome.counts |= {"fetched": fetched.reference.manifest().counts["fetched"], "new": fetched.new}
    if verification := fetched.verification:
        outcome.counts |= {"verified": verification.verified, "deleted": verification.deleted}
    outcome.refused = not fetched.answered
    outcome.remark(fetched.remark, fetched.verification)
    held = len(timelines.summarise(job.home.timeline(job.handle)).retracted)
    if held and not includes(job.until, "finetune"):
        posts = "1 deleted post is" if held == 1 else f"{held:,} deleted posts are"
        outcome.remark(f"{posts} still in older artifacts, until the account is learned again")


def open_source(job: Job) -> Source:
    """The source that the request names.

    Raises:
        AccessError: X refused us already when the account was looked up, or there is no token.
    """
    user, spec = job.user, job.request.source_spec
    if spec.path and spec.kind == "file":
        return FileSource(spec.path, job.handle)
    if spec.path and spec.kind == "archive":
        return ArchiveSource(spec.path, job.handle, job.config.fetch.deleted_posts)
    if user is None:
        raise AccountError(f"{job.handle} was not looked up on X: look it up before fetching")
    if isinstance(user, HugtweetsError):
        raise user
    # tweepy takes a second to import, and only this source needs it.
    from hugtweets.sources.x.client import XClient
    from hugtweets.sources.x.source import XSource

    client = XClient.from_environment(job.config.fetch)
    # Each page is paid for: it leaves this machine before the next one is asked for.
    return XSource(user, client, job.config.fetch, job.ledger, SharedTimeline(job.home, job.handle).push)


def _copy(job: Job, stored: Summary) -> tuple[Reference, bool]:
    """The stored timeline as an artifact, and whether it was there before."""
    plan = _plan(job, stored)
    cached = obtain(job.home, plan.reference(job.home))
    timeline = Timeline()
    if not cached:
        # Read whole only to be copied, and planned anew: another process may have added posts in between.
        timeline = timelines.load(job.home.timeline(job.handle))
        plan = _plan(job, timeline.summary())

    def fill(folder: Path) -> Mapping[str, Any]:
        timelines.write_posts(folder / TIMELINE, to_table(timeline.posts))
        return {"fetched": len(timeline.posts), "gaps": len(timeline.gaps)}

    return perform(job, plan, fill), cached


def _plan(job: Job, timeline: Summary) -> Plan:
    return Plan("fetch", VERSION, job.handle, extra={"timeline": timeline.digest})


def _verify(source: Source, path: Path, job: Job) -> Verification | None:
    """Ask again for what is stored; None if the source has nobody to ask."""
    from hugtweets.sources.x.source import XSource
    from hugtweets.sources.x.verification import verify_posts

    return verify_posts(source, path, job.began) if isinstance(source, XSource) else None
