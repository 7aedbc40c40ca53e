"""Asking X again for stored posts: what counts as deleted, what it costs, and how it goes on after an interruption."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from hugtweets.config import FetchConfig
from hugtweets.errors import AccountError, AccountSuspended, OutOfCredit, UnexpectedAnswer, XUnavailable
from hugtweets.simulator.accounts import user_id
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.server import Simulator, running
from hugtweets.sources.x.answers import XUser
from hugtweets.sources.x.client import Answer, XClient
from hugtweets.sources.x.source import XSource
from hugtweets.sources.x.verification import verify_posts
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Timeline, load, save
from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.x import ALICE, CONFIG, TOKEN, alice, answering, run_ledger

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FIRST = 1_000_000  # the id of the first of the invented posts


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """X with one account of 250 posts."""
    write_timeline(tmp_path / "x" / "alice.jsonl", rows(250))
    with running(tmp_path / "x", token=TOKEN, priced=True) as served:
        yield served


@pytest.fixture
def source(simulator: Simulator, home: Home) -> XSource:
    """The account, whose posts are stored already."""
    found = source_of(simulator, home, "yesterday")
    found.update(home.timeline("alice"))
    return found


def source_of(simulator: Simulator, home: Home, run: str, **options: Any) -> XSource:
    user = XUser(id=user_id("alice"), username="alice", name="Alice")
    config = FetchConfig(timeout_seconds=5, **options)
    return XSource(user, XClient(simulator.url, SecretStr(TOKEN), 5), config, run_ledger(home.root, run).of("alice"))


def delete(tmp_path: Path, *numbers: int) -> None:
    """Take posts out of the timeline that X shows."""
    write_timeline(tmp_path / "x" / "alice.jsonl", [row for n, row in enumerate(rows(250)) if n not in numbers])


def deleted(home: Home) -> list[int]:
    return [int(post.id) - FIRST for post in load(home.timeline("alice")).posts if post.deleted]


def test_posts_that_are_gone_are_blank_and_what_is_there_is_paid_for(
    simulator: Simulator, source: XSource, home: Home, tmp_path: Path
) -> None:
    delete(tmp_path, 3, 120, 249)
    again = source_of(simulator, home, "today")
    found = verify_posts(again, home.timeline("alice"), datetime.now(UTC))
    assert str(found) == "verified 250 posts, 3 deleted"
    stored = {int(post.id) - FIRST: post for post in load(home.timeline("alice")).posts}
    assert len(stored) == 250
    assert [number for number, post in stored.items() if post.text == ""] == [3, 120, 249]
    assert (stored[3].created_at, stored[3].mentions, stored[3].deleted) == (stored[3].created_at, None, True)
    spent = again.ledger.spent()
    assert (spent.requests, spent.posts_read, spent.usd) == (3, 247, 1.235)
    assert [len(request.query["ids"].split(",")) for request in simulator.requests[-3:]] == [100, 100, 50]


def test_a_budget_ends_a_verification_and_the_next_goes_on_with_those_that_waited_longest(
    simulator: Simulator, source: XSource, home: Home, tmp_path: Path
) -> None:
    delete(tmp_path, 3, 120, 249)
    path = home.timeline("alice")
    remarks = [
        str(verify_posts(source_of(simulator, home, f"day {day}", budget_usd=0.5), path, datetime.now(UTC)))
        for day in range(3)
    ]
    assert remarks[0].startswith("verified 101 of 250 posts, 1 deleted; stopped at the budget of $0.50")
    assert remarks[1].startswith("verified 101 of 249 posts, 1 deleted; stopped at the budget of $0.50")
    asked = [
        post for request in simulator.requests if "ids" in request.query for post in request.query["ids"].split(",")
    ]
    assert len(set(asked[:250])) == 250
    assert deleted(home) == [3, 120, 249]


def test_what_breaks_off_is_not_asked_twice_in_one_run(
    simulator: Simulator, source: XSource, home: Home, tmp_path: Path
) -> None:
    delete(tmp_path, 249)
    path, began, again = home.timeline("alice"), datetime.now(UTC), source_of(simulator, home, "today")
    passes = Fault(kind="slow", seconds=0, path="/2/tweets")
    simulator.add_faults(passes, Fault(kind="status", status=503, path="/2/tweets"))
    with pytest.raises(XUnavailable):
        verify_posts(again, path, began)
    assert str(verify_posts(again, path, began)) == "verified 150 posts, 1 deleted"
    assert again.ledger.spent().posts_read == 249


def test_what_was_fetched_in_the_run_is_not_asked_for_again(simulator: Simulator, home: Home) -> None:
    began, first = datetime.now(UTC), source_of(simulator, home, "today")
    first.update(home.timeline("alice"))
    assert verify_posts(first, home.timeline("alice"), began).due == 0


def test_an_account_that_vanished_meanwhile_has_deleted_nothing(
    simulator: Simulator, source: XSource, home: Home, tmp_path: Path
) -> None:
    (tmp_path / "x" / "alice.jsonl").unlink()
    (tmp_path / "x" / "accounts.json").write_text(json.dumps({"alice": {"state": "suspended"}}))
    with pytest.raises(AccountSuspended):
        verify_posts(source_of(simulator, home, "today"), home.timeline("alice"), datetime.now(UTC))
    assert deleted(home) == []


def test_an_account_that_deleted_all_is_blank(
    simulator: Simulator, source: XSource, home: Home, tmp_path: Path
) -> None:
    delete(tmp_path, *range(250))
    found = verify_posts(source_of(simulator, home, "today"), home.timeline("alice"), datetime.now(UTC))
    assert (found.verified, found.deleted) == (250, 250)


def test_a_post_that_x_hides_is_not_deleted(simulator: Simulator, source: XSource, home: Home, tmp_path: Path) -> None:
    (tmp_path / "x" / "accounts.json").write_text(json.dumps({"alice": {"state": "protected"}}))
    found = verify_posts(source_of(simulator, home, "today"), home.timeline("alice"), datetime.now(UTC))
    assert (found.verified, found.deleted) == (250, 0)


def test_a_refusal_of_us_deletes_nothing(simulator: Simulator, source: XSource, home: Home) -> None:
    simulator.add_faults(Fault(kind="status", status=402, path="/2/tweets"))
    with pytest.raises(OutOfCredit, match="100 posts of @alice"):
        verify_posts(source_of(simulator, home, "today"), home.timeline("alice"), datetime.now(UTC))
    assert deleted(home) == []


@pytest.mark.parametrize("body", [{}, {"data": [{"text": "no id"}]}, {"errors": "none"}, {"data": {"id": "5"}}])
def test_an_undocumented_answer_deletes_nothing(home: Home, body: object) -> None:
    path = home.timeline("alice")
    save(path, Timeline().merged([Post("5", LONG_AGO, "hello", source="x")]))
    with answering(body) as server, pytest.raises(UnexpectedAnswer, match="@alice"):
        verify_posts(alice(server.url, run_ledger(home.root)), path, datetime.now(UTC))
    assert load(path).posts[0].text == "hello"


ASKED = {"5", "6", "7", "8"}
KINDS = ["resource-not-found", "not-authorized-for-resource", "field-hydration-failure"]
PROBLEMS = st.fixed_dictionaries(
    {"type": st.sampled_from([f"https://api.x.com/2/problems/{kind}" for kind in KINDS] + ["about:blank", ""])},
    optional={
        "title": st.sampled_from(["Not Found Error", "Forbidden"]),
        "value": st.sampled_from(["5", "6", "7", "8", "1", ""]),
        "resource_id": st.sampled_from(["5", "6", "7", "8", "1"]),
        "detail": st.text(max_size=5),
    },
)


@given(st.sets(st.sampled_from(["5", "6", "7", "1"])), st.lists(PROBLEMS, max_size=4))
@settings(max_examples=40)
def test_only_what_x_says_it_does_not_find_is_deleted(
    tmp_path_factory: pytest.TempPathFactory, shown: set[str], problems: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("sorted")
    path, client = folder / "alice.parquet", Answers({"data": [{"id": post} for post in shown], "errors": problems})
    save(path, Timeline().merged([Post(post, LONG_AGO, "hello", source="x") for post in sorted(ASKED)]))
    said = [
        (problem.get("value", problem.get("resource_id")), problem["type"].rpartition("/")[2]) for problem in problems
    ]
    found = XSource(ALICE, client, CONFIG, run_ledger(folder).of("alice"))
    try:
        verify_posts(found, path, datetime.now(UTC))
    except AccountError:
        assert not shown - {"1"}
    blank = {post.id for post in load(path).posts if post.deleted}
    kinds = {identifier: {kind for about, kind in said if about == identifier} for identifier, _ in said}
    assert all("resource-not-found" in kinds[identifier] for identifier in blank)
    assert not blank & shown
    if shown - {"1"}:
        assert {identifier for identifier in ASKED - shown if kinds.get(identifier) == {"resource-not-found"}} <= blank


def test_posts_that_x_does_not_mention_are_counted(home: Home) -> None:
    path = home.timeline("alice")
    save(path, Timeline().merged([Post(str(n), LONG_AGO, "hello", source="x") for n in range(5)]))
    with answering({"data": [{"id": "1"}, {"id": "2"}]}) as server:
        found = verify_posts(alice(server.url, run_ledger(home.root)), path, datetime.now(UTC))
    assert str(found).startswith("verified 2 of 5 posts, 0 deleted; X did not answer for the others")


class Answers(XClient):
    """A client that gets the same answer whatever it asks."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._answer = dict(answer)

    def _ask(self, *_: object) -> Answer:
        return Answer(self._answer, is_paid=True)


