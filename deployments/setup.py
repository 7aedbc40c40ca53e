"""What the service needs of a Prefect server, and the alerts that it can have: automations, and secrets.

hugtweets setup --alerts slack-webhook/nights

Nothing else makes them: an automation acts on the runs of a server that others may use too. No concurrency limit is
among it: the deployments bring their own, and a device is kept to one process at a time by
:mod:`hugtweets.devices.queue`, so that nothing runs unlimited because somebody forgot to set something up.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from flows.credentials import BLOCKS
from hugtweets.errors import ConfigurationError

AUTOMATIONS = Path(__file__).parent / "automations"
# Those that find killed runs and start them again; they need nothing of a person.
NEEDED = ("crashed", "restart", "pending")
# Those that tell somebody, by a notification block which only a person can make.
ALERTS = ("alerts/failed", "alerts/crashed", "alerts/late", "alerts/idle")
NO_BLOCK = str(UUID(int=0))


@dataclass(frozen=True)
class Provision:
    """One thing of the server: ``there`` before, ``created`` just now, or ``missing``; people read ``detail``."""

    subject: str
    state: Literal["there", "created", "missing"]
    detail: str


def provide(create: bool, alerts: str | None = None) -> list[Provision]:
    """All that the service can have of the server; see :func:`provide_automations`."""
    return [*provide_automations(create, alerts), *find_secrets()]


def provide_automations(create: bool, alerts: str | None = None) -> list[Provision]:
    """Look for the automations, and with ``create`` make those that are lacking; what is there is never changed.

    The alerts are made only if ``alerts`` names a notification block, as ``slack-webhook/nights``.

    Raises:
        ConfigurationError: there is no such block.
    """
    with get_client(sync_client=True) as client:
        block = find_notifier(client, alerts) if alerts else None
        needed = [_automation(client, describe(name), create, "hugtweets setup") for name in NEEDED]
        told = [
            _automation(client, describe(name, block), create and bool(block), "hugtweets setup --alerts TYPE/NAME")
            for name in ALERTS
        ]
    return [*needed, *told]


def describe(name: str, block: UUID | None = None) -> AutomationCore:
    """An automation as its file has it, with the notification block that it is to use."""
    text = (AUTOMATIONS / f"{name}.yaml").read_text(encoding="utf-8")
    return AutomationCore.model_validate(yaml.safe_load(text.replace(NO_BLOCK, str(block or NO_BLOCK))))


def find_notifier(client: SyncPrefectClient, slug: str) -> UUID:
    """The id of the block that ``type/name`` names.

    Raises:
        ConfigurationError: there is none, or it notifies nobody.
    """
    kind, _, name = slug.partition("/")
    try:
        found = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise ConfigurationError(
            f"there is no block {slug}: make one in the Prefect UI under Blocks, and name it as `prefect block ls` does"
        ) from None
    if found.block_schema is None or "notify" not in found.block_schema.capabilities:
        raise ConfigurationError(f"the block {slug} notifies nobody: name one such as slack-webhook/nights")
    return found.id


def find_secrets() -> list[Provision]:
    """Which of the secrets are in this environment or in a block."""
    with get_client(sync_client=True) as client:
        return [_secret(client, *names) for names in BLOCKS.items()]


def _automation(client: SyncPrefectClient, wanted: AutomationCore, create: bool, command: str) -> Provision:
    subject, does = f"automation {wanted.name}", wanted.description
    found = client.read_automations_by_name(wanted.name)
    if found and found[0].trigger.model_dump(exclude={"id"}) != wanted.trigger.model_dump(exclude={"id"}):
        return Provision(subject, "there", f"not as this version has it: delete it and run `{command}`. {does}")
    if found:
        switched_off = " It is switched off in the Prefect UI." if not found[0].enabled else ""
        return Provision(subject, "there", f"{does}{switched_off}")
    if not create:
        return Provision(subject, "missing", f"create it with `{command}`. {does}")
    client.create_automation(wanted)
    return Provision(subject, "created", str(does))


def _secret(client: SyncPrefectClient, variable: str, block: str) -> Provision:
    subject = f"secret {block}"
    if os.environ.get(variable):
        return Provision(subject, "there", f"not looked for: {variable} is set here, and wins")
    try:
        client.read_block_document_by_name(block, "secret", include_secrets=False)
    except ObjectNotFound:
        return Provision(
            subject,
            "missing",
            f"set {variable} where the runs are, or create a Secret block named {block} in the Prefect UI under Blocks",
        )
    return Provision(subject, "there", f"runs read {variable} from it")
