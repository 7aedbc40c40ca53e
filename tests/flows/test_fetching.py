"""Flows against the X simulator: every documented answer of X, and what becomes of the account and of the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flows.refresh import refresh
from hugtweets.budget.ledger import Ledger
from hugtweets.config import Config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import longest_waiting_first, plan_jobs
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.simulator.accounts import user_id
from hugtweets.simulator.faults import Fault
from hugtweets.simulator.server import Simulator, running
from hugtweets.storage import remote
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.timeline import load
from tasks.events import FETCHED
from tests.fixtures.flows import await_event, outcome_of, request, rows, tiny_config, write_timeline
from tests.fixtures.stores import Throttled, throttled

__all__ = ["throttled"]

pytestmark = pytest.mark.usefixtures("prefect_server")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "timelines"


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """X, with two ordinary accounts and two that cannot be read."""
    folder = tmp_path / "x"
    for handle in ("alice", "bob", "banned", "locked"):
        write_timeline(folder / f"{handle}.jsonl", rows(30))
    states = {"banned": {"state": "suspended"}, "locked": {"state": "protected"}}
    (folder / "accounts.json").write_text(json.dumps(states))
    with running(folder, token="let-me-in", priced=True) as served:
        monkeypatch.setenv("X_API_URL", served.url)
        monkeypatch.setenv("X_BEARER_TOKEN", "let-me-in")
        yield served


def from_x(handle: str, config: Config | None = None) -> AccountRequest:
    return AccountRequest(handle=handle, config=config or tiny_config())


def run_to(until: Any, *requests: AccountRequest) -> RunOutcome:
    return outcome_of(refresh(list(requests), until, return_state=True))


def pick(outcome: RunOutcome, handle: str) -> AccountOutcome:
    return next(account for account in outcome.accounts if account.handle == handle)


def timeline_of(handle: str, **fault: Any) -> Fault:
    return Fault.model_validate({"path": f"/2/users/{user_id(handle)}/tweets", **fault})


@pytest.mark.parametrize(
    ("handle", "status", "says"),
    [
        ("nobody_here", "failed", "nobody_here"),
        ("banned", "failed", "suspended"),
        ("locked", "failed", "protected"),
    ],
)
def test_an_account_that_cannot_be_read_fails_alone(simulator: Simulator, handle: str, status: str, says: str) -> None:
    outcome = run_to("clean", from_x("alice"), from_x(handle))
    bad = pick(outcome, handle)
    assert (outcome.status, bad.status) == ("failed", status)
    assert says in (bad.reason or "").lower()
    assert pick(outcome, "alice").counts["kept"] == 30


def test_an_account_that_vanished_is_left_out_and_what_is_stored_of_it_stays(
    simulator: Simulator, home: Home, tmp_path: Path
) -> None:
    run_to("clean", from_x("alice"), from_x("bob"))
    (tmp_path / "x" / "accounts.json").write_text(json.dumps({"alice": {"state": "suspended"}}))
    outcome = run_to("clean", from_x("alice"), from_x("bob"))
    alice = pick(outcome, "alice")
    assert (outcome.status, alice.status, pick(outcome, "bob").status) == ("completed", "skipped", "unchanged")
    assert "suspended @alice" in (alice.reason or "")
    assert "until `hugtweets forget alice`" in (alice.reason or "")
    assert len(load(home.timeline("alice")).posts) == 30
    assert (outcome.api.requests, outcome.api.posts_read) == (2, 0)


def test_an_account_that_vanished_gives_way_to_those_that_wait(simulator: Simulator, home: Home) -> None:
    run_to("fetch", from_x("banned"), from_x("locked"), from_x("nobody_here"))
    jobs = plan_jobs(home, [from_x(handle) for handle in ("banned", "locked", "nobody_here", "alice")], "next")
    assert longest_waiting_first(jobs)[0].handle == "alice"


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ({"kind": "status", "status": 403}, "failed", "403"),
        ({"kind": "status", "status": 403, "code": 453}, "failed", "(403)"),
        ({"kind": "status", "status": 503, "times": 9}, "failed", "503"),
        ({"kind": "drop", "times": 9}, "failed", "alice"),
        ({"kind": "rate_limit", "reset_seconds": 1}, "completed", ""),
        ({"kind": "status", "status": 503}, "completed", ""),
        ({"kind": "drop"}, "completed", ""),
        ({"kind": "slow", "seconds": 3}, "completed", ""),
        ({"kind": "empty_page"}, "completed", ""),
        ({"kind": "repeat_token"}, "completed", ""),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_each_answer_of_x_concerns_one_account_only(
    simulator: Simulator, fault: dict[str, Any], status: str, says: str
) -> None:
    simulator.add_faults(timeline_of("alice", **fault))
    outcome = run_to("clean", from_x("alice"), from_x("bob"))
    alice, bob = pick(outcome, "alice"), pick(outcome, "bob")
    assert (alice.status, bob.status) == (status, "completed")
    assert says.lower() in (alice.reason or "").lower()
    assert alice.counts.get("kept") == (30 if status == "completed" else None)


def test_a_retry_that_brings_posts_does_not_count(simulator: Simulator, tmp_path: Path) -> None:
    write_timeline(tmp_path / "x" / "alice.jsonl", rows(250))
    one_retry = tiny_config(fetch={"retries": 1})
    passes, fails = {"kind": "slow", "seconds": 0}, {"kind": "status", "status": 503}
    # First and third page arrive; in between an attempt also asks once for what is newer.
    simulator.add_faults(*(timeline_of("alice", **fault) for fault in (passes, fails, passes, passes, fails)))
    alice = pick(run_to("fetch", from_x("alice", one_retry)), "alice")
    assert (alice.status, alice.counts) == ("completed", {"fetched": 250, "new": 250})


def test_attempts_that_bring_nothing_are_counted(simulator: Simulator) -> None:
    simulator.add_faults(timeline_of("alice", kind="status", status=503, times=9))
    assert pick(run_to("fetch", from_x("alice", tiny_config(fetch={"retries": 1}))), "alice").status == "failed"
    assert [request.status for request in simulator.requests].count(503) == 2


def run_one_by_one(*handles: str) -> RunOutcome:
    config = tiny_config(refresh={"parallel": 1})
    return run_to("clean", *(from_x(handle, config) for handle in handles))


@pytest.mark.parametrize(("status", "says"), [(401, "X_BEARER_TOKEN"), (402, "credit")])
def test_a_refusal_of_us_ends_fetching_and_what_is_stored_is_processed(
    simulator: Simulator, status: int, says: str
) -> None:
    run_to("fetch", from_x("bob"))
    asked = len(simulator.requests)
    simulator.add_faults(timeline_of("alice", kind="status", status=status))
    outcome = run_one_by_one("alice", "bob")
    alice, bob = pick(outcome, "alice"), pick(outcome, "bob")
    assert (alice.status, bob.status, bob.counts["kept"]) == ("failed", "failed", 30)
    assert says in (alice.reason or "")
    assert "@bob was not asked for" in (bob.reason or "")
    assert (outcome.failure() or "").startswith("2/2 accounts failed: alice, bob; ")
    assert says in (outcome.failure() or "")
    assert len(simulator.requests) == asked + 2  # the look-up, and alice's


def test_a_refused_look_up_leaves_what_is_stored_to_be_processed(simulator: Simulator) -> None:
    run_to("fetch", from_x("bob"))
    simulator.add_faults(Fault(kind="status", status=401, path="/2/users/by"))
    outcome = run_to("clean", from_x("alice"), from_x("bob"))
    assert [account.status for account in outcome.accounts] == ["failed", "failed"]
    assert "@bob was not asked for" in (outcome.accounts[1].reason or "")
    assert (outcome.accounts[1].counts["kept"], outcome.api.requests) == (30, 1)


def test_automations_hear_of_accounts_whose_source_answered(simulator: Simulator) -> None:
    began = datetime.now(UTC)
    run_to("fetch", from_x("bob"))
    assert event_of("bob", 30, began)
    simulator.add_faults(timeline_of("bob", kind="status", status=401))
    run_one_by_one("bob")
    run_one_by_one("alice")
    # Events arrive in order: that of alice is the last.
    assert event_of("alice", 30, began)
    with pytest.raises(AssertionError, match="that was waited for"):
        event_of("bob", 0, began, seconds=0)


def event_of(handle: str, new: int, since: datetime, seconds: float = 30) -> dict[str, Any]:
    """The event that an account was fetched."""

    def is_wanted(found: dict[str, Any]) -> bool:
        named = found["resource"]["prefect.resource.id"] == f"hugtweets.account.{handle}"
        return named and found["payload"] == {"new": new} and datetime.fromisoformat(found["occurred"]) > since

    return await_event(FETCHED, is_wanted, seconds)


def test_a_rate_limit_holds_everybody_back_and_is_met_once(simulator: Simulator) -> None:
    simulator.add_faults(timeline_of("alice", kind="rate_limit", reset_seconds=900))
    outcome = run_one_by_one("alice", "bob")
    assert [account.state for account in outcome.accounts] == ["put off", "put off"]
    assert "UTC" in (pick(outcome, "bob").reason or "")
    assert (outcome.status, outcome.api.requests) == ("failed", 2)
    assert "nothing was fetched" in (outcome.failure() or "")
    assert {account.status for account in run_one_by_one("alice", "bob").accounts} == {"completed"}


def test_a_run_of_which_a_limit_put_off_a_part_ends_in_a_state_of_its_own(simulator: Simulator) -> None:
    run_to("fetch", from_x("bob"))
    simulator.add_faults(Fault(kind="rate_limit", reset_seconds=900, path="/2/users/by"))
    state = refresh([from_x("alice"), from_x("bob")], "fetch", return_state=True)
    assert (state.name, state.type.value) == ("PutOff", "COMPLETED")
    assert [account.state for account in outcome_of(state).accounts] == ["put off", "unchanged"]


def test_each_window_of_x_is_used_to_its_end_within_one_run(simulator: Simulator, tmp_path: Path) -> None:
    write_timeline(tmp_path / "x" / "alice.jsonl", rows(250))
    passes, full = {"kind": "slow", "seconds": 0}, {"kind": "rate_limit", "reset_seconds": 1}
    windows = (passes, full, passes, passes, full, passes, passes)
    simulator.add_faults(*(timeline_of("alice", **fault) for fault in windows))
    alice = pick(run_to("fetch", from_x("alice", tiny_config(fetch={"retries": 1}))), "alice")
    assert (alice.status, alice.counts) == ("completed", {"fetched": 250, "new": 250})


def test_a_limit_that_ends_late_says_so_and_what_was_stored_before_is_counted(
    simulator: Simulator, tmp_path: Path
) -> None:
    write_timeline(tmp_path / "x" / "alice.jsonl", rows(250))
    faults: tuple[dict[str, Any], ...] = ({"kind": "slow", "seconds": 0}, {"kind": "rate_limit", "reset_seconds": 900})
    simulator.add_faults(*(timeline_of("alice", **fault) for fault in faults))
    alice = pick(run_to("fetch", from_x("alice")), "alice")
    assert (alice.state, alice.counts) == ("put off", {"fetched": 100, "new": 100})
    assert "try again after" in (alice.reason or "")
    assert "not asked for" not in (alice.reason or "")


def test_a_rate_limit_that_ends_soon_is_waited_for_by_everybody(simulator: Simulator) -> None:
    simulator.add_faults(timeline_of("alice", kind="rate_limit", reset_seconds=2))
    outcome = run_to("clean", from_x("alice"), from_x("bob"))
    assert {account.status for account in outcome.accounts} == {"completed"}
    assert [request.status for request in simulator.requests].count(429) == 1


def test_a_refused_look_up_leaves_other_leaves_other_sources_alone(simulator: Simulator, tmp_path: Path) -> None:
    simulator.add_faults(Fault(kind="status", status=402, path="/2/users/by"))
    path = write_timeline(tmp_path / "carol.jsonl", rows(30))
    outcome = run_to("clean", from_x("alice"), request("carol", path, tiny_config()))
    assert pick(outcome, "alice").status == "failed"
    assert pick(outcome, "carol").status == "completed"


def test_a_write_of_the_shared_ledger_that_fails_after_a_look_up_is_tried_again_and_the_night_goes_on(
    simulator: Simulator, throttled: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HUGTWEETS_STORE", throttled.url)
    monkeypatch.setattr(remote, "WAIT_SECONDS", (0.0,))
    Throttled.not_taken.append(ConnectionResetError("reset by peer"))
    outcome = run_to("fetch", from_x("alice"), from_x("bob"))
    assert [account.status for account in outcome.accounts] == ["completed", "completed"]
    said = [message for message in caplog.messages if "reset by peer" in message]
    assert said == [f"The store {throttled.url} does not answer (reset by peer): asking again in 0 s."]
    assert outcome.api.users_read == 2


def test_a_store_that_does_not_take_the_ledger_fails_no_account_and_is_said(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "ledger").symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("HUGTWEETS_STORE", f"file://{tmp_path}/store")
    monkeypatch.setattr(remote, "WAIT_SECONDS", (0.0,))
    outcome = run_to("fetch", from_x("alice"), from_x("bob"))
    assert [account.status for account in outcome.accounts] == ["completed", "completed"]
    assert outcome.remarks[0].startswith(f"what {outcome.flow_run} spent on X is not in the store")
    assert outcome.remarks[0] in outcome.describe()
    assert outcome.remarks[0] in caplog.messages
    assert [account.reason for account in outcome.accounts] == ["what it cost is not in the store yet"] * 2


def test_without_a_token_the_message_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_BEARER_TOKEN", raising=False)
    outcome = run_to("fetch", from_x("alice"), from_x("bob"))
    assert outcome.describe().count("X_BEARER_TOKEN") == 1
    assert [account.reason for account in outcome.accounts] == [
        f"@{handle} was not asked for: there is no X bearer token" for handle in ("alice", "bob")
    ]


def test_an_unchanged_account_costs_one_request_and_no_post(simulator: Simulator) -> None:
    first = run_to("clean", from_x("alice"), from_x("bob"))
    second = run_to("clean", from_x("alice"), from_x("bob"))
    assert (first.api.requests, first.api.posts_read) == (3, 60)
    assert (second.api.requests, second.api.posts_read, second.api.usd) == (2, 0, 0)
    assert {account.status for account in second.accounts} == {"unchanged"}


def test_a_budget_keeps_what_was_bought_and_the_next_run_goes_on(simulator: Simulator) -> None:
    thrifty = tiny_config(fetch={"budget_usd": 0.05})
    first = run_to("fetch", from_x("alice", thrifty))
    second = run_to("fetch", from_x("alice", thrifty))
    assert [run.accounts[0].counts["fetched"] for run in (first, second)] == [8, 18]
    assert "budget" in (first.accounts[0].reason or "")
    assert first.api.usd == 0.05  # with the look-up of the account


def test_secrets_reach_no_file_and_no_line(
    simulator: Simulator, home: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    run_to("clean", from_x("alice"))
    written = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert b"let-me-in" not in written
    assert "let-me-in" not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.skipif(not SHARED.exists(), reason="the real timelines are not here")
@pytest.mark.parametrize("handle", ["realDonaldTrump", "NASPAhistory"])
def test_x_and_file_give_the_same_clean_posts(handle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = (SHARED / f"{handle}.jsonl").read_text(encoding="utf-8").splitlines()[:3200]
    file = tmp_path / "newest.jsonl"
    file.write_text("\n".join(newest), encoding="utf-8")
    with running(SHARED) as served:
        monkeypatch.setenv("X_API_URL", served.url)
        monkeypatch.setenv("X_BEARER_TOKEN", "any")
        fetched = run_to("clean", from_x(handle, Config()))
        again = run_to("clean", from_x(handle, Config()))
        by_x = pq.read_table(f"{fetched.accounts[0].steps['clean'].path}/clean.parquet")
    monkeypatch.setenv("HUGTWEETS_HOME", str(tmp_path / "other"))
    read = run_to("clean", request(handle, file, Config()))
    by_file = pq.read_table(f"{read.accounts[0].steps['clean'].path}/clean.parquet")
    assert by_x.to_pylist() == by_file.to_pylist()
    assert (again.api.requests, again.api.posts_read) == (1, 0)


def test_a_month_is_bounded_and_those_put_off_come_first(simulator: Simulator, home: Any) -> None:
    # A look-up and the smallest page are reckoned with $0.035; the simulator's accounts have 30 posts, $0.15.
    tight = tiny_config(fetch={"month_budget_usd": 0.06})
    first = run_to("fetch", from_x("alice", tight), from_x("bob", tight))
    assert [account.status for account in first.accounts] == ["completed", "skipped"]
    assert "the budget of $0.06 for this month is taken" in (pick(first, "bob").reason or "")
    assert pick(first, "alice").counts["fetched"] == 10
    # Side by side, whoever asks first would be served.
    wider = tiny_config(fetch={"month_budget_usd": 0.12}, refresh={"parallel": 1})
    second = run_to("fetch", from_x("alice", wider), from_x("bob", wider))
    assert [account.handle for account in second.accounts] == ["alice", "bob"]
    assert [account.status for account in second.accounts] == ["skipped", "completed"]
    assert Ledger(home.ledger, "any").month().usd <= 0.12


def test_accounts_fetched_together_stay_within_the_budget_of_the_run(simulator: Simulator) -> None:
    shared = tiny_config(fetch={"run_budget_usd": 0.2})
    outcome = run_to("fetch", from_x("alice", shared), from_x("bob", shared))
    assert sum(account.counts.get("fetched", 0) for account in outcome.accounts) == 36
    assert outcome.api.usd == 0.2
