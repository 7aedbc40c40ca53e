"""Nights that prune: what they remove is not made again the next night."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from flows.refresh import refresh
from hugtweets.jobs.needed import DAY_SECONDS
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.report.site import published
from hugtweets.storage.artifacts import all_artifacts, references
from hugtweets.storage.home import Home
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_a_night_after_one_that_pruned_has_nothing_to_do(
    home: Home, tmp_path: Path, tiny_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny_config(
        train={"base_model": str(tiny_folder), "posts_per_step": 16},
        evaluate={"generated": 0},
        storage={"keep_models": 1},
    )
    # As many test posts as it takes to tell that the second model is no worse.
    config = config.override({"clean": {"held_out_share": 0.35}})
    posts = tmp_path / "alice.jsonl"
    caplog.set_level(logging.INFO, logger="hugtweets")

    def night(number: int) -> AccountOutcome:
        write_timeline(posts, rows(number))
        return outcome_of(refresh([request("alice", posts, config)], return_state=True)).accounts[0]

    night(60)
    made = references(home, "alice", "sample")
    for reference in all_artifacts(home):
        used = reference.known_manifest.stat().st_mtime - 2 * DAY_SECONDS
        os.utime(reference.known_manifest, (used, used))
    assert night(80).status == "completed"
    assert "as storage.keep_models=1 says" in caplog.text
    # What the new model was compared with stays, without what it wrote.
    assert len(references(home, "alice", "finetune")) == 2
    assert made[0] not in references(home, "alice", "sample")
    last = night(80)
    assert (last.status, {step.cached for step in last.steps.values()}) == ("unchanged", {True})
    assert published(home, "alice")