def test_with_the_last_version_of_an_edited_post_the_earlier_ones_go() -> None:
    versions = [replace(Post(number, LONG_AGO, "hi"), edit_ids=("5", "6")) for number in ("5", "6")]
    timeline = Timeline().merged(versions)
    assert [post.deleted for post in timeline.verified(["6"], {"6"}, LONG_AGO).posts] == [True, True]
    assert [post.deleted for post in timeline.verified(["5"], {"5"}, LONG_AGO).posts] == [True, False]


def test_nothing_brings_a_deleted_post_back() -> None:
    whole = Post("5", LONG_AGO, "hello", lang="en", source="archive")
    timeline = Timeline().merged([replace(whole, truncated=True)]).verified(["5"], {"5"}, LONG_AGO)
    assert timeline.merged([replace(whole, truncated=False)]) == timeline
    assert Timeline().merged([whole]).merged(timeline.posts).posts == timeline.posts


def test_only_what_x_can_know_is_asked_for_and_longest_ago_first() -> None:
    posts = [Post(str(n), LONG_AGO, "hi", source="x") for n in range(4)]
    timeline = Timeline().merged([*posts, Post("8", LONG_AGO, "hi", source="file"), Post("9" * 20, LONG_AGO, "hi")])
    timeline = timeline.verified(["1"], [], LONG_AGO).verified(["2"], ["2"], LONG_AGO - timedelta(days=1))
    assert timeline.due(datetime.now(UTC)) == ["3", "0", "1"]
    assert timeline.due(LONG_AGO) == ["3", "0"]
