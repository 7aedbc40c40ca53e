"""Downloads from the simulated X: what they store, what they cost, and how they go on after an interruption."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.errors import (
    AccountNotFound,
    AccountProtected,
    AccountSuspended,
    BadToken,
    BudgetUsedUp,
    HugtweetsError,
    OutOfCredit,
    RateLimited,
    RetryableError,
    WrongTier,
    XUnavailable,
)
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.server import Simulator, running
from hugtweets.sources.files.source import read_posts
from hugtweets.sources.x.answers import XUser
from hugtweets.sources.x.client import XClient
from hugtweets.sources.x.source import XSource
from hugtweets.sources.x.users import look_up_users
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import Gap, Timeline, load, save
from tests.fixtures.written import written
from tests.fixtures.x import TOKEN, client_of, run_ledger

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "timelines" / "realDonaldTrump.jsonl"
CONFIG = FetchConfig(timeout_seconds=10)


def write(folder: Path, count: int, handle: str = "alice", **fields: Any) -> None:
    """A timeline of so many posts, with ids from 1001 upwards."""
    folder.mkdir(exist_ok=True)
    posts = (
        {"id": str(1001 + i), "created_at": (FIRST + timedelta(hours=i)).isoformat(), "text": f"post {i}", **fields}
        for i in range(count)
    )
    (folder / f"{handle}.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts))


@contextmanager
def serving(folder: Path, count: int, *faults: Fault, **fields: Any) -> Iterator[Simulator]:
    """The simulated X with one account, alice."""
    write(folder, count, **fields)
    with running(folder, token=TOKEN, faults=faults, priced=True) as simulator:
        yield simulator


def let_pass(pages: int) -> list[Fault]:
    """So many pages go well before what comes next."""
    return [Fault(kind="slow", path="*/tweets", seconds=0, times=pages)] if pages else []


def source_of(simulator: Simulator, ledger: Ledger, config: FetchConfig = CONFIG) -> XSource:
    client = client_of(simulator.url, config)
    user = look_up_users(client, ["alice"], ledger, config)["alice"]
    assert isinstance(user, XUser)
    return XSource(user, client, config, ledger.of("alice"))


def billed(simulator: Simulator) -> dict[str, int]:
    usage: dict[str, int] = requests.get(f"{simulator.url}/usage", timeout=60).json()
    return usage


def pages(simulator: Simulator) -> list[dict[str, str]]:
    return [dict(request.query) for request in simulator.requests if request.path.endswith("/tweets")]


def ids(timeline: Timeline) -> list[int]:
    return [int(post.id) for post in timeline.posts]


def test_a_timeline_is_read_whole_and_every_answer_is_paid_for_once(home: Home, tmp_path: Path) -> None:
    ledger = run_ledger(home.root)
    with serving(tmp_path / "x", 250, is_reply=False, lang="en") as simulator:
        assert source_of(simulator, ledger).update(home.timeline("alice")) is None
        usage = billed(simulator)
    stored = load(home.timeline("alice"))
    assert ids(stored) == list(range(1001, 1251))
    assert stored.gaps == ()
    spent = ledger.spent()
    assert (spent.requests, spent.posts_read, spent.users_read, spent.usd) == (4, 250, 1, 1.26)
    assert usage == {"requests": 4, "posts": 250, "users": 1}


def test_no_more_is_asked_than_is_free_and_nothing_is_excluded(home: Home, tmp_path: Path) -> None:
    with serving(tmp_path / "x", 10) as simulator:
        source_of(simulator, run_ledger(home.root)).update(home.timeline("alice"))
        (page,) = pages(simulator)
    assert not {"expansions", "exclude"} & page.keys()
    assert page["max_results"] == "100"


def test_an_unchanged_account_costs_one_request_and_no_post(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 150) as simulator:
        source_of(simulator, run_ledger(home.root, "first")).update(path)
        before = written(path)
        second = source_of(simulator, run_ledger(home.root, "second"))
        second.update(path)
    assert (second.ledger.spent().requests, second.ledger.spent().posts_read) == (1, 0)
    assert written(path) == before
    assert load(path).gaps == ()


def test_only_what_is_newer_is_read(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 150) as simulator:
        source_of(simulator, run_ledger(home.root, "first")).update(path)
        write(tmp_path / "x", 157)
        second = source_of(simulator, run_ledger(home.root, "second"))
        second.update(path)
        assert pages(simulator)[-1]["since_id"] == "1150"
    assert second.ledger.spent().posts_read == 7
    assert ids(load(path)) == list(range(1001, 1158))


@pytest.mark.parametrize("whole_pages", range(4))
def test_a_download_that_breaks_off_goes_on_below_the_last_page(home: Home, tmp_path: Path, whole_pages: int) -> None:
    path, ledger = home.timeline("alice"), run_ledger(home.root)
    with serving(tmp_path / "x", 350) as simulator:
        source = source_of(simulator, ledger)
        simulator.add_faults(*let_pass(whole_pages), Fault(kind="drop", path="*/tweets"))
        with pytest.raises(XUnavailable, match="@alice"):
            source.update(path)
        assert len(load(path).posts) == 100 * whole_pages
        source.update(path)
        assert billed(simulator)["posts"] == 350
    assert ids(load(path)) == list(range(1001, 1351))
    assert ledger.spent().posts_read == 350


def test_gaps_of_several_interrupted_updates_are_filled(home: Home, tmp_path: Path) -> None:
    path, ledger = home.timeline("alice"), run_ledger(home.root)
    with serving(tmp_path / "x", 250) as simulator:
        source = source_of(simulator, ledger)
        for count in (250, 550, 850):
            write(tmp_path / "x", count)
            simulator.add_faults(*let_pass(1), Fault(kind="status", status=503, path="*/tweets"))
            with pytest.raises(XUnavailable):
                source.update(path)
        assert load(path).gaps == (Gap(None, "1151"), Gap("1250", "1451"), Gap("1550", "1751"))
        source.update(path)
        assert billed(simulator)["posts"] == 850
    assert ids(load(path)) == list(range(1001, 1851))
    assert load(path).gaps == ()


passing_faults = st.sampled_from(
    [
        Fault(kind="drop", path="*/tweets"),
        Fault(kind="status", status=502, path="*/tweets"),
        Fault(kind="rate_limit", path="*/tweets"),
        Fault(kind="empty_page", path="*/tweets"),
        *let_pass(1),
    ]
)


@settings(max_examples=15)
@given(faults=st.lists(passing_faults, max_size=7), newer=st.lists(st.integers(0, 150), max_size=4))
def test_whatever_interrupts_no_post_is_lost_or_paid_twice(faults: list[Fault], newer: list[int]) -> None:
    folder = Path(tempfile.mkdtemp())
    count, patient = 230, FetchConfig(timeout_seconds=10, retries=10, retry_delay_seconds=0)
    with serving(folder / "x", count) as simulator:
        source = source_of(simulator, run_ledger(folder), patient)
        simulator.add_faults(*faults)
        for _ in range(len(faults) + len(newer) + 1):
            with suppress(RetryableError):
                source.update(folder / "alice.parquet")
            if newer:
                count += newer.pop()
                write(folder / "x", count)
        assert billed(simulator)["posts"] == count
    stored = load(folder / "alice.parquet")
    shutil.rmtree(folder)
    assert ids(stored) == list(range(1001, 1001 + count))
    assert stored.gaps == ()


def test_the_budget_stops_before_the_page_that_would_exceed_it(home: Home, tmp_path: Path) -> None:
    path, config = home.timeline("alice"), FetchConfig(budget_usd=0.6)
    with serving(tmp_path / "x", 300) as simulator:
        first = source_of(simulator, run_ledger(home.root, "first"), config)
        assert first.update(path) == "stopped at the budget of $0.60 after 118 posts; the next run goes on"
        assert first.ledger.of(None).spent().usd == 0.6
        assert [page["max_results"] for page in pages(simulator)] == ["100", "18"]
        for run in ("second", "third"):
            last = source_of(simulator, run_ledger(home.root, run), config)
            remark = last.update(path)
        assert billed(simulator)["posts"] == 300
    assert remark is None
    assert ids(load(path)) == list(range(1001, 1301))


def test_a_budget_below_the_smallest_page_puts_the_account_off(home: Home, tmp_path: Path) -> None:
    with serving(tmp_path / "x", 300) as simulator:
        source = source_of(simulator, run_ledger(home.root), FetchConfig(budget_usd=0.02))
        with pytest.raises(BudgetUsedUp, match=r"raise fetch\.budget_usd"):
            source.update(home.timeline("alice"))
        assert pages(simulator) == []


def test_a_budget_below_the_smallest_page_leaves_what_is_stored(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 30) as simulator:
        source_of(simulator, run_ledger(home.root, "first")).update(path)
        poor = source_of(simulator, run_ledger(home.root, "second"), FetchConfig(budget_usd=0.02))
        remark = poor.update(path)
    assert remark is not None
    assert "raise fetch.budget_usd" in remark
    assert len(load(path).posts) == 30


def test_free_posts_need_no_budget(home: Home, tmp_path: Path) -> None:
    config = FetchConfig(budget_usd=0, post_usd=0)
    with serving(tmp_path / "x", 130) as simulator:
        source_of(simulator, run_ledger(home.root), config).update(home.timeline("alice"))
    assert len(load(home.timeline("alice")).posts) == 130


def test_max_posts_bounds_history_and_not_what_is_new(home: Home, tmp_path: Path) -> None:
    path, config = home.timeline("alice"), FetchConfig(max_posts=102)
    with serving(tmp_path / "x", 300) as simulator:
        source_of(simulator, run_ledger(home.root, "first"), config).update(path)
        assert ids(load(path)) == list(range(1199, 1301))
        second = source_of(simulator, run_ledger(home.root, "second"), config)
        second.update(path)
        assert (second.ledger.spent().requests, second.ledger.spent().posts_read) == (1, 0)
        write(tmp_path / "x", 303)
        source_of(simulator, run_ledger(home.root, "third"), config).update(path)
        assert ids(load(path)) == list(range(1199, 1304))
        source_of(simulator, run_ledger(home.root, "fourth")).update(path)
        assert billed(simulator)["posts"] == 303
    assert ids(load(path)) == list(range(1001, 1304))


def test_a_run_reads_no_more_than_max_posts_even_of_new_ones(home: Home, tmp_path: Path) -> None:
    path, config = home.timeline("alice"), FetchConfig(max_posts=50)
    with serving(tmp_path / "x", 60) as simulator:
        source_of(simulator, run_ledger(home.root, "first"), config).update(path)
        write(tmp_path / "x", 200)
        second = source_of(simulator, run_ledger(home.root, "second"), config)
        second.update(path)
    assert second.ledger.spent().posts_read == 50
    assert load(path).gaps == (Gap(None, "1011"), Gap("1060", "1151"))


def test_the_3200_posts_that_x_shows_are_the_end(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 3300) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        source.update(path)
        assert len(pages(simulator)) == 32
    assert ids(load(path)) == list(range(1101, 4301))
    assert load(path).gaps == ()


def test_posts_above_an_imported_archive_are_added(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 200) as simulator:
        imported = [replace(post, source="archive") for post in read_posts(tmp_path / "x" / "alice.jsonl")[:120]]
        save(path, Timeline(tuple(imported)))
        source = source_of(simulator, run_ledger(home.root))
        source.update(path)
    assert source.ledger.spent().posts_read == 80
    assert len(load(path).posts) == 200


def test_empty_pages_with_a_token_are_not_the_end(home: Home, tmp_path: Path) -> None:
    with serving(tmp_path / "x", 250, *let_pass(1), Fault(kind="empty_page", times=2)) as simulator:
        source_of(simulator, run_ledger(home.root)).update(home.timeline("alice"))
    assert len(load(home.timeline("alice")).posts) == 250


def test_an_update_that_brought_nothing_leaves_no_gap(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 50) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        source.update(path)
        simulator.add_faults(Fault(kind="empty_page"), Fault(kind="status", status=503))
        with pytest.raises(XUnavailable):
            source.update(path)
    assert load(path).gaps == ()


def test_a_token_that_repeats_is_left_and_the_next_run_gets_past_it(
    home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 250, *let_pass(1), Fault(kind="repeat_token", times=4)) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        remark = source.update(path)
        assert remark == "50 are missing: when it was looked up, @alice had 250 posts; the next run asks for them again"
        assert "@alice" in caplog.text
        assert len(pages(simulator)) == 5
        assert load(path).gaps == (Gap(None, "1051"),)
        source.update(path)
    assert ids(load(path)) == list(range(1001, 1251))
    assert load(path).gaps == ()


def test_a_gap_that_stays_empty_is_given_up(home: Home, tmp_path: Path) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 250, *let_pass(1), Fault(kind="empty_page", times=3)) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        source.update(path)
        assert load(path).gaps == (Gap(None, "1151"),)
        simulator.add_faults(*let_pass(1), Fault(kind="empty_page", times=3))
        source.update(path)
    assert load(path).gaps == ()


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(kind="status", status=401), BadToken, "X_BEARER_TOKEN"),
        (Fault(kind="status", status=402), OutOfCredit, "no credit left"),
        (Fault(kind="status", status=403), WrongTier, "project"),
        (Fault(kind="status", status=403, code=453), WrongTier, "project"),
        (Fault(kind="status", status=503), XUnavailable, "503"),
        (Fault(kind="drop"), XUnavailable, "connection"),
        (Fault(kind="rate_limit"), RateLimited, "does not say"),
    ],
)
def test_each_refusal_keeps_what_was_paid_for(
    home: Home, tmp_path: Path, fault: Fault, kind: type[HugtweetsError], words: str
) -> None:
    path = home.timeline("alice")
    with serving(tmp_path / "x", 250) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        simulator.add_faults(*let_pass(1), fault)
        with pytest.raises(kind, match="@alice") as caught:
            source.update(path)
    assert words in str(caught.value)
    assert len(load(path).posts) == 100


def test_a_rate_limit_says_when_it_ends(home: Home, tmp_path: Path) -> None:
    with serving(tmp_path / "x", 250) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        simulator.add_faults(Fault(kind="rate_limit", reset_seconds=60))
        with pytest.raises(RateLimited) as caught:
            source.update(home.timeline("alice"))
        assert len(pages(simulator)) == 1
    assert caught.value.reset_at is not None
    assert timedelta(seconds=30) < caught.value.reset_at - datetime.now(UTC) < timedelta(seconds=90)


def test_a_silent_server_is_left_after_the_timeout(home: Home, tmp_path: Path) -> None:
    config = FetchConfig(timeout_seconds=0.2)
    with serving(tmp_path / "x", 10) as simulator:
        source = replace(source_of(simulator, run_ledger(home.root)), client=client_of(simulator.url, config))
        simulator.add_faults(Fault(kind="slow", path="*/tweets", seconds=30))
        with pytest.raises(XUnavailable, match=r"within 0\.2 seconds"):
            source.update(home.timeline("alice"))


def test_a_wrong_token_is_named(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path / "x", 10) as simulator:
        monkeypatch.setenv("X_API_URL", simulator.url)
        monkeypatch.setenv("X_BEARER_TOKEN", "another")
        with pytest.raises(BadToken, match="401"):
            look_up_users(XClient.from_environment(CONFIG), ["alice"], run_ledger(home.root), CONFIG)


def test_what_is_wrong_with_some_accounts_leaves_the_others(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "x"
    states = {"bob": {"state": "suspended"}, "carol": {"state": "protected"}}
    with serving(folder, 10) as simulator:
        (folder / "accounts.json").write_text(json.dumps(states))
        handles = ["nobody", "Bob", "Carol", "ALICE"]
        found = look_up_users(client_of(simulator.url), handles, run_ledger(home.root), CONFIG)
        assert len(simulator.requests) == 1
    assert isinstance(found["nobody"], AccountNotFound)
    assert isinstance(found["Bob"], AccountSuspended)
    assert isinstance(found["Carol"], AccountProtected)
    assert isinstance(found["ALICE"], XUser)


@pytest.mark.parametrize(("state", "kind"), [("suspended", AccountSuspended), ("protected", AccountProtected)])
def test_an_account_may_close_after_the_look_up(
    home: Home, tmp_path: Path, state: str, kind: type[HugtweetsError]
) -> None:
    with serving(tmp_path / "x", 10) as simulator:
        source = source_of(simulator, run_ledger(home.root))
        (tmp_path / "x" / "accounts.json").write_text(json.dumps({"alice": {"state": state}}))
        with pytest.raises(kind, match="@alice"):
            source.update(home.timeline("alice"))


def test_names_of_mentioned_people_are_bought_when_asked_for(home: Home, tmp_path: Path) -> None:
    path, mentions = home.timeline("alice"), [{"username": "carol", "name": "Carol 🎨"}]
    with serving(tmp_path / "x", 7, text="hello @carol and @dave", mentions=mentions) as simulator:
        source = source_of(simulator, run_ledger(home.root), FetchConfig(mention_names=True))
        source.update(path)
    assert load(path).posts[0].mentions == (Mention("carol", "Carol 🎨"), Mention("dave"))
    assert (source.ledger.spent().users_read, source.ledger.spent().usd) == (1, 0.045)


def test_a_page_with_names_is_bought_only_if_the_budget_pays_for_them(home: Home, tmp_path: Path) -> None:
    config = FetchConfig(mention_names=True, budget_usd=0.75)
    with serving(tmp_path / "x", 100) as simulator:
        source_of(simulator, run_ledger(home.root), config).update(home.timeline("alice"))
        assert pages(simulator)[0]["max_results"] == "7"


def test_a_long_post_is_stored_whole(home: Home, tmp_path: Path) -> None:
    text = "Salt &amp; vinegar, " * 60
    with serving(tmp_path / "x", 5, text=text) as simulator:
        source_of(simulator, run_ledger(home.root)).update(home.timeline("alice"))
    assert load(home.timeline("alice")).posts[0].text == text


def test_a_real_timeline_arrives_as_its_file_has_it(home: Home, tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the shared timelines are not on this machine")
    folder = tmp_path / "x"
    folder.mkdir()
    shutil.copy(REAL, folder / "alice.jsonl")
    with running(folder, token=TOKEN) as simulator:
        source_of(simulator, run_ledger(home.root)).update(home.timeline("alice"))
    arrived = [_content(post) for post in load(home.timeline("alice")).posts]
    assert arrived == [_content(post) for post in read_posts(REAL)[-3200:]]


def _content(post: Post) -> tuple[object, ...]:
    return post.id, post.created_at, post.text, post.lang, bool(post.is_reply)
