"""Weights & Biases: one run for each artifact, rebuilt from its finished folder.

Nothing but the curves of a training is logged while a step works. Once its artifact is committed, :func:`track` writes
a run from the folder, with the artifact as output and the artifacts it was made of as inputs, and leaves
``tracking.json`` beside the files. So an outage of W&B loses nothing, and a crash between artifact and run is repaired
by the next run.

Online or offline, all that wandb writes lies in ``$HUGTWEETS_HOME/wandb``. What W&B does not take is kept there and
sent by the next run that gets through (:mod:`hugtweets.tracking.sending`); how often it is tried meanwhile says
:mod:`hugtweets.tracking.outage`.

This package is the only one that imports wandb, and it does so when first used.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home
from hugtweets.tracking.deleting import note_artifact, note_run
from hugtweets.tracking.lineage import MARKER
from hugtweets.tracking.live import take_live_run
from hugtweets.tracking.markers import read_marker, write_marker
from hugtweets.tracking.runs import (
    LONGEST_TAG,
    SUMMARISED,
    Content,
    Description,
    Overview,
    log,
    log_overview,
    log_summary,
)
from hugtweets.tracking.settings import AgentRun, check_mode, status, take_agent_run, wish
from hugtweets.tracking.writing import write_run

__all__ = [
    "LONGEST_TAG",
    "MARKER",
    "AgentRun",
    "Content",
    "Description",
    "Overview",
    "check_mode",
    "is_logged",
    "is_tracked",
    "read_marker",
    "remove_run",
    "status",
    "take_agent_run",
    "track",
    "track_overview",
    "track_trial",
]


def is_tracked(home: Home, reference: Reference, config: TrackingConfig) -> bool:
    """Whether there is nothing to log: the artifact has its run, online or offline, or tracking is disabled.

    Raises:
        StoreUnavailable: another machine may have logged it, and the store does not answer.
    """
    return wish(config) == "disabled" or is_logged(home, reference)


def is_logged(home: Home, reference: Reference) -> bool:
    """Whether the artifact has its run, online or offline.

    Raises:
        StoreUnavailable: another machine may have logged it, and the store does not answer.
    """
    marker = reference.file(MARKER)
    return marker.is_file() or (home.store is not None and home.store.has(home.key(marker)))


def track(home: Home, reference: Reference, content: Content, config: TrackingConfig, group: str) -> None:
    """Log a finished artifact as one W&B run, unless that was done; ``group`` is the name of the flow run.

    Trouble with W&B never raises. If the server cannot be reached or refuses, the run is kept to be sent later, and a
    warning says so; if not even that works, the next run of the same artifact tries again.

    Raises:
        StoreUnavailable: the other machines cannot be told that it was logged.
    """
    if is_tracked(home, reference, config):
        return
    marker = write_run(
        config,
        (reference.handle, f"the run of {reference.step}"),
        lambda mode: log(
            home, reference, content, config, group, mode, take_live_run(reference) if mode == "online" else None
        ),
        lambda marker: marker["folder"],
    )
    if marker is None:
        return
    write_marker(home, reference, marker)


def track_trial(
    home: Home, description: Description, summary: Mapping[str, float], config: TrackingConfig, group: str
) -> None:
    """Log what came of one trial of a sweep as one W&B run, so that its plots have a line for each.

    Trouble with W&B never raises, as in :func:`track`; what cannot be written is said, and stands in the sweep's table.
    """
    write_run(
        config, (description.name, "its run"), partial(log_summary, home, description, summary, config, group), str
    )


def track_overview(home: Home, overview: Overview, config: TrackingConfig, group: str) -> None:
    """Log what a whole flow run came to as one W&B run; trouble with W&B never raises, as in :func:`track`."""
    write_run(config, (group, "its summary"), partial(log_overview, home, overview, config, group), str)


def remove_run(home: Home, reference: Reference) -> None:
    """Remove the W&B run that this machine keeps of an artifact, and note that W&B is to delete it and the artifact."""
    note_artifact(home, reference)
    marker = read_marker(reference)
    if marker is None:
        return
    folder = Path(marker["folder"])
    # A home that was moved, or a marker from elsewhere, must not lead out of this one.
    if folder.is_dir() and folder.resolve().is_relative_to(home.wandb.resolve()):
        shutil.rmtree(folder)


def remove_summaries(home: Home, handle: str) -> None:
    """Remove the runs of whole flow runs that this machine keeps and that show the account, as :func:`remove_run`."""
    for summarised in list(home.wandb.glob(f"*run-*/{SUMMARISED}")):
        if handle in json.loads(summarised.read_text(encoding="utf-8")):
            note_run(home, summarised.parent)
            shutil.rmtree(summarised.parent)
