"""Prefect's own lines on the terminal: shown with ``-v``, else only in its UI."""

from __future__ import annotations

import logging

from prefect.logging.handlers import PrefectConsoleHandler


def quiet_console() -> None:
    """Silence Prefect's console handlers for the rest of the process; its records still reach the Prefect API."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("prefect", "hugtweets")]
    for name in ["", *names]:
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.setLevel(logging.CRITICAL + 1)
