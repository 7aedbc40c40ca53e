"""The alerts of ``hugtweets setup --alerts``: made only if asked for, as their files say, and delivered."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Failed

from deployments.setup import ALERTS, describe, provide_automations
from flows.nightly import nightly
from hugtweets.cli.app import main
from hugtweets.cli.doctor import Finding, check_service
from hugtweets.errors import ConfigurationError
from tasks.events import FETCHED

# Of the library by which Prefect notifies.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[2]
NAMES = [describe(name).name for name in ALERTS]


@pytest.fixture(autouse=True)
def without_alerts(prefect_server: str) -> Iterator[None]:
    """A server without alerts, before and after."""
    delete_alerts()
    yield
    delete_alerts()


@pytest.fixture
def told() -> Iterator[Queue[dict[str, Any]]]:
    """What reaches the notification block ``slack-webhook/nights``, on this machine."""
    received: Queue[dict[str, Any]] = Queue()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        SlackWebhook(url=f"json://127.0.0.1:{server.server_port}").save("nights", overwrite=True)
        yield received
        server.shutdown()


def delete_alerts() -> None:
    with get_client(sync_client=True) as client:
        for name in NAMES:
            for found in client.read_automations_by_name(name):
                client.delete_automation(found.id)


def states(alerts: str | None = None) -> list[str]:
    return [one.state for one in provide_automations(create=True, alerts=alerts) if "alert" in one.subject]


def test_alerts_are_made_when_asked_for_and_as_their_files_say(told: Queue[dict[str, Any]]) -> None:
    assert states() == ["missing"] * 4
    assert states("slack-webhook/nights") == ["created"] * 4
    assert states() == ["there"] * 4
    with get_client(sync_client=True) as client:
        block = client.read_block_document_by_name("nights", "slack-webhook").id
        for name in ALERTS:
            (found,) = client.read_automations_by_name(describe(name).name)
            assert found.actions == describe(name, block).actions


@pytest.mark.parametrize(
    ("slug", "says"), [("slack-webhook/nowhere", "there is no block"), ("secret/plain", "notifies nobody")]
)
def test_a_block_that_cannot_notify_is_refused(slug: str, says: str) -> None:
    Secret(value="s3cret").save("plain", overwrite=True)
    with pytest.raises(ConfigurationError, match=says):
        states(slug)
    assert states() == ["missing"] * 4


def test_a_run_that_failed_or_crashed_is_told_with_its_reason(told: Queue[dict[str, Any]]) -> None:
    states("slack-webhook/nights")
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(nightly, name="a-night", tags=["hugtweets"])
        other = client.create_flow_run(nightly, name="of-another-team")
        for identity in (other.id, run.id):
            client.set_flow_run_state(identity, Failed(message="1/2 accounts failed: bob"), force=True)
        failure = told.get(timeout=60)
        client.set_flow_run_state(run.id, Crashed(message="No heartbeat for three minutes."), force=True)
        # A busy server tells some news twice.
        crash = next(news for news in iter(lambda: told.get(timeout=60), None) if news != failure)
    assert failure["title"] == "hugtweets: a-night failed"
    assert failure["message"].strip() == "1/2 accounts failed: bob"
    assert crash["title"] == "hugtweets: a-night crashed"
    assert "No heartbeat for three minutes." in crash["message"]
    assert all(news in (failure, crash) for news in iter(lambda: None if told.empty() else told.get(), None))


def test_an_alert_of_failures_knows_every_flow_but_that_of_a_work_pool() -> None:
    related = describe("alerts/failed").trigger.model_dump()["match_related"]
    (names,) = [found["prefect.resource.name"] for found in related if "prefect.resource.name" in found]
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "flows").glob("*.py")]
    flows = {name for text in texts for name in re.findall(r'@flow\(\s*name="([\w-]+)"', text)}
    assert set(names) == flows - {"learn"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_nothing_of_a_block_until_it_is_given_one(name: str) -> None:
    (action,) = describe(name).model_dump()["actions"]
    assert action["block_document_id"] == UUID(int=0)


def test_doctor_says_which_are_there(told: Queue[dict[str, Any]]) -> None:
    assert [found.verdict for found in alerts_of_doctor()] == ["optional"] * 4
    states("slack-webhook/nights")
    found = alerts_of_doctor()
    assert [(finding.verdict, finding.detail) for finding in found] == [("ok", "there")] * 4


def alerts_of_doctor() -> list[Finding]:
    findings = check_service([Finding("Prefect", "ok", "configured")])
    return [finding for finding in findings if "alert" in finding.subject]


def test_the_command_makes_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, told: Queue[dict[str, Any]]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hugtweets", "setup", "--alerts", "slack-webhook/nights"])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ended.value.code == 0
    assert [line[0] for line in lines if line[2].strip(":") in NAMES] == ["created"] * 4


def test_two_days_count_from_the_last_account_that_was_fetched() -> None:
    trigger = describe("alerts/idle").trigger.model_dump()
    assert trigger["after"] == trigger["expect"] == {FETCHED}
    assert trigger["within"] == timedelta(hours=48)
