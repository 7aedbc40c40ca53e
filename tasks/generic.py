"""Learning a model of generic posts, as a Prefect task."""

from __future__ import annotations

from hugtweets.jobs.pools import Pooling
from hugtweets.steps import generic as steps
from hugtweets.storage.artifacts import Reference
from tasks.step import step


@step(steps.plan_generic)
def learn_generic(job: Pooling) -> Reference:
    """See :func:`hugtweets.steps.generic.learn_generic`."""
    return steps.learn_generic(job)
