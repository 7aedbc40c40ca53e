"""The decision about a model as a Prefect task."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from hugtweets.evaluation.promotion import Standing
from hugtweets.jobs.job import Job
from hugtweets.steps import evaluate as steps
from hugtweets.storage.artifacts import Reference
from tasks.step import unseen


def promote(job: Job, model: Reference, scores: Reference) -> None:
    """Decide whether the model becomes the account's current one; a trial never does.

    What was decided before is no task of its own, for the reason that ``may_wait`` of a job has.
    """
    if job.is_trial:
        return
    if job.outcome.is_unchanged():
        job.outcome.promotion = steps.promote(job, model, scores)
    else:
        job.outcome.promotion = decide_on(unseen(job), model, scores)


@task(name="promote", task_run_name="promote[{job.handle}]", cache_policy=NO_CACHE)
def decide_on(job: Job, model: Reference, scores: Reference) -> Standing:
    """See :func:`hugtweets.steps.evaluate.promote`."""
    return steps.promote(job, model, scores)
