"""The whole job as flows: what is cached, what is isolated, what is left behind in Prefect and in W&B."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterName

from flows.account import account
from flows.refresh import refresh
from flows.watching import TABLE
from hugtweets.config import Config
from hugtweets.evaluation.scorecard import Scorecard
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import STEPS
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.storage.home import Home
from tests.fixtures.first_run import FirstRun
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.wandb_log import LoggedRun, read_runs

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="module")
def config(tiny_folder: Path) -> Config:
    return tiny_config(train={"base_model": str(tiny_folder), "posts_per_step": 16})


def run_one(path: Path, config: Config, until: Any = None) -> RunOutcome:
    return outcome_of(account(request("alice", path, config), until, return_state=True))


@pytest.fixture(scope="module")
def learned(prefect_server: str, config: Config, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    return FirstRun.of(tmp_path_factory.mktemp("learned"), 60, config)


def test_a_timeline_becomes_scored_posts(learned: FirstRun) -> None:
    outcome, alice = learned.outcome, learned.alice
    assert (outcome.status, alice.status, list(alice.steps)) == ("completed", "completed", list(STEPS))
    assert [sample.prompt for sample in alice.samples] == ["the", "a wet"]
    scores = Scorecard.model_validate(alice.metrics)
    assert scores.bits_per_byte < scores.base_bits_per_byte


def test_a_second_run_finds_everything_done(learned: FirstRun, first: AccountOutcome, config: Config) -> None:
    second = run_one(learned.posts, config).accounts[0]
    assert second.status == "unchanged"
    assert all(step.cached for step in second.steps.values())
    assert second.samples == first.samples


@pytest.mark.usefixtures("first")
def test_a_change_reruns_only_what_depends_on_it(tmp_path: Path, config: Config) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(60))
    warmer = run_one(path, config.override({"sample": {"temperature": 1.3}})).accounts[0]
    assert [name for name, step in warmer.steps.items() if not step.cached] == ["sample", "evaluate", "report"]
    write_timeline(path, rows(61))
    longer = run_one(path, config).accounts[0]
    assert not any(step.cached for step in longer.steps.values())
    assert longer.counts["new"] == 1


def test_a_cached_result_whose_folder_is_gone_is_made_again(
    learned: FirstRun, home: Home, first: AccountOutcome, tmp_path: Path, config: Config
) -> None:
    scores = home.folder("evaluate", "alice") / first.steps["evaluate"].digest
    (scores / "manifest.json").rename(tmp_path / "away")
    (scores / "scores.json").unlink()
    scores.rename(tmp_path / "gone")
    second = run_one(learned.posts, config).accounts[0]
    assert [name for name, step in second.steps.items() if not step.cached] == ["evaluate"]
    assert second.metrics == first.metrics


def test_one_failure_leaves_the_others_alone_and_is_named(tmp_path: Path, config: Config) -> None:
    good = request("alice", write_timeline(tmp_path / "alice.jsonl", rows(60)), config)
    bad = request("bob", tmp_path / "nowhere.jsonl", config)
    no_model = request(
        "carol", good.sources[0].path or tmp_path, config.override({"train": {"base_model": "/nowhere"}})
    )
    state = refresh([good, bad, no_model], return_state=True)
    outcome = outcome_of(state)
    assert state.message == "2/3 accounts failed: bob, carol"
    assert [found.status for found in outcome.accounts] == ["completed", "failed", "failed"]
    assert "nowhere.jsonl" in (outcome.accounts[1].reason or "")
    # Posts may cost money: none are fetched that nothing could learn.
    assert "the base model /nowhere does not exist" in (outcome.accounts[2].reason or "")
    assert outcome.accounts[2].steps == {}


def test_twenty_posts_are_too_few_and_the_numbers_are_said(tmp_path: Path, config: Config) -> None:
    strict = config.override({"clean": {"min_characters": 6000}})
    outcome = run_one(write_timeline(tmp_path / "alice.jsonl", rows(20)), strict)
    assert (outcome.status, outcome.accounts[0].status) == ("completed", "skipped")
    assert "20 posts" in (outcome.accounts[0].reason or "")
    assert "6,000" in (outcome.accounts[0].reason or "")


def test_prefect_shows_handles_and_a_table(tmp_path: Path, config: Config) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(60))
    outcome = outcome_of(refresh([request("alice", path, config)], "clean", return_state=True))
    names, table = asyncio.run(_seen_in_prefect(outcome.flow_run))
    assert {"handle[alice]", "fetch[alice]", "clean[alice]"} <= names
    assert [row["handle"] for row in table] == ["alice"]


def test_a_refresh_shows_in_prefect_what_it_did_and_not_what_it_found_done(tmp_path: Path, config: Config) -> None:
    asked = [request("alice", write_timeline(tmp_path / "alice.jsonl", rows(60)), config)]
    refresh(asked, "tokenise", return_state=True)
    outcome = outcome_of(refresh(asked, "tokenise", return_state=True))
    names, _ = asyncio.run(_seen_in_prefect(outcome.flow_run))
    assert outcome.accounts[0].status == "unchanged"
    assert {name for name in names if name.endswith("[alice]")} == {"handle[alice]", "fetch[alice]"}


def test_a_thousand_accounts_fit_into_the_parameters_of_a_run(config: Config) -> None:
    asked = [AccountRequest(handle=f"account_{number}", config=config) for number in range(1000)]
    parameters = refresh.serialize_parameters({"accounts": asked})
    assert len(json.dumps(parameters)) < 512 * 1024
    assert refresh.validate_parameters(parameters)["accounts"] == asked


async def _seen_in_prefect(flow_run: str) -> tuple[set[str], list[dict[str, Any]]]:
    async with get_client() as client:
        this = FlowRunFilter(name=FlowRunFilterName(any_=[flow_run]))
        tasks = await client.read_task_runs(flow_run_filter=this)
        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[TABLE])), flow_run_filter=this
        )
    return {task.name for task in tasks}, json.loads(str(artifacts[0].data))


def test_the_outcome_outlives_an_answer_of_prefect_that_was_lost(tmp_path: Path, config: Config) -> None:
    ended = account(request("alice", tmp_path / "nowhere.jsonl", config), "fetch", return_state=True)
    assert ended.state_details.flow_run_id
    with get_client(sync_client=True) as client:
        # If a busy server's answer is lost the client asks again, and is sent this instead of its own state.
        served = client.read_flow_run(ended.state_details.flow_run_id).state
    assert served is not None
    assert outcome_of(served).accounts[0].status == "failed"


def test_every_step_is_logged_with_its_lineage(home: Home, tmp_path: Path, config: Config) -> None:
    offline = config.override({"tracking": {"mode": "offline"}})
    outcome = run_one(write_timeline(tmp_path / "alice.jsonl", rows(60)), offline)
    runs = {run.job_type: run for run in read_runs(home.wandb)}
    assert set(runs) == {*STEPS, "summary"}
    assert {run.group for run in runs.values()} == {outcome.flow_run}
    used = {step: {artifact.name.split("-")[0] for artifact in run.used} for step, run in runs.items()}
    assert used == {
        "fetch": set(),
        "clean": {"timeline"},
        "tokenise": {"clean"},
        "finetune": {"tokens"},
        "sample": {"model", "clean"},
        "evaluate": {"model", "samples", "tokens", "clean"},
        "report": {"timeline", "clean", "tokens", "model", "samples", "scores"},
        "summary": set(),
    }
    assert _dangling(list(runs.values())) == set()


def _dangling(runs: list[LoggedRun]) -> set[str]:
    """Artifacts that some run used and no run logged."""
    logged = {artifact.digest for run in runs for artifact in run.logged}
    return {artifact.name for run in runs for artifact in run.used if artifact.digest not in logged}


def test_an_unlogged_artifact_is_logged_by_the_next_run(home: Home, tmp_path: Path, config: Config) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(60))
    run_one(path, config, "clean")
    again = run_one(path, config.override({"tracking": {"mode": "offline"}}), "clean").accounts[0]
    assert all(step.cached for step in again.steps.values())
    assert {run.job_type for run in read_runs(home.wandb)} == {"fetch", "clean"}


def refresh_one(path: Path, config: Config) -> AccountOutcome:
    return outcome_of(refresh([request("alice", path, config)], return_state=True)).accounts[0]


def test_a_model_waits_for_enough_new_posts(first: AccountOutcome, tmp_path: Path, config: Config) -> None:
    patient = config.override({"refresh": {"min_new_posts": 12}})
    path = tmp_path / "alice.jsonl"
    write_timeline(path, rows(70))
    second = refresh_one(path, patient)
    assert (second.status, second.reason) == ("unchanged", "stored 10 new posts, waiting for 12")
    assert (second.counts["kept"], second.samples, second.metrics) == (70, first.samples, first.metrics)
    # What is new is counted from the posts of the model, not from the night before.
    write_timeline(path, rows(72))
    third = refresh_one(path, patient)
    assert (third.status, third.reason, third.steps["finetune"].cached) == ("completed", None, False)


@pytest.mark.usefixtures("first")
def test_a_model_waits_for_posts_and_not_for_options(tmp_path: Path, config: Config) -> None:
    patient = config.override({"refresh": {"min_new_characters": 5000}})
    path = write_timeline(tmp_path / "alice.jsonl", rows(61))
    waiting = refresh_one(path, patient)
    assert "stored 1 new post with" in (waiting.reason or "")
    assert "waiting for 5,000 characters" in (waiting.reason or "")
    changed = refresh_one(path, patient.override({"train": {"seed": 1}}))
    assert (changed.status, changed.reason) == ("completed", None)


def test_the_second_night_goes_on_from_the_model_of_the_first(home: Home, tmp_path: Path, config: Config) -> None:
    going_on = config.override({"refresh": {"start": "previous"}, "tracking": {"mode": "offline"}})
    path = tmp_path / "alice.jsonl"
    nights = []
    for number in (60, 80, 80):
        write_timeline(path, rows(number))
        nights.append(refresh_one(path, going_on))
    assert [night.status for night in nights] == ["completed", "completed", "unchanged"]
    trainings = [run for run in read_runs(home.wandb) if run.job_type == "finetune"]
    used = [sorted(artifact.name for artifact in run.used) for run in trainings]
    assert sorted(used) == [["model-alice", "tokens-alice"], ["tokens-alice"]]
    assert _dangling(read_runs(home.wandb)) == set()


@pytest.mark.usefixtures("first")
def test_a_model_that_went_on_from_another_waits_too(tmp_path: Path, config: Config) -> None:
    patient = config.override({"refresh": {"start": "previous", "min_new_posts": 12}})
    path = tmp_path / "alice.jsonl"
    nights = []
    for number in (80, 85):
        write_timeline(path, rows(number))
        nights.append(refresh_one(path, patient))
    assert nights[1].reason == "stored 5 new posts, waiting for 12"
    assert nights[1].metrics == nights[0].metrics


@pytest.mark.usefixtures("first")
def test_an_ad_hoc_run_never_waits(tmp_path: Path, config: Config) -> None:
    patient = config.override({"refresh": {"min_new_posts": 50}})
    path = write_timeline(tmp_path / "alice.jsonl", rows(61))
    assert run_one(path, patient).accounts[0].status == "completed"
