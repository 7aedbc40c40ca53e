"""What makes a step of the library a Prefect task: its cache key, its record, and when it need not run.

Prefect's cache key is the digest of the artifact that the step would make. Prefect returns a cached result even if the
files behind it are gone, and knows nothing of Weights & Biases: so the artifacts are asked first, and Prefect is told
to refresh what is not whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, TypeVar, cast

from prefect import Task
from prefect.utilities.annotations import quote

from hugtweets.devices.queue import waited_seconds
from hugtweets.jobs.job import Job
from hugtweets.steps.step import Work, is_done
from hugtweets.storage.artifacts import Plan, Reference, exists, obtain
from tasks.retries import STEP_DELAYS, is_worth_another

Inputs = ParamSpec("Inputs")
OfWork = TypeVar("OfWork", bound=Work)
Value = TypeVar("Value")
Planner = Callable[Concatenate[OfWork, Inputs], Plan]
Maker = Callable[Concatenate[OfWork, Inputs], Reference]


class NotMade(Exception):
    """A step would have to be run, and the job only finds what is there."""


def unseen(value: Value) -> Value:
    """Passed to a task unseen: Prefect's graph has arrows from what a step is made of, not from what a job holds."""
    return cast("Value", quote(value))


def working_seconds() -> float:
    """A clock that stands still while the calling thread waits for its turn on the device."""
    return time.monotonic() - waited_seconds()


def step(
    plan: Planner[OfWork, Inputs], record: Callable[[Job, Reference], None] | None = None
) -> Callable[[Maker[OfWork, Inputs]], Step[OfWork, Inputs]]:
    """A decorator: the function becomes a cached Prefect task.

    Args:
        plan: takes what the function takes, and says which artifact it would make.
        record: writes what a run has to tell of the artifact into the job's outcome.
    """
    return lambda make: Step(make, plan, record)


class Step(Generic[OfWork, Inputs]):
    """A step of the library, to be called in a flow."""

    def __init__(
        self,
        make: Maker[OfWork, Inputs],
        plan: Planner[OfWork, Inputs],
        record: Callable[[Job, Reference], None] | None,
    ) -> None:
        self.plan = plan
        self._record = record
        name = make.__name__
        self._task = Task(
            make,
            name=name,
            task_run_name=f"{name}[{{job.handle}}]",
            persist_result=True,
            result_serializer="json",
            retries=len(STEP_DELAYS),
            retry_delay_seconds=STEP_DELAYS,
            retry_condition_fn=is_worth_another,
        )

    def __call__(self, job: OfWork, *inputs: Inputs.args, **options: Inputs.kwargs) -> Reference:
        """Make the artifact unless it is there, and write down in the job's outcome that it is.

        Raises:
            NotMade: it is not there, and ``job.finds_only``.
        """
        started, plan = working_seconds(), self.plan(job, *inputs, **options)
        reference, is_complete = plan.reference(job.home), is_done(job, plan)
        was_there = is_complete or exists(reference)
        if isinstance(job, Job) and job.finds_only:
            _find(job, reference, is_complete)
        elif not (isinstance(job, Job) and job.may_wait and is_complete and exists(reference)):
            cached = self._task.with_options(
                cache_key_fn=lambda context, arguments: f"hugtweets-{plan.step}-{plan.handle}-{plan.digest}@rooms",
                # A record of Prefect's alone brings no files here, and sends none.
                refresh_cache=not (is_complete and exists(reference)),
            )
            reference = cached(unseen(job), *inputs, **options)
        if isinstance(job, Job):
            job.outcome.note(plan.step, reference, was_there, working_seconds() - started)
            if self._record:
                self._record(job, reference)
        return reference


def _find(job: Job, reference: Reference, is_complete: bool) -> None:
    """Bring an artifact that another machine may have made, but for weights, which are large and not read here."""
    if not is_complete:
        raise NotMade(reference.step)
    if reference.step != "finetune":
        obtain(job.home, reference)
