"""What is served to Prefect: the schedule, the limits, the forms, and what is refused before anything is served."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, DeploymentFilter, DeploymentFilterId
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending

from deployments.serve import build, serve
from flows.ad_hoc import ad_hoc
from flows.forms import show_in_forms
from flows.nightly import nightly
from flows.sample import TABLE, sample
from flows.work_pool import build_deployment
from hugtweets.cli.app import main
from hugtweets.config import Config, build_config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountsFile
from hugtweets.jobs.home_options import follow, read_home_options
from hugtweets.storage.home import Home
from tests.fixtures.flows import outcome_of, rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import save_tiny_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def deployments(tmp_path: Path) -> dict[str, RunnerDeployment]:
    built = build(tmp_path / "accounts.yaml", "0 3 * * *", "Europe/Paris", Config())
    return {deployment.name: deployment for deployment in built}


def write_accounts(path: Path, handles: list[str], **sections: Any) -> Path:
    """An accounts file whose sources are files beside it."""
    for handle in handles:
        write_timeline(path.parent / f"{handle}.jsonl", rows(60))
    accounts = [{"handle": handle, "source": f"file:{handle}.jsonl"} for handle in handles]
    defaults = tiny_config(**sections).model_dump(mode="json")
    path.write_text(yaml.safe_dump({"defaults": defaults, "accounts": accounts}), encoding="utf-8")
    return path


def test_a_night_has_its_schedule_and_one_at_a_time_is_going(
    tmp_path: Path, deployments: dict[str, RunnerDeployment]
) -> None:
    night = deployments["nightly"]
    (scheduled,) = night.schedules or []
    assert (scheduled.schedule.cron, scheduled.schedule.timezone) == ("0 3 * * *", "Europe/Paris")  # type: ignore[union-attr]
    assert night.concurrency_limit == 1
    assert night.concurrency_options is not None
    assert night.concurrency_options.collision_strategy == "ENQUEUE"
    assert night.parameters == {"accounts": str(tmp_path / "accounts.yaml")}


def test_verification_has_a_schedule_of_its_own_and_never_runs_beside_a_night(tmp_path: Path) -> None:
    night = build(tmp_path / "accounts.yaml", "0 3 * * *", "Europe/Paris", Config(), "0 12 * * 0")[0]
    plans = [(plan.schedule.cron, plan.parameters) for plan in night.schedules or []]  # type: ignore[union-attr]
    assert plans == [("0 3 * * *", {}), ("0 12 * * 0", {"verify": True})]
    assert night.concurrency_limit == 1


def test_what_people_ask_for_waits_its_turn_and_has_no_schedule(deployments: dict[str, RunnerDeployment]) -> None:
    for name in ("account", "sample"):
        options = deployments[name].concurrency_options
        assert (deployments[name].schedules, deployments[name].concurrency_limit) == ([], 1)
        assert options is not None
        assert options.collision_strategy == "ENQUEUE"


def test_the_work_pool_gets_the_same_deployments(deployments: dict[str, RunnerDeployment]) -> None:
    every = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    described = [entry for entry in every if entry["work_pool"]["name"] == "hugtweets"]
    learn = build_deployment("hugtweets")
    assert {entry["name"]: entry["entrypoint"] for entry in described} == {
        name: deployment.entrypoint for name, deployment in {**deployments, "learn": learn}.items()
    }
    # As many accounts are learned at once as there are workers.
    assert [entry.get("concurrency_limit") for entry in described] == [1, 1, 1, None]
    assert [entry.get("description") for entry in described] == [
        deployment.description for deployment in [*deployments.values(), learn]
    ]
    assert described[-1]["work_pool"] == {"name": "hugtweets", "job_variables": learn.job_variables}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("account", {"handles": []}),
        ("account", {"handles": ["../../etc"]}),
        ("account", {"handles": ["alice"], "source": "twitter"}),
        ("account", {"handles": ["alice"], "until": "train"}),
        ("account", {"handles": ["alice"], "epochs": 0}),
        ("account", {"handles": ["alice"], "budget_usd": -1}),
        ("account", {"handles": ["alice"], "prompts": []}),
        ("account", {}),
        ("sample", {"handle": "no handle"}),
        ("sample", {"handle": "alice", "number": 0}),
    ],
)
def test_the_server_refuses_a_wrong_value_before_a_run_exists(
    prefect_server: str, deployments: dict[str, RunnerDeployment], name: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(PrefectHTTPStatusError, match=r"409|422"):
        asyncio.run(start(deployments[name], parameters))


def test_the_server_takes_what_makes_sense(prefect_server: str, deployments: dict[str, RunnerDeployment]) -> None:
    asked = {"handles": ["@NASA"], "source": "archive:me.zip", "until": "clean", "budget_usd": 0.5}
    assert asyncio.run(start(deployments["account"], asked)).items() >= asked.items()
    assert asyncio.run(start(deployments["sample"], {"handle": "NASA"}))["handle"] == "NASA"


def test_the_server_plans_the_nights_ahead(prefect_server: str, deployments: dict[str, RunnerDeployment]) -> None:
    nights = asyncio.run(planned(deployments["nightly"]))
    assert len(nights) >= 3
    assert {night.astimezone(ZoneInfo("Europe/Paris")).hour for night in nights} == {3}


def test_a_verification_at_the_minute_of_a_night_waits_for_it(
    prefect_server: str, deployments: dict[str, RunnerDeployment]
) -> None:
    made: Any = deployments["nightly"].apply()
    with get_client(sync_client=True) as client:
        runs = [client.create_flow_run_from_deployment(made, parameters={"verify": verify}) for verify in (False, True)]
        # As whoever serves them does when their time has come.
        for run in runs:
            client.set_flow_run_state(run.id, Pending())
        states = [client.read_flow_run(run.id).state for run in runs]
    assert [state and state.name for state in states] == ["Pending", "AwaitingConcurrencySlot"]


async def planned(deployment: RunnerDeployment) -> list[datetime]:
    """When the runs of a scheduled deployment are to start, asked of the server's own scheduler."""
    applied: Any = deployment.aapply()
    identity: UUID = await applied
    async with get_client() as client:
        await client.request("POST", "/deployments/{id}/schedule", path_params={"id": identity}, json={})
        this = DeploymentFilter(id=DeploymentFilterId(any_=[identity]))
        runs = await client.read_flow_runs(deployment_filter=this)
    return [run.expected_start_time for run in runs if run.expected_start_time]


