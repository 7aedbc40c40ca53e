"""The clean step as a Prefect task, and its stand-in for a mix."""

from __future__ import annotations

from collections.abc import Sequence

from hugtweets.jobs.job import Job
from hugtweets.steps import clean as steps
from hugtweets.steps import mix as mixes
from hugtweets.storage.artifacts import Reference
from tasks.step import step


@step(steps.plan_clean, steps.record_clean)
def clean(job: Job, timeline: Reference) -> Reference:
    """See :func:`hugtweets.steps.clean.clean`."""
    return steps.clean(job, timeline)


@step(mixes.plan_mix, mixes.record_mix)
def mix(job: Job, members: Sequence[Reference]) -> Reference:
    """See :func:`hugtweets.steps.mix.mix`."""
    return mixes.mix(job, members)
