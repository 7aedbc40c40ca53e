"""What Prefect would write on the terminal during a run: nothing, but that its server cannot be reached."""

from __future__ import annotations

import logging
import time

REMIND_SECONDS = 60.0
# Of the threads that send events and logs: each one that cannot be sent is an error there, shown whole.
SENDERS = "prefect._internal.concurrency"

logger = logging.getLogger("hugtweets.cli")


class _Reminder(logging.Handler):
    """Makes one sentence of all that could not be sent within a minute."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._again_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if record.created < self._again_at:
            return
        self._again_at = time.time() + REMIND_SECONDS
        logger.warning(
            "the Prefect server does not take what it is sent: the run goes on, and what it shows there may have gaps"
        )


def quiet_prefect() -> None:
    """Silence Prefect's console handlers for the rest of the process; its records still reach the Prefect API."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("prefect", "hugtweets")]
    for name in ["", *names]:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and type(handler).__module__.startswith("prefect."):
                handler.setLevel(logging.CRITICAL + 1)
    # Else the thread that sends logs writes to stderr by itself, past all handlers, when it cannot.
    logging.raiseExceptions = False
    logging.getLogger(SENDERS).addHandler(_Reminder())
