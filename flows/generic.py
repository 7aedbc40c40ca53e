"""What a night does for the next: a model of other people's posts, by which the person's part of a gain is told."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from flows.watching import only_shown
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.generic import find_crowd, to_pooling
from hugtweets.storage.handles import is_mix
from tasks.generic import learn_generic

logger = logging.getLogger("hugtweets.flows")


def learn_generic_posts(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome]) -> None:
    """Learn one generic model at most, for accounts that were judged without one; trouble with it fails no night.

    It is learned in this process: where accounts are learned elsewhere, nothing is.
    """
    lacking = [job for job, outcome in zip(jobs, outcomes, strict=True) if _lacks_generic(job, outcome)]
    if lacking:
        with only_shown("how much of a gain is the person's, which evaluate.generic=false does not ask,"):
            _learn_for(lacking)


def _learn_for(lacking: Sequence[Job]) -> None:
    first = lacking[0]
    alike = [job.handle for job in lacking if job.base_model.digest == first.base_model.digest]
    if crowd := find_crowd(first.home, alike, first.base_model):
        told = "learning posts of %d accounts together, once, to tell how much of a gain is the person's (%s)"
        logger.info(told, len(crowd.posts), f"evaluate.generic; next time for {', '.join(crowd.left_out)}")
        learn_generic(to_pooling(first, crowd))


def _lacks_generic(job: Job, outcome: AccountOutcome) -> bool:
    """Whether an account was judged in this run, and its scores lack the generic model that it should have."""
    judged = outcome.steps.get("evaluate")
    wanted = job.config.evaluate.generic and job.config.refresh.dispatch == "threads" and not is_mix(job.handle)
    return wanted and judged is not None and not judged.cached and not outcome.metrics.get("generic_accounts")
