"""Which account on X a handle is: asked and paid for once, kept with the timeline, and never mixed with another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from hugtweets.errors import BadToken, HandleTaken, XUnavailable
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.simulator.accounts import user_id
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.server import Simulator, running
from hugtweets.sources.x.answers import XUser
from hugtweets.steps.fetch import fetch
from hugtweets.steps.look_up import look_up, not_looked_up
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.timelines.timeline import Timeline, load, save
from tests.fixtures.flows import rows, tiny_config, write_timeline
from tests.fixtures.written import written
from tests.fixtures.x import CONFIG

HANDLES = [f"account_{number:03}" for number in range(150)]


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """X, with many accounts of a few posts."""
    for handle in HANDLES:
        write_timeline(tmp_path / "x" / f"{handle}.jsonl", rows(2))
    with running(tmp_path / "x", priced=True) as served:
        monkeypatch.setenv("X_API_URL", served.url)
        monkeypatch.setenv("X_BEARER_TOKEN", "any")
        yield served


def jobs_of(home: Home, *handles: str, run: str = "monday") -> list[Job]:
    return [Job(home, AccountRequest(handle=handle, config=tiny_config()), run) for handle in handles]


def users_read(simulator: Simulator) -> int:
    return int(requests.get(f"{simulator.url}/usage", timeout=60).json()["users"])


def test_an_unchanged_night_looks_nobody_up_and_costs_nothing(simulator: Simulator, home: Home) -> None:
    [first] = jobs_of(home, HANDLES[0])
    fetch(replace(first, user=look_up([first], CONFIG)[HANDLES[0]]))
    asked, before = len(simulator.requests), written(home.timeline(HANDLES[0]))
    [second] = jobs_of(home, HANDLES[0], run="tuesday")
    fetch(replace(second, user=look_up([second], CONFIG)[HANDLES[0]]))
    assert [request.path for request in simulator.requests[asked:]] == [f"/2/users/{user_id(HANDLES[0])}/tweets"]
    assert (second.ledger.spent().usd, written(home.timeline(HANDLES[0]))) == (0, before)


def test_a_look_up_that_fails_half_way_is_paid_once(simulator: Simulator, home: Home) -> None:
    jobs = jobs_of(home, *HANDLES)
    passes = Fault(kind="slow", seconds=0, path="/2/users/by")
    simulator.add_faults(passes, Fault(kind="status", status=503, path="/2/users/by"))
    with pytest.raises(XUnavailable):
        look_up(jobs, CONFIG)
    assert users_read(simulator) == 100
    assert {handle: found.id for handle, found in look_up(jobs, CONFIG).items() if isinstance(found, XUser)} == {
        handle: user_id(handle) for handle in HANDLES
    }
    assert (users_read(simulator), jobs[0].ledger.of(None).spent().users_read) == (150, 150)


def test_a_look_up_that_fails_leaves_those_that_are_known(simulator: Simulator, home: Home) -> None:
    known, unknown = jobs_of(home, *HANDLES[:2])
    look_up([known], CONFIG)
    refused = BadToken("no")
    found = not_looked_up([known, unknown], refused)
    assert (found[known.handle], found[unknown.handle]) == (
        XUser(id=user_id(known.handle), username=known.handle),
        refused,
    )


def test_a_home_from_before_is_looked_up_once_and_keeps_its_posts(simulator: Simulator, home: Home) -> None:
    [job] = jobs_of(home, HANDLES[0])
    fetch(replace(job, user=look_up([job], CONFIG)[HANDLES[0]]))
    path = home.timeline(HANDLES[0])
    stored = load(path)
    save(path, replace(stored, account=None))
    for _ in range(2):
        look_up([job], CONFIG)
    again = load(path)
    assert (replace(again, count=stored.count), users_read(simulator)) == (stored, 2)


def test_what_one_machine_looked_up_the_others_know(simulator: Simulator, tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/store")
    here, there = Home(tmp_path / "here", store), Home(tmp_path / "there", store)
    look_up(jobs_of(here, HANDLES[0]), CONFIG)
    SharedTimeline(here, HANDLES[0]).push()
    look_up(jobs_of(there, HANDLES[0]), CONFIG)
    assert (users_read(simulator), load(there.timeline(HANDLES[0])).account) == (1, user_id(HANDLES[0]))


def test_a_handle_that_belongs_to_another_account_now_is_refused(simulator: Simulator, home: Home) -> None:
    save(home.timeline(HANDLES[0]), Timeline(account="99"))
    [job] = jobs_of(home, HANDLES[0])
    with pytest.raises(HandleTaken, match=rf"hugtweets forget {HANDLES[0]}"):
        fetch(replace(job, user=look_up([job], CONFIG)[HANDLES[0]]))
    assert load(home.timeline(HANDLES[0])) == Timeline(account="99")
    assert job.ledger.spent().posts_read == 0


def test_timelines_of_two_accounts_with_one_handle_are_not_merged(tmp_path: Path) -> None:
    store = Store(f"file://{tmp_path}/store")
    here, there = Home(tmp_path / "here", store), Home(tmp_path / "there", store)
    for home, account in ((here, "1"), (there, "2")):
        save(home.timeline("alice"), Timeline(account=account))
    SharedTimeline(here, "alice").push()
    with pytest.raises(HandleTaken, match="hugtweets forget alice"):
        SharedTimeline(there, "alice").pull()


def test_a_handle_that_x_cannot_be_asked_for_keeps_no_other_from_being_looked_up(
    home: Home, simulator: Simulator
) -> None:
    old = "a_handle_of_long_ago"
    found = look_up(jobs_of(home, old, HANDLES[0]), CONFIG)

    assert isinstance(found[HANDLES[0]], XUser)
    assert "--source archive:PATH" in str(found[old])