async def start(deployment: RunnerDeployment, parameters: dict[str, Any]) -> dict[str, Any]:
    """Ask the server for a run, as its UI does; nobody takes it up."""
    applied: Any = deployment.aapply()
    identity: UUID = await applied
    async with get_client() as client:
        run = await client.create_flow_run_from_deployment(identity, parameters=parameters)
        return dict(run.parameters)


def test_the_night_reads_the_file_when_it_runs(prefect_server: str, tmp_path: Path) -> None:
    path = write_accounts(tmp_path / "accounts.yaml", ["alice"], clean={"min_characters": 10**6})
    first = outcome_of(nightly(path, return_state=True))
    write_accounts(path, ["alice", "bob"], clean={"min_characters": 10**6})
    second = outcome_of(nightly(path, return_state=True))
    assert first.flow_run.startswith("nightly-")
    assert [account.handle for account in first.accounts] == ["alice"]
    assert [account.handle for account in second.accounts] == ["alice", "bob"]


def test_a_night_whose_file_makes_no_sense_any_more_fails_and_says_why(prefect_server: str, tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text("acounts: [alice]")
    state = nightly(path, return_state=True)
    assert state.is_failed()
    assert "did you mean accounts?" in str(state.message)


def test_an_account_asked_for_can_be_sampled_from(prefect_server: str, tmp_path: Path) -> None:
    tiny = save_tiny_model(tmp_path / "tiny")
    accounts = write_accounts(tmp_path / "accounts.yaml", ["alice"], train={"base_model": str(tiny), "device": "cpu"})
    assert nightly(accounts, return_state=True).is_completed()
    posts = sample("@Alice", ("the", "a wet"), 2)
    table = asyncio.run(newest_table())
    assert [post.prompt for post in posts] == ["the", "the", "a wet", "a wet"]
    assert [row["generated post"] for row in table] == [post.text for post in posts]


async def newest_table() -> list[dict[str, Any]]:
    async with get_client() as client:
        found = await client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[TABLE])))
    table: list[dict[str, Any]] = json.loads(str(found[-1].data))
    return table


def test_an_ad_hoc_run_takes_the_options_of_the_form(prefect_server: str, tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(20))
    outcome = outcome_of(ad_hoc(["@alice"], f"file:{path}", "clean", return_state=True))
    assert outcome.flow_run.startswith("account-alice-")
    assert list(outcome.accounts[0].steps) == ["fetch", "clean"]


