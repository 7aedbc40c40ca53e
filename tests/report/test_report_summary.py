"""What a flow run leaves in W&B as a whole: one run with all accounts in tables, and the report."""

from __future__ import annotations

import sys

import pytest

from hugtweets.cli.app import main
from hugtweets.config import Config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs
from hugtweets.report.step import report
from hugtweets.storage.home import Home
from tests.fixtures.reports import PROMPTS, learn
from tests.fixtures.wandb_log import LoggedRun, read_runs


def report_offline(home: Home, *handles: str) -> None:
    config = Config().override({"tracking": {"mode": "offline"}})
    report(plan_jobs(home, [AccountRequest(handle=handle, config=config) for handle in handles], "night"))


def summaries(home: Home) -> list[LoggedRun]:
    return [run for run in read_runs(home.wandb) if run.job_type == "summary"]


def test_a_run_that_made_pages_leaves_one_summary_of_all_accounts(home: Home) -> None:
    learn(home, "alice")
    learn(home, "bob", bits=1.9)
    report_offline(home, "alice", "bob")
    report_offline(home, "alice", "bob")
    (summary,) = summaries(home)
    assert (summary.name, summary.group, summary.exit_code) == ("summary-night", "night", 0)
    overview = summary.table("overview")
    bits = overview["columns"].index("bits_per_byte")
    assert [(row[0], row[bits]) for row in overview["data"]] == [("alice", 1.6), ("bob", 1.9)]
    predictions = summary.table("predictions")
    assert predictions["columns"] == ["account", *PROMPTS]
    assert predictions["data"][1] == ["bob", *(f"{prompt} the bob sings" for prompt in PROMPTS)]
    page = next(row["report/path"] for row in summary.history if "report/path" in row)
    assert 'href="accounts/bob.html"' in (summary.folder / "files" / page).read_text(encoding="utf-8")


def test_the_summary_leaves_out_accounts_that_are_kept_from_wandb(home: Home) -> None:
    learn(home, "alice")
    learn(home, "bob")
    offline, disabled = (Config().override({"tracking": {"mode": mode}}) for mode in ("offline", "disabled"))
    requests = [AccountRequest(handle="bob", config=disabled), AccountRequest(handle="alice", config=offline)]
    report(plan_jobs(home, requests, "night"))
    (summary,) = summaries(home)
    assert [row[0] for row in summary.table("overview")["data"]] == ["alice"]
    assert [row[0] for row in summary.table("predictions")["data"]] == ["alice"]
    page = next(row["report/path"] for row in summary.history if "report/path" in row)
    assert "bob" not in (summary.folder / "files" / page).read_text(encoding="utf-8")
    report_offline(home, "bob")
    accounts = [[row[0] for row in run.table("overview")["data"]] for run in summaries(home)]
    assert sorted(accounts) == [["alice"], ["alice", "bob"]]


def test_pages_are_logged_as_artifacts_and_a_forgotten_account_takes_all_of_it_along(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learn(home, "alice")
    learn(home, "bob")
    report_offline(home, "alice", "bob")
    logged = {run.name: {artifact.type for artifact in run.logged} for run in read_runs(home.wandb)}
    assert logged["report-bob"] == {"report"}
    monkeypatch.setattr(sys, "argv", ["hugtweets", "forget", "bob", "--yes", "--json"])
    with pytest.raises(SystemExit):
        main()
    assert [run.name for run in read_runs(home.wandb)] == ["report-alice"]
