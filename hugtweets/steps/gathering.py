"""Whether an account waits for others, to be trained or to write posts in one batch with them; how long, and why."""

from __future__ import annotations

import functools
import logging
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from hugtweets.devices.gathering import Gatherer, NotGathered, Work
from hugtweets.devices.selection import visible_gpus
from hugtweets.jobs.job import Job

# Seconds for which others are waited for on a GPU: a guess, since none could be had.
ON_GPU = 5.0

logger = logging.getLogger(__name__)
_gatherer = Gatherer()


@dataclass(frozen=True)
class Patience:
    """For how many seconds others are waited for, and why."""

    seconds: float
    reason: str


def patience_of(job: Job) -> Patience:
    """``refresh.gather_seconds``, or what suits the device and the run."""
    chosen, train = job.config.refresh.gather_seconds, job.config.train
    if train.method != "lora":
        return Patience(0, f"train.method={train.method} leaves nothing to share")
    if train.precision in ("8bit", "4bit"):
        return Patience(0, f"train.precision={train.precision} leaves no room for adapters side by side")
    if chosen is not None:
        return Patience(chosen, "as refresh.gather_seconds says")
    if not job.may_wait:
        return Patience(0, "only in a night others are waited for")
    if train.device not in ("auto", "cuda") or not visible_gpus():
        return Patience(0, "there is no GPU, which one account would leave idle")
    return Patience(ON_GPU, "as one account leaves a GPU idle")


def with_others(job: Job, step: str, kind: Hashable, item: object, work: Work, most: int) -> Any:
    """What comes of the item of an account, done in one batch with those of others of the same kind.

    See :meth:`hugtweets.devices.gathering.Gatherer.gather`.

    Raises:
        NotGathered: the account is to be dealt with by itself.
    """
    patience, options = patience_of(job), job.config.refresh
    if not patience.seconds:
        _say_once(f"Accounts are dealt with one after the other: {patience.reason}.")
        raise NotGathered(patience.reason)
    logger.info("%s: %s waits up to %g s for others, %s", job.handle, step, patience.seconds, patience.reason)
    try:
        return _gatherer.gather((step, kind), item, work, min(most, options.parallel), patience.seconds)
    except NotGathered as error:
        logger.info("%s: %s by itself: %s", job.handle, step, error)
        raise


@functools.cache
def _say_once(choice: str) -> None:
    """A choice that is the same for all accounts."""
    logger.info(choice)
