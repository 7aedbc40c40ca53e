"""What is seen of a run in Prefect: tags, progress, a table of all accounts, an event for automations, its end."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import State, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterName
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.refresh import refresh
from flows.runs import finish, open_home
from flows.watching import COMPLETED_EVENT, FAILED_EVENT, PROGRESS, TABLE, only_shown, show_outcome, show_progress
from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.errors import AccountsFailed
from hugtweets.evaluation.promotion import Standing
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome, SampleOutcome, StepOutcome
from hugtweets.storage.artifacts import Plan, create
from hugtweets.storage.home import Home
from tasks.events import tell
from tests.fixtures.flows import await_event, outcome_of, request, rows, tiny_config, write_timeline

# A port that nobody listens on.
AWAY = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}


@pytest.fixture
def two_accounts(tmp_path: Path) -> list[Any]:
    """One whose posts are there, and one whose are not."""
    config = tiny_config()
    there = request("alice", write_timeline(tmp_path / "alice.jsonl", rows(20)), config)
    return [there, request("bob", tmp_path / "nowhere.jsonl", config)]


def test_a_run_shows_its_progress_its_accounts_and_its_tags(prefect_server: str, two_accounts: list[Any]) -> None:
    run = outcome_of(refresh(two_accounts, "clean", return_state=True)).flow_run
    progress, table = artifact(PROGRESS, run), artifact(TABLE, run)
    assert (progress.data, progress.description) == (100.0, "2 of 2 accounts")
    assert '"new posts": 20' in str(table.data)
    assert "1 completed, 1 failed" in str(table.description)
    assert tags_of(run) == {"hugtweets", "alice", "bob"}


def test_a_run_of_many_is_not_tagged_with_all_of_them(prefect_server: str, tmp_path: Path) -> None:
    many = [request(f"account_{number}", tmp_path / "nowhere.jsonl", tiny_config()) for number in range(11)]
    assert tags_of(outcome_of(refresh(many, "fetch", return_state=True)).flow_run) == {"hugtweets"}


def test_an_automation_is_told_who_failed(prefect_server: str, two_accounts: list[Any]) -> None:
    failed = outcome_of(refresh(two_accounts, "clean", return_state=True)).flow_run
    well = outcome_of(refresh(two_accounts[:1], "clean", return_state=True)).flow_run
    told, told_too = event(FAILED_EVENT, failed), event(COMPLETED_EVENT, well)
    assert (told["accounts"], told["failed"], told["handles"]) == (2, 1, ["bob"])
    assert (told_too["accounts"], told_too["failed"], told_too["handles"]) == (1, 0, [])


def test_the_final_state_names_the_accounts_and_holds_the_outcome(prefect_server: str, two_accounts: list[Any]) -> None:
    state = refresh(two_accounts, "clean", return_state=True)
    assert state.is_failed()
    with pytest.raises(AccountsFailed, match="1/2 accounts failed: bob") as raised:
        state.result()
    # As pickle would when the error crosses to another process.
    copied = copy.copy(raised.value)
    assert (str(copied), copied.outcome) == (str(raised.value), outcome_of(state))


def test_a_row_tells_what_an_account_cost_took_and_gained() -> None:
    account = AccountOutcome(
        handle="alice",
        reason="stopped at the budget",
        counts={"new": 12, "kept": 340},
        metrics={"base_bits_per_byte": 1.8281, "bits_per_byte": 1.4239},
        promotion=Standing(model="a1", promoted=True, current="a1", reason="promoted: it beats its base"),
        steps={"fetch": step(2.34, cached=False), "clean": step(0.2, cached=True), "finetune": step(61, cached=False)},
        samples=[
            SampleOutcome(prompt="I", text="I am", log_prob=-9),
            SampleOutcome(prompt="I", text="I see", log_prob=-5),
        ],
    )
    assert account.row(0.0649) == {
        "handle": "alice",
        "status": "completed",
        "reason": "stopped at the budget",
        "new posts": 12,
        "kept posts": 340,
        "spent": "$0.06",
        "bits per byte (base → tuned)": "1.828 → 1.424",
        "model": "promoted: it beats its base",
        "seconds": "fetch 2.3, finetune 61.0",
        "generated post": "I see",
    }


def test_a_row_of_an_account_that_failed_at_once_is_empty_but_for_the_reason() -> None:
    row = AccountOutcome(handle="bob", status="failed", reason="gone").row(0)
    assert {name: value for name, value in row.items() if value} == {
        "handle": "bob",
        "status": "failed",
        "reason": "gone",
        "spent": "$0.00",
    }


def sample(text: str, log_prob: float) -> SampleOutcome:
    return SampleOutcome(prompt="I", text=text, log_prob=log_prob)


def step(seconds: float, cached: bool) -> StepOutcome:
    return StepOutcome(path="/a", digest="d", cached=cached, seconds=seconds)


def named(run: str) -> FlowRunFilter:
    return FlowRunFilter(name=FlowRunFilterName(any_=[run]))


def artifact(key: str, run: str) -> Any:
    with get_client(sync_client=True) as client:
        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        (found,) = client.read_artifacts(artifact_filter=wanted, flow_run_filter=named(run))
    return found


def tags_of(run: str) -> set[str]:
    with get_client(sync_client=True) as client:
        (found,) = client.read_flow_runs(flow_run_filter=named(run))
    return set(found.tags)


def event(name: str, run: str) -> dict[str, Any]:
    """The payload of an event of a run."""
    return dict(await_event(name, lambda found: found["payload"]["run"] == run)["payload"])


def test_a_server_that_is_away_ends_no_run(caplog: pytest.LogCaptureFixture) -> None:
    with temporary_settings(AWAY), only_shown("the table"), get_client(sync_client=True) as client:
        client.read_flow_runs()
    assert "the table could not be shown" in caplog.text


def test_a_comparison_that_cannot_be_made_ends_no_run(
    prefect_server: str, home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tiny_config(train={"base_model": str(tmp_path / "gone")}, evaluate={"generated": 10})
    job = Job(home, request("alice", tmp_path / "posts.jsonl", config), "night")
    generated = create(home, Plan("sample", 1, "alice"), lambda folder: {})
    outcome = AccountOutcome(handle="alice")
    for name in ("sample", "evaluate"):
        outcome.note(name, generated, cached=False, seconds=1.0)

    @flow
    def ends() -> State[Any]:
        return finish([job], [outcome])

    state: Any = ends(return_state=True)
    assert state.is_completed()
    assert "whose the posts are taken for could not be shown (BaseModelError" in caplog.text


def test_a_run_whose_server_is_gone_at_its_end_leaves_no_table(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    outcome = RunOutcome.of("night", [AccountOutcome(handle="alice")], Usage())
    with temporary_settings(AWAY):
        show_outcome(outcome, Ledger(home.ledger, "night"))
    assert "the table of accounts could not be shown" in caplog.text


def test_accounts_go_on_while_the_server_that_shows_their_progress_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def accounts() -> Iterator[int]:
        for number in range(3):
            done.append(number)
            yield number

    with temporary_settings(AWAY):
        show_progress(accounts(), 3)
    assert done == [0, 1, 2]
    assert "the progress could not be shown" in caplog.text


def test_an_event_that_cannot_be_sent_ends_no_run(prefect_server: str, caplog: pytest.LogCaptureFixture) -> None:
    tell("hugtweets.test", "hugtweets.account.alice", "alice", {"handles": "x" * 2_000_000})
    assert "the event hugtweets.test of alice is not sent" in caplog.text


def test_what_is_announced_reaches_the_log_of_a_run_without_a_terminal(
    prefect_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = logging.getLogger("hugtweets")
    monkeypatch.setattr(ours, "level", logging.NOTSET)
    open_home()
    assert ours.level == logging.INFO
