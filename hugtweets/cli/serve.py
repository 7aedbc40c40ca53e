"""``serve``: the nightly schedule and ad hoc runs, for a Prefect server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hugtweets.cli.settings import HomeOption, VerboseOption, begin
from hugtweets.jobs.accounts import read_accounts
from hugtweets.storage.home import VARIABLE


def serve(
    accounts: Annotated[
        Path, typer.Argument(help="The accounts file; it is read again at each run.", metavar="ACCOUNTS.yaml")
    ],
    cron: Annotated[str, typer.Option(help="When: minute, hour, day, month, weekday.", metavar="CRON")] = "0 3 * * *",
    timezone: Annotated[str, typer.Option(help="Where the clock of the schedule hangs.", metavar="ZONE")] = "UTC",
    verify_cron: Annotated[
        str | None,
        typer.Option(
            help="When to ask X again for stored posts too, so that deleted ones go; each costs. Never, if left out.",
            metavar="CRON",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Serve the nightly schedule and ad hoc runs to the Prefect server that PREFECT_API_URL names.

    A night that is still going makes the next one skip.
    For example: hugtweets serve accounts.yaml --timezone Europe/Paris
    """
    where = begin(home, verbose)
    # The runs are processes of their own.
    os.environ[VARIABLE] = str(where.root)
    listed = read_accounts(accounts)
    # Prefect takes seconds to import: not before the file has been found to make sense.
    from deployments.serve import check_server, next_run
    from deployments.serve import serve as serve_deployments
    from deployments.setup import provide

    first = next_run(cron, timezone)
    verifying = f", verified at {next_run(verify_cron, timezone):%Y-%m-%d %H:%M}" if verify_cron else ""
    server = check_server()
    for provision in provide(create=True):
        if provision.state == "created":
            typer.echo(f"created {provision.subject}: {provision.detail}", err=True)
    nights = f"{len(listed)} accounts, next at {first:%Y-%m-%d %H:%M} {timezone}{verifying}"
    typer.echo(
        f"serving nightly ({nights}), account and sample to {server}; stop with Ctrl-C",
        err=True,
    )
    serve_deployments(accounts, cron, timezone, verify_cron)
