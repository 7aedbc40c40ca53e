"""Who may ask the page's server: not other sites, not other machines without the token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hugtweets.errors import ConfigurationError
from hugtweets.play.security import MOST_BYTES
from hugtweets.play.server import is_loopback
from hugtweets.simulator.http_server import listen
from hugtweets.storage.home import Home
from tests.fixtures.play import Client, playing

TOKEN = "correct horse"
KNOWN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with a token; it holds no models, and none of these requests gets as far."""
    with playing(Home(tmp_path_factory.mktemp("secured")), TOKEN) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (KNOWN, 200),
        ({}, 401),
        ({"Authorization": "Bearer correct hors"}, 401),
        ({"Authorization": "Bearer \xe9"}, 401),
        ({"Authorization": TOKEN}, 401),
        (KNOWN | {"Host": "rebound.example"}, 421),
        (KNOWN | {"Host": "localhost.rebound.example:8766"}, 421),
        (KNOWN | {"Host": "[::1"}, 421),
        (KNOWN | {"Host": "localhost:8766"}, 200),
        (KNOWN | {"Host": "[::1]:8766"}, 200),
        (KNOWN | {"Origin": "https://elsewhere.example"}, 403),
        (KNOWN | {"Origin": "null"}, 403),
        (KNOWN | {"Sec-Fetch-Site": "cross-site"}, 403),
        (KNOWN | {"Sec-Fetch-Site": "same-site"}, 403),
        (KNOWN | {"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_our_own_page_and_those_with_the_token_may_ask(
    secured: Client, headers: dict[str, str], status: int
) -> None:
    answer = secured.ask("api/accounts", **headers)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"]


def test_our_own_page_may_ask_and_is_open_to_all_of_this_machine(secured: Client) -> None:
    assert secured.ask("").status_code == 200
    assert secured.ask("", Host="rebound.example").status_code == 421
    assert secured.ask("api/accounts", **KNOWN, Origin=secured.url.rstrip("/")).status_code == 200


def test_a_request_may_not_be_of_any_length(secured: Client) -> None:
    assert secured.ask("api/quiz", b" " * (MOST_BYTES + 1), **KNOWN).status_code == 413
    chunks = secured.session.post(f"{secured.url}api/quiz", data=iter([b"{}"]), headers=KNOWN, timeout=60)
    assert chunks.status_code == 411


def test_paths_lead_to_nothing_but_the_page(secured: Client) -> None:
    for path in ("static/../play.html", "static/%2e%2e/play.html", "static//etc/passwd", "nothing"):
        assert secured.ask(path).status_code == 404


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False), ("box", False)],
)
def test_a_token_is_needed_wherever_others_reach(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigurationError, match="choose another"):
        listen("127.0.0.1", taken.getsockname()[1])
