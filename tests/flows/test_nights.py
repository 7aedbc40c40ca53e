"""A night over an accounts file: what it leaves to see, its parameters, and what is tried again after it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.nightly import nightly
from flows.refresh import refresh
from flows.watching import STATUS
from hugtweets.cli.app import main
from hugtweets.jobs.accounts import AccountsFile
from hugtweets.jobs.history import read_history
from hugtweets.storage.home import Home
from tests.fixtures.flows import outcome_of, rows, tiny_config, write_timeline

MOST_BYTES = 512 * 1024


def write_accounts(path: Path) -> Path:
    """Two accounts too short to be learned, the second of which has no file yet and options of its own."""
    write_timeline(path.parent / "alice.jsonl", rows(30))
    bob = {"handle": "bob", "source": "file:bob.jsonl", "clean": {"min_words": 99}}
    defaults = tiny_config(clean={"min_characters": 10**6}).model_dump(mode="json")
    accounts = [{"handle": "alice", "source": "file:alice.jsonl"}, bob]
    path.write_text(yaml.safe_dump({"defaults": defaults, "accounts": accounts}), encoding="utf-8")
    return path


def test_a_night_shows_how_accounts_stand_and_those_that_failed_are_tried_again_alone(
    prefect_server: str,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    night = outcome_of(nightly(write_accounts(tmp_path / "accounts.yaml"), return_state=True))
    assert night.failed() == ["bob"]
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[STATUS]))
        tables = [json.loads(str(artifact.data)) for artifact in client.read_artifacts(artifact_filter=wanted)]
    shown = [[(row["handle"], row["last run"]) for row in table] for table in tables]
    assert [("alice", "skipped"), ("bob", "failed")] in shown

    write_timeline(tmp_path / "bob.jsonl", rows(30))
    monkeypatch.setattr(sys, "argv", ["hugtweets", "retry", "--failed", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    retried = json.loads(capsys.readouterr().out)
    assert (ended.value.code, [account["handle"] for account in retried["accounts"]]) == (0, ["bob"])
    assert retried["accounts"][0]["counts"]["dropped"]["too_short"] == 30
    history = read_history(home)
    assert history.night is not None
    assert (history.night.run, history.night.failed) == (night.flow_run, ())


def test_prefect_takes_the_parameters_of_a_night_of_five_thousand(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text(yaml.safe_dump({"accounts": [f"account_{number}" for number in range(5000)]}), encoding="utf-8")
    asked = refresh.validate_parameters({"accounts": AccountsFile(path=path, options={"train": {"epochs": 2}})})
    assert len(json.dumps(refresh.serialize_parameters(asked))) < MOST_BYTES / 1000
