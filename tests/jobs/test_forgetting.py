"""What is removed of an account that is forgotten, and what is not."""

from __future__ import annotations

from hugtweets.jobs.forgetting import kept_of, remove_account
from hugtweets.report.step import report
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from tests.fixtures.reports import jobs, learn


def test_an_account_whose_name_begins_like_that_of_another_network_is_not_forgotten_with_it(home: Home) -> None:
    for handle in ("alice", "alice.bsky.social", "alice@bsky.social"):
        learn(home, handle)
    report(jobs(home, "alice", "alice.bsky.social", "alice@bsky.social"))
    kept = kept_of(home, "alice.bsky.social")

    remove_account(home, "alice")

    assert home.known_handles() == ["alice.bsky.social", "alice@bsky.social"]
    assert kept_of(home, "alice.bsky.social") == kept and kept_of(home, "alice") == []
    assert [reference.step for reference in references(home, "alice.bsky.social")]
    assert {path.stem for path in home.report.glob("accounts/*.html")} == {"alice,bsky,social", "alice@bsky,social"}
