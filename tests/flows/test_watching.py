"""What is seen of a run in Prefect: tags, progress, a table of all accounts, an event for automations, its end."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterName
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.refresh import refresh
from flows.watching import COMPLETED_EVENT, FAILED_EVENT, PROGRESS, TABLE, only_shown
from hugtweets.errors import AccountsFailed
from hugtweets.evaluation.promotion import Standing
from hugtweets.jobs.outcomes import AccountOutcome, SampleOutcome, StepOutcome
from tasks.events import tell
from tests.fixtures.flows import await_event, outcome_of, request, rows, tiny_config, write_timeline


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
    away = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(away), only_shown("the table"), get_client(sync_client=True) as client:
        client.read_flow_runs()
    assert "the Prefect server does not take the table" in caplog.text


def test_an_event_that_cannot_be_sent_ends_no_run(prefect_server: str, caplog: pytest.LogCaptureFixture) -> None:
    tell("hugtweets.test", "hugtweets.account.alice", "alice", {"handles": "x" * 2_000_000})
    assert "the event hugtweets.test of alice is not sent" in caplog.text
