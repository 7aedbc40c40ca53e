"""The finetune step as a Prefect task, and its stand-in for a blend."""

from __future__ import annotations

from collections.abc import Sequence

from hugtweets.jobs.job import Job
from hugtweets.steps import blend as blends
from hugtweets.steps import finetune as steps
from hugtweets.steps.starting import find_start
from hugtweets.storage.artifacts import Plan, Reference
from tasks.step import step


def plan_finetune(job: Job, tokens: Reference, posts: Reference) -> Plan:
    """The training from wherever it should start."""
    return steps.plan_finetune(job, tokens, find_start(job, tokens, posts))


@step(plan_finetune)
def finetune(job: Job, tokens: Reference, posts: Reference) -> Reference:
    """See :func:`hugtweets.steps.finetune.finetune`."""
    return steps.finetune(job, tokens, find_start(job, tokens, posts))


@step(blends.plan_blend)
def blend(job: Job, tokens: Reference, parts: Sequence[blends.Part]) -> Reference:
    """See :func:`hugtweets.steps.blend.blend`."""
    return blends.blend(job, tokens, parts)
