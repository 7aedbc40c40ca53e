"""How the accounts of a home stand: the last success, the age of the model, what was spent, and what waits and why.

It is read from what this machine has: no request leaves it but one to a store, for the names of the accounts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hugtweets.budget.ledger import Ledger
from hugtweets.errors import RequestError
from hugtweets.evaluation.promotion import current_model
from hugtweets.jobs.accounts import read_accounts
from hugtweets.jobs.history import SUCCESSES, LastRun, Night, read_history
from hugtweets.jobs.home_options import read_home_options
from hugtweets.storage.handles import is_mix
from hugtweets.storage.home import Home
from hugtweets.timelines.provenance import count_sources, name_source

NEVER_RUN = "it has not been run yet"
DAY = 86_400


class AccountState(BaseModel):
    """One account. It ``waits`` if its last run came to nothing; ``reason`` says why, or what was left out.

    ``sources`` are those that its posts came from. ``usd`` is what reading it from X has cost in all runs,
    ``stale_days`` are those since its last success, and ``model_days`` those since its current model was made.
    """

    handle: str
    sources: list[str]
    status: str | None
    run: str | None
    last_success: datetime | None
    stale_days: float | None
    model: str | None
    model_days: float | None
    usd: float
    waits: bool
    reason: str | None

    def row(self) -> dict[str, Any]:
        """A row in a table of accounts."""
        return {
            "handle": self.handle,
            "posts from": ", ".join(map(name_source, self.sources)) or "–",
            "last run": self.status or "–",
            "last success": f"{self.last_success:%Y-%m-%d %H:%M}" if self.last_success else "–",
            "days ago": _days(self.stale_days),
            "model": self.model or "–",
            "model's days": _days(self.model_days),
            "spent": f"${self.usd:.2f}",
            "waits": "waits" if self.waits else "",
            "why": self.reason or "",
        }


class HomeState(BaseModel):
    """What ``status --json`` prints. ``held`` are the options that hold for everything in the home."""

    home: str
    options_from: Path | None
    held: dict[str, Any]
    notice: str | None
    night: Night | None
    usd_this_month: float
    accounts: list[AccountState]

    def describe(self) -> str:
        """One sentence: ``3 accounts, 1 waits; spent this month: $1.20 of at most $50.00; last night: nightly-…``."""
        waiting = sum(account.waits for account in self.accounts)
        budget = self.held.get("fetch.month_budget_usd")
        spent = f"${self.usd_this_month:.2f}" + (f" of at most ${budget:.2f}" if budget is not None else "")
        night = f"last night: {self.night.run}, {len(self.night.failed)} failed" if self.night else "no night yet"
        known = f"{len(self.accounts)} account{'' if len(self.accounts) == 1 else 's'}"
        return f"{known}, {waiting} wait{'s' if waiting == 1 else ''}; spent this month: {spent}; {night}"


def read_status(home: Home) -> HomeState:
    """How the accounts stand that the home knows, or that its accounts file lists.

    Raises:
        ConfigurationError: the home's history or its record of the options cannot be used.
        StoreUnavailable: the store does not answer.
    """
    options, history, ledger = read_home_options(home), read_history(home), Ledger(home.ledger, run="")
    names = {name.casefold(): name for name in [*_listed(options.accounts), *history.accounts, *home.known_names()]}
    # What other machines decided would be a request an account.
    here, now = replace(home, store=None), datetime.now(UTC)
    return HomeState(
        home=str(home.root),
        options_from=options.accounts,
        held=options.held(),
        notice=options.notice,
        night=history.night,
        usd_this_month=ledger.month().usd,
        accounts=[
            _state(here, name, history.accounts.get(name), ledger.of(name).total().usd, now)
            for _, name in sorted(names.items())
        ],
    )


def _listed(accounts: Path | None) -> list[str]:
    try:
        return [request.handle for request in read_accounts(accounts)] if accounts else []
    except RequestError:  # the notice about the home's options says so
        return []


def _state(home: Home, handle: str, last: LastRun | None, usd: float, now: datetime) -> AccountState:
    model = current_model(home, handle)
    made = model.manifest().created if model else None
    success = last.succeeded_at if last else None
    return AccountState(
        handle=handle,
        sources=[] if is_mix(handle) else list(count_sources(home.timeline(handle))),
        status=last.status if last else None,
        run=last.run if last else None,
        last_success=success,
        stale_days=_age(success, now),
        model=model.digest if model else None,
        model_days=_age(made, now),
        usd=usd,
        waits=last is None or last.status not in SUCCESSES,
        reason=last.reason if last else NEVER_RUN,
    )


def _age(since: datetime | None, now: datetime) -> float | None:
    return round((now - since).total_seconds() / DAY, 2) if since else None


def _days(age: float | None) -> str:
    return "–" if age is None else f"{age:.1f}"
