"""A run whose accounts learn, write, and are evaluated in one batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.refresh import refresh
from hugtweets.devices.progress import Progress, listening
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import save_tiny_model


def test_accounts_that_learned_in_one_batch_need_not_learn_alone(
    prefect_server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gathering = {"parallel": 2, "gather_seconds": 30}
    config = tiny_config(train={"base_model": str(save_tiny_model(tmp_path / "tiny"))}, refresh=gathering)
    files = {
        handle: write_timeline(tmp_path / f"{handle}.jsonl", rows(60, since))
        for handle, since in (("alice", 0), ("bob", 30))
    }
    told: list[Progress] = []
    with caplog.at_level("INFO"), listening(told.append):
        asked = [request(handle, path, config) for handle, path in files.items()]
        first = outcome_of(refresh(asked, "evaluate", return_state=True))
    assert [account.status for account in first.accounts] == ["completed", "completed"]
    assert "2 accounts learn in one batch" in caplog.text
    assert "2 accounts write posts in one batch" in caplog.text
    assert "2 accounts are evaluated in one batch" in caplog.text
    assert all(account.metrics["bits_per_byte"] for account in first.accounts)
    assert {each.handle for each in told if each.step == "sample" and each.done == each.total} >= {"alice", "bob"}
    manifest = json.loads((Path(first.accounts[0].steps["finetune"].path) / "manifest.json").read_text())
    assert "in one batch with other accounts" in manifest["counts"]["choice"]
    by_itself = config.override({"refresh": {"gather_seconds": 0}})
    second = outcome_of(refresh([request("alice", files["alice"], by_itself)], "evaluate", return_state=True))
    assert all(step.cached for step in second.accounts[0].steps.values())
    assert second.accounts[0].samples == first.accounts[0].samples
