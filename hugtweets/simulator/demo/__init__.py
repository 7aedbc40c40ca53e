"""Three fictional accounts, written for this project, and the means to fetch them as if they were on X."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TIMELINES = Path(__file__).parent
HANDLES = ("fogbell_keeper", "GeneralBrioche", "vending_no_7")


@contextmanager
def demo_accounts() -> Iterator[tuple[str, ...]]:
    """Serve the bundled timelines by the X simulator while the block runs; this process then fetches from there."""
    # FastAPI takes a moment to import, and most commands never serve anything.
    from hugtweets.simulator.server import running

    with running(TIMELINES) as simulator, _environment({"X_API_URL": simulator.url, "X_BEARER_TOKEN": "demo"}):
        yield HANDLES


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
