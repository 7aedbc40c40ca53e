"""A killed run, started again: it completes, repeats nothing that was finished, and writes the same posts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.flow_fixtures import prefect_server, rows, write_timeline
from tests.tiny_models import save_tiny_model

__all__ = ["prefect_server"]


def command(home: Path, posts: Path, model: Path) -> list[str]:
    options = {
        "train.base_model": model,
        "train.epochs": 1,
        "train.device": "cpu",
        "clean.min_characters": 500,
        "sample.prompts": "[the, a wet]",
        "sample.per_prompt": 1,
        "tracking.mode": "offline",
    }
    chosen = [f"--set={name}={value}" for name, value in options.items()]
    program = [sys.executable, "-m", "hugtweets", "--home", str(home)]
    return [*program, "run", "alice", "--source", f"file:{posts}", *chosen, "--json"]


def finished(home: Path) -> set[Path]:
    return {path.parent for path in home.glob("artifacts/*/*/*/manifest.json") if not path.parent.name.startswith(".")}


def run(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    account: dict[str, Any] = json.loads(done.stdout)["accounts"][0]
    return account


def run_until(arguments: list[str], environment: dict[str, str], home: Path, artifacts: int) -> None:
    """Start the command and kill it as soon as that many artifacts are finished."""
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(finished(home)) < artifacts and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("artifacts", [1, 3, 4])
def test_a_killed_run_is_completed_by_the_same_command(prefect_server: str, tmp_path: Path, artifacts: int) -> None:
    environment = os.environ | {"PREFECT_API_URL": prefect_server}
    posts = write_timeline(tmp_path / "alice.jsonl", rows(60))
    model = save_tiny_model(tmp_path / "tiny")
    run_until(command(tmp_path / "killed", posts, model), environment, tmp_path / "killed", artifacts)
    before = finished(tmp_path / "killed")
    resumed = run(command(tmp_path / "killed", posts, model), environment)
    assert len(before) >= artifacts
    assert before <= {Path(step["path"]) for step in resumed["steps"].values() if step["cached"]}
    assert not list((tmp_path / "killed").glob("artifacts/*/*/.partial-*"))
    untouched = run(command(tmp_path / "whole", posts, model), environment)
    assert resumed["samples"] == untouched["samples"]
