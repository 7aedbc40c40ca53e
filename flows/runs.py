"""What every flow run has: a name, jobs, look-ups, a report, and an end that tells which accounts failed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Completed, Failed
from pydantic import BaseModel

from flows.credentials import load_credentials
from flows.watching import only_shown, show_outcome, show_status, tag_run
from hugtweets.budget.ledger import Ledger
from hugtweets.budget.shared_ledger import catch_up, push_ledger
from hugtweets.errors import AccountsFailed, HugtweetsError
from hugtweets.jobs.accounts import AccountRequest, run_wide, tracked
from hugtweets.jobs.history import record_run
from hugtweets.jobs.job import Job, includes, longest_waiting_first, plan_jobs
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome, StepOutcome
from hugtweets.jobs.pruning import Pruned
from hugtweets.jobs.status import read_status
from hugtweets.report.overview_page import LastRun
from hugtweets.sources.x.standing import standing_of
from hugtweets.steps.authorship import find_candidates, record_authorship
from hugtweets.steps.look_up import not_looked_up
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.tracking.alerts import alert_of_failure
from tasks.fetch import look_up
from tasks.prune import prune
from tasks.report import authorship, report
from tasks.retries import patient
from tasks.step import unseen
from tasks.track import catch_up_with_wandb

Outcome = TypeVar("Outcome", bound=BaseModel)

logger = logging.getLogger("hugtweets.flows")


def name_run(subject: str) -> str:
    """``refresh-20261123-030000-4f2a``: what ran, when (UTC), and the start of Prefect's own id."""
    return f"{subject}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{str(runtime.flow_run.id)[:4]}"


def open_home() -> Home:
    """The home of this machine, knowing what all machines spent, and with the credentials that Prefect keeps.

    Raises:
        ConfigurationError: there is a store that cannot be used.
    """
    _announce_in_logs()
    load_credentials()
    home = Home.from_environment()
    catch_up(home)
    return home


def _announce_in_logs() -> None:
    """Let what is announced reach the run's log: Prefect gives the loggers that it is told of no level of their own."""
    ours = logging.getLogger("hugtweets")
    if ours.level == logging.NOTSET:
        ours.setLevel(logging.INFO)


def begin(requests: Sequence[AccountRequest], look_up: bool = True, **options: Any) -> list[Job]:
    """The jobs of this run, looked up on X if that is where their posts are; ``options`` are those of a Job."""
    jobs = plan_jobs(open_home(), requests, str(runtime.flow_run.name), **options)
    tag_run([member for job in jobs for member in members_of(job.handle)])
    return look_up_users(jobs) if look_up else jobs


def was_cancelled() -> bool:
    """Whether somebody cancelled this run before it was started again.

    A cancelled run whose process ended before its worker could say so has crashed to Prefect, and crashed runs are
    started again.
    """
    if runtime.flow_run.run_count < 2:
        return False
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(str(runtime.flow_run.id)))
    types = [state.type for state in sorted(states, key=lambda state: state.timestamp)]
    return crash_was_cancellation(types)


def crash_was_cancellation(types: Sequence[StateType]) -> bool:
    """Whether the last crash of a run, whose states are given from the first to the last, met one being cancelled."""
    crashes = [place for place, found in enumerate(types) if found == StateType.CRASHED]
    return bool(crashes) and types[crashes[-1] - 1] in (StateType.CANCELLING, StateType.CANCELLED)


def stay_cancelled() -> State[Any]:
    """The end of a run that should not have been started again."""
    return Cancelled(message="It was cancelled before, and is not done now that it was started again.")


def look_up_users(jobs: Sequence[Job]) -> list[Job]:
    """Find out which accounts on X the handles are; what ends the look-up is the error of all not known yet."""
    asked = [job for job in longest_waiting_first(jobs) if job.request.asks_x]
    if not asked:
        return list(jobs)
    config = run_wide([job.request for job in asked]).fetch
    try:
        found = patient(look_up, config)(unseen(asked), config)
    except HugtweetsError as error:
        found = not_looked_up(asked, error)
    push_ledger(asked[0].home, asked[0].run)
    return [replace(job, user=found.get(job.handle)) for job in jobs]


def finish(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome], night: Path | None = None) -> State[RunOutcome]:
    """Compare the authors, bring the report up to date, and end the run; ``night`` is its accounts file, if it has one.

    The final state's data is the :class:`RunOutcome`, or :class:`AccountsFailed` naming who failed.
    """
    with only_shown("whose the posts are taken for"):
        if candidates := find_candidates(jobs, outcomes):
            authorship(unseen(candidates))
        record_authorship(jobs, outcomes)
    if includes(jobs[0].until, "report"):
        with only_shown("the report, which `hugtweets report` makes,"):
            report_run(jobs, outcomes)
    home, tracking = jobs[0].home, run_wide([job.request for job in jobs]).tracking
    with only_shown("what W&B did not take so far, which `hugtweets sync` sends,"):
        catch_up_with_wandb(home, tracking)
    ledger = Ledger(jobs[0].home.ledger, jobs[0].run)
    outcome = RunOutcome.of(jobs[0].run, outcomes, ledger.spent(), *look_back(jobs, outcomes))
    show_outcome(outcome, ledger)
    remember_run(jobs[0], outcome, night)
    if night:
        alert(jobs, outcome)
    return final_state(outcome, outcome.failure(), outcome.describe(), "put off" if outcome.put_off() else "completed")


