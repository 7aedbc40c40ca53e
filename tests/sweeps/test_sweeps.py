"""What a sweep tries, how its points compare, and that no account's current model changes."""

from __future__ import annotations

import csv
import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

from flows.account import account
from flows.runs import ended_with
from flows.sweep import sweep
from hugtweets.cli.app import app
from hugtweets.config import Config, load_config
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.intervals import mean_interval
from hugtweets.evaluation.promotion import current_model, read_promotions
from hugtweets.jobs.accounts import AccountRequest, request_accounts
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from hugtweets.sweeps.outcome import SweepOutcome, TrialOutcome
from hugtweets.sweeps.points import Point, parse_variations, plan_points, read_point
from hugtweets.sweeps.tracking import export_sweep
from hugtweets.sweeps.variations import Range, parse_variation
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.wandb_log import read_runs

ALICE = request_accounts(["alice"], ["x"], Config())
HARDLY = Point(options={"train.lr": 1e-6})


def labels(varied: Sequence[str], number: int | None = None, seed: int = 0) -> list[str]:
    return [point.label for point in plan_points(ALICE, varied, number, seed)]


def test_a_grid_is_every_combination_after_the_configuration_as_it_is() -> None:
    assert labels(["train.lr=1e-4,3e-4", "train.epochs=1,2"]) == [
        "as configured",
        "train.lr=0.0001 train.epochs=1",
        "train.lr=0.0001 train.epochs=2",
        "train.lr=0.0003 train.epochs=1",
        "train.lr=0.0003 train.epochs=2",
    ]


def test_what_comes_to_the_same_is_one_point() -> None:
    assert labels(["train.max_training_posts=50,null", "sample.prompts=[a],[a]"]) == [
        "as configured",
        "train.max_training_posts=50 sample.prompts=['a']",
        "train.max_training_posts=null sample.prompts=['a']",
    ]
    assert labels(["train.epochs=1"]) == ["as configured"]


def test_points_are_drawn_by_their_seed_and_no_two_alike() -> None:
    drawn = labels(["train.lr=1e-4..1e-2", "train.method=lora,full"], 5)
    assert len(set(drawn)) == 6
    assert drawn == labels(["train.lr=1e-4..1e-2", "train.method=lora,full"], 5)
    assert drawn != labels(["train.lr=1e-4..1e-2", "train.method=lora,full"], 5, seed=1)
    assert len(labels(["train.patience=2,3"], 5)) == 3


def test_a_range_of_a_decade_is_drawn_from_by_factors() -> None:
    wide, narrow, whole = (parse_variation(f"train.lr={ends}") for ends in ("1e-4..1e-2", "0.001..0.002", "1..10000"))
    assert isinstance(wide, Range) and isinstance(narrow, Range) and isinstance(whole, Range)
    assert (wide.is_logarithmic, narrow.is_logarithmic, whole.is_whole) == (True, False, True)
    rng = random.Random(0)
    drawn = [wide.draw(rng) for _ in range(400)]
    assert 0.4 < sum(rate < 1e-3 for rate in drawn) / 400 < 0.6
    assert all(1e-4 <= rate <= 1e-2 for rate in drawn)
    assert all(isinstance(whole.draw(rng), int) for _ in range(10))


