"""A list of accounts under varied options: which of them predict best?

hugtweets sweep NASA --vary train.lr=1e-3,2e-3
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.account import learn
from flows.runs import begin, final_state, name_run
from flows.watching import ended, show_progress
from hugtweets.jobs.accounts import AccountRequest, run_wide
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.starting import has_models
from hugtweets.storage.atomic import write_text
from hugtweets.sweeps.outcome import SweepOutcome, TrialOutcome
from hugtweets.sweeps.points import Point
from hugtweets.sweeps.tracking import track_agent_run, track_trials
from hugtweets.tracking import AgentRun
from tasks.step import unseen, working_seconds

TABLE = "hugtweets-sweep"

logger = logging.getLogger("hugtweets.flows")


@flow(name="sweep", flow_run_name=lambda: name_run("sweep"))
def sweep(requests: list[AccountRequest], points: list[Point], agent: AgentRun | None = None) -> State[SweepOutcome]:
    """Learn every account at every point; no account's current model changes.

    ``refresh.parallel`` accounts at once, the points of an account one after the other. The table stays in the home as
    CSV, and in Prefect. ``agent`` is the run that W&B's agent waits for, if it asked for this sweep.
    """
    jobs = begin(requests, is_trial=True)
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=run_wide(requests).refresh.parallel)
    with runner:
        futures = [runner.submit(trials, {"job": unseen(job), "points": points}) for job in jobs]
        show_progress(ended(futures), len(jobs))
    path = jobs[0].home.sweeps / f"{jobs[0].run}.csv"
    outcome = SweepOutcome.of(jobs[0].run, str(path), points, _collect(jobs, points, futures))
    write_text(path, outcome.to_csv())
    create_table_artifact(key=TABLE, table=outcome.rows(), description=outcome.describe())
    if agent:
        track_agent_run(jobs, outcome, agent)
    return final_state(outcome, outcome.failure(), outcome.describe())


@task(name="trials", task_run_name="trials[{job.handle}]", cache_policy=NO_CACHE, persist_result=False)
def trials(job: Job, points: Sequence[Point]) -> list[TrialOutcome]:
    """Fetch the account once, then learn it at each point, one after the other: what they share is done once.

    Nothing is fetched for points whose models all are not there.
    """
    can_learn = any(has_models(replace(job, request=point.of(job.request))) for point in points)
    fetched = learn(replace(job, until="fetch")) if can_learn else None
    outcomes = [_try(job, fetched, place, point) for place, point in enumerate(points)]
    track_trials(job, points, outcomes)
    return outcomes


def _try(job: Job, fetched: AccountOutcome | None, place: int, point: Point) -> TrialOutcome:
    if fetched and "fetch" not in fetched.steps:
        return TrialOutcome.of(place, fetched, job.home, seconds=0.0)
    started = working_seconds()
    logger.info("%s: %s", job.handle, point.label)
    trial = replace(job, request=point.of(job.request))
    account = learn(trial, timeline=fetched.reference("fetch", job.home) if fetched else None)
    return TrialOutcome.of(place, account, job.home, working_seconds() - started)


def _collect(jobs: Sequence[Job], points: Sequence[Point], futures: Sequence[PrefectFuture[Any]]) -> list[TrialOutcome]:
    """All trials, point by point; an unforeseen error is a failure of that account at every point."""
    collected: list[TrialOutcome] = []
    for job, future in zip(jobs, futures, strict=True):
        result = future.state.result(raise_on_failure=False)
        if isinstance(result, list):
            collected += result
        else:
            reason = f"unforeseen {type(result).__name__}: {result}"
            collected += [
                TrialOutcome(point=place, handle=job.handle, status="failed", reason=reason)
                for place in range(len(points))
            ]
    return sorted(collected, key=lambda trial: trial.point)
