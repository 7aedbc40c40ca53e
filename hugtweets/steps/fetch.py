"""Fetch: bring the stored timeline up to date and leave a copy of it as an artifact."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hugtweets.budget.shared_ledger import push_ledger
from hugtweets.errors import (
    AccessError,
    AccountError,
    DiskFull,
    HugtweetsError,
    NothingFetched,
    NothingKept,
    PutOff,
    RetryableError,
    StoreUnavailable,
)
from hugtweets.jobs.job import Job, includes
from hugtweets.sources.archive.source import ArchiveSource
from hugtweets.sources.files.source import FileSource
from hugtweets.sources.paging import PagedSource
from hugtweets.sources.source import Source, SourceSpec
from hugtweets.sources.verification import Verification
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference, obtain
from hugtweets.storage.handles import NETWORKS, Handle
from hugtweets.timelines import timeline as timelines
from hugtweets.timelines.posts import Post, to_table
from hugtweets.timelines.provenance import UNKNOWN, describe_sources, in_order
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import ELSEWHERE, Summary, Timeline

VERSION = 1
TIMELINE = "timeline.parquet"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """The artifact, whether it was there before, how many posts are new, and what was left out, if anything.

    ``tally`` tells what came of each source.
    """

    reference: Reference
    cached: bool
    new: int
    tally: Tally

    @property
    def answered(self) -> bool:
        """False if a network refused us, and these are the posts of it that were stored before."""
        return not any(isinstance(error, AccessError) for error in self.tally.failures.values())

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the sources, of each by its name if there are several."""
        said = self.tally.remarks | {spec: str(error) for spec, error in self.tally.failures.items()}
        is_one_of_several = len(said) > 1
        return [f"{spec}: {text}" if is_one_of_several else text for spec, text in said.items() if text]


@dataclass
class Tally:
    """What the attempts of one run share: how many posts were stored before them, and what came of each source.

    ``remarks`` are of the sources that were read, ``failures`` of the others. One that was read is not asked again.
    """

    before: int | None = None
    remarks: dict[SourceSpec, str | None] = field(default_factory=dict)
    verifications: dict[SourceSpec, Verification] = field(default_factory=dict)
    failures: dict[SourceSpec, HugtweetsError] = field(default_factory=dict)
    gave_up: bool = False

    def give_up(self) -> bool:
        """Ask no source again in this run; returns whether the posts of another one are there to go on with."""
        self.gave_up = True
        return bool(self.remarks)

    def next_attempt(self, job: Job) -> list[SourceSpec]:
        """The sources that are still to be read: failures that can pass are forgotten, unless they were given up."""
        passing = {spec for spec, error in self.failures.items() if self._can_pass(error, job)}
        for spec in passing:
            del self.failures[spec]
        return [spec for spec in job.request.sources if spec not in self.remarks and spec not in self.failures]

    def ends_with(self, job: Job) -> HugtweetsError | None:
        """The error that ends the attempt: one that can pass by itself, or, if no source was read, the first."""
        errors = list(self.failures.values())
        passing = [error for error in errors if self._can_pass(error, job)]
        return next(iter(passing if passing or self.remarks else errors), None)

    def _can_pass(self, error: HugtweetsError, job: Job) -> bool:
        return isinstance(error, RetryableError) and not self.gave_up and error is not job.user


def fetch(job: Job, tally: Tally | None = None) -> Fetched:
    """Ask the source for what is new; attempts of one run share a ``tally``, so that all they stored is counted as new.

    With ``job.verify`` networks are then asked for what is stored already, so that deleted posts go. If one refuses us,
    the account fails in the end, but goes on with what is stored of it first, and the refusal is the remark. Of several
    sources each is read, whatever becomes of the others; what failed is a remark if one of them could be read.

    Raises:
        AccountError, PutOff, RetryableError: as drawn in :mod:`hugtweets.errors`; what arrived before is stored.
    """
    path, shared = job.home.timeline(job.handle), SharedTimeline(job.home, job.handle)
    tally = tally or Tally()
    with shared.locked():
        shared.pull()
        if tally.before is None:
            tally.before = timelines.summarise(path).posts
        try:
            for spec in tally.next_attempt(job):
                _read(spec, job, path, tally)
        finally:
            shared.push()
            push_ledger(job.home, job.run)
        after = timelines.summarise(path)
    error = tally.ends_with(job)
    if error and not (isinstance(error, AccessError) and after.posts):
        raise error
    if not after.posts:
        places = " and ".join(str(spec.path or spec.kind.title()) for spec in job.request.sources)
        raise NothingFetched(f"there is no post of {job.handle} in {places}: give another --source, or try again later")
    reference, cached = _copy(job, after)
    return Fetched(reference, cached, after.posts - tally.before, tally)


