"""Accounts of Bluesky and Mastodon through the flow: as those of X, and for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from flows.refresh import refresh
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.publishing.card import Usage, write_card
from hugtweets.publishing.facts import gather_facts
from hugtweets.publishing.markdown import plain
from hugtweets.simulator.server import Simulator, running
from hugtweets.steps.finetune import find_model
from hugtweets.storage.handles import folder_of
from hugtweets.storage.home import Home
from tests.fixtures.flows import files_with, outcome_of, rows, tiny_config, write_timeline

pytestmark = pytest.mark.usefixtures("prefect_server")
NETWORKS = {"alice.bsky.social": "Bluesky", "alice@mastodon.social": "Mastodon"}
POSTS = rows(60)
GONE = POSTS[-3]  # a test post: the page of the account shows it


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    serve(tmp_path, POSTS)
    with running(tmp_path / "served") as server:
        monkeypatch.setenv("BLUESKY_API_URL", server.url)
        monkeypatch.setenv("MASTODON_API_URL", server.url)
        yield server


def serve(tmp_path: Path, posts: Sequence[dict[str, Any]]) -> None:
    for handle in NETWORKS:
        write_timeline(tmp_path / "served" / f"{handle}.jsonl", posts)


def pages(home: Home) -> list[str]:
    return [home.report.joinpath("accounts", f"{folder_of(handle)}.html").read_text("utf-8") for handle in NETWORKS]


def test_nights_of_free_networks_give_models_reports_and_cards_cost_nothing_and_let_deleted_posts_go(
    simulator: Simulator, home: Home, tmp_path: Path, tiny_folder: Path
) -> None:
    config = tiny_config(train={"base_model": str(tiny_folder), "posts_per_step": 16})
    requests = [AccountRequest(handle=handle, config=config) for handle in NETWORKS]

    def night(verify: bool = False) -> RunOutcome:
        return outcome_of(refresh(requests, verify=verify, return_state=True))

    first, second = night(), night()
    assert [account.status for run in (first, second) for account in run.accounts] == ["completed"] * 2 + [
        "unchanged"
    ] * 2
    assert [account.counts["kept"] for account in first.accounts] == [60, 60]
    assert (first.api.posts_read, first.api.usd, second.api.posts_read) == (120, 0, 0)
    for (handle, network), page in zip(NETWORKS.items(), pages(home), strict=True):
        assert f"from {network}" in page
        assert page.count('class="made"') >= 2
        assert GONE["text"] in page
        assert f"in the voice of {plain('@' + handle)} on {network}." in write_card(
            gather_facts(home, *find_model(home, handle)), Usage(".", True, "", {}), pictured=False
        )
    serve(tmp_path, [post for post in POSTS if post is not GONE])
    third = night(verify=True)
    assert third.api.posts_read == 0
    assert [account.counts["dropped"] for account in third.accounts] == [{"deleted": 1}, {"deleted": 1}]
    assert files_with(home, GONE["text"]) == []
    assert not any(GONE["text"] in page for page in pages(home))
