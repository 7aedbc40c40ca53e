"""The report step as a Prefect task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.jobs.job import Job
from hugtweets.report import step
from hugtweets.report.overview_page import LastRun


@task(name="report", task_run_name="report", cache_policy=NO_CACHE, persist_result=False)
def report(jobs: Sequence[Job], last_run: LastRun) -> Mapping[str, step.Reported]:
    """See :func:`hugtweets.report.step.report`; which pages are up to date is asked there, for all of them."""
    return step.report(jobs, last_run)
