"""Many accounts: one ``handle[...]`` task each, the steps inside it, no failure touching another account.

hugtweets refresh ACCOUNTS.yaml
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.comparison import compare
from flows.credentials import load_credentials
from flows.dispatch import find_machines
from flows.machines import Machines, located
from flows.models import BaseModels
from flows.reporting import report_run
from flows.runs import end, look_up_all, name_run, open_home
from flows.steps import Walk, process, settle
from flows.watching import ended, show_progress, tag_run
from hugtweets.errors import HugtweetsError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job, longest_waiting_first, plan_jobs
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.steps import StepName, includes
from hugtweets.steps.retraction import retract

if TYPE_CHECKING:
    from hugtweets.sources.x.users import XUser


@task(name="handle", task_run_name="handle[{job.handle}]", cache_policy=NO_CACHE, persist_result=False)
def handle(
    job: Job,
    user: XUser | HugtweetsError | None,
    models: BaseModels,
    until: StepName | None,
    may_wait: bool,
    verify: bool,
    machines: Machines | None,
) -> State[AccountOutcome]:
    """One account; never cached and never retried: that is for the steps inside.

    With ``machines`` what is to be learned is left to them, and the outcome is that of the steps before.
    """
    assign = machines.assign if machines else None
    outcome = process(job, user, lambda: models.find(job.config.train.base_model), until, may_wait, verify, assign)
    if outcome.status == "failed":
        return Failed(message=outcome.reason, data=outcome)
    if machines and machines.has(job.handle):
        return Completed(name="Assigned", message=outcome.reason, data=outcome)
    return Completed(name=outcome.status.capitalize(), message=outcome.reason, data=outcome)


@flow(name="refresh", flow_run_name=lambda: name_run("refresh"))
def refresh(
    requests: list[AccountRequest], until: StepName | None = None, may_wait: bool = True, verify: bool = False
) -> State[RunOutcome]:
    """Take every account through the steps, several at once; see :func:`work_through`."""
    return work_through(requests, until, may_wait, verify)


def work_through(
    requests: list[AccountRequest], until: StepName | None, may_wait: bool, verify: bool = False
) -> State[RunOutcome]:
    """What every flow over a list of accounts does: ``refresh.parallel`` of them at once, and the run's final state.

    With ``may_wait`` a model waits for as many new posts as ``refresh.min_new_posts`` and ``min_new_characters`` say;
    with ``verify`` X is asked again for the posts that are stored, and the deleted ones go.
    """
    load_credentials()
    home = open_home()
    run = str(runtime.flow_run.name)
    jobs = plan_jobs(home, requests, run)
    tag_run([job.handle for job in jobs])
    waiting = longest_waiting_first(jobs)
    machines = find_machines(requests, home)
    # How many at once stands in the options, which a scheduled flow learns only when it runs.
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=requests[0].config.refresh.parallel)
    with machines or nullcontext(), runner:
        users, models = look_up_all(waiting), BaseModels(home)
        futures = {
            job: runner.submit(handle, _parameters(job, users, models, until, may_wait, verify, machines))
            for job in waiting
        }
        by_handle = {job.handle: future for job, future in futures.items()}
        show_progress(machines.serve(by_handle) if machines else ended(by_handle.values()), len(jobs))
    learned = machines.outcomes if machines else {}
    outcomes = [_outcome(job, until, futures[job], learned.get(job.handle)) for job in jobs]
    compare(jobs, outcomes, models)
    report_run(jobs, outcomes, until)
    return end(run, home, outcomes)


def _parameters(
    job: Job,
    users: dict[str, XUser | HugtweetsError],
    models: BaseModels,
    until: StepName | None,
    may_wait: bool,
    verify: bool,
    machines: Machines | None,
) -> dict[str, Any]:
    return {
        "job": job,
        "user": users.get(job.handle),
        "models": models,
        "until": until,
        "may_wait": may_wait,
        "verify": verify,
        "machines": machines,
    }


def _outcome(
    job: Job, until: StepName | None, future: PrefectFuture[State[AccountOutcome]], learned: AccountOutcome | None
) -> AccountOutcome:
    """What a handle task and, if there is any, the machine that learned came to.

    An unforeseen error is that account's failure, its traceback stands in the UI.
    """
    result = future.state.result(raise_on_failure=False)
    if isinstance(result, AccountOutcome):
        if learned:
            result.complete(located(learned, job.home))
        if learned and result.status == "completed" and includes(until, "finetune"):
            settle(Walk(job, result), lambda: retract(job))
        return result
    return AccountOutcome(handle=job.handle, status="failed", reason=f"unforeseen {type(result).__name__}: {result}")
