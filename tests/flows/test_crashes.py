"""A killed run, started again: it completes, repeats nothing that was finished, and writes the same posts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.tiny_models import save_tiny_model


def command(home: Path, posts: Path, model: Path, **further: str) -> list[str]:
    options = {
        "train.base_model": model,
        "train.epochs": 1,
        "train.device": "cpu",
        "clean.min_characters": 500,
        "sample.prompts": "[the, a wet]",
        "sample.per_prompt": 1,
        "sample.max_characters": 60,
        "evaluate.generated": 4,
        "tracking.mode": "offline",
        **{name.replace("__", "."): value for name, value in further.items()},
    }
    chosen = [f"--set={name}={value}" for name, value in options.items()]
    program = [sys.executable, "-m", "hugtweets.cli", "--home", str(home)]
    return [*program, "run", "alice", "--source", f"file:{posts}", *chosen, "--json"]


def finished(home: Path) -> set[Path]:
    return {path.parent for path in home.glob("artifacts/*/*/*/manifest.json") if not path.parent.name.startswith(".")}


def run(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    account: dict[str, Any] = json.loads(done.stdout)["accounts"][0]
    return account


def run_until(arguments: list[str], environment: dict[str, str], home: Path, artifacts: int) -> None:
    """Start the command and kill it as soon as that many artifacts are finished."""
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    started = home / "timelines"
    while (len(finished(home)) < artifacts or not started.exists()) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@dataclass(frozen=True)
class Case:
    """The same posts and model for every kill, and what an uninterrupted run makes of them."""

    posts: Path
    model: Path
    environment: dict[str, str]
    home: Path
    untouched: dict[str, Any]


@pytest.fixture(scope="module")
def case(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("crashes")
    environment = os.environ | {"PREFECT_API_URL": prefect_server}
    posts = write_timeline(folder / "alice.jsonl", rows(60))
    model = save_tiny_model(folder / "tiny")
    home = folder / "whole"
    return Case(posts, model, environment, home, run(command(home, posts, model), environment))


@pytest.mark.parametrize("artifacts", [1, 3, 5])
def test_a_killed_run_is_completed_by_the_same_command(case: Case, tmp_path: Path, artifacts: int) -> None:
    arguments = command(tmp_path / "killed", case.posts, case.model)
    run_until(arguments, case.environment, tmp_path / "killed", artifacts)
    before = finished(tmp_path / "killed")
    resumed = run(arguments, case.environment)
    assert len(before) >= artifacts
    assert before <= {Path(step["path"]) for step in resumed["steps"].values() if step["cached"]}
    assert not list((tmp_path / "killed").glob("artifacts/*/*/.partial-*"))
    assert resumed["samples"] == case.untouched["samples"]


def test_a_killed_training_goes_on_from_the_same_model_again(case: Case, tmp_path: Path) -> None:
    longer = write_timeline(tmp_path / "longer.jsonl", rows(80))
    homes = {name: Path(shutil.copytree(case.home, tmp_path / name)) for name in ("whole", "killed")}
    commands = {name: command(home, longer, case.model, refresh__start="previous") for name, home in homes.items()}
    whole = run(commands["whole"], case.environment)
    run_until(commands["killed"], case.environment, homes["killed"], len(finished(case.home)) + 3)
    resumed = run(commands["killed"], case.environment)
    assert not resumed["steps"]["finetune"]["cached"]
    # The report tells when, and in which run, a model was judged.
    digests = [{name: step["digest"] for name, step in run["steps"].items()} for run in (resumed, whole)]
    assert digests[0] | {"report": ""} == digests[1] | {"report": ""}
    assert resumed["samples"] == whole["samples"]
