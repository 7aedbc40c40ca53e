"""``setup`` and ``serve``: the nightly schedule and ad hoc runs, on a Prefect server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hugtweets.cli.prefect_server import check_server
from hugtweets.jobs.accounts import AccountsFile
from hugtweets.jobs.home_options import follow, read_home_options
from hugtweets.storage.home import VARIABLE, Home


def serve(
    home: Home,
    accounts: Annotated[
        Path, typer.Argument(help="The accounts file; it is read again at each run.", metavar="ACCOUNTS.yaml")
    ],
    cron: Annotated[str, typer.Option(help="When: minute, hour, day, month, weekday.", metavar="CRON")] = "0 3 * * *",
    timezone: Annotated[str, typer.Option(help="The time zone of the schedule.", metavar="ZONE")] = "UTC",
    verify_cron: Annotated[
        str | None,
        typer.Option(
            help="When to ask X again for stored posts too, to find those deleted; each costs. Never, if left out.",
            metavar="CRON",
        ),
    ] = None,
) -> None:
    """Serve the nightly schedule and ad hoc runs to a Prefect server.

    The server is the one that PREFECT_API_URL names. A night waits while the one before is still going. What
    `hugtweets setup` would create and is not there is named.

    For example: hugtweets serve accounts.yaml --timezone Europe/Paris
    """
    # The runs are processes of their own.
    os.environ[VARIABLE] = str(home.root)
    file = AccountsFile(path=accounts.absolute())
    listed, _ = follow(home, file, remember=False)
    # Prefect takes seconds to import: not before the file has been found to make sense.
    from deployments.serve import next_run
    from deployments.serve import serve as serve_deployments
    from deployments.setup import provide_automations

    first = next_run(cron, timezone)
    verifying = f", verified at {next_run(verify_cron, timezone):%Y-%m-%d %H:%M}" if verify_cron else ""
    server = check_server()
    for provision in provide_automations(create=False):
        if provision.state == "missing":
            typer.echo(f"missing {provision.subject}: {provision.detail}", err=True)
    nights = f"{len(listed)} accounts, next at {first:%Y-%m-%d %H:%M} {timezone}{verifying}"
    typer.echo(f"serving nightly ({nights}), account and sample to {server}; stop with Ctrl-C", err=True)
    _, notice = follow(home, file)
    typer.echo(notice, err=True)
    serve_deployments(accounts, cron, timezone, read_home_options(home).config(), verify_cron)


def setup(
    alerts: Annotated[
        str | None,
        typer.Option(
            help="Also create the alerts, which notify by this Prefect block, such as slack-webhook/nights.",
            metavar="TYPE/NAME",
        ),
    ] = None,
) -> None:
    """Create the automations that the service needs.

    The server is the one that PREFECT_API_URL names. What is there already is left as it is, so it can be run at any
    time; it also says what a person must do.

    For example: hugtweets setup
    """
    # Prefect takes seconds to import.
    from deployments.setup import provide

    typer.echo(f"Prefect server at {check_server()}", err=True)
    for provision in provide(create=True, alerts=alerts):
        typer.echo(f"{provision.state:8} {provision.subject}: {provision.detail}")
