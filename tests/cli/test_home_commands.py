"""What holds in a home, as a person meets it: options in force, the status of the accounts, accounts tried again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.jobs.accounts import AccountsFile
from hugtweets.jobs.history import record_run
from hugtweets.jobs.home_options import follow
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.storage.home import Home
from tests.cli.conftest import Program
from tests.fixtures.reports import learn


@pytest.fixture
def accounts(home: Home, tmp_path: Path) -> Path:
    """The accounts file that the home follows."""
    path = tmp_path / "accounts.yaml"
    path.write_text("defaults: {fetch: {month_budget_usd: 5}}\naccounts: [alice, bob]", encoding="utf-8")
    follow(home, AccountsFile(path=path))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "alice", "--set", "fetch.month_budget_usd=100"],
        ["demo", "--set", "fetch.month_budget_usd=null"],
        ["sample", "alice", "--set", "fetch.month_budget_usd=6"],
        ["sweep", "alice", "--vary", "train.epochs=1,2", "--set", "fetch.month_budget_usd=6"],
    ],
)
def test_no_command_loosens_the_budget_of_the_home(
    program: Program, capsys: pytest.CaptureFixture[str], accounts: Path, arguments: list[str]
) -> None:
    assert program(*arguments) == 2
    announced, refused = capsys.readouterr().err.strip().splitlines()
    assert announced.startswith(f"the options of {accounts} hold in")
    assert f"not within 5, which {accounts} sets for everything" in refused


def test_a_second_accounts_file_that_is_looser_is_refused(
    program: Program, capsys: pytest.CaptureFixture[str], accounts: Path
) -> None:
    looser = accounts.with_name("looser.yaml")
    looser.write_text("defaults: {fetch: {month_budget_usd: 50}}\naccounts: [alice]", encoding="utf-8")
    assert program("refresh", str(looser), "--dry-run") == 2
    assert "looser.yaml: fetch.month_budget_usd=50 is not within 5" in capsys.readouterr().err


def test_the_status_of_all_accounts(
    program: Program, capsys: pytest.CaptureFixture[str], home: Home, accounts: Path
) -> None:
    bob = AccountOutcome(handle="bob", status="failed", reason="X does not know bob")
    record_run(home, RunOutcome.of("nightly-1", [bob], Usage()), whole=True, accounts=accounts)
    assert program("status") == 0
    printed = capsys.readouterr().out
    assert "X does not know bob" in printed
    assert "2 accounts, 2 wait; spent this month: $0.00 of at most $5.00; last night: nightly-1, 1 failed" in printed
    assert program("status", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [(account["handle"], account["waits"]) for account in document["accounts"]] == [
        ("alice", True),
        ("bob", True),
    ]


def test_an_account_is_shown_with_the_sources_of_its_posts(
    program: Program, capsys: pytest.CaptureFixture[str], home: Home
) -> None:
    learn(home, "alice", sources=("x", "mastodon"))
    assert program("show", "alice") == 0
    assert "60 raw posts from X (30 posts), Mastodon (30 posts), written from 2026" in capsys.readouterr().out


def test_doctor_looks_at_the_budget_of_the_home(
    program: Program, capsys: pytest.CaptureFixture[str], home: Home, accounts: Path
) -> None:
    Ledger(home.ledger, "nightly-1").record(Usage(requests=1, usd=4.99))
    program("doctor", "--json")
    (found,) = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["subject"] == "spent on X"]
    assert "$4.99 this month of at most $5.00" in found["detail"]
    assert found["verdict"] == "optional"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["retry"], "name accounts, or write --failed"),
        (["retry", "alice", "--failed"], "name accounts, or write --failed"),
        (["retry", "--failed"], "no night is known in"),
    ],
)
def test_what_cannot_be_retried_is_one_sentence(
    program: Program, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert program(*arguments) == 2
    assert says in capsys.readouterr().err


def test_only_accounts_of_the_last_night_are_retried(
    program: Program, capsys: pytest.CaptureFixture[str], home: Home, accounts: Path
) -> None:
    record_run(home, RunOutcome.of("nightly-1", [AccountOutcome(handle="bob")], Usage()), whole=True, accounts=accounts)
    assert program("retry", "--failed") == 0
    assert "no account failed in nightly-1" in capsys.readouterr().err
    assert program("retry", "carol") == 2
    assert "accounts.yaml does not list carol" in capsys.readouterr().err
