"""Many accounts: one ``handle[...]`` task each, the steps inside it, no failure touching another account.

hugtweets refresh ACCOUNTS.yaml
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.account import learn
from flows.dispatch import Dispatcher, add_learned, choose_dispatcher, find_assignment
from flows.forms import show_in_forms
from flows.generic import learn_generic_posts
from flows.runs import begin, finish, name_run, open_home, prune_home, state_name, stay_cancelled, was_cancelled
from flows.watching import ended, show_progress
from hugtweets.jobs.accounts import AccountRequest, AccountsFile, run_wide
from hugtweets.jobs.home_options import follow, read_home_options
from hugtweets.jobs.job import Assignment, Job, StepName, longest_waiting_first
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from tasks.step import unseen

logger = logging.getLogger("hugtweets.flows")


@flow(name="refresh", flow_run_name=lambda: name_run("refresh"))
def refresh(
    accounts: list[AccountRequest] | AccountsFile,
    until: StepName | None = None,
    may_wait: bool = True,
    verify: bool = False,
) -> State[RunOutcome]:
    """Take every account through the steps, several at once; see :func:`work_through` and :func:`work_through_file`."""
    if isinstance(accounts, AccountsFile):
        return work_through_file(accounts, until, verify)
    return work_through(accounts, until, may_wait, verify)


def work_through_file(file: AccountsFile, until: StepName | None = None, verify: bool = False) -> State[RunOutcome]:
    """A night: the accounts of a file, which gives the home its options from then on.

    Raises:
        InvalidHandle, ConfigurationError: the file makes no sense; nothing is started.
    """
    home = open_home()
    requests, notice = follow(home, file)
    logger.info(notice)
    show_in_forms(read_home_options(home).config())
    # Accounts that are tried again are no night of their own.
    return work_through(requests, until, may_wait=True, verify=verify, night=None if file.only else file.path)


def work_through(
    requests: list[AccountRequest],
    until: StepName | None,
    may_wait: bool,
    verify: bool = False,
    night: Path | None = None,
) -> State[RunOutcome]:
    """What every flow over a list of accounts does: ``refresh.parallel`` of them at once, and the run's final state.

    With ``may_wait`` a model waits for as many new posts as ``refresh.min_new_posts`` and ``min_new_characters`` say;
    with ``verify`` X is asked again for the posts that are stored, and the deleted ones go. ``night`` is the accounts
    file, if this is a run over all that it lists.
    """
    if was_cancelled():
        return stay_cancelled()
    dispatcher = choose_dispatcher(requests)
    # How many at once stands in the options, which a scheduled flow learns only when it runs.
    runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=run_wide(requests).refresh.parallel)
    with dispatcher or nullcontext(), runner:
        jobs = begin(requests, until=until, may_wait=may_wait, verify=verify)
        work = prepare if dispatcher else handle
        futures = {job.handle: runner.submit(work, {"job": unseen(job)}) for job in longest_waiting_first(jobs)}
        learned: dict[str, AccountOutcome] = {}
        show_progress(_ended(futures, dispatcher, learned), len(jobs))
    outcomes = [_outcome(job, futures[job.handle]) for job in jobs]
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.handle in learned:
            add_learned(job, outcome, learned[job.handle])
    if may_wait:
        learn_generic_posts(jobs, outcomes)
        prune_home(jobs)
    return finish(jobs, outcomes, night)


@task(name="handle", task_run_name="handle[{job.handle}]", cache_policy=NO_CACHE, persist_result=False)
def handle(job: Job) -> State[AccountOutcome]:
    """One account; never cached and never retried: that is for the steps inside."""
    outcome = learn(job)
    if outcome.status == "failed":
        return Failed(message=outcome.reason, data=outcome)
    return Completed(name=state_name(outcome.state), message=outcome.reason, data=outcome)


@task(name="handle", task_run_name="handle[{job.handle}]", cache_policy=NO_CACHE, persist_result=False)
def prepare(job: Job) -> State[Any]:
    """One account, whose model is made elsewhere; the outcome is that of the steps before, with what is to be done."""
    outcome, assignment = find_assignment(job)
    if outcome.status == "failed" and not assignment:
        return Failed(message=outcome.reason, data=(outcome, None))
    if assignment:
        logger.info("%s: to be learned elsewhere", job.handle)
    name = "Assigned" if assignment else state_name(outcome.state)
    return Completed(name=name, message=outcome.reason, data=(outcome, assignment))


def _ended(
    futures: Mapping[str, PrefectFuture[Any]], dispatcher: Dispatcher | None, learned: dict[str, AccountOutcome]
) -> Iterator[object]:
    """Each account when it is done; what is to be learned elsewhere is handed out, and comes back in ``learned``."""
    for future in ended(futures.values()):
        result = future.state.result(raise_on_failure=False)
        assignment = result[1] if isinstance(result, tuple) else None
        if dispatcher and isinstance(assignment, Assignment):
            dispatcher.submit(assignment)
        else:
            yield future
    for outcome in dispatcher.results() if dispatcher else ():
        learned[outcome.handle] = outcome
        yield outcome


def _outcome(job: Job, future: PrefectFuture[Any]) -> AccountOutcome:
    """What a handle task came to; an unforeseen error is that account's failure, its traceback stands in the UI."""
    result = future.state.result(raise_on_failure=False)
    outcome = result[0] if isinstance(result, tuple) else result
    if isinstance(outcome, AccountOutcome):
        return outcome
    return AccountOutcome.failure(job.handle, f"unforeseen {type(result).__name__}: {result}")
