"""What a terminal shows while a flow runs in this process."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from hugtweets.cli.output import progress_shown
from hugtweets.config import TrackingConfig


@contextmanager
def flow_shown(tracking: TrackingConfig, verbose: bool) -> Iterator[None]:
    """Import Prefect and show the progress of a flow; stdout stays free for its result.

    Raises:
        ConfigurationError: W&B cannot be reached as it is asked for.
    """
    from hugtweets.tracking import check_mode

    check_mode(tracking)
    with progress_shown(verbose), redirect_stdout(sys.stderr):
        logging.getLogger("hugtweets").info("starting Prefect")
        # Prefect takes seconds to import, and sets up its loggers then.
        import prefect.main  # noqa: F401

        if not verbose:
            quiet_console()
        yield


def quiet_console() -> None:
    """Silence Prefect's console handlers for the rest of the process; its records still reach the Prefect API."""
    from prefect.logging.handlers import PrefectConsoleHandler

    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("prefect", "hugtweets")]
    for name in ["", *names]:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.CRITICAL + 1)
