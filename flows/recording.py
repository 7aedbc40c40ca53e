"""What goes wrong with an account becomes its outcome, and touches no other account."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.transactions import CommitMode, transaction

from hugtweets.errors import Fate, HugtweetsError
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.storage.full_disk import naming_full_disk
from hugtweets.timelines.shared import SharedTimeline
from tasks.step import NotMade

logger = logging.getLogger("hugtweets.flows")


@contextmanager
def recorded(job: Job) -> Iterator[AccountOutcome]:
    """Write down in the job's outcome how the block ended; errors end here, each as its class says."""
    outcome = job.outcome
    try:
        # Without the eager commit, steps called inside a task are recorded only when that task ends.
        with transaction(commit_mode=CommitMode.EAGER), naming_full_disk(job.home, job.handle):
            yield outcome
    except NotMade:
        raise
    except HugtweetsError as error:
        outcome.status, outcome.reason = _fate(job, error)
        outcome.put_off = error.put_off_by
    except Exception as error:
        # Nobody foresaw it: its traceback stands in the Prefect UI, and on a terminal with -v.
        with suppress(MissingContextError):
            get_run_logger().exception("%s", job.handle)
        outcome.status = "failed"
        outcome.remark(f"unforeseen {type(error).__name__}: {error}")
    else:
        outcome.status = "failed" if outcome.refused else "unchanged" if outcome.is_unchanged() else "completed"
    logger.info("%s: %s%s", job.handle, outcome.state, f": {outcome.reason}" if outcome.reason else "")


def _fate(job: Job, error: HugtweetsError) -> tuple[Fate, str]:
    """Status and reason of an account that an error has ended."""
    said = "; ".join(part for part in (job.outcome.reason, str(error)) if part)
    if error.account == error.account_if_stored or not SharedTimeline(job.home, job.handle).exists():
        return error.account, said
    return error.account_if_stored, f"{said}; what is stored of it stays until `hugtweets forget {job.handle}`"