@pytest.mark.parametrize(
    ("varied", "says"),
    [
        (["train.lrr=1"], "did you mean train.lr?"),
        (["trian.lr=1"], "did you mean train?"),
        (["fetch.max_posts=5,6"], "fetch.max_posts cannot be varied"),
        (["train.epochs=0"], "alice at train.epochs=0: train.epochs: Input should be greater than 0"),
        (["train.method=full", "train.lora_rank=8"], "train.lora_rank and train.method=full exclude each other"),
        (["train.lr=1e-4..1e-3"], "--random"),
        (["train.lr=3..1"], "smaller number first"),
        (["train.lr=1", "train.lr=2"], "varied twice"),
        (["train.lr=[1"], "cannot be read"),
        (["train.lr="], "varies nothing"),
    ],
)
def test_a_senseless_variation_is_refused_before_any_work(varied: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        plan_points(ALICE, varied)
    assert says in str(refused.value)


@pytest.mark.parametrize("assignment", ["refresh.start=previous", "refresh.dispatch=ray"])
def test_what_a_sweep_cannot_do_is_refused_and_both_are_named(assignment: str) -> None:
    with pytest.raises(ConfigurationError, match=f"a sweep and {assignment} exclude each other"):
        plan_points(request_accounts(["alice"], ["x"], load_config(None, [assignment])), ["train.epochs=2"])


def trial(point: int, handle: str, tuned: float | None, held_out: int = 20) -> TrialOutcome:
    status = "failed" if tuned is None else "completed"
    return TrialOutcome.model_validate(
        {"point": point, "handle": handle, "status": status, "bits_per_byte": tuned, "validation_posts": held_out}
    )


POINTS = [Point(), Point(options={"train.epochs": 2}), Point(options={"train.epochs": 3})]


def test_the_best_point_has_the_lowest_mean_and_a_paired_difference() -> None:
    figures = {"alice": (1.5, 1.4, 1.6), "bob": (1.8, 1.7, 1.7), "carol": (2.0, 1.9, 2.0)}
    trials = [trial(place, handle, tuned) for handle, row in figures.items() for place, tuned in enumerate(row)]
    outcome = SweepOutcome.of("sweep-1", "sweep-1.csv", POINTS, trials)
    best = outcome.points[1]
    # The accounts differ by more than the points do, which a paired difference does not see.
    assert (outcome.best, best.difference, best.low, best.high) == (1, -0.1, -0.1, -0.1)
    assert "train.epochs=2, 1.667 bits per byte, -0.100 against as configured" in outcome.describe()


def test_points_that_lack_an_account_or_have_other_held_out_posts_are_not_compared() -> None:
    trials = [trial(place, handle, 2.0) for place in (0, 1) for handle in ("alice", "bob")]
    trials += [trial(2, "alice", 1.0), trial(2, "bob", None)]
    trials[2] = trial(1, "alice", 1.0, held_out=10)
    outcome = SweepOutcome.of("sweep-1", "sweep-1.csv", POINTS, trials)
    assert [point.compared for point in outcome.points] == [True, False, False]
    assert (outcome.best, outcome.points[1].difference) == (0, None)
    assert outcome.failure() == "1/6 trials failed: bob at train.epochs=3"


def test_an_interval_over_accounts_takes_three() -> None:
    assert mean_interval([1.0, 2.0]) is None
    # Student's t of two degrees of freedom is 4.303 at 97.5 %.
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx((2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)


@pytest.fixture
def config(tiny_folder: Path) -> Config:
    return tiny_config(
        train={"base_model": str(tiny_folder), "posts_per_step": 16},
        sample={"prompts": ["the"]},
        evaluate={"generated": 0},
    )


@pytest.fixture
def alice(tmp_path: Path, config: Config) -> AccountRequest:
    return request("alice", write_timeline(tmp_path / "alice.jsonl", rows(120)), config)


def run_sweep(requests: list[AccountRequest], points: list[Point]) -> SweepOutcome:
    return ended_with(sweep(requests, points, return_state=True), SweepOutcome)


@pytest.mark.usefixtures("prefect_server")
def test_a_sweep_tries_every_point_and_leaves_the_current_model_alone(home: Home, alice: AccountRequest) -> None:
    good = outcome_of(account(alice, return_state=True)).accounts[0].steps["finetune"].digest
    points = plan_points([alice], ["train.epochs=2", "train.max_training_posts=40,null"])
    outcome = run_sweep([alice], points)
    assert [found.training_posts for found in outcome.trials] == [102, 40, 102]
    assert {found.validation_posts for found in outcome.trials} == {6}
    # The model that was there is no trial, and is not made again.
    assert outcome.trials[0].model == good
    assert len(references(home, "alice", "finetune")) == 3
    assert len(references(home, "alice", "clean")) == 1
    current = current_model(home, "alice")
    assert current is not None
    assert (current.digest, len(read_promotions(home, "alice").judged)) == (good, 1)
    table = list(csv.DictReader(Path(outcome.csv).read_text(encoding="utf-8").splitlines()))
    assert [row["train.max_training_posts"] for row in table] == ["", "40", ""]
    assert float(table[1]["bits_per_byte"]) == outcome.trials[1].bits_per_byte


@pytest.mark.usefixtures("prefect_server")
def test_a_trial_is_current_only_once_a_run_asks_for_it(home: Home, alice: AccountRequest) -> None:
    point = read_point([alice], {"train.epochs": 2})
    tried = run_sweep([alice], [point]).trials[0].model
    assert current_model(home, "alice") is None
    assert read_promotions(home, "alice").trials == {tried}
    judged = outcome_of(account(point.of(alice), return_state=True)).accounts[0]
    assert (judged.steps["finetune"].cached, judged.promotion.promoted if judged.promotion else None) == (True, True)
    current = current_model(home, "alice")
    assert current is not None
    assert current.digest == tried


@pytest.mark.usefixtures("prefect_server")
def test_every_trial_is_a_run_in_wandb_and_an_account_that_fails_leaves_the_others_alone(
    home: Home, alice: AccountRequest, tmp_path: Path
) -> None:
    offline = alice.override({"tracking": {"mode": "offline"}})
    bob = request("bob", tmp_path / "nowhere.jsonl", offline.config)
    outcome = run_sweep([offline, bob], [Point(), HARDLY])
    assert [(found.handle, found.status) for found in outcome.trials[:2]] == [("alice", "completed"), ("bob", "failed")]
    assert (outcome.status, outcome.points[0].compared, outcome.points[0].accounts) == ("failed", True, 1)
    runs = {run.config["train.lr"]: run for run in read_runs(home.wandb) if run.job_type == "trial"}
    assert set(runs) == {None, 1e-6}
    assert {run.group for run in runs.values()} == {outcome.sweep}
    assert runs[1e-6].history[-1]["bits_per_byte"] == outcome.trials[2].bits_per_byte
    assert runs[1e-6].name == "trial-alice train.lr=1e-06"
    forgotten = CliRunner().invoke(app, ["forget", "alice", "--json"])
    assert outcome.csv in json.loads(forgotten.stdout)["deleted"]
    assert read_runs(home.wandb) == []


@pytest.mark.usefixtures("prefect_server")
def test_nothing_is_fetched_where_no_point_has_a_base_model(home: Home, alice: AccountRequest) -> None:
    lost = alice.override({"train": {"base_model": str(home.root / "nowhere")}})
    outcome = run_sweep([lost], [Point(), HARDLY])
    assert [(found.point, found.status) for found in outcome.trials] == [(0, "failed"), (1, "failed")]
    assert all("nowhere" in (found.reason or "") for found in outcome.trials)
    assert references(home, "alice", "fetch") == []


def test_an_export_has_the_parameters_as_the_agent_draws_them() -> None:
    varied = [
        "train.lr=1e-4..1e-2",
        "train.epochs=1,2",
        "train.max_training_posts=50..300",
        "train.weight_decay=0..1e-3",
    ]
    exported = export_sweep(parse_variations(varied), 6, "hugtweets", ["alice"])
    assert (exported["method"], exported["run_cap"]) == ("random", 6)
    assert exported["metric"] == {"name": "bits_per_byte", "goal": "minimize"}
    assert exported["parameters"] == {
        "train.lr": {"min": 1e-4, "max": 1e-2, "distribution": "log_uniform_values"},
        "train.epochs": {"values": [1, 2]},
        "train.max_training_posts": {"min": 50, "max": 300, "distribution": "int_uniform"},
        "train.weight_decay": {"min": 0, "max": 1e-3, "distribution": "uniform"},
    }


@pytest.mark.usefixtures("prefect_server")
def test_the_command_of_the_agent_runs_and_reports(
    home: Home, alice: AccountRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sweep.yaml"
    options = tmp_path / "options.yaml"
    options.write_text(yaml.safe_dump(alice.config.model_dump(mode="json") | {"tracking": {"mode": "offline"}}))
    source = ["alice", f"--source={alice.source}", "--config", str(options)]
    CliRunner().invoke(app, ["sweep", *source, "--vary", "train.lr=1e-5,1e-3", "--export-wandb", str(file)])
    exported = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert exported["parameters"] == {"train.lr": {"values": [1e-5, 1e-3]}}
    assert not list(home.artifacts.glob("*/*/*"))
    # As wandb's agent does it.
    monkeypatch.setenv("WANDB_RUN_ID", "agentrun")
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep0")
    variables = create_sweep_command_args({"args": {"train.lr": {"value": 1e-5}}})
    variables |= {"program": [exported["program"]], "env": []}
    command = [
        part
        for chunk in create_sweep_command(exported["command"])
        for part in (variables[chunk[2:-1]] if chunk.startswith("${") else [chunk])
    ]
    assert command[0] == "hugtweets"
    ended = CliRunner().invoke(app, [*command[1:], "--json"])
    tried = json.loads(ended.stdout)
    (reported,) = [run for run in read_runs(home.wandb) if run.id == "agentrun"]
    assert "WANDB_RUN_ID" not in os.environ
    assert (reported.config["train.lr"], reported.exit_code) == (1e-5, 0)
    assert reported.history[-1]["bits_per_byte"] == tried["trials"][0]["bits_per_byte"]
    assert [run.sweep for run in read_runs(home.wandb) if run.sweep] == ["sweep0"]
