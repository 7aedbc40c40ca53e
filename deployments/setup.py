"""What the service needs of a Prefect server: automations that find killed runs and start them again, and secrets.

hugtweets setup

No concurrency limit is among it: the deployments bring their own, and a device is kept to one process at a time by
:mod:`hugtweets.devices.queue`, so that nothing runs unlimited because somebody forgot to set something up.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from flows.credentials import BLOCKS

AUTOMATIONS = Path(__file__).parent / "automations"
# Those that need nothing of a person; the others are examples.
NEEDED = ("crashed", "restart", "pending")


@dataclass(frozen=True)
class Provision:
    """One thing that is needed: ``there`` before, ``created`` just now, or ``missing``; people read ``detail``."""

    subject: str
    state: Literal["there", "created", "missing"]
    detail: str


def provide(create: bool) -> list[Provision]:
    """Look for what the service needs, and with ``create`` make what is lacking; what is there is never changed."""
    with get_client(sync_client=True) as client:
        automations = [_automation(client, name, create) for name in NEEDED]
        return [*automations, *(_secret(client, *names) for names in BLOCKS.items())]


def _automation(client: SyncPrefectClient, name: str, create: bool) -> Provision:
    described = yaml.safe_load((AUTOMATIONS / f"{name}.yaml").read_text(encoding="utf-8"))
    automation = AutomationCore.model_validate(described)
    subject, does = f"automation {automation.name}", automation.description
    found = client.read_automations_by_name(automation.name)
    if found and found[0].trigger.model_dump(exclude={"id"}) != automation.trigger.model_dump(exclude={"id"}):
        return Provision(subject, "there", f"not as this version has it: delete it and run `hugtweets setup`. {does}")
    if found:
        switched_off = " It is switched off in the Prefect UI." if not found[0].enabled else ""
        return Provision(subject, "there", f"{does}{switched_off}")
    if not create:
        return Provision(subject, "missing", f"create it with `hugtweets setup`. {does}")
    client.create_automation(automation)
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
