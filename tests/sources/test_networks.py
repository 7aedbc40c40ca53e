"""Bluesky and Mastodon as sources, against local servers: whatever is new, once, and nothing that is not to be read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.errors import (
    AccountNotFound,
    AccountOptedOut,
    AccountProtected,
    AccountSuspended,
    ConfigurationError,
    HandleTaken,
    NetworkUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.server import Simulator, running
from hugtweets.sources.bluesky.source import open_account as open_bluesky
from hugtweets.sources.mastodon.source import open_account as open_mastodon
from hugtweets.sources.paging import MOST_EMPTY, Page, PagedSource
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import load, save
from tests.fixtures.flows import rows
from tests.fixtures.x import answering

Network = Literal["bluesky", "mastodon"]
HANDLES: dict[Network, str] = {"bluesky": "alice.bsky.social", "mastodon": "alice@mastodon.social"}
NETWORKS = tuple(HANDLES)
PAGES = {"bluesky": "/xrpc/app.bsky.feed.getAuthorFeed", "mastodon": "/api/v1/accounts/*/statuses"}
LOOK_UPS = {"bluesky": "/xrpc/app.bsky.actor.getProfile", "mastodon": "/api/v1/accounts/lookup"}
CONFIG = FetchConfig(timeout_seconds=5)


def serve_posts(folder: Path, network: Network, posts: Sequence[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(post) + "\n" for post in posts)
    (folder / f"{HANDLES[network]}.jsonl").write_text(lines, encoding="utf-8")


@dataclass
class Rounds:
    """An account whose second page says that the first one comes next; one post can go."""

    is_gone: bool = False
    handle: str = "alice.bsky.social"
    moved_to: str | None = None
    network: ClassVar[str] = "bluesky"
    _pages: ClassVar[dict[str | None, tuple[str, ...]]] = {None: ("d", "c"), "first": ("d", "c"), "second": ("b", "a")}

    def look_up(self) -> str:
        """Its lasting id."""
        return "did:plc:a"

    def read(self, position: str | None, above: str | None, is_first: bool) -> Page:
        """Two posts."""
        ids = [name for name in self._pages[position] if name != "a" or not self.is_gone]
        posts = [Post(name, datetime(2026, 1, 1, tzinfo=UTC), "so it is", source="bluesky") for name in ids]
        return Page(tuple(posts), below="first" if position == "second" else "second")

    def shown(self, ids: Collection[str]) -> set[str]:
        """None is there but those of the pages."""
        return set()


@dataclass
class Empty(Rounds):
    """An account whose every page is empty and names another one."""

    asked: int = 0

    def read(self, position: str | None, above: str | None, is_first: bool) -> Page:
        """No post."""
        self.asked += 1
        return Page((), below=str(self.asked))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "served"
    path.mkdir()
    for network in NETWORKS:
        serve_posts(path, network, rows(130))
    return path


@pytest.fixture
def simulator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with running(folder) as server:
        monkeypatch.setenv("BLUESKY_API_URL", server.url)
        monkeypatch.setenv("MASTODON_API_URL", server.url)
        yield server


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl", "run").of("alice")


def opened(network: Network, ledger: Ledger, config: FetchConfig = CONFIG, handle: str | None = None) -> PagedSource:
    if network == "bluesky":
        return open_bluesky(handle or HANDLES[network], config, ledger, lambda: None)
    return open_mastodon(handle or HANDLES[network], config, ledger, lambda: None)


def break_second_page(simulator: Simulator, network: Network) -> None:
    path = PAGES[network]
    simulator.add_faults(Fault(kind="slow", path=path, seconds=0), Fault(kind="status", path=path, status=502))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "timeline.parquet"


@pytest.mark.parametrize("network", NETWORKS)
def test_every_post_is_read_once_and_a_second_night_reads_nothing(
    network: Network, simulator: Simulator, ledger: Ledger, path: Path
) -> None:
    opened(network, ledger).update(path)
    before = path.read_bytes()
    opened(network, ledger).update(path)
    assert [post.text for post in load(path).posts] == [row["text"] for row in rows(130)]
    assert ledger.spent().posts_read == 130
    assert ledger.spent().usd == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("network", NETWORKS)
def test_only_what_is_new_is_added(
    network: Network, simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    opened(network, ledger).update(path)
    requests = len(simulator.requests)
    serve_posts(folder, network, rows(140))
    opened(network, ledger).update(path)
    assert ledger.spent().posts_read == 140
    assert len(simulator.requests) - requests <= 3


@pytest.mark.parametrize("network", NETWORKS)
def test_a_download_that_breaks_off_goes_on_below_its_last_page_although_there_is_something_new(
    network: Network, simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    serve_posts(folder, network, rows(110))
    break_second_page(simulator, network)
    with pytest.raises(NetworkUnavailable):
        opened(network, ledger).update(path)
    assert 0 < len(load(path).posts) < 110
    serve_posts(folder, network, rows(130))
    opened(network, ledger).update(path)
    assert len(load(path).posts) == 130


@pytest.mark.parametrize("network", NETWORKS)
def test_an_empty_page_is_not_the_end(network: Network, simulator: Simulator, ledger: Ledger, path: Path) -> None:
    if network == "bluesky":
        simulator.add_faults(Fault(kind="empty_page", path=PAGES[network]))
    opened(network, ledger).update(path)
    assert len(load(path).posts) == 130


@pytest.mark.parametrize("network", NETWORKS)
def test_a_deleted_post_goes_when_the_account_is_verified(
    network: Network, simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    opened(network, ledger).update(path)
    kept = rows(130)
    serve_posts(folder, network, kept[:60] + kept[61:])
    source, began = opened(network, ledger), datetime.now(UTC)
    source.update(path)
    found = source.verify(path, began)
    deleted = [post for post in load(path).posts if post.deleted]
    assert (found.due, found.deleted) == (130, 1)
    assert [(post.created_at.isoformat(), post.text) for post in deleted] == [(kept[60]["created_at"], "")]


@pytest.mark.parametrize("network", NETWORKS)
def test_an_account_that_moved_is_read_where_it_was_too_and_each_answers_for_its_own_posts(
    network: Network, simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    moved = HANDLES[network].replace("social", "example")
    posts = rows(60)
    (folder / f"{moved}.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts[40:]), encoding="utf-8")
    serve_posts(folder, network, posts[:40])
    sources = [opened(network, ledger, handle=handle) for handle in (moved, HANDLES[network])]
    for source in sources:
        source.update(path)
    assert [post.text for post in load(path).posts] == [row["text"] for row in posts]
    serve_posts(folder, network, posts[1:40])
    began = datetime.now(UTC)
    found = [source.verify(path, began) for source in sources]
    assert [(verification.due, verification.deleted) for verification in found] == [(20, 0), (40, 1)]
    assert [post.created_at.isoformat() for post in load(path).posts if post.deleted] == [posts[0]["created_at"]]


def test_an_account_that_has_another_handle_now_is_read_on_where_it_was(
    simulator: Simulator, ledger: Ledger, path: Path
) -> None:
    break_second_page(simulator, "bluesky")
    with pytest.raises(NetworkUnavailable):
        opened("bluesky", ledger).update(path)
    stored = load(path)
    (progress,) = stored.progress.values()
    save(path, replace(stored, progress={"bluesky:earlier.example": progress}))
    opened("bluesky", ledger).update(path)
    assert (len(stored.posts), len(load(path).posts)) == (100, 130)
    assert {post.author for post in load(path).posts} == {None}


def test_pages_that_come_round_again_are_read_once(ledger: Ledger, path: Path) -> None:
    reader = Rounds()
    source = PagedSource(reader, CONFIG, ledger, lambda: None)
    source.update(path)
    reader.is_gone = True
    assert source.verify(path, datetime.now(UTC)).deleted == 1
    assert len(load(path).posts) == 4


def test_a_page_that_names_itself_as_the_next_is_told_and_passed_by_the_next_run(
    simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    page = PAGES["bluesky"]
    simulator.add_faults(Fault(kind="slow", path=page, seconds=0), Fault(kind="repeat_token", path=page))
    serve_posts(folder, "bluesky", rows(230))
    remark = opened("bluesky", ledger).update(path)
    assert (len(load(path).posts), "older posts may be missing" in str(remark)) == (200, True)
    assert opened("bluesky", ledger).update(path) is None
    assert len(load(path).posts) == 230


def test_pages_without_posts_are_not_asked_for_without_end(ledger: Ledger, path: Path) -> None:
    reader = Empty()
    source = PagedSource(reader, CONFIG, ledger, lambda: None)
    assert "older posts may be missing" in str(source.update(path))
    assert reader.asked == MOST_EMPTY


@pytest.mark.parametrize("network", NETWORKS)
def test_no_more_history_is_read_than_is_wanted(
    network: Network, simulator: Simulator, ledger: Ledger, path: Path
) -> None:
    for _ in range(2):
        opened(network, ledger, FetchConfig(max_posts=50)).update(path)
    assert 50 <= len(load(path).posts) <= 100


@pytest.mark.parametrize("network", NETWORKS)
def test_a_rate_limit_says_when_it_ends(network: Network, simulator: Simulator, ledger: Ledger, path: Path) -> None:
    simulator.add_faults(Fault(kind="rate_limit", path=LOOK_UPS[network], reset_seconds=120))
    with pytest.raises(RateLimited) as refused:
        opened(network, ledger).update(path)
    assert refused.value.reset_at is not None
    assert 60 < (refused.value.reset_at - datetime.now(UTC)).total_seconds() <= 122


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", ["drop", "cut"])
def test_a_connection_that_breaks_can_be_tried_again(
    network: Network, kind: Literal["drop", "cut"], simulator: Simulator, ledger: Ledger, path: Path
) -> None:
    simulator.add_faults(Fault(kind=kind, path=PAGES[network]))
    with pytest.raises(NetworkUnavailable):
        opened(network, ledger).update(path)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_server_that_is_silent_is_not_waited_for(
    network: Network, simulator: Simulator, ledger: Ledger, path: Path
) -> None:
    simulator.add_faults(Fault(kind="slow", seconds=3))
    with pytest.raises(NetworkUnavailable):
        opened(network, ledger, FetchConfig(timeout_seconds=0.3)).update(path)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("state", "error"), [("hidden", AccountOptedOut), ("suspended", AccountSuspended), (None, AccountNotFound)]
)
def test_accounts_that_are_not_to_be_read_are_refused(
    network: Network,
    state: str | None,
    error: type[Exception],
    simulator: Simulator,
    folder: Path,
    ledger: Ledger,
    path: Path,
) -> None:
    handle = HANDLES[network] if state else HANDLES[network].replace("alice", "nobody")
    (folder / "accounts.json").write_text(json.dumps({HANDLES[network]: {"state": state or "ok"}}))
    with pytest.raises(error, match=handle):
        opened(network, ledger, handle=handle).update(path)
    assert not path.exists()


def test_an_account_that_asks_not_to_be_indexed_is_read_with_its_own_token_and_no_other(
    simulator: Simulator, folder: Path, ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "accounts.json").write_text(json.dumps({HANDLES["mastodon"]: {"state": "hidden"}}))
    serve = {"bob@mastodon.social": AccountOptedOut, HANDLES["mastodon"]: None}
    (folder / "bob@mastodon.social.jsonl").write_text(json.dumps(rows(1)[0]))
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "bob@mastodon.social")
    with pytest.raises(AccountOptedOut):
        opened("mastodon", ledger).update(path)
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", next(handle for handle, error in serve.items() if error is None))
    opened("mastodon", ledger).update(path)
    assert len(load(path).posts) == 130


def test_a_token_goes_to_the_server_of_its_account_alone(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTODON_ACCESS_TOKEN", "secret")
    monkeypatch.setenv("MASTODON_ACCOUNT", "@alice@mastodon.social")
    source = opened("mastodon", ledger, handle="alice@elsewhere.example")
    assert source.reader.client.own_account("alice@elsewhere.example") is None  # type: ignore[attr-defined]
    assert "secret" not in repr(vars(source.reader.client))  # type: ignore[attr-defined]


def test_an_account_that_moved_is_read_and_says_where_to_until_that_is_read_too(
    simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    new = "alice@new.example"
    (folder / "accounts.json").write_text(json.dumps({HANDLES["mastodon"]: {"moved_to": new}}))
    (folder / f"{new}.jsonl").write_text(json.dumps(rows(1, since=130)[0]))
    remark = opened("mastodon", ledger).update(path)
    assert "moved to alice@new.example: write sources: [mastodon:alice@new.example, mastodon:alice@mas" in str(remark)
    opened("mastodon", ledger, handle=new).update(path)
    assert opened("mastodon", ledger).update(path) is None
    assert len(load(path).posts) == 131


def test_a_server_that_shows_nothing_without_an_account_is_not_asked_for_a_token(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = b'{"error": "This method requires an authenticated user"}'
    with answering(said, 401, {"Content-Type": "application/json"}) as server:
        monkeypatch.setenv("MASTODON_API_URL", server.url)
        with pytest.raises(AccountProtected, match="only to those who have an account there"):
            opened("mastodon", ledger).update(path)


@pytest.mark.parametrize("page", [None, {"error": "no"}])
def test_posts_of_mastodon_that_are_no_list_are_told_in_one_sentence(
    page: object, ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(lambda asked: {"id": "1", "username": "alice"} if "lookup" in asked else page) as server:
        monkeypatch.setenv("MASTODON_API_URL", server.url)
        with pytest.raises(UnexpectedAnswer, match=r"alice@mastodon\.social sent posts that cannot be understood"):
            opened("mastodon", ledger).update(path)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_handle_that_changed_hands_is_not_read(
    network: Network, simulator: Simulator, ledger: Ledger, path: Path
) -> None:
    opened(network, ledger).update(path)
    stored = load(path)
    another = {name: type(progress)("another") for name, progress in stored.progress.items()}
    save(path, type(stored)(stored.posts, progress=another))
    with pytest.raises(HandleTaken, match="another account"):
        opened(network, ledger).update(path)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_repost_is_known_as_one(
    network: Network, simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    repost = rows(1)[0] | {"text": "RT @bob: These are the words of Bob", "is_retweet": True}
    serve_posts(folder, network, [repost, *rows(2, since=1)])
    opened(network, ledger).update(path)
    assert [post.is_retweet for post in load(path).posts] == [True, False, False]
    assert load(path).posts[0].text == "These are the words of Bob"


@pytest.mark.parametrize("network", NETWORKS)
def test_links_are_whole_and_mentions_short(
    network: Network, simulator: Simulator, folder: Path, ledger: Ledger, path: Path
) -> None:
    text = (
        "Größe &amp; café: see https://example.org/a/very/long/address?of=something with @bob_b and #tea 🫖\nAnd more"
    )
    serve_posts(folder, network, [rows(1)[0] | {"text": text}])
    opened(network, ledger).update(path)
    (post,) = load(path).posts
    assert post.text == text
    assert [mention.username for mention in post.mentions or ()] == ["bob_b"]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("url", ["http://example.org", "ftp://127.0.0.1", "https://"])
def test_only_tls_or_this_machine_is_asked(
    network: Network, url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{network.upper()}_API_URL", url)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        opened(network, ledger)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("body", "status", "headers"),
    [
        (b"", 302, {"Location": "http://127.0.0.1:1/"}),
        (b"[" * (9 << 20), 200, {}),
        (b"<html>no</html>", 200, {"Content-Type": "text/html"}),
    ],
    ids=["redirect", "endless", "page"],
)
def test_what_is_no_answer_is_told_in_one_sentence(
    network: Network,
    body: bytes,
    status: int,
    headers: dict[str, str],
    ledger: Ledger,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hugtweets.errors import HugtweetsError

    with answering(body, status, headers) as server:
        monkeypatch.setenv(f"{network.upper()}_API_URL", server.url)
        with pytest.raises(HugtweetsError) as refused:
            opened(network, ledger).update(path)
    assert len(str(refused.value)) < 250
    assert len(server.paths) == 1
