"""What is deleted here is deleted in a stand-in for W&B on loopback, sooner or later."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hugtweets.cli.doctor import check_wandb
from hugtweets.config import TrackingConfig
from hugtweets.jobs.forgetting import remove_account
from hugtweets.storage.home import Home
from hugtweets.tracking import MARKER, Content, remove_run, track
from hugtweets.tracking.deleting import delete_noted, noted
from tests.fixtures.tracked import KEY, SCRIPT, let_pass, make_chain, run_command, run_script
from tests.fixtures.wandb_server import WandbServer

# Logs a summary that shows two accounts.
SUMMARY = """
import sys
from pathlib import Path
from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from hugtweets.tracking import Overview, track_overview
home = Home(Path(sys.argv[1]))
sources = [made for handle in ("Ana", "Ben") for made in references(home, handle)]
overview = Overview([("overview", ["handle"], [["Ana"], ["Ben"]])], "<p>", sources)
track_overview(home, overview, TrackingConfig(), "night")
"""


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_forgotten_account_goes_from_wandb_as_soon_as_that_can_be_reached(home: Home) -> None:
    made = make_chain(home, {"sample": ()})
    make_chain(home, {"fetch": ()}, "Ben")
    with WandbServer() as server:
        environment = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
        run_script(SCRIPT, home, **environment)
        run_script(SUMMARY, home, **environment)
        assert {run["displayName"] for run in server.runs.values()} == {"sample-Ana", "summary-night"}
        remove_account(home, "Ana")
        command = [sys.executable, "-m", "hugtweets.cli", "sync", "--json", "--home", str(home.root)]
        assert f"samples-Ana:{made['sample'].digest}" in {deletion.artifact for deletion in noted(home)}
        found = check_wandb(home)
        assert (found.verdict, "2 to be deleted there" in found.detail) == ("optional", True)
        done = run_command(command, **environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"sent": 0, "left": [], "to_delete": []})
    assert (server.runs, server.artifacts, noted(home)) == ({}, {}, [])


def test_what_cannot_be_deleted_is_listed_for_a_person(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    made = make_chain(home, {"clean": ()})["clean"]
    track(home, made, Content(), TrackingConfig(mode="offline"), "night")
    marker = json.loads(made.file(MARKER).read_text())
    made.file(MARKER).write_text(json.dumps(marker | {"url": "http://127.0.0.1:9/team/hugtweets/runs/1"}))
    remove_run(home, made)
    (left,) = delete_noted(home, TrackingConfig(mode="offline"))
    assert left.describe() == f"clean-Ana:{made.digest} of http://127.0.0.1:9/team/hugtweets/runs/1"
    assert left.describe() in caplog.text


def test_what_is_pruned_goes_from_wandb_if_asked_for_but_no_run_and_no_raw_posts(home: Home) -> None:
    nights = [make_chain(home, {"fetch": (), "clean": ("fetch",)}, seed=seed) for seed in (1, 2)]
    old, new = (f"clean-Ana:{made['clean'].digest}" for made in nights)
    with WandbServer() as server:
        environment = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
        run_script(SCRIPT, home, **environment)
        let_pass(home, days=2)
        command = [sys.executable, "-m", "hugtweets.cli", "prune", "--wandb", "--home", str(home.root)]
        tried = run_command([*command, "--dry-run"], **environment)
        assert "would remove 2 artifacts" in tried.stdout and "1 of them at W&B too" in tried.stdout
        assert run_command(command, **environment).returncode == 0
    names = {f"{each['name']}:{alias}" for each in server.artifacts.values() for alias in each["aliases"]}
    assert (old in names, new in names, len(server.runs)) == (False, True, 4)
    assert f"timeline-Ana:{nights[0]['fetch'].digest}" in names


def test_what_wandb_never_had_is_not_to_be_deleted_there(home: Home) -> None:
    made = make_chain(home, {"clean": ()})["clean"]
    track(home, made, Content(), TrackingConfig(mode="offline"), "night")
    remove_account(home, "Ana")
    assert noted(home) == []
