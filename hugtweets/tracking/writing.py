"""Writes a run online if W&B takes it now, and otherwise on this machine, marked to be sent later."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hugtweets.config import TrackingConfig
from hugtweets.storage.atomic import write_text
from hugtweets.tracking.internals import trouble
from hugtweets.tracking.lineage import Rejected
from hugtweets.tracking.outage import Outage
from hugtweets.tracking.settings import Mode, resolve, wish

# In the folder of a run that W&B should have had: why it does not. A run that was to stay here has none.
WAITING = "hugtweets-waiting.json"

# One server a process: where it is comes from the environment.
OUTAGE = Outage()

Written = TypeVar("Written")

logger = logging.getLogger("hugtweets.tracking")


def write_run(
    config: TrackingConfig, what: tuple[str, str], write: Callable[[Mode], Written], folder: Callable[[Written], str]
) -> Written | None:
    """Write a run online or offline; None if tracking is disabled or nothing works.

    Args:
        config: where runs go.
        what: a subject, and its run, for people.
        write: writes all of it, in the mode that it is told.
        folder: the folder of the run, from what ``write`` returns.
    """
    if wish(config) == "disabled":
        return None
    try:
        if resolve(config) != "online":
            return write("offline")
        if not OUTAGE.may_try():
            return _keep(write, folder, "W&B was away")
        try:
            written = write("online")
        except trouble() as error:
            seconds = OUTAGE.failed()
            pause = f"for {seconds / 60:g} min runs are kept on this machine, and sent by the next that gets through"
            _warn(what, error, f"{pause}, or by `hugtweets sync`")
            return _keep(write, folder, reason_of(error))
        except Rejected as error:
            _warn(what, error, "it is kept on this machine: `hugtweets sync` tries to send it again")
            return _keep(write, folder, reason_of(error))
    except trouble() as error:
        logger.warning("%s: W&B cannot write %s (%s): run the same command again to log it", *what, reason_of(error))
        return None
    if OUTAGE.passed():
        logger.info("W&B takes runs again")
    return written


def reason_of(error: Exception) -> str:
    """The first line of an error, not too long."""
    lines = str(error).splitlines()
    return lines[0].rstrip(". ")[:200] if lines else type(error).__name__


def _keep(write: Callable[[Mode], Written], folder: Callable[[Written], str], reason: str) -> Written:
    """All of the run again, so that one folder holds it."""
    written = write("offline")
    write_text(Path(folder(written)) / WAITING, json.dumps({"reason": reason}) + "\n")
    return written


def _warn(what: tuple[str, str], error: Exception, consequence: str) -> None:
    logger.warning("%s: W&B did not take %s (%s); %s", *what, reason_of(error), consequence)
