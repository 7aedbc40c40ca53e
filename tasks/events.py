"""What a run tells Prefect's automations: events, of an account or of the run itself."""

from __future__ import annotations

import logging
from typing import Any

from prefect.events import emit_event
from prefect.exceptions import EventTooLarge

# The source of an account answered, whether or not there was a new post.
FETCHED = "hugtweets.account.fetched"

logger = logging.getLogger("hugtweets.flows")


def tell(event: str, resource: str, name: str, payload: dict[str, Any]) -> None:
    """Send an event; one that cannot be sent is said in the log, and ends nothing."""
    try:
        # Whatever else goes wrong, Prefect itself only writes down.
        emit_event(event, {"prefect.resource.id": resource, "prefect.resource.name": name}, payload=payload)
    except EventTooLarge as error:
        logger.warning("the event %s of %s is not sent, and no automation hears of it (%s)", event, name, error)


def tell_fetched(handle: str, new: int) -> None:
    """The source of an account answered, with so many new posts."""
    tell(FETCHED, f"hugtweets.account.{handle}", handle, {"new": new})
