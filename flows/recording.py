"""What goes wrong with an account becomes its outcome, and touches no other account."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.transactions import CommitMode, transaction

from hugtweets.errors import AccountUnavailable, HugtweetsError, PutOff, RateLimited
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, AccountStatus
from hugtweets.storage.full_disk import naming_full_disk
from hugtweets.timelines.shared import SharedTimeline

logger = logging.getLogger("hugtweets.flows")


@contextmanager
def recorded(job: Job) -> Iterator[AccountOutcome]:
    """Write down in the job's outcome how the block ended; errors that are the account's own end here."""
    outcome = job.outcome
    try:
        # Without the eager commit, steps called inside a task are recorded only when that task ends.
        with transaction(commit_mode=CommitMode.EAGER), naming_full_disk(job.home, job.handle):
            yield outcome
    except (PutOff, RateLimited) as error:
        outcome.status = "skipped"
        outcome.remark(error)
    except AccountUnavailable as error:
        outcome.status, outcome.reason = _unavailable(job, error)
    except HugtweetsError as error:
        outcome.status = "failed"
        outcome.remark(error)
    else:
        outcome.status = "unchanged" if outcome.is_unchanged() else "completed"
    logger.info("%s: %s%s", job.handle, outcome.status, f": {outcome.reason}" if outcome.reason else "")


def _unavailable(job: Job, error: AccountUnavailable) -> tuple[AccountStatus, str]:
    """Status and reason of an account that X does not show.

    One that was read before has vanished, which no run can change: it must not make every night end as failed. One of
    which nothing is stored is a request that could not be met, such as a misspelled handle.
    """
    if not SharedTimeline(job.home, job.handle).exists():
        return "failed", str(error)
    return "skipped", f"{error}; what is stored of it stays until `hugtweets forget {job.handle}`"
