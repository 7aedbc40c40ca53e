"""What the fetch step makes of sources that hold nothing, of those that fail, and of several."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hugtweets.cli.show import look
from hugtweets.errors import NothingFetched, UnreadableSource, XUnavailable
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.simulator.accounts import user_id
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.server import running
from hugtweets.sources.x.answers import XUser
from hugtweets.steps.fetch import TIMELINE, Tally, copy_stored, fetch, record_fetch
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Timeline, save
from tests.fixtures.flows import START, rows, tiny_config, write_timeline


@pytest.mark.parametrize(("name", "content"), [("empty.jsonl", ""), ("head.csv", "id,created_at,text\n")])
def test_a_source_without_a_post_puts_the_account_off(home: Home, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(NothingFetched, match=f"no post of alice in .*{name}"):
        fetch(Job(home, AccountRequest(handle="alice", source=f"file:{path}"), "night"))


def test_an_account_whose_posts_are_stored_goes_on_with_them(home: Home, tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(3))
    job = Job(home, AccountRequest(handle="alice", source=f"file:{path}"), "night")
    fetch(job)
    path.write_text("")
    assert fetch(job).reference.manifest().counts["fetched"] == 3


def exported(folder: Path, handle: str, **texts: str) -> str:
    """An unpacked export of X with a post for each id."""
    (folder / "data").mkdir(parents=True)
    posts = [
        {"tweet": {"id_str": key[1:], "created_at": "Mon Dec 02 14:18:55 +0000 2019", "full_text": text}}
        for key, text in texts.items()
    ]
    (folder / "data" / "tweets.js").write_text(f"window.YTD.tweets.part0 = {json.dumps(posts)}")
    account = [{"account": {"username": handle, "accountDisplayName": handle}}]
    (folder / "data" / "account.js").write_text(f"window.YTD.account.part0 = {json.dumps(account)}")
    return f"archive:{folder}"


def test_several_sources_make_one_timeline_that_tells_how_much_each_brought(home: Home, tmp_path: Path) -> None:
    export = exported(tmp_path / "export", "alice", _7="an old post", _8="another old post")
    path = write_timeline(tmp_path / "alice.jsonl", rows(3))
    job = Job(home, AccountRequest(handle="alice", source=(export, f"file:{path}")), "night")

    record_fetch(job, fetch(job))

    assert job.outcome.counts == {"fetched": 5, "new": 5, "sources": {"archive": 2, "file": 3}}
    assert job.outcome.reason is None and not job.outcome.refused


@pytest.mark.parametrize("is_file_first", [True, False])
def test_sources_are_named_in_the_order_that_is_configured(home: Home, tmp_path: Path, is_file_first: bool) -> None:
    export = exported(tmp_path / "export", "alice", _7="an old post", _8="another old post")
    file = f"file:{write_timeline(tmp_path / 'alice.jsonl', rows(3))}"
    sources = (file, export) if is_file_first else (export, file)
    job = Job(home, AccountRequest(handle="alice", source=sources), "night")
    record_fetch(job, fetch(job))

    assert list(job.outcome.counts["sources"]) == (["file", "archive"] if is_file_first else ["archive", "file"])
    assert list(look(home, "alice").sources) == list(job.outcome.counts["sources"])


def test_an_account_goes_on_without_a_source_that_fails_and_says_so(home: Home, tmp_path: Path) -> None:
    path = write_timeline(tmp_path / "alice.jsonl", rows(3))
    job = Job(home, AccountRequest(handle="alice", source=(f"archive:{tmp_path}/gone.zip", f"file:{path}")), "night")

    record_fetch(job, fetch(job))

    assert job.outcome.counts["new"] == 3
    assert job.outcome.reason and job.outcome.reason.startswith(f"archive:{tmp_path}/gone.zip: ")


def test_an_account_none_of_whose_sources_can_be_read_fails_with_the_first(home: Home, tmp_path: Path) -> None:
    sources = (f"archive:{tmp_path}/gone.zip", f"file:{tmp_path}/gone.jsonl")
    with pytest.raises(UnreadableSource, match=r"gone\.zip"):
        fetch(Job(home, AccountRequest(handle="alice", source=sources), "night"))


def test_an_account_that_x_refuses_half_way_says_that_only_a_part_of_its_posts_is_here(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_timeline(tmp_path / "alice.jsonl", rows(120))
    user = XUser(id=user_id("alice"), username="alice")
    job = Job(home, AccountRequest(handle="alice", config=tiny_config()), "night", user=user)
    monkeypatch.setenv("X_BEARER_TOKEN", "let-me-in")
    with running(tmp_path, token="let-me-in") as x:
        monkeypatch.setenv("X_API_URL", x.url)
        x.add_faults(Fault(kind="slow", seconds=0), Fault(kind="status", status=401))
        record_fetch(job, fetch(job))
    half = "only 100 of its posts are here so far, the next run asks for the others"
    assert (job.outcome.refused, half in (job.outcome.reason or "")) == (True, True)


def test_a_source_that_can_come_back_is_asked_again_and_at_last_done_without(home: Home, tmp_path: Path) -> None:
    job = Job(home, AccountRequest(handle="alice", source=("x", f"file:{tmp_path}/alice.jsonl")), "night")
    x, file = job.request.sources
    outage = XUnavailable("X does not answer")
    tally = Tally(remarks={file: None}, failures={x: outage})

    assert tally.ends_with(job) is outage
    assert tally.next_attempt(job) == [x]

    tally.failures[x] = outage
    assert tally.give_up()
    assert tally.next_attempt(job) == [] and tally.ends_with(job) is None


def test_posts_of_the_same_person_on_another_network_are_the_accounts_own(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    ours = Post("30", START, "As I said on X", author="alice", source="x")
    there = Post("3kabc", START, "As I said elsewhere", author="alice.bsky.social", source="bluesky")
    reposted = Post("3kabd", START, "As Bob said", author="bob.test", source="bluesky", is_retweet=True)
    save(path, Timeline((ours, there, reposted)))

    stored = copy_stored(Job(home, AccountRequest(handle="alice"), "night"))

    table = pq.read_table(stored.file(TIMELINE))
    authors = dict(zip(table["text"].to_pylist(), table["author"].to_pylist(), strict=True))
    assert authors == {"As I said on X": "alice", "As I said elsewhere": "alice", "As Bob said": "bob.test"}
    assert table["source"].to_pylist().count("bluesky") == 2


def test_posts_from_before_an_account_moved_are_its_own(home: Home) -> None:
    handle = "alice@mastodon.social"
    here = Post("30", START, "As I say here", source="mastodon")
    before = Post("3", START, "As I said there", author="alice@mastodon.example", source="mastodon")
    save(home.timeline(handle), Timeline((here, before)))
    stored = copy_stored(Job(home, AccountRequest(handle=handle), "night"))
    assert set(pq.read_table(stored.file(TIMELINE))["author"].to_pylist()) <= {handle, None}


def test_a_verification_of_several_networks_counts_each_deleted_post_once_and_names_the_network(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "served"
    for handle in ("alice.bsky.social", "alice@mastodon.social"):
        write_timeline(served / f"{handle}.jsonl", rows(4))
    sources = ("bluesky:alice.bsky.social", "mastodon:alice@mastodon.social")
    request = AccountRequest(handle="alice", source=sources, config=tiny_config())
    with running(served) as simulator:
        for network in ("BLUESKY", "MASTODON"):
            monkeypatch.setenv(f"{network}_API_URL", simulator.url)
        fetch(Job(home, request, "first night"))
        write_timeline(served / "alice.bsky.social.jsonl", rows(3))
        job = Job(home, request, "second night", verify=True)
        record_fetch(job, fetch(job))
    assert (job.outcome.counts["verified"], job.outcome.counts["deleted"]) == (8, 1)
    assert "bluesky:alice.bsky.social: verified 4 posts, 1 deleted" in (job.outcome.reason or "")
