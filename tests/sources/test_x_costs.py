"""What answers cost: X's prices for X, and nothing for what the simulator answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hugtweets.simulator.server import running
from hugtweets.sources.x.answers import XUser
from hugtweets.sources.x.users import look_up_users
from hugtweets.storage.home import Home
from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.x import CONFIG, alice, answering, client_of, run_ledger

POST = {"id": "5", "text": "hello", "created_at": "2024-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(("priced", "usd"), [(False, 0), (True, 0.16)])
def test_what_the_simulator_answers_is_no_money_unless_it_is_told_to_be(
    home: Home, tmp_path: Path, priced: bool, usd: float
) -> None:
    write_timeline(tmp_path / "x" / "alice.jsonl", rows(30))
    ledger = run_ledger(home.root)
    with running(tmp_path / "x", priced=priced) as simulator:
        user = look_up_users(client_of(simulator.url), ["alice"], ledger, CONFIG)["alice"]
        assert isinstance(user, XUser)
        replace(alice(simulator.url, ledger), user=user).update(home.timeline("alice"))
    spent = ledger.spent()
    assert (spent.requests, spent.posts_read, spent.users_read) == (2, 30, 1)
    assert (spent.usd, ledger.month().usd, ledger.of("alice").total().usd) == (usd, usd, max(0, usd - 0.01))


def test_a_server_on_this_machine_that_does_not_say_it_is_simulated_is_paid(home: Home) -> None:
    ledger = run_ledger(home.root)
    with answering({"data": [POST]}) as server:
        alice(server.url, ledger).update(home.timeline("alice"))
    assert ledger.spent().usd == 0.005
