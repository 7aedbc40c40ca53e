"""Mix: the kept posts of several accounts become those of one, from which a model of all of them is learned.

It stands in for the step clean: what follows finds a clean artifact of an account called ``alice+bob``. Nothing is
copied to make the accounts equal; that is done anew in every epoch, see :mod:`hugtweets.training.samplers`.

Whatever looks for the posts of accounts raises ``StoreUnavailable`` if there is a store that does not answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.errors import AccountError, PutOff
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.models.tokens import AUTHOR
from hugtweets.steps.clean import CLEAN, check_enough_text, rules_of
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference, input_of, obtain
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import write_posts

VERSION = 1
MEMBER = "clean/"  # before the account, in what a mix depends on


def plan_mix(job: Job, members: Sequence[Reference]) -> Plan:
    """Depends on the clean posts of every account."""
    inputs = {f"{MEMBER}{clean.handle}": clean.digest for clean in members}
    return Plan("clean", VERSION, job.handle, config=rules_of(job.config.clean), extra=inputs)


def mix(job: Job, members: Sequence[Reference]) -> Reference:
    """Write ``clean.parquet``: the kept posts of all, by time, with their author; counts are the sums of theirs."""

    def fill(folder: Path) -> Mapping[str, Any]:
        posts = pa.concat_tables([_kept(clean) for clean in members]).sort_by([("created_at", "ascending")])
        write_posts(folder / CLEAN, posts)
        return add_counts([clean.manifest().counts for clean in members])

    return perform(job, plan_mix(job, members), fill)


def record_mix(job: Job, mixed: Reference) -> None:
    """Put the counts into the outcome, as far as they are not those of the run."""
    job.outcome.counts |= mixed.manifest().counts


def posts_to_mix(job: Job, members: Sequence[AccountOutcome]) -> list[Reference]:
    """The clean posts of the accounts that are to be mixed.

    Raises:
        AccountError, PutOff: an account has none, or not enough of them.
    """
    for member in members:
        if "clean" not in member.steps:
            kind = AccountError if member.status == "failed" else PutOff
            raise kind(f"{member.handle} cannot be mixed in, see above: mix the others without it, or run it again")
    posts = [member.reference("clean", job.home) for member in members]
    for each in posts:
        check_enough_text(each, job.config.clean)
    return posts


def add_counts(counts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sums of the counts of several clean artifacts."""
    numbers, dropped, masked = Counter[str](), Counter[str](), Counter[str]()
    for one in counts:
        numbers.update({name: number for name, number in one.items() if not isinstance(number, Mapping)})
        dropped.update(one["dropped"])
        masked.update(one.get("masked", {}))
    sums = {**numbers, "dropped": dict(dropped)}
    # Where one account's were not masked, nobody may say so of all.
    return sums | {"masked": dict(masked)} if all("masked" in one for one in counts) else sums


def sources_of(home: Home, clean: Reference) -> list[tuple[Reference, Reference]]:
    """The raw and the clean posts that posts come from: of each account of a mix, if they are there."""
    cleaned = members_of_mix(home, clean) or [clean]
    return [(fetch, each) for each in cleaned if (fetch := fetched_of(home, each))]


def members_of_mix(home: Home, clean: Reference) -> list[Reference]:
    """The clean posts of the accounts that a mix was made from, those that are there; none if it is no mix."""
    inputs = clean.manifest().inputs.items()
    digests = {name.removeprefix(MEMBER): digest for name, digest in inputs if name.startswith(MEMBER)}
    found = [
        Reference("clean", handle, digest, str(home.folder("clean", handle) / digest))
        for handle, digest in digests.items()
    ]
    return [reference for reference in found if obtain(home, reference)]


def fetched_of(home: Home, clean: Reference) -> Reference | None:
    """The raw posts that clean posts were made from; None for a mix, whose posts come from several accounts."""
    return input_of(home, clean, "fetch") if "fetch" in clean.manifest().inputs else None


def _kept(clean: Reference) -> pa.Table:
    posts = pq.read_table(clean.file(CLEAN))
    kept = posts.filter(pc.field("kept"))
    return kept.append_column(AUTHOR, pa.repeat(pa.scalar(clean.handle), len(kept)))
