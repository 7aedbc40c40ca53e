"""What became of each account in its last run, and how the accounts of a home stand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountsFile
from hugtweets.jobs.forgetting import remove_account
from hugtweets.jobs.history import read_history, record_run
from hugtweets.jobs.home_options import follow
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.jobs.status import NEVER_RUN, read_status
from hugtweets.storage.home import Home
from tests.fixtures.reports import learn

FILE = Path("accounts.yaml")


def run(name: str, accounts: Mapping[str, str]) -> RunOutcome:
    """A run that came to these, by handle: a status, and behind a colon its reason."""
    told = {handle: outcome.partition(": ") for handle, outcome in accounts.items()}
    outcomes = [
        AccountOutcome.model_validate({"handle": handle, "status": status, "reason": reason or None})
        for handle, (status, _, reason) in told.items()
    ]
    return RunOutcome.of(name, outcomes, Usage())


def test_a_failure_is_remembered_until_the_account_gets_through(home: Home) -> None:
    record_run(home, run("nightly-1", {"alice": "completed", "bob": "failed: gone", "carol": "failed"}), True, FILE)
    record_run(home, run("account-bob", {"bob": "unchanged"}), whole=True)
    record_run(home, run("account-carol", {"carol": "completed"}), whole=False)
    night = read_history(home).night
    assert night is not None
    assert (night.run, night.accounts, night.failed) == ("nightly-1", FILE, ("carol",))


def test_the_last_success_stays_when_a_later_run_fails(home: Home) -> None:
    record_run(home, run("nightly-1", {"alice": "completed"}), True, FILE)
    record_run(home, run("nightly-2", {"alice": "failed: no credit"}), True, FILE)
    last = read_history(home).accounts["alice"]
    assert (last.run, last.status, last.reason) == ("nightly-2", "failed", "no credit")
    assert last.succeeded_at is not None
    assert last.succeeded_at < last.at


def test_a_run_that_stops_early_is_no_success(home: Home) -> None:
    record_run(home, run("refresh-1", {"alice": "completed"}), False, FILE)
    assert read_history(home).accounts["alice"].succeeded_at is None


def test_a_forgotten_account_is_in_no_history(home: Home) -> None:
    record_run(home, run("nightly-1", {"alice": "failed", "bob": "completed"}), True, FILE)
    remove_account(home, "alice")
    assert "alice" not in home.history.read_text(encoding="utf-8")
    assert list(read_history(home).accounts) == ["bob"]


def test_a_broken_history_is_one_sentence(home: Home) -> None:
    home.root.mkdir(parents=True)
    home.history.write_text("{", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"history.json cannot be read: delete it"):
        read_history(home)


def test_a_history_of_somebody_else_is_not_to_be_deleted(home: Home) -> None:
    # Root may read everything: a folder in its place is refused to everybody.
    home.history.mkdir(parents=True)
    with pytest.raises(OSError, match=r"history\.json"):
        read_history(home)


def test_the_status_says_what_waits_and_why_how_old_models_are_and_what_was_spent(home: Home, tmp_path: Path) -> None:
    learn(home, "alice")
    listed = tmp_path / "accounts.yaml"
    listed.write_text("defaults: {fetch: {month_budget_usd: 5}}\naccounts: [Alice, bob, carol]", encoding="utf-8")
    follow(home, AccountsFile(path=listed))
    Ledger(home.ledger, "nightly-1").of("alice").record(Usage(requests=1, posts_read=20, usd=0.1))
    record_run(home, run("nightly-1", {"alice": "completed", "bob": "skipped: rate limit"}), True, listed)
    state = read_status(home)
    alice, bob, carol = state.accounts
    assert (alice.handle, alice.waits, alice.usd, alice.stale_days) == ("alice", False, 0.1, 0.0)
    assert alice.model_days is not None
    assert (alice.sources, bob.sources) == (["file"], [])
    assert (bob.waits, bob.reason, bob.last_success, bob.model) == (True, "rate limit", None, None)
    assert (carol.waits, carol.reason, carol.status) == (True, NEVER_RUN, None)
    assert state.describe() == (
        "3 accounts, 2 wait; spent this month: $0.10 of at most $5.00; last night: nightly-1, 0 failed"
    )
