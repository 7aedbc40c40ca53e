"""What ``hugtweets setup`` creates on a Prefect server, and what it leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.settings.models.flows import FlowsSettings

from deployments.setup import ALERTS, AUTOMATIONS, NEEDED, find_secrets, provide
from hugtweets.cli.app import main
from hugtweets.cli.settings import PREFECT_ENVIRONMENT

NAME = "hugtweets-crashed"
NAMES = [f"hugtweets-{name}" for name in NEEDED]


@pytest.fixture(autouse=True)
def bare_server(prefect_server: str) -> Iterator[None]:
    """A server without our automation, before and after."""
    delete_automation()
    yield
    delete_automation()


def delete_automation() -> None:
    with get_client(sync_client=True) as client:
        for name in NAMES:
            for found in client.read_automations_by_name(name):
                client.delete_automation(found.id)


def automations() -> list[Any]:
    with get_client(sync_client=True) as client:
        return list(client.read_automations_by_name(NAME))


def states() -> dict[str, str]:
    return {found.subject: found.state for found in provide(create=True)}


def test_setup_creates_once_and_says_so() -> None:
    assert states()[f"automation {NAME}"] == "created"
    assert states()[f"automation {NAME}"] == "there"
    assert len(automations()) == 1


def test_what_a_person_changed_stays() -> None:
    provide(create=True)
    (found,) = automations()
    with get_client(sync_client=True) as client:
        client.request("PATCH", "/automations/{id}", path_params={"id": found.id}, json={"enabled": False})
    again = provide(create=True)[0]
    assert (again.state, "switched off" in again.detail) == ("there", True)
    assert [found.enabled for found in automations()] == [False]


def test_looking_creates_nothing() -> None:
    assert provide(create=False)[0].state == "missing"
    assert automations() == []


def test_a_secret_is_found_in_a_block_or_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "k3y")
    Secret(value="t0ken").save("x-bearer-token", overwrite=True)
    found = find_secrets()
    Secret.delete("x-bearer-token")
    assert [one.state for one in found] == ["there", "missing", "there", "missing"]
    assert not any(secret in one.detail for one in found for secret in ("k3y", "t0ken"))


def test_the_command_tells_each_thing_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, prefect_server: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["hugtweets", "setup"])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert [line.split()[0] for line in lines] == ["created"] * len(NEEDED) + ["missing"] * (len(ALERTS) + 4)


def test_a_run_is_believed_dead_only_after_several_heartbeats_were_lost() -> None:
    trigger = yaml.safe_load((AUTOMATIONS / "crashed.yaml").read_text(encoding="utf-8"))["trigger"]
    frequency = FlowsSettings(heartbeat_frequency=PREFECT_ENVIRONMENT["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
    assert frequency.heartbeat_frequency is not None
    assert trigger["within"] >= 6 * frequency.heartbeat_frequency


@pytest.mark.parametrize("name", NEEDED)
def test_only_runs_of_our_own_are_touched(name: str) -> None:
    trigger = yaml.safe_load((AUTOMATIONS / f"{name}.yaml").read_text(encoding="utf-8"))["trigger"]
    assert trigger["match_related"] == {
        "prefect.resource.id": "prefect.tag.hugtweets",
        "prefect.resource.role": "tag",
    }


def test_only_a_run_that_crashed_in_its_first_attempt_is_started_again() -> None:
    trigger = yaml.safe_load((AUTOMATIONS / "restart.yaml").read_text(encoding="utf-8"))["trigger"]
    assert (trigger["expect"], trigger["match"]["prefect.run-count"]) == (["prefect.flow-run.Crashed"], "1")


def test_an_automation_of_an_earlier_version_is_named_and_left_alone() -> None:
    described = yaml.safe_load((AUTOMATIONS / "crashed.yaml").read_text(encoding="utf-8"))
    del described["trigger"]["match_related"]
    with get_client(sync_client=True) as client:
        client.create_automation(AutomationCore.model_validate(described))
    found = provide(create=True)[0]
    assert (found.state, "delete it" in found.detail) == ("there", True)


@pytest.mark.parametrize("path", sorted(AUTOMATIONS.rglob("*.yaml")), ids=str)
def test_prefect_takes_the_automations_from_their_files(path: Path, prefect_server: str) -> None:
    described = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert AutomationCore.model_validate(described).name == described["name"]


def test_serve_creates_nothing_and_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text("accounts: [alice]")
    monkeypatch.setattr("prefect.serve", lambda *deployments, **options: None)
    monkeypatch.setattr(sys, "argv", ["hugtweets", "serve", str(accounts)])
    with pytest.raises(SystemExit):
        main()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines] == ["missing"] * (len(NEEDED) + len(ALERTS)) + ["serving", "the"]
    assert f"missing automation {NAME}: create it with `hugtweets setup`" in lines[0]
    assert automations() == []
