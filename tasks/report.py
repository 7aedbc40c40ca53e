"""What looks at all accounts of a run, as Prefect tasks: the comparison of authors, and the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.jobs.job import Job
from hugtweets.report import step as reports
from hugtweets.report.overview_page import LastRun
from hugtweets.steps.authorship import Candidate, compare_authors
from hugtweets.storage.artifacts import Reference


@task(name="authorship", task_run_name="authorship", cache_policy=NO_CACHE)
def authorship(candidates: Sequence[Candidate]) -> list[Reference]:
    """See :func:`hugtweets.steps.authorship.compare_authors`; whom to compare is asked before, once for all."""
    return compare_authors(candidates)


@task(name="report", task_run_name="report", cache_policy=NO_CACHE, persist_result=False)
def report(jobs: Sequence[Job], last_run: LastRun) -> Mapping[str, reports.Reported]:
    """See :func:`hugtweets.report.step.report`; which pages are up to date is asked there, for all of them."""
    return reports.report(jobs, last_run)
