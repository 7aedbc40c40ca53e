"""The report, brought up to date at the end of a run."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from prefect import runtime
from prefect.settings import get_current_settings

from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, StepOutcome
from hugtweets.report.overview_page import LastRun
from hugtweets.steps import StepName, includes
from tasks.report import report

logger = logging.getLogger("hugtweets.flows")


def report_run(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome], until: StepName | None) -> None:
    """Add the report step to the outcomes, also of accounts that failed or were skipped: what is known is shown.

    A report can be made again at any time, so that trouble with it is no failure of the run.
    """
    if not includes(until, "report"):
        return
    state = report(jobs, _this_run(), return_state=True)
    made = state.result(raise_on_failure=False)
    if isinstance(made, BaseException):
        logger.warning("the report was not brought up to date (%s): make it with `hugtweets report`", made)
        return
    for outcome in outcomes:
        if done := made.get(outcome.handle):
            outcome.steps["report"] = StepOutcome.of(done.reference, done.cached, done.seconds)


def _this_run() -> LastRun:
    # The server that Prefect starts for one run alone is gone when somebody follows the link.
    lasting = bool(get_current_settings().api.url)
    return LastRun(str(runtime.flow_run.name), runtime.flow_run.ui_url if lasting else None)
