"""Several machines: what one has done no other does again, and what is lost with one another does."""

from __future__ import annotations

import secrets
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.states import Cancelled, Cancelling, Crashed, Running, Scheduled

from deployments.serve import BY_MODULE
from deployments.setup import provide
from flows.learn import learn
from flows.nightly import nightly
from flows.refresh import refresh
from flows.work_pool import DEPLOYMENT, find_deployment, is_full_of_waiting
from hugtweets.cli.app import main
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import STEPS, Assignment
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.storage.home import Home
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.wandb_log import read_runs

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def config(tiny_folder: Path) -> Config:
    return tiny_config(train={"base_model": str(tiny_folder), "posts_per_step": 16})


@pytest.fixture(scope="module")
def pool(prefect_server: str) -> str:
    """A work pool of which a thread of this process is the worker."""
    name = f"pool-{secrets.token_hex(3)}"
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        # Tests that this process ran before may have given it to a pool of theirs.
        with suppress(ObjectNotFound):
            client.delete_deployment(client.read_deployment_by_name(f"{learn.name}/{DEPLOYMENT}").id)
        find_deployment(client, name)
    provide(create=True)
    return name


class Worker:
    """Runs in a thread what a worker would run in a process of its own; ``lose`` names what becomes of the first."""

    def __init__(self, pool: str, lose: tuple[State, ...] = ()) -> None:
        self.taken: list[FlowRun] = []
        self._lose = list(lose)
        self._pool = pool
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        waiting = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))
        with get_client(sync_client=True) as client:
            ours = DeploymentFilter(id=DeploymentFilterId(any_=[find_deployment(client, self._pool)]))
            while not self._stop.wait(0.2):
                for run in client.read_flow_runs(flow_run_filter=waiting, deployment_filter=ours):
                    self.taken.append(run)
                    if self._lose:
                        client.set_flow_run_state(run.id, Running(), force=True)
                        client.set_flow_run_state(run.id, self._lose.pop(0), force=True)
                    else:
                        run_flow(learn, flow_run=run, parameters=run.parameters, return_type="state")


def in_pool(config: Config, pool: str) -> Config:
    return config.override({"refresh": {"dispatch": "pool", "work_pool": pool}})


def accounts(folder: Path, config: Config) -> list[AccountRequest]:
    """One to learn, and one with too few posts."""
    path = write_timeline(folder / "posts.jsonl", rows(60))
    strict = config.override({"clean": {"min_characters": 10**6}})
    return [request("alice", path, config), request("bob", path, strict)]


def digests(account: AccountOutcome) -> dict[str, str]:
    """Those of the steps that know nothing of the run: the report tells when and in which run a model was judged."""
    return {name: step.digest for name, step in account.steps.items() if name != "report"}


def run(requests: list[AccountRequest]) -> list[AccountOutcome]:
    return outcome_of(refresh(requests, return_state=True)).accounts


