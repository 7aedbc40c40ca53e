"""The local X API: what it answers, page by page and fault by fault."""

from __future__ import annotations

import html
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from hugtweets.errors import ConfigurationError
from hugtweets.simulator.accounts import user_id
from hugtweets.simulator.faults import Fault, FaultPlan, read_faults
from hugtweets.simulator.limits import WINDOW_SECONDS
from hugtweets.simulator.server import Simulator, running

START = datetime(2020, 1, 1, tzinfo=UTC)
FIRST_ID = 1_000_000_000_000_000_001
BEARER = {"Authorization": "Bearer good"}
LONG = "Fish &amp; chips at the pier with @anna. " * 10 + "The end &lt;3"
Row = dict[str, Any]


def post(number: int, text: str | None = None, **more: Any) -> Row:
    moment = START + timedelta(minutes=number)
    text = f"Post number {number} about the harbour" if text is None else text
    return {"id": str(FIRST_ID + number), "created_at": moment.isoformat(), "text": text, **more}


def write(directory: Path, handle: str, rows: Iterable[Row]) -> None:
    lines = (json.dumps(row) for row in rows)
    (directory / f"{handle}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def get(simulator: Simulator, path: str, **parameters: str | int) -> requests.Response:
    return requests.get(simulator.url + path, params=parameters, headers=BEARER, timeout=60)


def timeline(simulator: Simulator, handle: str, **parameters: str | int) -> Row:
    answer = get(simulator, f"/2/users/{user_id(handle)}/tweets", **parameters)
    assert answer.status_code == 200
    body: Row = answer.json()
    return body


def pages(simulator: Simulator, handle: str, **parameters: str | int) -> list[Row]:
    found = [timeline(simulator, handle, **parameters)]
    while token := found[-1]["meta"].get("next_token"):
        found.append(timeline(simulator, handle, **parameters, pagination_token=token))
    return found


def ids(*bodies: Row) -> list[str]:
    return [element["id"] for body in bodies for element in body.get("data", [])]


def only(simulator: Simulator, handle: str, number: int, fields: str, **parameters: str) -> Row:
    """One post, with fields."""
    bounds = {"since_id": str(FIRST_ID + number - 1), "until_id": str(FIRST_ID + number + 1)}
    body = timeline(simulator, handle, **bounds, **({"tweet.fields": fields} | parameters))
    element: Row = body["data"][0]
    return element


MIXED = [
    post(0, "Tea &amp; cake"),
    post(1, "RT @anna: fish on Friday", is_retweet=True),
    post(2, "@anna see you there", is_reply=True),
    post(3, "and bring the dog", is_reply=True),
    post(4, "This! https://t.co/abc123", is_quote=True, lang="en"),
    post(5, LONG, mentions=[{"username": "Anna", "name": "Anna 🐟 #1"}]),
    post(6, "somebody else's words", author="bob"),
    post(7, "my own words", author="@KEEPER"),
    post(8, "The rest of this is lo… https://t.co/lost1", truncated=True),
    post(9, "RT @anna: nobody marked this"),
]


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Accounts of every kind, for tests that only read."""
    directory = tmp_path_factory.mktemp("harbour")
    write(directory, "Keeper", MIXED)
    write(directory, "busy", (post(n, is_reply=n % 2 == 0, is_retweet=False) for n in range(3300)))
    write(directory, "echo", (post(n, is_retweet=n > 2) for n in range(13)))
    write(directory, "shy", [post(0)])
    states = {"shy": {"state": "protected", "name": "Shy One"}, "Gone": {"state": "suspended"}, "empty": {}}
    (directory / "accounts.json").write_text(json.dumps(states), encoding="utf-8")
    with running(directory, token="good") as simulator:
        yield simulator


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Simulator]:
    """One account of twelve posts, for tests that change the simulator."""
    write(tmp_path, "Keeper", (post(n) for n in range(12)))
    with running(tmp_path) as simulator:
        yield simulator


def test_a_lookup_sorts_found_from_missing(harbour: Simulator) -> None:
    body = get(harbour, "/2/users/by", usernames="kEEPER,gone,nobody").json()
    assert body["data"] == [{"id": user_id("Keeper"), "name": "Keeper", "username": "Keeper"}]
    assert [(error["title"], error["value"], error["resource_id"]) for error in body["errors"]] == [
        ("Forbidden", "gone", "gone"),
        ("Not Found Error", "nobody", "nobody"),
    ]
    assert body["errors"][0]["detail"] == "User has been suspended: [gone]."


def test_posts_are_found_by_id_in_either_dialect(harbour: Simulator) -> None:
    asked = f"{FIRST_ID + 5},{FIRST_ID + 99999}"
    old = get(harbour, "/2/tweets", ids=asked, **{"tweet.fields": "note_tweet"}).json()
    new = get(harbour, "/2/tweets", ids=asked, **{"post.fields": "note_post"}).json()
    assert (ids(old), ids(new)) == ([str(FIRST_ID + 5)], [str(FIRST_ID + 5)])
    assert old["data"][0]["note_tweet"]["text"] == new["data"][0]["note_post"]["text"] == LONG
    (error,) = old["errors"]
    assert (error["title"], error["resource_type"]) == ("Not Found Error", "tweet")
    assert error["value"] == str(FIRST_ID + 99999)


def test_a_post_of_a_hidden_account_is_hidden_and_not_missing(tmp_path: Path) -> None:
    write(tmp_path, "shy", [post(0)])
    (tmp_path / "accounts.json").write_text('{"shy": {"state": "protected"}}')
    with running(tmp_path) as simulator:
        body = get(simulator, "/2/tweets", ids=str(FIRST_ID)).json()
    assert [error["title"] for error in body["errors"]] == ["Authorization Error"]
    assert "data" not in body


def test_a_post_is_deleted_by_taking_it_out_of_the_file(small: Simulator, tmp_path: Path) -> None:
    write(tmp_path, "Keeper", (post(n) for n in range(11)))
    body = get(small, "/2/tweets", ids=f"{FIRST_ID + 10},{FIRST_ID + 11}").json()
    assert ids(body) == [str(FIRST_ID + 10)]
    assert [error["value"] for error in body["errors"]] == [str(FIRST_ID + 11)]
    assert requests.get(f"{small.url}/usage", timeout=60).json()["posts"] == 1


@pytest.mark.parametrize("asked", ["", "x", "1" * 20, ",".join(["1"] * 101)])
def test_ids_that_x_refuses_are_refused(small: Simulator, asked: str) -> None:
    answer = get(small, "/2/tweets", ids=asked)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


def test_an_unknown_handle_is_answered_without_data(harbour: Simulator) -> None:
    for path, parameters in (("/2/users/by", {"usernames": "nobody"}), ("/2/users/by/username/nobody", {})):
        answer = get(harbour, path, **parameters)
        assert answer.status_code == 200
        assert list(answer.json()) == ["errors"]


def test_a_protected_account_is_found_but_not_read(harbour: Simulator) -> None:
    user = get(harbour, "/2/users/by/username/shy", **{"user.fields": "protected"}).json()["data"]
    assert user == {"id": user_id("shy"), "name": "Shy One", "username": "shy", "protected": True}
    body = timeline(harbour, "shy")
    assert list(body) == ["errors"]
    assert body["errors"][0]["title"] == "Authorization Error"


@pytest.mark.parametrize(("handle", "title"), [("gone", "Forbidden"), ("nobody", "Not Found Error")])
def test_a_timeline_that_cannot_be_read_is_an_error_with_status_200(
    harbour: Simulator, handle: str, title: str
) -> None:
    body = timeline(harbour, handle)
    assert "data" not in body
    assert body["errors"][0]["title"] == title


def test_an_account_without_posts_has_an_empty_timeline(harbour: Simulator) -> None:
    assert timeline(harbour, "empty") == {"meta": {"result_count": 0}}


@pytest.mark.parametrize(
    ("path", "parameter", "value"),
    [
        ("/2/users/by", "usernames", ",".join(f"n{n}" for n in range(101))),
        ("/2/users/by", "usernames", "../../etc"),
        (f"/2/users/{user_id('busy')}/tweets", "max_results", "4"),
        (f"/2/users/{user_id('busy')}/tweets", "max_results", "101"),
        (f"/2/users/{user_id('busy')}/tweets", "since_id", "yesterday"),
        (f"/2/users/{user_id('busy')}/tweets", "exclude", "quotes"),
        (f"/2/users/{user_id('busy')}/tweets", "pagination_token", "zzz"),
        (f"/2/users/{user_id('busy')}/tweets", "tweet.fields", "note_post"),
        (f"/2/users/{user_id('busy')}/tweets", "post.fields", "note_tweet"),
        (f"/2/users/{user_id('busy')}/tweets", "page", "2"),
        (f"/2/users/{user_id('busy')}/tweets", "since_id", "1" * 20),
        (f"/2/users/{user_id('busy')}/tweets", "max_results", "5.0"),
        (f"/2/users/{user_id('busy')}/tweets", "exclude", "replies,replies"),
        (f"/2/users/{user_id('busy')}/tweets", "tweet.fields", "lang,lang"),
        (f"/2/users/{user_id('busy')}/tweets", "post.fields", "referenced_posts"),
    ],
)
def test_a_parameter_x_does_not_accept_is_named(harbour: Simulator, path: str, parameter: str, value: str) -> None:
    answer = get(harbour, path, **{parameter: value})
    assert answer.status_code == 400
    assert answer.json()["title"] == "Invalid Request"
    assert answer.json()["errors"][0]["parameters"] == {parameter: [value]}


@pytest.mark.parametrize("identifier", ["keeper", "1" * 20])
def test_what_is_no_id_of_a_user_is_refused(harbour: Simulator, identifier: str) -> None:
    assert get(harbour, f"/2/users/{identifier}/tweets").json()["errors"][0]["parameters"] == {"id": [identifier]}


def test_one_hundred_names_fit_into_a_lookup(harbour: Simulator) -> None:
    names = ",".join(["keeper", *(f"n{n}" for n in range(99))])
    assert len(get(harbour, "/2/users/by", usernames=names).json()["errors"]) == 99


def test_pages_lead_through_the_newest_3200(harbour: Simulator) -> None:
    found = pages(harbour, "busy", max_results=100)
    assert ids(*found) == [str(FIRST_ID + n) for n in reversed(range(100, 3300))]
    assert len(found) == 32
    first = found[0]["meta"]
    assert (first["result_count"], first["newest_id"]) == (100, str(FIRST_ID + 3299))
    assert first["oldest_id"] == str(FIRST_ID + 3200)


def test_without_replies_only_800_posts_are_looked_through(harbour: Simulator) -> None:
    found = pages(harbour, "busy", max_results=100, exclude="replies")
    assert ids(*found) == [str(FIRST_ID + n) for n in reversed(range(2500, 3300)) if n % 2]


def test_without_retweets_a_page_can_be_empty_and_not_the_last(harbour: Simulator) -> None:
    found = pages(harbour, "echo", max_results=5, exclude="retweets")
    assert [body["meta"]["result_count"] for body in found] == [0, 0, 3]


def test_since_and_until_are_exclusive(harbour: Simulator) -> None:
    body = timeline(harbour, "busy", since_id=str(FIRST_ID + 207), until_id=str(FIRST_ID + 210))
    assert ids(body) == [str(FIRST_ID + 209), str(FIRST_ID + 208)]
    assert timeline(harbour, "busy", since_id=str(FIRST_ID + 3299)) == {"meta": {"result_count": 0}}


def test_only_fields_asked_for_are_sent(harbour: Simulator) -> None:
    assert only(harbour, "keeper", 4, "id") == {
        "id": str(FIRST_ID + 4),
        "text": "This! https://t.co/abc123",
        "edit_history_tweet_ids": [str(FIRST_ID + 4)],
    }
    more = only(harbour, "keeper", 4, "created_at,lang,author_id")
    assert (more["created_at"], more["lang"]) == ("2020-01-01T00:04:00.000Z", "en")
    assert more["author_id"] == user_id("keeper")


def test_references_tell_what_a_post_is(harbour: Simulator) -> None:
    kinds = {
        int(element["id"]) - FIRST_ID: [reference["type"] for reference in element.get("referenced_tweets", [])]
        for element in timeline(harbour, "keeper", **{"tweet.fields": "referenced_tweets"})["data"]
    }
    own: dict[int, list[str]] = {0: [], 5: [], 7: [], 8: [], 9: []}
    assert kinds == own | {1: ["retweeted"], 2: ["replied_to"], 3: ["replied_to"], 4: ["quoted"], 6: ["retweeted"]}


def test_a_reply_names_whom_it_answers(harbour: Simulator) -> None:
    assert only(harbour, "keeper", 2, "in_reply_to_user_id")["in_reply_to_user_id"] == user_id("anna")
    assert only(harbour, "keeper", 3, "in_reply_to_user_id")["in_reply_to_user_id"] == user_id("keeper")


def test_text_is_escaped_as_the_file_holds_it(harbour: Simulator) -> None:
    assert only(harbour, "keeper", 0, "id")["text"] == "Tea &amp; cake"


def test_a_long_post_is_cut_in_its_text_and_whole_in_its_note(harbour: Simulator) -> None:
    element = only(harbour, "keeper", 5, "note_tweet,entities")
    head, ellipsis, link = element["text"].rpartition("… ")
    assert LONG.startswith(head)
    assert 260 < len(html.unescape(element["text"])) <= 280
    assert ellipsis
    assert element["note_tweet"]["text"] == LONG
    assert len(element["note_tweet"]["entities"]["mentions"]) == 10
    assert element["entities"]["urls"][-1]["url"] == link


def test_a_text_whose_end_is_lost_links_to_its_own_post(harbour: Simulator) -> None:
    element = only(harbour, "keeper", 8, "note_tweet,entities")
    assert "note_tweet" not in element
    assert element["text"] == MIXED[8]["text"]
    assert element["entities"]["urls"][0]["expanded_url"].endswith(f"/status/{element['id']}")


def test_entities_point_at_what_they_name(harbour: Simulator) -> None:
    element = only(harbour, "keeper", 9, "entities")
    (mention,) = element["entities"]["mentions"]
    assert element["text"][mention["start"] : mention["end"]] == "@anna"
    assert (mention["username"], mention["id"]) == ("anna", user_id("anna"))
    assert "name" not in mention


def test_the_new_dialect_is_answered_in_the_new_dialect(harbour: Simulator) -> None:
    bounds = {"since_id": str(FIRST_ID + 3), "until_id": str(FIRST_ID + 6), "post.fields": "note_post"}
    bounds["expansions"] = "referenced_posts,edit_history_post_ids"
    newer, older = timeline(harbour, "keeper", **bounds)["data"]
    assert newer.keys() == {"id", "text", "note_post", "edit_history_post_ids"}
    assert older["referenced_posts"][0]["type"] == "quoted"


def test_display_names_come_only_with_the_expansion(harbour: Simulator) -> None:
    assert "includes" not in timeline(harbour, "keeper", **{"tweet.fields": "entities"})
    body = timeline(harbour, "keeper", until_id=str(FIRST_ID + 6), expansions="author_id,entities.mentions.username")
    users = {user["username"].casefold(): user["name"] for user in body["includes"]["users"]}
    assert users == {"keeper": "Keeper", "anna": "Anna 🐟 #1"}


def test_a_mentioned_name_nobody_holds_is_a_partial_error(harbour: Simulator) -> None:
    parameters = {"since_id": str(FIRST_ID + 8), "expansions": "entities.mentions.username"}
    body = timeline(harbour, "keeper", **parameters)
    assert len(body["data"]) == 1
    assert [error["value"] for error in body["errors"]] == ["anna"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer bad"}, {"Authorization": "Basic good"}])
def test_a_missing_or_wrong_token_is_401(harbour: Simulator, headers: dict[str, str]) -> None:
    answer = requests.get(harbour.url + "/2/users/by?usernames=keeper", headers=headers, timeout=60)
    assert answer.status_code == 401
    assert answer.json()["title"] == "Unauthorized"


def test_usage_counts_what_x_would_bill(small: Simulator) -> None:
    get(small, "/2/users/by", usernames="keeper,nobody")
    timeline(small, "keeper", max_results=5, expansions="author_id")
    assert requests.get(f"{small.url}/usage", timeout=60).json() == {"requests": 2, "posts": 5, "users": 2}


def test_requests_are_recorded(small: Simulator) -> None:
    timeline(small, "keeper", max_results=5)
    (seen,) = requests.get(f"{small.url}/requests", timeout=60).json()
    assert abs(seen.pop("time") - time.time()) < 60
    assert seen.pop("caller")
    assert seen == {
        "path": f"/2/users/{user_id('keeper')}/tweets",
        "query": {"max_results": "5"},
        "status": 200,
        "posts": [str(FIRST_ID + n) for n in (11, 10, 9, 8, 7)],
        "fault": None,
    }


def test_posts_added_to_the_file_are_served(small: Simulator, tmp_path: Path) -> None:
    newest = timeline(small, "keeper")["meta"]["newest_id"]
    write(tmp_path, "Keeper", (post(n) for n in range(14)))
    assert ids(timeline(small, "keeper", since_id=newest)) == [str(FIRST_ID + 13), str(FIRST_ID + 12)]


def test_every_answer_tells_what_is_left_of_the_rate_limit(small: Simulator) -> None:
    first, second = (get(small, f"/2/users/{user_id('keeper')}/tweets").headers for _ in range(2))
    assert (first["x-rate-limit-limit"], first["x-rate-limit-remaining"]) == ("10000", "9999")
    assert second["x-rate-limit-remaining"] == "9998"
    assert 0 < int(second["x-rate-limit-reset"]) - time.time() <= WINDOW_SECONDS + 1


def test_too_many_lookups_are_refused_until_the_reset(small: Simulator) -> None:
    with requests.Session() as session:
        session.headers.update(BEARER)
        statuses = [session.get(f"{small.url}/2/users/by?usernames=keeper").status_code for _ in range(300)]
        refused = session.get(f"{small.url}/2/users/by?usernames=keeper")
    assert set(statuses) == {200}
    assert refused.status_code == 429
    assert refused.headers["x-rate-limit-remaining"] == "0"
    assert int(refused.headers["x-rate-limit-reset"]) > time.time()
    timeline(small, "keeper")


def test_a_planned_rate_limit_names_its_reset_or_not(small: Simulator) -> None:
    small.add_faults(Fault(kind="rate_limit", reset_seconds=7), Fault(kind="rate_limit"))
    began = time.time()
    named, unnamed = (get(small, "/2/users/by", usernames="keeper") for _ in range(2))
    assert (named.status_code, unnamed.status_code) == (429, 429)
    assert began + 6 <= int(named.headers["x-rate-limit-reset"]) <= time.time() + 8
    assert "x-rate-limit-reset" not in unnamed.headers
    assert get(small, "/2/users/by", usernames="keeper").status_code == 200


@pytest.mark.parametrize(
    ("status", "title"),
    [(401, "Unauthorized"), (402, "CreditsDepleted"), (403, "Client Forbidden"), (503, "Service Unavailable")],
)
def test_a_planned_status_has_its_body(small: Simulator, status: Any, title: str) -> None:
    small.add_faults(Fault(kind="status", status=status))
    answer = get(small, "/2/users/by", usernames="keeper")
    assert (answer.status_code, answer.json()["title"]) == (status, title)


@pytest.mark.parametrize(
    ("kind", "status", "last"), [("usage_cap", 429, "usage-capped"), ("spend_cap", 403, "credits")]
)
def test_caps_are_worded_as_by_x(small: Simulator, kind: Any, status: int, last: str) -> None:
    small.add_faults(Fault(kind=kind))
    answer = get(small, "/2/users/by", usernames="keeper")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, last)


def test_a_field_that_is_not_filled_is_a_problem_beside_the_posts(small: Simulator) -> None:
    small.add_faults(Fault(kind="hydration", path="*/tweets"))
    body = timeline(small, "keeper")
    assert body["errors"][0]["type"].endswith("/field-hydration-failure")
    assert body["data"]


def test_a_403_can_be_worded_as_by_the_old_api(small: Simulator) -> None:
    small.add_faults(Fault(kind="status", status=403, code=453))
    answer = get(small, "/2/users/by", usernames="keeper")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, 453)


def test_a_dropped_connection_has_no_answer(small: Simulator) -> None:
    small.add_faults(Fault(kind="drop"))
    with requests.Session() as session:
        session.headers.update(BEARER)
        with pytest.raises(requests.ConnectionError, match="reset"):
            session.get(f"{small.url}/2/users/by?usernames=keeper", timeout=60)
        assert session.get(f"{small.url}/2/users/by?usernames=keeper", timeout=60).status_code == 200
    assert [request.status for request in small.requests] == [0, 200]


def test_an_answer_that_is_cut_was_served(small: Simulator) -> None:
    small.add_faults(Fault(kind="cut"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        timeline(small, "keeper", max_results=5)
    assert ids(timeline(small, "keeper", max_results=5)) == list(small.requests[0].posts)
    assert requests.get(f"{small.url}/usage", timeout=60).json()["posts"] == 10


def test_callers_are_told_apart_by_their_tokens_and_no_token_is_recorded(small: Simulator) -> None:
    for token in ("good", "other", "good"):
        path = f"{small.url}/2/users/{user_id('Keeper')}/tweets"
        requests.get(path, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    first, second, third = (request.caller for request in small.requests)
    assert first == third != second
    assert "good" not in str(small.requests)


def test_a_share_of_all_requests_fails_by_chance(small: Simulator) -> None:
    small.add_faults(Fault(kind="status", status=503, share=0.25), Fault(kind="rate_limit", share=0.25))
    with requests.Session() as session:
        session.headers.update(BEARER)
        seen = [session.get(f"{small.url}/2/users/by?usernames=keeper", timeout=60).status_code for _ in range(200)]
    assert 30 < seen.count(503) < 70
    assert 20 < seen.count(429) < 60  # of those that are left
    assert seen.count(200) == 200 - seen.count(503) - seen.count(429)


def test_chance_is_that_of_the_seed() -> None:
    def met(seed: int) -> list[bool]:
        plan = FaultPlan([Fault(kind="drop", share=0.5)], seed)
        return [plan.take("/2/users/by") is not None for _ in range(40)]

    assert met(1) == met(1) != met(2)


def test_a_slow_answer_comes_late(small: Simulator) -> None:
    small.add_faults(Fault(kind="slow", seconds=0.3), Fault(kind="slow", seconds=30))
    begin = time.monotonic()
    assert get(small, "/2/users/by", usernames="keeper").status_code == 200
    assert time.monotonic() - begin >= 0.3
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{small.url}/2/users/by?usernames=keeper", headers=BEARER, timeout=0.2)


def test_an_empty_page_leads_to_the_page_that_was_asked_for(small: Simulator) -> None:
    passes = Fault(kind="slow", seconds=0)
    small.add_faults(passes, Fault(kind="empty_page", times=2))
    found = pages(small, "keeper", max_results=5)
    assert [body["meta"]["result_count"] for body in found] == [5, 0, 0, 5, 2]
    assert ids(*found) == [str(FIRST_ID + n) for n in reversed(range(12))]


def test_a_repeated_token_leads_to_the_same_page(small: Simulator) -> None:
    small.add_faults(Fault(kind="slow", seconds=0), Fault(kind="repeat_token", times=2))
    first, *others = pages(small, "keeper", max_results=5)
    assert ids(first) == [str(FIRST_ID + n) for n in (11, 10, 9, 8, 7)]
    assert [ids(body)[0] for body in others] == [str(FIRST_ID + n) for n in (6, 6, 6, 1)]


def test_a_fault_meets_only_its_path(small: Simulator) -> None:
    small.add_faults(Fault(kind="status", status=500, path="/2/users/*/tweets"), Fault(kind="empty_page"))
    assert get(small, "/2/users/by", usernames="keeper").status_code == 200
    assert get(small, f"/2/users/{user_id('keeper')}/tweets").status_code == 500


def test_faults_are_planned_and_cleared_over_http(small: Simulator) -> None:
    plan = [{"kind": "status", "status": 503, "times": 3}]
    assert requests.post(f"{small.url}/faults", json=plan, timeout=60).status_code == 204
    assert get(small, "/2/users/by", usernames="keeper").status_code == 503
    assert requests.delete(f"{small.url}/faults", timeout=60).status_code == 204
    assert get(small, "/2/users/by", usernames="keeper").status_code == 200
    assert requests.post(f"{small.url}/faults", json=[{"kind": "fire"}], timeout=60).status_code == 422


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        '{"kind": "drop"}',
        '[{"kind": "status"}]',
        '[{"kind": "drop", "often": 2}]',
        '[{"kind": "drop", "times": 2, "share": 0.1}]',
    ],
)
def test_a_malformed_fault_plan_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"faults\.json is no fault plan"):
        read_faults(path)


def test_a_folder_that_cannot_be_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"), running(tmp_path / "missing"):
        pass
    with pytest.raises(ConfigurationError, match="holds no timeline"), running(tmp_path):
        pass
    (tmp_path / "accounts.json").write_text('{"a": {"state": "tired"}}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="malformed"), running(tmp_path):
        pass


def test_a_port_that_is_taken_is_refused(small: Simulator, tmp_path: Path) -> None:
    port = int(small.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match="choose another"), running(tmp_path, port=port):
        pass


def test_a_damaged_timeline_is_an_error_of_the_server(small: Simulator, tmp_path: Path) -> None:
    (tmp_path / "Keeper.jsonl").write_text("{broken\n", encoding="utf-8")
    answer = get(small, f"/2/users/{user_id('keeper')}/tweets")
    assert answer.status_code == 500
    assert "line 1" in answer.json()["detail"]


def test_the_foreground_server_stops_when_interrupted(tmp_path: Path) -> None:
    write(tmp_path, "Keeper", [post(0)])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = (
        "import sys, pathlib; from hugtweets.simulator.server import serve; "
        "serve(pathlib.Path(sys.argv[1]), port=int(sys.argv[2]), faults_file=None)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(port)], env=os.environ.copy())
    try:
        assert _answers(f"http://127.0.0.1:{port}/usage")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return requests.get(url, timeout=5).status_code == 200
        except requests.ConnectionError:
            time.sleep(0.05)
    return False
