"""What is written down of a run: in ``tracking.json`` of its artifact, and in its own folder once W&B has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict, cast
from urllib.parse import urlsplit

from hugtweets.storage.artifacts import Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.tracking.lineage import MARKER

# In the folder of a run that W&B has: where it is, and since when.
SENT = "hugtweets-sent.json"


class Marker(TypedDict):
    """``tracking.json`` of an artifact: which run tells of it. ``folder`` is what ``wandb sync`` wants.

    ``url`` is where W&B shows the run, if it has it; ``decided`` of a model, the time of the last decision on it that
    W&B knows.
    """

    run_id: str
    mode: str
    folder: str
    artifact: str
    artifact_type: str
    artifact_digest: str
    group: str
    time: str
    url: NotRequired[str | None]
    decided: NotRequired[str]


def read_marker(reference: Reference) -> Marker | None:
    """Which run tells of an artifact, as far as this machine knows; markers of earlier versions have no ``url``."""
    marker = reference.file(MARKER)
    return cast("Marker", json.loads(marker.read_text(encoding="utf-8"))) if marker.is_file() else None


def write_marker(home: Home, reference: Reference, marker: Marker) -> None:
    """Say on this machine, and to those that share its store, which run tells of an artifact.

    Raises:
        StoreUnavailable: the other machines cannot be told.
    """
    written = json.dumps(marker, indent=2) + "\n"
    if home.store:
        home.store.write(home.key(reference.file(MARKER)), written.encode())
    write_text(reference.file(MARKER), written)


def write_sent(folder: Path, url: str) -> None:
    """Write down in the folder of a run that W&B has it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_text(folder / SENT, json.dumps({"url": url, "time": now}) + "\n")


def project_of(url: str) -> tuple[str, str]:
    """Entity and project of a run, from its address."""
    entity, project = urlsplit(url).path.strip("/").split("/")[-4:-2]
    return entity, project
