"""Which model is current, and what it came to, is told to a stand-in for W&B's server on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hugtweets.config import TrackingConfig
from hugtweets.evaluation.promotion import judge, note_trial, promote
from hugtweets.evaluation.scorecard import Scorecard
from hugtweets.storage.artifacts import Plan, Reference, create
from hugtweets.storage.home import Home
from hugtweets.tracking import MARKER, Content, track
from hugtweets.tracking.alerts import alert_of_failure
from hugtweets.tracking.decisions import untold
from tests.fixtures.tracked import KEY, SCRIPT, run_script
from tests.fixtures.wandb_log import LoggedArtifact, read_runs
from tests.fixtures.wandb_server import WandbServer

OFFLINE = TrackingConfig(mode="offline")

TELL = """
import sys
from pathlib import Path
from hugtweets.config import TrackingConfig
from hugtweets.storage.home import Home
from hugtweets.tracking.decisions import tell_decisions
tell_decisions(Home(Path(sys.argv[1])), "Ana", TrackingConfig(registry="voices"))
"""


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def fill(folder: Path) -> dict[str, Any]:
    (folder / "weights").write_text(folder.name)
    return {"base_model": "a small one"}


def make_model(home: Home, seed: int, scores: Scorecard | None = None) -> Reference:
    model = create(home, Plan("finetune", 1, "Ana", config={"seed": seed}), fill)
    if scores:
        create(home, Plan("evaluate", 1, "Ana", inputs=(model,)), lambda folder: scores.figures())
        judge(home, model, None, scores, "nightly")
    return model


def card(bits_per_byte: float) -> Scorecard:
    return Scorecard(
        base_bits_per_byte=2.0,
        bits_per_byte=bits_per_byte,
        over_base=bits_per_byte - 2.0,
        held_out_posts=9,
        held_out_bytes=900,
        copies_replaced=0,
    )


def logged(home: Home) -> list[LoggedArtifact]:
    return [artifact for run in read_runs(home.wandb) for artifact in run.logged]


def test_current_is_the_promoted_model_with_its_scores_and_moves_when_a_person_chooses_another(home: Home) -> None:
    good, bad = make_model(home, 1, card(1.5)), make_model(home, 2, card(2.5))
    with WandbServer() as server:
        environment = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": server.url}
        run_script(SCRIPT, home, **environment)
        first = run_script(TELL, home, **environment)
        versions = {a["run"]: a for a in server.artifacts.values() if a["name"] == "model-Ana"}
        of = {m: versions[json.loads(m.file(MARKER).read_text())["run_id"]] for m in (good, bad)}
        assert {"current"} <= set(of[good]["aliases"]) and "rejected" in of[bad]["aliases"]
        assert json.loads(of[good]["metadata"])["bits_per_byte"] == 1.5
        assert json.loads(of[good]["metadata"])["base_model"] == "a small one"
        assert server.links == [("wandb-registry-voices", "model-Ana", of[good]["id"])]
        promote(home, "Ana", bad.digest)
        second = run_script(TELL, home, **environment)
    assert (first.stderr, second.stderr) == ("", "")
    assert "current" in of[bad]["aliases"] and "rejected" not in of[bad]["aliases"]
    assert "current" not in of[good]["aliases"]
    assert untold(home, "Ana") == []


def test_what_w_and_b_does_not_have_yet_waits_for_its_aliases(home: Home) -> None:
    model = make_model(home, 1, card(1.5))
    track(home, model, Content(), OFFLINE, "nightly")
    assert untold(home, "Ana") == []
    marker = json.loads(model.file(MARKER).read_text())
    model.file(MARKER).write_text(json.dumps(marker | {"url": "http://127.0.0.1:9/team/hugtweets/runs/1"}))
    assert [told[0] for told in untold(home, "Ana")] == [model]


def test_a_model_is_logged_with_its_day_and_a_trial_as_one(home: Home) -> None:
    trial = Plan("finetune", 1, "Ana", config={"seed": 3})
    note_trial(home, trial.reference(home), "sweep")
    for model in (create(home, trial, fill), make_model(home, 4)):
        track(home, model, Content(), OFFLINE, "nightly")
    day = f"{trial.reference(home).manifest().created:%Y-%m-%d}"
    aliases = {frozenset(artifact.aliases) - {"latest"} for artifact in logged(home)}
    assert {len(names) for names in aliases} == {2, 3}
    assert all(day in names for names in aliases)
    assert frozenset({trial.reference(home).digest, day, "trial"}) in aliases


def test_only_artifacts_that_hold_posts_end_after_the_days_that_are_asked_for(home: Home) -> None:
    config = TrackingConfig(mode="offline", posts_ttl_days=30)
    for step in ("fetch", "clean", "tokenise", "finetune"):
        track(home, create(home, Plan(step, 1, "Ana"), fill), Content(), config, "nightly")
    assert {artifact.type: artifact.ttl_days for artifact in logged(home)} == {
        "raw-dataset": 30,
        "clean-dataset": 30,
        "token-dataset": 30,
        "model": None,
    }


def test_a_failed_night_is_an_alert_if_it_is_asked_for(home: Home) -> None:
    sentence = "1/2 accounts failed: Ana"
    alert_of_failure(home, sentence, ["Ana"], OFFLINE, "nightly-1")
    assert not home.wandb.exists()
    alert_of_failure(home, sentence, ["Ana"], TrackingConfig(mode="offline", alert=True), "nightly-1")
    (run,) = read_runs(home.wandb)
    assert (run.alerts, run.tags, run.group) == ([("ERROR", sentence)], ("Ana",), "nightly-1")
