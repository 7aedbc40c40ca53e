"""When a step need not run: Prefect's cache key is the digest of the artifact that the step would make.

Prefect returns a cached result even if the files behind it are gone, and knows nothing of Weights & Biases. So
:func:`call` asks the artifact store first and tells Prefect to refresh what is not whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from prefect import Task
from prefect.context import TaskRunContext

from hugtweets.steps.step import Work, is_done
from hugtweets.storage.artifacts import Plan, Reference, exists


class Call(NamedTuple):
    """The artifact of a step, and whether it was there before."""

    reference: Reference
    cached: bool


def cache_key(plan: Callable[..., Plan]) -> Callable[[TaskRunContext, dict[str, Any]], str]:
    """A cache key function from the plan of a step; it takes those arguments of the task that the plan takes."""

    def key(context: TaskRunContext, arguments: dict[str, Any]) -> str:
        planned = plan(**{name: value for name, value in arguments.items() if name in plan.__annotations__})
        return f"hugtweets-{planned.step}-{planned.handle}-{planned.digest}"

    return key


def is_ready(job: Work, plan: Plan) -> bool:
    """Whether a step has nothing to do at all: a record of Prefect's alone brings no files here, and sends none."""
    return is_done(job, plan) and exists(plan.reference(job.home))


def call(step: Task[..., Reference], plan: Plan, job: Work, *inputs: object) -> Call:
    """Run a cached step in the flow that we are in."""
    reference = plan.reference(job.home)
    cached = is_done(job, plan) or exists(reference)
    step.with_options(refresh_cache=not is_ready(job, plan))(job, *inputs)
    return Call(reference, cached)
