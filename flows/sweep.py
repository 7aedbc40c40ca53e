"""A list of accounts under varied options: which of them predict best?

hugtweets sweep NASA --vary train.lr=1e-3,2e-3
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prefect import flow, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.credentials import load_credentials
from flows.models import BaseModels
from flows.runs import final_state, look_up_all, name_run, open_home
from flows.trials import try_points
from flows.watching import ended, show_progress, tag_run
from hugtweets.errors import HugtweetsError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job, plan_jobs
from hugtweets.storage.atomic import write_text
from hugtweets.sweeps.outcome import SweepOutcome, TrialOutcome
from hugtweets.sweeps.points import Point
from hugtweets.sweeps.tracking import track_agent_run, track_trials
from hugtweets.tracking import AgentRun

if TYPE_CHECKING:
    from hugtweets.sources.x.users import XUser

TABLE = "hugtweets-sweep"


@task(name="trials", task_run_name="trials[{job.handle}]", cache_policy=NO_CACHE, persist_result=False)
def trials(
    job: Job, user: XUser | HugtweetsError | None, models: BaseModels, points: list[Point]
) -> list[TrialOutcome]:
    """See :func:`flows.trials.try_points`; never cached and never retried: that is for the steps inside."""
    outcomes = try_points(job, user, models, points)
    track_trials(job, points, outcomes)
    return outcomes


@flow(name="sweep", flow_run_name=lambda: name_run("sweep"))
def sweep(requests: list[AccountRequest], points: list[Point], agent: AgentRun | None = None) -> State[SweepOutcome]:
    """Learn every account at every point; no account's current model changes.

    ``refresh.parallel`` accounts at once, the points of an account one after the other. The table stays in the home as
    CSV, and in Prefect. ``agent`` is the run that W&B's agent waits for, if it asked for this sweep.
    """
    load_credentials()
    home = open_home()
    run = str(runtime.flow_run.name)
    jobs = plan_jobs(home, requests, run)
    tag_run([job.handle for job in jobs])
    users, models = look_up_all(jobs), BaseModels(home)
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=requests[0].config.refresh.parallel)
    with runner:
        futures = [
            runner.submit(trials, {"job": job, "user": users.get(job.handle), "models": models, "points": points})
            for job in jobs
        ]
        show_progress(ended(futures), len(jobs))
    path = home.sweeps / f"{run}.csv"
    outcome = SweepOutcome.of(run, str(path), points, _collect(jobs, points, futures))
    write_text(path, outcome.to_csv())
    create_table_artifact(key=TABLE, table=outcome.rows(), description=outcome.describe())
    if agent:
        track_agent_run(jobs, outcome, agent)
    return final_state(outcome, outcome.failure(), outcome.describe())


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
