"""The tokenise step as a Prefect task."""

from __future__ import annotations

from hugtweets.jobs.job import Job
from hugtweets.steps import tokenise as steps
from hugtweets.storage.artifacts import Reference
from tasks.step import step


@step(steps.plan_tokenise, steps.record_tokenise)
def tokenise(job: Job, clean: Reference) -> Reference:
    """See :func:`hugtweets.steps.tokenise.tokenise`."""
    return steps.tokenise(job, clean)
