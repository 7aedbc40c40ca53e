"""The scorecard and the current model, through whole runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.account import account
from flows.refresh import refresh
from hugtweets.cli.app import app
from hugtweets.config import Config
from hugtweets.evaluation.promotion import current_model, read_promotions
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.report.site import published
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from tests.fixtures.first_run import FirstRun
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import save_tiny_model
from tests.fixtures.wandb_log import read_runs

pytestmark = pytest.mark.usefixtures("prefect_server")

# Trained at this rate, a model is hardly more than its base.
HARDLY = {"train": {"lr": 1e-6}}


@pytest.fixture(scope="module")
def config(tiny_folder: Path) -> Config:
    return tiny_config(train={"base_model": str(tiny_folder), "posts_per_step": 16}, evaluate={"generated": 20})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_timeline(tmp_path / "alice.jsonl", rows(200))


def run_alice(path: Path, config: Config) -> AccountOutcome:
    return outcome_of(account(request("alice", path, config), return_state=True)).accounts[0]


@pytest.fixture(scope="module")
def learned(prefect_server: str, config: Config, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    return FirstRun.of(tmp_path_factory.mktemp("learned"), 200, config)


def test_the_first_model_becomes_current(learned: FirstRun) -> None:
    alice = learned.alice
    assert alice.promotion is not None
    assert (alice.promotion.promoted, alice.promotion.current) == (True, alice.steps["finetune"].digest)
    assert alice.metrics["generated_posts"] == 20
    assert alice.metrics["previous_bits_per_byte"] is None
    # There is nobody else for whom the posts could be taken.
    assert (alice.metrics["authors"], alice.metrics["taken_for_author"]) == (1, None)


def test_a_clearly_worse_model_is_kept_out_and_not_sampled_from(
    home: Home, first: AccountOutcome, path: Path, config: Config
) -> None:
    good = first.steps["finetune"].digest
    worse = run_alice(path, config.override(HARDLY))
    assert worse.promotion is not None
    assert (worse.promotion.promoted, worse.promotion.current) == (False, good)
    assert worse.promotion.reason.startswith("kept the previous: ")
    assert worse.metrics["previous_held_out_posts"] == worse.metrics["held_out_posts"]
    assert (worse.metrics["over_previous_low"] or 0) > 0
    assert sampled_from() == good
    choice = CliRunner().invoke(app, ["promote", "alice", worse.steps["finetune"].digest])
    assert f"instead of {good}" in choice.stdout
    assert sampled_from() == worse.steps["finetune"].digest
    shown = published(home, "alice")
    assert shown and (shown.is_current, shown.nights[-1].model) == (True, worse.steps["finetune"].digest)
    assert shown.verdict == "chosen by hand"


def sampled_from() -> str:
    """The model that the command ``sample`` uses."""
    printed = CliRunner().invoke(app, ["sample", "alice", "--prompt", "the", "-n", "1", "--json"])
    model: str = json.loads(printed.stdout)["model"]
    return model


@pytest.mark.usefixtures("first")
def test_the_next_night_changes_nothing(home: Home, path: Path, config: Config) -> None:
    worse = run_alice(path, config.override(HARDLY))
    decided = home.promotions("alice").read_bytes()
    again = run_alice(path, config.override(HARDLY))
    assert (again.status, again.metrics, again.promotion) == ("unchanged", worse.metrics, worse.promotion)
    assert home.promotions("alice").read_bytes() == decided


def test_a_run_killed_before_it_decided_is_completed_by_the_next(
    home: Home, first: AccountOutcome, path: Path, config: Config
) -> None:
    kept = home.promotions("alice").read_bytes()
    second = run_alice(path, config.override({"train": {"seed": 1}}))
    # What a kill between the scores and the decision leaves.
    home.promotions("alice").write_bytes(kept)
    assert current_model(home, "alice") == references(home, "alice", "finetune")[0]
    resumed = run_alice(path, config.override({"train": {"seed": 1}}))
    assert resumed.steps["evaluate"].cached
    assert resumed.promotion == second.promotion
    assert [decision.model for decision in read_promotions(home, "alice").decisions] == [
        first.steps["finetune"].digest,
        second.steps["finetune"].digest,
    ]


@pytest.mark.usefixtures("first")
def test_a_previous_model_is_not_judged_by_what_it_was_trained_on(path: Path, config: Config) -> None:
    wider = config.override({"clean": {"held_out_share": 0.4}, "train": {"seed": 1}})
    alice = run_alice(path, wider)
    assert (alice.metrics["held_out_posts"], alice.metrics["previous_held_out_posts"]) == (80, 20)


def test_a_previous_model_of_another_base_is_compared_in_its_own_tokens(
    first: AccountOutcome, tmp_path: Path, path: Path, config: Config
) -> None:
    other = save_tiny_model(tmp_path / "other", "gpt2")
    second = run_alice(path, config.override({"train": {"base_model": str(other)}}))
    assert second.metrics["previous_bits_per_byte"] == pytest.approx(first.metrics["bits_per_byte"], abs=1e-4)


def test_a_model_that_was_kept_out_waits_for_new_posts_like_any_other(
    home: Home, first: AccountOutcome, tmp_path: Path, config: Config
) -> None:
    patient = config.override(HARDLY | {"refresh": {"min_new_posts": 20}})
    refresh_all(home, patient, tmp_path, alice=200)
    waiting = refresh_all(home, patient, tmp_path, alice=210)["alice"]
    assert (waiting.status, waiting.reason) == ("unchanged", "stored 10 new posts, waiting for 20")
    assert waiting.promotion is not None
    assert waiting.promotion.current == first.steps["finetune"].digest


def refresh_all(home: Home, config: Config, folder: Path, **numbers: int) -> dict[str, AccountOutcome]:
    requests = [
        request(handle, write_timeline(folder / f"{handle}.jsonl", rows(number)), config)
        for handle, number in numbers.items()
    ]
    outcome = outcome_of(refresh(requests, return_state=True))
    return {account.handle: account for account in outcome.accounts}


def test_authors_are_compared_once_and_a_changed_account_leaves_the_others_alone(
    home: Home, tmp_path: Path, config: Config
) -> None:
    first = refresh_all(home, config, tmp_path, alice=200, bob=210)
    assert first["alice"].metrics["authors"] == 2
    for name in ("taken_for_author", "held_out_taken_for_author", "base_taken_for_author"):
        assert first["alice"].metrics[name] is not None
    second = refresh_all(home, config, tmp_path, alice=200, bob=220)
    assert (second["alice"].status, second["bob"].status) == ("unchanged", "completed")
    assert second["alice"].metrics == first["alice"].metrics
    assert [len(references(home, handle, "authorship")) for handle in ("alice", "bob")] == [1, 2]
    # The base model is the same for all, and so are its posts.
    assert len(list(home.base_posts("", "").parent.glob("*.parquet"))) == 1


@pytest.mark.usefixtures("first")
def test_an_account_learned_alone_is_compared_once_there_is_another(home: Home, tmp_path: Path, config: Config) -> None:
    both = refresh_all(home, config, tmp_path, alice=200, bob=210)
    assert both["alice"].status == "unchanged"
    assert both["alice"].metrics["authors"] == 2


def test_without_posts_to_judge_by_only_predictions_are_scored(home: Home, tmp_path: Path, config: Config) -> None:
    accounts = refresh_all(home, config.override({"evaluate": {"generated": 0}}), tmp_path, alice=200, bob=210)
    metrics = accounts["alice"].metrics
    assert metrics["bits_per_byte"] is not None
    assert {metrics[name] for name in ("told_apart", "copied_share", "distinct_1", "taken_for_author")} == {None}
    assert not home.base_posts("", "").parent.exists()


def test_the_scorecard_and_the_previous_model_stand_in_wandb(
    home: Home, tmp_path: Path, path: Path, config: Config
) -> None:
    offline = config.override({"tracking": {"mode": "offline"}})
    run_alice(path, offline)
    second = run_alice(path, offline.override({"train": {"seed": 1}}))
    runs = [run for run in read_runs(home.wandb) if run.job_type == "evaluate"]
    compared = next(run for run in runs if "over_previous" in run.summary)
    assert compared.summary["previous_bits_per_byte"] == second.metrics["previous_bits_per_byte"]
    assert compared.summary["told_apart"] == second.metrics["told_apart"]
    assert sorted(artifact.name for artifact in compared.used) == [
        "clean-alice",
        "model-alice",
        "model-alice",
        "samples-alice",
        "tokens-alice",
    ]


@pytest.mark.usefixtures("first")
def test_a_person_reads_where_the_model_stands(home: Home) -> None:
    shown = CliRunner().invoke(app, ["show", "alice"]).stdout
    digest = references(home, "alice", "finetune")[0].digest
    assert f"current model: {digest}" in shown
    assert f"model {digest}: promoted: it beats its base" in shown
