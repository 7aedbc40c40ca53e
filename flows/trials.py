"""One account at each point of a sweep."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from prefect import Task

from flows.models import BaseModels
from flows.steps import Walk, Watch, settle
from hugtweets.errors import HugtweetsError
from hugtweets.evaluation.promotion import note_trial
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.models.registry import BaseModel
from hugtweets.steps.evaluate import plan_evaluate, read_scores
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.sweeps.outcome import TrialOutcome
from hugtweets.sweeps.points import Point
from tasks.evaluate import evaluate

if TYPE_CHECKING:
    from hugtweets.sources.x.users import XUser

logger = logging.getLogger("hugtweets.flows")


class Trial(Walk):
    """A walk whose model is compared, and never becomes the account's current one."""

    def step(self, task: Task[..., Reference], plan: Plan, *inputs: object) -> Reference:
        """Run one cached step; that a model is a trial is written down before it is made."""
        if plan.step == "finetune":
            note_trial(self.job.home, plan.reference(self.job.home), self.job.run)
        return super().step(task, plan, *inputs)

    def score(
        self, model: Reference, samples: Reference, tokens: Reference, cleaned: Reference, base: BaseModel
    ) -> None:
        """From a model and its posts to its scorecard, whatever the account's current model is."""
        plan = plan_evaluate(self.job, model, samples, tokens, cleaned, None)
        scores = self.step(evaluate, plan, model, samples, tokens, cleaned, None, base)
        self.outcome.metrics = read_scores(scores).model_dump()


def try_points(
    job: Job, user: XUser | HugtweetsError | None, models: BaseModels, points: Sequence[Point]
) -> list[TrialOutcome]:
    """Fetch the account once, then learn it at each point, one after the other: what they share is done once."""
    fetching = Walk(job, AccountOutcome(handle=job.handle))
    settle(fetching, lambda: fetching.through(user, lambda: models.find(job.config.train.base_model), "fetch"))
    return [_try(job, fetching.outcome, models, place, point) for place, point in enumerate(points)]


def _try(job: Job, fetched: AccountOutcome, models: BaseModels, place: int, point: Point) -> TrialOutcome:
    if "fetch" not in fetched.steps:
        return _outcome(place, fetched, seconds=0.0)
    found = fetched.steps["fetch"]
    timeline = Reference("fetch", job.handle, found.digest, found.path)
    here = replace(job, request=point.of(job.request))
    trial, watch = Trial(here, AccountOutcome(handle=job.handle)), Watch()
    logger.info("%s: %s", job.handle, point.label)
    settle(trial, lambda: trial.read(timeline, lambda: models.find(here.config.train.base_model), None))
    return _outcome(place, trial.outcome, watch.seconds)


def _outcome(place: int, account: AccountOutcome, seconds: float) -> TrialOutcome:
    figures = {name: value for name, value in account.metrics.items() if name in TrialOutcome.model_fields}
    if "evaluate" in account.steps:
        figures["training_posts"] = _counts(account, "tokenise")["train"]
        figures["train_seconds"] = _counts(account, "finetune")["seconds"]
    return TrialOutcome.model_validate(
        {
            "point": place,
            "handle": account.handle,
            "status": "completed" if account.status == "unchanged" else account.status,
            "reason": account.reason,
            "model": account.steps["finetune"].digest if "finetune" in account.steps else None,
            "seconds": round(seconds, 3),
            **figures,
        }
    )


def _counts(account: AccountOutcome, step: str) -> dict[str, Any]:
    made = account.steps[step]
    return Reference(step, account.handle, made.digest, made.path).manifest().counts
