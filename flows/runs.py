"""What every flow run has: a name, jobs, look-ups, an end that tells which accounts failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import BaseModel

from flows.watching import show_outcome
from hugtweets.budget.ledger import Ledger
from hugtweets.budget.shared_ledger import catch_up, push_ledger
from hugtweets.errors import AccountsFailed, HugtweetsError
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.storage.home import Home
from tasks.fetch import look_up
from tasks.retries import patient

if TYPE_CHECKING:
    from hugtweets.sources.x.users import XUser

Outcome = TypeVar("Outcome", bound=BaseModel)


def name_run(subject: str) -> str:
    """``refresh-20261123-030000-4f2a``: what ran, when (UTC), and the start of Prefect's own id."""
    return f"{subject}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{str(runtime.flow_run.id)[:4]}"


def open_home() -> Home:
    """The home of this machine, knowing what all machines spent.

    Raises:
        ConfigurationError: there is a store that cannot be used.
    """
    home = Home.from_environment()
    catch_up(home)
    return home


def look_up_all(jobs: Sequence[Job]) -> dict[str, XUser | HugtweetsError]:
    """One request for up to 100 accounts on X; an answer that concerns the whole request is every account's."""
    asked = [job for job in jobs if job.request.source_spec.kind == "x"]
    if not asked:
        return {}
    handles = [job.handle for job in asked]
    config = asked[0].config.fetch
    home, run = asked[0].home, asked[0].run
    try:
        found = dict(patient(look_up, config)(handles, Ledger(home.ledger, run), config))
        push_ledger(home, run)
    except HugtweetsError as error:
        return dict.fromkeys(handles, error)
    return found


# What ended in this process, by the id of Prefect's run.
_ended: dict[str, BaseModel] = {}


def end(run: str, home: Home, accounts: Sequence[AccountOutcome]) -> State[RunOutcome]:
    """The final state of a run: its data is the :class:`RunOutcome`, or :class:`AccountsFailed` naming who failed."""
    ledger = Ledger(home.ledger, run)
    outcome = RunOutcome.of(run, accounts, ledger.spent())
    show_outcome(outcome, ledger)
    return final_state(outcome, outcome.failure(), outcome.describe())


def final_state(outcome: Outcome, failure: str | None, sentence: str) -> State[Outcome]:
    """Completed with the outcome, or Failed with an error that holds it; this process remembers it either way."""
    _ended[str(runtime.flow_run.id)] = outcome
    if failure:
        return Failed(message=failure, data=AccountsFailed(failure, outcome))
    return Completed(message=sentence, data=outcome)


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
