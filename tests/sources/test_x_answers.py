"""What X may answer, sane or not, and what becomes of it."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from hugtweets.config import FetchConfig
from hugtweets.errors import (
    AccountNotFound,
    AccountProtected,
    AccountSuspended,
    BadToken,
    ConfigurationError,
    HugtweetsError,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
    WrongTier,
    XUnavailable,
)
from hugtweets.sources.x.client import XClient
from hugtweets.sources.x.users import look_up_users
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import Timeline, load
from tests.fixtures.x import ALICE, CONFIG, TOKEN, alice, answering, client_of, run_ledger

NO_SUCH = {
    "type": "https://api.x.com/2/problems/resource-not-found",
    "title": "Not there",
    "detail": "Could not find user",
    "value": "alice",
}
SUSPENDED = {
    "type": "https://api.twitter.com/2/problems/resource-not-found",
    "title": "No",
    "detail": "User has been suspended: [alice].",
    "value": "alice",
}
PROTECTED = {
    "type": "https://api.x.com/2/problems/not-authorized-for-resource",
    "title": "No",
    "detail": "Sorry, you are not authorized",
    "value": "alice",
}
POST = {"id": "5", "text": "hello", "created_at": "2024-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, UnexpectedAnswer, "(bad)"),
        (401, BadToken, "X_BEARER_TOKEN"),
        (402, OutOfCredit, "buy credit"),
        (403, WrongTier, "portal"),
        (404, UnexpectedAnswer, "404"),
        (500, XUnavailable, "500"),
        (503, XUnavailable, "try again"),
    ],
)
def test_a_refusal_is_its_typed_error(home: Home, status: int, kind: type[HugtweetsError], words: str) -> None:
    with answering({"detail": "bad"}, status) as server, pytest.raises(kind, match="@alice") as caught:
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "reset_at"),
    [
        ({"x-rate-limit-reset": "4102444800"}, datetime(2100, 1, 1, tzinfo=UTC)),
        ({"x-rate-limit-reset": "1700000000"}, None),  # past
        ({"x-rate-limit-reset": "4102444800", "x-user-limit-24hour-remaining": "7"}, datetime(2100, 1, 1, tzinfo=UTC)),
        (
            {
                "x-rate-limit-reset": "1700000000",
                "x-user-limit-24hour-remaining": "0",
                "x-user-limit-24hour-reset": "4102444800",
            },
            datetime(2100, 1, 1, tzinfo=UTC),
        ),
        ({}, None),
        ({"x-rate-limit-reset": "soon"}, None),
        ({"x-rate-limit-reset": "9" * 30}, None),
    ],
)
def test_a_rate_limit_says_when_it_ends_if_x_does(
    home: Home, header: dict[str, str], reset_at: datetime | None
) -> None:
    with answering({}, 429, header) as server, pytest.raises(RateLimited) as caught:
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert caught.value.reset_at == reset_at


@pytest.mark.parametrize(
    "body",
    [
        b"<html>over capacity</html>",
        b'{"data": [',
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"[" * 100_000,
        b"7" * 5_000,
        b'{"data": "\xed\xa0\x80"}',
    ],
)
@pytest.mark.parametrize("status", [200, 503])
def test_a_body_of_any_form_is_an_error_of_ours(home: Home, body: bytes, status: int) -> None:
    with answering(body, status) as server, pytest.raises((XUnavailable, UnexpectedAnswer)):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))


@pytest.mark.parametrize("body", [{}, {"meta": {"result_count": "0", "next_token": 3}}, {"data": {"id": "5"}}])
def test_an_undocumented_answer_is_not_stored(home: Home, body: object) -> None:
    with answering(body) as server, pytest.raises(UnexpectedAnswer, match="@alice"):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert not home.timeline("alice").exists()


@pytest.mark.parametrize(
    "strange",
    [
        {**POST, "id": "6", "created_at": "2024-01-01T00:00:00"},
        {**POST, "id": "6", "created_at": "0001-01-01T00:00:00+14:00"},
        {"id": "6", "text": "no time"},
        {"id": "6", "text": 6},
    ],
)
def test_a_post_that_cannot_be_understood_is_kept_as_sent_and_not_bought_again(
    home: Home, strange: dict[str, object]
) -> None:
    path, ledger = home.timeline("alice"), run_ledger(home.root)
    with answering({"data": [strange, POST]}) as server:
        remark = alice(server.url, ledger).update(path)
        alice(server.url, run_ledger(home.root, "the next night")).update(path)
    assert remark == "not understood, and kept as X sent it: 6; look for a newer version of hugtweets"
    assert ([post.id for post in load(path).posts], json.loads(load(path).unread["6"])) == (["5"], strange)
    assert "since_id=6" in server.paths[1]


def test_a_page_of_which_nothing_can_be_understood_ends_the_download(home: Home) -> None:
    with (
        answering({"data": [{"id": str(n)} for n in range(10, 15)], "meta": {"next_token": "more"}}) as server,
        pytest.raises(UnexpectedAnswer, match="kept as sent"),
    ):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert len(server.paths) == 1
    assert load(home.timeline("alice")).newest_id == "14"


def test_a_post_that_was_not_understood_is_deleted_with_those_that_were(home: Home) -> None:
    kept = Timeline(unread={"6": "{}"})
    assert kept.due(datetime.now(UTC)) == ["6"]
    assert kept.verified(["6"], {"6"}, datetime.now(UTC)).unread == {}


def test_what_was_billed_is_written_down_even_if_it_cannot_be_understood(home: Home) -> None:
    ledger = run_ledger(home.root)
    with answering({"data": [POST, {"id": 6}], "meta": 3}) as server, pytest.raises(UnexpectedAnswer):
        alice(server.url, ledger).update(home.timeline("alice"))
    assert (ledger.spent().requests, ledger.spent().posts_read, ledger.spent().usd) == (1, 2, 0.01)


def test_a_refusal_counts_as_a_request_that_costs_nothing(home: Home) -> None:
    ledger = run_ledger(home.root)
    with answering({}, 402) as server, pytest.raises(OutOfCredit):
        alice(server.url, ledger).update(home.timeline("alice"))
    assert (ledger.spent().requests, ledger.spent().usd) == (1, 0)


@pytest.mark.parametrize(
    ("problem", "kind"),
    [(NO_SUCH, AccountNotFound), (SUSPENDED, AccountSuspended), (PROTECTED, AccountProtected)],
)
def test_a_problem_of_an_account_is_understood_in_a_timeline_too(
    home: Home, problem: dict[str, str], kind: type[HugtweetsError]
) -> None:
    with answering({"errors": [problem]}) as server, pytest.raises(kind, match="@alice"):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))


def test_a_post_that_x_withholds_does_not_fail_the_page(home: Home) -> None:
    body = {"data": [POST], "errors": [PROTECTED], "meta": {"result_count": 1}}
    with answering(body) as server:
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert [post.id for post in load(home.timeline("alice")).posts] == ["5"]


def test_users_are_looked_up_a_hundred_a_request_and_found_in_any_case(home: Home) -> None:
    ledger = run_ledger(home.root)
    handles = ["ALICE", *(f"user{i}" for i in range(120))]
    body = {"data": [{"id": "11", "username": "alice", "name": "Alice"}]}
    with answering(body) as server:
        found = look_up_users(client_of(server.url), handles, ledger, CONFIG)
    assert found["ALICE"] == ALICE
    assert isinstance(found["user119"], UnexpectedAnswer)
    assert [path.partition("usernames=")[2].partition("&")[0].count("%2C") + 1 for path in server.paths] == [100, 21]
    assert ledger.spent().users_read == 2


def test_one_problem_among_many_handles_is_a_value(home: Home) -> None:
    body = {
        "data": [
            {"id": "12", "username": "Bob", "name": "Bob", "protected": True},
            {"id": "13", "username": "carol", "name": "Carol", "protected": False},
        ],
        "errors": [NO_SUCH, {**SUSPENDED, "value": "Dave"}, {"title": "Forbidden", "value": "eve"}],
    }
    with answering(body) as server:
        found = look_up_users(
            client_of(server.url), ["alice", "bob", "carol", "dave", "eve"], run_ledger(home.root), CONFIG
        )
    kinds = {handle: type(user).__name__ for handle, user in found.items()}
    assert kinds == {
        "alice": "AccountNotFound",
        "bob": "AccountProtected",
        "carol": "XUser",
        "dave": "AccountSuspended",
        "eve": "UnexpectedAnswer",
    }


@pytest.mark.parametrize("body", [{}, {"data": [], "errors": []}])
def test_a_bare_answer_to_a_look_up_is_raised(home: Home, body: object) -> None:
    with answering(body) as server, pytest.raises(UnexpectedAnswer, match="@alice"):
        look_up_users(client_of(server.url), ["alice"], run_ledger(home.root), CONFIG)


def test_a_user_whose_id_is_no_number_never_reaches_a_path(home: Home) -> None:
    body = {"data": [{"id": "../tweets", "username": "alice", "name": "Alice"}]}
    with answering(body) as server, pytest.raises(UnexpectedAnswer):
        look_up_users(client_of(server.url), ["alice"], run_ledger(home.root), CONFIG)


def test_a_missing_token_says_what_to_set() -> None:
    with pytest.raises(BadToken, match="set X_BEARER_TOKEN"):
        XClient.from_environment(CONFIG)


def test_an_impossible_token_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", f"{TOKEN}\n{TOKEN}")
    with pytest.raises(BadToken) as caught:
        XClient.from_environment(CONFIG)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("url", ["http://example.com", "ftp://127.0.0.1", "127.0.0.1:80", "https://", "http://[::1"])
def test_a_token_is_sent_in_the_clear_to_this_machine_only(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("X_API_URL", url)
    with pytest.raises(ConfigurationError, match="X_API_URL"):
        XClient.from_environment(CONFIG, SecretStr(TOKEN))


def test_the_environment_names_token_and_server(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering({"errors": [NO_SUCH]}) as server:
        monkeypatch.setenv("X_API_URL", server.url + "/")
        monkeypatch.setenv("X_BEARER_TOKEN", f" {TOKEN}\n")
        look_up_users(XClient.from_environment(CONFIG), ["alice"], run_ledger(home.root), CONFIG)
    assert server.tokens == [f"Bearer {TOKEN}"]
    assert server.paths[0].startswith("/2/users/by?")


def test_netrc_and_proxies_do_not_come_between(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with answering({"errors": [NO_SUCH]}) as server:
        look_up_users(client_of(server.url), ["alice"], run_ledger(home.root), CONFIG)
    assert server.tokens == [f"Bearer {TOKEN}"]


def test_a_pickled_client_goes_to_the_same_server(home: Home) -> None:
    with answering({"errors": [NO_SUCH]}) as server:
        copy = pickle.loads(pickle.dumps(client_of(server.url)))  # noqa: S301  # what a remote task runner does
        look_up_users(copy, ["alice"], run_ledger(home.root), CONFIG)
    assert server.tokens == [f"Bearer {TOKEN}"]


def test_no_log_holds_the_token(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with answering({"data": [POST]}) as server:
        source = alice(server.url, run_ledger(home.root))
        source.update(home.timeline("alice"))
    assert server.tokens == [f"Bearer {TOKEN}"]
    assert "Making API request" in caplog.text
    assert TOKEN not in caplog.text + repr(source)


def test_a_redirect_is_not_followed(home: Home) -> None:
    with (
        answering({"data": [POST]}) as other,
        answering({}, 302, {"Location": other.url}) as server,
        pytest.raises(UnexpectedAnswer, match="302"),
    ):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert other.paths == []


@pytest.mark.parametrize("address", ["http://[::1", "/%zz", "http://a\udcff", "//"])
def test_a_redirect_to_an_address_that_makes_no_sense_is_one_too(home: Home, address: str) -> None:
    headers = {"Location": address.encode("utf-8", "surrogateescape").decode("latin-1")}
    with answering({}, 302, headers) as server, pytest.raises(UnexpectedAnswer, match="302"):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))


def test_a_number_without_end_costs_one_post_and_not_the_page(home: Home) -> None:
    page = json.dumps({"data": [POST, {"id": "6", "text": 0}]}).replace(" 0}", f" {'7' * 5000}}}").encode()
    with answering(page) as server:
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert ([post.id for post in load(home.timeline("alice")).posts], *load(home.timeline("alice")).unread) == (
        ["5"],
        "6",
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"code": 32, "message": "Could not do it"}, "(Could not do it)"),
        ({}, "(it does not say why)"),
        ({"errors": [{"parameters": {"since_id": ["x"]}, "message": "m"}], "detail": "Wrong."}, "(since_id: Wrong.)"),
        ({"parameter": "until_id", "detail": "Wrong."}, "(until_id: Wrong.)"),
        ({"errors": [3, {"parameters": []}], "detail": ["a"]}, "(['a'])"),
    ],
)
def test_a_refused_request_says_why_and_for_which_parameter(home: Home, body: object, says: str) -> None:
    with answering(body, 400) as server, pytest.raises(UnexpectedAnswer) as caught:
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))
    assert says in str(caught.value)


def test_an_answer_that_drips_is_left_after_the_timeout(home: Home) -> None:
    config = FetchConfig(timeout_seconds=0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(XUnavailable, match=r"within 0\.3 seconds"),
    ):
        threading.Thread(target=drip, args=[listener], daemon=True).start()
        alice(f"http://127.0.0.1:{listener.getsockname()[1]}", run_ledger(home.root), config).update(
            home.timeline("alice")
        )


def drip(listener: socket.socket) -> None:
    """Send an answer byte by byte, for two seconds."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20:
            connection.sendall(bytes([byte]))
            time.sleep(0.04)


def test_a_server_that_is_not_there_is_unavailable(home: Home) -> None:
    with answering({}) as server:
        pass
    with pytest.raises(XUnavailable, match="network"):
        alice(server.url, run_ledger(home.root)).update(home.timeline("alice"))


def test_an_answer_cut_short_is_unavailable(home: Home) -> None:
    body = json.dumps({"data": [POST]}).encode()
    with answering(body, headers={"Content-Length": str(len(body) + 10)}) as server, pytest.raises(XUnavailable):
        alice(server.url, run_ledger(home.root), FetchConfig(timeout_seconds=0.3)).update(home.timeline("alice"))
