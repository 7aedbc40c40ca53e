"""Refusals of X that hold for every account of a run: met once, and said as what they are."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hugtweets.config import FetchConfig
from hugtweets.errors import AccessError, Blocked, CapReached, HugtweetsError, RateLimited, StillRateLimited
from hugtweets.sources.x.users import look_up_users
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import load
from tests.fixtures.x import alice, answering, client_of, run_ledger

USAGE_CAP = {
    "title": "UsageCapExceeded",
    "period": "Monthly",
    "detail": "Usage cap exceeded: Monthly product cap",
    "type": "https://api.twitter.com/2/problems/usage-capped",
}
SPEND_CAP = {"title": "Forbidden", "type": "https://api.x.com/2/problems/credits", "reset_date": "2026-12-01"}
PAGE = b"<html><title>Attention Required! | Cloudflare</title><p>Sorry, you have been blocked</p></html>"
QUICK = FetchConfig(timeout_seconds=5, retries=2, retry_delay_seconds=0)


def ask(home: Home, url: str, config: FetchConfig = QUICK, run: str = "run-1") -> HugtweetsError:
    """What asking for alice ends in."""
    with pytest.raises(HugtweetsError) as caught:
        alice(url, run_ledger(home.root, run), config).update(home.timeline("alice"))
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "words"), [(429, USAGE_CAP, "monthly cap"), (403, SPEND_CAP, "spend cap.* until 2026-12-01")]
)
def test_a_cap_is_said_as_one_and_ends_fetching_for_the_run(
    home: Home, status: int, body: dict[str, Any], words: str
) -> None:
    with answering(body, status) as server:
        first, second = ask(home, server.url), ask(home, server.url)
        assert len(server.paths) == 1
        ask(home, server.url, run="run-2")
        assert len(server.paths) == 2
    assert isinstance(first, CapReached)
    assert isinstance(second, CapReached)
    assert re.search(words, str(first))
    assert "@alice was not asked for" in str(second)
    assert "raise it" not in str(second)


def test_accounts_that_are_fetched_at_once_meet_a_refusal_once(home: Home) -> None:
    with answering(USAGE_CAP, 429) as server, ThreadPoolExecutor(8) as pool:
        errors = list(pool.map(lambda _: ask(home, server.url), range(8)))
        assert len(server.paths) == 1
    assert sum("was not asked for" in str(error) for error in errors) == 7


def test_a_web_page_in_the_place_of_an_answer_is_no_refusal_of_x(home: Home) -> None:
    with answering(PAGE, 403, {"Content-Type": "text/html; charset=UTF-8"}) as server:
        refused = ask(home, server.url)
    assert isinstance(refused, Blocked)
    assert "on the way to X" in str(refused)
    assert "plan" not in str(refused)


@pytest.mark.parametrize(("status", "body", "last"), [(429, {}, StillRateLimited), (403, PAGE, AccessError)])
def test_what_may_pass_is_tried_by_all_accounts_together_and_then_ends_fetching(
    home: Home, status: int, body: object, last: type[HugtweetsError]
) -> None:
    with answering(body, status) as server:
        errors = [ask(home, server.url) for _ in range(5)]
        assert len(server.paths) == 1 + QUICK.retries
    assert [type(error) for error in errors[2:]] == [last] * 3
    assert "not asked for" in str(errors[3])


def test_a_refusal_that_may_pass_holds_the_others_back_until_it_is_tried_again(home: Home) -> None:
    patient = FetchConfig(timeout_seconds=5, retries=2, retry_delay_seconds=30)
    with answering({}, 429) as server:
        ask(home, server.url, patient)
        held = ask(home, server.url, patient)
        assert len(server.paths) == 1
    assert isinstance(held, RateLimited)
    assert held.reset_at is not None


def test_a_limit_of_look_ups_leaves_timelines_alone(home: Home) -> None:
    with answering({}, 429, {"x-rate-limit-reset": "4102444800"}) as server:
        with pytest.raises(RateLimited):
            look_up_users(client_of(server.url), ["alice"], run_ledger(home.root), QUICK)
        ask(home, server.url)
        assert len(server.paths) == 2


def test_fields_are_asked_for_by_their_new_names_where_x_knows_no_others_and_this_is_remembered(home: Home) -> None:
    def answer(path: str) -> dict[str, Any]:
        if "tweet.fields" in path:
            return {"title": "Invalid Request", "errors": [{"parameters": {"tweet.fields": ["text"]}}]}
        post = {"id": "5", "text": "hi", "created_at": "2024-01-01T00:00:00Z", "referenced_posts": [{"type": "quoted"}]}
        return {"data": [post], "includes": {"posts": [{"id": "3", "text": "quoted"}]}}

    ledger = run_ledger(home.root)
    with answering(answer) as server:
        for _ in range(2):
            alice(server.url, ledger, FetchConfig(budget_usd=0.2)).update(home.timeline("alice"))
    assert [("post.fields" in path, "max_results=13" in path) for path in server.paths[1:]] == [
        (True, True),
        (True, False),
    ]
    assert load(home.timeline("alice")).posts[0].is_quote
    assert ledger.spent().usd == 0.02


def test_fields_that_x_refuses_by_both_names_are_an_error(home: Home) -> None:
    body = {"title": "Invalid Request", "detail": "neither tweet.fields nor post.fields"}
    with answering(body) as server:
        refused = ask(home, server.url)
        assert len(server.paths) == 2
    assert "neither tweet.fields" in str(refused)
