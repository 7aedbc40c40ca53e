"""What became of each account in its last run, and which night was the last: ``history.json`` in the home.

It says what this machine ran. Nothing but ``hugtweets status`` and ``hugtweets retry`` depends on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from hugtweets.errors import ConfigurationError
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.storage.locks import locked

SUCCESSES = ("completed", "unchanged")


class LastRun(BaseModel):
    """An account's last run; ``succeeded_at`` is when it last went through all steps, in this run or an earlier one."""

    model_config = ConfigDict(frozen=True)

    run: str
    at: datetime
    status: str
    reason: str | None = None
    succeeded_at: datetime | None = None


class Night(BaseModel):
    """A run over an accounts file, and those of its accounts that failed in it and in every whole run since."""

    model_config = ConfigDict(frozen=True)

    run: str
    at: datetime
    accounts: Path
    failed: tuple[str, ...] = ()


class History(BaseModel):
    """The last night, and the last run of each account."""

    model_config = ConfigDict(frozen=True)

    night: Night | None = None
    accounts: dict[str, LastRun] = {}


def read_history(home: Home) -> History:
    """The history of a home; an empty one if nothing has run in it.

    Raises:
        ConfigurationError: it makes no sense.
        OSError: it cannot be read.
    """
    try:
        return History.model_validate_json(home.history.read_bytes())
    except FileNotFoundError:
        return History()
    except ValidationError:
        raise ConfigurationError(f"{home.history} cannot be read: delete it, the next run begins a new one") from None


def record_run(home: Home, outcome: RunOutcome, whole: bool, accounts: Path | None = None) -> None:
    """Write down what became of the accounts of a run.

    Args:
        home: where things live.
        outcome: of all accounts of the run.
        whole: whether the run was to go through all steps: only then an account can succeed.
        accounts: the accounts file, if the run was a night.

    Raises:
        ConfigurationError: the history makes no sense.
    """
    now = datetime.now(UTC)
    with locked(home.history):
        before = read_history(home)
        runs = {
            account.handle: _last_run(account, outcome.flow_run, now, whole, before.accounts.get(account.handle))
            for account in outcome.accounts
        }
        better = {name for name, run in runs.items() if whole and run.status != "failed"}
        night = before.night and _without(before.night, better)
        if accounts:
            night = Night(run=outcome.flow_run, at=now, accounts=accounts, failed=tuple(outcome.failed()))
        _write(home, History(night=night, accounts=before.accounts | runs))


def forget_history(home: Home, names: set[str]) -> None:
    """Remove accounts and mixes."""
    if not home.history.exists():
        return
    with locked(home.history):
        before = read_history(home)
        kept = {name: run for name, run in before.accounts.items() if name not in names}
        _write(home, History(night=before.night and _without(before.night, names), accounts=kept))


def _last_run(account: AccountOutcome, run: str, now: datetime, whole: bool, before: LastRun | None) -> LastRun:
    succeeded = now if whole and account.status in SUCCESSES else before and before.succeeded_at
    return LastRun(run=run, at=now, status=account.status, reason=account.reason, succeeded_at=succeeded)


def _without(night: Night, names: set[str]) -> Night:
    return night.model_copy(update={"failed": tuple(name for name in night.failed if name not in names)})


def _write(home: Home, history: History) -> None:
    write_text(home.history, history.model_dump_json(indent=1) + "\n")
