"""The options of a home: where they come from, what may be set anew, and what holds for everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest, AccountsFile, run_wide
from hugtweets.jobs.home_options import follow, read_home_options
from hugtweets.jobs.job import plan_jobs
from hugtweets.storage.handles import name_mix
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store

GUARDED = {"fetch": {"month_budget_usd": 50}, "tracking": {"mode": "disabled", "project": "ours"}}


def accounts(path: Path, defaults: dict[str, Any], *handles: str) -> AccountsFile:
    """An accounts file, and what names it in the parameters of a run."""
    listed = list(handles) or ["alice"]
    path.write_text(yaml.safe_dump({"defaults": defaults, "accounts": listed}), encoding="utf-8")
    return AccountsFile(path=path)


def test_a_home_without_an_accounts_file_has_the_defaults(home: Home) -> None:
    options = read_home_options(home)
    assert (options.config().fetch.month_budget_usd, options.notice) == (None, None)


def test_what_a_night_was_told_holds_for_everything_after_it(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "accounts.yaml", {**GUARDED, "train": {"max_posts": 30}}))
    options = read_home_options(home)
    config = options.config()
    assert (config.fetch.month_budget_usd, config.tracking.mode, config.train.max_posts) == (50, "disabled", 30)
    assert f"the options of {tmp_path / 'accounts.yaml'} hold in {home.root}" in (options.notice or "")
    assert "fetch.month_budget_usd=50, tracking.mode=disabled" in (options.notice or "")


def test_ordinary_options_may_be_set_anew(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "accounts.yaml", {**GUARDED, "train": {"epochs": 3, "max_posts": 30}}))
    config = read_home_options(home).config(None, ["train.epochs=1"])
    assert (config.train.epochs, config.train.max_posts) == (1, 30)


@pytest.mark.parametrize(
    "assignment",
    [
        "fetch.month_budget_usd=51",
        "fetch.month_budget_usd=null",
        "tracking.mode=auto",
        "tracking.mode=offline",
        "tracking.project=theirs",
        "fetch.post_usd=0",
        "fetch.user_usd=0.009",
    ],
)
def test_what_protects_the_home_cannot_be_loosened(home: Home, tmp_path: Path, assignment: str) -> None:
    follow(home, accounts(tmp_path / "accounts.yaml", GUARDED))
    with pytest.raises(ConfigurationError, match=f"{assignment} is not within .*accounts.yaml sets for everything"):
        read_home_options(home).config(None, [assignment])


@pytest.mark.parametrize("assignment", ["fetch.month_budget_usd=49", "fetch.run_budget_usd=1", "fetch.post_usd=1"])
def test_what_protects_the_home_may_be_made_stricter(home: Home, tmp_path: Path, assignment: str) -> None:
    follow(home, accounts(tmp_path / "accounts.yaml", GUARDED))
    assert read_home_options(home).config(None, [assignment]).fetch.month_budget_usd in (49, 50)


def test_an_accounts_file_that_was_changed_holds_as_it_is_now(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "accounts.yaml", GUARDED))
    accounts(tmp_path / "accounts.yaml", {"fetch": {"month_budget_usd": 70}})
    options = read_home_options(home)
    assert options.held()["fetch.month_budget_usd"] == 70
    assert "as it was changed since" in (options.notice or "")


@pytest.mark.parametrize("content", [None, "accounts: [alice", "defaults: {fetch: {month_budget: 1}}"])
def test_a_file_that_is_gone_or_makes_no_sense_holds_as_it_was(home: Home, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "accounts.yaml"
    follow(home, accounts(path, GUARDED))
    path.unlink() if content is None else path.write_text(content, encoding="utf-8")
    options = read_home_options(home)
    assert options.held()["fetch.month_budget_usd"] == 50
    assert "as it was at the last night" in (options.notice or "")


def test_a_second_accounts_file_gets_what_the_first_one_holds(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "first.yaml", {**GUARDED, "train": {"epochs": 3}}))
    [request], notice = follow(home, accounts(tmp_path / "second.yaml", {"train": {"max_posts": 9}}))
    config = request.config
    assert (config.fetch.month_budget_usd, config.tracking.mode) == (50, "disabled")
    assert (config.train.max_posts, config.train.epochs) == (9, 1)
    assert f"follows {tmp_path / 'first.yaml'}" in notice
    assert read_home_options(home).accounts == tmp_path / "first.yaml"


def test_a_second_accounts_file_that_is_looser_is_a_conflict_that_names_both(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "first.yaml", GUARDED))
    looser = accounts(tmp_path / "second.yaml", {"fetch": {"month_budget_usd": 100}})
    with pytest.raises(ConfigurationError, match=r"second.yaml: fetch.month_budget_usd=100 .*first.yaml"):
        follow(home, looser)


def test_another_file_takes_the_place_of_one_that_is_gone(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "first.yaml", GUARDED))
    (tmp_path / "first.yaml").rename(tmp_path / "second.yaml")
    _, notice = follow(home, AccountsFile(path=tmp_path / "second.yaml"))
    assert "instead of" in notice
    assert read_home_options(home).accounts == tmp_path / "second.yaml"


def test_a_dry_run_leaves_the_home_as_it_is(home: Home, tmp_path: Path) -> None:
    follow(home, accounts(tmp_path / "accounts.yaml", GUARDED), remember=False)
    assert not home.options.exists()


def test_a_record_that_somebody_broke_is_one_sentence(home: Home) -> None:
    home.root.mkdir(parents=True)
    home.options.write_text("acounts: here\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"options.yaml cannot be used .*delete it") as caught:
        read_home_options(home)
    assert "\n" not in str(caught.value)


def test_machines_that_share_a_store_share_the_options(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path / 'store'}")
    (one, other) = (Home(tmp_path / name, store) for name in ("one", "other"))
    follow(one, accounts(tmp_path / "accounts.yaml", GUARDED))
    assert read_home_options(other).held()["fetch.month_budget_usd"] == 50


def test_five_thousand_accounts_are_a_few_bytes_of_parameters(tmp_path: Path) -> None:
    handles = [f"account_{number}" for number in range(5000)]
    file = accounts(tmp_path / "accounts.yaml", GUARDED, *handles)
    assert len(file.model_dump_json()) < 1000
    assert accounts_of(file.model_copy(update={"only": ("Account_4999", "account_7")})) == ["account_4999", "account_7"]


def test_an_account_that_the_file_keeps_from_wandb_is_kept_from_it_in_every_run(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text("accounts: [alice, {handle: Bob, tracking: {mode: disabled}}, carol]", encoding="utf-8")
    requests, notice = follow(home, AccountsFile(path=path))
    assert [request.config.tracking.mode for request in requests] == ["auto", "disabled", "auto"]
    assert "tracking.mode=disabled for Bob" in notice
    ad_hoc = [AccountRequest(handle=handle) for handle in ("bob", "alice", name_mix(["alice", "bob"]))]
    modes = [job.config.tracking.mode for job in plan_jobs(home, ad_hoc, "ad-hoc")]
    assert modes == ["disabled", "auto", "disabled"]
    # What W&B gets of the whole run goes by the others.
    assert run_wide(requests).tracking.mode == "auto"


@pytest.mark.parametrize("mode", ["offline", "online", "auto"])
def test_an_account_alone_can_be_kept_from_wandb_and_nothing_else(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text(f"accounts: [{{handle: bob, tracking: {{mode: {mode}}}}}]", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"bob sets tracking.mode, .*keep this account alone from W&B"):
        AccountsFile(path=path).requests(Config())


def accounts_of(file: AccountsFile) -> list[str]:
    return [request.handle for request in file.requests(Config())]


def test_a_file_that_changes_while_a_run_begins_is_refused(home: Home, tmp_path: Path) -> None:
    file = accounts(tmp_path / "accounts.yaml", {}).model_copy(update={"digest": "0" * 16})
    with pytest.raises(ConfigurationError, match="was changed while the run began"):
        follow(home, file)
