"""Several machines with one store: what one has done no other does again."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.refresh import refresh
from hugtweets.home import Home
from hugtweets.outcomes import AccountOutcome
from tests.flow_fixtures import outcome_of, request, rows, tiny_config, write_timeline
from tests.tiny_models import save_tiny_model
from tests.wandb_log import read_runs

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model small enough to train in a second."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_another_machine_finds_everything_done(
    home: Home, tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUGTWEETS_STORE", f"file://{tmp_path}/store")
    config = tiny_config(train={"base_model": str(tiny_folder)}, tracking={"mode": "offline"})
    alice = request("alice", write_timeline(tmp_path / "alice.jsonl", rows(60)), config)
    first = outcome_of(refresh([alice], return_state=True)).accounts[0]
    monkeypatch.setenv("HUGTWEETS_HOME", str(tmp_path / "another"))
    second = outcome_of(refresh([alice], return_state=True)).accounts[0]
    assert (first.status, second.status) == ("completed", "unchanged")
    assert digests(first) == digests(second)
    assert (first.samples, first.metrics) == (second.samples, second.metrics)
    assert all(Path(step.path).is_relative_to(tmp_path / "another") for step in second.steps.values())
    assert (len(read_runs(home.wandb)), (tmp_path / "another" / "wandb").exists()) == (6, False)


def digests(account: AccountOutcome) -> dict[str, str]:
    return {name: step.digest for name, step in account.steps.items()}


def accounts(tmp_path: Path, config: Config) -> list[AccountRequest]:
    """Three accounts: one to learn, one with too few posts, one whose base model no machine has."""
    path = write_timeline(tmp_path / "alice.jsonl", rows(60))
    strict = config.override({"clean": {"min_characters": 10**6}})
    homeless = config.override({"train": {"base_model": "/nowhere"}})
    return [request("alice", path, config), request("bob", path, strict), request("carol", path, homeless)]