def _read(spec: SourceSpec, job: Job, path: Path, tally: Tally) -> None:
    """Bring the timeline up to date from one source, and write down what came of that."""
    try:
        source = open_source(spec, job)
        remark = source.update(path)
        if job.verify and (verification := _verify(source, path, job)):
            tally.verifications[spec] = verification
    except (DiskFull, StoreUnavailable):
        raise
    except (AccountError, PutOff, RetryableError) as error:
        tally.failures[spec] = error
    else:
        tally.remarks[spec] = remark


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
    outcome, counts = job.outcome, fetched.reference.manifest().counts
    outcome.counts |= {"fetched": counts["fetched"], "new": fetched.new}
    if sources := counts.get("sources"):
        outcome.counts["sources"] = sources
        log.info("%s: posts from %s", job.handle, describe_sources(sources))
    if done := fetched.tally.verifications:
        outcome.counts["verified"] = sum(verification.verified for verification in done.values())
        outcome.counts["deleted"] = sum(verification.deleted for verification in done.values())
    outcome.refused = not fetched.answered
    outcome.remark(*fetched.remarks, *(f"{spec}: {found}" if len(done) > 1 else found for spec, found in done.items()))
    if fetched.tally.failures and counts.get("gaps"):
        outcome.remark(f"only {counts['fetched']:,} of its posts are here so far, the next run asks for the others")
    held = len(timelines.summarise(job.home.timeline(job.handle)).retracted)
    if held and not includes(job.until, "finetune"):
        posts = "1 deleted post is" if held == 1 else f"{held:,} deleted posts are"
        outcome.remark(f"{posts} still in older artifacts, until the account is learned again")


def record_broken_off(job: Job, tally: Tally) -> None:
    """Put into the outcome how many posts are stored of an account that could not be read to its end."""
    if stored := timelines.summarise(job.home.timeline(job.handle)).posts:
        job.outcome.counts |= {"fetched": stored, "new": stored - (tally.before or 0)}


def open_source(spec: SourceSpec, job: Job) -> Source:
    """One of the sources that the request names.

    Raises:
        AccessError: X refused us already when the account was looked up, or there is no token.
    """
    user = job.user
    if spec.path and spec.kind == "file":
        return FileSource(spec.path, job.handle)
    if spec.path and spec.kind == "archive":
        return ArchiveSource(spec.path, job.handle, job.config.fetch.deleted_posts)
    if spec.kind == "bluesky" or spec.kind == "mastodon":
        return _open_network(spec, job)
    if user is None:
        raise AccountError(f"{job.handle} was not looked up on X: look it up before fetching")
    if isinstance(user, HugtweetsError):
        raise user
    # tweepy takes a second to import, and only this source needs it.
    from hugtweets.sources.x.client import XClient
    from hugtweets.sources.x.source import XSource

    client = XClient.of_run(job.config.fetch, job.ledger)
    # Each page is paid for: it leaves this machine before the next one is asked for.
    return XSource(user, client, job.config.fetch, job.ledger, SharedTimeline(job.home, job.handle).push)


def _open_network(spec: SourceSpec, job: Job) -> PagedSource:
    """The account on a network that is read for nothing."""
    # Their libraries take a second to import, and only these sources need them.
    if spec.kind == "bluesky":
        from hugtweets.sources.bluesky.source import open_account
    else:
        from hugtweets.sources.mastodon.source import open_account
    account = spec.account or Handle.parse(job.handle)
    return open_account(account.name, job.config.fetch, job.ledger, SharedTimeline(job.home, job.handle).push)


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
        own = Handle.parse(job.handle)
        posts = [_as_own(post, own) for post in timeline.posts]
        timelines.write_posts(folder / TIMELINE, to_table(posts))
        sources = Counter(post.source or UNKNOWN for post in posts)
        configured = [spec.kind for spec in job.request.sources]
        told = {"sources": in_order(sources, configured)} if len(sources) > 1 else {}
        return {"fetched": len(posts), "gaps": len(timeline.gaps), **told}

    return perform(job, plan, fill), cached


def _as_own(post: Post, own: Handle) -> Post:
    """One person has another name in each place: what a network sends as the account's own post is the account's."""
    is_foreign = post.source in NETWORKS and post.source != own.network
    has_moved = post.source in ELSEWHERE and post.author is not None
    return replace(post, author=own.name) if (is_foreign or has_moved) and not post.is_retweet else post


def _plan(job: Job, timeline: Summary) -> Plan:
    return Plan("fetch", VERSION, job.handle, extra={"timeline": timeline.digest})


def _verify(source: Source, path: Path, job: Job) -> Verification | None:
    """Ask again for what is stored; None if the source has nobody to ask."""
    if isinstance(source, PagedSource):
        return source.verify(path, job.began)
    from hugtweets.sources.x.source import XSource
    from hugtweets.sources.x.verification import verify_posts

    return verify_posts(source, path, job.began) if isinstance(source, XSource) else None
