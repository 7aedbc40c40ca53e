"""Curves reach a stand-in for W&B on loopback while a model is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from hugtweets.tracking import MARKER
from tests.fixtures.tracked import KEY, run_script
from tests.fixtures.wandb_log import read_runs
from tests.fixtures.wandb_server import WandbServer

# A training of two steps, which is told of on the way and logged at the end, unless it breaks off.
TRAIN = """
import sys
from pathlib import Path
from hugtweets.config import TrackingConfig
from hugtweets.devices.progress import reporter
from hugtweets.storage.artifacts import Plan, create
from hugtweets.storage.home import Home
from hugtweets.tracking import Content, track
from hugtweets.tracking.live import live_curves
BREAKS = False
home, plan = Home(Path(sys.argv[1])), Plan("finetune", 1, "Ana", config={"seed": 7})
rows = [{"step": 1, "train/loss": 3.5}, {"step": 2, "train/loss": 3.25}]

def fill(folder):
    for row in rows:
        reporter("Ben", "finetune")(1, 2, "another account", {"step": 1, "train/loss": 9.0})
        reporter("Ana", "finetune")(row["step"], 2, "loss", row)
    if BREAKS:
        raise SystemExit("broke off")
    return {"base_model": "a small one"}

with live_curves(home, plan, TrackingConfig(), "night"):
    track(home, create(home, plan, fill), Content(history=rows, summary={"best": 1}), TrackingConfig(), "night")
"""
LOSSES = [(1, 3.5), (2, 3.25)]


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def losses(server: WandbServer) -> dict[str, list[tuple[int, float]]]:
    return {run: [(row["step"], row["train/loss"]) for row in rows] for run, rows in server.history.items() if rows}


def test_the_run_of_a_model_has_its_curves_once_and_its_artifact(home: Home) -> None:
    with WandbServer() as server:
        done = run_script(TRAIN, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
    assert (done.returncode, done.stderr) == (0, "")
    (model,) = references(home, "Ana")
    marker = json.loads(model.file(MARKER).read_text())
    assert losses(server) == {marker["run_id"]: LOSSES}
    assert server.lineage() == {"finetune-Ana": (set(), {"model-Ana"})}
    assert server.exit_codes == {marker["run_id"]: 0}


def test_a_training_that_breaks_off_has_shown_its_curves_and_is_a_failed_run(home: Home) -> None:
    with WandbServer() as server:
        done = run_script(
            TRAIN.replace("BREAKS = False", "BREAKS = True"), home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url
        )
    assert done.stderr.strip() == "broke off"
    assert list(losses(server).values()) == [LOSSES]
    assert list(server.exit_codes.values()) == [1]


def test_a_training_goes_on_without_wandb_and_its_curves_are_kept(home: Home) -> None:
    with WandbServer(401) as server:
        done = run_script(TRAIN, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
    assert done.returncode == 0, done.stderr
    (kept,) = read_runs(home.wandb)
    assert [(row["step"], row["train/loss"]) for row in kept.history] == LOSSES
