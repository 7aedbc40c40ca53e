"""What a person sees of a run in the Prefect UI while it goes on and after it, and what an automation can react to."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast
from uuid import UUID

from prefect import runtime
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.futures import PrefectFuture, as_completed

from hugtweets.budget.ledger import Ledger
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.jobs.status import HomeState
from tasks.events import tell

PROGRESS = "hugtweets-progress"
TABLE = "hugtweets-accounts"
STATUS = "hugtweets-status"
TAG = "hugtweets"
MOST_TAGS = 10
COMPLETED_EVENT = "hugtweets.run.completed"
FAILED_EVENT = "hugtweets.accounts.failed"
# Three hundred accounts that end at once should not be three hundred requests to the server.
UPDATE_SECONDS = 2.0

logger = logging.getLogger("hugtweets.flows")


def tag_run(handles: Sequence[str]) -> None:
    """Let a run be found by ``hugtweets`` and by its accounts, if they are few enough to be read.

    Tasks get no tags: Prefect asks its server for a limit of every tag of every task.
    """
    wanted = {*runtime.flow_run.tags, TAG, *(handles if len(handles) <= MOST_TAGS else ())}
    with only_shown("the tags"), get_client(sync_client=True) as client:
        client.update_flow_run(UUID(str(runtime.flow_run.id)), tags=wanted)


def ended(futures: Iterable[PrefectFuture[Any]]) -> Iterator[PrefectFuture[Any]]:
    """The futures, each when it is done."""
    for future in as_completed(list(futures)):
        # Done, but its final state is known only to who waits for it.
        future.wait()
        yield future


@contextmanager
def only_shown(what: str) -> Iterator[None]:
    """What only shows something never ends a run, whatever goes wrong with it: that is said in the log."""
    try:
        yield
    except Exception as error:
        logger.warning("%s could not be shown (%s: %s); the run goes on", what, type(error).__name__, error)


def show_progress(accounts: Iterable[object], total: int) -> None:
    """Wait for all accounts of a run, each given when it is done; a progress artifact tells how many are."""
    shown, artifact = time.monotonic(), None
    for done, _ in enumerate(chain([None], accounts)):
        if done in (0, total) or time.monotonic() - shown >= UPDATE_SECONDS:
            share, told, shown = 100 * done / total, f"{done} of {total} accounts", time.monotonic()
            with only_shown("the progress"):
                # Typed as if it might be awaited; it is not, in a flow that is not async.
                artifact = artifact or cast("UUID", create_progress_artifact(share, key=PROGRESS, description=told))
                update_progress_artifact(artifact, share, description=told)


def show_status(state: HomeState) -> None:
    """Leave a table of how all accounts of the home stand."""
    rows = [account.row() for account in state.accounts]
    with only_shown("how the accounts stand"):
        create_table_artifact(key=STATUS, table=rows, description=state.describe())


def show_outcome(outcome: RunOutcome, ledger: Ledger) -> None:
    """Leave a table of all accounts, and tell automations that the run ended, and how."""
    with only_shown("the table of accounts"):
        rows = [account.row(ledger.of(account.handle).spent().usd) for account in outcome.accounts]
        create_table_artifact(key=TABLE, table=rows, description=outcome.describe())
    tell(
        FAILED_EVENT if outcome.status == "failed" else COMPLETED_EVENT,
        resource=f"prefect.flow-run.{runtime.flow_run.id}",
        name=outcome.flow_run,
        payload=outcome.summary(),
    )
