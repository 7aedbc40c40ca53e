"""The comparison of authors as a Prefect task."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.steps import authorship as step
from hugtweets.storage.artifacts import Reference


@task(name="authorship", task_run_name="authorship", cache_policy=NO_CACHE)
def authorship(candidates: Sequence[step.Candidate]) -> list[Reference]:
    """See :func:`hugtweets.steps.authorship.compare_authors`; whom to compare is asked before, once for all."""
    return step.compare_authors(candidates)
