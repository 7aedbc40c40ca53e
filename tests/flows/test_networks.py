"""Accounts of Bluesky and Mastodon through the flow: as those of X, and for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.refresh import refresh
from hugtweets.config import Config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.simulator.server import Simulator, running
from tests.fixtures.flows import outcome_of, rows, tiny_config, write_timeline

pytestmark = pytest.mark.usefixtures("prefect_server")
HANDLES = ("alice.bsky.social", "alice@mastodon.social")


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    for handle in HANDLES:
        write_timeline(tmp_path / "served" / f"{handle}.jsonl", rows(60))
    with running(tmp_path / "served") as server:
        monkeypatch.setenv("BLUESKY_API_URL", server.url)
        monkeypatch.setenv("MASTODON_API_URL", server.url)
        yield server


def night(config: Config, verify: bool = False) -> RunOutcome:
    requests = [AccountRequest(handle=handle, config=config) for handle in HANDLES]
    state: Any = refresh(requests, "tokenise", verify=verify, return_state=True)
    return outcome_of(state)


def test_nights_of_free_networks_read_what_is_new_cost_nothing_and_let_deleted_posts_go(
    simulator: Simulator, tmp_path: Path
) -> None:
    first = night(tiny_config())
    for handle in HANDLES:
        posts = rows(60)
        write_timeline(tmp_path / "served" / f"{handle}.jsonl", posts[:20] + posts[21:])
    second = night(tiny_config(), verify=True)
    assert [account.status for account in first.accounts] == ["completed", "completed"]
    assert [account.counts["kept"] for account in first.accounts] == [60, 60]
    assert (first.api.posts_read, first.api.usd) == (120, 0)
    assert second.api.posts_read == 0
    assert [account.counts["dropped"] for account in second.accounts] == [{"deleted": 1}, {"deleted": 1}]
