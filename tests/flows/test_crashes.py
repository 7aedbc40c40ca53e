"""A run that was stopped or killed, started again: it completes, repeats nothing, and writes the same posts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.fork_server import ForkServer
from tests.fixtures.tiny_models import save_tiny_model


def command(home: Path, posts: Path, model: Path, **further: str) -> list[str]:
    options = {
        "train.base_model": model,
        "train.epochs": 1,
        "train.precision": "float32",
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
    return ["-m", "hugtweets.cli", "--home", str(home), "run", "alice", "--source", f"file:{posts}", *chosen, "--json"]


def finished(home: Path) -> set[Path]:
    return {path.parent for path in home.glob("artifacts/*/*/*/manifest.json") if not path.parent.name.startswith(".")}


@dataclass(frozen=True)
class Case:
    """The same posts and model for every kill, and the home of a run that nothing interrupts."""

    server: ForkServer
    environment: dict[str, str]
    posts: Path
    model: Path
    home: Path

    def run(self, arguments: list[str]) -> dict[str, Any]:
        """What a command tells of its account."""
        done = self.server.run(arguments, self.environment)
        assert done.returncode == 0, done.stderr
        account: dict[str, Any] = json.loads(done.stdout)["accounts"][0]
        return account

    def run_until(
        self, arguments: list[str], home: Path, artifacts: int, ending: signal.Signals = signal.SIGKILL
    ) -> subprocess.CompletedProcess[str]:
        """Start the command, and send it a signal as soon as that many artifacts are finished."""
        process = self.server.start(arguments, self.environment)
        started = home / "timelines"
        while (len(finished(home)) < artifacts or not started.exists()) and process.is_running():
            time.sleep(0.002)
        process.send(ending)
        return process.wait()


@pytest.fixture(scope="module")
def case(prefect_server: str, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("crashes")
    posts, model = write_timeline(folder / "alice.jsonl", rows(60)), save_tiny_model(folder / "tiny")
    return Case(fork_server, os.environ | {"PREFECT_API_URL": prefect_server}, posts, model, folder / "whole")


@pytest.fixture(scope="module")
def untouched(case: Case) -> dict[str, Any]:
    """What a run that nothing interrupts makes of them."""
    return case.run(command(case.home, case.posts, case.model))


@pytest.mark.parametrize(
    ("artifacts", "ending", "code", "says"),
    [
        (1, signal.SIGINT, 130, "stopped; the same command again goes on where this one was"),
        (3, signal.SIGTERM, 143, "stopped; the same command again goes on where this one was"),
        (5, signal.SIGKILL, -9, ""),
    ],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL"],
)
def test_a_run_that_was_stopped_or_killed_is_completed_by_the_same_command(
    case: Case,
    untouched: dict[str, Any],
    tmp_path: Path,
    artifacts: int,
    ending: signal.Signals,
    code: int,
    says: str,
) -> None:
    arguments = command(tmp_path / "killed", case.posts, case.model)
    ended = case.run_until(arguments, tmp_path / "killed", artifacts, ending)
    assert ended.returncode == code
    assert ended.stderr.count("hugtweets: ") == ended.stderr.count(f"hugtweets: {says}\n") == bool(says)
    before = finished(tmp_path / "killed")
    resumed = case.run(arguments)
    assert len(before) >= artifacts
    assert before <= {Path(step["path"]) for step in resumed["steps"].values() if step["cached"]}
    assert not list((tmp_path / "killed").glob("artifacts/*/*/.partial-*"))
    assert resumed["samples"] == untouched["samples"]


@pytest.mark.usefixtures("untouched")
def test_a_killed_training_goes_on_from_the_same_model_again(case: Case, tmp_path: Path) -> None:
    longer = write_timeline(tmp_path / "longer.jsonl", rows(80))
    homes = {name: Path(shutil.copytree(case.home, tmp_path / name)) for name in ("whole", "killed")}
    commands = {name: command(home, longer, case.model, refresh__start="previous") for name, home in homes.items()}
    whole = case.run(commands["whole"])
    case.run_until(commands["killed"], homes["killed"], len(finished(case.home)) + 3)
    resumed = case.run(commands["killed"])
    assert not resumed["steps"]["finetune"]["cached"]
    # The report tells when, and in which run, a model was judged.
    digests = [{name: step["digest"] for name, step in run["steps"].items()} for run in (resumed, whole)]
    assert digests[0] | {"report": ""} == digests[1] | {"report": ""}
    assert resumed["samples"] == whole["samples"]
