"""What all steps share: an artifact is made once and logged once, however many ask for it at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hugtweets.jobs.job import Job
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan
from hugtweets.storage.home import Home
from tests.fixtures.flows import request, tiny_config


def test_two_threads_that_log_the_same_artifact_write_one_run(home: Home, tmp_path: Path) -> None:
    config = tiny_config(tracking={"mode": "offline"})
    job = Job(home, request("alice", tmp_path / "alice.jsonl", config), "a run")
    both = threading.Barrier(2, timeout=60)

    def log(_: int) -> None:
        both.wait()
        perform(job, Plan("fetch", 1, "alice"), lambda folder: {"fetched": 0})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(log, range(2)))
    assert len(list(home.wandb.glob("offline-run-*"))) == 1
