"""Serve the nightly schedule and the two ad hoc flows to a Prefect server.

hugtweets serve ACCOUNTS.yaml --cron "0 3 * * *" --timezone Europe/Paris
"""

from __future__ import annotations

import asyncio
import difflib
import warnings
from datetime import datetime
from pathlib import Path
from zoneinfo import available_timezones

import prefect
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from flows.ad_hoc import ad_hoc
from flows.forms import AD_HOC, SAMPLE, form_defaults
from flows.nightly import nightly
from flows.sample import sample
from flows.watching import TAG
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError

# One at a time: what is asked for waits its turn, also a verification at the minute of a night.
WAIT = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
# Flows are named by module: the runs find them wherever `serve` was started.
BY_MODULE = EntrypointType.MODULE_PATH


def next_run(cron: str, timezone: str) -> datetime:
    """When the schedule fires next.

    Raises:
        ConfigurationError: it never does, or cron or timezone cannot be read.
    """
    # The server's own schema, so that nothing is promised here that the server sees differently.
    from prefect.server.schemas.schedules import CronSchedule

    if timezone not in available_timezones():
        nearest = difflib.get_close_matches(timezone, available_timezones(), n=1)
        advice = f"did you mean {nearest[0]}?" if nearest else "write a name such as Europe/Paris"
        raise ConfigurationError(f"{timezone!r} is no timezone: {advice}")
    # A sixth field would be seconds: sixty nights a minute.
    if len(cron.split()) != 5:
        raise ConfigurationError(f"{cron!r} is no cron schedule: write five fields, such as '0 3 * * *' for 03:00")
    try:
        return asyncio.run(CronSchedule(cron=cron, timezone=timezone).get_dates(1))[0]
    except ValueError:  # unreadable fields, or a day that no calendar has
        raise ConfigurationError(f"{cron!r} is no cron schedule: write one such as '0 3 * * *' for 03:00") from None


def build(
    accounts: Path, cron: str, timezone: str, options: Config, verify_cron: str | None = None
) -> list[RunnerDeployment]:
    """The three deployments: ``nightly`` on its schedules, ``account`` and ``sample`` on request.

    On ``verify_cron`` the nightly run also asks X again for the posts that are stored. Being the same deployment, it
    never runs beside an ordinary night: the later one waits. The forms show ``options``, those in force in the home.
    """
    schedules = [Cron(cron, timezone=timezone, slug="nightly")]
    if verify_cron:
        schedules.append(Cron(verify_cron, timezone=timezone, parameters={"verify": True}, slug="verify"))
    return [
        RunnerDeployment.from_flow(
            nightly,
            "nightly",
            description="Every account of the accounts file, which is read at each run.",
            tags=[TAG],
            parameters={"accounts": str(accounts.absolute())},
            schedules=schedules,
            concurrency_limit=WAIT,
            entrypoint_type=BY_MODULE,
        ),
        RunnerDeployment.from_flow(
            ad_hoc,
            "account",
            description="One or more accounts, now.",
            tags=[TAG],
            parameters=form_defaults(AD_HOC, options),
            concurrency_limit=WAIT,
            entrypoint_type=BY_MODULE,
        ),
        RunnerDeployment.from_flow(
            sample,
            "sample",
            description="New posts in the voice of an account that was learned before.",
            tags=[TAG],
            parameters=form_defaults(SAMPLE, options),
            concurrency_limit=WAIT,
            entrypoint_type=BY_MODULE,
        ),
    ]


def serve(accounts: Path, cron: str, timezone: str, options: Config, verify_cron: str | None = None) -> None:
    """Serve until stopped. The schedule stays active meanwhile: a night missed by a restart is caught up."""
    deployments = build(accounts, cron, timezone, options, verify_cron)
    # Told to end, Prefect's runner also calls, from its own loop, what only another thread could wait for.
    warnings.filterwarnings("ignore", "coroutine 'Runner.astop' was never awaited", RuntimeWarning)
    prefect.serve(*deployments, pause_on_shutdown=False, print_starting_message=False)
