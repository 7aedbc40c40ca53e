"""The sample step as a Prefect task."""

from __future__ import annotations

from hugtweets.jobs.job import Job
from hugtweets.steps import sample as steps
from hugtweets.storage.artifacts import Reference
from tasks.step import step


@step(steps.plan_sample, steps.record_sample)
def sample(job: Job, model: Reference, clean: Reference) -> Reference:
    """See :func:`hugtweets.steps.sample.sample`."""
    return steps.sample(job, model, clean)