def alert(jobs: Sequence[Job], outcome: RunOutcome) -> None:
    """Have W&B tell of a night that failed, if asked for, but not of accounts that are kept from it."""
    shown = tracked([job.request for job in jobs])
    named = {request.handle for request in shown}
    told = outcome.model_copy(update={"accounts": [found for found in outcome.accounts if found.handle in named]})
    if failure := told.failure():
        alert_of_failure(jobs[0].home, failure, told.failed(), shown[0].config.tracking, jobs[0].run)


def look_back(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome]) -> tuple[list[str], bool]:
    """What is to be said of reading X in this run, and whether nothing was fetched, as limits put every account off.

    What was spent and cannot be told the store is said in the rows of the accounts too.
    """
    home, run, ledger = jobs[0].home, jobs[0].run, jobs[0].ledger
    asked = [outcome for job, outcome in zip(jobs, outcomes, strict=True) if job.request.asks_x]
    nothing_fetched = bool(asked) and all(outcome.put_off == "rate limit" for outcome in asked)
    unsent = push_ledger(home, run)
    for outcome in asked if unsent else ():
        outcome.remark("what it cost is not in the store yet")
    remarks = [str(remark) for remark in (standing_of(ledger).ended_by, unsent) if remark]
    if nothing_fetched:
        remarks.append(f"nothing was fetched, as X put every account off ({asked[0].reason})")
    return remarks, nothing_fetched


def remember_run(job: Job, outcome: RunOutcome, night: Path | None) -> None:
    """Add the run to the home's history, and after a night show how all accounts stand; trouble with it ends no run."""
    with only_shown("this run in the history, which `hugtweets status` shows,"):
        record_run(job.home, outcome, whole=includes(job.until, "evaluate"), accounts=night)
        if night:
            show_status(read_status(job.home))


def report_run(jobs: Sequence[Job], outcomes: Iterable[AccountOutcome]) -> None:
    """Add the report step to the outcomes, also of accounts that failed or were skipped: what is known is shown."""
    # The server that Prefect starts for one run alone is gone when somebody follows the link.
    url = runtime.flow_run.ui_url if get_current_settings().api.url else None
    made = report(unseen(jobs), LastRun(jobs[0].run, url))
    for outcome in outcomes:
        if done := made.get(outcome.handle):
            outcome.steps["report"] = StepOutcome.of(done.reference, done.cached, done.seconds)


def prune_home(jobs: Sequence[Job]) -> None:
    """Make room if ``storage.keep_models`` or ``keep_days`` is set; trouble with that is no failure of a run."""
    home, config = jobs[0].home, run_wide([job.request for job in jobs]).storage
    if not config.is_set:
        return
    options = ", ".join(f"storage.{name}={value}" for name, value in config if value is not None)
    pruned = prune(unseen(home), config, return_state=True).result(raise_on_failure=False)
    if isinstance(pruned, Pruned):
        logger.info("%s, as %s says", pruned.describe(), options)
    else:
        logger.warning("not all was pruned that %s says (%s): the next night goes on with it", options, pruned)


# What ended in this process, by the id of Prefect's run.
_ended: dict[str, BaseModel] = {}


def state_name(state: str) -> str:
    """``put off`` as Prefect spells names of states: ``PutOff``."""
    return state.title().replace(" ", "")


def final_state(outcome: Outcome, failure: str | None, sentence: str, state: str = "completed") -> State[Outcome]:
    """Completed (or what ``state`` says) with the outcome, or Failed with an error that holds it.

    This process remembers the outcome either way.
    """
    _ended[str(runtime.flow_run.id)] = outcome
    if failure:
        return Failed(message=failure, data=AccountsFailed(failure, outcome))
    return Completed(name=state_name(state), message=sentence, data=outcome)


def outcome_of(state: State[Any]) -> RunOutcome:
    """What a run of this process came to; see :func:`ended_with`."""
    return ended_with(state, RunOutcome)


def ended_with(state: State[Any], kind: type[Outcome]) -> Outcome:
    """The outcome of a flow run of this process.

    The state need not have it: if the answer to a run's last report is lost, Prefect's client reports again and is sent
    the state that the server has, without its data.

    Raises:
        Exception: what ended the run before it came to anything.
    """
    ended = _ended.get(str(state.state_details.flow_run_id))
    return ended if isinstance(ended, kind) else kind.model_validate(state.result())