def test_another_machine_finds_everything_done(
    home: Home, tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUGTWEETS_STORE", f"file://{tmp_path}/store")
    config = config.override({"tracking": {"mode": "offline"}})
    alice = request("alice", write_timeline(tmp_path / "alice.jsonl", rows(60)), config)
    (first,) = run([alice])
    monkeypatch.setenv("HUGTWEETS_HOME", str(tmp_path / "another"))
    (second,) = run([alice])
    assert (first.status, second.status) == ("completed", "unchanged")
    assert digests(first) == digests(second)
    assert first.steps["report"].digest == second.steps["report"].digest
    assert (first.samples, first.metrics) == (second.samples, second.metrics)
    assert all(Path(step.path).is_relative_to(tmp_path / "another") for step in second.steps.values())
    assert (len(read_runs(home.wandb)), (tmp_path / "another" / "wandb").exists()) == (8, False)


def test_a_pool_learns_what_this_process_would(
    tmp_path: Path, config: Config, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = run(accounts(tmp_path, config))
    monkeypatch.setenv("HUGTWEETS_HOME", str(tmp_path / "another"))
    with Worker(pool) as worker:
        there = run(accounts(tmp_path, in_pool(config, pool)))
        again = run(accounts(tmp_path, in_pool(config, pool)))
    assert [account.status for account in there] == ["completed", "skipped"]
    assert [account.status for account in again] == ["unchanged", "skipped"]
    assert [digests(account) for account in there] == [digests(account) for account in here]
    assert list(there[0].steps) == list(STEPS)
    assert there[0].samples == again[0].samples == here[0].samples
    assert (there[0].metrics, there[1].reason) == (here[0].metrics, here[1].reason)
    assert len(worker.taken) == 1


def test_what_was_fetched_before_and_is_learned_now_is_no_unchanged_account(
    tmp_path: Path, config: Config, pool: str
) -> None:
    outcome_of(refresh(accounts(tmp_path, config), "clean", return_state=True))
    with Worker(pool):
        (alice, _) = run(accounts(tmp_path, in_pool(config, pool)))
    assert (alice.status, alice.steps["clean"].cached, alice.steps["finetune"].cached) == ("completed", True, False)


def test_a_run_that_is_lost_with_its_worker_is_started_again(tmp_path: Path, config: Config, pool: str) -> None:
    with Worker(pool, lose=(Crashed(message="the worker died"),)) as worker:
        (alice, _) = run(accounts(tmp_path, in_pool(config, pool)))
    assert (alice.status, len(worker.taken)) == ("completed", 2)
    assert worker.taken[0].id == worker.taken[1].id


def test_a_run_that_a_person_cancels_is_not_started_again(tmp_path: Path, config: Config, pool: str) -> None:
    with Worker(pool, lose=(Cancelled(message="not tonight"),)) as worker:
        (alice, _) = run(accounts(tmp_path, in_pool(config, pool)))
    assert (alice.status, len(worker.taken)) == ("failed", 1)
    assert "not tonight" in (alice.reason or "")


def test_a_cancelled_run_that_crashed_before_it_was_said_so_is_not_done(tmp_path: Path, config: Config) -> None:
    assignment = Assignment(request=request("alice", tmp_path / "posts", config), run="monday", posts="0" * 16)
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(learn, parameters={"assignment": assignment.model_dump(mode="json")})
        # As Prefect and the automation that starts crashed runs again leave it.
        states: list[State] = [Running(), Cancelling(), Crashed(), Scheduled(name="AwaitingRetry")]
        for state in states:
            client.set_flow_run_state(run.id, state, force=True)
        run_flow(learn, flow_run=client.read_flow_run(run.id), parameters=run.parameters, return_type="state")
        ended = client.read_flow_run(run.id).state
    assert ended is not None
    assert ended.is_cancelled()


def test_a_night_on_the_only_worker_of_a_pool_learns_the_accounts_itself(
    tmp_path: Path, config: Config, pool: str, night: FlowRun
) -> None:
    path = tmp_path / "accounts.yaml"
    write_timeline(tmp_path / "alice.jsonl", rows(60))
    options = in_pool(config, pool).model_dump(mode="json")
    path.write_text(
        yaml.safe_dump({"defaults": options, "accounts": [{"handle": "alice", "source": "file:alice.jsonl"}]})
    )
    with get_client(sync_client=True) as client:
        client.send_worker_heartbeat(pool, "the only one", 30.0)
    state: Any = run_flow(nightly, flow_run=night, parameters={"accounts": path}, return_type="state")
    (alice,) = outcome_of(state).accounts
    assert alice.status == "completed"


def test_a_night_on_a_pool_with_another_worker_waits_for_that_one(
    pool: str, night: FlowRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__ID", str(night.id))
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(night.id, Running(), force=True)
        client.send_worker_heartbeat(pool, "the only one", 30.0)
        assert is_full_of_waiting(pool)
        client.send_worker_heartbeat(pool, "another", 30.0)
        assert not is_full_of_waiting(pool)


@pytest.fixture
def night(pool: str) -> FlowRun:
    """A nightly run that a worker of a pool has taken."""
    deployment = RunnerDeployment.from_flow(nightly, "in the pool", work_pool_name=pool, entrypoint_type=BY_MODULE)
    with get_client(sync_client=True) as client:
        made: Any = deployment.apply()
        return client.create_flow_run_from_deployment(made, parameters={"accounts": "accounts.yaml"})


def test_a_failure_on_another_machine_is_that_accounts(tmp_path: Path, config: Config, pool: str) -> None:
    path = write_timeline(tmp_path / "posts.jsonl", rows(60))
    broken = config.override({"train": {"lr": 1e30}})
    with Worker(pool):
        alice, bob = run([request("alice", path, in_pool(broken, pool)), request("bob", path, in_pool(config, pool))])
    assert (alice.status, bob.status) == ("failed", "completed")
    assert "lower train.lr" in (alice.reason or "")
    assert list(alice.steps) == ["fetch", "clean", "tokenise", "report"]


def test_a_machine_without_the_posts_says_what_it_lacks(tmp_path: Path, config: Config) -> None:
    assignment = Assignment(request=request("alice", tmp_path / "elsewhere", config), run="monday", posts="0" * 16)
    state = learn(assignment, return_state=True)
    assert state.is_failed()
    assert "HUGTWEETS_STORE" in (state.message or "")


def test_a_deployment_of_an_earlier_version_learns_the_options_of_this_one(pool: str) -> None:
    with get_client(sync_client=True) as client:
        made = find_deployment(client, pool)
        now = client.read_deployment(made)
        earlier = DeploymentUpdate(parameter_openapi_schema={"type": "object", "properties": {}})
        client.update_deployment(made, earlier)
        assert find_deployment(client, pool) == made
        again = client.read_deployment(made)
    assert again.parameter_openapi_schema == now.parameter_openapi_schema
    assert (again.job_variables, again.entrypoint) == (now.job_variables, now.entrypoint)


def test_the_same_work_is_recognised_whoever_asks_for_it(tmp_path: Path, config: Config) -> None:
    monday = Assignment(request=request("alice", tmp_path / "alice", config), run="monday", posts="0" * 16)
    assert monday.identity == monday.model_copy(update={"run": "tuesday"}).identity
    assert monday.identity != monday.model_copy(update={"posts": "1" * 16}).identity
    assert Assignment.model_validate_json(monday.model_dump_json()) == monday


def test_what_cannot_be_is_refused_before_any_work(
    tmp_path: Path, config: Config, pool: str, prefect_server: str
) -> None:
    path = write_timeline(tmp_path / "posts.jsonl", rows(60))
    for options, says in (
        ([in_pool(config, "nowhere")], "no work pool nowhere"),
        ([in_pool(config, pool), config], "one for all accounts"),
    ):
        requests = [request(f"a{number}", path, option) for number, option in enumerate(options)]
        with pytest.raises(ConfigurationError, match=says):
            refresh(requests)
    assert not Home.from_environment().timelines.exists()


def test_a_place_may_be_named_beside_its_dispatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "accounts.yaml").write_text("accounts: [alice]")
    arguments = [str(tmp_path / "accounts.yaml"), "--dispatch", "pool", "--set", "refresh.work_pool=mine", "--dry-run"]
    monkeypatch.setattr(sys, "argv", ["hugtweets", "refresh", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_a_place_without_its_dispatch_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"refresh.work_pool and refresh.dispatch=threads exclude each other"):
        Config().override({"refresh": {"work_pool": "hugtweets"}})