def test_an_ad_hoc_run_has_the_options_of_the_home(prefect_server: str, home: Home, tmp_path: Path) -> None:
    held = {"budget_usd": 1, "month_budget_usd": 5}
    file = AccountsFile(path=write_accounts(tmp_path / "accounts.yaml", ["bob"], clean={"min_words": 99}, fetch=held))
    follow(home, file)
    path = write_timeline(tmp_path / "alice.jsonl", rows(20))
    outcome = outcome_of(ad_hoc(["alice"], f"file:{path}", "clean", return_state=True))
    assert outcome.accounts[0].counts["dropped"]["too_short"] == 20
    with pytest.raises(ConfigurationError, match=r"budget_usd=9 is not within 5"):
        read_home_options(home).override({"fetch": {"month_budget_usd": 9}})


def test_the_forms_show_what_is_in_force_and_what_a_night_changes(prefect_server: str, home: Home) -> None:
    options = build_config({"fetch": {"budget_usd": 1.5}, "sample": {"prompts": ["Today"], "per_prompt": 5000}})
    served = {found.name: found for found in build(Path("accounts.yaml"), "0 3 * * *", "UTC", options)}
    shown = asyncio.run(start(served["account"], {"handles": ["alice"]}))
    # More posts a prompt than the form takes: left empty, the home's own number holds.
    assert shown == {"handles": ["alice"], "budget_usd": 1.5, "epochs": 1, "prompts": ["Today"], "per_prompt": None}
    show_in_forms(options.override({"fetch": {"budget_usd": 0.5}}))
    with get_client(sync_client=True) as client:
        assert client.read_deployment_by_name("ad-hoc/account").parameters["budget_usd"] == 0.5


def test_one_file_for_several_accounts_is_refused(prefect_server: str) -> None:
    with pytest.raises(ConfigurationError, match="holds one account"):
        ad_hoc(["alice", "bob"], "file:posts.csv")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--cron", "61 3 * * *"], "'61 3 * * *' is no cron schedule"),
        (["--cron", "0 0 30 2 *"], "'0 0 30 2 *' is no cron schedule"),
        (["--cron", "0 3 * * * *"], "write five fields"),
        (["--verify-cron", "0 12 * * 8"], "'0 12 * * 8' is no cron schedule"),
        (["--timezone", "Europe/Pariss"], "did you mean Europe/Paris?"),
        (["--timezone", ""], "is no timezone"),
        (["nowhere.yaml"], "nowhere.yaml cannot be read"),
        ([], "no Prefect server is set"),
    ],
)
def test_serve_refuses_in_one_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    says: str,
) -> None:
    path = write_accounts(tmp_path / "accounts.yaml", ["alice"])
    command = ["hugtweets", "serve", *([] if "nowhere.yaml" in arguments else [str(path)]), *arguments]
    monkeypatch.setattr(sys, "argv", command)
    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(SystemExit) as ended:
        main()
    assert_one_sentence(ended.value.code, capsys.readouterr().err, says)


def test_serve_says_that_no_server_answers_and_keeps_a_password_to_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write_accounts(tmp_path / "accounts.yaml", ["alice"])
    monkeypatch.setattr(sys, "argv", ["hugtweets", "serve", str(path)])
    settings = {PREFECT_API_URL: "http://me:s3cret@127.0.0.1:9/api"}
    with temporary_settings(updates=settings), pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr().err
    assert_one_sentence(ended.value.code, printed, "no Prefect server answers at http://127.0.0.1:9/api")
    assert "s3cret" not in printed


def test_a_service_that_is_told_to_end_does_so_without_a_word_of_the_libraries(
    prefect_server: str, tmp_path: Path
) -> None:
    path, before = write_accounts(tmp_path / "accounts.yaml", ["alice"]), signal.getsignal(signal.SIGTERM)

    def end() -> None:
        while signal.getsignal(signal.SIGTERM) == before:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)

    # pytest makes an error of every warning, also of those that nobody can catch.
    threading.Thread(target=end, daemon=True).start()
    with pytest.raises(SystemExit) as ended:
        serve(path, "0 3 * * *", "UTC", Config())
    signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 0


def assert_one_sentence(code: object, printed: str, says: str) -> None:
    assert code == 2
    assert says in printed
    assert len(printed.strip().splitlines()) == 1
