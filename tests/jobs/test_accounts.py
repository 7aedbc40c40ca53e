"""Where the posts of an account come from, on the command line and in an accounts file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugtweets.config import Config
from hugtweets.errors import ConfigurationError, HugtweetsError
from hugtweets.jobs.accounts import AccountRequest, read_accounts, request_accounts


def sources_of(handle: str, *sources: str) -> list[str]:
    [request] = request_accounts([handle], sources, Config())
    return [str(source) for source in request.sources]


@pytest.mark.parametrize(
    ("handle", "sources"),
    [
        ("https://x.com/NASA", ["x"]),
        ("alice.bsky.social", ["bluesky:alice.bsky.social"]),
        ("@alice@mastodon.social", ["mastodon:alice@mastodon.social"]),
    ],
)
def test_an_account_is_read_from_the_network_that_it_is_on(handle: str, sources: list[str]) -> None:
    assert sources_of(handle) == sources
    assert AccountRequest(handle=handle).source in ("x", "bluesky", "mastodon")


def test_one_person_may_be_read_in_several_places() -> None:
    assert sources_of("alice", "archive:alice.zip", "x", "bluesky:@Alice.test", "mastodon:https://m.test/@alice") == [
        "archive:alice.zip",
        "x",
        "bluesky:alice.test",
        "mastodon:alice@m.test",
    ]
    assert sources_of("alice.bsky.social", "bluesky", "file:a.csv") == ["bluesky:alice.bsky.social", "file:a.csv"]


@pytest.mark.parametrize(
    ("handle", "sources", "says"),
    [
        ("alice", ["bluesky"], "alice is no account of bluesky: write bluesky:NAME"),
        ("alice.bsky.social", ["x"], "call the account by its handle on X"),
        ("alice", ["x:bob"], "call the account by its handle on X"),
        ("alice", ["bluesky:bob"], "is not a Bluesky handle"),
        ("alice", ["x", "x:Alice"], "named twice"),
    ],
)
def test_sources_that_cannot_be_are_refused_before_anybody_is_asked(handle: str, sources: list[str], says: str) -> None:
    with pytest.raises(HugtweetsError, match=says):
        request_accounts([handle], sources, Config())


def test_an_accounts_file_lists_the_sources_of_an_account(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text("accounts: [{handle: alice, sources: ['archive:a.zip', x, 'bluesky:a.test']}, bob.test]")

    alice, bob = read_accounts(path)

    assert alice.source == (f"archive:{tmp_path}/a.zip", "x", "bluesky:a.test")
    assert AccountRequest.model_validate_json(alice.model_dump_json()) == alice
    assert bob.source == "bluesky:bob.test"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{handle: alice, source: x, sources: [x]}", "both source and sources"),
        ("{handle: alice, sources: x}", "must be a list"),
        ("{handle: alice, sources: [bluesky]}", "accounts.yaml: alice: alice is no account of bluesky"),
        ("{handle: alice, sourcs: [x]}", "did you mean sources"),
    ],
)
def test_a_list_of_sources_that_makes_no_sense_is_named(tmp_path: Path, entry: str, says: str) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text(f"accounts: [{entry}]")
    with pytest.raises(ConfigurationError, match=says):
        read_accounts(path)
