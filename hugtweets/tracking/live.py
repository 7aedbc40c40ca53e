"""The curves of a training in W&B while it goes on, for those who are online.

The run is opened with the first figures, since an account may wait long for its turn on the device. Once the model is
there, :func:`hugtweets.tracking.track` takes the run over, adds what else belongs to it, and ends it. A training that
breaks off leaves a run that W&B shows as failed; the next one has a run of its own. If W&B is away the training goes on
without, and its curves are logged afterwards as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hugtweets.config import TrackingConfig
from hugtweets.devices.progress import Progress, listening
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.storage.home import Home
from hugtweets.tracking.internals import trouble
from hugtweets.tracking.runs import define_curves, describe_plan, start
from hugtweets.tracking.settings import resolve, wish
from hugtweets.tracking.writing import OUTAGE, reason_of

if TYPE_CHECKING:
    import wandb

# The runs of trainings that go on in this process, by the folder of the model.
_RUNS: dict[str, wandb.Run] = {}

logger = logging.getLogger(__name__)


@contextmanager
def live_curves(home: Home, plan: Plan, config: TrackingConfig, group: str) -> Iterator[None]:
    """Show what a step tells of its progress while the block runs; the model is to be logged within it as well."""
    place, gave_up = plan.reference(home).path, False

    def show(progress: Progress) -> None:
        nonlocal gave_up
        if gave_up or (progress.handle, progress.step) != (plan.handle, plan.step) or not progress.figures:
            return
        try:
            if place not in _RUNS:
                if not OUTAGE.may_try():
                    gave_up = True
                    return
                _RUNS[place] = start(home, describe_plan(plan), config, group, "online")
            define_curves(_RUNS[place], progress.figures)
            _RUNS[place].log(dict(progress.figures))
        except trouble() as error:
            gave_up = True
            OUTAGE.failed()
            logger.info("%s: no curves while it is trained, since W&B is away (%s)", plan.handle, reason_of(error))

    if wish(config) in ("offline", "disabled") or resolve(config) != "online":
        yield
        return
    try:
        with listening(show):
            yield
    finally:
        if run := _RUNS.pop(place, None):
            with suppress(*trouble()):
                run.finish(exit_code=1)


def take_live_run(reference: Reference) -> wandb.Run | None:
    """The run in which the curves of a model are already, to be completed and ended by the caller."""
    return _RUNS.pop(reference.path, None)
