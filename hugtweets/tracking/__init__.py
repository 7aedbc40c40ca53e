"""Weights & Biases: one run for each artifact, rebuilt from its finished folder.

Nothing is logged while a step works. Once its artifact is committed, :func:`track` writes a run from the folder, with
the artifact as output and the artifacts it was made of as inputs, and leaves ``tracking.json`` beside the files. So an
outage of W&B loses nothing, and a crash between artifact and run is repaired by the next run.

Online or offline, all that wandb writes lies in ``$HUGTWEETS_HOME/wandb``. After the first online failure the process
stays offline: every account would otherwise wait for the same silent server. ``wandb sync`` sends what was kept.

This package is the only one that imports wandb, and it does so when first used.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.tracking.lineage import MARKER
from hugtweets.tracking.runs import (
    LONGEST_TAG,
    SUMMARISED,
    Content,
    Description,
    Marker,
    Overview,
    log,
    log_overview,
    log_summary,
    refusals,
    trouble,
)
from hugtweets.tracking.settings import AgentRun, Mode, check_mode, resolve, status, take_agent_run, wish

__all__ = [
    "LONGEST_TAG",
    "MARKER",
    "AgentRun",
    "Content",
    "Description",
    "Overview",
    "check_mode",
    "is_tracked",
    "read_marker",
    "remove_run",
    "status",
    "take_agent_run",
    "track",
    "track_overview",
    "track_trial",
]

Written = TypeVar("Written")

logger = logging.getLogger(__name__)

_online_failed = threading.Event()


def is_tracked(home: Home, reference: Reference, config: TrackingConfig) -> bool:
    """Whether there is nothing to log: the artifact has its run, online or offline, or tracking is disabled.

    Raises:
        StoreUnavailable: another machine may have logged it, and the store does not answer.
    """
    marker = reference.file(MARKER)
    if wish(config) == "disabled" or marker.is_file():
        return True
    return home.store is not None and home.store.has(home.key(marker))


def track(home: Home, reference: Reference, content: Content, config: TrackingConfig, group: str) -> None:
    """Log a finished artifact as one W&B run, unless that was done; ``group`` is the name of the flow run.

    Trouble with W&B never raises. If the server cannot be reached or refuses, the run is kept offline and a warning
    says how to send it; if not even that works, the next run of the same artifact tries again.

    Raises:
        StoreUnavailable: the other machines cannot be told that it was logged.
    """
    if is_tracked(home, reference, config):
        return
    marker = _write(
        config,
        (reference.handle, f"the run of {reference.step}"),
        lambda mode: log(home, reference, content, config, group, mode),
        lambda marker: marker["folder"],
    )
    if marker is None:
        return
    written = json.dumps(marker, indent=2) + "\n"
    if home.store:
        home.store.write(home.key(reference.file(MARKER)), written.encode())
    write_text(reference.file(MARKER), written)


def track_trial(
    home: Home, description: Description, summary: Mapping[str, float], config: TrackingConfig, group: str
) -> None:
    """Log what came of one trial of a sweep as one W&B run, so that its plots have a line for each.

    Trouble with W&B never raises, as in :func:`track`; what cannot be written is said, and stands in the sweep's table.
    """
    _write(config, (description.name, "its run"), partial(log_summary, home, description, summary, config, group), str)


def track_overview(home: Home, overview: Overview, config: TrackingConfig, group: str) -> None:
    """Log what a whole flow run came to as one W&B run; trouble with W&B never raises, as in :func:`track`."""
    _write(config, (group, "its summary"), partial(log_overview, home, overview, config, group), str)


def read_marker(reference: Reference) -> Marker | None:
    """Which run tells of an artifact, as far as this machine knows; markers of earlier versions have no ``url``."""
    marker = reference.file(MARKER)
    return cast("Marker", json.loads(marker.read_text(encoding="utf-8"))) if marker.is_file() else None


def remove_run(home: Home, reference: Reference) -> None:
    """Remove the W&B run that this machine keeps of an artifact; what was uploaded stays where it is."""
    marker = read_marker(reference)
    if marker is None:
        return
    folder = Path(marker["folder"])
    # A home that was moved, or a marker from elsewhere, must not lead out of this one.
    if folder.is_dir() and folder.resolve().is_relative_to(home.wandb.resolve()):
        shutil.rmtree(folder)


def remove_summaries(home: Home, handle: str) -> None:
    """Remove the runs of whole flow runs that this machine keeps and that show the account."""
    for summarised in list(home.wandb.glob(f"*run-*/{SUMMARISED}")):
        if handle in json.loads(summarised.read_text(encoding="utf-8")):
            shutil.rmtree(summarised.parent)


def _write(
    config: TrackingConfig, what: tuple[str, str], write: Callable[[Mode], Written], folder: Callable[[Written], str]
) -> Written | None:
    """Write a run online or offline; None if it is disabled or nothing works. ``what`` is a subject, and its run."""
    if wish(config) == "disabled":
        return None
    try:
        if resolve(config) != "online" or _online_failed.is_set():
            return write("offline")
        try:
            return write("online")
        except refusals() as error:
            _online_failed.set()
            # All of the run again, so that one folder holds it.
            written = write("offline")
            logger.warning(
                "%s: W&B did not take %s (%s), and this process stays offline: send what is kept with `wandb sync %s`",
                *what,
                _reason(error),
                folder(written),
            )
            return written
    except trouble() as error:
        logger.warning("%s: W&B cannot write %s (%s): run the same command again to log it", *what, _reason(error))
        return None


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(". ")[:200] if lines else type(error).__name__
