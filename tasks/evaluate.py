"""The evaluate step as a Prefect task."""

from __future__ import annotations

from hugtweets.jobs.job import Job
from hugtweets.steps import evaluate as steps
from hugtweets.storage.artifacts import Reference
from tasks.step import step


@step(steps.plan_evaluate, steps.record_evaluate)
def evaluate(job: Job, model: Reference, samples: Reference, tokens: Reference, clean: Reference) -> Reference:
    """See :func:`hugtweets.steps.evaluate.evaluate`."""
    return steps.evaluate(job, model, samples, tokens, clean)
